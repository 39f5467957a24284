//! Writing what changed, in one commit.

use std::{
    thread,
    time::{Duration, Instant},
};

use atocore_model::{
    id::StoreVersion,
    monitor::{Monitor, Progress},
};
use tantivy::{
    Index, IndexWriter, TantivyDocument, TantivyError,
    directory::error::LockError,
    indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy, UserOperation},
};

use super::{
    error::LexicalError,
    schema::{Fields, Payload},
    source::{ChangedDocument, ChunkSource},
};

/// The memory that all threads together fill before they write to disk.
const MEMORY_BYTES: usize = 64 << 20;

/// The least that the library takes per thread.
const LEAST_MEMORY_BYTES: usize = 15 << 20;

/// Up to this many operations are given to one thread, so that a small change makes one segment.
const SMALL: usize = 512;

/// How long a lock that is taken may be one that was just given back: starting a process takes milliseconds, more on a
/// machine that is busy.
const LOCK_RETRY_TIME: Duration = Duration::from_secs(2);

/// How often a taken lock is looked at.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// With more segments than this, catching up waits until they are merged.
const MOST_SEGMENTS: usize = 24;

/// Opens a writer and removes files that an earlier one left unfinished; fails when there is another one.
pub(super) fn open(index: &Index, threads: usize) -> tantivy::Result<IndexWriter> {
    let threads = threads.clamp(1, MEMORY_BYTES / LEAST_MEMORY_BYTES);
    let options = IndexWriterOptions::builder()
        .num_worker_threads(threads)
        .memory_budget_per_thread(MEMORY_BYTES / threads)
        .num_merge_threads(1)
        .build();
    let writer = retry_while_locked(|| index.writer_with_options(options.clone()))?;
    // The library numbers the first operation of a writer as the last commit. A merge of committed segments that starts
    // before the next commit takes a deletion of that number for one that segments with deletions of the last commit
    // have had, and for one that the others need not be given again: it would be lost. Nothing at all uses the number up.
    let _number = writer.run(Vec::new())?;
    writer.garbage_collect_files().wait()?;
    Ok(writer)
}

/// Tries again for a moment when the lock of the writer is taken.
///
/// The library gives a lock back by closing its file, and a child that another thread is just starting has a copy of
/// every open file until it is executed: a lock that was given back can be taken for that long.
pub(super) fn retry_while_locked<T>(mut take: impl FnMut() -> tantivy::Result<T>) -> tantivy::Result<T> {
    let begun = Instant::now();
    loop {
        match take() {
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) if begun.elapsed() < LOCK_RETRY_TIME => {
                thread::sleep(RETRY_INTERVAL);
            }
            done => return done,
        }
    }
}

/// How often segments are merged: rarely enough to be cheap, often enough that a search meets few of them.
fn merge_policy() -> Box<LogMergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(6);
    policy.set_level_log_size(1.5);
    policy.set_del_docs_ratio_before_merge(0.3);
    Box::new(policy)
}

/// Brings the index from `since` to the newest state of the source, or fills it anew.
///
/// On any error the caller drops the writer, and with it everything that was not committed.
pub(super) fn catch_up(
    writer: &mut IndexWriter,
    fields: &Fields,
    source: &dyn ChunkSource,
    since: Option<StoreVersion>,
    monitor: &dyn Monitor,
) -> Result<StoreVersion, WriteFailure> {
    // Merging what is not yet committed would only slow down the threads that write.
    writer.set_merge_policy(Box::new(NoMergePolicy));
    if since.is_none() {
        writer.delete_all_documents()?;
    }
    let mut feed = Feed { writer, fields, replaces: since.is_some(), pending: Vec::new(), spread: false };
    let mut done = 0;
    let mut stopped = None;
    let read = source.changes(since, &mut |document| {
        if monitor.cancelled() {
            stopped = Some(WriteFailure::Other(LexicalError::Cancelled));
        } else if let Err(error) = feed.document(&document) {
            stopped = Some(WriteFailure::Engine(error));
        }
        done += 1;
        monitor.progress(Progress { phase: "indexing words".into(), done, total: None });
        // The source only learns that it should stop.
        if stopped.is_some() { Err(LexicalError::Cancelled) } else { Ok(()) }
    });
    let handed_over = feed.finish();
    match stopped {
        Some(WriteFailure::Engine(error)) => return Err(first_cause(writer, error).into()),
        Some(other) => return Err(other),
        None => {}
    }
    let version = read.map_err(WriteFailure::Other)?;
    if let Err(error) = handed_over {
        return Err(first_cause(writer, error).into());
    }
    if monitor.cancelled() {
        return Err(WriteFailure::Other(LexicalError::Cancelled));
    }
    writer.set_merge_policy(merge_policy());
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(&Payload::text(version));
    commit.commit()?;
    Ok(version)
}

/// Whether so many segments have gathered that the merges should be waited for.
pub(super) fn is_crowded(index: &Index) -> tantivy::Result<bool> {
    Ok(index.searchable_segment_ids()?.len() > MOST_SEGMENTS)
}

/// Why catching up failed.
pub(super) enum WriteFailure {
    /// The index could not be written.
    Engine(TantivyError),
    /// The source failed or the monitor cancelled.
    Other(LexicalError),
}

impl From<TantivyError> for WriteFailure {
    fn from(error: TantivyError) -> Self {
        Self::Engine(error)
    }
}

/// The error of the thread that failed first. The one that a caller sees afterwards only says that it is gone.
fn first_cause(writer: &mut IndexWriter, seen: TantivyError) -> TantivyError {
    match writer.prepare_commit() {
        Ok(_) => seen,
        Err(cause) => cause,
    }
}

/// Hands operations to the threads of a writer.
struct Feed<'a> {
    writer: &'a IndexWriter,
    fields: &'a Fields,
    /// Whether the index may hold earlier states of the documents.
    replaces: bool,
    /// Operations that are not handed over yet.
    pending: Vec<UserOperation<TantivyDocument>>,
    /// Whether there are so many that all threads share the work.
    spread: bool,
}

impl Feed<'_> {
    fn document(&mut self, document: &ChangedDocument<'_>) -> tantivy::Result<()> {
        if self.replaces {
            self.operation(UserOperation::Delete(self.fields.document(document.document_key)))?;
        }
        for chunk in document.chunks {
            self.operation(UserOperation::Add(self.fields.entry(document, chunk)))?;
        }
        Ok(())
    }

    fn operation(&mut self, operation: UserOperation<TantivyDocument>) -> tantivy::Result<()> {
        if self.spread {
            return self.hand_over(operation);
        }
        self.pending.push(operation);
        if self.pending.len() > SMALL {
            self.spread = true;
            for operation in std::mem::take(&mut self.pending) {
                self.hand_over(operation)?;
            }
        }
        Ok(())
    }

    fn hand_over(&self, operation: UserOperation<TantivyDocument>) -> tantivy::Result<()> {
        match operation {
            UserOperation::Add(entry) => self.writer.add_document(entry).map(|_| ()),
            UserOperation::Delete(term) => {
                self.writer.delete_term(term);
                Ok(())
            }
        }
    }

    fn finish(self) -> tantivy::Result<()> {
        self.writer.run(self.pending).map(|_| ())
    }
}
