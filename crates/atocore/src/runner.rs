//! Where an operation runs: in the server that this process is, on a store that this process opens, or in the server that
//! owns the store. The replies are the same.

mod embedding;
mod kept;
mod opening;

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use atocore_engine::{Caller, Copier, Engine, EngineConfig, RecoveryOutcome, SystemClock, files};
use atocore_model::{error::ErrorCode, monitor::Monitor};

pub(crate) use embedding::EmbeddingOutcome;
pub(crate) use kept::KeptRunner;

use crate::{
    config::Config,
    engine::SharedEngine,
    operations::{ApiError, Context, Needs, Operation, ServerState},
    remote::{self, Address},
};

/// The hidden command that copies a database file; the engine runs it in a process of its own.
pub const COPY_COMMAND: &str = "__copy-pages";

/// The hidden command that reads documents for a refresh, in a process with limits.
pub const EXTRACT_COMMAND: &str = "__extract";

/// After what time a server that gave no answer has gone, or is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Where operations run.
#[derive(Debug)]
pub enum Runner {
    /// On a store that this process opened for them.
    Local(SharedEngine),
    /// In the server that this process is.
    Owned(SharedEngine, Box<ServerState>),
    /// In the server that owns the store.
    Remote(Box<RemoteServer>),
}

/// Where the server listens, and what is needed to do without it.
#[derive(Debug)]
pub struct RemoteServer {
    socket: PathBuf,
    config: Config,
}

impl RemoteServer {
    fn address(&self) -> Address<'_> {
        let locks = self.config.engine.layout.locks();
        Address::new(&self.socket, files::owner(&locks).unwrap_or_else(files::user))
    }

    /// Insists on a server that answers.
    fn must_answer(&self, monitor: &dyn Monitor) -> Result<(), ApiError> {
        remote::must_answer(self.address(), remote::ANSWERS_WITHIN, monitor).map_err(|error| {
            match Engine::owner(&self.config.engine.layout) {
                Ok(Some(owner)) if error.code == ErrorCode::ServerUnreachable => {
                    let (pid, since) = (owner.pid, owner.since);
                    error.with_hint(format!(
                        "process {pid} owns the store since {since}: it was sent nothing; try again, or restart it"
                    ))
                }
                _ => error,
            }
        })
    }
}

impl Runner {
    /// The engine of this process; `None` where the server has it.
    pub(crate) const fn engine(&self) -> Option<&SharedEngine> {
        match self {
            Self::Local(engine) | Self::Owned(engine, _) => Some(engine),
            Self::Remote(_) => None,
        }
    }

    /// Runs an operation.
    ///
    /// # Errors
    /// What the operation fails with; `server_unreachable` when the server went away or does not answer.
    pub fn run<O: Operation>(&self, operation: O, monitor: &dyn Monitor) -> Result<O::Reply, ApiError> {
        self.run_as(Caller::Local, operation, monitor)
    }

    /// Runs an operation for a caller of this machine who is not at the command line.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_as<O: Operation>(
        &self,
        caller: Caller,
        operation: O,
        monitor: &dyn Monitor,
    ) -> Result<O::Reply, ApiError> {
        let needs = operation.access();
        match self {
            Self::Local(engine) => operation.run(&mut Context::new(engine, caller, monitor, None)),
            Self::Owned(engine, state) => {
                operation.run(&mut Context::new(engine, caller, monitor, Some(state)))
            }
            Self::Remote(server) => {
                server.must_answer(monitor)?;
                match remote::send_as(caller, &operation, server.address(), monitor) {
                    // A server that is being killed still takes connections. What only looks can be asked again.
                    Err(error) if error.code == ErrorCode::ServerUnreachable && needs == Needs::Read => {
                        thread::sleep(ASK_AGAIN);
                        match Self::looking(&server.config)? {
                            Self::Remote(next) => {
                                remote::send_as(caller, &operation, next.address(), monitor)
                            }
                            here => here.run_as(caller, operation, monitor),
                        }
                    }
                    answer => answer,
                }
            }
        }
    }
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

/// What an engine of this process needs to know.
#[must_use]
pub fn engine_config(config: &Config) -> EngineConfig {
    let (copier, extract_program) = match this_program() {
        Ok(program) => {
            let arguments = vec![COPY_COMMAND.to_owned()];
            let extract_program = Some((program.clone(), vec![EXTRACT_COMMAND.to_owned()]));
            (Copier::Child { program, arguments }, extract_program)
        }
        Err(error) => {
            tracing::debug!(%error, "the program does not know where it lies: it does in process what children do");
            (Copier::InProcess, None)
        }
    };
    config.engine_config(copier, extract_program, Arc::new(SystemClock))
}

/// The program that runs. Where the system has a name for that itself, it is the same one after an upgrade has replaced its
/// file: a copy must be made by the version that asks for it.
fn this_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
