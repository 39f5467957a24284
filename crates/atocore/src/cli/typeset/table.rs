//! Columns.

use super::{stays_whole, unbroken, width};

/// What stands between two columns.
const GAP: usize = 2;

/// A column that has to give way does not become narrower than this.
const NARROWEST: usize = 10;

/// A longer cell does not widen its column for a reader who has no width: every other line would end in blanks for it.
const WIDEST: usize = 80;

/// How far below its first cell a row goes on.
const INDENT: usize = 2;

/// A table whose columns are as wide as they must be.
#[derive(Debug, Default)]
pub(in crate::cli) struct Table {
    has_heads: bool,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these words above its columns.
    pub(in crate::cli) fn new(heads: &[&str]) -> Self {
        Self { has_heads: true, rows: vec![heads.iter().map(ToString::to_string).collect()] }
    }

    /// A table without heads.
    pub(in crate::cli) fn bare() -> Self {
        Self::default()
    }

    /// Whether its first line has the words above its columns.
    pub(in crate::cli) fn has_heads(&self) -> bool {
        self.has_heads
    }

    /// A row with what is known of something, moved in; none when that is empty.
    pub(in crate::cli) fn fact(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.row([format!("  {name}"), value]);
        }
    }

    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.cells(cells.into());
    }

    /// A row of as many cells as there are heads.
    pub(in crate::cli) fn cells(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines of every row, within `most` cells of a terminal where that is known: cells of wide columns then go on in
    /// the next line, below themselves. Where the columns do not fit side by side, a row goes on below its first cell. No
    /// id or path is broken: one that is longer than the terminal makes a longer line. No line ends in blanks.
    pub(in crate::cli) fn rows(&self, most: Option<usize>) -> Vec<Vec<String>> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize, width: &dyn Fn(&str) -> usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<_> = (0..columns).map(|column| widest(column, &width)).collect();
        if most.is_none() {
            let common = |cell: &str| width(cell) * usize::from(width(cell) <= WIDEST);
            widths = (0..columns).map(|column| widest(column, &common)).collect();
        }
        if let Some(most) = most {
            let least = |(column, natural): (usize, &usize)| {
                // A row with one long value is set by itself.
                let whole = if (column, columns) == (1, 2) { 0 } else { widest(column, &longest_whole) };
                whole.max(NARROWEST).min(*natural)
            };
            let least: Vec<_> = widths.iter().enumerate().map(least).collect();
            if !narrow(&mut widths, &least, most) {
                return self.rows.iter().map(|row| stacked(row, most)).collect();
            }
        }
        let set = |row: &Vec<String>| {
            let lines = lines_of(row, &widths, most.is_some());
            match most {
                Some(most) if lines.iter().any(|line| width(line) > most) => stacked(row, most),
                _ => lines,
            }
        };
        self.rows.iter().map(set).collect()
    }
}

/// A cell in lines of at most `most` cells. A path stays whole, blanks and all.
fn set(cell: &str, most: usize) -> Vec<String> {
    match cell {
        _ if width(cell) <= most => vec![cell.to_owned()],
        paths if paths.starts_with('/') => {
            paths.split_inclusive(", ").map(|path| path.trim_end().into()).collect()
        }
        words => unbroken(words, most),
    }
}

/// The cells of the longest word or path in a cell, as far as it stays whole.
fn longest_whole(cell: &str) -> usize {
    let words = set(cell, 1);
    words.iter().filter(|word| stays_whole(word)).map(|word| width(word)).max().unwrap_or(0)
}

/// Takes from the widest columns, no column below its `least`, until all of them fit; `false` when they cannot.
fn narrow(widths: &mut [usize], least: &[usize], most: usize) -> bool {
    let gaps = GAP * widths.len().saturating_sub(1);
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(most);
        let can_give = (0..widths.len()).filter(|column| widths[*column] > least[*column]);
        let can_give = can_give.max_by_key(|column| widths[*column]);
        let Some(column) = can_give.filter(|_| over > 0) else { return over == 0 };
        let widest = widths[column];
        let next = widths.iter().copied().filter(|other| *other < widest).max().unwrap_or(0);
        widths[column] = widest.saturating_sub(over).max(next).max(least[column]);
    }
}

/// The cells of a row one behind the other, in as many lines as it takes. One that is empty is a `-`.
fn stacked(row: &[String], most: usize) -> Vec<String> {
    let Some((first, rest)) = row.split_first() else { return Vec::new() };
    let indent = " ".repeat(first.len() - first.trim_start().len() + INDENT);
    let mut lines: Vec<String> = vec![first.clone()];
    for (column, cell) in rest.iter().enumerate() {
        let cell = if cell.is_empty() { "-" } else { cell };
        match lines.last_mut().filter(|line| column > 0 && width(line) + GAP + width(cell) <= most) {
            Some(line) => line.push_str(&format!("{}{cell}", " ".repeat(GAP))),
            None => lines.extend(
                set(cell, most.saturating_sub(indent.len()))
                    .into_iter()
                    .map(|line| format!("{indent}{line}")),
            ),
        }
    }
    lines
}

fn lines_of(row: &[String], widths: &[usize], is_bounded: bool) -> Vec<String> {
    let lines = |(cell, most): (&String, &usize)| {
        if is_bounded { set(cell, *most) } else { vec![cell.clone()] }
    };
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(lines).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |number: usize| {
        let mut line = String::new();
        for (cell, most) in cells.iter().zip(widths) {
            let text = cell.get(number).map_or("", String::as_str);
            line.push_str(text);
            line.push_str(&" ".repeat(most.saturating_sub(width(text)) + GAP));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_in(table: &Table, most: Option<usize>) -> Vec<String> {
        table.rows(most).concat()
    }

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_blanks() {
        let mut table = Table::new(&["ID", "ROOTS"]);
        table.row(["notes".to_owned(), String::new()]);
        table.row(["ä".to_owned(), "x".to_owned()]);
        table.row(["日本".to_owned(), "y".to_owned()]);
        assert_eq!(lines_in(&table, None), ["ID     ROOTS", "notes", "ä      x", "日本   y"]);
        let long = "/x y".repeat(100);
        table.row([long.clone(), "z".to_owned()]);
        let lines = ["ID     ROOTS", "notes", "ä      x", "日本   y", &format!("{long}  z")];
        assert_eq!(lines_in(&table, None), lines);
    }

    #[test]
    fn wide_columns_give_way_and_go_on_below_themselves() {
        let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
        table.row([
            "DIR".to_owned(),
            "/a/long/path/that/has/no/blanks/in/it".to_owned(),
            "default".to_owned(),
        ]);
        table.row(["WORDS".to_owned(), "some words that are many words".to_owned(), "file".to_owned()]);
        let lines = lines_in(&table, Some(40));
        assert_eq!(
            lines,
            [
                "SETTING",
                "  VALUE  FROM",
                "DIR",
                "  /a/long/path/that/has/no/blanks/in/it",
                "  default",
                "WORDS",
                "  some words that are many words  file",
            ]
        );
        let wider = [
            "SETTING  VALUE                                  FROM",
            "DIR      /a/long/path/that/has/no/blanks/in/it  default",
            "WORDS    some words that are many words         file",
        ];
        assert_eq!(lines_in(&table, Some(56)), wider);
        let mut words = Table::new(&["ID", "WORDS", "PATH"]);
        words.row([
            "x1".to_owned(),
            "some words that are many words".to_owned(),
            "/of/some/length".to_owned(),
        ]);
        assert_eq!(
            lines_in(&words, Some(36)),
            ["ID  WORDS            PATH", "x1  some words that  /of/some/length", "    are many words",]
        );
        assert_eq!(lines_in(&table, Some(200)), lines_in(&table, None));
    }
}
