//! The exit code of a command. That of a failure follows from the kind of the error; whether what was done ends with
//! [`Exit::Problems`] is up to the command, which knows what its reply means.

use std::process::ExitCode;

use atocore_model::error::ErrorKind;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Done,
    /// It failed.
    Failed,
    /// It was done, and something was found that needs looking at.
    Problems,
    /// The command line or a setting is wrong.
    Usage,
}

impl Exit {
    /// What a failure of this kind means.
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Forbidden
            | ErrorKind::Busy
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMedia
            | ErrorKind::Full
            | ErrorKind::Cancelled
            | ErrorKind::Broken => Self::Failed,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Problems => 2,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
