//! A scratch installation with a store, a registry and a vector store, and the snapshots taken of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use atocore_backup::{
    BackupError,
    snapshot_directory::SnapshotDirectory,
    take::{SnapshotSource, TakeOptions, TakenSnapshot, VectorStoreCopy, take},
    verify::{Validation, verify},
};
use atocore_model::{
    digest::Digest,
    document::{ChunkDraft, FileStamp, FrontMatter, HeadingPath, LineSpan, ParsedDocument},
    id::SnapshotId,
    monitor::{Monitor, Silent},
    snapshot::Depth,
    time::{Clock, Timestamp},
};
use atocore_storage::{
    layout::Layout,
    sqlite::{Committed, IngestedDocument, LoggedOperation, StorageError, Store, StoreOptions, StoredChunks},
};

/// The second that the clock of the tests shows at first: 2026-04-06T18:42:19Z.
pub(crate) const STAMP: &str = "20260406T184219Z";

/// The registry of the tests: not quite what a program would write, so that a copy as text would differ.
pub(crate) const REGISTRY: &[u8] = b"{\r\n\t\"projects\": [ ],\r\n\t\"note\": \"caf\xc3\xa9 \\u00e9\"\r\n}";

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn add_seconds(&self, seconds: i64) {
        let _before = self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::new(jiff::Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// A scratch installation.
pub(crate) struct Home {
    pub(crate) root: tempfile::TempDir,
    pub(crate) layout: Layout,
    pub(crate) directory: SnapshotDirectory,
    pub(crate) store: Store,
    pub(crate) clock: Arc<SetClock>,
}

impl Home {
    /// With three documents, a registry and a vector store.
    pub(crate) fn new() -> Self {
        let home = Self::empty();
        for (name, texts) in
            [("a.md", ["one", "two"]), ("b.md", ["three", "four"]), ("c.md", ["five", "six"])]
        {
            let _stored = home.put(name, &texts);
        }
        std::fs::create_dir_all(home.layout.registry.parent().unwrap()).unwrap();
        std::fs::write(&home.layout.registry, REGISTRY).unwrap();
        vector_store(&home.layout.vector_store());
        home
    }

    /// With a store in which nothing is.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::in_home(root.path());
        let clock = Arc::new(SetClock(AtomicI64::new(1_775_500_939_123_456)));
        let options = StoreOptions { busy_timeout: Duration::from_secs(20), clock: Arc::clone(&clock) as _ };
        let store = Store::open(&layout.database(), options).unwrap();
        let directory = SnapshotDirectory::new(&layout.backups);
        Self { root, layout, directory, store, clock }
    }

    pub(crate) fn put(&self, name: &str, texts: &[&str]) -> StoredChunks {
        let operation = LoggedOperation { interface: "test", action: "refresh", subject: "project a" };
        let project = "a".parse().unwrap();
        let write =
            self.store.write(&operation, |write| write.put_document(None, &project, &document(name, texts)));
        write.map(|done: Committed<StoredChunks>| done.value).map_err(|error: StorageError| error).unwrap()
    }

    pub(crate) fn source(&self) -> SnapshotSource<'_> {
        SnapshotSource { store: &self.store, layout: &self.layout }
    }

    pub(crate) fn options(&self) -> TakeOptions {
        TakeOptions {
            vector_store: VectorStoreCopy::Include,
            ..TakeOptions::new(Arc::clone(&self.clock) as Arc<dyn Clock>)
        }
    }

    pub(crate) fn take(&self) -> TakenSnapshot {
        take(&self.directory, &self.source(), &self.options(), &Silent).unwrap()
    }

    pub(crate) fn take_watched(&self, monitor: &dyn Monitor) -> Result<TakenSnapshot, BackupError> {
        take(&self.directory, &self.source(), &self.options(), monitor)
    }

    pub(crate) fn validate(&self, id: SnapshotId, depth: Depth) -> Validation {
        validate(&self.directory, id, depth)
    }

    /// What lies in the backup directory beside complete snapshots.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let found = tree(self.directory.dir()).into_keys();
        found.filter(|path| !path.starts_with("snapshots/") && path != ".lock").collect()
    }
}

pub(crate) fn validate(directory: &SnapshotDirectory, id: SnapshotId, depth: Depth) -> Validation {
    verify(directory, id, depth, &SetClock(AtomicI64::new(1)), &Silent).unwrap()
}

/// A directory such as a vector store keeps: a database, index files in a folder, and a folder with nothing in it.
pub(crate) fn vector_store(dir: &Path) {
    std::fs::create_dir_all(dir.join("6f1c/empty")).unwrap();
    let database = rusqlite::Connection::open(dir.join("chroma.sqlite3")).unwrap();
    database
        .execute_batch("CREATE TABLE collections (name TEXT); INSERT INTO collections VALUES ('notes')")
        .unwrap();
    std::fs::write(dir.join("6f1c/data_level0.bin"), [7; 3000]).unwrap();
    std::fs::write(dir.join("6f1c/header.bin"), []).unwrap();
}

fn document(name: &str, texts: &[&str]) -> IngestedDocument {
    let chunk = |(i, text): (usize, &&str)| ChunkDraft {
        heading_path: HeadingPath::new(["Top"]),
        text: (*text).to_owned(),
        lines: LineSpan { first: i as u32 + 1, last: i as u32 + 1 },
        location: None,
    };
    IngestedDocument {
        file_path: format!("/docs/{name}"),
        source_path: name.parse().unwrap(),
        digest: Digest::from_bytes([texts.len() as u8; 32]),
        stamp: FileStamp { size: 1, modified_ns: 7, ..FileStamp::default() },
        root: String::new(),
        settled: true,
        chunked_by: "test".to_owned(),
        encoding: "UTF-8".to_owned(),
        parsed: ParsedDocument {
            title: name.to_owned(),
            format: "markdown",
            tags: Vec::new(),
            date: None,
            front_matter: FrontMatter::default(),
            links: Vec::new(),
            chunks: texts.iter().enumerate().map(chunk).collect(),
        },
    }
}

/// Every path below a folder, with the bytes of the files; a folder ends in a slash.
pub(crate) fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            if path.symlink_metadata().unwrap().is_dir() {
                let _new = found.insert(name + "/", Vec::new());
                folders.push(path);
            } else {
                let _new = found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let _partial = found.remove(".partial/");
    let _snapshots = found.remove("snapshots/");
    found
}

/// Copies a folder and everything in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (name, bytes) in tree(from) {
        match name.strip_suffix('/') {
            Some(folder) => std::fs::create_dir_all(to.join(folder)).unwrap(),
            None => {
                std::fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
                std::fs::write(to.join(&name), bytes).unwrap();
            }
        }
    }
}

/// A snapshot that lies in a place of its own, to be damaged.
pub(crate) struct Victim {
    _root: tempfile::TempDir,
    pub(crate) directory: SnapshotDirectory,
    pub(crate) id: SnapshotId,
    pub(crate) dir: PathBuf,
}

impl Victim {
    pub(crate) fn of(taken: &TakenSnapshot) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(root.path());
        let dir = directory.snapshot(taken.id);
        copy_tree(&taken.path, &dir);
        Self { _root: root, directory, id: taken.id, dir }
    }

    pub(crate) fn validate(&self, depth: Depth) -> Validation {
        validate(&self.directory, self.id, depth)
    }

    /// Changes the text of the metadata.
    pub(crate) fn edit_metadata(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let path = self.dir.join("backup-metadata.json");
        let mut value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        std::fs::write(&path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    }
}
