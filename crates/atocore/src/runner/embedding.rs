//! Makes vectors, and lets others have the store in between.

use atocore_engine::{Embedded, EmbeddingReport};
use atocore_model::monitor::Monitor;

use super::Runner;
use crate::{
    config::Config,
    operations::{ApiError, Embed, embedded},
};

/// What making vectors came to.
#[derive(Debug)]
pub(crate) enum EmbeddingOutcome {
    /// All are there.
    All(EmbeddingReport),
    /// So many, then somebody else wanted the store.
    Some(u64),
}

impl Runner {
    /// Whether vectors are wanted and nobody makes them by itself, as a server does.
    pub(crate) fn leaves_vectors_to_be_made(&self) -> bool {
        matches!(self, Self::Local(engine) if engine.read().wants_vectors())
    }

    /// Makes the vectors that are missing, and lets others have the store in between: who waits for it gets it after a
    /// second or so. A server that has taken over meanwhile makes the rest, and is waited for.
    ///
    /// # Errors
    /// As [`Runner::writing`], and what making them fails with.
    pub fn embed(self, config: &Config, monitor: &dyn Monitor) -> Result<EmbeddingReport, ApiError> {
        let (mut runner, mut made) = (self, 0);
        loop {
            match runner.embed_a_while(&|| false, monitor)? {
                EmbeddingOutcome::All(result) => return Ok(result.after(made)),
                EmbeddingOutcome::Some(more) => made += more,
            }
            drop(runner);
            runner = Self::in_turn(config, "embed", monitor)?;
        }
    }

    /// As [`Runner::embed`], until `wanted` says that somebody else wants the store, or another process waits for it.
    pub(crate) fn embed_a_while(
        &self,
        wanted: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<EmbeddingOutcome, ApiError> {
        let Self::Local(engine) = self else { return self.run(Embed {}, monitor).map(EmbeddingOutcome::All) };
        Ok(match engine.read().embed_yielding(wanted, monitor)? {
            Embedded::All(report) => EmbeddingOutcome::All(embedded(report)),
            Embedded::Some(made) => EmbeddingOutcome::Some(made),
        })
    }
}
