//! Whole installations to measure: a tree of files, projects over it, a data directory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use atocore_engine::{
    Access, Caller, Copier, Engine, EngineConfig, Layout, ModelChoice, RankWeights, SystemClock,
    extract::Format, ingest::ChunkLimits, ingest::parse,
};
use atocore_model::{
    monitor::Silent,
    name::ProjectName,
    project::{Project, Root, RootLocation},
    ranking::Mode,
};
use atocore_storage::sqlite::{Store, StoreOptions};
use atocore_testkit::model;

use super::{
    cannot,
    corpus::{Corpus, Document},
    memory::Memory,
};
use crate::failure::Failure;

/// How much a home holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    /// This many files, all in one project.
    Files(usize),
    /// The first files that have this many chunks together, in a project for every collection.
    Chunks(usize),
}

/// An installation and the files it is about.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    projects: Vec<Project>,
    files: usize,
    bytes: u64,
}

/// A moment long enough ago that a refresh trusts the times of the files.
const WRITTEN: Duration = Duration::from_secs(1_767_225_600);

/// How long anybody waits for a lock.
pub(super) const BUSY: Duration = Duration::from_secs(60);

impl Home {
    /// Writes the tree and registers its projects; ingests nothing.
    pub(super) fn write(dir: &Path, corpus: &Corpus, amount: Amount) -> Result<Self, Failure> {
        let mut home = Self { dir: dir.to_owned(), projects: Vec::new(), files: 0, bytes: 0 };
        let (mut chunks, mut collections) = (0, Vec::new());
        let enough = |files, chunks| match amount {
            Amount::Files(wanted) => files >= wanted,
            Amount::Chunks(wanted) => chunks >= wanted,
        };
        while !enough(home.files, chunks) {
            let document = corpus.document(home.files);
            if let Amount::Chunks(_) = amount {
                let limits = ChunkLimits::default();
                chunks += parse(Format::Markdown, "", &document.text, limits).chunks.len();
            }
            write_file(
                &home.tree().join(&document.collection).join(&document.path),
                &document.text,
                WRITTEN,
            )?;
            home.files += 1;
            home.bytes += document.text.len() as u64;
            let Document { collection, .. } = document;
            if !collections.contains(&collection) {
                collections.push(collection);
            }
        }
        home.projects = match amount {
            Amount::Files(_) => vec![project("everything", home.tree())?],
            Amount::Chunks(_) => collections
                .iter()
                .map(|collection| project(collection, home.tree().join(collection)))
                .collect::<Result<_, _>>()?,
        };
        let engine = home.engine(Copier::InProcess)?;
        for project in &home.projects {
            let _added =
                engine.add_project(project.clone(), Caller::Local).map_err(cannot("add a project"))?;
        }
        Ok(home)
    }

    /// What is there already, without its projects.
    pub(super) fn existing(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), projects: Vec::new(), files: 0, bytes: 0 }
    }

    /// Opens it as its owner, for lexical search alone.
    pub(super) fn engine(&self, copier: Copier) -> Result<Engine, Failure> {
        self.open(self.lexical(copier))
    }

    /// Opens it as its owner with the stock settings and the real model.
    pub(super) fn engine_with_meaning(&self, copier: Copier) -> Result<Engine, Failure> {
        self.open(self.stock(copier))
    }

    fn open(&self, config: EngineConfig) -> Result<Engine, Failure> {
        let access = Access::Own { activity: "bench".to_owned(), socket: None };
        Engine::open(config, access, &Silent).map_err(cannot("open an installation"))
    }

    /// The stock settings with the real model, for a server.
    pub(super) fn stock(&self, copier: Copier) -> EngineConfig {
        self.config(copier, model::choice(), RankWeights::default())
    }

    /// The settings for lexical search alone, for a server.
    pub(super) fn lexical(&self, copier: Copier) -> EngineConfig {
        let weights = RankWeights { mode: Mode::Lexical, ..RankWeights::default() };
        self.config(copier, ModelChoice::default(), weights)
    }

    fn config(&self, copier: Copier, model: ModelChoice, weights: RankWeights) -> EngineConfig {
        EngineConfig { busy_timeout: BUSY, model, weights, copier, ..EngineConfig::new(self.layout()) }
    }

    /// The folder of all of it.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::in_home(&self.dir.join("home"))
    }

    /// The folder with the files.
    pub(super) fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }

    /// The names of its projects.
    pub(super) fn projects(&self) -> Result<Vec<ProjectName>, Failure> {
        self.projects
            .iter()
            .map(|project| project.id.as_str().parse().map_err(cannot("name a project")))
            .collect()
    }

    /// Number of its files.
    pub(super) const fn files(&self) -> usize {
        self.files
    }

    /// Size of its files together.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Refreshes every project.
    pub(super) fn refresh_all(&self, engine: &Engine) -> Result<(), Failure> {
        for name in self.projects()? {
            let _report =
                engine.refresh(&name, Caller::Local, &Silent).map_err(cannot("refresh a project"))?;
        }
        Ok(())
    }

    /// Writes one more line to every file, as an edit of all of them would.
    pub(super) fn edit_every_file(&self, corpus: &Corpus, edit: u64) -> Result<(), Failure> {
        for number in 0..self.files {
            let Document { collection, path, text } = corpus.document(number);
            let text = format!("{text}\n\nEdited {edit} times.\n");
            write_file(&self.tree().join(collection).join(path), &text, WRITTEN + Duration::from_secs(edit))?;
        }
        Ok(())
    }

    /// Everything that is in its lexical index, from its store.
    pub(super) fn memory(&self) -> Result<Memory, Failure> {
        let options = StoreOptions { busy_timeout: BUSY, clock: Arc::new(SystemClock) };
        let store = Store::open_read_only(&self.layout().database(), options);
        Memory::of(&store.map_err(cannot("open a store"))?)
    }
}

fn project(id: &str, folder: PathBuf) -> Result<Project, Failure> {
    Ok(Project {
        id: id.parse().map_err(cannot("name a project"))?,
        aliases: Vec::new(),
        description: String::new(),
        roots: vec![Root { location: RootLocation::Folder(folder), label: String::new() }],
    })
}

/// Writes a file that was last changed at `changed` after 1970.
fn write_file(path: &Path, text: &str, changed: Duration) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "it is thrown away: atomic and synced would take minutes")]
    let write = |path: &Path| -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, text)?;
        std::fs::OpenOptions::new().write(true).open(path)?.set_modified(UNIX_EPOCH + changed)
    };
    write(path).map_err(cannot("write a file"))
}
