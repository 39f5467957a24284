//! Everything an engine can refuse or fail at, with the code, and the command that helps.

mod hint;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use atocore_backup::error::BackupError;
use atocore_embed::EmbedError;
use atocore_model::{
    error::{ErrorCode, ErrorKind, with_causes},
    excerpt::DocumentRef,
    fact::{Category, FactId, MemoryStatus, StateKey},
    id::{DocumentId, Generation, MemoryId, ProjectId},
    name::ProjectName,
    path::SourcePath,
    project::RootLocation,
    time::Timestamp,
};
use atocore_storage::{
    files::FileError,
    lexical::{LexicalError, SourceError},
    locks::LockError,
    registry::{RegistryError, RegistryFault},
    sqlite::{StorageError, WriteError},
    vector::VectorError,
};

use crate::behind::IndexFault;

/// An error of the engine. Displays as one sentence; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No project has that id or alias.
    #[error("project `{name}` not found")]
    ProjectUnknown {
        /// The name.
        name: ProjectName,
        /// Known names that it may be a slip for, the nearest first.
        near: Vec<String>,
    },
    /// A project with that id exists.
    #[error("a project `{0}` exists already")]
    ProjectExists(ProjectId),
    /// The change would make the registry invalid.
    #[error("{}", .0.iter().map(|fault| fault.problem.as_str()).collect::<Vec<_>>().join("; "))]
    NameTaken(Vec<RegistryFault>),
    /// A project without a folder.
    #[error("project `{0}` needs at least one root")]
    NoRoots(ProjectId),
    /// The folder belongs to another project.
    #[error("the folder `{}` already belongs to project `{owner}`", folder.display())]
    RootTaken {
        /// The folder.
        folder: PathBuf,
        /// The project that has it.
        owner: ProjectId,
    },
    /// The folder cannot be a root.
    #[error("the root `{root}` cannot be used: {why}")]
    RootUnusable {
        /// The root.
        root: RootLocation,
        /// Why not.
        why: String,
    },
    /// A network interface named a folder.
    #[error(
        "the root `{0}` names a folder outside the vault and the drive, which only the command line may do"
    )]
    RootForbidden(RootLocation),
    /// The plan is of an older generation.
    #[error("the store has moved on from generation {planned} to {present} since the plan was made")]
    PlanOutdated {
        /// The generation of the plan.
        planned: Generation,
        /// The present one.
        present: Generation,
    },
    /// Nothing stored has that id or lies at that place.
    #[error("document {wanted} not found")]
    DocumentUnknown {
        /// What was asked for.
        wanted: DocumentRef,
        /// The path of the project that it may be a slip for.
        near: Option<String>,
    },
    /// Roots of one project have files at the same path.
    #[error(
        "{} documents of `{project}` lie at `{path}`, below different roots: {}",
        ids.len(),
        ids.iter().map(DocumentId::as_str).collect::<Vec<_>>().join(", ")
    )]
    DocumentAmbiguous {
        /// The project.
        project: ProjectId,
        /// Path below the roots.
        path: SourcePath,
        /// The documents.
        ids: Vec<DocumentId>,
    },
    /// The lines begin behind the end of the document.
    #[error("the document has {total} lines, line {first} is not among them")]
    LinesBeyondEnd {
        /// The first line that was asked for.
        first: u32,
        /// How many there are.
        total: u32,
    },
    /// A path filter that is no glob.
    #[error("`{pattern}` is not a path pattern: {why}")]
    PathPattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        why: String,
    },
    /// Passages were to be told by a text without a word that is indexed.
    #[error(
        "passages cannot be told apart by `{0}`: the lexical index leaves out words that nearly every text has"
    )]
    PassageText(String),
    /// Somebody else ingests.
    #[error("`{holder}` is running since {since}")]
    IngestionBusy {
        /// What is running.
        holder: String,
        /// Since when.
        since: Timestamp,
    },
    /// The wait for a generation ended.
    #[error(
        "generation {wanted} could not be seen in time, the answers show generation {shown}{}",
        why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
    )]
    GenerationNotReached {
        /// What was waited for.
        wanted: Generation,
        /// What can be seen.
        shown: Generation,
        /// Why the lexical index does not get there; `None` when nothing is known to stand in its way.
        why: Option<Box<IndexFault>>,
    },
    /// An index does not show what was committed, because the disk does not let it be written.
    #[error("{0}")]
    IndexBehind(Box<IndexFault>),
    /// The lexical index could not be brought up to date, for another reason than the disk. Everybody who waits is told.
    #[error(transparent)]
    IndexFailed(Arc<LexicalError>),
    /// A worker panicked, and works again after a pause.
    #[error("the worker `{0}` failed: {PANICKED}")]
    WorkerFailed(&'static str),
    /// The system gives no thread.
    #[error("the worker `{worker}` could not be started")]
    WorkerNotStarted {
        /// Which.
        worker: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The lexical index does not belong to this store yet.
    #[error("the lexical index is not ready")]
    IndexNotReady,
    /// What was asked for needs a model.
    #[error("semantic search needs a model: {}", .0.why)]
    NoModel(NoModel),
    /// A budget in tokens needs a model.
    #[error("counting tokens needs a model: {}", .0.why)]
    NoTokenizer(NoModel),
    /// The model failed on a text.
    #[error("the model could not be used")]
    Embed(#[source] EmbedError),
    /// The vector index.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// A restore was cut short, and this caller may not finish it.
    #[error("an interrupted restore of this installation is not finished yet")]
    RestorePending,
    /// No restore was made, or it had no state before it.
    #[error("there is no restore to undo")]
    NothingToUndo,
    /// The state before the last restore could not be saved as a snapshot.
    #[error("the state before the last restore was damaged and could not be saved as a snapshot; its files are kept in `{}`", .0.display())]
    NothingSaved(PathBuf),
    /// There is no snapshot that `latest` could stand for.
    #[error("there is no snapshot")]
    NoSnapshot,
    /// An import into an installation that holds something already.
    #[error("this installation is not new: it has projects, documents or facts")]
    NotNew,
    /// No fact has that id.
    #[error("fact `{0}` not found")]
    FactUnknown(FactId),
    /// Nothing was ever recorded under that category and key.
    #[error("project `{project}` has nothing recorded under `{category}` / `{key}`")]
    StateUnknown {
        /// The project.
        project: ProjectId,
        /// The category.
        category: Category,
        /// The key.
        key: StateKey,
    },
    /// A memory cannot become that.
    #[error("memory `{id}` is {from} and cannot become {to}")]
    MemoryTransition {
        /// The memory.
        id: MemoryId,
        /// What it is.
        from: MemoryStatus,
        /// What it was to become.
        to: MemoryStatus,
    },
    /// A memory that was to be promoted or rejected, and was decided about before.
    #[error("memory `{id}` is {status}, and only a candidate waits for a decision")]
    MemoryDecided {
        /// The memory.
        id: MemoryId,
        /// What it is.
        status: MemoryStatus,
    },
    /// A memory that was to take its own place.
    #[error("memory `{0}` cannot take its own place")]
    SupersedesItself(MemoryId),
    /// No change has that number.
    #[error("change {0} not found")]
    ChangeUnknown(u64),
    /// No question with that number is kept.
    #[error("question {0} not found")]
    QuestionUnknown(u64),
    /// No question is kept at all.
    #[error("no question has been kept yet")]
    NoQuestionKept,
    /// What answers a question cannot be expected as it was given.
    #[error("{0}")]
    Expectation(String),
    /// The fact was changed again.
    #[error("change {number} is not the last one of `{fact}`: change {last} came after it")]
    ChangeOvertaken {
        /// The change that was to be taken back.
        number: u64,
        /// The last one of its fact.
        last: u64,
        /// The fact.
        fact: FactId,
    },
    /// The folder of the vector store would be replaced under a server that runs on it.
    #[error("a Chroma server is running on the folder `{}`, which would be replaced under it", .0.display())]
    VectorServerRunning(PathBuf),
    /// There is no store, and this caller may not make one.
    #[error("there is no store at `{}` yet", .0.display())]
    StoreMissing(PathBuf),
    /// There is no store any more where there was one.
    #[error("the store is gone: `{}` is missing or empty, and traces of it are left: {}", database.display(), in_words(traces))]
    StoreLost {
        /// Where it was.
        database: PathBuf,
        /// What tells that there was one; at least one file or folder.
        traces: Vec<PathBuf>,
    },
    /// The settings want vectors on a Chroma server, and this program is built without the feature `chroma`.
    #[error("this program is built without Chroma")]
    WithoutChroma,
    /// The store is there and could not be opened.
    #[error("{why}")]
    StoreUnopened {
        /// The code of what kept it from being opened.
        code: ErrorCode,
        /// That, with its causes.
        why: String,
        /// What helps.
        hint: Option<String>,
    },
    /// The folder that was named as the data folder of the original is none.
    #[error("there is no store of the original at `{}`", .0.display())]
    OriginalMissing(PathBuf),
    /// What was named as an installation of the original is one of this program.
    #[error("`{}` is a store of this program, not of the original", .0.display())]
    OriginalIsOurs(PathBuf),
    /// The caller called it off.
    #[error("cancelled")]
    Cancelled,
    /// Ownership of the store.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The registry file.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The machine store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The lexical index.
    #[error(transparent)]
    Lexical(#[from] LexicalError),
    /// Snapshots.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why there is no model, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoModel {
    /// One sentence without a full stop.
    pub why: String,
    /// The command that helps.
    pub hint: String,
    /// Whether it is there and cannot be used, as opposed to not being there.
    pub damaged: bool,
}

/// What is said of a round that panicked. What the panic itself says may be text of a document: it is on standard error
/// only.
pub(crate) const PANICKED: &str = "internal error; see standard error";

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::ProjectUnknown { .. } => ErrorCode::ProjectUnknown,
            Self::ProjectExists(_) => ErrorCode::ProjectExists,
            Self::NameTaken(_) => ErrorCode::NameTaken,
            Self::RootTaken { .. } => ErrorCode::RootTaken,
            Self::RootUnusable { .. } | Self::NoRoots(_) => ErrorCode::RootUnusable,
            Self::RootForbidden(_) => ErrorCode::RootForbidden,
            Self::PlanOutdated { .. } => ErrorCode::PlanOutdated,
            Self::DocumentUnknown { .. } => ErrorCode::DocumentUnknown,
            Self::PathPattern { .. }
            | Self::PassageText(_)
            | Self::Expectation(_)
            | Self::DocumentAmbiguous { .. }
            | Self::LinesBeyondEnd { .. } => ErrorCode::InvalidRequest,
            Self::IngestionBusy { .. } => ErrorCode::IngestionBusy,
            Self::GenerationNotReached { .. } => ErrorCode::GenerationNotReached,
            Self::IndexBehind(fault) => fault.code(),
            Self::IndexFailed(error) => lexical_code(error),
            Self::IndexNotReady | Self::WorkerFailed(_) => ErrorCode::IndexUnavailable,
            Self::WorkerNotStarted { .. } => ErrorCode::Io,
            Self::NoModel(failure) | Self::NoTokenizer(failure) if failure.damaged => ErrorCode::ModelDamaged,
            Self::NoModel(_) | Self::NoTokenizer(_) => ErrorCode::ModelMissing,
            Self::Embed(_) => ErrorCode::ModelDamaged,
            Self::Vector(error) => vector_code(error),
            Self::RestorePending => ErrorCode::RestorePending,
            Self::NothingToUndo | Self::NothingSaved(_) => ErrorCode::NothingToUndo,
            Self::NoSnapshot => ErrorCode::SnapshotUnknown,
            Self::NotNew => ErrorCode::TargetNotEmpty,
            Self::FactUnknown(_) | Self::StateUnknown { .. } => ErrorCode::FactUnknown,
            Self::MemoryTransition { .. } | Self::MemoryDecided { .. } => ErrorCode::MemoryConflict,
            Self::SupersedesItself(_) => ErrorCode::InvalidRequest,
            Self::ChangeUnknown(_) => ErrorCode::ChangeUnknown,
            Self::QuestionUnknown(_) | Self::NoQuestionKept => ErrorCode::QuestionUnknown,
            Self::ChangeOvertaken { .. } => ErrorCode::ChangeOvertaken,
            Self::VectorServerRunning(_) => ErrorCode::VectorServerRunning,
            Self::StoreMissing(_) | Self::OriginalMissing(_) => ErrorCode::StoreMissing,
            Self::StoreUnopened { code, .. } => *code,
            Self::StoreLost { .. } => ErrorCode::StoreGone,
            Self::OriginalIsOurs(_) | Self::WithoutChroma => ErrorCode::InvalidRequest,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Lock(LockError::Held(_) | LockError::HeldByUnknown { .. } | LockError::Read(_)) => {
                ErrorCode::StoreBusy
            }
            Self::Registry(RegistryError::Invalid { .. }) => ErrorCode::RegistryInvalid,
            Self::Storage(error) => error.code(),
            Self::Lexical(error) => lexical_code(error),
            Self::Backup(error) => error.code(),
            Self::Lock(LockError::File(error))
            | Self::Registry(RegistryError::File(error))
            | Self::File(error) => {
                if error.is_full() {
                    ErrorCode::DiskFull
                } else {
                    ErrorCode::Io
                }
            }
        }
    }

    /// Whether opening the store once as its owner is what helps: a process was killed in the middle of a write, or an
    /// earlier version wrote the store.
    #[must_use]
    pub const fn needs_owner(&self) -> bool {
        matches!(
            self,
            Self::RestorePending | Self::Storage(StorageError::Unfinished(_) | StorageError::Older { .. })
        )
    }

    /// Whether the store itself is at fault, or its files are gone, so that only another one in its place helps; and not
    /// something that may pass, such as a full disk, or something beside it.
    #[must_use]
    pub fn blames_the_store(&self) -> bool {
        match self {
            Self::Backup(error) => {
                matches!(error, BackupError::JournalUnreadable { .. } | BackupError::CopyDiffers(_))
            }
            Self::Storage(_) | Self::StoreUnopened { .. } | Self::StoreLost { .. } => {
                matches!(self.code(), ErrorCode::StoreDamaged | ErrorCode::StoreNewer | ErrorCode::StoreGone)
            }
            _ => false,
        }
    }

    /// What everybody is told who needs a store that this kept from being opened.
    pub(crate) fn told(&self) -> Self {
        let why = with_causes(self);
        match self {
            // What a restore that was cut short has left is no store, and another restore is what helps.
            Self::Backup(_) if self.blames_the_store() => {
                Self::StoreUnopened { code: ErrorCode::StoreDamaged, why, hint: None }
            }
            _ => Self::StoreUnopened { code: self.code(), why, hint: self.hint() },
        }
    }

    /// What sort of trouble it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.code().kind()
    }
}

impl WriteError for Error {
    fn at(self, database: &Path) -> Self {
        match self {
            Self::Storage(error) => Self::Storage(error.at(database)),
            error => error,
        }
    }
}

/// A caller that cancels it is no fault of the model.
impl From<EmbedError> for Error {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Cancelled => Self::Cancelled,
            error => Self::Embed(error),
        }
    }
}

fn vector_code(error: &VectorError) -> ErrorCode {
    match error {
        VectorError::Failed { source, .. } if source.is_refused() => ErrorCode::Io,
        VectorError::Full { .. } => ErrorCode::DiskFull,
        VectorError::Cancelled => ErrorCode::Cancelled,
        VectorError::Unavailable(_) => ErrorCode::VectorsUnavailable,
        _ => ErrorCode::IndexUnavailable,
    }
}

fn lexical_code(error: &LexicalError) -> ErrorCode {
    let of_the_store = |error: &SourceError| {
        let cause = std::error::Error::source(error)?;
        cause.downcast_ref::<StorageError>().map(StorageError::code)
    };
    match error {
        LexicalError::Source(error) => of_the_store(error).unwrap_or(ErrorCode::IndexUnavailable),
        LexicalError::Full { .. } => ErrorCode::DiskFull,
        LexicalError::Cancelled => ErrorCode::Cancelled,
        LexicalError::Refused { .. } => ErrorCode::Io,
        _ => ErrorCode::IndexUnavailable,
    }
}

/// Paths in a sentence.
fn in_words(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_gone_is_told_as_that_also_by_the_index_that_follows_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        atocore_storage::files::write_synced(&path, b"x").unwrap();
        let placed = atocore_storage::files::Placed::at(&path).unwrap().unwrap();
        atocore_storage::files::remove_file(&path).unwrap();
        let gone = StorageError::from(placed.check().unwrap_err());
        let error = Error::IndexFailed(Arc::new(LexicalError::from(gone)));
        assert_eq!(error.code(), ErrorCode::StoreGone);
    }
}
