//! Passages of documents: a few lines of them, and the words that were asked for.

use atocore_model::text::{folded, is_dense, words};

use super::{indented, width, wrapped};

/// The beginning of a passage in at most `most` lines of `width` cells. Prose is set anew; lines of code, rows of tables and
/// items of lists stay lines, cut where they are too long. Lines that say nothing, such as rules and the borders of code,
/// are left out.
pub(crate) fn excerpt(text: &str, most: usize, width: usize) -> Vec<String> {
    let mut set: Vec<String> = Vec::new();
    for part in parts(text) {
        match part {
            TextPart::Prose(text) => set.extend(wrapped(&text, width)),
            TextPart::Line(line) => set.push(cut(&line, width)),
        }
        if set.len() > most {
            set.truncate(most);
            if let Some(last) = set.last_mut().filter(|last| !last.ends_with('…')) {
                *last = goes_on(last, width);
            }
            return set;
        }
    }
    set
}

enum TextPart {
    /// Lines of one paragraph, as one.
    Prose(String),
    /// A line that is to stay one.
    Line(String),
}

fn parts(text: &str) -> Vec<TextPart> {
    let mut parts = Vec::new();
    let (mut in_code, mut in_paragraph) = (false, false);
    let least = text.lines().filter(|line| says_something(line)).map(indentation).min().unwrap_or(0);
    for line in text.lines().map(indented) {
        let shown = line.trim_start();
        if shown.starts_with("```") || shown.starts_with("~~~") {
            in_code = !in_code;
            in_paragraph = false;
        } else if line.trim().is_empty() {
            in_paragraph = false;
        } else if !says_something(&line) {
            // The border of a table or a rule.
            in_paragraph = false;
        } else if in_code || is_row(shown) || (indentation(&line) >= least + 4 && !in_paragraph) {
            parts.push(TextPart::Line(line.chars().skip(least.min(indentation(&line))).collect()));
            in_paragraph = false;
        } else {
            match parts.last_mut() {
                Some(TextPart::Prose(prose)) if in_paragraph && !begins_item(shown) => {
                    prose.push(' ');
                    prose.push_str(shown);
                }
                _ => parts.push(TextPart::Prose(shown.to_owned())),
            }
            in_paragraph = true;
        }
    }
    parts
}

fn indentation(line: &str) -> usize {
    let line = line.replace('\t', "    ");
    line.len() - line.trim_start().len()
}

fn is_row(line: &str) -> bool {
    line.starts_with('|')
}

fn begins_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_key = line.split_once(": ").is_some_and(|(key, _)| {
        key.len() <= 30 && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    });
    let is_numbered = number.len() < line.len() && (number.starts_with(". ") || number.starts_with(") "));
    is_key || is_numbered || line.starts_with(['-', '*', '+', '#', '>']) && line.contains(' ')
}

fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

/// A line with the sign that the text goes on, within `most` cells.
fn goes_on(line: &str, most: usize) -> String {
    let whole_words = std::iter::successors(Some(line), |line| Some(line.rsplit_once(' ')?.0));
    let fits = whole_words.map(|line| format!("{line} …")).find(|line| width(line) <= most);
    fits.unwrap_or_else(|| cut(&format!("{line} …"), most))
}

/// A line within `most` cells.
fn cut(line: &str, most: usize) -> String {
    if width(line) <= most {
        return line.to_owned();
    }
    let mut cut = String::new();
    for c in line.chars() {
        if width(&cut) + width(c.encode_utf8(&mut [0; 4])) + 1 > most {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// The words of a question, by which the same words of an answer are marked.
#[derive(Debug)]
pub(crate) struct QuestionWords(Vec<String>);

/// Words that are everywhere are not marked.
const COMMON: [&str; 24] = [
    "the", "and", "for", "are", "was", "how", "why", "who", "what", "when", "where", "which", "with", "that",
    "this", "is", "in", "of", "to", "a", "an", "do", "does", "it",
];

impl QuestionWords {
    pub(crate) fn new(question: &str) -> Self {
        let words = words(question).map(|word| folded(word).into_owned());
        Self(words.filter(|word| !COMMON.contains(&word.as_str())).collect())
    }

    /// `line` with `paint` applied to every word that was asked for, in whatever form.
    pub(crate) fn mark(&self, line: &str, paint: impl Fn(&str) -> String) -> String {
        let mut marked = String::new();
        let mut end = 0;
        for word in words(line) {
            let start = word.as_ptr() as usize - line.as_ptr() as usize;
            marked.push_str(&line[end..start]);
            end = start + word.len();
            let form = folded(word);
            if self.0.iter().any(|asked| is_same(asked, &form)) {
                marked.push_str(&paint(word));
            } else {
                marked.push_str(&self.within(word, &paint));
            }
        }
        marked.push_str(&line[end..]);
        marked
    }

    /// Where words are not parted, one that was asked for may be a part of a run.
    fn within(&self, run: &str, paint: impl Fn(&str) -> String) -> String {
        let is_part = |asked: &&String| asked.chars().any(is_dense) && run.contains(asked.as_str());
        match self.0.iter().find(is_part) {
            Some(asked) => run.replace(asked.as_str(), &paint(asked)),
            None => run.to_owned(),
        }
    }
}

/// Whether two words are forms of one: all but the end of them is the same.
fn is_same(asked: &str, word: &str) -> bool {
    if asked == word {
        return true;
    }
    let shared = asked.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
    let (shorter, longer) = (asked.chars().count().min(word.chars().count()), asked.len().max(word.len()));
    let ending = if shared >= 6 { 2 } else { 1 };
    shared >= 4 && shared + ending >= shorter && longer <= shared + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_set_anew_and_says_that_it_goes_on() {
        assert_eq!(excerpt("\n---\none two\nthree\n\nfour\n", 3, 10), ["one two", "three", "four"]);
        assert_eq!(excerpt("one two three four five", 2, 10), ["one two", "three …"]);
        assert_eq!(excerpt("one\ntwo", 2, 10), ["one two"]);
        assert_eq!(excerpt("abcdefghijklm", 2, 10), ["abcdefghij", "klm"]);
        assert_eq!(excerpt("abcdefghijklmnopqrstuvwxyz", 2, 10), ["abcdefghij", "klmnopqrs…"]);
        assert_eq!(excerpt("日本語の文章です", 2, 10), ["日本語の文", "章です"]);
    }

    #[test]
    fn code_tables_and_lists_stay_lines() {
        let code = "Run it:\n```sh\ncargo run\n  --release\n```\nDone.";
        assert_eq!(excerpt(code, 9, 40), ["Run it:", "cargo run", "  --release", "Done."]);
        let table = "| step | owner |\n|------|-------|\n| generate | me and many others |";
        assert_eq!(excerpt(table, 9, 20), ["| step | owner |", "| generate | me and…"]);
        assert_eq!(excerpt("aliases: [k8s]\nabout: it", 9, 40), ["aliases: [k8s]", "about: it"]);
        assert_eq!(excerpt("1. one\n2. two\n   more\n- three", 9, 40), ["1. one", "2. two more", "- three"]);
        assert_eq!(
            excerpt("text\n\n    fn a() {\n        b\n    }", 9, 40),
            ["text", "    fn a() {", "        b"]
        );
    }

    #[test]
    fn words_that_were_asked_for_are_marked_in_every_form() {
        let mark =
            |question: &str, line: &str| QuestionWords::new(question).mark(line, |word| format!("[{word}]"));
        assert_eq!(
            mark("how are keys restored?", "Restore the Keys, restoring a key-ring. How?"),
            "[Restore] the [Keys], [restoring] a key-ring. How?"
        );
        assert_eq!(mark("café", "CAFÉ cafe\u{301} cafeteria"), "[CAFÉ] [cafe\u{301}] cafeteria");
        assert_eq!(mark("検索", "全文検索です"), "全文[検索]です");
        assert_eq!(mark("the", "the"), "the");
        assert_eq!(mark("", "any (text) — here"), "any (text) — here");
    }
}
