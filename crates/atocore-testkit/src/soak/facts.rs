//! What was acknowledged, and whether an installation still holds it.
//!
//! A command that was killed may have done its work or not; a command that succeeded has.

use std::collections::{BTreeMap, BTreeSet};

use atocore_model::project::Project;
use serde_json::Value;

use super::{
    Violation,
    tree::{self, Documents},
};

/// A project as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) aliases: Vec<String>,
    pub(super) description: String,
    pub(super) roots: Vec<String>,
}

/// The registry by ids.
pub(super) type Projects = BTreeMap<String, Entry>;

/// What an installation holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) projects: Projects,
    /// The documents of every project that has any.
    pub(super) documents: BTreeMap<String, Documents>,
    /// What was recorded rather than read: a name for each fact, and what it says.
    pub(super) recorded: BTreeMap<String, String>,
}

/// What was tried in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// A refresh of every project.
    Refresh(BTreeMap<String, Documents>),
    /// A registration or a change of a project.
    Register(String, Entry),
    /// A removal.
    Remove(String),
    /// A snapshot.
    Snapshot,
    /// A question, which changes nothing.
    QueryRequest,
    /// The vectors that are missing, which changes no document.
    Embed,
    /// A fact that is recorded: its name, and what it says.
    Record(String, String),
}

/// What must still be there.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) content: Content,
    /// The stamps of acknowledged snapshots.
    pub(super) snapshots: BTreeSet<String>,
    /// The highest generation that an answer named.
    generation: u64,
    /// The name that the store gave itself.
    store_id: Option<String>,
}

impl Entry {
    pub(super) fn of(project: &Project) -> Self {
        Self {
            aliases: project.aliases.iter().map(ToString::to_string).collect(),
            description: project.description.clone(),
            roots: project.roots.iter().map(|root| root.location.to_string()).collect(),
        }
    }
}

impl Facts {
    /// Takes note of what a command that succeeded has done.
    pub(super) fn acknowledge(&mut self, attempt: &Attempt, answer: &Value) -> Result<(), Violation> {
        match attempt {
            Attempt::Refresh(documents) => {
                for (project, documents) in documents {
                    self.content.hold(project, documents.clone());
                }
                for result in answer.as_array().into_iter().flatten() {
                    self.generation = self.generation.max(result["generation"].as_u64().unwrap_or_default());
                }
            }
            Attempt::Register(id, entry) => {
                let _before = self.content.projects.insert(id.clone(), entry.clone());
            }
            Attempt::Remove(id) => {
                let _project = self.content.projects.remove(id);
                let _documents = self.content.documents.remove(id);
            }
            Attempt::Snapshot => {
                let root = answer["backup_root"].as_str().unwrap_or_default();
                let stamp = root.rsplit('/').next().filter(|stamp| !stamp.is_empty());
                let stamp =
                    stamp.ok_or_else(|| Violation::new(format!("no stamp in the answer {answer}")))?;
                if !self.snapshots.insert(stamp.to_owned()) {
                    return Err(Violation::new(format!("two snapshots were acknowledged as {stamp}")));
                }
            }
            Attempt::Record(name, value) => {
                let _before = self.content.recorded.insert(name.clone(), value.clone());
            }
            Attempt::QueryRequest | Attempt::Embed => {}
        }
        Ok(())
    }

    /// Compares what an installation holds with what was acknowledged and what was tried beside it, and returns the
    /// number of facts that were looked at. What was found counts as acknowledged from here on.
    pub(super) fn compare(&mut self, found: &Content, unsure: &[&Attempt]) -> Result<u64, Violation> {
        let mut facts = self.compare_projects(&found.projects, unsure)?;
        facts += self.compare_recorded(&found.recorded, unsure)?;
        let everything: BTreeSet<_> =
            self.content.documents.keys().chain(found.documents.keys()).cloned().collect();
        for project in everything {
            let before = self.content.documents.get(&project).cloned().unwrap_or_default();
            let held = found.documents.get(&project).cloned().unwrap_or_default();
            let tried = unsure.iter().find_map(|attempt| match attempt {
                Attempt::Refresh(documents) => documents.get(&project),
                _ => None,
            });
            let removed =
                unsure.iter().any(|attempt| matches!(attempt, Attempt::Remove(id) if *id == project));
            if !(removed && held.is_empty()) {
                facts += compare_documents(&project, &before, tried, &held)?;
            }
        }
        self.content = found.clone();
        Ok(facts)
    }

    fn compare_projects(&self, found: &Projects, unsure: &[&Attempt]) -> Result<u64, Violation> {
        let mut allowed = vec![self.content.projects.clone()];
        for attempt in unsure {
            let mut after = self.content.projects.clone();
            match attempt {
                Attempt::Register(id, entry) => drop(after.insert(id.clone(), entry.clone())),
                Attempt::Remove(id) => drop(after.remove(id)),
                _ => continue,
            }
            allowed.push(after);
        }
        if allowed.contains(found) {
            return Ok(found.len() as u64);
        }
        let ids: BTreeSet<_> = allowed.iter().flatten().map(|(id, _)| id).chain(found.keys()).collect();
        let wrong = |id: &&&String| !allowed.iter().any(|allowed| allowed.get(**id) == found.get(**id));
        let wrong: Vec<_> = ids.iter().filter(wrong).map(|id| (id, found.get(*id))).collect();
        Err(Violation::new(format!("the registry is not as it was left: {wrong:?}")))
    }

    /// Every fact must say what was acknowledged or what was tried, and none may appear that nobody tried.
    fn compare_recorded(
        &self,
        found: &BTreeMap<String, String>,
        unsure: &[&Attempt],
    ) -> Result<u64, Violation> {
        let tried = |name: &str, value: &str| {
            unsure.iter().any(
                |attempt| matches!(attempt, Attempt::Record(known, said) if known == name && said == value),
            )
        };
        for (name, value) in found {
            if self.content.recorded.get(name) != Some(value) && !tried(name, value) {
                return Err(Violation::new(format!("{name} says `{value}`, which it never was told")));
            }
        }
        match self.content.recorded.keys().find(|name| !found.contains_key(*name)) {
            Some(lost) => Err(Violation::new(format!("{lost} was acknowledged and is gone"))),
            None => Ok(found.len() as u64),
        }
    }

    /// Compares what a store says of itself with what was seen before.
    pub(super) fn compare_store(&mut self, id: &str, generation: u64) -> Result<(), Violation> {
        let known = self.store_id.get_or_insert_with(|| id.to_owned());
        if known != id {
            return Err(Violation::new(format!("the store was {known} and is now {id}")));
        }
        if generation < self.generation {
            let message = format!("the store is at generation {generation}, {} was seen", self.generation);
            return Err(Violation::new(message));
        }
        self.generation = generation;
        Ok(())
    }
}

impl Content {
    /// Number of documents.
    pub(super) fn count(&self) -> usize {
        self.documents.values().map(Documents::len).sum()
    }

    pub(super) fn hold(&mut self, project: &str, documents: Documents) {
        if documents.is_empty() {
            let _none = self.documents.remove(project);
        } else {
            let _before = self.documents.insert(project.to_owned(), documents);
        }
    }
}

/// Every path must have what was acknowledged or what was tried, and a text that stands in both must be somewhere.
fn compare_documents(
    project: &str,
    before: &Documents,
    tried: Option<&Documents>,
    held: &Documents,
) -> Result<u64, Violation> {
    let after = tried.unwrap_or(before);
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).chain(held.keys()).collect();
    for path in &paths {
        let is = held.get(*path);
        if is != before.get(*path) && is != after.get(*path) {
            let word =
                if is.is_none() { "is gone from the store" } else { "is in the store as it never was" };
            return Err(Violation::new(format!("project {project}: {path} {word}")));
        }
    }
    let texts: BTreeSet<_> = held.values().copied().collect();
    match tree::in_both(before, after).iter().find(|digest| !texts.contains(*digest)) {
        Some(digest) => {
            Err(Violation::new(format!("project {project}: the text {digest} was lost on its way")))
        }
        None => Ok(paths.len() as u64),
    }
}

#[cfg(test)]
mod tests {
    use atocore_model::digest::Digest;

    use super::*;

    fn documents(entries: &[(&str, u8)]) -> Documents {
        entries.iter().map(|(path, byte)| ((*path).to_owned(), Digest::from_bytes([*byte; 32]))).collect()
    }

    #[test]
    fn a_path_holds_what_was_acknowledged_or_what_was_tried() {
        let (before, after) = (documents(&[("a", 1), ("b", 2)]), documents(&[("a", 3), ("c", 2)]));
        let verdict = |held: &[(&str, u8)]| compare_documents("p", &before, Some(&after), &documents(held));
        for good in [&[("a", 1), ("b", 2)][..], &[("a", 3), ("c", 2)], &[("a", 1), ("c", 2)]] {
            assert!(verdict(good).is_ok(), "{good:?}");
        }
        for bad in [&[("b", 2)][..], &[("a", 9), ("b", 2)], &[("a", 1)], &[("a", 1), ("b", 2), ("d", 4)]] {
            assert!(verdict(bad).is_err(), "{bad:?}");
        }
        assert!(compare_documents("p", &before, None, &after).is_err());
    }

    #[test]
    fn a_fact_says_what_was_acknowledged_or_what_was_tried() {
        let record = |value: &str| Attempt::Record("state/a".to_owned(), value.to_owned());
        let mut facts = Facts::default();
        facts.acknowledge(&record("one"), &Value::Null).unwrap();
        let found = |recorded: &[(&str, &str)]| Content {
            recorded: recorded
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Content::default()
        };
        let two = record("two");
        assert!(facts.clone().compare(&found(&[("state/a", "one")]), &[&two]).is_ok());
        assert!(facts.clone().compare(&found(&[("state/a", "two")]), &[&two]).is_ok());
        for bad in [&[][..], &[("state/a", "two")], &[("state/a", "one"), ("state/b", "two")]] {
            assert!(facts.clone().compare(&found(bad), &[]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_what_was_tried_may_differ_in_the_registry() {
        let entry = |alias: &str| Entry {
            aliases: vec![alias.to_owned()],
            description: String::new(),
            roots: vec!["/r".to_owned()],
        };
        let mut facts = Facts::default();
        let register = |alias: &str| Attempt::Register("p".to_owned(), entry(alias));
        facts.acknowledge(&register("one"), &Value::Null).unwrap();
        let two = register("two");
        let found = |alias: Option<&str>| Content {
            projects: alias.map(|alias| ("p".to_owned(), entry(alias))).into_iter().collect(),
            ..Content::default()
        };
        assert!(facts.clone().compare(&found(Some("one")), &[&two]).is_ok());
        assert!(facts.clone().compare(&found(Some("two")), &[&two]).is_ok());
        assert!(facts.clone().compare(&found(Some("two")), &[]).is_err());
        assert!(facts.clone().compare(&found(None), &[&two]).is_err());
        assert!(facts.compare(&found(None), &[&Attempt::Remove("p".to_owned())]).is_ok());
    }
}
