//! Every operation once: its parameters, its reply, how it is reached, and what it does.
//!
//! An operation is one file. The HTTP router, the OpenAPI document, the client of the local socket and the names of jobs
//! are loops over [`OPERATIONS`]. An operation never prints and never knows which interface it was called through, except
//! for what its caller may do.

mod backups;
mod changes;
mod context;
mod documents;
mod error;
mod explain_file;
pub(crate) mod fields;
mod formats;
mod installation;
mod interactions;
mod jobs;
pub(crate) mod json_text;
pub(crate) mod lenient;
mod links;
mod memory;
mod prelude;
mod problem;
mod projects;
mod questions;
mod recent_documents;
mod related_documents;
mod retrieval;
mod spec;
mod state;
mod unfound_documents;
mod unresolved_links;

use std::path::Path;

use clap::Args;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

pub use backups::{
    CreateBackup, DrillBackup, DrillResult, ListBackups, ListedSnapshot, PinBackup, PinResult, PlanRestore,
    PlanUndo, PruneBackups, PruneDecision, PruneResult, RestoreBackup, SnapshotList, UndoRestore,
    UnpinBackup, ValidateAllBackups, ValidateBackup, ValidationList, ValidationReport, check_stamp, stamp,
};
pub use changes::{FactChangeList, ListChanges, ReverseChange};
pub use context::{Context, ServerState};
pub use documents::{DocumentList, ListDocuments};
pub use error::ApiError;
pub(crate) use error::{named, sentence};
pub use explain_file::ExplainFile;
pub(crate) use fields::plain_line;
pub use formats::{FormatEntry, FormatList, ListFormats};
pub(crate) use installation::embedded;
pub use installation::{
    BUILD, Diagnosis, Doctor, Embed, Health, HealthReport, IndexBuilt, IndexComparison, RebuildIndex,
    SourceFolder, SourceList, Sources, Status, VERSION, VerifyIndex,
};
pub use interactions::{InteractionList, ListInteractions, RecordInteraction, ShowInteraction};
pub use jobs::{CancelJob, JobList, JobReport, ListJobs, ShowJob};
pub use links::ShowLinks;
pub use memory::{
    CreateMemory, InvalidateMemory, ListMemories, MemoryList, PromoteMemory, RejectMemory, ShowMemory,
    UpdateMemory,
};
pub use problem::{Problem, status};
pub use projects::{
    AddProject, FileResult, ListProjects, PlanRemoval, ProjectList, ProjectProposal, ProposeProject,
    RefreshProject, RefreshResult, Removal, RemoveProject, RootResult, ShowProject, ShowTemplate,
    UpdateProject,
};
pub use questions::{
    EvaluationCase, ForgetQuestions, ListQuestions, MakeCase, QuestionList, QuestionsForgotten,
};
pub use recent_documents::{RecentDocuments, RecentList};
pub use related_documents::ListRelated;
pub use retrieval::{
    BuildContext, ContextPack, ContextPackItem, DocumentText, PackChange, PackDiff, PackPassage, Query,
    ReadDocument, ReadDocumentAt, ShowContext,
};
pub use spec::{Body, Duration, Method, Needs, PathPart, Route, Spec, ToolWords};
pub use state::{InvalidateState, ListState, SetState};
pub use unfound_documents::{ListUnfound, UnfoundList};
pub use unresolved_links::ListUnresolvedLinks;

/// Something a user can ask for. Its fields are its parameters, as every interface names them.
///
/// An interface runs it on an engine of its own, or sends it to the process that owns the store with
/// [`crate::remote::send`]: the reply is the same.
pub trait Operation: Serialize + DeserializeOwned + ToSchema + Send + 'static {
    /// What is answered; as JSON it is the body of the HTTP response and what `--json` prints.
    type Reply: Serialize + DeserializeOwned + ToSchema + Send + 'static;

    /// How it is reached, and what it needs.
    const SPEC: Spec;

    /// What it needs of the engine with these parameters; at most what [`Spec::access`] says.
    fn access(&self) -> Needs {
        Self::SPEC.access
    }

    /// What it is done to, as its job shows it: a stamp, or the name of a project.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// The name of the project that must exist for it.
    fn project(&self) -> Option<&str> {
        None
    }

    /// Refuses parameters that cannot be what they stand for. [`Operation::run`] does so too; this is for a job that
    /// nobody waits for, and for a caller who would else have to wait for the store first.
    ///
    /// # Errors
    /// `invalid_request` and its like.
    fn check(&self) -> Result<(), ApiError> {
        Ok(())
    }

    /// The same with relative paths taken from a folder, as a person means them who types it there.
    #[must_use]
    fn in_folder(self, _: &Path) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// The HTTP status of a reply.
    fn status(_: &Self::Reply) -> u16 {
        Self::SPEC.status
    }

    /// Does it.
    ///
    /// # Errors
    /// `invalid_request` and its like for parameters that cannot be what they stand for; else what the engine says.
    ///
    /// # Cancellation
    /// Long operations ask the monitor and leave a consistent store behind.
    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError>;
}

/// What is done with every operation, whatever its types.
pub trait Visitor {
    /// Does it with one.
    fn visit<O: Operation>(&mut self);
}

/// What is done with every operation that is a command by itself, and a tool when it has the words for it.
pub trait CommandVisitor {
    /// Does it with one; without a verb its command is the noun.
    fn visit<O: Operation + Args>(&mut self, noun: &'static str, verb: Option<&'static str>);
}

/// Declares the table: every operation, by its type; behind it what it is called where it has a command by itself.
macro_rules! table {
    ($($operation:ident $(as $noun:ident $($verb:ident)?)?),* $(,)?) => {
        /// Every operation, in the order in which a newcomer would ask for them.
        pub const OPERATIONS: &[Spec] = &[$($operation::SPEC),*];

        /// Visits every operation in that order.
        pub fn visit_all(visitor: &mut impl Visitor) {
            $(visitor.visit::<$operation>();)*
        }

        /// Visits those that are commands by themselves.
        pub fn visit_commands(visitor: &mut impl CommandVisitor) {
            $($(visitor.visit::<$operation>(stringify!($noun), verb!($($verb)?));)?)*
        }
    };
}

macro_rules! verb {
    () => {
        None
    };
    ($verb:ident) => {
        Some(stringify!($verb))
    };
}

table! {
    Health,
    Status,
    Doctor,
    Sources,
    ListFormats as formats,
    ListProjects,
    AddProject,
    ShowTemplate,
    ProposeProject,
    ShowProject,
    UpdateProject,
    RemoveProject,
    PlanRemoval,
    RefreshProject,
    ListDocuments as documents list,
    RecentDocuments as documents recent,
    ShowLinks as documents links,
    ListUnresolvedLinks as documents unresolved,
    ListRelated as documents related,
    ListUnfound as documents unfound,
    ExplainFile as why,
    Query,
    SetState,
    InvalidateState,
    ListState,
    ListMemories,
    CreateMemory,
    ShowMemory,
    UpdateMemory,
    InvalidateMemory,
    PromoteMemory,
    RejectMemory,
    ListInteractions,
    RecordInteraction,
    ShowInteraction,
    ListChanges,
    ReverseChange,
    ListQuestions,
    MakeCase,
    ForgetQuestions,
    ReadDocumentAt,
    ReadDocument,
    BuildContext,
    ShowContext,
    Embed,
    VerifyIndex,
    RebuildIndex,
    ListBackups,
    CreateBackup,
    ValidateBackup,
    ValidateAllBackups,
    DrillBackup,
    PlanRestore,
    RestoreBackup,
    PlanUndo,
    UndoRestore,
    PruneBackups,
    PinBackup,
    UnpinBackup,
    ListJobs,
    ShowJob,
    CancelJob,
}
