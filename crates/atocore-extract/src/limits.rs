//! What one document may cost.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use crate::error::ExtractError;

/// What one document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractLimits {
    /// Memory of the child process in bytes, its code and its stack included.
    pub memory_bytes: u64,
    /// Processor time in seconds.
    pub processor_seconds: u64,
    /// Time by the clock: a process that waits uses no processor.
    pub deadline: Duration,
    /// The text that comes out, in bytes.
    pub text_bytes: u64,
}

impl ExtractLimits {
    /// What the program allows.
    pub const DEFAULT: Self = Self {
        memory_bytes: 1536 << 20,
        processor_seconds: 60,
        deadline: Duration::from_secs(180),
        text_bytes: 128 << 20,
    };

    pub(crate) fn text_exceeded(&self) -> ExtractError {
        ExtractError::Limit(format!("{} MiB of text", self.text_bytes >> 20))
    }

    pub(crate) fn deadline_exceeded(&self) -> ExtractError {
        ExtractError::Limit(format!("{} s", self.deadline.as_secs()))
    }

    /// The longest line of a reply, which holds names and places: JSON writes a character as six at most, and they are of the text.
    pub(crate) const fn reply_bytes(&self) -> u64 {
        self.text_bytes.saturating_mul(6).saturating_add(1 << 20)
    }

    /// What became of a process that ended while it read a document.
    pub(crate) fn why_ended(&self, status: ExitStatus, said: &str) -> ExtractError {
        /// The number of the signal by which the system ends a process that has used up its processor time.
        const SIGXCPU: i32 = 24;
        if status.signal() == Some(SIGXCPU) {
            return ExtractError::Limit(format!("{} s of processor time", self.processor_seconds));
        }
        if said.contains("memory allocation") {
            return ExtractError::Limit(format!("{} MiB of memory", self.memory_bytes >> 20));
        }
        if said.contains("overflowed its stack") {
            return ExtractError::Failed("it nests too deeply".to_owned());
        }
        ExtractError::failed(&format!("{status} {said}"))
    }
}
