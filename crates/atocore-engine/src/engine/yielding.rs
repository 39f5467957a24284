//! Long work beside others who want the store: stopping for them, and telling what is wrong before they wait.

use atocore_model::{monitor::Monitor, name::ProjectName};
use atocore_storage::{layout::Layout, locks, vector::VectorError};

use super::Engine;
use crate::{
    config::EngineConfig,
    embedding::Embedded,
    error::Error,
    projects::{Projects, roots::Folders},
};

impl Engine {
    /// As [`Engine::embed`], and stops between two commits when `wanted` says so, or another process waits for the store:
    /// whoever calls this closes the engine then, lets the other one go first, and goes on in another one. A commit is made
    /// every second or so, and at least one before it stops.
    ///
    /// # Errors
    /// As [`Engine::embed`].
    ///
    /// # Durability
    /// As [`Engine::embed`].
    ///
    /// # Cancellation
    /// As [`Engine::embed`].
    pub fn embed_yielding(
        &self,
        wanted: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<Embedded, Error> {
        let wanted = || wanted() || Self::is_waited_for(&self.config.layout);
        match self.embedding.make_yielding(&self.embed_context()?, Some(&wanted), monitor)? {
            Embedded::All(report) => self.with_outage(Embedded::All(report)),
            some => Ok(some),
        }
    }

    /// Whether another process waits for the store of an installation; `false` where that cannot be seen.
    #[must_use]
    pub fn is_waited_for(layout: &Layout) -> bool {
        locks::is_waited_for(&layout.locks()).unwrap_or_default()
    }

    pub(super) fn with_outage<T>(&self, made: T) -> Result<T, Error> {
        match self.embedding.outage() {
            Some(outage) => Err(VectorError::Unavailable(outage).into()),
            None => Ok(made),
        }
    }

    /// Refuses a name that the registry of an installation does not have, without opening the store. A registry that cannot
    /// be read refuses nothing.
    ///
    /// # Errors
    /// [`Error::ProjectUnknown`].
    pub fn must_know(config: &EngineConfig, name: &ProjectName) -> Result<(), Error> {
        let folders = Folders { vault: config.vault_dir.clone(), drive: config.drive_dir.clone() };
        match Projects::new(config.layout.registry.clone(), folders).resolve(name) {
            Err(error @ Error::ProjectUnknown { .. }) => Err(error),
            _ => Ok(()),
        }
    }
}
