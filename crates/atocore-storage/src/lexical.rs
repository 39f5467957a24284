//! The lexical index: finds passages by their words, ranked by BM25.
//!
//! It is derived. The store it follows is the truth; this can be deleted or damaged at any time and is rebuilt. It
//! never decides what exists: a match is a key that leads back to the store.

mod directory;
mod error;
mod filter;
mod function_words;
mod identifiers;
mod misspelled;
mod opening;
mod phrase;
mod schema;
mod scoring;
mod search;
mod segment;
mod snapshot;
mod source;
#[cfg(test)]
mod tests;
mod tokenizer;
mod whole_documents;
mod wording;
mod writer;

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use atocore_model::{id::StoreVersion, monitor::Monitor};
use tantivy::{Index, IndexMeta, IndexReader, IndexWriter};

pub(crate) use self::error::is_refusal;
pub use self::{
    error::{LexicalError, SourceError},
    filter::LexicalFilter,
    identifiers::{identifier_parts, other_forms},
    search::{LexicalMatch, LexicalMatches, LexicalQuery, WordMatches},
    source::{ChangedDocument, ChunkSource, IndexedChunk},
    wording::{Occurrence, Wording, is_too_common},
};
use self::{
    opening::OpenedLexicalIndex,
    schema::{Fields, Payload},
    snapshot::LexicalSnapshot,
    writer::WriteFailure,
};

/// The threads that index words when nothing else is said: as many as the machine has, at most this.
const MOST_THREADS: usize = 4;

/// What an index is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexAccess {
    /// To search it beside the process that writes it. Changes nothing but a lock file.
    Read,
    /// To search it and to keep it up to date, by one process at a time.
    Write,
}

/// The lexical index in one folder.
///
/// Searches may run from many threads at once; they never wait for [`LexicalIndex::catch_up`].
pub struct LexicalIndex {
    dir: PathBuf,
    access: IndexAccess,
    threads: usize,
    fields: Fields,
    /// What is on the disk; another one once that was found damaged.
    opened: RwLock<(Index, IndexReader)>,
    replaced: Option<String>,
    snapshot: RwLock<Arc<LexicalSnapshot>>,
    writer: Mutex<Option<IndexWriter>>,
}

impl Drop for LexicalIndex {
    fn drop(&mut self) {
        // The library gives its lock back and goes on merging: the list of files that it then writes is not that of the
        // next writer, whose files would count as unknown and the index as damaged.
        drop(self.wait_for_merges());
    }
}

impl LexicalIndex {
    /// Opens the index in `dir` after checking every file of it.
    ///
    /// With [`IndexAccess::Write`] the folder is made when it is missing, and an index that is damaged or of another
    /// version is replaced by an empty one, which [`LexicalIndex::rebuilt_reason`] then tells.
    ///
    /// # Errors
    /// With [`IndexAccess::Read`]: [`LexicalError::Missing`], [`LexicalError::Damaged`]. Otherwise when the operating
    /// system refuses, or when somebody else writes the index that would have to be replaced.
    pub fn open(dir: &Path, access: IndexAccess) -> Result<Self, LexicalError> {
        let OpenedLexicalIndex { index, reader, replaced } = match access {
            IndexAccess::Read => opening::open_existing(dir)?,
            IndexAccess::Write => opening::open_or_replace(dir)?,
        };
        let (_, fields) = schema::schema();
        let snapshot = load_snapshot(&index, &reader, fields)
            .map_err(|source| LexicalError::from_engine(dir, "opened", source))?;
        Ok(Self {
            dir: dir.to_owned(),
            access,
            threads: std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS)),
            fields,
            opened: RwLock::new((index, reader)),
            replaced,
            snapshot: RwLock::new(Arc::new(snapshot)),
            writer: Mutex::new(None),
        })
    }

    /// Sets how many threads index words, for the next writer.
    #[must_use]
    pub const fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Why the index that was found on opening was thrown away, as half a sentence for a log; `None` when it was not.
    #[must_use]
    pub fn rebuilt_reason(&self) -> Option<&str> {
        self.replaced.as_deref()
    }

    /// The state of the store that searches see; `None` when the index has never been filled.
    #[must_use]
    pub fn version(&self) -> Option<StoreVersion> {
        self.snapshot().version
    }

    /// How many passages searches see.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.snapshot().chunks
    }

    /// Finds the passages that have words of the question.
    ///
    /// The same question gets the same answer from every index at the same version, however it came about.
    /// A question without a word that counts has no matches.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn search(&self, query: &LexicalQuery<'_>) -> Result<LexicalMatches, LexicalError> {
        search::search(&self.snapshot(), &self.fields, query)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// How much the words of a text tell passages from one another, each by how rare it is; only to be compared with that
    /// of another text.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn information(&self, text: &str) -> Result<f64, LexicalError> {
        search::information(&self.snapshot(), &self.fields, text)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// The BM25 of a passage of average length that has every word of a text once, but those that only hold a question
    /// together: what the BM25 of a passage is measured by across questions. A word that no passage has counts like one
    /// that a single passage has.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn attainable(&self, text: &str) -> Result<f64, LexicalError> {
        search::attainable(&self.snapshot(), &self.fields, text)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// How rare a word is among the passages: 1 when at most one has it, 0 when it is left out of the index.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn rarity(&self, word: &str) -> Result<f64, LexicalError> {
        search::rarity(&self.snapshot(), &self.fields, word)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// The passages that have every word of `text`, in its order or apart; `None` when no word of it counts, or it is a
    /// single one that more than `limit` passages have.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn chunks_with(&self, text: &str, limit: usize) -> Result<Option<WordMatches>, LexicalError> {
        search::chunks_with(&self.snapshot(), &self.fields, text, limit)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// The passages that have the words of `text`, one behind the other, whatever signs are between them, by key in
    /// ascending order. Words that the index leaves out are passed over, and the end of a long text
    /// ([`Wording::is_told_by_index`]); `None` when it has none of them.
    ///
    /// # Errors
    /// When the files of the index cannot be read.
    pub fn containing(&self, text: &str) -> Result<Option<Vec<u64>>, LexicalError> {
        search::containing(&self.snapshot(), &self.fields, text)
            .map_err(|source| LexicalError::from_engine(&self.dir, "searched", source))
    }

    /// Brings the index to the newest state of `source` and returns its version; searches see it on return.
    ///
    /// What changed since the version of the index is written, or everything when that version is not part of the history
    /// of `source`, or what is on the disk is damaged. Calls wait for each other.
    ///
    /// # Errors
    /// [`LexicalError::ReadOnly`], [`LexicalError::Busy`], [`LexicalError::Full`], or when the source or the index
    /// fails. The index then shows what it showed before, and the next call starts anew.
    ///
    /// # Durability
    /// One commit, which is on disk when this returns.
    ///
    /// # Cancellation
    /// Asked before every document; [`LexicalError::Cancelled`].
    pub fn catch_up(
        &self,
        source: &dyn ChunkSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, LexicalError> {
        let mut slot = self.lock_writer()?;
        // The library may panic on what it does not expect.
        match catch_unwind(AssertUnwindSafe(|| self.write(&mut slot, source, monitor))) {
            Ok(Ok(version)) => Ok(version),
            Ok(Err(error)) if !error.may_be_damage() => Err(error),
            failed => {
                // Waits for merges, and gives the lock back. Whatever is wrong with them is looked at now.
                drop(slot.take().map(IndexWriter::wait_merging_threads));
                match opening::open_or_replace(&self.dir) {
                    Ok(OpenedLexicalIndex { index, reader, .. }) => {
                        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = (index, reader);
                        self.write(&mut slot, source, monitor)
                    }
                    Err(error) => failed.unwrap_or(Err(error)),
                }
            }
        }
    }

    fn write(
        &self,
        slot: &mut Option<IndexWriter>,
        source: &dyn ChunkSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, LexicalError> {
        let failed = |source| LexicalError::from_engine(&self.dir, "written", source);
        let (index, _) = self.opened();
        // What is on the disk counts: searches still see what was there before when it was replaced.
        let since = match recorded_version(&index.load_metas().map_err(failed)?) {
            Some(version) if source.has(version)? => Some(version),
            _ => None,
        };
        if let Some(version) = since
            && self.version() == since
            && source.version()? == version
        {
            return Ok(version);
        }
        // Taken out, so that a failure drops it: what it has not committed is gone, and the next call opens another.
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => writer::open(&index, self.threads).map_err(failed)?,
        };
        match writer::catch_up(&mut writer, &self.fields, source, since, monitor) {
            Ok(version) => {
                self.reload()?;
                if writer::is_crowded(&index).map_err(failed)? {
                    writer.wait_merging_threads().map_err(failed)?;
                    self.reload()?;
                } else {
                    *slot = Some(writer);
                }
                Ok(version)
            }
            Err(fault) => {
                drop(writer);
                // At once, because it frees the room that the unfinished files take.
                *slot = writer::open(&index, self.threads).ok();
                Err(match fault {
                    WriteFailure::Engine(error) => failed(error),
                    WriteFailure::Other(error) => error,
                })
            }
        }
    }

    /// Shows searches the newest commit, whoever made it, and returns its version.
    ///
    /// # Errors
    /// When the index cannot be read; searches then keep the state they have.
    pub fn refresh(&self) -> Result<Option<StoreVersion>, LexicalError> {
        self.reload()?;
        Ok(self.version())
    }

    /// Waits for merges that are under way, then closes the index. Dropping it does so too and tells nobody of an error.
    ///
    /// # Errors
    /// When a merge failed; the index is as it was before the merge.
    pub fn close(mut self) -> Result<(), LexicalError> {
        self.wait_for_merges()
    }

    fn wait_for_merges(&mut self) -> Result<(), LexicalError> {
        match self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => writer
                .wait_merging_threads()
                .map_err(|source| LexicalError::from_engine(&self.dir, "written", source)),
            None => Ok(()),
        }
    }

    fn opened(&self) -> (Index, IndexReader) {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn snapshot(&self) -> Arc<LexicalSnapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_writer(&self) -> Result<MutexGuard<'_, Option<IndexWriter>>, LexicalError> {
        match self.access {
            IndexAccess::Read => Err(LexicalError::ReadOnly { dir: self.dir.clone() }),
            // A call that panicked had taken the writer out: the slot is empty, which is a good state.
            IndexAccess::Write => Ok(self.writer.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn reload(&self) -> Result<(), LexicalError> {
        let (index, reader) = self.opened();
        let snapshot = reader
            .reload()
            .and_then(|()| load_snapshot(&index, &reader, self.fields))
            .map_err(|source| LexicalError::from_engine(&self.dir, "opened", source))?;
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }
}

/// The state of the store that was committed last; `None` when nothing was.
fn recorded_version(record: &IndexMeta) -> Option<StoreVersion> {
    record.payload.as_ref().and_then(|payload| Payload::version(payload).ok())
}

/// Makes the view of what the reader has loaded, with the version that belongs to it.
fn load_snapshot(index: &Index, reader: &IndexReader, fields: Fields) -> tantivy::Result<LexicalSnapshot> {
    loop {
        let searcher = reader.searcher();
        let record = index.load_metas()?;
        let recorded: BTreeMap<_, _> =
            record.segments.iter().map(|segment| (segment.id(), segment.delete_opstamp())).collect();
        if &recorded == searcher.generation().segments() {
            return LexicalSnapshot::new(searcher, recorded_version(&record), fields.words);
        }
        // Somebody committed or merged between the two readings.
        reader.reload()?;
    }
}

impl fmt::Debug for LexicalIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalIndex")
            .field("dir", &self.dir)
            .field("access", &self.access)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
