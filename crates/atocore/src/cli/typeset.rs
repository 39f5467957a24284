//! Sets text for a terminal: columns, sizes, passages. Control characters of documents never reach the terminal.

mod passage;
mod table;

use std::fmt::Display;

use atocore_model::text::is_harmful;
pub(crate) use atocore_model::text::shell;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) use passage::{QuestionWords, excerpt};
pub(super) use table::Table;

/// How many cells of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Text in lines of at most `most` cells, broken between words; a word that is too long is broken within.
pub(crate) fn wrapped(text: &str, most: usize) -> Vec<String> {
    in_lines(text.split_whitespace(), most, broken)
}

/// The same with words as they are, so that ids, paths and commands can be copied: a line of one that is too long is
/// longer. Words of scripts without blanks are broken within.
pub(crate) fn unbroken(text: &str, most: usize) -> Vec<String> {
    in_lines(text.split_whitespace(), most, whole_or_broken)
}

fn whole_or_broken(word: &str, most: usize) -> Vec<String> {
    if stays_whole(word) { vec![word.to_owned()] } else { broken(word, most) }
}

/// Advice with each of its lines in lines of at most `most` cells, those that it goes on in moved in. A command between two
/// backticks stays whole, like every word.
pub(crate) fn advice(text: &str, most: usize) -> String {
    let set = |line: &str| {
        if width(line) <= most {
            return line.to_owned();
        }
        let start = &line[..line.len() - line.trim_start().len()];
        let room = most.saturating_sub(start.len() + 2);
        let lines = in_lines(commands_and_words(line), room, whole_or_broken);
        format!("{start}{}", lines.join(&format!("\n{start}  ")))
    };
    text.split('\n').map(set).collect::<Vec<_>>().join("\n")
}

/// The words of a line, what stands between two backticks as one.
fn commands_and_words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    let is_closed = line.matches('`').count().is_multiple_of(2);
    for word in line.split_whitespace() {
        match words.last_mut().filter(|_| is_open && is_closed) {
            Some(last) => last.push_str(&format!(" {word}")),
            None => words.push(word.to_owned()),
        }
        is_open ^= !word.matches('`').count().is_multiple_of(2);
    }
    words
}

/// Whether a word may be what somebody copies.
fn stays_whole(word: &str) -> bool {
    word.contains('/') || word.chars().all(|c| c.width() != Some(2))
}

fn in_lines(
    words: impl IntoIterator<Item: AsRef<str>>,
    most: usize,
    too_long: impl Fn(&str, usize) -> Vec<String>,
) -> Vec<String> {
    let most = most.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let word = word.as_ref();
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ if width(word) <= most => lines.push(word.to_owned()),
            _ => lines.extend(too_long(word, most)),
        }
    }
    lines
}

/// A word in pieces of at most `most` cells.
fn broken(word: &str, most: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for c in word.chars() {
        let cells = c.width().unwrap_or(0);
        if taken + cells > most && taken > 0 {
            pieces.push(String::new());
            taken = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
        taken += cells;
    }
    pieces
}

/// Text of a document or a file name as one harmless line: control characters and line ends become blanks.
pub(crate) fn plain(text: impl Display) -> String {
    text.to_string()
        .chars()
        .map(|c| if is_harmful(c) { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
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
pub(super) fn day(time: impl Display) -> String {
    time.to_string().chars().take(10).collect()
}

/// What a value is shown as; nothing when there is none.
pub(super) fn or_empty(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// An ISO 8601 time without fractions of a second: `2026-04-06T18:42:19Z`.
pub(super) fn second(time: impl Display) -> String {
    let time = time.to_string();
    match time.get(..19) {
        Some(start) if time.ends_with("+00:00") || time.ends_with('Z') => format!("{start}Z"),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_command_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\u{202e}c\n"), "a [2Jb  c");
        assert_eq!(harmless("\t a\u{1b}[2Jb"), "\t a [2Jb");
        assert_eq!(excerpt("\u{1b}]0;x\u{7}y", 3, 80), ["]0;x y"]);
        assert_eq!(plain("one\u{2028}two\u{85}three\u{200b}"), "one two three");
        assert_eq!(indented("\tif\u{1b}[2J \r"), "    if [2J");
    }

    #[test]
    fn text_is_broken_between_words_and_counted_in_cells() {
        assert_eq!(wrapped("one  two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("/a/long/path x", 5), ["/a/lo", "ng/pa", "th x"]);
        assert_eq!(wrapped("日本語 ab", 5), ["日本", "語 ab"]);
        assert_eq!(wrapped("", 5), [""; 0]);
        assert_eq!(unbroken("at /a/long/path x 日本語", 5), ["at", "/a/long/path", "x", "日本", "語"]);
        assert_eq!((width("👩‍💻"), width("e\u{301}"), width("한")), (2, 1, 2));
    }

    #[test]
    fn advice_is_set_within_the_width_and_its_commands_stay_whole() {
        assert_eq!(
            advice("\n  hint: one `atocore x y` two three", 20),
            "\n  hint: one\n    `atocore x y`\n    two three"
        );
        assert_eq!(advice("a ` b c d e f g", 8), "a ` b\n  c d e\n  f g");
        assert_eq!(advice("short `enough`", 14), "short `enough`");
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
