//! Rows of a table as text: a line each, every value with the name of its column.

use crate::{extracted::Extracted, words::one_line};

/// How many rows are looked at for the one that names the columns.
const LOOKED_AT: usize = 20;

/// The longest name of a column, in characters: it is repeated in every row.
const LONGEST_NAME: usize = 100;

/// The longest name of the only column, in characters: what is longer is a sentence.
const LONGEST_NAME_OF_ONE: usize = 40;

/// The most text that the rows of a document become, in bytes: names are repeated, so it can be many times the file.
const MOST_TEXT: usize = 96 << 20;

/// Writes rows: a passage that is cut anywhere between them still says what its values are.
#[derive(Debug)]
pub(super) struct Records {
    header: Option<Vec<String>>,
    /// Whether a value that stands alone in its row needs no name.
    is_one_column: bool,
}

impl Records {
    /// Names the columns as `header` does, otherwise by letters.
    fn new(header: Option<Vec<String>>, is_one_column: bool) -> Self {
        let named = |name: String| one_line(&name).chars().take(LONGEST_NAME).collect();
        Self { header: header.map(|header| header.into_iter().map(named).collect()), is_one_column }
    }

    /// A row as one line without its end: `Header: value; Header: value`. `None` when all cells are empty.
    fn line(&self, cells: &[String]) -> Option<String> {
        let is_alone = || cells.iter().filter(|cell| is_used(cell)).count() == 1;
        if self.header.is_none() && self.is_one_column && is_alone() {
            return joined(cells);
        }
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let value = one_line(cell);
            if value.is_empty() {
                continue;
            }
            if !line.is_empty() {
                line.push_str("; ");
            }
            match self.header.as_ref().and_then(|header| header.get(column)) {
                Some(name) if !name.is_empty() => line.push_str(name),
                _ => line.push_str(&letters(column)),
            }
            line.push_str(": ");
            line.push_str(&value);
        }
        (!line.is_empty()).then_some(line)
    }

    /// Appends a table, from the numbers of its rows and their cells; `place` names a row by both.
    ///
    /// The row that names the columns and those above it are values alone. Empty rows are left out.
    pub(super) fn append(
        out: &mut Extracted,
        rows: impl IntoIterator<Item = (u64, Vec<String>)>,
        place: impl Fn(u64, &[String]) -> String,
    ) {
        let mut rows = rows.into_iter();
        let first: Vec<_> = rows.by_ref().take(LOOKED_AT).collect();
        let only = only_column(&first);
        let header = only.map_or_else(|| header_row(&first), |column| header_of_one(&first, column));
        let records = Self::new(header.map(|row| first[row].1.clone()), only.is_some());
        let above = header.map_or(0, |row| row + 1);
        for (index, (number, cells)) in first.into_iter().chain(rows).enumerate() {
            let line = if index < above { joined(&cells) } else { records.line(&cells) };
            let Some(line) = line else { continue };
            let name = place(number, &cells);
            if out.text.len() + line.len() > MOST_TEXT {
                out.notices.push(format!("what comes from {name} on is left out: it is too much"));
                break;
            }
            out.go_on(name);
            out.text.push_str(&line);
            out.text.push('\n');
        }
    }
}

/// The column that holds every value, where it is the only one.
fn only_column(rows: &[(u64, Vec<String>)]) -> Option<usize> {
    let mut used =
        rows.iter().flat_map(|(_, cells)| (0..cells.len()).filter(|&column| is_used(&cells[column])));
    let only = used.next()?;
    used.all(|column| column == only).then_some(only)
}

/// The row that names the only column: short words above values that have no letter.
///
/// Where the values are words nobody can tell: `name` above `Ada` looks as `pears` above `plums` does, or a sentence above
/// a sentence. There every row is its value alone: it is understood so, the first one is text all the same, and a wrong
/// name would be wrong in every row. A number says nothing without its name.
fn header_of_one(rows: &[(u64, Vec<String>)], column: usize) -> Option<usize> {
    let value = |row: usize| rows[row].1.get(column).map_or("", |cell| cell.trim());
    let used: Vec<usize> = (0..rows.len()).filter(|&row| !value(row).is_empty()).collect();
    let is_bare = |&row: &usize| !value(row).contains(char::is_alphabetic);
    let first = used.iter().position(is_bare)?;
    let header = *used[..first].last()?;
    let is_name = is_words(value(header)) && value(header).chars().count() <= LONGEST_NAME_OF_ONE;
    (is_name && used[first..].iter().all(is_bare)).then_some(header)
}

/// The first row that names columns: all its cells are words, and at least half as many as the widest row has.
///
/// Its first cell may be empty, as it is above the names of rows, and others may be years.
fn header_row(rows: &[(u64, Vec<String>)]) -> Option<usize> {
    let widest = rows.iter().map(|(_, cells)| width(cells)).max()?;
    rows.iter().position(|(_, cells)| {
        let cells = &cells[..width(cells)];
        let named = if cells.len() > 2 && cells[0].trim().is_empty() { &cells[1..] } else { cells };
        let name = |cell: &String| is_words(cell) || is_year(cell);
        !named.is_empty()
            && cells.len() * 2 >= widest
            && named.iter().all(name)
            && named.iter().any(|cell| is_words(cell))
    })
}

/// How many cells a row has without the empty ones at its end.
fn width(cells: &[String]) -> usize {
    cells.iter().rposition(|cell| is_used(cell)).map_or(0, |last| last + 1)
}

fn is_used(cell: &str) -> bool {
    !cell.trim().is_empty()
}

/// Whether a cell holds words: no number, amount, date or truth value.
fn is_words(cell: &str) -> bool {
    let cell = cell.trim();
    let begins_as_number = cell.starts_with(|first: char| {
        first.is_numeric() || matches!(first, '+' | '-' | '.' | ',' | '$' | '€' | '£' | '¥')
    });
    let is_truth = cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false");
    !begins_as_number && !is_truth && cell.contains(char::is_alphabetic)
}

fn is_year(cell: &str) -> bool {
    let cell = cell.trim();
    cell.len() == 4 && cell.parse().is_ok_and(|year: u16| (1500..2200).contains(&year))
}

/// Cells as one line of values alone.
fn joined(cells: &[String]) -> Option<String> {
    let values: Vec<String> =
        cells.iter().map(|cell| one_line(cell)).filter(|cell| !cell.is_empty()).collect();
    (!values.is_empty()).then(|| values.join("; "))
}

/// The name that sheets give a column: A, B, …, Z, AA, AB.
pub(super) fn letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        // At most 25.
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests;
