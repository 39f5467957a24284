//! Tables of separated values.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::records::{Records, is_words};
use crate::{
    error::ExtractError,
    extracted::{Extracted, TextSection, TextStructure},
    words::one_line,
};

/// What separates values. Of those that fit equally well the first: within values there are rather commas than tabs.
const SEPARATORS: [u8; 4] = *b"\t;|,";

/// How much of a table is looked at for its separator, in bytes and in rows.
const LOOKED_AT: (usize, usize) = (64 << 10, 50);

/// Reads a table: a line per row, with the row as its place. The first one is row 1, as in a sheet. Comments above it are
/// text.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let text = super::text(content)?;
    let (said, text) = said_separator(text.strip_prefix('\u{feff}').unwrap_or(text));
    let behind_marked = text.get(marked_lines(text)..).unwrap_or_default();
    let separator = said.unwrap_or_else(|| {
        likely_separator(if behind_marked.trim().is_empty() { text } else { behind_marked })
    });
    let (comments, text) = text.split_at(comments(text, separator));
    let mut out = Extracted::default();
    let mut above = 0;
    for line in comments.split_inclusive('\n') {
        above += 1;
        let line = one_line(line);
        if !line.is_empty() {
            out.go_on(format!("row {above}"));
            out.text.push_str(&line);
            out.text.push('\n');
        }
    }
    let rows = rows(text, separator).map(|(number, cells)| (number + above, cells));
    Records::append(&mut out, rows, |number, _| format!("row {number}"));
    if !out.text.is_empty() {
        out.structure =
            TextStructure::Sections(vec![TextSection { from: 0, path: Vec::new(), begins: false }]);
    }
    Ok(out)
}

/// The length of the lines at the beginning that begin with `#`, with empty ones between them.
fn marked_lines(text: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.starts_with('#') {
            end = at;
        } else if !line.trim().is_empty() {
            break;
        }
    }
    end
}

/// The length of the comments above a table: of the lines that begin with `#` up to one that is a row of the table.
///
/// Such a line has as many cells as the first row below all of them. It is `#` alone or a word right behind the sign that
/// begins a row; the last line may also have a space there, when nothing else names the columns.
fn comments(text: &str, separator: u8) -> usize {
    let marked = marked_lines(text);
    let Some((_, first)) = rows(&text[marked..], separator).next() else { return 0 };
    let is_header = first.iter().all(|cell| cell.is_empty() || is_words(cell));
    let mut at = 0;
    for line in text[..marked].split_inclusive('\n') {
        let end = at + line.len();
        let said = line.strip_prefix('#');
        let is_near = said.is_some_and(|said| !said.starts_with([' ', '#']));
        let may_be_row = said.is_some() && first.len() > 1 && (is_near || (end == marked && !is_header));
        if may_be_row && rows(line, separator).next().is_some_and(|(_, cells)| cells.len() == first.len()) {
            break;
        }
        at = end;
    }
    at
}

/// The separator that Excel is told of in the first line, `sep=;`, and what follows that line.
fn said_separator(text: &str) -> (Option<u8>, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.trim_end_matches('\r').as_bytes() {
        [b's', b'e', b'p', b'=', separator] if separator.is_ascii() => (Some(*separator), rest),
        _ => (None, text),
    }
}

/// The separator that gives the most rows the same number of columns.
fn likely_separator(text: &str) -> u8 {
    let head = &text[..text.floor_char_boundary(LOOKED_AT.0)];
    let fit = |separator: u8| {
        let mut widths: Vec<usize> = rows(head, separator)
            .take(LOOKED_AT.1)
            .map(|(_, cells)| cells.len())
            .filter(|&width| width > 1)
            .collect();
        widths.sort_unstable();
        widths.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap_or_default()
    };
    let mut best = (0, b',');
    for separator in SEPARATORS {
        let fit = fit(separator);
        if fit > best.0 {
            best = (fit, separator);
        }
    }
    best.1
}

/// The numbers of rows, as a sheet counts them, and their cells.
fn rows(text: &str, separator: u8) -> impl Iterator<Item = (u64, Vec<String>)> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut number = 0;
    std::iter::from_fn(move || {
        let from = reader.position().byte();
        // What is UTF-8 and may be of any width has no errors.
        if !reader.read_record(&mut record).ok()? {
            return None;
        }
        number += 1 + usize::try_from(from).map_or(0, |from| empty_lines(text, from));
        Some((number as u64, record.iter().map(str::to_owned).collect()))
    })
}

/// How many empty lines stand at a place between two rows, which the library passes over.
fn empty_lines(text: &str, from: usize) -> usize {
    let (before, rest) = text.as_bytes().split_at(from.min(text.len()));
    let rest = if before.ends_with(b"\r") { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
    let ends = &rest[..rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()];
    ends.len() - ends.windows(2).filter(|pair| pair == b"\r\n").count()
}

#[cfg(test)]
mod tests;
