//! Every operation of AtoCore, once: projects, ingestion, retrieval, snapshots.
//!
//! [`Engine`] is the whole product as a list of methods. It is synchronous, prints nothing, reads no environment, and
//! knows nothing of HTTP or of command lines.

mod archiving;
mod backups;
mod behind;
mod caller;
mod clock;
mod config;
mod decoding;
mod doctor;
mod embedding;
mod engine;
mod error;
pub mod evaluation;
mod facts;
mod file_check;
mod importing;
pub mod ingest;
mod ingest_lock;
mod lexical_index;
mod lexical_indexer;
mod link_targets;
mod packing;
mod page;
mod projects;
mod pruning;
mod question_keeper;
mod reading;
mod restore;
mod retrieval;
pub mod schedule;
mod status;
mod worker;

pub use atocore_backup::{
    archive::ExportedArchive,
    in_place::{RecoveryOutcome, RestoreRecord},
    ledger::{LedgerEntry, Verdict, VerifiedDepth},
    manifest,
    restore::{RestoreReport, RestoredFile},
    retention,
    snapshot_directory::SnapshotEntry,
    take::VectorOutcome,
    verify::Validation,
};
pub use atocore_chroma::ChromaServer;
pub use atocore_embed::{self as embed, Precision};
pub use atocore_extract as extract;
pub use atocore_storage::{
    files,
    layout::Layout,
    locks::Owner,
    registry::RegistryFault,
    sqlite::{
        FactCounts, StoreRecord,
        copy::{Copier, NO_ROOM, copy_pages},
    },
    vector::{Comparison, Outage},
};

pub use archiving::{export, export_to, import, open_archive};
pub use backups::{IncludeVectors, SnapshotProof, TakenSnapshot, latest, restore, validate};
pub use behind::{IndexBehind, IndexFault};
pub use caller::{Caller, Reach};
pub use clock::SystemClock;
pub use config::{EngineConfig, SettingsOrigin};
pub use doctor::{Finding, Level};
pub use embedding::{
    Embedded, EmbeddingProgress, EmbeddingReport, EmbeddingStatus, ModelChoice, VectorStore,
};
pub use engine::{
    Access, DocumentEntry, DocumentFilter, DocumentLinks, Engine, LinkEntry, NamedDocument, RecentDocument,
    RelatedDocument, RelatedDocuments, UnfoundDocuments, UnresolvedLinks,
};
pub use error::{Error, NoModel};
pub use facts::ProjectState;
pub use importing::{ImportReport, OriginalInstallation, SkippedItem};
pub use ingest_lock::RunningTask;
pub use packing::{PackShares, caution_said, cautions_of};
pub use page::Page;
pub use projects::{ProjectChange, RemovalPlan, roots::SourceStatus};
pub use restore::{LostChanges, PreparedRestore, RestoreOutcome, RestorePlan, StoreCounts};
pub use retrieval::RankWeights;
pub use status::{
    FileProblem, FollowState, FollowStatus, InstallationHealth, InstallationStatus, LastRefresh,
    LastValidation, Paths, ProjectStatus, ProvenSnapshot, RegistryProblem, SnapshotStatus, StoreProblem,
};
pub use worker::{WorkerCondition, WorkerStatus};
