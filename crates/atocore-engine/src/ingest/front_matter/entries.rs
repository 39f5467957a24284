//! Cuts front matter into its top-level entries by their lines, so that one that cannot be read costs only itself.

use std::ops::Range;

use atocore_model::document::{FieldValue, FrontMatterField};

use super::{Language, MAX_DEPTH, Unreadable};

/// A key with everything below it, as lines.
pub(super) struct Entry<'a> {
    /// What stands before the colon or the equals sign of its first line.
    pub(super) key: &'a str,
    pub(super) text: &'a str,
    /// In bytes of what was cut.
    pub(super) span: Range<usize>,
}

/// Cuts `content`; together the entries are all of it.
pub(super) fn cut(language: Language, content: &str) -> Vec<Entry<'_>> {
    let mut starts = vec![0];
    let mut in_table = false;
    let mut offset = 0;
    for line in content.split_inclusive('\n') {
        let begins = match language {
            Language::Yaml => begins_yaml(line),
            Language::Toml => {
                let is_head = line.starts_with('[') && line.trim_end().ends_with(']');
                in_table |= is_head;
                is_head || (!in_table && key_of(line, '=').is_some())
            }
        };
        if begins && offset > 0 {
            starts.push(offset);
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([content.len()]);
    let sign = if matches!(language, Language::Yaml) { ':' } else { '=' };
    let spans = starts.iter().copied().zip(ends).map(|(start, end)| start..end);
    spans
        .map(|span| {
            let text = &content[span.clone()];
            Entry { key: key_of(text, sign).unwrap_or_default(), text, span }
        })
        .collect()
}

/// Whether a line is no continuation of the one before: not indented, no item of a list, no comment, no closing bracket.
fn begins_yaml(line: &str) -> bool {
    let line = line.trim_end();
    let is_item = line == "-" || line.starts_with("- ");
    !is_item && !line.is_empty() && !line.starts_with([' ', '\t', '#', ']', '}', ',', ':'])
}

/// What stands before the sign, when it looks like a key.
pub(super) fn key_of(text: &str, sign: char) -> Option<&str> {
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    let key = line.split_once(sign)?.0.trim().trim_matches(['"', '\'']);
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '<' | ' ');
    (!key.is_empty() && key.chars().all(is_key)).then_some(key)
}

/// Whether brackets, indentation, list signs on one line or dots of a key nest deeper than anybody means it. The libraries
/// see only what does not.
pub(super) fn nests_too_deep(language: Language, text: &str) -> bool {
    let mut brackets = 0_usize;
    let mut indents: Vec<usize> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let shown = line.trim_start();
        let indent = line.len() - shown.len();
        while indents.pop_if(|outer| *outer >= indent).is_some() {}
        indents.push(indent);
        let signs = shown.split([' ', '\t']).take_while(|word| matches!(*word, "-" | "?" | ":")).count();
        let key = line.split_once('=').map_or(line, |(key, _)| key);
        let dots = key.matches('.').count();
        if indents.len() > MAX_DEPTH
            || signs > MAX_DEPTH
            || (matches!(language, Language::Toml) && dots > MAX_DEPTH && !shown.starts_with('#'))
        {
            return true;
        }
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => brackets += 1,
                b']' | b'}' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            if brackets > MAX_DEPTH {
                return true;
            }
        }
    }
    false
}

/// Reads an entry whose only fault is that its text would need quotation marks: one line, no beginning of a structure.
pub(super) fn as_text(language: Language, entry: &Entry<'_>) -> Option<FrontMatterField> {
    let sign = if matches!(language, Language::Yaml) { ':' } else { '=' };
    let mut lines = entry.text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let text = line.split_once(sign)?.1.trim();
    let begins_structure = text.starts_with(['[', '{', '&', '*', '!', '|', '>']);
    if entry.key.is_empty() || text.is_empty() || begins_structure {
        return None;
    }
    Some(FrontMatterField { key: entry.key.to_owned(), value: FieldValue::One(text.to_owned()) })
}

/// All that is parsed to find out which entries are good, in bytes.
const MAX_PARSED: usize = 2 * 1024 * 1024;

/// Reads one entry after the other.
pub(super) struct EntryReader {
    language: Language,
    /// Entries that other ones may refer to.
    anchors: String,
    /// How many fields those have.
    known: usize,
    parsed: usize,
}

impl EntryReader {
    pub(super) const fn new(language: Language) -> Self {
        Self { language, anchors: String::new(), known: 0, parsed: 0 }
    }

    /// Reads the fields of an entry.
    pub(super) fn read(&mut self, entry: &Entry<'_>) -> Result<Vec<FrontMatterField>, Unreadable> {
        let text = format!("{}{}\n", self.anchors, entry.text);
        self.parsed += text.len();
        if self.parsed > MAX_PARSED {
            return Err(Unreadable);
        }
        let mut fields = super::fields(self.language, &text)?.ok_or(Unreadable)?;
        if matches!(self.language, Language::Yaml) && entry.text.contains('&') {
            self.anchors = text;
            let before = std::mem::replace(&mut self.known, fields.len());
            return Ok(fields.split_off(before.min(fields.len())));
        }
        Ok(fields.split_off(self.known.min(fields.len())))
    }
}
