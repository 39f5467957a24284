//! Packs the blocks of one section into chunks: small neighbours go together, what is too long is cut where it hurts least.
//!
//! Works on spans of the source text only and never changes a character of it.

use std::ops::Range;

/// How long a chunk may be, and how much of a cut passage is said again in the next chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    max_chars: usize,
    overlap_chars: usize,
}

/// Why two numbers cannot be the limits of chunks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChunkLimits {
    /// The size is out of its range.
    #[error(
        "the chunk size is {max_chars} characters, {} to {} are allowed",
        ChunkLimits::LEAST,
        ChunkLimits::MOST
    )]
    Size {
        /// The size that was asked for.
        max_chars: usize,
    },
    /// The overlap is not less than half of the size, so that chunks would hardly move on.
    #[error(
        "the chunk overlap is {overlap_chars} characters, it must be less than half of the chunk size of {max_chars}"
    )]
    Overlap {
        /// The overlap that was asked for.
        overlap_chars: usize,
        /// The size that goes with it.
        max_chars: usize,
    },
}

impl ChunkLimits {
    /// The smallest chunk size, in characters.
    pub const LEAST: usize = 100;
    /// The largest chunk size, in characters.
    pub const MOST: usize = 20_000;

    /// Checks and takes the size of a chunk and the overlap, both in characters (Unicode scalar values).
    ///
    /// # Errors
    /// When the size is outside [`Self::LEAST`] to [`Self::MOST`], or the overlap is not less than half of it.
    pub const fn new(max_chars: usize, overlap_chars: usize) -> Result<Self, InvalidChunkLimits> {
        if max_chars < Self::LEAST || max_chars > Self::MOST {
            Err(InvalidChunkLimits::Size { max_chars })
        } else if overlap_chars >= max_chars / 2 {
            Err(InvalidChunkLimits::Overlap { overlap_chars, max_chars })
        } else {
            Ok(Self { max_chars, overlap_chars })
        }
    }

    /// The most characters a chunk may have.
    #[must_use]
    pub const fn max_chars(self) -> usize {
        self.max_chars
    }

    /// About how many characters are said again after a cut.
    #[must_use]
    pub const fn overlap_chars(self) -> usize {
        self.overlap_chars
    }
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { max_chars: 800, overlap_chars: 100 }
    }
}

/// Where a block that does not fit may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutAt {
    /// Prose: at the end of a sentence, else of a line, else at white space.
    Sentences,
    /// Code, tables, HTML: at the end of a line, else at white space.
    Lines,
}

/// A part of a section that stays whole when it fits. Its span has no blank line at either end and is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Bytes of the source text.
    pub(super) span: Range<usize>,
    /// Where it may be cut.
    pub(super) cut: CutAt,
}

impl Block {
    /// Takes the part of `span` without blank lines at its ends, or nothing when all of it is blank.
    pub(super) fn new(text: &str, span: Range<usize>, cut: CutAt) -> Option<Self> {
        let end = span.start + text[span.clone()].trim_end().len();
        (end > span.start).then(|| Self { span: visible_start(text, span.start)..end, cut })
    }
}

/// Gives the spans of the chunks of consecutive blocks, in order, each at most `max_chars` characters and none blank.
pub(super) fn pack(text: &str, blocks: &[Block], limits: ChunkLimits) -> Vec<Range<usize>> {
    let mut packer = Packer { text, limits, open: None, done: Vec::new() };
    for block in blocks {
        packer.add(block);
    }
    packer.close();
    packer.done
}

/// Indentation beyond this many bytes is left out at the start of a chunk, so that no chunk is white space only.
const MAX_INDENT: usize = 64;

/// The chunk that still takes in blocks.
struct OpenChunk {
    span: Range<usize>,
    chars: usize,
}

struct Packer<'a> {
    text: &'a str,
    limits: ChunkLimits,
    open: Option<OpenChunk>,
    done: Vec<Range<usize>>,
}

impl Packer<'_> {
    fn add(&mut self, block: &Block) {
        let max = self.limits.max_chars;
        let chars = count_chars(&self.text[block.span.clone()]);
        if let Some(open) = &mut self.open {
            let joined = open.chars + count_chars(&self.text[open.span.end..block.span.start]) + chars;
            if joined <= max {
                *open = OpenChunk { span: open.span.start..block.span.end, chars: joined };
                return;
            }
        }
        if chars <= max {
            self.close();
            self.open = Some(OpenChunk { span: block.span.clone(), chars });
            return;
        }
        // A short lead-in ("For example:") says little alone: it goes with the first piece of what it leads in.
        let mut start = block.span.start;
        match self.open.take_if(|open| open.chars <= max / 4) {
            Some(lead) => start = lead.span.start,
            None => self.close(),
        }
        self.split(start, block);
    }

    fn close(&mut self) {
        self.done.extend(self.open.take().map(|open| open.span));
    }

    /// Cuts what is too long; the last piece stays open for the blocks that follow.
    fn split(&mut self, mut start: usize, block: &Block) {
        let end = block.span.end;
        while let Some((length, _)) = self.text[start..end].char_indices().nth(self.limits.max_chars) {
            let cut = find_cut(&self.text[start..end], length, block.cut, self.limits);
            let cut_end = start + cut.offset;
            self.done.push(start..start + self.text[start..cut_end].trim_end().len());
            let fresh = cut_end + leading_space(&self.text[cut_end..end]);
            let floor = block.span.start.max(start);
            start = self.overlap_start(floor, cut_end, fresh, cut.lines).unwrap_or_else(|| {
                // Keeps the indentation of a line that begins here.
                visible_start(self.text, cut_end)
            });
        }
        self.open = Some(OpenChunk { span: start..end, chars: count_chars(&self.text[start..end]) });
    }

    /// Where the piece after a cut begins so that it repeats the end of the piece before it: at the first word (or line, if
    /// the cut kept lines whole) among the last characters before `fresh`, where the text goes on. Text without spaces has
    /// no words and is repeated from the exact character.
    fn overlap_start(&self, floor: usize, cut: usize, fresh: usize, lines: bool) -> Option<usize> {
        if self.limits.overlap_chars == 0 || cut <= floor {
            return None;
        }
        let before = &self.text[floor..fresh];
        let back = before.char_indices().rev().nth(self.limits.overlap_chars - 1);
        let from = back.map_or(floor, |(offset, _)| floor + offset);
        let repeated = self.text.get(from..cut)?;
        if lines {
            let line = if starts_line(self.text, from) { 0 } else { repeated.find('\n')? + 1 };
            return (!repeated[line..].trim().is_empty()).then(|| visible_start(self.text, from + line));
        }
        let inside_word = from > floor && !self.text[..from].ends_with(char::is_whitespace);
        let Some(space) = repeated.find(char::is_whitespace) else {
            return (!inside_word || fresh == cut).then_some(from);
        };
        let word = if inside_word { space } else { 0 };
        let word = word + leading_space(&repeated[word..]);
        (word < repeated.len()).then_some(from + word)
    }
}

/// A place to cut.
struct CutPoint {
    /// In bytes from the start of the text.
    offset: usize,
    /// Whether lines were to be kept whole, and are.
    lines: bool,
}

/// Finds the best place to cut `text` within its first `length` bytes, which hold as many characters as a chunk may have.
///
/// The place lies behind more characters than the overlap has, so that every piece brings something new, and never in front
/// of all text. Ends of sentences and prose lines count only in the second half: a chunk should not be a mere scrap.
fn find_cut(text: &str, length: usize, cut_at: CutAt, limits: ChunkLimits) -> CutPoint {
    let half = limits.max_chars / 2;
    let (mut sentence, mut line, mut space) = (None, None, None);
    let (mut after_stop, mut text_seen) = (false, false);
    for (number, (at, c)) in text[..length].char_indices().enumerate() {
        let new = text_seen && number >= limits.overlap_chars;
        if c.is_whitespace() {
            let place = at + c.len_utf8();
            if new {
                space = Some(place);
                if after_stop && number >= half {
                    sentence = space;
                }
                if c == '\n' && (number >= half || cut_at == CutAt::Lines) {
                    line = space;
                }
            }
            after_stop = false;
        } else {
            text_seen = true;
            let ends_wide = is_wide_stop(c) && new && number >= half;
            if ends_wide || (is_wide_closer(c) && sentence == Some(at)) {
                sentence = Some(at + c.len_utf8());
            }
            after_stop = matches!(c, '.' | '!' | '?' | '…') || (after_stop && is_closer(c));
        }
    }
    let rest = &text[length..];
    if rest.starts_with(char::is_whitespace) {
        space = Some(length);
        if rest.starts_with('\n') || rest.starts_with("\r\n") {
            line = space;
        }
        if after_stop {
            sentence = space;
        }
    }
    match cut_at {
        CutAt::Sentences => CutPoint { offset: sentence.or(line).or(space).unwrap_or(length), lines: false },
        CutAt::Lines => CutPoint { offset: line.or(space).unwrap_or(length), lines: line.is_some() },
    }
}

/// Full stops that no space follows.
const fn is_wide_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '．' | '｡')
}

/// What may stand between a full stop and the space after it.
const fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '*' | '_' | '”' | '’' | '»')
}

/// What may stand between such a full stop and the next sentence.
const fn is_wide_closer(c: char) -> bool {
    matches!(c, '」' | '』' | '）' | '”' | '’')
}

/// Skips blank lines from `start` on; keeps the indentation of the first line that is not blank, unless it is huge.
fn visible_start(text: &str, start: usize) -> usize {
    let space = leading_space(&text[start..]);
    let first = start + space;
    let line = text[start..first].rfind('\n').map(|offset| start + offset + 1);
    let line = line.or_else(|| starts_line(text, start).then_some(start));
    line.filter(|line| first - line <= MAX_INDENT).unwrap_or(first)
}

fn starts_line(text: &str, at: usize) -> bool {
    at == 0 || text.as_bytes()[at - 1] == b'\n'
}

/// Bytes of white space at the start.
fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn count_chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests;
