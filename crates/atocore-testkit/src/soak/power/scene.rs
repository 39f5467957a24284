//! The pieces of work that are cut short, and an installation for each.

use std::path::{Path, PathBuf};

use atocore_storage::{
    files,
    sqlite::{StoreRecord, inspect},
};
use serde_json::Value;

use super::super::{
    Violation,
    subject::{Subject, words},
};
use crate::powercut::{Disk, Image, Loss, Step, record};

/// The project that is there from the beginning.
const PROJECT: &str = "notes";

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// The first write of an installation of which there is nothing but an empty folder.
    FirstWrite,
    /// The first snapshot of an installation that has no backup folder.
    FirstSnapshot,
    /// A snapshot beside others, with the folder of the vector store.
    Snapshot,
    /// A restore over the present state, whose last writes lie in the log of the database.
    Restore,
    /// A restore of a snapshot in which there is no registry: afterwards there is none.
    RestoreWithoutRegistry,
    /// The way back from a restore.
    Undo,
    /// A snapshot that comes out of an archive.
    Import,
    /// The removal of snapshots.
    Prune,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::FirstWrite,
        Self::FirstSnapshot,
        Self::Snapshot,
        Self::Restore,
        Self::RestoreWithoutRegistry,
        Self::Undo,
        Self::Import,
        Self::Prune,
    ];

    /// Those that begin with a store.
    pub const WITH_STORE: [Self; 7] = [
        Self::FirstSnapshot,
        Self::Snapshot,
        Self::Restore,
        Self::RestoreWithoutRegistry,
        Self::Undo,
        Self::Import,
        Self::Prune,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstWrite => "first write",
            Self::FirstSnapshot => "first snapshot",
            Self::Snapshot => "snapshot",
            Self::Restore => "restore",
            Self::RestoreWithoutRegistry => "no registry",
            Self::Undo => "undo",
            Self::Import => "import",
            Self::Prune => "prune",
        }
    }
}

/// The installation that all scenes begin with.
#[derive(Debug)]
pub(in super::super) struct Stage {
    pub(in super::super) subject: Subject,
    home: PathBuf,
    scratch: PathBuf,
    archive: PathBuf,
    base: Image,
    /// The snapshot that is restored, and that the archive holds.
    stamp: String,
    /// One without a registry.
    bare: String,
}

impl Stage {
    /// Makes an installation with two snapshots, and documents, a project and vectors that are newer than the first.
    pub(in super::super) fn build(program: &Path, scratch: &Path) -> Result<Self, Violation> {
        files::create_dirs(scratch)?;
        let scratch = scratch.canonicalize()?;
        let subject = Subject::new(&program.canonicalize()?, &scratch);
        let (home, archive) = (scratch.join("home"), scratch.join("archive.tar.zst"));
        let documents = scratch.join("documents");
        files::create_dirs(&documents)?;
        let write = |name: &str, text: &str| files::write_synced(&documents.join(name), text.as_bytes());
        write("keys.md", "# Keys\n\nKeys and lanterns lie in the hall.\n")?;
        write("vault.md", "# Vault\n\nThe vault is copied every night.\n")?;
        let root = documents.to_string_lossy().into_owned();
        let vectors = |version: &str| {
            let folder = subject.layout().vector_store();
            files::create_dirs(&folder.join("segment"))?;
            files::write_synced(&folder.join("list.bin"), version.as_bytes())?;
            files::write_synced(&folder.join("segment/part.bin"), version.repeat(900).as_bytes())
        };
        subject.run(&words(&["project", "add", PROJECT, "--root", &root]))?;
        subject.run(&words(&["refresh", PROJECT]))?;
        vectors("first ")?;
        let stamp = stamp_of(&subject.run(&words(&["backup", "create", "--include-chroma"]))?)?;
        subject.run(&words(&["backup", "export", &stamp, &archive.to_string_lossy()]))?;
        let registry = subject.layout().registry;
        let registered = files::read_if_present(&registry)?.unwrap_or_default();
        files::remove_file(&registry)?;
        let bare = stamp_of(&subject.run(&words(&["backup", "create"]))?)?;
        files::write_atomic(&registry, &registered)?;
        write("lanterns.md", "# Lanterns\n\nLanterns are lit at dusk.\n")?;
        subject.run(&words(&["refresh", PROJECT]))?;
        let extra = scratch.join("extra");
        files::create_dirs(&extra)?;
        subject.run(&words(&["project", "add", "extra", "--root", &extra.to_string_lossy()]))?;
        vectors("second ")?;
        let newest = stamp_of(&subject.run(&words(&["backup", "create"]))?)?;
        subject.run(&words(&["backup", "validate", &newest, "--depth", "content"]))?;
        let base = Image::read(&home)?;
        Ok(Self { subject, home, scratch, archive, base, stamp, bare })
    }

    pub(in super::super) fn home(&self) -> &Path {
        &self.home
    }

    pub(in super::super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// What `strace` writes.
    pub(in super::super) fn log(&self) -> PathBuf {
        self.scratch.join("strace.log")
    }

    /// Puts an installation in the place of the present one.
    pub(in super::super) fn put(&self, image: &Image) -> Result<(), Violation> {
        files::remove_tree(&self.home)?;
        Ok(image.write_to(&self.home)?)
    }

    /// Makes the installation ready for a scene and returns it as it is then.
    pub(in super::super) fn prepare(&self, scene: Scene) -> Result<Image, Violation> {
        self.put(&self.base)?;
        let backups = self.subject.layout().backups;
        match scene {
            Scene::Snapshot | Scene::Prune => {}
            Scene::FirstWrite => {
                files::remove_tree(&self.home)?;
                files::create_dirs(&self.home)?;
            }
            Scene::FirstSnapshot => files::remove_tree(&backups)?,
            Scene::Import => files::remove_tree(&backups.join("snapshots").join(&self.stamp))?,
            Scene::Undo => {
                let _outcome = self.subject.run(&self.arguments(Scene::Restore))?;
            }
            Scene::Restore | Scene::RestoreWithoutRegistry => self.kill_a_writer()?,
        }
        Ok(Image::read(&self.home)?)
    }

    /// What the store says of itself that a scene restores, when it goes back. Before the work.
    pub(in super::super) fn restored(&self, scene: Scene) -> Result<Option<StoreRecord>, Violation> {
        let stamp = match scene {
            Scene::Restore => self.stamp.clone(),
            Scene::RestoreWithoutRegistry => self.bare.clone(),
            Scene::Undo => {
                let last = files::read_if_present(&self.subject.layout().restores().join("last.json"))?;
                let last: Value = serde_json::from_slice(&last.unwrap_or_default())?;
                last.get("safety").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            _ => return Ok(None),
        };
        let snapshot = self.subject.layout().backups.join("snapshots").join(stamp);
        Ok(Some(inspect::record(&snapshot.join("db/atocore.db"))?))
    }

    /// The command of a scene.
    pub(in super::super) fn arguments(&self, scene: Scene) -> Vec<String> {
        match scene {
            Scene::FirstWrite => {
                let root = self.scratch.join("documents");
                words(&["project", "add", PROJECT, "--root", &root.to_string_lossy()])
            }
            Scene::FirstSnapshot | Scene::Snapshot => words(&["backup", "create", "--include-chroma"]),
            Scene::Restore => words(&["backup", "restore", &self.stamp, "--yes"]),
            Scene::RestoreWithoutRegistry => words(&["backup", "restore", &self.bare, "--yes"]),
            Scene::Undo => words(&["backup", "undo", "--yes"]),
            Scene::Import => words(&["backup", "import", &self.archive.to_string_lossy()]),
            Scene::Prune => words(&[
                "backup",
                "prune",
                "--yes",
                "--keep-last",
                "1",
                "--keep-daily",
                "0",
                "--keep-weekly",
                "0",
                "--keep-monthly",
                "0",
            ]),
        }
    }

    /// Leaves what a writer leaves that dies as soon as its write is on the disk, before it has put the store in order.
    fn kill_a_writer(&self) -> Result<(), Violation> {
        let mut disk = Disk::of(&self.home)?;
        let update = words(&["project", "update", PROJECT, "--description", "The last write."]);
        let recording = record(&self.subject.command(&update), &self.home, &self.log())?;
        if !recording.steps.contains(&Step::Said) {
            return Err(Violation::new(format!("a write fails: {:?}", recording.output)));
        }
        let log = |step: &Step| matches!(step, Step::Sync(path) if path.ends_with("atocore.db-wal"));
        let written = recording.steps.iter().rposition(log);
        let written = written.ok_or_else(|| Violation::new("a write does not sync its log".to_owned()))?;
        for step in &recording.steps {
            disk.apply(step)?;
        }
        let dead = disk.after_cut(written + 1, Loss::Nothing);
        if !dead.has(Path::new("data/db/atocore.db-wal")) {
            return Err(Violation::new(
                "a dead writer leaves no log: the scene is not what it should be".to_owned(),
            ));
        }
        self.put(&dead)
    }
}

/// The stamp of the snapshot whose metadata this is.
fn stamp_of(metadata: &Value) -> Result<String, Violation> {
    let path = metadata.get("backup_root").and_then(Value::as_str);
    let stamp = path.and_then(|path| path.rsplit('/').next());
    stamp.map(str::to_owned).ok_or_else(|| Violation::new(format!("no snapshot was taken: {metadata}")))
}
