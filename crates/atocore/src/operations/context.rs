//! What an operation runs with.

use std::{cell::OnceCell, fmt};

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::Monitor;

use crate::{
    engine::{EngineGuard, SharedEngine},
    jobs::Jobs,
    metrics::Metrics,
    packs::Packs,
};

/// What a server has beside its engine; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct ServerState {
    /// What is measured.
    pub metrics: Metrics,
    /// The long work.
    pub jobs: Jobs,
    /// The context packs that were made last.
    pub packs: Packs,
}

/// What an operation runs with: the engine, who called, and whom to tell where the work stands.
pub struct Context<'a> {
    shared: &'a SharedEngine,
    engine: OnceCell<EngineGuard<'a>>,
    /// Who called.
    pub caller: Caller,
    /// Is told where the work stands, and asked whether it is cancelled.
    pub monitor: &'a dyn Monitor,
    /// The server that the operation runs in, if it does.
    pub server: Option<&'a ServerState>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// What an operation runs with.
    #[must_use]
    pub fn new(
        shared: &'a SharedEngine,
        caller: Caller,
        monitor: &'a dyn Monitor,
        server: Option<&'a ServerState>,
    ) -> Self {
        Self { shared, engine: OnceCell::new(), caller, monitor, server }
    }

    /// The engine. Nobody replaces its store before the context is dropped.
    pub fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| self.shared.read())
    }

    /// Does what needs the engine alone. Waits until nobody else reads from it.
    pub fn exclusively<T>(&mut self, work: impl FnOnce(&mut Engine) -> T) -> T {
        drop(self.engine.take());
        work(&mut self.shared.write())
    }
}
