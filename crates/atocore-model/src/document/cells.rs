//! Cells of a sheet, by the names that people see.

use std::fmt;

/// Cells as the place of a passage, `sheet Budget, A2:F9`: the rectangle between two of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'p> {
    /// `sheet Budget`.
    pub(super) sheet: &'p str,
    first: (Column<'p>, u64),
    last: (Column<'p>, u64),
}

/// The letters of a column behind their number: `Z` comes before `AA`.
type Column<'p> = (usize, &'p str);

impl<'p> Cells<'p> {
    /// `None` for a place of another kind.
    pub(super) fn of(place: &'p str) -> Option<Self> {
        let (sheet, cells) = place.rsplit_once(", ").filter(|_| place.starts_with("sheet "))?;
        let (first, last) = cells.split_once(':').unwrap_or((cells, cells));
        Some(Self { sheet, first: cell(first)?, last: cell(last)? })
    }

    /// The smallest rectangle that holds these cells and others of the same sheet.
    pub(super) fn with(self, other: Self) -> Self {
        let first = (self.first.0.min(other.first.0), self.first.1.min(other.first.1));
        let last = (self.last.0.max(other.last.0), self.last.1.max(other.last.1));
        Self { first, last, ..self }
    }
}

impl fmt::Display for Cells<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((_, column), row) = self.first;
        write!(f, "{}, {column}{row}", self.sheet)?;
        if self.first == self.last {
            return Ok(());
        }
        let ((_, column), row) = self.last;
        write!(f, ":{column}{row}")
    }
}

/// Column and row of a cell, from its name.
fn cell(name: &str) -> Option<(Column<'_>, u64)> {
    let (letters, row) = name.split_at(name.find(|one: char| one.is_ascii_digit())?);
    let is_column = !letters.is_empty() && letters.bytes().all(|letter| letter.is_ascii_uppercase());
    Some(((letters.len(), letters), row.parse().ok().filter(|_| is_column)?))
}
