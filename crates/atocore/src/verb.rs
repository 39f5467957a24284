//! Every verb once, the same for the command line and for HTTP: what is asked, how it travels, what is answered.
//!
//! A verb takes words as a person or a client gave them, turns them into checked values, and calls the engine. It
//! never prints and never knows which door it came through, except for what a caller may do.

mod backups;
mod changes;
mod context;
mod document;
pub(crate) mod embed;
mod error;
mod facts;
mod index;
mod interactions;
pub(crate) mod lenient;
mod memory;
mod projects;
mod prune;
mod query;
mod refresh;
pub mod remote;
mod request;
mod restore;
mod state;
mod status;

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::Monitor;
use serde::{Serialize, de::DeserializeOwned};

use crate::{http::Metrics, packs::Packs};

pub use backups::{
    CreateBackup, DrillBackup, ListBackups, ValidateAllBackups, ValidateBackup, check_stamp, stamp,
};
pub use changes::{ListChanges, ReverseChange};
pub use context::{BuildContext, ShowContext};
pub use document::ReadDocument;
pub use embed::Embed;
pub use error::VerbError;
pub(crate) use error::sentence;
pub(crate) use facts::plain_line;
pub use index::{RebuildIndex, VerifyIndex};
pub use interactions::{ListInteractions, RecordInteraction, ShowInteraction};
pub use memory::{
    CreateMemory, DecideMemory, ListMemories, MemoryChange, MemoryDecision, ShowMemory, UpdateMemory,
};
pub use projects::{
    AddProject, ListProjects, PlanRemoval, ProjectChange, ProposeProject, RemoveProject, ShowProject,
    ShowTemplate, UpdateProject,
};
pub use prune::{PinBackup, PinNote, PruneBackups, UnpinBackup};
pub use query::Query;
pub use refresh::Refresh;
pub use request::Request;
pub use restore::{PlanRestore, Restore, RestoreTo};
pub use state::{InvalidateState, ListState, SetState};
pub use status::{Doctor, Health, Sources, Status};

/// Something a user can ask for.
///
/// A door runs it on an engine of its own, or sends it to the process that owns the store with [`remote::send`]: the
/// reply is the same.
pub trait Verb: Send + 'static {
    /// What is answered; as JSON it is the body of the HTTP answer and what `--json` prints.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Whether it changes the store, the registry or the backup directory, and so needs the engine that owns them.
    const WRITES: bool;

    /// Whether it may take long, so that a server runs only a few of its kind at once.
    const LONG: bool = false;

    /// Whether it is answered whoever else is at work, because it only looks how the server is.
    const AT_ONCE: bool = false;

    /// What the job of a long verb is called.
    const NAME: &'static str = "";

    /// What it is done to: a stamp, or the name of a project.
    fn subject(&self) -> Option<String> {
        None
    }

    /// Refuses words that cannot be what they stand for. [`Verb::run`] does so too; this is for a job that nobody waits
    /// for, and for who would else have to wait for the store first.
    ///
    /// # Errors
    /// `invalid_request` and its like.
    fn check(&self) -> Result<(), VerbError> {
        Ok(())
    }

    /// The name of the project that there must be for it.
    fn project(&self) -> Option<&str> {
        None
    }

    /// Counts how it ended, for those that are counted.
    fn measure(_: &Result<Self::Reply, VerbError>, _: &Metrics) {}

    /// Remembers what is looked at again, in a server.
    fn remember(_: &Self::Reply, _: &Packs) {}

    /// The verb as an HTTP request.
    fn request(&self) -> Request;

    /// Does it.
    ///
    /// # Errors
    /// `invalid_request` and its like for words that cannot be what they stand for; else what the engine says.
    ///
    /// # Cancellation
    /// Long verbs ask `monitor` and leave a consistent store behind.
    fn run(self, engine: &Engine, caller: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError>;
}
