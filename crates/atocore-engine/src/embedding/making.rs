//! Makes the vectors that are missing: a batch at a time, each committed before the next is begun, so that being
//! killed costs one batch; then lets answers use them.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use atocore_model::{
    digest::Digest,
    monitor::{Monitor, Progress},
    time::Clock,
};
use atocore_storage::sqlite::{
    BACKGROUND, LoggedOperation, NewSpace, PendingChunk, SpaceRow, Store, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Embedding, lock, models::Model};
use crate::{error::Error, ingest_lock::IngestLock, lexical_indexer::LexicalIndexer};

/// How many texts are embedded and committed together: some seconds of work.
const BATCH: usize = 64;
/// And where somebody may wait for the store until the batch is committed: a second or so.
const SMALL_BATCH: usize = 16;
/// The index takes up new vectors at most this often while more are being made.
const INDEX_EVERY: Duration = Duration::from_secs(2);
/// What is left to do is looked at anew this often: other documents may be wanted more by now.
const PLAN_EVERY: Duration = Duration::from_secs(10);
/// Vectors that are removed in one commit.
const REMOVED_TOGETHER: usize = 2000;
/// Documents that were rechunked and take their places in one commit.
const RECHUNK_BATCH: usize = 256;
/// Vectors of texts that no passage has any more are kept up to this many, or a quarter of the passages: a document
/// that was moved away may come back.
const KEPT_UNUSED: u64 = 1000;

/// Where vectors are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmbedContext<'e> {
    pub(crate) store: &'e Store,
    pub(crate) lexical_indexer: &'e LexicalIndexer,
    pub(crate) ingest_lock: &'e IngestLock,
    pub(crate) clock: &'e dyn Clock,
    pub(crate) busy_timeout: Duration,
    /// Whether questions and refreshes go first.
    pub(crate) polite: bool,
}

/// How far the making of vectors is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingProgress {
    /// Passages done since it began.
    pub done: u64,
    /// Passages left.
    pub left: u64,
    /// Passages per second, over the last minute or so.
    pub per_second: f64,
    /// How long it will take at this pace; null before that can be said.
    pub seconds_left: Option<u64>,
}

impl EmbeddingProgress {
    fn new(done: u64, left: u64, per_second: f64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate"
        )]
        let seconds_left = (per_second > 0.0).then(|| (left as f64 / per_second).ceil() as u64);
        Self { done, left, per_second, seconds_left }
    }
}

/// What making vectors came to, with others let at the store in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedded {
    /// All there are, counted from where it was taken up last.
    All(EmbeddingReport),
    /// So many, then somebody else wanted the store.
    Some(u64),
}

/// What making vectors came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingReport {
    /// Passages that got a vector.
    pub embedded: u64,
    /// Passages that had one already.
    pub kept: u64,
    /// Whether answers use another model than before.
    pub switched: bool,
}

impl EmbeddingReport {
    /// The same, where so many were made before, in the same piece of work.
    #[must_use]
    pub const fn after(self, made: u64) -> Self {
        Self { embedded: self.embedded + made, kept: self.kept.saturating_sub(made), ..self }
    }
}

impl Embedding {
    /// Makes all vectors that are missing, and lets answers use them.
    pub(crate) fn make(
        &self,
        at: &EmbedContext<'_>,
        monitor: &dyn Monitor,
    ) -> Result<EmbeddingReport, Error> {
        match self.make_yielding(at, None, monitor)? {
            Embedded::All(report) => Ok(report),
            // Nobody was asked.
            Embedded::Some(_) => Err(Error::Cancelled),
        }
    }

    /// As [`Embedding::make`], and stops after a batch when `wanted` says so.
    pub(crate) fn make_yielding(
        &self,
        at: &EmbedContext<'_>,
        wanted: Option<&dyn Fn() -> bool>,
        monitor: &dyn Monitor,
    ) -> Result<Embedded, Error> {
        let _one = lock(&self.making);
        let model = self.models.wanted().map_err(Error::NoModel)?;
        let row = self.space_of(at, &model)?;
        let before = at.store.read(|read| read.vector_counts(row.key))?;
        let made = self.fill(at, &model, &row, wanted, monitor);
        *lock(&self.progress) = None;
        let (embedded, is_all) = made?;
        if !is_all {
            return Ok(Embedded::Some(embedded));
        }
        let switched = self.switch(at, &row, monitor)?;
        self.apply_rechunked(at, &row, monitor)?;
        self.tidy(at, &row, monitor)?;
        Ok(Embedded::All(EmbeddingReport { embedded, kept: before.embedded, switched }))
    }

    /// The space of a model, which is added when the store does not know it.
    fn space_of(&self, at: &EmbedContext<'_>, model: &Model) -> Result<SpaceRow, Error> {
        if let Some(row) = at.store.read(|read| read.space(model.space.fingerprint))? {
            return Ok(row);
        }
        let choice = self.models.choice();
        let precision = choice.precision.to_string();
        let now = at.clock.now().to_string();
        let new = NewSpace { space: model.space, model: &choice.name, precision: &precision, at: &now };
        let operation = LoggedOperation { interface: BACKGROUND, action: "embed", subject: &choice.name };
        Ok(at.store.write(&operation, |write| write.add_space(&new))?.value)
    }

    /// Makes vectors until none is missing, or `wanted` says so; returns how many passages got one, and whether those are
    /// all.
    fn fill(
        &self,
        at: &EmbedContext<'_>,
        model: &Arc<Model>,
        row: &SpaceRow,
        wanted: Option<&dyn Fn() -> bool>,
        monitor: &dyn Monitor,
    ) -> Result<(u64, bool), Error> {
        let at_once = if wanted.is_some() { SMALL_BATCH } else { BATCH };
        let mut made = 0;
        let mut pace = Pace::default();
        let mut indexed = Instant::now();
        loop {
            let mut queue = self.queue(at, row)?;
            if queue.is_empty() {
                return Ok((made, true));
            }
            let planned = Instant::now();
            while !queue.is_empty() && planned.elapsed() < PLAN_EVERY {
                let batch = queue.split_off(queue.len().saturating_sub(at_once));
                let started = Instant::now();
                let left = (queue.len() + batch.len()) as u64;
                let watch = EmbeddingWatch { embedding: self, at, monitor, done: made, left };
                self.embed_batch(at, model, row, &batch, &watch)?;
                made += batch.len() as u64;
                pace.add(batch.len(), started.elapsed());
                let left = queue.len() as u64;
                *lock(&self.progress) = Some(EmbeddingProgress::new(made, left, pace.per_second()));
                monitor.progress(progress(made, left));
                if wanted.is_some_and(|wanted| wanted()) {
                    return Ok((made, false));
                }
                if indexed.elapsed() >= INDEX_EVERY {
                    self.catch_up(at.store, monitor)?;
                    indexed = Instant::now();
                }
            }
        }
    }

    /// The passages without a vector, the most wanted last: those that cannot be found by meaning yet before those
    /// whose document is only rechunked; of the projects that were asked about most often, then
    /// the newest documents, each from its beginning.
    fn queue(&self, at: &EmbedContext<'_>, row: &SpaceRow) -> Result<Vec<PendingChunk>, Error> {
        let mut queue = at.store.read(|read| read.chunks_without_vector(row.key))?;
        let asked = lock(&self.asked).clone();
        queue.sort_by_cached_key(|passage| {
            let asked = asked.get(&passage.project).copied().unwrap_or_default();
            let first = std::cmp::Reverse(passage.chunk_key);
            (!passage.rechunked, asked, passage.modified_ns, passage.document_key, first)
        });
        Ok(queue)
    }

    fn embed_batch(
        &self,
        at: &EmbedContext<'_>,
        model: &Model,
        row: &SpaceRow,
        batch: &[PendingChunk],
        monitor: &dyn Monitor,
    ) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let texts: Vec<(Digest, String)> = at.store.read(|read| {
            let mut texts = Vec::with_capacity(batch.len());
            for passage in batch.iter().rev() {
                // A passage that has changed since is planned anew.
                let Some((digest, text)) = read.embedded_text(passage)? else { continue };
                // The same text in two places has one vector, which an earlier batch may have made.
                if seen.insert(digest) && !read.has_vector(row.key, digest)? {
                    texts.push((digest, text));
                }
            }
            Ok::<_, Error>(texts)
        })?;
        if texts.is_empty() {
            return Ok(());
        }
        let plain: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
        let vectors = model.embedder.embed_many(&plain, monitor)?;
        let mut kept = Vec::with_capacity(texts.len());
        for ((digest, text), vector) in texts.iter().zip(vectors) {
            // A text of which the model knows nothing is settled without a vector: it would mean nothing.
            kept.push((*digest, if model.embedder.understands(text)? { vector } else { Vec::new() }));
        }
        let vectors = kept;
        let subject = format!("{} texts", vectors.len());
        let operation = LoggedOperation { interface: BACKGROUND, action: "embed", subject: &subject };
        let committed = at.store.write(&operation, |write| write.put_vectors(row.key, &vectors))?;
        let () = committed.value;
        Ok(())
    }

    /// Lets answers use the vectors of `row` when they use others, and shows the newest; `true` when they did.
    fn switch(&self, at: &EmbedContext<'_>, row: &SpaceRow, monitor: &dyn Monitor) -> Result<bool, Error> {
        let serving = at.store.read(|read| read.serving_space())?;
        let switching = serving.is_none_or(|serving| serving.key != row.key);
        let _guard = if switching {
            let activity = format!("switch to model {}", row.model);
            let guard = at.ingest_lock.begin(&activity, at.clock.now(), at.busy_timeout)?;
            let operation =
                LoggedOperation { interface: BACKGROUND, action: "switch_model", subject: &row.model };
            let committed = at.store.write(&operation, |write| write.serve_space(row.key))?;
            let () = committed.value;
            Some(guard)
        } else {
            None
        };
        self.catch_up(at.store, monitor)?;
        self.models.forget_former();
        Ok(switching)
    }

    /// Puts documents that were rechunked in their place, now that all their passages have vectors: some at a time,
    /// each document in one step, and shown at once by words and by meaning. Those that a refresh has added since go
    /// on waiting for theirs.
    fn apply_rechunked(
        &self,
        at: &EmbedContext<'_>,
        row: &SpaceRow,
        monitor: &dyn Monitor,
    ) -> Result<(), Error> {
        let operation = LoggedOperation { interface: BACKGROUND, action: "cut_anew", subject: "" };
        while at.store.read(|read| read.has_embedded_rechunk(row.key))? {
            go_on(monitor)?;
            let _guard = at.ingest_lock.begin("rechunk documents", at.clock.now(), at.busy_timeout)?;
            let apply = |write: &WriteTransaction<'_>| write.apply_rechunked(Some(row.key), RECHUNK_BATCH);
            let committed = at.store.write(&operation, apply)?;
            at.lexical_indexer.wait_for(committed.version.generation, None)?;
            self.catch_up(at.store, monitor)?;
        }
        Ok(())
    }

    /// Removes the vectors of models that are not used any more, and those of texts that are long gone.
    fn tidy(&self, at: &EmbedContext<'_>, row: &SpaceRow, monitor: &dyn Monitor) -> Result<(), Error> {
        if self.index().is_none_or(|index| index.space() != Some(row.space)) {
            return Ok(());
        }
        let operation = LoggedOperation { interface: BACKGROUND, action: "forget_vectors", subject: "" };
        for other in at.store.read(|read| read.other_spaces(row.key))? {
            while !at.store.write(&operation, |write| write.remove_space(other.key, REMOVED_TOGETHER))?.value
            {
                go_on(monitor)?;
            }
        }
        let counts = at.store.read(|read| read.vector_counts(row.key))?;
        let unused = counts.vectors.saturating_sub(counts.embedded);
        let mut excess = unused.saturating_sub(KEPT_UNUSED.max(counts.chunks / 4));
        while excess > 0 {
            go_on(monitor)?;
            let limit = REMOVED_TOGETHER.min(usize::try_from(excess).unwrap_or(REMOVED_TOGETHER));
            match at.store.write(&operation, |write| write.remove_unused_vectors(limit))?.value {
                0 => break,
                removed => excess = excess.saturating_sub(removed as u64),
            }
        }
        Ok(())
    }
}

fn go_on(monitor: &dyn Monitor) -> Result<(), Error> {
    if monitor.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

fn progress(done: u64, left: u64) -> Progress {
    Progress { phase: "embedding passages".into(), done, total: Some(done + left) }
}

/// The pace of the last batches.
#[derive(Debug, Default)]
struct Pace {
    passages: f64,
    seconds: f64,
}

impl Pace {
    /// Older batches count less and less: half after some four more.
    const MEMORY: f64 = 0.84;

    fn add(&mut self, passages: usize, time: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        let passages = passages as f64;
        self.passages = self.passages * Self::MEMORY + passages;
        self.seconds = self.seconds * Self::MEMORY + time.as_secs_f64();
    }

    fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.passages / self.seconds } else { 0.0 }
    }
}

/// Passes on where the work stands as a whole, and lets questions and refreshes go first.
struct EmbeddingWatch<'e> {
    embedding: &'e Embedding,
    at: &'e EmbedContext<'e>,
    monitor: &'e dyn Monitor,
    done: u64,
    left: u64,
}

/// How long a question or a refresh can hold up the next text, so that vectors come even to a server that is never
/// idle.
const STEP_ASIDE: Duration = Duration::from_secs(2);

impl Monitor for EmbeddingWatch<'_> {
    fn progress(&self, within: Progress) {
        self.monitor.progress(progress(self.done + within.done, self.left.saturating_sub(within.done)));
    }

    fn cancelled(&self) -> bool {
        let started = Instant::now();
        let busy =
            || self.embedding.questions.load(Ordering::SeqCst) > 0 || self.at.ingest_lock.running().is_some();
        while self.at.polite && busy() && started.elapsed() < STEP_ASIDE && !self.monitor.cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        self.monitor.cancelled()
    }
}
