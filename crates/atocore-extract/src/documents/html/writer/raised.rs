//! Numbers that are set above or below the line: of notes, exponents, and in formulas.

use super::{Gap, HtmlTable, HtmlWriter};

/// A text that is set above or below the line.
#[derive(Debug)]
pub(super) struct RaisedText {
    is_below: bool,
    /// Where it begins, once there is some.
    pub(super) from: Option<usize>,
    /// Whether it has digits and signs only so far.
    is_number: bool,
}

/// A number below the line belongs to a word with fewer small letters at its end, as in `NaCl`.
const LEAST_OF_A_WORD: usize = 3;

impl RaisedText {
    /// Takes the next word of it, which is written at `at`.
    pub(super) fn take(&mut self, at: usize, word: &str) {
        self.from.get_or_insert(at);
        self.is_number &= !word.contains(char::is_alphabetic);
    }
}

impl HtmlWriter {
    pub(in super::super) fn begin_raised(&mut self, is_below: bool) {
        let is_running = self.preformatted.is_none();
        self.raised = is_running.then_some(RaisedText { is_below, from: None, is_number: true });
    }

    /// Ends a text that is set above or below the line. The number of a note is parted from the word that it stands at, so
    /// that the word is one; so is an exponent. Numbers of chemical formulas stay with them.
    pub(in super::super) fn end_raised(&mut self) {
        let Some(RaisedText { is_below, from: Some(from), is_number: true }) = self.raised.take() else {
            return;
        };
        let is_in_cell = self.table.as_mut().and_then(HtmlTable::cell).is_some();
        let line = if is_in_cell { 0 } else { self.line };
        let text = self.line_text();
        let (Some(before), Some(raised)) = (text.get(..from), text.get(from..)) else { return };
        let begins_line = from == line;
        let small = before.chars().rev().take_while(|c| c.is_lowercase()).take(LEAST_OF_A_WORD).count();
        let is_part = is_below && small < LEAST_OF_A_WORD;
        let is_joined = before.ends_with(char::is_alphanumeric)
            && raised.starts_with(char::is_alphanumeric)
            && !begins_line;
        if is_part || !(is_joined || begins_line) {
            return;
        }
        if is_joined {
            text.insert(from, if is_below { ' ' } else { '^' });
        }
        let end = text.len();
        self.number_end = Some(end);
        for span in [&mut self.link, &mut self.code].into_iter().flatten() {
            span.from = span.from.map(|begin| begin + usize::from(is_joined && !is_in_cell && begin >= from));
        }
    }

    /// What follows a number set above the line is a word of its own.
    pub(super) fn part_from_number(&mut self, word: &str) {
        let end = self.number_end.take();
        if self.gap == Gap::Nothing
            && end == Some(self.line_text().len())
            && word.starts_with(char::is_alphanumeric)
        {
            self.gap = Gap::Space;
        }
    }

    /// Where running text is written.
    fn line_text(&mut self) -> &mut String {
        match self.table.as_mut().and_then(HtmlTable::cell) {
            Some(cell) => cell,
            None => &mut self.out,
        }
    }
}
