//! What an engine needs to know. Whoever builds it has read and checked it; the engine reads no environment.

use std::{path::PathBuf, sync::Arc, time::Duration};

use atocore_backup::retention::RetentionRules;
use atocore_extract::FormatRules;
use atocore_model::time::Clock;
use atocore_storage::{layout::Layout, sqlite::copy::Copier};

use crate::{
    clock::SystemClock,
    embedding::{ModelChoice, VectorStore},
    ingest::ChunkLimits,
    packing::PackShares,
    retrieval::RankWeights,
    schedule::Schedule,
};

/// Everything that can be set about an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where everything lies.
    pub layout: Layout,
    /// The folder that `vault` roots lie in.
    pub vault_dir: Option<PathBuf>,
    /// The folder that `drive` roots lie in.
    pub drive_dir: Option<PathBuf>,
    /// How long to wait for another owner, for the ingest lock, and for SQLite's own locks.
    pub busy_timeout: Duration,
    /// How documents are cut.
    pub chunks: ChunkLimits,
    /// Larger files are left out; bytes.
    pub max_file_bytes: u64,
    /// What is made of files with certain endings, in the place of their usual format.
    pub formats: FormatRules,
    /// How many of a hundred documents of a root a refresh removes at most without being told that it may.
    pub max_removed_percent: u64,
    /// Which model makes the vectors.
    pub model: ModelChoice,
    /// Where passages are searched by their vectors.
    pub vectors: VectorStore,
    /// The program that runs a Chroma server, to prove snapshots that hold the folder of one.
    pub chroma_program: PathBuf,
    /// How hits are ranked.
    pub weights: RankWeights,
    /// Whether the questions that an owner of the store answers are kept in it.
    pub keep_questions: bool,
    /// How much of a context pack the facts may take.
    pub packing: PackShares,
    /// Which snapshots are kept when nothing else is said.
    pub retention: RetentionRules,
    /// What a server does by itself, and when.
    pub schedule: Schedule,
    /// How the store is copied for a snapshot.
    pub copier: Copier,
    /// The program, with its arguments, that reads documents of other formats than text, as [`crate::extract::serve`]
    /// does; `None` to read them in this process, without limits.
    pub extract_program: Option<(PathBuf, Vec<String>)>,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Where the settings came from, for `doctor`.
    pub settings: SettingsOrigin,
}

impl EngineConfig {
    /// An engine with the defaults of all settings. It copies and reads in this process and has the clock of the machine.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            vault_dir: None,
            drive_dir: None,
            busy_timeout: Duration::from_secs(5),
            chunks: ChunkLimits::default(),
            max_file_bytes: 16 << 20,
            formats: FormatRules::default(),
            max_removed_percent: 50,
            model: ModelChoice::default(),
            vectors: VectorStore::default(),
            chroma_program: PathBuf::from("chroma"),
            weights: RankWeights::default(),
            keep_questions: false,
            packing: PackShares::default(),
            retention: RetentionRules::default(),
            schedule: Schedule::default(),
            copier: Copier::InProcess,
            extract_program: None,
            clock: Arc::new(SystemClock),
            settings: SettingsOrigin::default(),
        }
    }
}

/// Where settings came from, as far as somebody may want to look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsOrigin {
    /// The home, when it is where it is because of where the process was started.
    pub found_home: Option<PathBuf>,
    /// Settings files that lie there and do not count: each file, and the folder that would have to be trusted.
    pub ignored: Vec<(PathBuf, PathBuf)>,
    /// The files that a secret was read from.
    pub secrets: Vec<PathBuf>,
}
