//! Sheets as text, whatever program they are of.

use crate::{
    error::ExtractError,
    extracted::{Extracted, TextSection, TextStructure},
};

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
        rows: impl FnOnce(&mut Extracted, &dyn Fn(u64) -> String) -> Result<(), ExtractError>,
    ) -> Result<(), ExtractError> {
        let from = self.out.text.len();
        let place = |row| format!("sheet {name}, row {row}");
        rows(&mut self.out, &place)?;
        for (cell, comment) in comments {
            let row = cell.trim_start_matches(|one: char| !one.is_ascii_digit());
            self.out.go_on(place(row.parse().unwrap_or(1)));
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
