//! From text to token numbers: the model's own tokenizer, cut at the model's window and never filled up.

use std::path::Path;

use atocore_model::digest::Digest;
use tokenizers::Tokenizer;

use crate::{
    error::{EmbedError, ModelError},
    files,
};

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
    window: usize,
}

/// How much text is split at a time. The tokenizer needs some fifty bytes of memory per byte of text.
const PIECE_BYTES: usize = 64 << 10;

impl Splitter {
    /// Reads `tokenizer.json` and returns it with the digest of its bytes.
    ///
    /// # Errors
    /// When the file is missing or not valid, or has as many special tokens as the window.
    pub(crate) fn read(path: &Path, window: usize) -> Result<(Self, Digest), ModelError> {
        let bytes = files::read(path)?;
        let invalid = |source| ModelError::Invalid { path: path.to_owned(), source };
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(invalid)?;
        // The file of all-MiniLM-L6-v2 asks for 128 tokens, cut and filled up: half of what the model was made for.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(invalid)?;
        let sample = tokenizer.encode_fast("a", true).map_err(invalid)?;
        let special = |mask: &&u32| **mask == 1;
        let (ids, mask) = (sample.get_ids(), sample.get_special_tokens_mask());
        let before = ids[..mask.iter().take_while(special).count()].to_vec();
        let after = ids[ids.len() - mask.iter().rev().take_while(special).count()..].to_vec();
        if before.len() + after.len() >= window {
            return Err(invalid(format!("its special tokens fill the window of {window}").into()));
        }
        let digest = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
        Ok((Self { tokenizer, before, after, window }, digest))
    }

    /// How many tokens the tokenizer knows.
    pub(crate) fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(false)
    }

    /// The tokens of a text, at most as many as the window holds.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn split(&self, text: &str) -> Result<Sequence, EmbedError> {
        let room = self.window - self.before.len() - self.after.len();
        let mut tokens = self.before.clone();
        let mut cut = false;
        for piece in pieces(text) {
            let encoding = self.encode(piece)?;
            let left = room + self.before.len() - tokens.len();
            let ids = encoding.get_ids();
            tokens.extend_from_slice(&ids[..ids.len().min(left)]);
            if ids.len() > left {
                cut = true;
                break;
            }
        }
        tokens.extend_from_slice(&self.after);
        Ok(Sequence { tokens, cut })
    }

    /// How many tokens the whole text has, special ones included, whatever the window.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn count(&self, text: &str) -> Result<usize, EmbedError> {
        pieces(text).try_fold(self.before.len() + self.after.len(), |sum, piece| {
            Ok(sum + self.encode(piece)?.get_ids().len())
        })
    }

    fn encode(&self, text: &str) -> Result<tokenizers::Encoding, EmbedError> {
        self.tokenizer
            .encode_fast(text, false)
            .map_err(|source| EmbedError::Tokenize { bytes: text.len(), source })
    }
}

/// Cuts a text before whitespace into pieces of bounded length, so that a document on one line needs no more memory
/// than a page. Words are split one by one, so the tokens are those of the whole text; only a "word" longer than a
/// piece is cut.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if text.len() <= PIECE_BYTES {
            return Some(text);
        }
        let head = &text[..text.floor_char_boundary(PIECE_BYTES)];
        let word = head.rfind(char::is_whitespace).map_or(0, |space| head[..space].trim_end().len());
        let (piece, after) = text.split_at(if word > 0 { word } else { head.len() });
        rest = Some(after);
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded_keep_every_byte_and_end_between_words() {
        for text in ["", "short", &"word ".repeat(40_000), &"é".repeat(100_000), &" ".repeat(200_000)] {
            let pieces: Vec<_> = pieces(text).collect();
            assert_eq!(pieces.concat(), text);
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
        }
        assert!(pieces(&"word ".repeat(40_000)).skip(1).all(|piece| piece.starts_with(" word")));
    }
}
