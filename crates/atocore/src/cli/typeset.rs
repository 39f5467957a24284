//! Sets text for a terminal: columns, sizes, passages. Control characters of documents never reach the terminal.

use atocore_model::text::is_harmful;

/// A table whose columns are as wide as they must be.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these words above its columns.
    pub(super) fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(ToString::to_string).collect()] }
    }

    /// A table without heads.
    pub(super) fn bare() -> Self {
        Self::default()
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines of the table; no line ends in blanks.
    pub(super) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// Text of a document or a file name as one harmless line: control characters and line ends become blanks.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// A line of a document as it stands, indentation included, without what could do harm.
pub(crate) fn indented(line: &str) -> String {
    let spread = line.replace('\t', "    ");
    spread.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect::<String>().trim_end().to_owned()
}

/// The same to the letter, tabs too, for whoever pipes it on: but for what could command the terminal.
pub(crate) fn harmless(line: &str) -> String {
    line.chars().map(|c| if is_harmful(c) && c != '\t' { ' ' } else { c }).collect()
}

/// The beginning of a passage, set anew in at most `lines` lines of `width` characters. Lines that say nothing, such as
/// rules and the borders of code, are left out.
pub(crate) fn excerpt(text: &str, lines: usize, width: usize) -> Vec<String> {
    let told = text.lines().map(plain).filter(|line| says_something(line));
    let mut set: Vec<String> = Vec::new();
    for word in told.flat_map(|line| line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>()) {
        let length = word.chars().count();
        let full = set.len() == lines;
        match set.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) if full => {
                line.push_str(" …");
                return set;
            }
            _ => set.push(word.chars().take(width).collect()),
        }
    }
    set
}

/// A size in bytes for a person.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// A number with its noun: `1 document`, `2 documents`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// A word as a shell takes it.
pub(crate) fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Advice with `--data-dir` and this folder, as a shell takes it, in every command of the program: those in backticks,
/// and the one that is the whole advice. A command that names a folder by itself keeps it.
pub(super) fn aimed(advice: &str, folder: &str) -> String {
    const COMMAND: &str = "atocore ";
    let mut aimed = String::with_capacity(advice.len());
    for (index, part) in advice.split('`').enumerate() {
        if index > 0 {
            aimed.push('`');
        }
        let is_marked = index > 0 || part.len() == advice.len();
        match part.strip_prefix(COMMAND).filter(|_| is_marked) {
            Some(rest) if !rest.starts_with("--data-dir") => {
                aimed.push_str(&format!("{COMMAND}--data-dir {folder} {rest}"));
            }
            _ => aimed.push_str(part),
        }
    }
    aimed
}

/// The day of an ISO 8601 time.
pub(super) fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// An ISO 8601 time without fractions of a second: `2026-04-06T18:42:19Z`.
pub(super) fn second(time: &str) -> String {
    match time.get(..19) {
        Some(start) if time.ends_with("+00:00") || time.ends_with('Z') => format!("{start}Z"),
        _ => time.to_owned(),
    }
}

fn says_something(line: &str) -> bool {
    !line.starts_with("```") && line.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_blanks() {
        let mut table = Table::new(&["ID", "ROOTS"]);
        table.row(["notes".to_owned(), String::new()]);
        table.row(["ä".to_owned(), "x".to_owned()]);
        assert_eq!(table.lines(), ["ID     ROOTS", "notes", "ä      x"]);
    }

    #[test]
    fn a_document_cannot_command_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\u{202e}c\n"), "a [2Jb  c");
        assert_eq!(harmless("\t a\u{1b}[2Jb"), "\t a [2Jb");
        assert_eq!(excerpt("\u{1b}]0;x\u{7}y", 3, 80), ["]0;x y"]);
        assert_eq!(plain("one\u{2028}two\u{85}three\u{200b}"), "one two three");
        assert_eq!(indented("\tif\u{1b}[2J \r"), "    if [2J");
    }

    #[test]
    fn passages_are_set_anew_and_say_that_they_go_on() {
        assert_eq!(excerpt("\n---\none two three\n\nfour\n```sh\nfive", 2, 10), ["one two", "three four …"]);
        assert_eq!(excerpt("one\ntwo", 2, 10), ["one two"]);
        assert_eq!(excerpt("abcdefghijklm", 2, 10), ["abcdefghij"]);
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(shell("target/release/atocore"), "target/release/atocore");
        assert_eq!(shell("what's this?"), r"'what'\''s this?'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn every_command_of_advice_names_the_installation() {
        let aimed = |advice| aimed(advice, "/a");
        assert_eq!(aimed("atocore refresh --all"), "atocore --data-dir /a refresh --all");
        assert_eq!(
            aimed("do `atocore x`, then `atocore y` or `z`"),
            "do `atocore --data-dir /a x`, then `atocore --data-dir /a y` or `z`"
        );
        for kept in
            ["atocore did `x`", "see `atocore.toml`", "`atocore`", "`atocore --data-dir DIR status`", ""]
        {
            assert_eq!(aimed(kept), kept);
        }
    }

    #[test]
    fn sizes_and_counts_are_readable() {
        assert_eq!([size(0), size(1023), size(1536), size(5 << 30)], ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!(
            [count(1, "file"), count(2, "file"), count(0, "entry")],
            ["1 file", "2 files", "0 entries"]
        );
        assert_eq!(second("2026-04-06T18:42:19.000000+00:00"), "2026-04-06T18:42:19Z");
    }
}
