//! Operations of a process that may live for hours beside everything else on this machine: a server that starts and stops,
//! commands that write, a restore that needs everybody out.
//!
//! Each operation goes to the server when there is one. Without one, reading opens the store beside whoever owns it and
//! keeps it open a moment longer than it is needed; writing owns it for the one operation and no longer.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::{Monitor, Silent};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::watch::Watch;
use crate::{
    config::Config,
    operations::{ApiError, Needs, Operation},
    session::{EmbeddingOutcome, Session},
};

/// How long a store stays open for the next question. Shorter than a restore waits for those who read.
const OPEN_FOR: Duration = Duration::from_secs(2);

/// How many operations read at once.
const READS_AT_ONCE: usize = 8;

/// This machine.
#[derive(Debug)]
pub(super) struct Machine {
    config: Config,
    open: Mutex<Option<Open>>,
    /// Held by the one who opens the store for reading, which may bring an index up to date first.
    opening: Mutex<()>,
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    /// How many wait to write.
    wanting: AtomicUsize,
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
            opening: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            writes: Arc::new(Semaphore::new(1)),
            wanting: AtomicUsize::new(0),
        }
    }

    /// Runs an operation on a thread that may block.
    pub(super) async fn run<O: Operation>(
        self: &Arc<Self>,
        caller: Caller,
        operation: O,
        watch: Arc<Watch>,
    ) -> Result<O::Reply, ApiError> {
        let place = if O::SPEC.access != Needs::Read {
            self.place_to_write().await?
        } else {
            place(&self.reads).await?
        };
        let machine = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the client cancels it.
            let _place = place;
            if O::SPEC.access != Needs::Read {
                let activity = format!("mcp: {}", O::SPEC.job);
                Session::refuse(&machine.config, &operation)?;
                Session::writing(&machine.config, &activity, &*watch)?.run_as(caller, operation, &*watch)
            } else {
                machine.reading(&*watch)?.run_as(caller, operation, &*watch)
            }
        });
        let answer = work.await.unwrap_or_else(|_| Err(ApiError::fault()));
        self.close_later();
        answer
    }

    /// Makes the vectors that are missing, and lets others write in between, of this client and of other processes.
    pub(super) async fn embed(self: &Arc<Self>, watch: Arc<Watch>) -> Result<(), ApiError> {
        loop {
            let place = place(&self.writes).await?;
            let (machine, watch) = (Arc::clone(self), Arc::clone(&watch));
            let work = tokio::task::spawn_blocking(move || {
                let _place = place;
                let wanted = || machine.wanting.load(Ordering::SeqCst) > 0;
                Session::in_turn(&machine.config, "mcp: embed", &*watch)?.embed_a_while(&wanted, &*watch)
            });
            let made = work.await.unwrap_or_else(|_| Err(ApiError::fault()))?;
            if let EmbeddingOutcome::All(_) = made {
                self.close_later();
                return Ok(());
            }
        }
    }

    async fn place_to_write(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let _wants = Wants::one_more(&self.wanting);
        place(&self.writes).await
    }

    /// Whether vectors are wanted and nobody makes them by itself.
    pub(super) async fn leaves_vectors_to_be_made(self: &Arc<Self>) -> bool {
        let machine = Arc::clone(self);
        let look = tokio::task::spawn_blocking(move || match &*machine.reading(&Silent).ok()? {
            Session::Here(engine) => Some(engine.read().wants_vectors()),
            Session::Server(_) => None,
        });
        matches!(look.await, Ok(Some(true)))
    }

    /// The store, open for reading.
    fn reading(&self, monitor: &dyn Monitor) -> Result<Arc<Session>, ApiError> {
        if let Some(server) = Session::served(&self.config)? {
            *self.lock() = None;
            return Ok(Arc::new(server));
        }
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        let _opening = match self.opening.try_lock() {
            Ok(opening) => opening,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // That may take minutes. Until then there is what can be seen now.
            Err(TryLockError::WouldBlock) => return Ok(Arc::new(Session::looking(&self.config)?)),
        };
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        let mut session = Session::reading(&self.config, monitor)?;
        let owner = Engine::owner(&self.config.engine.layout)?;
        if owner.is_some_and(|owner| owner.pid == std::process::id()) {
            // It was owned to bring an index up to date, which is done.
            drop(session);
            session = Session::looking(&self.config)?;
        }
        let session = Arc::new(session);
        // An installation without a store may get one at any time.
        if matches!(&*session, Session::Here(engine) if engine.read().health().is_ok_and(|health| health.store))
        {
            *self.lock() = Some(Open { session: Arc::clone(&session), used: Instant::now() });
        }
        Ok(session)
    }

    fn opened(&self) -> Option<Arc<Session>> {
        let mut open = self.lock();
        let open = open.as_mut()?;
        open.used = Instant::now();
        Some(Arc::clone(&open.session))
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

async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(places).acquire_owned().await.map_err(|_| ApiError::fault())
}

/// Counts one who wants something, until it is dropped.
struct Wants<'c>(&'c AtomicUsize);

impl<'c> Wants<'c> {
    fn one_more(count: &'c AtomicUsize) -> Self {
        let _before = count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Wants<'_> {
    fn drop(&mut self) {
        let _before = self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use tokio::runtime::Builder;

    use super::*;
    use crate::{
        config::{Environment, Flags},
        operations::{Context, Health, Spec},
    };

    fn machine(home: &tempfile::TempDir) -> Arc<Machine> {
        let flags = Flags { data_dir: Some(home.path().to_owned()), ..Flags::default() };
        Arc::new(Machine::new(Config::load(&flags, &Environment::default()).unwrap()))
    }

    struct Channels {
        began: Sender<()>,
        go: Receiver<()>,
    }

    /// Tells that it runs, and runs until it is let go.
    #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
    struct Waits {
        #[serde(skip)]
        channels: Option<Channels>,
    }

    impl Operation for Waits {
        type Reply = ();
        const SPEC: Spec = Spec::post("tests", "wait", "/wait");

        fn run(self, _: &mut Context<'_>) -> Result<(), ApiError> {
            let Channels { began, go } = self.channels.unwrap();
            began.send(()).unwrap();
            let _let_go = go.recv();
            Ok(())
        }
    }

    #[test]
    fn a_cancelled_call_keeps_its_permit_until_its_work_has_ended() {
        let home = tempfile::tempdir().unwrap();
        let machine = machine(&home);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let call = || {
            let ((began, has_began), (let_go, go)) = (mpsc::channel(), mpsc::channel::<()>());
            let machine = Arc::clone(&machine);
            let call = runtime.spawn(async move {
                machine
                    .run(Caller::Local, Waits { channels: Some(Channels { began, go }) }, Arc::default())
                    .await
            });
            (call, has_began, let_go)
        };
        let (first, first_began, let_first_go) = call();
        first_began.recv().unwrap();
        first.abort();
        assert!(runtime.block_on(first).unwrap_err().is_cancelled());
        assert_eq!(machine.writes.available_permits(), 0, "its work goes on");
        let (second, second_began, let_second_go) = call();
        assert!(second_began.try_recv().is_err());
        drop(let_first_go);
        second_began.recv().unwrap();
        drop(let_second_go);
        runtime.block_on(second).unwrap().unwrap();
        assert_eq!(machine.writes.available_permits(), 1);
    }

    #[test]
    fn nobody_waits_for_the_one_who_brings_an_index_up_to_date() {
        let home = tempfile::tempdir().unwrap();
        let machine = machine(&home);
        drop(Session::writing(&machine.config, "test", &Silent).unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _opening = machine.opening.lock().unwrap();
        for _ in 0..2 * READS_AT_ONCE {
            let health = runtime.block_on(machine.run(Caller::Local, Health {}, Arc::default())).unwrap();
            assert!(health.health.store);
        }
        assert!(machine.lock().is_none(), "the one who is at it keeps it open");
    }
}
