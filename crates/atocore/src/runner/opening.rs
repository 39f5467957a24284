//! Opens the store for an operation, by what it needs, or finds the server that owns it.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Access, Engine};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};

use super::{RemoteServer, Runner, engine_config, log_recovery};
use crate::{
    config::Config,
    engine::SharedEngine,
    operations::{ApiError, Needs, Operation},
};

/// How often a server that is just starting or stopping is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Runner {
    /// The server that owns the store, when there is one.
    ///
    /// # Errors
    /// When the lock of the owner cannot be looked at.
    pub fn served(config: &Config) -> Result<Option<Self>, ApiError> {
        Ok(server(config)?.map(|socket| Self::remote(socket, config)))
    }

    /// A runner for questions. Does not write, except that it brings indexes up to date that nobody else is looking after.
    ///
    /// # Errors
    /// When the store or the registry cannot be used.
    pub fn reading(config: &Config, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::remote(socket, config));
        }
        let engine = look(config, monitor)?;
        if Engine::owner(&config.engine.layout)?.is_some() || engine.is_current()? {
            return Ok(Self::local(engine));
        }
        let activity = "bring the indexes up to date".to_owned();
        match Engine::open(engine_config(config), Access::Own { activity, socket: None }, monitor) {
            Ok(engine) => Ok(Self::local(engine)),
            // Somebody else is at it, or this user may not write: what can be seen is still worth having.
            Err(error)
                if matches!(error.code(), ErrorCode::StoreBusy | ErrorCode::Io | ErrorCode::DiskFull) =>
            {
                let behind = engine.not_current()?.join(" and the ");
                tracing::warn!(%error, "the {behind} could not be brought up to date");
                Ok(Self::local(engine))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A runner for operations that look at things as they are: nothing is brought up to date first.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn looking(config: &Config) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::remote(socket, config));
        }
        Ok(Self::local(look(config, &Silent)?))
    }

    /// A runner for operations that write. `activity` says to others what is going on.
    ///
    /// # Errors
    /// When another process owns the store and does not take requests, or the store cannot be used.
    pub fn writing(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::remote(socket, config));
        }
        let access = || Access::Own { activity: activity.to_owned(), socket: None };
        match Engine::open(engine_config(config), access(), monitor) {
            Ok(engine) => Ok(Self::local(engine)),
            // A server may have started between the look and the attempt.
            Err(error) if error.code() == ErrorCode::StoreBusy => match server(config)? {
                Some(socket) => Ok(Self::remote(socket, config)),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// A runner for an operation, by what it needs. What is wrong with it is told before the store is waited for.
    ///
    /// # Errors
    /// As [`Runner::refuse`], and when the store cannot be opened.
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

    /// Runs an operation in a runner of its own.
    ///
    /// # Errors
    /// As [`Runner::for_operation`]; else what the operation fails with.
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

    /// A runner for operations that write, after those who wait for the store, however long they take.
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
                runner => return runner,
            }
        }
    }

    /// A runner to restore an earlier state from, even when the present one cannot be opened.
    ///
    /// # Errors
    /// As [`Runner::writing`].
    pub fn replacing(config: &Config, activity: &str, monitor: &dyn Monitor) -> Result<Self, ApiError> {
        if let Some(socket) = server(config)? {
            return Ok(Self::remote(socket, config));
        }
        let access = Access::Replace { activity: activity.to_owned() };
        Ok(Self::local(Engine::open(engine_config(config), access, monitor)?))
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

    fn remote(socket: PathBuf, config: &Config) -> Self {
        Self::Remote(Box::new(RemoteServer { socket, config: config.clone() }))
    }

    fn local(engine: Engine) -> Self {
        log_recovery(&engine);
        Self::Local(SharedEngine::new(engine))
    }
}

/// What others are told who wait for the store: `refresh notes`.
fn activity<O: Operation>(operation: &O) -> String {
    let about = operation.subject().or(operation.project()).map(|about| format!(" {}", about.escape_debug()));
    O::SPEC.job.replace('_', " ") + &about.unwrap_or_default()
}

/// Opens the store to look at it. What a process that was killed has left half done is finished first, which only an
/// owner can.
fn look(config: &Config, monitor: &dyn Monitor) -> Result<Engine, ApiError> {
    let looked = Engine::open(engine_config(config), Access::Read, monitor);
    match looked {
        Err(error) if error.needs_owner() && Engine::owner(&config.engine.layout)?.is_none() => {
            let access = Access::Own { activity: "finish an interrupted restore".to_owned(), socket: None };
            match Engine::open(engine_config(config), access, monitor) {
                Ok(engine) => log_recovery(&engine),
                // There is still much to look at, and another restore helps.
                Err(error) if error.blames_the_store() => {
                    let access = Access::Replace { activity: "look at a damaged store".to_owned() };
                    return Ok(Engine::open(engine_config(config), access, monitor)?);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(Engine::open(engine_config(config), Access::Read, monitor)?)
        }
        looked => Ok(looked?),
    }
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
        let refused = Runner::once(&config, memory.clone(), &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{refused}");
        let about = Some("nope".to_owned());
        let memory = CreateMemory { memory_type: "knowledge".to_owned(), project: about, ..memory };
        let refused = Runner::once(&config, memory, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
        let refresh = RefreshProject::of("nope");
        let refused = Runner::once(&config, refresh, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
        let [project, category, key, value] = ["nope", "decision", "", "SQLite"].map(str::to_owned);
        let state = SetState { project, category, key, value, source: String::new(), confidence: None };
        let refused = Runner::once(&config, state.clone(), &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{refused}");
        let state = SetState { key: "database".to_owned(), ..state };
        let refused = Runner::once(&config, state, &Silent).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ProjectUnknown, "{refused}");
    }
}
