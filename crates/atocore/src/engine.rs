//! The engine of this process, shared by everybody who asks it, and replaced by nobody while it is asked.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use atocore_engine::Engine;
use atocore_model::monitor::Silent;

/// An engine for many readers; clones are the same one.
#[derive(Debug, Clone)]
pub struct SharedEngine(Arc<RwLock<Engine>>);

/// The engine for whoever reads from it.
pub type EngineGuard<'a> = RwLockReadGuard<'a, Engine>;

impl SharedEngine {
    /// Shares an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self(Arc::new(RwLock::new(engine)))
    }

    /// The engine, after opening the store again that a restore had to leave closed.
    pub fn read(&self) -> EngineGuard<'_> {
        let engine = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if !engine.is_closed() {
            return engine;
        }
        drop(engine);
        let mut closed = self.write();
        if closed.is_closed() {
            match closed.reopen(&Silent) {
                Ok(()) => tracing::info!("store_reopened"),
                // Everybody who needs the store is told why.
                Err(error) => tracing::error!(%error, "store_closed"),
            }
        }
        drop(closed);
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine alone, when everybody else has stopped reading from it.
    pub fn write(&self) -> RwLockWriteGuard<'_, Engine> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
