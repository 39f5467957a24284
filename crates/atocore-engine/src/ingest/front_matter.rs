//! Reads the front matter of a Markdown document: YAML between `---` lines or TOML between `+++` lines at its very top.
//!
//! Takes title, tags and date and looks at nothing else. Never fails: what cannot be read counts as text.

use atocore_model::{name::Tag, time::Timestamp};
use jiff::{civil, tz::TimeZone};
use saphyr_parser::{Event, Parser, ScalarStyle};

use super::markdown::one_line;

/// What a document says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    /// On one line; never empty.
    pub(super) title: Option<String>,
    /// In their order, no two the same; what cannot be a tag is left out.
    pub(super) tags: Vec<Tag>,
    /// When it was last changed, else when it was written.
    pub(super) date: Option<Timestamp>,
}

/// What stands at the top of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// No front matter.
    Absent,
    /// Front matter up to the byte `end`.
    Read {
        /// What it says.
        front_matter: FrontMatter,
        /// Where the body begins.
        end: usize,
    },
    /// Something that was meant to be front matter, up to the byte `end`.
    Malformed {
        /// Where the body begins.
        end: usize,
    },
}

/// Front matter that is longer, in bytes, is taken for malformed.
const MAX_LENGTH: usize = 64 * 1024;

/// Keys that say when a document was changed or written, the most telling first.
const DATE_KEYS: [&str; 7] =
    ["updated", "modified", "last_modified", "lastmod", "date", "published", "created"];

/// Reads the front matter of `text`, which has no byte order mark.
pub(super) fn read(text: &str) -> Header {
    let Some((language, content, end)) = delimited(text) else { return Header::Absent };
    if content.trim().is_empty() {
        return Header::Read { front_matter: FrontMatter::default(), end };
    }
    let fields = match language {
        _ if content.len() > MAX_LENGTH => Fields::Malformed,
        Language::Yaml => yaml_fields(content),
        Language::Toml => toml_fields(content),
    };
    match fields {
        Fields::Some(fields) => Header::Read { front_matter: fields.into_front_matter(), end },
        Fields::Malformed if looks_meant(content) => Header::Malformed { end },
        Fields::Malformed | Fields::None => Header::Absent,
    }
}

#[derive(Clone, Copy)]
enum Language {
    Yaml,
    Toml,
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
fn looks_meant(content: &str) -> bool {
    let line = content.lines().next().unwrap_or_default();
    line.split_once([':', '=']).is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''))
    })
}

/// The value of a top-level key, as far as it is of use.
enum Value {
    One(String),
    Many(Vec<String>),
}

/// What the text between the delimiters is.
enum Fields {
    Some(TopLevel),
    /// Well formed, but without keys.
    None,
    Malformed,
}

/// The top-level keys, folded to one spelling, with their values, in their order.
#[derive(Default)]
struct TopLevel(Vec<(String, Value)>);

impl TopLevel {
    fn add(&mut self, key: &str, value: Value) {
        self.0.push((key.trim().to_lowercase().replace('-', "_"), value));
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::One(text) => Some(text),
            Value::Many(_) => None,
        }
    }

    fn into_front_matter(self) -> FrontMatter {
        FrontMatter {
            title: self.text("title").map(one_line).filter(|title| !title.is_empty()),
            tags: self.tags(),
            date: DATE_KEYS.iter().find_map(|key| parse_date(self.text(key)?)),
        }
    }

    fn tags(&self) -> Vec<Tag> {
        let words =
            ["tags", "tag", "keywords"].iter().filter_map(|key| self.get(key)).flat_map(
                |value| match value {
                    Value::Many(list) => list.iter().map(String::as_str).collect(),
                    Value::One(text) if text.contains(',') => text.split(',').collect(),
                    Value::One(text) => text.split_whitespace().collect::<Vec<_>>(),
                },
            );
        let mut tags: Vec<Tag> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for word in words {
            if let Ok(tag) = word.trim().trim_start_matches('#').parse::<Tag>()
                && seen.insert(tag.folded())
            {
                tags.push(tag);
            }
        }
        tags
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

/// Walks the events of the parser instead of building a tree: aliases cannot blow up, nesting costs nothing, and `1.10`
/// stays as it was written.
fn yaml_fields(content: &str) -> Fields {
    let mut fields = TopLevel::default();
    let mut depth = 0_usize;
    let mut key: Option<Option<String>> = None;
    let mut list: Option<Vec<String>> = None;
    let mut mapping = false;
    for event in Parser::new_from_str(content) {
        let Ok((event, _)) = event else { return Fields::Malformed };
        let node = match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let sequence = matches!(event, Event::SequenceStart(..));
                if depth == 0 && sequence {
                    return Fields::None;
                }
                if depth == 1 && sequence && key.is_some() {
                    list = Some(Vec::new());
                }
                mapping = true;
                depth += 1;
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                list.take_if(|_| depth == 1).map(Value::Many)
            }
            Event::Scalar(..) if depth == 0 => return Fields::None,
            Event::Scalar(text, style, ..) => {
                let null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                if depth == 2
                    && let Some(list) = &mut list
                    && !null
                {
                    list.push(text.into_owned());
                    continue;
                }
                (!null).then(|| Value::One(text.into_owned()))
            }
            Event::Alias(_) if depth == 0 => return Fields::None,
            Event::Alias(_) => None,
            // A second document would hide keys of the first.
            Event::DocumentStart(_) if !fields.0.is_empty() => return Fields::Malformed,
            _ => continue,
        };
        if depth != 1 {
            continue;
        }
        match (key.take(), node) {
            (None, Some(Value::One(name))) => key = Some(Some(name)),
            (None, _) => key = Some(None),
            (Some(Some(name)), Some(value)) => fields.add(&name, value),
            (Some(_), _) => {}
        }
    }
    if mapping { Fields::Some(fields) } else { Fields::None }
}

fn toml_fields(content: &str) -> Fields {
    let Ok(table) = content.parse::<toml::Table>() else { return Fields::Malformed };
    let mut fields = TopLevel::default();
    for (key, value) in &table {
        let value = match value {
            toml::Value::Array(items) => Some(Value::Many(items.iter().filter_map(toml_text).collect())),
            other => toml_text(other).map(Value::One),
        };
        if let Some(value) = value {
            fields.add(key, value);
        }
    }
    if table.is_empty() { Fields::None } else { Fields::Some(fields) }
}

fn toml_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
