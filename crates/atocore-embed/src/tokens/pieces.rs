//! Cuts a text of any length into pieces that can be split into tokens one by one.

/// How much text is given to the tokenizer at a time. It needs some fifty bytes of memory per byte of text, and the
/// tokens of any window come from far less.
pub(super) const PIECE_BYTES: usize = 16 << 10;

/// How many pieces of one text are looked at. A text whose first mebibyte does not fill the window consists of words
/// of kilobytes, or of characters that the tokenizer throws away; it is embedded by what was found until there.
pub(super) const MOST_PIECES: usize = 64;

/// What becomes of the rest of a word that is longer than a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlong {
    /// It is passed over.
    Skip,
    /// It is the next piece.
    Cut,
}

/// Cuts a text into pieces of bounded length, so that the beginning of a document on one line needs no more time and
/// memory than a page.
///
/// A piece ends before whitespace. Every tokenizer in use splits there first, so the tokens of the pieces are those of
/// the whole text. Before a blank rather than before other whitespace where there is a choice, because a few
/// tokenizers keep a line break inside a word. Two things can not be cut like that:
///
/// - A word longer than a piece: base64, a script without spaces. Its first piece has far more tokens than the window,
///   or the word is a single unknown token. Either way its rest changes nothing, and with [`Overlong::Skip`] it is
///   passed over.
/// - Whitespace longer than half a piece: only its end is kept, which belongs to the next word.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    rest: &'a str,
    bytes: usize,
    overlong: Overlong,
    skipped: bool,
}

impl<'a> Pieces<'a> {
    /// Cuts `text` into pieces of at most `bytes`, which is 8 or more.
    pub(super) fn of(text: &'a str, bytes: usize, overlong: Overlong) -> Self {
        Self { rest: text, bytes, overlong, skipped: false }
    }

    /// What has not been cut yet.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Whether something other than whitespace was passed over.
    pub(super) fn passed_over(&self) -> bool {
        self.skipped
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut space = self.rest.len() - self.rest.trim_start().len();
        let most = self.bytes / 2;
        if space > most {
            let dropped = self.rest.ceil_char_boundary(space - most);
            self.rest = &self.rest[dropped..];
            space -= dropped;
        }
        if self.rest.len() <= self.bytes {
            return Some(std::mem::take(&mut self.rest)).filter(|piece| !piece.is_empty());
        }
        let head = &self.rest[..self.rest.floor_char_boundary(self.bytes)];
        if let Some(end) = last_gap(head, space) {
            let (piece, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(piece);
        }
        let (piece, mut rest) = self.rest.split_at(head.len());
        if self.overlong == Overlong::Skip {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            self.skipped |= end > 0;
            rest = &rest[end..];
        }
        self.rest = rest;
        Some(piece)
    }
}

/// Where the last whitespace begins that is not the first `space` bytes: the last that begins with a blank, else the
/// last of any kind.
fn last_gap(head: &str, space: usize) -> Option<usize> {
    let (mut before, mut any) = (head, None);
    while let Some(last) = before.rfind(char::is_whitespace) {
        let start = before[..last].trim_end().len();
        if start <= space {
            break;
        }
        if head[start..].starts_with(' ') {
            return Some(start);
        }
        any = any.or(Some(start));
        before = &before[..start];
    }
    any
}
