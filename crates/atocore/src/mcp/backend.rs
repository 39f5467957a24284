//! Where the operations of a call are run: in the server that this is, or wherever this process finds the store.

use std::sync::Arc;

use atocore_engine::Caller;

use super::{machine::Machine, watch::Watch};
use crate::{
    app::App,
    operations::{ApiError, Embed, Operation},
};

/// Where operations are run; clones are the same place.
#[derive(Debug, Clone)]
pub(super) enum Backend {
    /// By the server that this process is.
    App(Box<App>),
    /// By whatever looks after the store on this machine.
    Machine(Arc<Machine>),
}

impl Backend {
    /// Runs an operation; it is cancelled when the future is dropped.
    pub(super) async fn run<O: Operation>(
        &self,
        caller: Caller,
        operation: O,
        watch: Arc<Watch>,
    ) -> Result<O::Reply, ApiError> {
        match self {
            Self::App(app) => app.run_with(caller, operation, None, Some(watch)).await,
            Self::Machine(machine) => machine.run(caller, operation, watch).await,
        }
    }

    /// Makes the vectors that are missing; it is cancelled when the future is dropped.
    pub(super) async fn embed(&self, caller: Caller, watch: Arc<Watch>) -> Result<(), ApiError> {
        match self {
            Self::App(app) => app.run_with(caller, Embed {}, None, Some(watch)).await.map(drop),
            Self::Machine(machine) => machine.embed(watch).await,
        }
    }

    /// Whether vectors are wanted and nobody makes them by itself, as a server does.
    pub(super) async fn leaves_vectors_to_be_made(&self) -> bool {
        match self {
            Self::App(_) => false,
            Self::Machine(machine) => machine.leaves_vectors_to_be_made().await,
        }
    }
}
