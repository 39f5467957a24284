//! Columns.

use super::{width, wrapped};

/// What stands between two columns.
const GAP: usize = 2;

/// A column that has to give way does not become narrower than this.
const NARROWEST: usize = 10;

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

    /// The lines of the table, within `most` cells of a terminal where that is known: cells of wide columns then go on in
    /// the next line, below themselves. No line ends in blanks.
    pub(in crate::cli) fn lines(&self, most: Option<usize>) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|c| width(c)).max();
        let mut widths: Vec<_> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
        if let Some(most) = most {
            narrow(&mut widths, most);
        }
        self.rows.iter().flat_map(|row| lines_of(row, &widths)).collect()
    }
}

/// Takes from the widest columns until all of them fit, or none can give way any more.
fn narrow(widths: &mut [usize], most: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(most);
        let Some(widest) = widths.iter().copied().max().filter(|widest| over > 0 && *widest > NARROWEST)
        else {
            return;
        };
        let next = widths.iter().copied().filter(|other| *other < widest).max().unwrap_or(0).max(NARROWEST);
        if let Some(column) = widths.iter_mut().rev().find(|column| **column == widest) {
            *column = widest.saturating_sub(over).max(next);
        }
    }
}

fn lines_of(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, most)| if width(cell) <= *most { vec![cell.clone()] } else { wrapped(cell, *most) })
        .collect();
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

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_blanks() {
        let mut table = Table::new(&["ID", "ROOTS"]);
        table.row(["notes".to_owned(), String::new()]);
        table.row(["ä".to_owned(), "x".to_owned()]);
        table.row(["日本".to_owned(), "y".to_owned()]);
        assert_eq!(table.lines(None), ["ID     ROOTS", "notes", "ä      x", "日本   y"]);
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
        let lines = table.lines(Some(40));
        assert_eq!(
            lines,
            [
                "SETTING  VALUE                   FROM",
                "DIR      /a/long/path/that/has/  default",
                "         no/blanks/in/it",
                "WORDS    some words that are     file",
                "         many words",
            ]
        );
        assert_eq!(
            table.lines(Some(10)).iter().map(|line| width(line)).max(),
            Some(28),
            "as narrow as it can be"
        );
        assert_eq!(table.lines(Some(200)), table.lines(None));
    }
}
