//! The project registry: a JSON file that people edit, read and checked whole, written atomically.
//!
//! Keys that this program does not know are kept. Nothing here looks at the folders that the roots name.

mod unambiguous;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use atocore_model::{
    id::ProjectId,
    project::{Project, Root, RootLocation},
};
use serde_json::{Map, Value, json, value::RawValue};

use self::unambiguous::Unambiguous;

use crate::files::{self, FileError};

/// One thing that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFault {
    /// Where: `line 12, projects[1].aliases[0]`.
    pub place: String,
    /// What.
    pub problem: String,
}

/// Why there is no registry to work with.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file is there and is not what it must be; every fault is listed.
    #[error("the project registry `{}` is not valid: {}", path.display(), listed(faults))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every fault, in the order of the file.
        faults: Vec<RegistryFault>,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

fn listed(faults: &[RegistryFault]) -> String {
    faults.iter().map(|fault| format!("{}: {}", fault.place, fault.problem)).collect::<Vec<_>>().join("; ")
}

/// The content of a registry file.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    projects: Vec<Project>,
    raw: Value,
}

impl Default for Registry {
    fn default() -> Self {
        Self { projects: Vec::new(), raw: json!({ "projects": [] }) }
    }
}

impl Registry {
    /// Reads the file; a registry without projects when there is none.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] with every fault at once.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        match files::read_if_present(path)? {
            None => Ok(Self::default()),
            Some(bytes) => {
                Self::parse(&bytes).map_err(|faults| RegistryError::Invalid { path: path.to_owned(), faults })
            }
        }
    }

    /// Reads the text of a registry file.
    ///
    /// # Errors
    /// Every fault, in the order of the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<RegistryFault>> {
        let one = |place: String, problem: String| vec![RegistryFault { place, problem }];
        let text = std::str::from_utf8(bytes).map_err(|error| {
            one(format!("byte {}", error.valid_up_to()), "the file is not UTF-8".to_owned())
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Unambiguous(raw) = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let said = error.to_string();
            // The place is said once, in our own words, and an editor counts columns from 1.
            let problem = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
            one(format!("line {line}, column {}", column.max(1)), problem.to_owned())
        })?;
        let mut check = RegistryCheck { lines: lines_of_projects(text), ..RegistryCheck::default() };
        let projects = check.registry(&raw);
        if check.faults.is_empty() { Ok(Self { projects, raw }) } else { Err(check.faults) }
    }

    /// Writes the file; where it is a link, the one that it leads to. People edit it: it keeps its rights and its owner.
    ///
    /// # Errors
    /// When it cannot be written; the old one is then untouched.
    ///
    /// # Durability
    /// The new registry is on disk when this returns `Ok`.
    pub fn save(&self, path: &Path) -> Result<(), RegistryError> {
        if let Some(folder) = path.parent() {
            files::create_dirs_synced(folder)?;
        }
        let mut text = serde_json::to_string_pretty(&self.raw).unwrap_or_default();
        text.push('\n');
        Ok(files::write_atomic_keeping_rights(path, text.as_bytes())?)
    }

    /// Every project, in the order of the file.
    #[must_use]
    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// The registry with one more project, or with `project` in the place of the one with its id.
    ///
    /// # Errors
    /// The faults that the registry would then have, such as an alias that is taken.
    pub fn with(&self, project: &Project) -> Result<Self, Vec<RegistryFault>> {
        let mut next = self.clone();
        next.edit(|entries| {
            let place = entries.iter().position(|entry| entry["id"] == project.id.as_str());
            let mut entry = place.and_then(|place| entries[place].as_object().cloned()).unwrap_or_default();
            let roots: Vec<Value> = project.roots.iter().map(|root| root_to_json(root, &entry)).collect();
            let aliases: Vec<&str> = project.aliases.iter().map(|alias| alias.as_str()).collect();
            drop(entry.insert("id".to_owned(), json!(project.id.as_str())));
            drop(entry.insert("aliases".to_owned(), json!(aliases)));
            drop(entry.insert("description".to_owned(), json!(project.description)));
            drop(entry.insert("ingest_roots".to_owned(), json!(roots)));
            match place {
                Some(place) => entries[place] = Value::Object(entry),
                None => entries.push(Value::Object(entry)),
            }
        });
        next.checked()
    }

    /// The registry without a project.
    ///
    /// # Errors
    /// Never for a registry that was read from a file.
    pub fn without(&self, project: &ProjectId) -> Result<Self, Vec<RegistryFault>> {
        let mut next = self.clone();
        next.edit(|entries| entries.retain(|entry| entry["id"] != project.as_str()));
        next.checked()
    }

    /// Changes the list of projects in the JSON; the caller checks the result.
    fn edit(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut entries = match self.raw["projects"].take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        };
        change(&mut entries);
        self.raw["projects"] = Value::Array(entries);
    }

    fn checked(self) -> Result<Self, Vec<RegistryFault>> {
        let mut check = RegistryCheck::default();
        let projects = check.registry(&self.raw);
        if check.faults.is_empty() { Ok(Self { projects, raw: self.raw }) } else { Err(check.faults) }
    }
}

/// A root as JSON, with the unknown keys that the same root had in `before`.
fn root_to_json(root: &Root, before: &Map<String, Value>) -> Value {
    let (source, subpath) = (root.location.source(), root.location.subpath());
    let known = before.get("ingest_roots").and_then(Value::as_array).into_iter().flatten();
    let mut entry = known
        .filter_map(Value::as_object)
        .find(|old| old.get("source") == Some(&json!(source)) && old.get("subpath") == Some(&json!(subpath)))
        .cloned()
        .unwrap_or_default();
    drop(entry.insert("source".to_owned(), json!(source)));
    drop(entry.insert("subpath".to_owned(), json!(subpath)));
    drop(entry.insert("label".to_owned(), json!(root.label)));
    Value::Object(entry)
}

/// The line on which each entry of `projects` begins.
fn lines_of_projects(text: &str) -> Vec<usize> {
    #[derive(serde::Deserialize)]
    struct RegistryFile<'a> {
        #[serde(borrow)]
        projects: Vec<&'a RawValue>,
    }
    let Ok(file) = serde_json::from_str::<RegistryFile<'_>>(text) else { return Vec::new() };
    let (mut seen, mut line) = (0, 1);
    let line_of = |entry: &&RawValue| {
        let offset = entry.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[seen..offset].matches('\n').count();
        seen = offset;
        line
    };
    file.projects.iter().map(line_of).collect()
}

/// Reads the JSON of a registry and collects what is wrong with it.
#[derive(Debug, Default)]
struct RegistryCheck {
    faults: Vec<RegistryFault>,
    lines: Vec<usize>,
    names: HashMap<String, ProjectId>,
    roots: HashMap<RootLocation, ProjectId>,
}

impl RegistryCheck {
    fn fault(&mut self, place: &str, problem: impl Into<String>) {
        self.faults.push(RegistryFault { place: place.to_owned(), problem: problem.into() });
    }

    fn registry(&mut self, raw: &Value) -> Vec<Project> {
        match raw.get("projects") {
            Some(Value::Array(entries)) => {
                let read = |(index, entry)| self.project(index, entry);
                entries.iter().enumerate().filter_map(read).collect()
            }
            Some(other) => {
                self.fault("projects", format!("a list is expected, not {}", kind(other)));
                Vec::new()
            }
            None => {
                self.fault("the file", "an object with the key `projects` is expected");
                Vec::new()
            }
        }
    }

    fn project(&mut self, index: usize, entry: &Value) -> Option<Project> {
        let place = match self.lines.get(index) {
            Some(line) => format!("line {line}, projects[{index}]"),
            None => format!("projects[{index}]"),
        };
        if !entry.is_object() {
            self.fault(&place, format!("an object is expected, not {}", kind(entry)));
            return None;
        }
        let id = self.text(entry, &place, "id", true).and_then(|text| match text.parse::<ProjectId>() {
            Ok(id) => Some(id),
            Err(error) => {
                self.fault(&format!("{place}.id"), error.to_string());
                None
            }
        });
        let description = self.text(entry, &place, "description", false).unwrap_or_default();
        let mut aliases = Vec::new();
        for (place, alias) in self.list(entry, &place, "aliases") {
            match alias.as_str().map(str::parse) {
                Some(Ok(alias)) => aliases.push((place, alias)),
                Some(Err(error)) => self.fault(&place, format!("{error}")),
                None => self.fault(&place, format!("a text is expected, not {}", kind(alias))),
            }
        }
        let mut roots = Vec::new();
        for (place, root) in self.list(entry, &place, "ingest_roots") {
            if let Some(root) = self.root(root, &place) {
                roots.push((place, root));
            }
        }
        let id = id?;
        self.name(&format!("{place}.id"), id.as_str().to_owned(), &id);
        for (place, alias) in &aliases {
            let alias: &atocore_model::name::Alias = alias;
            if alias.folded() != id.as_str() {
                self.name(place, alias.folded(), &id);
            }
        }
        for (place, root) in &roots {
            match self.roots.get(&root.location).cloned() {
                Some(owner) => {
                    let location = &root.location;
                    self.fault(
                        place,
                        match owner == id {
                            true => format!("the root `{location}` is named twice"),
                            false => format!("the root `{location}` already belongs to project `{owner}`"),
                        },
                    );
                }
                None => drop(self.roots.insert(root.location.clone(), id.clone())),
            }
        }
        let aliases = aliases.into_iter().map(|(_, alias)| alias).collect();
        let roots = roots.into_iter().map(|(_, root)| root).collect();
        Some(Project { id, aliases, description, roots })
    }

    /// Notes a name and finds out whether it is taken.
    fn name(&mut self, place: &str, folded: String, owner: &ProjectId) {
        match self.names.get(&folded).cloned() {
            Some(project) if project == *owner && !place.ends_with(".id") => {
                self.fault(place, format!("`{folded}` is listed twice"));
            }
            Some(project) => self.fault(place, format!("`{folded}` already names project `{project}`")),
            None => drop(self.names.insert(folded, owner.clone())),
        }
    }

    fn root(&mut self, root: &Value, place: &str) -> Option<Root> {
        if !root.is_object() {
            self.fault(place, format!("an object is expected, not {}", kind(root)));
            return None;
        }
        let source = self.text(root, place, "source", true)?;
        let subpath = self.text(root, place, "subpath", false).unwrap_or_default();
        let label = self.text(root, place, "label", false).unwrap_or_default();
        match RootLocation::from_parts(&source, &subpath) {
            Ok(location) => Some(Root { location, label }),
            Err(error) => {
                self.fault(place, error.to_string());
                None
            }
        }
    }

    fn text(&mut self, entry: &Value, place: &str, key: &str, needed: bool) -> Option<String> {
        match entry.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            None | Some(Value::Null) if !needed => None,
            None => {
                self.fault(place, format!("the key `{key}` is missing"));
                None
            }
            Some(other) => {
                self.fault(&format!("{place}.{key}"), format!("a text is expected, not {}", kind(other)));
                None
            }
        }
    }

    fn list<'v>(&mut self, entry: &'v Value, place: &str, key: &str) -> Vec<(String, &'v Value)> {
        match entry.get(key) {
            Some(Value::Array(items)) => {
                items.iter().enumerate().map(|(i, item)| (format!("{place}.{key}[{i}]"), item)).collect()
            }
            None | Some(Value::Null) => Vec::new(),
            Some(other) => {
                self.fault(&format!("{place}.{key}"), format!("a list is expected, not {}", kind(other)));
                Vec::new()
            }
        }
    }
}

/// What a JSON value is, for a message.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
