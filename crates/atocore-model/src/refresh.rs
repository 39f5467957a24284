//! What a refresh did: one state for every file, one result for every root.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{Generation, ProjectId},
    json::words,
    project::Root,
};

words! {
    /// The one state a file ends in.
    FileState, "a state of a file", {
        /// Its passages are new or changed in the store.
        Ingested = "ingested",
        /// The store already had it.
        Unchanged = "unchanged",
        /// It is gone from the disk, and now from the store.
        Removed = "removed",
        /// Left out by a rule.
        Skipped = "skipped",
        /// It should have been read and could not be.
        Failed = "failed",
    }
}

/// Why a file is in its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileReason {
    /// Seen for the first time.
    New,
    /// Its bytes are others than before.
    Changed,
    /// Its bytes are as before; the settings for cutting are not.
    Rechunked,
    /// Known under another path before; the ids of document and passages stay.
    RenamedFrom(String),
    /// Size and time are as before.
    SameStamp,
    /// Size or time changed, the bytes did not.
    SameBytes,
    /// No longer on the disk.
    Deleted,
    /// Now left out by a rule, as `Skipped` says elsewhere in the same report.
    NoLongerIncluded,
    /// Its ending is not one of a document.
    UnsupportedType,
    /// Its bytes are no text, in whatever encoding, and no document that is read.
    Binary,
    /// A password protects it.
    Encrypted,
    /// A document of a format that is read, without any text: scanned pages, pictures.
    NoText,
    /// Larger than the limit, both in bytes.
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A link to a place outside the root.
    LinkLeavesRoot,
    /// A link; what it points to is read where it lies.
    Link,
    /// Neither a file nor a folder.
    Special,
    /// Belongs to a root of another project, nested in this one or where the file of a document was moved to.
    OwnedBy(ProjectId),
    /// Its name begins with a dot, and no ignore file says that it is wanted.
    Hidden,
    /// An ignore file below the root says so.
    Ignored,
    /// A line of an ignore file that cannot be used; the others count.
    IgnoreLine {
        /// The number of the line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// The history of a repository that cannot be read, so that nobody knows when its documents were committed.
    History(String),
    /// An ignore file that cannot be used.
    IgnoreFile(String),
    /// What turns it into passages gave up.
    ParserFailed(String),
    /// Most of its bytes are UTF-8; the first wrong one is at this offset.
    NotUtf8 {
        /// Offset in bytes.
        offset: usize,
    },
    /// The system refused to read it.
    Unreadable(String),
    /// Its name is not UTF-8 or has characters that cannot be stored.
    NameNotUtf8,
    /// A folder whose documents are gone as when its disk is not mounted, or another one is.
    DocumentsGone {
        /// How many documents were kept.
        gone: u64,
    },
}

impl FileReason {
    /// The state that goes with the reason.
    #[must_use]
    pub const fn state(&self) -> FileState {
        match self {
            Self::New | Self::Changed | Self::Rechunked | Self::RenamedFrom(_) => FileState::Ingested,
            Self::SameStamp | Self::SameBytes => FileState::Unchanged,
            Self::Deleted | Self::NoLongerIncluded => FileState::Removed,
            Self::UnsupportedType
            | Self::Binary
            | Self::Encrypted
            | Self::NoText
            | Self::TooLarge { .. }
            | Self::LinkLeavesRoot
            | Self::Link
            | Self::Special
            | Self::OwnedBy(_)
            | Self::Hidden
            | Self::Ignored
            | Self::IgnoreLine { .. }
            | Self::History(_) => FileState::Skipped,
            Self::NotUtf8 { .. }
            | Self::Unreadable(_)
            | Self::NameNotUtf8
            | Self::IgnoreFile(_)
            | Self::ParserFailed(_)
            | Self::DocumentsGone { .. } => FileState::Failed,
        }
    }

    /// The word that is counted and searched for.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Rechunked => "cut_anew",
            Self::RenamedFrom(_) => "renamed",
            Self::SameStamp => "same_stamp",
            Self::SameBytes => "same_bytes",
            Self::Deleted => "deleted",
            Self::NoLongerIncluded => "no_longer_included",
            Self::UnsupportedType => "unsupported_type",
            Self::Binary => "binary",
            Self::Encrypted => "encrypted",
            Self::NoText => "no_text",
            Self::TooLarge { .. } => "too_large",
            Self::LinkLeavesRoot => "link_leaves_root",
            Self::Link => "link",
            Self::Special => "special_file",
            Self::OwnedBy(_) => "owned_by_other_project",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::Unreadable(_) => "unreadable",
            Self::NameNotUtf8 => "name_not_utf8",
            Self::Hidden => "hidden",
            Self::Ignored => "ignored",
            Self::IgnoreLine { .. } => "ignore_line",
            Self::History(_) => "history",
            Self::IgnoreFile(_) => "ignore_file",
            Self::ParserFailed(_) => "parser_failed",
            Self::DocumentsGone { .. } => "documents_gone",
        }
    }

    /// What there is to say beyond the word; empty when nothing.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::RenamedFrom(path) => format!("from {path}"),
            Self::TooLarge { size, limit } => format!("{size} bytes, the limit is {limit}"),
            Self::OwnedBy(project) => format!("belongs to project {project}"),
            Self::NotUtf8 { offset } => format!("the byte at offset {offset} is not UTF-8"),
            Self::Unreadable(why) | Self::History(why) | Self::IgnoreFile(why) | Self::ParserFailed(why) => {
                why.clone()
            }
            Self::IgnoreLine { line, why } => format!("line {line}: {why}"),
            Self::LinkLeavesRoot => "the link points outside its root".to_owned(),
            Self::DocumentsGone { gone } => {
                format!(
                    "{gone} documents below it are gone, as when its disk is not mounted or is another one; they were kept"
                )
            }
            _ => String::new(),
        }
    }
}

/// One file and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Path below its root, as text, because it may not be a valid one.
    pub path: String,
    /// Why it is in its state.
    pub reason: FileReason,
    /// What a person should know of how it was read, a sentence each; usually empty.
    pub notices: Vec<String>,
    /// Whether the refresh before did not say the same of it.
    pub is_new: bool,
}

impl FileReport {
    /// What there is to say beyond the word of the reason; empty when nothing.
    #[must_use]
    pub fn detail(&self) -> String {
        let detail = Some(self.reason.detail()).filter(|detail| !detail.is_empty());
        detail.into_iter().chain(self.notices.iter().cloned()).collect::<Vec<_>>().join("; ")
    }
}

/// Files by the one state each ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FileCounts {
    /// New or changed in the store.
    pub ingested: u64,
    /// The store already had them.
    pub unchanged: u64,
    /// Gone from the disk, and now from the store.
    pub removed: u64,
    /// Left out by a rule.
    pub skipped: u64,
    /// Should have been read and could not be.
    pub failed: u64,
}

impl FileCounts {
    /// How many ended in `state`, to be counted.
    pub const fn of(&mut self, state: FileState) -> &mut u64 {
        match state {
            FileState::Ingested => &mut self.ingested,
            FileState::Unchanged => &mut self.unchanged,
            FileState::Removed => &mut self.removed,
            FileState::Skipped => &mut self.skipped,
            FileState::Failed => &mut self.failed,
        }
    }

    /// Adds the counts of another report.
    pub const fn merge(&mut self, other: &Self) {
        self.ingested += other.ingested;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.skipped += other.skipped;
        self.failed += other.failed;
    }
}

/// Why a whole root was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSkip {
    /// No such folder on the disk.
    Missing,
    /// It is there and is not a folder.
    NotAFolder,
    /// The folder that `vault` or `drive` stands for is not configured.
    NotConfigured,
    /// By links it leads out of the folder that it must lie in.
    Outside,
    /// The system refused to read it.
    Unreadable(String),
    /// It does not answer: the server of a share is gone, say.
    NoAnswer,
    /// It is there, and so many of its documents are not that nobody may have meant it: a disk that is not mounted
    /// leaves an empty folder.
    DocumentsGone {
        /// How many documents would be removed, or would have no text any more.
        gone: u64,
        /// How many there are.
        known: u64,
    },
}

impl RootSkip {
    /// The word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotAFolder => "not_a_folder",
            Self::NotConfigured => "not_configured",
            Self::Outside => "outside",
            Self::Unreadable(_) => "unreadable",
            Self::NoAnswer => "no_answer",
            Self::DocumentsGone { .. } => "documents_gone",
        }
    }

    /// What there is to say beyond the word; empty when nothing.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Unreadable(why) => why.clone(),
            Self::NoAnswer => "its file system does not answer; nothing of it was changed".to_owned(),
            Self::DocumentsGone { gone, known } => {
                format!(
                    "{gone} of the {known} documents that it had are gone or empty; nothing of it was changed"
                )
            }
            _ => String::new(),
        }
    }
}

/// How a refresh is done when it is not done as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefreshOptions {
    /// Documents are removed however many of a root are gone.
    pub allow_empty: bool,
    /// Every file is read, whatever the system says of it.
    pub reread: bool,
    /// It is cancelled at the next safe place when somebody waits for their turn to ingest.
    pub gives_way: bool,
}

/// What became of one configured root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootReport {
    /// The root as configured.
    pub root: Root,
    /// The path by which it is configured, which may be one of a link; empty when that is not known.
    pub named: PathBuf,
    /// The folder it stands for; empty when that is not known.
    pub folder: String,
    /// `None` when it was ingested.
    pub skipped: Option<RootSkip>,
    /// How many files ended in each state.
    pub counts: FileCounts,
    /// Every file that is not simply unchanged, sorted by path.
    pub files: Vec<FileReport>,
}

words! {
    /// Whether a refresh reached the configured roots; the words are those of the contract.
    RefreshStatus, "the outcome of a refresh", {
        /// Every root was ingested.
        Ingested = "ingested",
        /// Some were, some were skipped.
        Partial = "partial",
        /// None was.
        NothingToIngest = "nothing_to_ingest",
    }
}

/// The reason in the list of problems of a project in which files were found and none could be read.
pub const NOTHING_READ: &str = "nothing_read";

/// What there is in roots that were walked and have no document, by reason: `12 unsupported_type, 4 encrypted`.
///
/// `None` when there is a document, when a root was skipped, and when there is nothing: what is left out on purpose does not
/// count.
#[must_use]
pub fn nothing_read(roots: &[RootReport]) -> Option<String> {
    use FileReason::{Deleted, Hidden, Ignored, NoLongerIncluded, OwnedBy};
    let has_document =
        |root: &RootReport| root.skipped.is_some() || root.counts.ingested + root.counts.unchanged > 0;
    if roots.iter().any(has_document) {
        return None;
    }
    let mut found = BTreeMap::new();
    for file in roots.iter().flat_map(|root| &root.files) {
        if !matches!(file.reason, Deleted | Hidden | Ignored | NoLongerIncluded | OwnedBy(_)) {
            *found.entry(file.reason.code()).or_insert(0_u64) += 1;
        }
    }
    let found: Vec<String> = found.into_iter().map(|(code, count)| format!("{count} {code}")).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// What a refresh of one project did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshReport {
    /// The project, by its id.
    pub project: ProjectId,
    /// One entry per configured root, in the order of the registry.
    pub roots: Vec<RootReport>,
    /// Every folder that was looked into, by its absolute path.
    pub folders: Vec<PathBuf>,
    /// The generation in which all of it can be seen.
    pub generation: Generation,
}

impl RefreshReport {
    /// Number of roots that were ingested.
    #[must_use]
    pub fn roots_ingested(&self) -> usize {
        self.roots.iter().filter(|root| root.skipped.is_none()).count()
    }

    /// Number of roots that were skipped.
    #[must_use]
    pub fn roots_skipped(&self) -> usize {
        self.roots.len() - self.roots_ingested()
    }

    /// The contract's word for the whole.
    #[must_use]
    pub fn status(&self) -> RefreshStatus {
        match (self.roots_ingested(), self.roots_skipped()) {
            (0, _) => RefreshStatus::NothingToIngest,
            (_, 0) => RefreshStatus::Ingested,
            _ => RefreshStatus::Partial,
        }
    }

    /// The counts of all roots together.
    #[must_use]
    pub fn counts(&self) -> FileCounts {
        let mut sum = FileCounts::default();
        for root in &self.roots {
            sum.merge(&root.counts);
        }
        sum
    }
}
