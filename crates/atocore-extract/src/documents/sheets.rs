//! Sheets as text, whatever program they are of.

use super::records::letters;
use crate::{
    error::ExtractError,
    extracted::{Extracted, TextSection, TextStructure},
};

/// Names the used cells of a row, from its number and its cells.
pub(super) type RowPlace<'p> = &'p dyn Fn(u64, &[String]) -> String;

/// Sheets as sections, in their order.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    pub(super) out: Extracted,
    sections: Vec<TextSection>,
}

impl Sheets {
    /// Appends what `rows` does, and comments on cells by their names.
    pub(super) fn append(
        &mut self,
        name: &str,
        comments: &[(String, String)],
        rows: impl FnOnce(&mut Extracted, RowPlace<'_>) -> Result<(), ExtractError>,
    ) -> Result<(), ExtractError> {
        let from = self.out.text.len();
        rows(&mut self.out, &|row, cells| format!("sheet {name}, {}", used(row, cells)))?;
        for (cell, comment) in comments {
            self.out.go_on(format!("sheet {name}, {cell}"));
            self.out.text.push_str(&format!("Comment on {cell}: {comment}\n"));
        }
        if self.out.text.len() > from {
            self.sections.push(TextSection { from, path: vec![name.to_owned()], begins: true });
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Extracted {
        self.out.structure = TextStructure::Sections(self.sections);
        self.out
    }
}

/// The cells of a row from the first to the last one that holds something, by their names: `A7:F7`, `B3`.
fn used(row: u64, cells: &[String]) -> String {
    let is_used = |cell: &String| !cell.trim().is_empty();
    let first = cells.iter().position(is_used).unwrap_or_default();
    let last = cells.iter().rposition(is_used).unwrap_or_default();
    let cell = |column| format!("{}{row}", letters(column));
    if first == last { cell(first) } else { format!("{}:{}", cell(first), cell(last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_from_its_first_cell_with_text_to_its_last() {
        let used = |cells: &[&str]| used(7, &cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
        assert_eq!(used(&["a", "", "b"]), "A7:C7");
        assert_eq!(used(&["", " ", "a", "b", "\n", ""]), "C7:D7");
        assert_eq!(used(&["", "a"]), "B7");
        assert_eq!(used(&[&[""; 26][..], &["a", "b"]].concat()), "AA7:AB7");
    }
}
