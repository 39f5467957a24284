//! Taking a snapshot: one recovery point, copied, hashed and on disk before it can be seen.
//!
//! Whatever goes wrong on the way, nothing is left that lists as a snapshot.

use std::{
    ops::ControlFlow,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use atocore_model::{
    digest::Digest,
    id::SnapshotId,
    monitor::{Monitor, Progress},
    time::Clock,
};
use atocore_storage::{
    files::{self, FileError},
    layout::Layout,
    sqlite::{
        Store, StoreRecord,
        copy::{Copier, UnsyncedCopy},
    },
};

use crate::{
    BackupError,
    manifest::{
        CollectionForm, CollectionRecord, Counts, FILE_NAME, FORMAT_VERSION, FileRecord, GOLDEN_QUERIES,
        Manifest, SnapshotRecord, recordable,
    },
    mounted,
    snapshot_directory::SnapshotDirectory,
    stage::Stage,
    vectors,
};

/// What stays free beside the copy.
pub(crate) const SLACK_BYTES: u64 = 16 << 20;

/// What a snapshot is taken of.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotSource<'a> {
    /// The open store.
    pub store: &'a Store,
    /// Where the registry and the vector store lie.
    pub layout: &'a Layout,
}

/// Whether the directory of the vector store is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VectorStoreCopy {
    /// It is left out.
    #[default]
    LeaveOut,
    /// It is copied if it is there; the caller keeps its writers away meanwhile.
    Include,
}

/// What the caller knows of a vector store that is a server.
#[derive(Debug, Clone, Default)]
pub enum VectorServer {
    /// Nothing: there is none, or nothing but its folder.
    #[default]
    Unknown,
    /// Its folder holds this collection.
    InFolder(CollectionRecord),
    /// It lies elsewhere, and this collection was exported.
    ExportedArchive {
        /// The folder of the export, which is copied in place of that of the vector store.
        from: PathBuf,
        /// What it holds.
        collection: CollectionRecord,
    },
    /// It lies elsewhere, and nothing could be had of it.
    Unavailable {
        /// Why, as a sentence without its full stop.
        why: String,
    },
}

/// How a snapshot is taken.
#[derive(Debug, Clone)]
pub struct TakeOptions {
    /// Whether the directory of the vector store is copied.
    pub vector_store: VectorStoreCopy,
    /// How the database is copied.
    pub copier: Copier,
    /// What is known of the vector store beyond its folder.
    pub server: VectorServer,
    /// Where the stamp comes from.
    pub clock: Arc<dyn Clock>,
    /// Bytes that are free where a path lies.
    pub free_bytes: fn(&Path) -> Result<u64, FileError>,
}

impl TakeOptions {
    /// Without the vector store, copying within this process, asking the file system for its free space.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            vector_store: VectorStoreCopy::LeaveOut,
            copier: Copier::InProcess,
            server: VectorServer::Unknown,
            clock,
            free_bytes: files::free_bytes,
        }
    }
}

/// What became of the vector store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VectorOutcome {
    /// It was not asked for.
    LeftOut,
    /// It was asked for and there is no such directory.
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It was asked for and is on a server of which nothing could be had.
    Unavailable {
        /// Why, as a sentence without its full stop.
        why: String,
    },
    /// It was copied, or what a server has told of it.
    Copied {
        /// Number of files.
        files: u64,
        /// Their size.
        bytes: u64,
    },
}

impl VectorOutcome {
    /// One sentence for a person.
    fn note(&self, collection: Option<&CollectionRecord>, store: &StoreRecord) -> String {
        let behind = match collection {
            Some(held) if held.generation < store.generation.0 => format!(
                " It holds the state of generation {}; what came after is made of the database copy.",
                held.generation
            ),
            _ => String::new(),
        };
        let note = match self {
            Self::LeftOut => {
                return format!(
                    "The vectors, {}, are in the database copy; the directory of a vector store beside it was not asked for.",
                    store.vectors
                );
            }
            Self::Missing { .. } => {
                "The vector store directory was asked for, but there is none, so none is in this snapshot."
            }
            Self::Unavailable { why } => {
                return format!(
                    "The vector store was asked for and is not in this snapshot: {why}; what it holds can be rebuilt from the database copy."
                );
            }
            Self::Copied { .. } => match collection.map(|collection| collection.form) {
                Some(CollectionForm::Export) => {
                    "An export of the collection on the Chroma server is in this snapshot; a restore leaves it there and rebuilds the collection from the database copy."
                }
                Some(CollectionForm::Directory) => {
                    "A copy of the folder of the Chroma server is in this snapshot."
                }
                None => "A copy of the vector store directory is in this snapshot.",
            },
        };
        format!("{note}{behind}")
    }
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSnapshot {
    /// Its stamp.
    pub id: SnapshotId,
    /// Where it lies, absolute.
    pub path: PathBuf,
    /// Its metadata, as it stands in the file.
    pub manifest: Manifest,
    /// What became of the vector store.
    pub vectors: VectorOutcome,
    /// What a person should know of it beyond that: for who took it to add; none by itself.
    pub notices: Vec<String>,
}

/// Takes a snapshot of `source` into `directory`.
///
/// Writers of the store wait only while the recovery point is taken, not while it is copied.
///
/// # Errors
/// [`BackupError::NotEnoughSpace`] before anything is written; else why it could not be copied or written.
///
/// # Durability
/// When this returns `Ok`, the snapshot is on disk, whole and visible. Otherwise nothing lists.
///
/// # Cancellation
/// Is looked for between pieces of the copy, and last right before the snapshot becomes visible.
pub fn take(
    directory: &SnapshotDirectory,
    source: &SnapshotSource<'_>,
    options: &TakeOptions,
    monitor: &dyn Monitor,
) -> Result<TakenSnapshot, BackupError> {
    take_with(directory, source, options, &|_| None, monitor)
}

/// Takes a snapshot as [`take`] does, with the golden queries that `golden_queries` makes for the recovery point.
///
/// It is called once, on a thread of its own while the files are copied, when writers go on already.
///
/// # Errors
/// As [`take`].
///
/// # Durability
/// As [`take`].
///
/// # Cancellation
/// As [`take`].
pub fn take_with(
    directory: &SnapshotDirectory,
    source: &SnapshotSource<'_>,
    options: &TakeOptions,
    golden_queries: &(dyn Fn(&StoreRecord) -> Option<Vec<u8>> + Sync),
    monitor: &dyn Monitor,
) -> Result<TakenSnapshot, BackupError> {
    let layout = source.layout;
    let plan = match (options.vector_store, &options.server) {
        (VectorStoreCopy::LeaveOut, _) | (VectorStoreCopy::Include, VectorServer::Unavailable { .. }) => None,
        (VectorStoreCopy::Include, VectorServer::ExportedArchive { from, .. }) => vectors::plan(from)?,
        (VectorStoreCopy::Include, _) => vectors::plan(&layout.vector_store())?,
    };
    mounted::begin(directory, layout)?;
    let (read_snapshot, (registry, now)) =
        source.store.recovery_point(|| (files::read_if_present(&layout.registry), options.clock.now()))?;
    let registry = registry?;

    let registry_bytes = registry.as_ref().map_or(0, |bytes| bytes.len() as u64);
    let vector_bytes = plan.as_ref().map_or(0, |plan| plan.bytes);
    let needed_bytes = read_snapshot.size_bytes() + registry_bytes + vector_bytes + SLACK_BYTES;
    let available_bytes = (options.free_bytes)(directory.dir())?;
    if available_bytes < needed_bytes {
        let place = directory.dir().to_owned();
        return Err(BackupError::NotEnoughSpace { place, needed_bytes, available_bytes });
    }

    proceed(monitor)?;
    let stage = Stage::reserve(directory, now, monitor)?;
    let mut copy = SnapshotWriter { stage: &stage, manifest: Manifest::default(), files: Vec::new() };
    copy.manifest.created_at = now.to_string();
    copy.manifest.backup_root = text(stage.target());

    let record = read_snapshot.record().clone();
    let vectors = thread::scope(|scope| {
        let golden_queries = scope.spawn(|| golden_queries(&record));
        files::create_dirs(&stage.dir().join("config"))?;
        let database = copy.place("db", source.store.path())?;
        let database_copy = read_snapshot.copy_to(&stage.dir().join(&database), &options.copier, monitor)?;
        // The log of the store can be checkpointed again from here on.
        let _checkpointing = scope.spawn(move || drop(read_snapshot));
        copy.add_database(&database, database_copy, monitor)?;
        if let Some(bytes) = &registry {
            copy.add_registry(&layout.registry, bytes)?;
        }
        let vectors = match (&plan, options.vector_store, &options.server) {
            (Some(plan), ..) => copy.add_vectors(plan.copy(stage.dir(), monitor)?),
            (None, VectorStoreCopy::LeaveOut, _) => VectorOutcome::LeftOut,
            (None, _, VectorServer::Unavailable { why }) => VectorOutcome::Unavailable { why: why.clone() },
            (None, ..) => VectorOutcome::Missing { path: layout.vector_store() },
        };
        if let Some(bytes) = golden_queries.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            copy.add_golden_queries(&bytes)?;
        }
        Ok::<_, BackupError>(vectors)
    })?;
    let collection = match &options.server {
        VectorServer::InFolder(held) | VectorServer::ExportedArchive { collection: held, .. }
            if plan.is_some() =>
        {
            Some(held.clone())
        }
        _ => None,
    };
    copy.manifest.vector_store_note = vectors.note(collection.as_ref(), &record);
    let manifest = copy.finish(&record, collection)?;
    proceed(monitor)?;
    let (id, path) = (stage.id(), stage.target().to_owned());
    stage.publish()?;
    // The snapshot is there; what is not remembered is not missed.
    drop(mounted::remember(directory, layout));
    Ok(TakenSnapshot { id, path, manifest, vectors, notices: Vec::new() })
}

/// A snapshot while it is written.
struct SnapshotWriter<'a> {
    stage: &'a Stage,
    manifest: Manifest,
    files: Vec<FileRecord>,
}

impl SnapshotWriter<'_> {
    /// Makes `folder` and returns the path below the snapshot at which the copy of `original` goes.
    fn place(&self, folder: &str, original: &Path) -> Result<String, BackupError> {
        files::create_dirs(&self.stage.dir().join(folder))?;
        let name = original.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = format!("{folder}/{name}");
        recordable(&path).filter(|path| path.file_name() == name && !name.is_empty()).map_or_else(
            || Err(BackupError::NameNotRecordable(original.to_owned())),
            |path| Ok(path.to_string()),
        )
    }

    fn record(&mut self, path: &str, size_bytes: u64, digest: Digest) {
        self.files.extend(recordable(path).map(|path| FileRecord { path, size_bytes, digest }));
    }

    fn add_database(
        &mut self,
        place: &str,
        copied: UnsyncedCopy,
        monitor: &dyn Monitor,
    ) -> Result<(), BackupError> {
        let mut done = 0;
        let digested = copied.sync_and_digest(&mut |piece| {
            done += piece;
            monitor.progress(Progress { phase: "hashing the copy".into(), done, total: None });
            if monitor.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let (size, digest) = digested.ok_or(BackupError::Cancelled)?;
        self.manifest.db_snapshot_path = text(&self.stage.target().join(place));
        self.manifest.db_size_bytes = size;
        self.record(place, size, digest);
        Ok(())
    }

    fn add_registry(&mut self, original: &Path, bytes: &[u8]) -> Result<(), BackupError> {
        let place = self.place("config", original)?;
        files::write_synced(&self.stage.dir().join(&place), bytes)?;
        self.manifest.registry_snapshot_path = text(&self.stage.target().join(&place));
        let digest = Digest::from_bytes(*blake3::hash(bytes).as_bytes());
        self.record(&place, bytes.len() as u64, digest);
        Ok(())
    }

    fn add_golden_queries(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        files::write_synced(&self.stage.dir().join(GOLDEN_QUERIES), bytes)?;
        self.record(GOLDEN_QUERIES, bytes.len() as u64, Digest::from_bytes(*blake3::hash(bytes).as_bytes()));
        Ok(())
    }

    fn add_vectors(&mut self, copied: Vec<FileRecord>) -> VectorOutcome {
        let (files, bytes) = (copied.len() as u64, copied.iter().map(|file| file.size_bytes).sum());
        self.manifest.chroma_snapshot_path = text(&self.stage.target().join("chroma"));
        self.manifest.chroma_snapshot_files = files;
        self.manifest.chroma_snapshot_bytes = bytes;
        self.manifest.chroma_snapshot_included = true;
        self.files.extend(copied);
        VectorOutcome::Copied { files, bytes }
    }

    /// Writes the metadata, which is the last file of a snapshot.
    fn finish(
        mut self,
        store: &StoreRecord,
        collection: Option<CollectionRecord>,
    ) -> Result<Manifest, BackupError> {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.manifest.atocore = Some(SnapshotRecord {
            format_version: FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            schema_version: store.schema_version,
            store_id: store.store_id.clone(),
            generation: store.generation.0,
            token: token(store),
            vector_fingerprint: store.vector_fingerprint.clone(),
            counts: counts(store),
            collection,
            files: self.files,
            metadata_blake3: String::new(),
            notices: Vec::new(),
        });
        let bytes = self.manifest.seal()?;
        files::write_synced(&self.stage.dir().join(FILE_NAME), &bytes)?;
        Ok(self.manifest)
    }
}

/// The token of a generation as it is recorded: as text, because JSON numbers of that size are rounded by many.
#[must_use]
pub fn token(store: &StoreRecord) -> String {
    token_text(store.token)
}

/// As [`token`], of any generation.
#[must_use]
pub fn token_text(token: u64) -> String {
    format!("{token:016x}")
}

pub(crate) const fn counts(store: &StoreRecord) -> Counts {
    Counts {
        documents: store.documents,
        chunks: store.chunks,
        operations: store.operations,
        vectors: store.vectors,
        project_state: store.project_state,
        memories: store.memories,
        interactions: store.interactions,
        fact_changes: store.fact_changes,
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Goes on unless the caller cancelled.
pub(crate) fn proceed(monitor: &dyn Monitor) -> Result<(), BackupError> {
    if monitor.cancelled() { Err(BackupError::Cancelled) } else { Ok(()) }
}
