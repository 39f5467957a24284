//! How a command is carried out: on an engine of this process, or by the server that owns the store. The answers are
//! the same.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{
    Access, Caller, Copier, Embedded, EmbeddingReport, Engine, EngineConfig, RecoveryOutcome, SystemClock,
    files,
};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};

use crate::{
    config::Config,
    engine::SharedEngine,
    operations::{ApiError, Context, Embed, Needs, Operation, embedded},
    remote::{self, Address},
};

/// The hidden command that copies a database file; the engine runs it in a process of its own.
pub const COPY_COMMAND: &str = "__copy-pages";

/// How often a server that is just starting or stopping is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// After what time a server that gave no answer has gone, or is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Where operations are run.
#[derive(Debug)]
pub enum Session {
    /// In this process.
    Here(SharedEngine),
    /// By the server that owns the store.
    Server(Box<Served>),
}

/// What making vectors came to.
#[derive(Debug)]
pub(crate) enum EmbeddingOutcome {
    /// All are there.
    All(EmbeddingReport),
    /// So many, then somebody else wanted the store.
    Some(u64),
}

/// Where the server listens, and what is needed to do without it.
#[derive(Debug)]
pub struct Served {
    socket: PathBuf,
    config: Config,
}

impl Served {
    fn address(&self) -> Address<'_> {
        let locks = self.config.engine.layout.locks();
        Address::new(&self.socket, files::owner(&locks).unwrap_or_else(files::user))
    }
}

impl Session {
    /// The server that owns the store, when there is one.
    ///
    /// # Errors
    /// When the lock of the owner cannot be looked at.
    pub fn served(config: &Config) -> Result<Option<Self>, ApiError> {
        Ok(server(config)?.map(|socket| Self::served_at(socket, config)))
    }

    /// A place for questions. Does not write, except that it brings indexes up to date that nobody else is looking after.
    ///
    /// # Errors
    /// When the store or the registry cannot be used.
    pub fn reading(config: &Config, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::served_at(socket, config));
        }
        let engine = look(config, monitor)?;
        if Engine::owner(&config.engine.layout)?.is_some() || engine.is_current()? {
            return Ok(Self::here(engine));
        }
        let activity = "bring the indexes up to date".to_owned();
        match Engine::open(engine_config(config), Access::Own { activity, socket: None }, monitor) {
            Ok(engine) => Ok(Self::here(engine)),
            // Somebody else is at it, or this user may not write: what can be seen is still worth having.
            Err(error)
                if matches!(error.code(), ErrorCode::StoreBusy | ErrorCode::Io | ErrorCode::DiskFull) =>
            {
                let behind = engine.not_current()?.join(" and the ");
                tracing::warn!(%error, "the {behind} could not be brought up to date");
                Ok(Self::here(engine))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A place for operations that look at things as they are: nothing is brought up to date first.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn looking(config: &Config) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::served_at(socket, config));
        }
        Ok(Self::here(look(config, &Silent)?))
    }

    /// A place for operations that write. `activity` says to others what is going on.
    ///
    /// # Errors
    /// When another process owns the store and does not take requests, or the store cannot be used.
    pub fn writing(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::served_at(socket, config));
        }
        let access = || Access::Own { activity: activity.to_owned(), socket: None };
        match Engine::open(engine_config(config), access(), monitor) {
            Ok(engine) => Ok(Self::here(engine)),
            // A server may have started between the look and the attempt.
            Err(error) if error.code() == ErrorCode::StoreBusy => match server(config)? {
                Some(socket) => Ok(Self::served_at(socket, config)),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// A place for an operation, by what it needs. What is wrong with it is told before the store is waited for.
    ///
    /// # Errors
    /// As [`Session::refuse`], and when the store cannot be opened.
    pub fn for_operation<O: Operation>(
        config: &Config,
        operation: &O,
        monitor: &dyn Monitor,
    ) -> Result<Self, ApiError> {
        match operation.access() {
            Needs::Read if O::SPEC.indexed => Self::reading(config, monitor),
            Needs::Read => {
                operation.check()?;
                Self::looking(config)
            }
            Needs::Write => {
                Self::refuse(config, operation)?;
                Self::writing(config, &activity(operation), monitor)
            }
            Needs::Exclusive => Self::replacing(config, &activity(operation), monitor),
        }
    }

    /// Runs an operation in a place of its own.
    ///
    /// # Errors
    /// As [`Session::for_operation`]; else what the operation fails with.
    pub fn once<O: Operation>(
        config: &Config,
        operation: O,
        monitor: &dyn Monitor,
    ) -> Result<O::Reply, ApiError> {
        Self::for_operation(config, &operation, monitor)?.run(operation, monitor)
    }

    /// Refuses an operation for what can be seen without the store, when that would have to be waited for.
    ///
    /// # Errors
    /// What can be said of its words, and that there is no such project.
    pub fn refuse<O: Operation>(config: &Config, operation: &O) -> Result<(), ApiError> {
        operation.check()?;
        let is_owned = Engine::owner(&config.engine.layout)?.is_some_and(|owner| owner.socket.is_none());
        match operation.project().map(str::parse) {
            Some(Ok(name)) if is_owned => Ok(Engine::must_know(&engine_config(config), &name)?),
            _ => Ok(()),
        }
    }

    /// Makes the vectors that are missing, and lets others have the store in between: who waits for it gets it after a
    /// second or so. A server that has taken over meanwhile makes the rest, and is waited for.
    ///
    /// # Errors
    /// As [`Session::writing`], and what making them fails with.
    pub fn embed(self, config: &Config, monitor: &dyn Monitor) -> Result<EmbeddingReport, ApiError> {
        let (mut session, mut made) = (self, 0);
        loop {
            match session.embed_a_while(&|| false, monitor)? {
                EmbeddingOutcome::All(result) => return Ok(result.after(made)),
                EmbeddingOutcome::Some(more) => made += more,
            }
            drop(session);
            session = Self::in_turn(config, "embed", monitor)?;
        }
    }

    /// As [`Session::embed`], until `wanted` says that somebody else wants the store, or another process waits for it.
    pub(crate) fn embed_a_while(
        &self,
        wanted: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<EmbeddingOutcome, ApiError> {
        let Self::Here(engine) = self else { return self.run(Embed {}, monitor).map(EmbeddingOutcome::All) };
        Ok(match engine.read().embed_yielding(wanted, monitor)? {
            Embedded::All(report) => EmbeddingOutcome::All(embedded(report)),
            Embedded::Some(made) => EmbeddingOutcome::Some(made),
        })
    }

    /// A place for operations that write, after those who wait for the store, however long they take.
    pub(crate) fn in_turn(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        // Whoever waits has the store within moments of its being free. One that was stopped meanwhile keeps nobody back.
        let began = Instant::now();
        while Engine::is_waited_for(&config.engine.layout) && began.elapsed() < config.engine.busy_timeout {
            monitor.progress(Progress {
                phase: "letting another command go first".into(),
                done: 0,
                total: None,
            });
            thread::sleep(LOOK_AGAIN);
        }
        loop {
            match Self::writing(config, activity, monitor) {
                Err(error) if error.code == ErrorCode::StoreBusy && !monitor.cancelled() => {}
                session => return session,
            }
        }
    }

    /// A place to restore an earlier state from, even when the present one cannot be opened.
    ///
    /// # Errors
    /// As [`Session::writing`].
    pub fn replacing(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::served_at(socket, config));
        }
        let access = Access::Replace { activity: activity.to_owned() };
        Ok(Self::here(Engine::open(engine_config(config), access, monitor)?))
    }

    /// An engine of this process that owns the store: for what no server does, because it names files of this machine.
    ///
    /// # Errors
    /// When another process owns the store, also a server; or the store cannot be used.
    pub fn owning(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Engine, ApiError> {
        let access = Access::Own { activity: activity.to_owned(), socket: None };
        let engine = Engine::open(engine_config(config), access, monitor)?;
        log_recovery(&engine);
        Ok(engine)
    }

    fn served_at(socket: PathBuf, config: &Config) -> Self {
        Self::Server(Box::new(Served { socket, config: config.clone() }))
    }

    fn here(engine: Engine) -> Self {
        log_recovery(&engine);
        Self::Here(SharedEngine::new(engine))
    }

    /// Runs an operation.
    ///
    /// # Errors
    /// What the operation fails with; `server_unreachable` when the server went away.
    pub fn run<O: Operation>(&self, operation: O, monitor: &dyn Monitor) -> Result<O::Reply, ApiError> {
        self.run_as(Caller::Local, operation, monitor)
    }

    /// Runs an operation for a caller of this machine who is not at the command line.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_as<O: Operation>(
        &self,
        caller: Caller,
        operation: O,
        monitor: &dyn Monitor,
    ) -> Result<O::Reply, ApiError> {
        let needs = operation.access();
        match self {
            Self::Here(engine) => operation.run(&mut Context::new(engine, caller, monitor, None)),
            Self::Server(served) => match remote::send_as(caller, &operation, served.address(), monitor) {
                // A server that is being killed still takes connections. What only looks can be asked again.
                Err(error) if error.code == ErrorCode::ServerUnreachable && needs == Needs::Read => {
                    thread::sleep(ASK_AGAIN);
                    match Self::looking(&served.config)? {
                        Self::Here(engine) => {
                            operation.run(&mut Context::new(&engine, caller, monitor, None))
                        }
                        Self::Server(next) => remote::send_as(caller, &operation, next.address(), monitor),
                    }
                }
                answer => answer,
            },
        }
    }
}

/// What others are told who wait for the store: `refresh notes`.
fn activity<O: Operation>(operation: &O) -> String {
    let about = operation.subject().or(operation.project()).map(|about| format!(" {}", about.escape_debug()));
    O::SPEC.job.replace('_', " ") + &about.unwrap_or_default()
}

/// Tells what opening an engine did about a restore that was cut short.
pub fn log_recovery(engine: &Engine) {
    if let Some(upgrade) = engine.upgrade() {
        let kept = upgrade.kept.as_ref().map(|path| path.display().to_string());
        tracing::warn!(from = upgrade.from, kept, "the store was upgraded; the previous store is kept");
    }
    match engine.recovered() {
        RecoveryOutcome::Nothing => {}
        RecoveryOutcome::RolledBack => {
            tracing::warn!("an interrupted restore had changed nothing yet and was rolled back");
        }
        RecoveryOutcome::Finished(replaced) => {
            tracing::warn!(stamp = %replaced.stamp, "an interrupted restore was finished");
        }
    }
}

/// Opens the store to look at it. What a process that was killed has left half done is finished first, which only an
/// owner can.
fn look(config: &Config, monitor: &dyn Monitor) -> Result<Engine, ApiError> {
    let looked = Engine::open(engine_config(config), Access::Read, monitor);
    match looked {
        Err(error) if error.needs_owner() && Engine::owner(&config.engine.layout)?.is_none() => {
            let access = Access::Own { activity: "finish an interrupted restore".to_owned(), socket: None };
            let engine = Engine::open(engine_config(config), access, monitor)?;
            log_recovery(&engine);
            drop(engine);
            Ok(Engine::open(engine_config(config), Access::Read, monitor)?)
        }
        looked => Ok(looked?),
    }
}

/// What an engine of this process needs to know.
#[must_use]
pub fn engine_config(config: &Config) -> EngineConfig {
    config.engine_config(copier(), Arc::new(SystemClock))
}

fn copier() -> Copier {
    match this_program() {
        Ok(program) => Copier::Child { program, arguments: vec![COPY_COMMAND.to_owned()] },
        Err(error) => {
            tracing::debug!(%error, "the program does not know where it lies: snapshots are copied in process");
            Copier::InProcess
        }
    }
}

/// The program that runs. Where the system has a name for that itself, it is the same one after an upgrade has replaced its
/// file: a copy must be made by the version that asks for it.
fn this_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

/// The socket of the server that owns the store, when there is one. Waits for one that is just starting or stopping.
fn server(config: &Config) -> Result<Option<PathBuf>, ApiError> {
    let started = Instant::now();
    loop {
        let Some(socket) = Engine::owner(&config.engine.layout)?.and_then(|owner| owner.socket) else {
            return Ok(None);
        };
        if UnixStream::connect(&socket).is_ok() || started.elapsed() >= config.engine.busy_timeout {
            return Ok(Some(socket));
        }
        thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Environment, Flags},
        operations::{CreateMemory, RefreshProject, SetState},
    };

    #[test]
    fn errors_are_reported_before_the_store_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let flags = Flags { data_dir: Some(home.path().to_owned()), ..Flags::default() };
        // Whoever waits, waits for longer than any test.
        let variables = vec![("ATOCORE_DB_BUSY_TIMEOUT_MS".to_owned(), "600000".into())];
        let config = Config::load(&flags, &Environment { variables, ..Environment::default() }).unwrap();
        let access = Access::Own { activity: "something long".to_owned(), socket: None };
        let _owner = Engine::open(engine_config(&config), access, &Silent).unwrap();
        let memory =
            CreateMemory { memory_type: "fact".to_owned(), content: "x".to_owned(), ..Default::default() };
        let refused = Session::once(&config, memory.clone(), &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{refused}");
        let about = Some("nope".to_owned());
        let memory = CreateMemory { memory_type: "knowledge".to_owned(), project: about, ..memory };
        let refused = Session::once(&config, memory, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
        let refresh = RefreshProject::of("nope");
        let refused = Session::once(&config, refresh, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
        let [project, category, key, value] = ["nope", "decision", "", "SQLite"].map(str::to_owned);
        let state = SetState { project, category, key, value, source: String::new(), confidence: None };
        let refused = Session::once(&config, state.clone(), &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{refused}");
        let state = SetState { key: "database".to_owned(), ..state };
        let refused = Session::once(&config, state, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
    }
}
