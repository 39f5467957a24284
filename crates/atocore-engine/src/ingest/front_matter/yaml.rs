//! Reads YAML into flat fields.
//!
//! Walks the events of the parser instead of building a tree: nesting costs nothing, what an alias stands for is counted
//! before it is copied, and `1.10` stays as it was written.

use std::collections::{HashMap, HashSet};

use atocore_model::document::{FieldValue, FrontMatterField};
use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{MAX_DEPTH, Unreadable};

/// How many values there may be, and how many bytes their names and texts may have, each counted as often as an alias
/// repeats it.
const MAX_VALUES: usize = 5_000;
const MAX_BYTES: usize = 256 * 1024;

/// Reads the fields of a mapping; `None` when there is something else.
pub(super) fn fields(content: &str) -> Result<Option<Vec<FrontMatterField>>, Unreadable> {
    let mut reader = YamlReader::default();
    for event in Parser::new_from_str(content) {
        let (event, _) = event.map_err(|_| Unreadable)?;
        reader.take(event)?;
    }
    Ok(reader.is_mapping.then_some(reader.fields))
}

/// The line, counted from 0, at which the parser finds that a text is not YAML; the fault itself may stand above it.
pub(super) fn fault_line(content: &str) -> Option<usize> {
    let fault = Parser::new_from_str(content).find_map(Result::err)?;
    Some(fault.marker().line().saturating_sub(1))
}

/// The values of a node with the names that lead to them; a value of the node itself has an empty name.
type Values = Vec<(String, String)>;

/// A mapping or a list that is open.
struct OpenNode {
    is_mapping: bool,
    anchor: usize,
    /// The key that waits for its value. A key that is no scalar is `Some(None)`: its value is left out.
    key: Option<Option<String>>,
    values: Values,
}

#[derive(Default)]
struct YamlReader {
    open: Vec<OpenNode>,
    anchors: HashMap<usize, (bool, Values)>,
    is_mapping: bool,
    /// The keys of the whole so far.
    keys: HashSet<String>,
    fields: Vec<FrontMatterField>,
    values: usize,
    bytes: usize,
}

impl YamlReader {
    fn take(&mut self, event: Event<'_>) -> Result<(), Unreadable> {
        match event {
            Event::MappingStart(anchor, _) => self.opens(true, anchor)?,
            Event::SequenceStart(anchor, _) => self.opens(false, anchor)?,
            Event::MappingEnd | Event::SequenceEnd => {
                let Some(done) = self.open.pop() else { return Err(Unreadable) };
                self.remember(done.anchor, !done.is_mapping, &done.values)?;
                self.node(!done.is_mapping, done.values)?;
            }
            Event::Scalar(text, style, anchor, _) => self.scalar(&text, style, anchor)?,
            Event::Alias(anchor) => {
                let (is_list, values) = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.count(&values)?;
                if let ([(name, text)], true) = (values.as_slice(), self.expects_key())
                    && name.is_empty()
                {
                    self.key(Some(text.clone()))?;
                } else {
                    self.node(is_list, values)?;
                }
            }
            // A second document would hide keys of the first.
            Event::DocumentStart(_) if self.is_mapping => return Err(Unreadable),
            _ => {}
        }
        Ok(())
    }

    fn opens(&mut self, is_mapping: bool, anchor: usize) -> Result<(), Unreadable> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.is_mapping |= is_mapping && self.open.is_empty();
        self.open.push(OpenNode { is_mapping, anchor, key: None, values: Vec::new() });
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize) -> Result<(), Unreadable> {
        let is_null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let values = if is_null { Vec::new() } else { vec![(String::new(), text.to_owned())] };
        self.remember(anchor, false, &values)?;
        if self.expects_key() {
            return self.key((!is_null).then(|| text.to_owned()));
        }
        self.count(&values)?;
        self.node(false, values)
    }

    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_mapping && open.key.is_none())
    }

    /// Takes a key. One that stands there twice would hide what the other says.
    fn key(&mut self, key: Option<String>) -> Result<(), Unreadable> {
        let is_of_the_whole = self.open.len() == 1;
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let is_new = |key: &String| !is_of_the_whole || key == "<<" || self.keys.insert(key.clone());
        if !key.as_ref().is_none_or(is_new) {
            return Err(Unreadable);
        }
        open.key = Some(key);
        Ok(())
    }

    /// Takes a whole node into what it stands in.
    fn node(&mut self, is_list: bool, values: Values) -> Result<(), Unreadable> {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if !open.is_mapping {
            open.values.extend(values);
            return Ok(());
        }
        match open.key.take() {
            // A template such as `{{ title }}`: its words would be lost.
            None => return Err(Unreadable),
            Some(None) => {}
            Some(Some(key)) if depth == 1 => self.field(&key, is_list, values),
            Some(Some(key)) => {
                let named: Values =
                    values.into_iter().map(|(name, text)| (joined(&key, &name), text)).collect();
                self.bytes += named.len() * key.len();
                if self.bytes > MAX_BYTES {
                    return Err(Unreadable);
                }
                if let Some(open) = self.open.last_mut() {
                    open.values.extend(named);
                }
            }
        }
        Ok(())
    }

    /// Makes a field of a value, or one of each name in it.
    fn field(&mut self, key: &str, is_list: bool, values: Values) {
        let mut named: Vec<(String, Vec<String>)> = Vec::new();
        if is_list {
            named.push((String::new(), Vec::new()));
        }
        let mut places: HashMap<String, usize> = named.iter().map(|(name, _)| (name.clone(), 0)).collect();
        for (name, text) in values {
            let place = *places.entry(name.clone()).or_insert_with(|| {
                named.push((name, Vec::new()));
                named.len() - 1
            });
            named[place].1.push(text);
        }
        for (name, mut texts) in named {
            let single = (!(is_list && name.is_empty()) && texts.len() == 1).then(|| texts.pop()).flatten();
            let value = single.map_or(FieldValue::Many(texts), FieldValue::One);
            self.fields.push(FrontMatterField { key: joined(key, &name), value });
        }
    }

    fn remember(&mut self, anchor: usize, is_list: bool, values: &Values) -> Result<(), Unreadable> {
        if anchor > 0 {
            self.count(values)?;
            self.anchors.insert(anchor, (is_list, values.clone()));
        }
        Ok(())
    }

    /// Counts values that are kept.
    fn count(&mut self, values: &Values) -> Result<(), Unreadable> {
        self.values += values.len();
        self.bytes += values.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
        if self.values > MAX_VALUES || self.bytes > MAX_BYTES { Err(Unreadable) } else { Ok(()) }
    }
}

/// The name of what has a name within something. What is merged in (`<<`) belongs to the whole.
fn joined(key: &str, name: &str) -> String {
    match (key, name) {
        ("<<", name) => name.to_owned(),
        (key, "") => key.to_owned(),
        (key, name) => format!("{key}.{name}"),
    }
}
