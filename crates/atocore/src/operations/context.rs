//! What an operation runs with.

use std::{
    cell::OnceCell,
    fmt, thread,
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Engine};
use atocore_model::{
    monitor::Monitor,
    query::{Notice, ProjectHint},
    time::Timestamp,
};

use crate::{
    engine::{EngineGuard, SharedEngine},
    following::{Following, FreshAsOf},
    jobs::Jobs,
    metrics::Metrics,
    operations::ApiError,
    packs::Packs,
};

/// How often it is looked whether changes have been read.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a server has beside its engine; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct ServerState {
    /// What is measured.
    pub metrics: Metrics,
    /// The long work.
    pub jobs: Jobs,
    /// The context packs that were made last.
    pub packs: Packs,
    /// How fresh each project is whose files it follows.
    pub following: Following,
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

    /// Every change of files before this is in what is stored, of the project that a question is limited to or of all;
    /// `None` where no server follows the files. Waits for the changes that the server has seen, when that is wanted, for as
    /// long as the engine waits for others.
    ///
    /// # Errors
    /// When there is no such project.
    pub fn fresh_as_of(&self, hint: &ProjectHint, wait: bool) -> Result<Option<Timestamp>, ApiError> {
        let Some(server) = self.server else { return Ok(None) };
        let project = match hint {
            ProjectHint::Scope(name) => Some(self.engine().project(name)?.id),
            ProjectHint::None | ProjectHint::Boost(_) => None,
        };
        let (clock, at_most) = (self.engine().clock(), self.engine().busy_timeout());
        let (began, asked) = (Instant::now(), clock.now());
        loop {
            let fresh = server.following.fresh_as_of(project.as_ref(), clock.now());
            let is_enough = !wait || fresh >= FreshAsOf::Moment(asked);
            if is_enough || began.elapsed() >= at_most || self.monitor.cancelled() {
                return Ok(match fresh {
                    FreshAsOf::Moment(time) => Some(time),
                    FreshAsOf::Unread | FreshAsOf::NotFollowed => None,
                });
            }
            server.following.look_now(project.as_ref());
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Has files that differ from what an answer shows read soon, where nobody else does.
    pub fn met<'n>(&self, notices: impl IntoIterator<Item = &'n Notice>) {
        let of_files =
            |notice: &Notice| matches!(notice, Notice::FilesGone { .. } | Notice::FilesChanged { .. });
        if let Some(server) = self.server.filter(|_| notices.into_iter().any(of_files)) {
            server.following.look_now(None);
        }
    }

    /// Does what needs the engine alone. Waits until nobody else reads from it.
    pub fn exclusively<T>(&mut self, work: impl FnOnce(&mut Engine) -> T) -> T {
        drop(self.engine.take());
        let mut engine = self.shared.write();
        let done = work(&mut engine);
        if let Some(server) = self.server {
            // What is stored now may be of another time than the files.
            server.following.hint_all(engine.clock().now());
        }
        done
    }
}
