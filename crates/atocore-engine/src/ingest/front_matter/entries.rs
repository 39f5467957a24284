//! Cuts front matter into its top-level entries by their lines, so that one that cannot be read costs only itself.

use std::{collections::BTreeMap, ops::Range};

use atocore_model::document::{FieldValue, FrontMatterField};

use super::{Language, MAX_DEPTH, Unreadable, yaml};

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

/// What more than a text begins with.
const STRUCTURES: [char; 7] = ['[', '{', '&', '*', '!', '|', '>'];

/// Reads an entry whose only fault is that its text would need quotation marks: one line, no beginning of a structure.
pub(super) fn as_text(language: Language, entry: &Entry<'_>) -> Option<FrontMatterField> {
    let sign = if matches!(language, Language::Yaml) { ':' } else { '=' };
    let mut lines = entry.text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let text = line.split_once(sign)?.1.trim();
    if entry.key.is_empty() || text.is_empty() || text.starts_with(STRUCTURES) {
        return None;
    }
    Some(FrontMatterField { key: entry.key.to_owned(), value: FieldValue::One(text.to_owned()) })
}

/// The line with its value, or its item of a list, in quotation marks, unless that begins a structure.
fn in_quotes(line: &str) -> Option<String> {
    let mut value = line.trim_start();
    while let Some(item) = value.strip_prefix("- ") {
        value = item.trim_start();
    }
    if let Some((_, of_key)) = value.split_once(": ").filter(|_| key_of(value, ':').is_some()) {
        value = of_key.trim_start();
    }
    let before = &line[..line.len() - value.len()];
    let value = value.trim_end();
    let is_text = !value.is_empty() && !value.starts_with(STRUCTURES);
    is_text.then(|| format!("{before}'{}'", value.replace('\'', "''")))
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
    /// What was parsed to find lines that cannot be read, in bytes; it takes nothing from what other entries may have.
    searched: usize,
}

impl EntryReader {
    pub(super) const fn new(language: Language) -> Self {
        Self { language, anchors: String::new(), known: 0, parsed: 0, searched: 0 }
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

    /// Reads an entry of several lines of YAML without those that cannot be read: each is taken as text, or left out. Also
    /// gives their numbers in the entry, and whether they are left out.
    pub(super) fn mend(
        &mut self,
        entry: &Entry<'_>,
    ) -> Option<(Vec<FrontMatterField>, BTreeMap<usize, bool>)> {
        if nests_too_deep(Language::Yaml, &self.anchors) || nests_too_deep(Language::Yaml, entry.text) {
            return None;
        }
        let mut lines: Vec<String> = entry.text.lines().map(str::to_owned).collect();
        let is_faulty = |line: &str| yaml::fault_line(line.trim_start()).is_some();
        let faulty: Vec<bool> = lines.iter().map(|line| is_faulty(line)).collect();
        let mut mended = BTreeMap::new();
        while let Some(found) = self.fault_line(&lines) {
            let found = found.min(lines.len() - 1);
            let has_tab = |at: &usize| {
                lines.get(*at).is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'))
            };
            // A tab is found from the line above it, and what is not closed from one below.
            let above = (1..=found).rev().find(|at| faulty[*at] && mended.get(at) != Some(&true));
            let places = [Some(found + 1).filter(has_tab), above, Some(found).filter(|at| *at > 0)];
            let ways = places.into_iter().flatten().flat_map(|at| match mended.get(&at) {
                None => [in_quotes(&lines[at]).map(|line| (at, Some(line))), Some((at, None))],
                Some(false) => [Some((at, None)), None],
                Some(true) => [None, None],
            });
            let ways: Vec<(usize, Option<String>)> = ways.flatten().collect();
            let mut helps = |(at, line): &&(usize, Option<String>)| {
                let mut lines = lines.clone();
                lines[*at] = line.clone().unwrap_or_default();
                self.fault_line(&lines).is_none_or(|next| next > found)
            };
            let (at, line) = ways.iter().find(&mut helps).or_else(|| ways.first())?.clone();
            let _before = mended.insert(at, line.is_none());
            lines[at] = line.unwrap_or_default();
        }
        let text = lines.join("\n");
        let fields = self.read(&Entry { key: entry.key, text: &text, span: entry.span.clone() }).ok()?;
        Some((fields, mended))
    }

    /// The line at which the lines of an entry turn out not to be YAML; `None` also when enough was parsed.
    fn fault_line(&mut self, lines: &[String]) -> Option<usize> {
        let text = format!("{}{}\n", self.anchors, lines.join("\n"));
        self.searched += text.len();
        let above = self.anchors.matches('\n').count();
        (self.parsed <= MAX_PARSED)
            .then(|| yaml::fault_line(&text))
            .flatten()
            .map(|at| at.saturating_sub(above))
    }
}
