//! Tables: those that hold data become Markdown tables, those that arrange a page the text of their cells.

/// A table being read.
#[derive(Debug, Default)]
pub(super) struct HtmlTable {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: Option<HtmlCell>,
    caption: String,
    in_caption: bool,
    /// Per column, in how many more rows the cell above it stands, and its text.
    above: Vec<(usize, String)>,
}

#[derive(Debug)]
struct HtmlCell {
    text: String,
    columns: usize,
    rows: usize,
}

/// No more columns are filled by one cell.
const WIDEST_CELL: usize = 50;

/// The longest text that is repeated in the rows that a cell spans, in bytes.
const LONGEST_REPEATED: usize = 200;

/// A cell of data is no longer than this at the mean, in bytes.
const LONGEST_DATA: usize = 300;

impl HtmlTable {
    pub(super) fn begin_cell(&mut self, columns: usize, rows: usize) {
        self.end_cell();
        self.fill_from_above();
        self.in_caption = false;
        self.cell = Some(HtmlCell { text: String::new(), columns: columns.clamp(1, WIDEST_CELL), rows });
    }

    pub(super) fn begin_caption(&mut self) {
        self.end_row();
        self.in_caption = true;
    }

    /// The text of the open cell or of the caption.
    pub(super) fn cell(&mut self) -> Option<&mut String> {
        if self.in_caption {
            return Some(&mut self.caption);
        }
        self.cell.as_mut().map(|cell| &mut cell.text)
    }

    pub(super) fn end_cell(&mut self) {
        let Some(HtmlCell { text, columns, rows }) = self.cell.take() else { return };
        let text = text.trim().to_owned();
        for column in self.row.len()..self.row.len() + columns {
            if rows > 1 && text.len() <= LONGEST_REPEATED {
                if self.above.len() <= column {
                    self.above.resize_with(column + 1, Default::default);
                }
                self.above[column] = (rows - 1, text.clone());
            }
        }
        self.row.push(text);
        self.row.extend((1..columns).map(|_| String::new()));
    }

    pub(super) fn end_row(&mut self) {
        self.end_cell();
        if !self.row.is_empty() {
            self.fill_from_above();
            self.rows.push(std::mem::take(&mut self.row));
        }
    }

    /// Puts the cells that reach down into this row where it stands.
    fn fill_from_above(&mut self) {
        while let Some((rows, text)) = self.above.get_mut(self.row.len())
            && *rows > 0
        {
            *rows -= 1;
            self.row.push(text.clone());
        }
    }

    /// Whether it holds data: several columns and rows of short texts.
    pub(super) fn is_data(&self) -> bool {
        let filled = || self.rows.iter().flatten().filter(|cell| !cell.is_empty());
        let (count, bytes) = filled().fold((0, 0), |(count, bytes), cell| (count + 1, bytes + cell.len()));
        self.rows.len() > 1 && self.columns() > 1 && count > 2 && bytes <= count * LONGEST_DATA
    }

    fn columns(&self) -> usize {
        let width =
            |row: &Vec<String>| row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        self.rows.iter().map(width).max().unwrap_or_default()
    }

    /// What stands above it; taken once.
    pub(super) fn take_caption(&mut self) -> String {
        std::mem::take(&mut self.caption)
    }

    /// Every text in it, one after the other.
    pub(super) fn into_texts(mut self) -> impl Iterator<Item = String> {
        self.end_row();
        let texts = std::iter::once(self.caption).chain(self.rows.into_iter().flatten());
        texts.filter(|text| !text.is_empty())
    }

    /// Its lines in Markdown; the first row is the header.
    pub(super) fn into_lines(self) -> impl Iterator<Item = String> {
        let columns = self.columns();
        let rule = format!("|{}", " --- |".repeat(columns));
        let is_filled = |row: &Vec<String>| row.iter().any(|cell| !cell.is_empty());
        let mut lines = Vec::new();
        for row in self.rows.into_iter().filter(is_filled) {
            let mut line = String::from("|");
            // Every row as long as the widest one would be much of nothing.
            let width = if lines.is_empty() { columns } else { row.len().min(columns) };
            for column in 0..width {
                let cell = row.get(column).map_or(String::new(), |cell| cell.replace('|', "\\|"));
                line.push_str(if cell.is_empty() { "" } else { " " });
                line.push_str(&cell);
                line.push_str(" |");
            }
            lines.push(line);
            if lines.len() == 1 {
                lines.push(rule.clone());
            }
        }
        lines.into_iter()
    }
}
