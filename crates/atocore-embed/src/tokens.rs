//! From text to token numbers: the model's own tokenizer, cut at the model's window and never filled up.

mod pieces;
mod words;

use std::path::Path;

use atocore_model::digest::Digest;
use tokenizers::{
    NormalizerWrapper, PreTokenizerWrapper, Tokenizer,
    normalizers::{self, Lowercase},
};

use crate::{
    error::{EmbedError, ModelError},
    files,
};
use pieces::{MOST_PIECES, Overlong, PIECE_BYTES, Pieces};
use words::{Gaps, WordCounts};

/// The tokens of one text.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Their numbers, with the special ones around them.
    pub(crate) tokens: Vec<u32>,
    /// Whether the text went on behind them.
    pub(crate) cut: bool,
}

/// A model's tokenizer and window.
#[derive(Debug)]
pub(crate) struct Splitter {
    tokenizer: Tokenizer,
    /// The special tokens before and after every text.
    before: Vec<u32>,
    after: Vec<u32>,
    /// What stands for everything that the vocabulary has no token for.
    unknown: Option<u32>,
    window: usize,
    counts: WordCounts,
}

/// How tokenizers write the token for what they do not know.
const UNKNOWN: [&str; 4] = ["[UNK]", "<unk>", "<UNK>", "[unk]"];

impl Splitter {
    /// Reads `tokenizer.json` and returns it with the digest of its bytes.
    ///
    /// # Errors
    /// When the file is missing or not valid, or has as many special tokens as the window.
    pub(crate) fn read(path: &Path, window: usize, lower_case: bool) -> Result<(Self, Digest), ModelError> {
        let bytes = files::read(path)?;
        let invalid = |source| ModelError::Invalid { path: path.to_owned(), source };
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(invalid)?;
        // The file of all-MiniLM-L6-v2 asks for 128 tokens, cut and filled up: half of what the model was made for.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(invalid)?;
        if lower_case {
            let own = tokenizer.get_normalizer().cloned();
            let both = std::iter::once(NormalizerWrapper::Lowercase(Lowercase)).chain(own).collect();
            tokenizer.with_normalizer(Some(normalizers::Sequence::new(both))).map_err(invalid)?;
        }
        let sample = tokenizer.encode_fast("a", true).map_err(invalid)?;
        let special = |mask: &&u32| **mask == 1;
        let (ids, mask) = (sample.get_ids(), sample.get_special_tokens_mask());
        let before = ids[..mask.iter().take_while(special).count()].to_vec();
        let after = ids[ids.len() - mask.iter().rev().take_while(special).count()..].to_vec();
        if before.len() + after.len() >= window {
            return Err(invalid(format!("its special tokens fill the window of {window}").into()));
        }
        let digest = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
        let unknown = UNKNOWN.into_iter().find_map(|token| tokenizer.token_to_id(token));
        let counts = WordCounts::new(gaps(&tokenizer));
        Ok((Self { tokenizer, before, after, unknown, window, counts }, digest))
    }

    /// How many tokens the tokenizer knows.
    pub(crate) fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(false)
    }

    /// The tokens of a text, at most as many as the window holds. Takes no longer for a text of any length than for
    /// one of [`MOST_PIECES`] pieces; see there and at [`Pieces`] for what is not looked at.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn split(&self, text: &str) -> Result<Sequence, EmbedError> {
        self.split_by(text, PIECE_BYTES)
    }

    fn split_by(&self, text: &str, piece_bytes: usize) -> Result<Sequence, EmbedError> {
        let room = self.window - self.after.len();
        let mut tokens = self.before.clone();
        let mut pieces = Pieces::of(text, piece_bytes, Overlong::Skip);
        let mut cut = false;
        for piece in pieces.by_ref().take(MOST_PIECES) {
            let encoding = self.encode(piece)?;
            let ids = encoding.get_ids();
            let left = room - tokens.len();
            tokens.extend_from_slice(&ids[..ids.len().min(left)]);
            if ids.len() > left {
                cut = true;
                break;
            }
        }
        let cut = cut || pieces.passed_over() || !pieces.rest().is_empty();
        tokens.extend_from_slice(&self.after);
        Ok(Sequence { tokens, cut })
    }

    /// Whether nothing of a text reaches the model.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn is_blank(&self, text: &str) -> Result<bool, EmbedError> {
        Ok(self.has_nothing(text, &self.split(text)?))
    }

    /// The same of a text that was split already.
    pub(crate) fn has_nothing(&self, text: &str, split: &Sequence) -> bool {
        split.tokens.len() == self.before.len() + self.after.len()
            || text.chars().all(|c| c.is_whitespace() || c.is_control())
    }

    /// Whether most of a text is made of words that the vocabulary has no token for.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn is_foreign(&self, text: &str) -> Result<bool, EmbedError> {
        Ok(self.is_mostly_unknown(&self.split(text)?))
    }

    /// The same of a text that was split already.
    pub(crate) fn is_mostly_unknown(&self, split: &Sequence) -> bool {
        let Some(unknown) = self.unknown else { return false };
        let own = split.tokens.len().saturating_sub(self.before.len() + self.after.len());
        split.tokens.iter().filter(|token| **token == unknown).count() * 2 > own
    }

    /// How many tokens the whole text has, special ones included, whatever the window; too many by some where a word
    /// longer than [`PIECE_BYTES`] is cut.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn count(&self, text: &str) -> Result<usize, EmbedError> {
        Pieces::of(text, PIECE_BYTES, Overlong::Cut).try_fold(
            self.before.len() + self.after.len(),
            |sum, piece| {
                let word = |word: &str| Ok::<_, EmbedError>(self.encode(word)?.get_ids().len());
                Ok(sum + self.counts.sum(piece, word)?)
            },
        )
    }

    fn encode(&self, text: &str) -> Result<tokenizers::Encoding, EmbedError> {
        self.tokenizer
            .encode_fast(text, false)
            .map_err(|source| EmbedError::Tokenize { bytes: text.len(), source })
    }
}

/// Where a tokenizer may be given a text in words.
fn gaps(tokenizer: &Tokenizer) -> Gaps {
    use PreTokenizerWrapper::{BertPreTokenizer, Whitespace, WhitespaceSplit};
    let apart = matches!(
        tokenizer.get_pre_tokenizer(),
        Some(BertPreTokenizer(_) | Whitespace(_) | WhitespaceSplit(_))
    );
    let added = tokenizer.get_added_tokens_decoder();
    let whole = added.values().all(|token| !token.content.contains(char::is_whitespace));
    if apart && whole { Gaps::Whitespace } else { Gaps::Blanks }
}

#[cfg(test)]
mod tests;
