//! Reads `atocore.toml`: a flat table of the settings by their lower-case names.

use std::path::Path;

use atocore_engine::files::stream;
use atocore_model::nearest::nearest;

use super::{Fault, Key, SettingOrigin};

/// The name of the settings file.
pub(super) const NAME: &str = "atocore.toml";

/// The largest settings file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// Settings of a file as text, in its order.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub(super) values: Vec<(Key, String)>,
    pub(super) faults: Vec<Fault>,
}

/// Reads a settings file. What is wrong in it becomes faults; the rest still counts, so that all is named at once.
pub(super) fn read(path: &Path) -> FileSettings {
    match stream::head(path, MOST_BYTES + 1) {
        Ok(bytes) if bytes.len() as u64 > MOST_BYTES => {
            unreadable(path, format!("it is larger than {MOST_BYTES} bytes"))
        }
        Ok(bytes) => parse(path, &bytes),
        Err(error) => unreadable(path, error.source.to_string()),
    }
}

fn unreadable(path: &Path, why: String) -> FileSettings {
    FileSettings {
        faults: vec![Fault::File { origin: SettingOrigin::File(path.to_owned()), why, hint: None }],
        ..FileSettings::default()
    }
}

/// The settings in the bytes of the file at `path`.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> FileSettings {
    let origin = || SettingOrigin::File(path.to_owned());
    let whole = |why: String| unreadable(path, why);
    let Ok(text) = std::str::from_utf8(bytes) else { return whole("it is not UTF-8 text".to_owned()) };
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        // The text of the line is not shown: it may hold the token.
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            return whole(format!("line {line}: {}", error.message().lines().next().unwrap_or_default()));
        }
    };
    let mut read = FileSettings::default();
    for (name, value) in table {
        // The home is the folder that the file lies in, so it cannot be set there.
        match Key::of(&name.to_ascii_uppercase()).filter(|key| *key != Key::Home && key.file_name() == name) {
            Some(key) => match as_text(&value) {
                Some(text) => read.values.push((key, text)),
                None => {
                    let allowed = "a string or a number";
                    read.faults.push(Fault::value(key, &value.to_string(), allowed, origin()));
                }
            },
            None => read.faults.push(Fault::Unknown {
                nearest: nearest_name(&name),
                name: if value.is_table() { format!("[{name}]") } else { name },
                origin: origin(),
            }),
        }
    }
    read
}

fn nearest_name(name: &str) -> Option<String> {
    let known: Vec<_> = Key::ALL.iter().filter(|key| **key != Key::Home).map(|key| key.file_name()).collect();
    nearest(&name.to_ascii_lowercase(), known.iter().map(String::as_str)).map(ToOwned::to_owned)
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
