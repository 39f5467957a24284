//! What people do meanwhile: documents that change, projects that come and go.

use std::{collections::BTreeMap, io, path::PathBuf};

use super::{
    Violation,
    facts::{Attempt, Entry},
    random::Random,
    task::Task,
    tree::{Documents, Size, Tree},
};

/// The projects that stay, each with another shape of tree.
const LASTING: [(&str, Size); 3] = [
    ("field-notes", Size { files: 600, paragraphs: 2 }),
    ("handbook", Size { files: 60, paragraphs: 14 }),
    ("ledger", Size { files: 12, paragraphs: 60 }),
];

/// The shape of projects that come and go.
const PASSING: Size = Size { files: 8, paragraphs: 4 };

/// More projects than these do not pass through at a time.
const MOST_PASSING: usize = 5;

/// All projects as their people know them.
#[derive(Debug)]
pub(super) struct World {
    folder: PathBuf,
    scale: usize,
    projects: BTreeMap<String, (Tree, Entry)>,
    /// Number of projects that ever were.
    planted: usize,
    /// Number of changes to projects, so that no two are the same.
    changes: usize,
}

impl World {
    pub(super) const fn new(folder: PathBuf, scale: usize) -> Self {
        Self { folder, scale, projects: BTreeMap::new(), planted: 0, changes: 0 }
    }

    /// Plants the projects that stay and returns their registrations.
    pub(super) fn begin(&mut self, random: &mut Random) -> Result<Vec<Task>, Violation> {
        let scale = self.scale;
        let scaled = |size: &Size| Size { files: size.files * scale, ..*size };
        LASTING.iter().map(|(id, size)| self.plant((*id).to_owned(), scaled(size), random)).collect()
    }

    pub(super) fn trees(&self) -> Vec<&Tree> {
        self.projects.values().map(|(tree, _)| tree).collect()
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        self.projects.keys().map(String::as_str).collect()
    }

    /// What a refresh of all is to arrive at.
    pub(super) fn documents(&self) -> BTreeMap<String, Documents> {
        self.projects.iter().map(|(id, (tree, _))| (id.clone(), tree.documents())).collect()
    }

    /// Every registered project and its folder.
    pub(super) fn roots(&self) -> Vec<(&str, &std::path::Path)> {
        self.projects.iter().map(|(id, (tree, _))| (id.as_str(), tree.root())).collect()
    }

    /// A project that stays, and its folder.
    pub(super) fn lasting(&self) -> (&str, &std::path::Path) {
        let id = LASTING[0].0;
        (id, self.projects.get(id).map_or(&self.folder, |(tree, _)| tree.root()))
    }

    /// Changes some documents of some projects; now and then nearly all of one.
    pub(super) fn change_documents(&mut self, random: &mut Random) -> io::Result<()> {
        for (tree, _) in self.projects.values_mut() {
            match random.below(8) {
                0 | 1 => {}
                2 => tree.change(2, random)?,
                _ => tree.change(12, random)?,
            }
        }
        Ok(())
    }

    /// Registers a new project with many aliases.
    pub(super) fn registration(&mut self, random: &mut Random) -> Result<Task, Violation> {
        self.plant(format!("passing-{}", self.planted), PASSING, random)
    }

    /// Gives a project many new aliases and another description.
    pub(super) fn change_of_project(&mut self, random: &mut Random) -> Task {
        self.changes += 1;
        let (changes, aliases) = (self.changes, self.aliases(random));
        let ids: Vec<_> = self.projects.keys().cloned().collect();
        let id = random.pick(&ids).cloned().unwrap_or_default();
        let mut arguments = vec!["project".to_owned(), "update".to_owned(), id.clone()];
        let mut entry = self.projects.get(&id).map(|(_, entry)| entry.clone()).unwrap_or_else(Entry::empty);
        entry.aliases = aliases;
        entry.description = format!("Changed for the {changes}th time.");
        arguments.extend(entry.arguments());
        Task { arguments, attempt: Attempt::Register(id, entry) }
    }

    /// Records a fact of one of the three kinds; one of project state takes the place of an earlier one.
    pub(super) fn record(&mut self, random: &mut Random) -> Task {
        self.changes += 1;
        let (text, project) = (format!("what was found out as number {}", self.changes), LASTING[0].0);
        let of = |name: String, value: &str| Attempt::Record(name, value.to_owned());
        match random.below(3) {
            0 => {
                // Facts that are recorded at the same time have keys of their own: which of two came last, nobody knows.
                let key = format!("key {}", self.changes % 8);
                let attempt = of(format!("state {key}"), &text);
                Task::new(&["state", "set", project, "decision", &key, &text], attempt)
            }
            1 => {
                let attempt = of(format!("memory {text}"), "active");
                Task::new(&["memory", "add", "knowledge", &text, "--project", project], attempt)
            }
            _ => {
                let attempt = of(format!("interaction {text}"), "because");
                Task::new(&["interaction", "record", &text, "because", "--client", "soak"], attempt)
            }
        }
    }

    /// Removes a project that passes through; registers one when there is none.
    pub(super) fn removal(&mut self, random: &mut Random) -> Result<Task, Violation> {
        let passing: Vec<_> = self.projects.keys().filter(|id| id.starts_with("passing-")).cloned().collect();
        let Some(id) = random.pick(&passing).cloned() else { return self.registration(random) };
        Ok(Task::new(&["project", "remove", id.clone().as_str(), "--yes"], Attempt::Remove(id)))
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.projects.len() >= LASTING.len() + MOST_PASSING
    }

    /// Takes over what the registry has turned out to hold.
    pub(super) fn agree_with(&mut self, registry: &super::facts::Projects) {
        self.projects.retain(|id, _| registry.contains_key(id));
        for (id, entry) in registry {
            if let Some((_, known)) = self.projects.get_mut(id) {
                known.clone_from(entry);
            }
        }
    }

    fn plant(&mut self, id: String, size: Size, random: &mut Random) -> Result<Task, Violation> {
        self.planted += 1;
        let tree = Tree::plant(&self.folder.join(&id), self.planted, size, random)?;
        let entry = Entry {
            aliases: self.aliases(random),
            description: format!("What there is to say of {id}."),
            roots: vec![tree.root().to_string_lossy().into_owned()],
        };
        let root = entry.roots.concat();
        let mut arguments =
            vec!["project".to_owned(), "add".to_owned(), id.clone(), "--root".to_owned(), root];
        arguments.extend(entry.arguments());
        let _before = self.projects.insert(id.clone(), (tree, entry.clone()));
        Ok(Task { arguments, attempt: Attempt::Register(id, entry) })
    }

    fn aliases(&mut self, random: &mut Random) -> Vec<String> {
        self.changes += 1;
        (0..5 + random.below(60)).map(|number| format!("Name {} of {number}", self.changes)).collect()
    }
}

impl Entry {
    const fn empty() -> Self {
        Self { aliases: Vec::new(), description: String::new(), roots: Vec::new() }
    }

    /// The arguments that give a project these aliases and this description.
    fn arguments(&self) -> Vec<String> {
        let aliases = self.aliases.iter().flat_map(|alias| ["--alias".to_owned(), alias.clone()]);
        aliases.chain(["--description".to_owned(), self.description.clone()]).collect()
    }
}
