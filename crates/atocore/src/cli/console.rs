//! What every command runs with: it runs operations where they belong, and prints what came of them.

use std::path::{Path, PathBuf};

use atocore_model::monitor::Silent;

use super::{exit::Exit, output::Output, progress::Terminal};
use crate::{
    config::{Config, Environment, Flags},
    operations::{ApiError, Duration, Operation},
    runner::Runner,
};

/// What every command runs with.
pub(super) struct Console<'a> {
    /// How the program was called.
    pub(super) program: &'a str,
    pub(super) config: &'a Config,
    /// The settings of the command line.
    pub(super) flags: &'a Flags,
    pub(super) environment: &'a Environment,
    pub(super) output: &'a Output,
}

impl Console<'_> {
    /// Runs an operation and prints its reply: as JSON for a program, as `text` sets it for a person.
    ///
    /// # Errors
    /// As [`Runner::once`].
    pub(super) fn run<O: Operation>(
        &self,
        operation: O,
        text: impl FnOnce(&O::Reply, &Output),
    ) -> Result<Exit, ApiError> {
        self.judge(operation, text, |_| Exit::Done)
    }

    /// As [`Console::run`]; the reply says how the command ends.
    pub(super) fn judge<O: Operation>(
        &self,
        operation: O,
        text: impl FnOnce(&O::Reply, &Output),
        exit: impl FnOnce(&O::Reply) -> Exit,
    ) -> Result<Exit, ApiError> {
        let reply = self.ask(operation)?;
        self.output.answer(&reply, text);
        Ok(exit(&reply))
    }

    /// Runs an operation where its specification says that it belongs; one that may take long is watched.
    ///
    /// # Errors
    /// As [`Runner::once`].
    pub(super) fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply, ApiError> {
        match O::SPEC.duration {
            Duration::Long => Runner::once(self.config, operation, &self.watch()),
            Duration::Immediate | Duration::Short => Runner::once(self.config, operation, &Silent),
        }
    }

    /// Watches long work, see [`Terminal::watch`].
    pub(super) fn watch(&self) -> Terminal {
        Terminal::watch(self.output.form())
    }

    /// A path as it was typed, which is where the user is.
    pub(super) fn path(&self, typed: impl AsRef<Path>) -> PathBuf {
        self.environment.current_dir.join(typed)
    }
}
