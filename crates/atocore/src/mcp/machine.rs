//! Verbs of a process that may live for hours beside everything else on this machine: a server that starts and stops,
//! commands that write, a restore that needs everybody out.
//!
//! Each verb goes to the server when there is one. Without one, reading opens the store beside whoever owns it and
//! keeps it open a moment longer than it is needed; writing owns it for the one verb and no longer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::{Monitor, Silent};
use tokio::sync::Semaphore;

use super::call::Watch;
use crate::{
    app::fault,
    config::Config,
    session::Session,
    verb::{Verb, VerbError},
};

/// How long a store stays open for the next question. Shorter than a restore waits for those who read.
const OPEN_FOR: Duration = Duration::from_secs(2);

/// How many verbs read at once.
const READS_AT_ONCE: usize = 8;

/// This machine.
#[derive(Debug)]
pub(super) struct Machine {
    config: Config,
    open: Mutex<Option<Open>>,
    reads: Semaphore,
    writes: Semaphore,
}

/// A store that is open for reading.
#[derive(Debug)]
struct Open {
    session: Arc<Session>,
    used: Instant,
}

impl Machine {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            open: Mutex::default(),
            reads: Semaphore::new(READS_AT_ONCE),
            writes: Semaphore::new(1),
        }
    }

    /// Runs a verb on a thread that may block.
    pub(super) async fn run<V: Verb>(
        self: &Arc<Self>,
        caller: Caller,
        verb: V,
        watch: Arc<Watch>,
    ) -> Result<V::Reply, VerbError> {
        let turns = if V::WRITES { &self.writes } else { &self.reads };
        let _turn = turns.acquire().await.map_err(|_| fault())?;
        let machine = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            if V::WRITES {
                let activity = format!("mcp: {}", V::NAME);
                Session::writing(&machine.config, &activity, &*watch)?.run_as(caller, verb, &*watch)
            } else {
                machine.reading(&*watch)?.run_as(caller, verb, &*watch)
            }
        });
        let answer = work.await.unwrap_or_else(|_| Err(fault()));
        self.close_later();
        answer
    }

    /// Whether vectors are wanted and nobody makes them by itself.
    pub(super) async fn leaves_vectors_to_be_made(self: &Arc<Self>) -> bool {
        let machine = Arc::clone(self);
        let look = tokio::task::spawn_blocking(move || match &*machine.reading(&Silent).ok()? {
            Session::Here(engine) => Some(engine.wants_vectors()),
            Session::Server(_) => None,
        });
        matches!(look.await, Ok(Some(true)))
    }

    /// The store, open for reading.
    fn reading(&self, monitor: &dyn Monitor) -> Result<Arc<Session>, VerbError> {
        let mut open = self.lock();
        if let Some(server) = Session::served(&self.config)? {
            *open = None;
            return Ok(Arc::new(server));
        }
        if let Some(open) = &mut *open {
            open.used = Instant::now();
            return Ok(Arc::clone(&open.session));
        }
        let mut session = Session::reading(&self.config, monitor)?;
        let owner = Engine::owner(&self.config.layout)?;
        if owner.is_some_and(|owner| owner.pid == std::process::id()) {
            // It was owned to bring an index up to date, which is done.
            drop(session);
            session = Session::looking(&self.config)?;
        }
        let session = Arc::new(session);
        // An installation without a store may get one at any time.
        if matches!(&*session, Session::Here(engine) if engine.health().is_ok_and(|health| health.store)) {
            *open = Some(Open { session: Arc::clone(&session), used: Instant::now() });
        }
        Ok(session)
    }

    /// Closes the store once nobody has used it for a while.
    fn close_later(self: &Arc<Self>) {
        let machine = Arc::clone(self);
        drop(tokio::spawn(async move {
            tokio::time::sleep(OPEN_FOR).await;
            drop(tokio::task::spawn_blocking(move || {
                let mut open = machine.lock();
                let idle =
                    |open: &Open| open.used.elapsed() >= OPEN_FOR && Arc::strong_count(&open.session) == 1;
                if open.as_ref().is_some_and(idle) {
                    *open = None;
                }
            }));
        }));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
