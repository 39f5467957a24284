//! The runners of a process that may live for hours beside everything else on this machine: a server that starts and stops,
//! commands that write, a restore that needs everybody out.
//!
//! Each operation goes to the server when there is one. Without one, reading opens the store beside whoever owns it and
//! keeps it open a moment longer than it is needed; writing owns it for the one operation and no longer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use atocore_engine::Engine;
use atocore_model::monitor::{Monitor, Silent};

use super::{Runner, embedding::EmbeddingOutcome};
use crate::{
    config::Config,
    operations::{ApiError, Needs, Operation},
};

/// How long a store stays open for the next question. Shorter than a restore waits for those who read.
const OPEN_FOR: Duration = Duration::from_secs(2);

/// How often it is looked whether a store is still in use.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Opens a runner for each operation, and keeps the one that reads.
#[derive(Debug)]
pub(crate) struct KeptRunner {
    config: Config,
    open: Mutex<Option<Open>>,
    /// Held by the one who opens the store for reading, which may bring an index up to date first.
    opening: Mutex<()>,
}

/// A store that is open for reading.
#[derive(Debug)]
struct Open {
    runner: Arc<Runner>,
    used: Instant,
}

impl KeptRunner {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, open: Mutex::default(), opening: Mutex::default() }
    }

    /// The runner for an operation of an agent.
    pub(crate) fn of<O: Operation>(
        self: &Arc<Self>,
        operation: &O,
        monitor: &dyn Monitor,
    ) -> Result<Arc<Runner>, ApiError> {
        if O::SPEC.access == Needs::Read {
            return self.reading(monitor);
        }
        Runner::refuse(&self.config, operation)?;
        Runner::writing(&self.config, &format!("mcp: {}", O::SPEC.job), monitor).map(Arc::new)
    }

    /// Makes vectors until `wanted` says that somebody else wants the store.
    pub(crate) fn embed_a_while(
        &self,
        wanted: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<EmbeddingOutcome, ApiError> {
        Runner::in_turn(&self.config, "mcp: embed", monitor)?.embed_a_while(wanted, monitor)
    }

    /// Whether vectors are wanted and nobody makes them by itself, as a server does.
    pub(crate) fn leaves_vectors_to_be_made(self: &Arc<Self>) -> bool {
        self.reading(&Silent).is_ok_and(|runner| runner.leaves_vectors_to_be_made())
    }

    /// The store, open for reading. In a runtime, which closes it later.
    fn reading(self: &Arc<Self>, monitor: &dyn Monitor) -> Result<Arc<Runner>, ApiError> {
        if let Some(server) = Runner::served(&self.config)? {
            *self.lock() = None;
            return Ok(Arc::new(server));
        }
        if let Some(runner) = self.opened() {
            return Ok(runner);
        }
        let _opening = match self.opening.try_lock() {
            Ok(opening) => opening,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // That may take minutes. Until then there is what can be seen now.
            Err(TryLockError::WouldBlock) => return Ok(Arc::new(Runner::looking(&self.config)?)),
        };
        if let Some(runner) = self.opened() {
            return Ok(runner);
        }
        let mut runner = Runner::reading(&self.config, monitor)?;
        let owner = Engine::owner(&self.config.engine.layout)?;
        if owner.is_some_and(|owner| owner.pid == std::process::id()) {
            // It was owned to bring an index up to date, which is done.
            drop(runner);
            runner = Runner::looking(&self.config)?;
        }
        let runner = Arc::new(runner);
        // An installation without a store may get one at any time.
        if matches!(&*runner, Runner::Local(engine) if engine.read().health().is_ok_and(|health| health.store))
        {
            *self.lock() = Some(Open { runner: Arc::clone(&runner), used: Instant::now() });
            self.close_when_idle();
        }
        Ok(runner)
    }

    fn opened(&self) -> Option<Arc<Runner>> {
        let mut open = self.lock();
        let open = open.as_mut()?;
        open.used = Instant::now();
        Some(Arc::clone(&open.runner))
    }

    /// Closes the store once nobody has used it for a while, whoever that was.
    fn close_when_idle(self: &Arc<Self>) {
        let kept = Arc::clone(self);
        drop(tokio::spawn(async move {
            let mut is_open = true;
            while is_open {
                tokio::time::sleep(LOOK_AGAIN).await;
                let kept = Arc::clone(&kept);
                let look = tokio::task::spawn_blocking(move || kept.stays_open());
                is_open = look.await.unwrap_or_default();
            }
        }));
    }

    /// Whether the store is open still; closes it when nobody has used it for a while.
    fn stays_open(&self) -> bool {
        let mut open = self.lock();
        let is_idle = |open: &Open| open.used.elapsed() >= OPEN_FOR && Arc::strong_count(&open.runner) == 1;
        if open.as_ref().is_some_and(is_idle) {
            *open = None;
        }
        open.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Environment, Flags},
        operations::Health,
    };

    #[test]
    fn nobody_waits_for_the_one_who_brings_an_index_up_to_date() {
        let home = tempfile::tempdir().unwrap();
        let flags = Flags { data_dir: Some(home.path().to_owned()), ..Flags::default() };
        let kept = Arc::new(KeptRunner::new(Config::load(&flags, &Environment::default()).unwrap()));
        drop(Runner::writing(&kept.config, "test", &Silent).unwrap());
        let _opening = kept.opening.lock().unwrap();
        for _ in 0..3 {
            let health = kept.of(&Health {}, &Silent).unwrap().run(Health {}, &Silent).unwrap();
            assert!(health.health.store);
        }
        assert!(kept.lock().is_none(), "the one who is at it keeps it open");
    }
}
