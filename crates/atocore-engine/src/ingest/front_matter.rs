//! Reads the front matter of a Markdown document: YAML between `---` lines or TOML between `+++` lines at its very top.
//!
//! Never fails: an entry that cannot be read costs itself, and what is no front matter counts as text. Length and nesting
//! are bounded before a library sees them.

mod entries;
mod toml;
mod yaml;

use std::{collections::HashSet, ops::Range};

use atocore_model::{
    document::{FieldValue, FrontMatter, FrontMatterField},
    time::Timestamp,
};
use entries::{Entry, EntryReader};
use jiff::{civil, tz::TimeZone};

use super::{inline::Tags, one_line::one_line};

/// What stands at the top of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// No front matter.
    Absent,
    /// Front matter up to the byte `end`.
    Read {
        /// What it says.
        front_matter: FrontMatter,
        /// The parts of it that say more than title, tags and date, as they stand.
        telling: Vec<Range<usize>>,
        /// All of it, without the lines around it.
        content: Range<usize>,
        /// Where the body begins.
        end: usize,
    },
    /// Something that was meant to be front matter, up to the byte `end`.
    Malformed {
        /// Why it could not be read, a sentence.
        fault: String,
        /// Where the body begins.
        end: usize,
    },
}

/// Front matter that is longer, in bytes, is taken for malformed.
const MAX_LENGTH: usize = 64 * 1024;

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 32;

/// What is kept of it: so many fields, and so many bytes in all of them.
const MAX_FIELDS: usize = 1_000;
const MAX_BYTES: usize = 128 * 1024;

/// So many faults are said one by one.
const MAX_FAULTS: usize = 5;

/// Keys that say when a document was changed or written, the most telling first.
const DATE_KEYS: [&str; 7] =
    ["updated", "modified", "last_modified", "lastmod", "date", "published", "created"];

const TAG_KEYS: [&str; 3] = ["tags", "tag", "keywords"];

/// Keys whose value is of use even when it is a single word.
const TELLING_KEYS: [&str; 8] =
    ["alias", "aliases", "description", "summary", "abstract", "subtitle", "excerpt", "name"];

/// What cannot be read.
#[derive(Debug)]
struct Unreadable;

/// Reads the front matter of `text`, which has no byte order mark.
pub(super) fn read(text: &str) -> Header {
    let Some((language, content, end)) = delimited(text) else { return Header::Absent };
    let start = content.as_ptr() as usize - text.as_ptr() as usize;
    let span = start..start + content.len();
    let found = |front_matter, telling: Vec<Range<usize>>| {
        let telling = telling.into_iter().map(|part| start + part.start..start + part.end).collect();
        Header::Read { front_matter, telling, content: span.clone(), end }
    };
    if content.trim().is_empty() {
        return found(FrontMatter::default(), Vec::new());
    }
    let is_meant = || looks_meant(language, content);
    if content.len() > MAX_LENGTH {
        let fault =
            format!("front matter of {} bytes is read as text, {MAX_LENGTH} are allowed", content.len());
        return if is_meant() { Header::Malformed { fault, end } } else { Header::Absent };
    }
    let entries = entries::cut(language, content);
    match fields(language, content) {
        Ok(None) => Header::Absent,
        Ok(Some(fields)) => {
            let front_matter = limited(fields, Vec::new());
            let telling = telling(&front_matter.fields, &entries, &HashSet::new());
            found(front_matter, telling)
        }
        Err(Unreadable) if !is_meant() => Header::Absent,
        Err(Unreadable) => match one_by_one(language, content, &entries) {
            Some((front_matter, bad)) => {
                let telling = telling(&front_matter.fields, &entries, &bad);
                found(front_matter, telling)
            }
            None => {
                let fault = format!("front matter that is not valid {} is read as text", language.name());
                Header::Malformed { fault, end }
            }
        },
    }
}

#[derive(Clone, Copy)]
enum Language {
    Yaml,
    Toml,
}

impl Language {
    const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
        }
    }
}

/// Finds the two delimiter lines: gives what stands between them, and where the line after them begins.
fn delimited(text: &str) -> Option<(Language, &str, usize)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    let (language, closers): (_, &[&str]) = match first.trim_end() {
        "---" => (Language::Yaml, &["---", "..."]),
        "+++" => (Language::Toml, &["+++"]),
        _ => return None,
    };
    let mut offset = first.len();
    for line in lines {
        let start = offset;
        offset += line.len();
        if closers.contains(&line.trim_end()) {
            return Some((language, &text[first.len()..start], offset));
        }
        // Between two thematic breaks stands prose, set off by a blank line.
        if matches!(language, Language::Yaml) && start == first.len() && line.trim().is_empty() {
            return None;
        }
    }
    None
}

/// Whether the first line is a key, so that the lines are broken front matter and not a text between two rules.
fn looks_meant(language: Language, content: &str) -> bool {
    let sign = if matches!(language, Language::Yaml) { ':' } else { '=' };
    entries::key_of(content, sign).is_some_and(|key| !key.contains(' '))
}

/// Reads the fields of a whole text, unless it nests too deep; `None` when it is well formed and has no keys.
fn fields(language: Language, content: &str) -> Result<Option<Vec<FrontMatterField>>, Unreadable> {
    if entries::nests_too_deep(language, content) {
        return Err(Unreadable);
    }
    match language {
        Language::Yaml => yaml::fields(content),
        Language::Toml => toml::fields(content),
    }
}

/// Reads every entry by itself, because not all of them can be read; gives what could be, and which could not. `None` when
/// nothing could be.
fn one_by_one(
    language: Language,
    content: &str,
    entries: &[Entry<'_>],
) -> Option<(FrontMatter, HashSet<usize>)> {
    let mut reader = EntryReader::new(language);
    let (mut kept, mut faults, mut bad) = (Vec::new(), Vec::new(), HashSet::new());
    let (mut line, mut keys) = (2, HashSet::new());
    for (index, entry) in entries.iter().enumerate() {
        // Tables of a list have one name.
        let is_repeated = !keys.insert(entry.key) && !entry.text.starts_with("[[");
        match reader.read(entry) {
            Ok(fields) if is_repeated && !fields.is_empty() => {
                let key = one_line(entry.key);
                faults
                    .push(format!("line {line} of the front matter has `{key}` once more: the first counts"));
                let _new = bad.insert(index);
            }
            Ok(fields) => kept.extend(fields),
            Err(Unreadable) if entry.text.trim().is_empty() => {}
            Err(Unreadable) => {
                let valid = language.name();
                let mut fault = |line: usize, what: &str, is_left_out| {
                    let what = one_line(what);
                    let became = if is_left_out { "is left out" } else { "is taken as text" };
                    faults.push(format!(
                        "line {line} of the front matter is not valid {valid}: `{what}` {became}"
                    ));
                };
                let mended = match language {
                    Language::Yaml if entry.text.trim().contains('\n') => reader.mend(entry),
                    _ => None,
                };
                let is_left_out = if let Some((fields, lines)) = mended {
                    let texts: Vec<&str> = entry.text.lines().collect();
                    lines.iter().for_each(|(at, is_out)| fault(line + at, texts[*at].trim(), *is_out));
                    kept.extend(fields);
                    lines.values().any(|is_out| *is_out)
                } else {
                    let field = entries::as_text(language, entry);
                    fault(line, entry.key, field.is_none());
                    let is_left_out = field.is_none();
                    kept.extend(field);
                    is_left_out
                };
                if is_left_out {
                    let _new = bad.insert(index);
                }
            }
        }
        line += content[entry.span.clone()].matches('\n').count();
    }
    (!kept.is_empty()).then(|| (limited(kept, faults), bad))
}

/// Keeps as much as is allowed, of several fields with one name the first.
fn limited(fields: Vec<FrontMatterField>, mut faults: Vec<String>) -> FrontMatter {
    let (mut kept, mut seen, mut bytes, mut left_out) = (Vec::new(), HashSet::new(), 0, 0_usize);
    for field in fields {
        bytes += field.key.len() + field.value.texts().iter().map(String::len).sum::<usize>();
        if kept.len() >= MAX_FIELDS || bytes > MAX_BYTES {
            left_out += 1;
        } else if seen.insert(field.key.clone()) {
            kept.push(field);
        }
    }
    if left_out > 0 {
        faults.push(format!("{left_out} fields of the front matter are left out: it is too large"));
    }
    if let Some(more) = faults.len().checked_sub(MAX_FAULTS + 1) {
        faults.truncate(MAX_FAULTS);
        faults.push(format!("and {} more faults of the front matter", more + 1));
    }
    FrontMatter { fields: kept, faults }
}

/// The spans of the entries that say more than the document says elsewhere, and of those that could not be read. Tags go
/// with them, so that the passage is found by their meaning too.
fn telling(fields: &[FrontMatterField], entries: &[Entry<'_>], bad: &HashSet<usize>) -> Vec<Range<usize>> {
    let mut keys: HashSet<&str> = HashSet::new();
    for field in fields.iter().filter(|field| is_telling(field)) {
        let _new = keys.insert(&field.key);
        keys.extend(field.key.match_indices('.').map(|(dot, _)| &field.key[..dot]));
    }
    let tells = |(index, entry): (usize, &Entry<'_>)| bad.contains(&index) || keys.contains(entry.key);
    if !entries.iter().enumerate().any(tells) {
        return Vec::new();
    }
    let is_tags = |entry: &Entry<'_>| TAG_KEYS.contains(&folded(entry.key).as_str());
    let told = entries.iter().enumerate().filter(|(index, entry)| tells((*index, entry)) || is_tags(entry));
    told.map(|(_, entry)| entry.span.clone()).collect()
}

/// Whether a field is worth a passage. All others are found by their words with the first passage of the document.
fn is_telling(field: &FrontMatterField) -> bool {
    let key = folded(&field.key);
    let words = |text: &String| {
        text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).take(2).count()
    };
    let texts = field.value.texts();
    match key.as_str() {
        // A long one is cut where it serves as the title.
        "title" => title_of(field).is_none_or(|(_, is_cut)| is_cut),
        key if TAG_KEYS.contains(&key) || DATE_KEYS.contains(&key) => false,
        key if TELLING_KEYS.contains(&key) => texts.iter().any(|text| words(text) > 0),
        _ => texts.iter().any(|text| words(text) > 1),
    }
}

/// A key in the spelling by which it is known.
fn folded(key: &str) -> String {
    key.trim().to_lowercase().replace('-', "_")
}

fn value<'f>(front_matter: &'f FrontMatter, key: &str) -> Option<&'f FieldValue> {
    let field = front_matter.fields.iter().find(|field| folded(&field.key) == key);
    field.map(|field| &field.value)
}

/// The title that a field gives, and whether it is longer.
fn title_of(field: &FrontMatterField) -> Option<(String, bool)> {
    let FieldValue::One(text) = &field.value else { return None };
    let title = one_line(text);
    let is_cut = title.ends_with('…') && !text.trim_end().ends_with('…');
    (!title.is_empty()).then_some((title, is_cut))
}

/// The title that a document gives itself, on one line and never empty.
pub(super) fn title(front_matter: &FrontMatter) -> Option<String> {
    let field = front_matter.fields.iter().find(|field| folded(&field.key) == "title")?;
    title_of(field).map(|(title, _)| title)
}

/// When the document was last changed, else when it was written.
pub(super) fn date(front_matter: &FrontMatter) -> Option<Timestamp> {
    DATE_KEYS.iter().find_map(|key| match value(front_matter, key)? {
        FieldValue::One(text) => parse_date(text),
        FieldValue::Many(_) => None,
    })
}

/// Adds its tags, however they are written.
pub(super) fn add_tags(front_matter: &FrontMatter, tags: &mut Tags) {
    for value in TAG_KEYS.iter().filter_map(|key| value(front_matter, key)) {
        match value {
            FieldValue::Many(list) => list.iter().for_each(|word| tags.add(word)),
            FieldValue::One(text) if text.contains(',') => text.split(',').for_each(|word| tags.add(word)),
            FieldValue::One(text) => text.split_whitespace().for_each(|word| tags.add(word)),
        }
    }
}

/// Reads a date with or without time and zone; without a zone it is in UTC.
fn parse_date(text: &str) -> Option<Timestamp> {
    // "2024-05-01 10:00:00 +0200" and "2024-05-01 10:00 UTC" are common, the parser wants no space there.
    let text = text.trim();
    let text = match text.rsplit_once(' ') {
        Some((time, "UTC" | "GMT" | "Z")) => format!("{}Z", time.trim_end()),
        Some((time, zone)) if zone.starts_with(['+', '-']) => format!("{}{zone}", time.trim_end()),
        _ => text.to_owned(),
    };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::new(time));
    }
    let local: civil::DateTime = text.parse().ok()?;
    Some(Timestamp::new(local.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

#[cfg(test)]
mod tests;
