//! Structure of a plain text: paragraphs, parted by blank lines. Never looks for headings.

use std::ops::Range;

use super::chunk::{Block, CutAt};

/// Gives the paragraphs of a part of `text` in their order; a long one may be cut at `cut`.
pub(super) fn paragraphs(text: &str, part: Range<usize>, cut: CutAt) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut start, mut offset) = (part.start, part.start);
    for line in text[part.clone()].split_inclusive('\n') {
        offset += line.len();
        if line.trim().is_empty() {
            blocks.extend(Block::new(text, start..offset, cut));
            start = offset;
        }
    }
    blocks.extend(Block::new(text, start..part.end, cut));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_paragraphs() {
        let text = "\r\n  one\r\nstill one\r\n \t\r\n\r\ntwo";
        let found: Vec<_> = paragraphs(text, 0..text.len(), CutAt::Sentences)
            .into_iter()
            .map(|block| &text[block.span])
            .collect();
        assert_eq!(found, ["  one\r\nstill one", "two"]);
    }
}
