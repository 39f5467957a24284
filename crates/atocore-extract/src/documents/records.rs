//! Rows of a table as text: a line each, every value with the name of its column.

use std::{
    collections::{HashSet, VecDeque},
    iter,
};

use crate::{extracted::Extracted, words::one_line};

/// How many rows are looked at for the one that names the columns.
const LOOKED_AT: usize = 20;

/// The longest name of a column, in characters: it is repeated in every row.
const LONGEST_NAME: usize = 100;

/// The longest name of the only column and of those of a table below another one, in characters: what is longer is a sentence.
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
    /// The row that names the columns and those above it are values alone. Empty rows are left out; below them another
    /// table may begin, with names of its own.
    pub(super) fn append(
        out: &mut Extracted,
        rows: impl IntoIterator<Item = (u64, Vec<String>)>,
        place: impl Fn(u64, &[String]) -> String,
    ) {
        let mut rows = rows.into_iter().filter(|(_, cells)| cells.iter().any(|cell| is_used(cell)));
        let mut waiting: VecDeque<_> = rows.by_ref().take(LOOKED_AT).collect();
        let first = waiting.make_contiguous();
        let only = only_column(first);
        let header =
            only.map_or_else(|| header_row(first_table(first)), |column| header_of_one(first, column));
        let mut records = Self::new(header.map(|row| first[row].1.clone()), only.is_some());
        let mut alone = header.map_or_else(|| titles_above(first), |row| row + 1);
        let mut before = None;
        loop {
            waiting.extend(iter::from_fn(|| rows.next()).take(LOOKED_AHEAD.saturating_sub(waiting.len())));
            if alone == 0
                && only.is_none()
                && is_below_empty_row(before, &waiting)
                && let Some(header) = header_of_next(waiting.make_contiguous())
            {
                records = Self::new(Some(waiting[header].1.clone()), false);
                alone = header + 1;
            }
            let Some((number, cells)) = waiting.pop_front() else { break };
            before = Some(number);
            let line = if alone > 0 { joined(&cells) } else { records.line(&cells) };
            alone = alone.saturating_sub(1);
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

/// How many rows are looked at where another table may begin: its title, its header and one with values.
const LOOKED_AHEAD: usize = 3;

/// Whether there are empty rows between the row of this number and the next one.
fn is_below_empty_row(before: Option<u64>, waiting: &VecDeque<(u64, Vec<String>)>) -> bool {
    let next = waiting.front().map(|(number, _)| *number);
    before.zip(next).is_some_and(|(before, next)| next > before + 1)
}

/// The rows up to where another table begins below an empty row; all of them when those before that are no table.
fn first_table(rows: &[(u64, Vec<String>)]) -> &[(u64, Vec<String>)] {
    let begins = |&row: &usize| rows[row].0 > rows[row - 1].0 + 1 && header_of_next(&rows[row..]).is_some();
    let first = &rows[..(1..rows.len()).find(begins).unwrap_or(rows.len())];
    if usual(first) > 1 { first } else { rows }
}

/// The row that names the columns of a table that begins with these rows: the first one, or the second below a title.
fn header_of_next(rows: &[(u64, Vec<String>)]) -> Option<usize> {
    let names = |row: usize| {
        let [(_, header), (_, values), ..] = rows.get(row..)? else { return None };
        is_header_of(header, values).then_some(row)
    };
    let is_title =
        rows.first().is_some_and(|(_, cells)| filled(cells) == 1 && cells.iter().any(|cell| is_words(cell)));
    names(0).or_else(|| names(1).filter(|_| is_title))
}

/// Whether a row of short words, none of them twice, stands above a row of values in the same columns that are not all words.
fn is_header_of(header: &[String], values: &[String]) -> bool {
    let columns = header.len().max(values.len());
    let cell = |row: &[String], column: usize| {
        row.get(column).map(|cell| cell.trim().to_owned()).unwrap_or_default()
    };
    let pairs: Vec<_> = (0..columns).map(|column| (cell(header, column), cell(values, column))).collect();
    let names: Vec<_> = pairs.iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
    let is_name = |name: &&String| is_words(name) && name.chars().count() <= LONGEST_NAME_OF_ONE;
    names.len() > 1
        && names.iter().all(is_name)
        && names.iter().collect::<HashSet<_>>().len() == names.len()
        && pairs.iter().all(|(name, value)| name.is_empty() == value.is_empty())
        && pairs.iter().any(|(_, value)| !value.is_empty() && !is_words(value))
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
/// Its first cell may be empty, as it is above the names of rows, and others may be years. A title above the table is none.
fn header_row(rows: &[(u64, Vec<String>)]) -> Option<usize> {
    let widest = rows.iter().map(|(_, cells)| width(cells)).max()?;
    (0..rows.len()).find(|&row| {
        let cells = &rows[row].1;
        let cells = &cells[..width(cells)];
        let named = if cells.len() > 2 && cells[0].trim().is_empty() { &cells[1..] } else { cells };
        let name = |cell: &String| is_words(cell) || is_year(cell);
        !named.is_empty()
            && cells.len() * 2 >= widest
            && named.iter().all(name)
            && named.iter().any(|cell| is_words(cell))
            && !is_title(rows, row)
    })
}

/// Whether a row has one cell only, and most of those below it have more.
fn is_title(rows: &[(u64, Vec<String>)], row: usize) -> bool {
    filled(&rows[row].1) == 1 && usual(&rows[row + 1..]) > 1
}

/// How many titles stand above rows of which none names the columns.
fn titles_above(rows: &[(u64, Vec<String>)]) -> usize {
    let is_text = |row: &usize| filled(&rows[*row].1) == 1 && rows[*row].1.iter().any(|cell| is_words(cell));
    (0..rows.len()).take_while(|row| is_text(row) && is_title(rows, *row)).count()
}

/// How many cells most rows fill; of equally many rows, those with more cells.
fn usual(rows: &[(u64, Vec<String>)]) -> usize {
    let mut counts: Vec<usize> = rows.iter().map(|(_, cells)| filled(cells)).collect();
    counts.sort_unstable();
    let groups = counts.chunk_by(|one, other| one == other);
    groups.max_by_key(|group| group.len()).and_then(|group| group.first().copied()).unwrap_or_default()
}

fn filled(cells: &[String]) -> usize {
    cells.iter().filter(|cell| is_used(cell)).count()
}

/// How many cells a row has without the empty ones at its end.
fn width(cells: &[String]) -> usize {
    cells.iter().rposition(|cell| is_used(cell)).map_or(0, |last| last + 1)
}

fn is_used(cell: &str) -> bool {
    !cell.trim().is_empty()
}

/// Whether a cell holds words: no number, amount, date or truth value.
pub(super) fn is_words(cell: &str) -> bool {
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
