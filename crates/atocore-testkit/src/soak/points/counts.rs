//! What a run has taken and found good.

use std::{fmt, time::Duration};

/// Recovery points that were taken beside writers and found consistent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PointCounts {
    /// All of them.
    pub points: u64,
    /// Those that were whole snapshots, proven to depth content.
    pub snapshots: u64,
    /// Those that were copied as one file.
    pub file_alone: u64,
    /// Those that were copied as the file and a part of the log.
    pub with_log: u64,
    /// Those that were copied through SQLite.
    pub within: u64,
    /// Steps that the writer took meanwhile.
    pub steps: u64,
    /// How long writers were held back at most.
    pub longest_barrier: Duration,
}

impl PointCounts {
    pub(super) fn barrier(&mut self, held_back: Duration) {
        self.longest_barrier = self.longest_barrier.max(held_back);
    }
}

impl fmt::Display for PointCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { points, snapshots, file_alone, with_log, within, steps, longest_barrier } = self;
        writeln!(f, "recovery points under a writer that took {steps} steps: {points}, 0 inconsistent")?;
        writeln!(
            f,
            "copied as the file alone {file_alone}, with its log {with_log}, through SQLite {within}"
        )?;
        writeln!(f, "whole snapshots, proven to depth content: {snapshots}")?;
        write!(f, "writers were held back for {:.3} ms at most", longest_barrier.as_secs_f64() * 1000.0)
    }
}
