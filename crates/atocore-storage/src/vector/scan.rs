//! The index that comes with AtoCore: an exact scan over vectors of one byte per component.
//!
//! Its files are mapped into memory and never change: what is new gets a new file, what is gone is marked in another
//! one, and one small manifest, replaced in one step, says which files count.

mod compare;
mod index_snapshot;
mod manifest;
mod merge;
mod opening;
mod quantization;
mod search;
mod segment;
mod segment_writer;
#[cfg(test)]
mod tests;
mod tombstones;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use atocore_model::{id::StoreVersion, monitor::Monitor};

use self::{
    index_snapshot::IndexSnapshot,
    opening::{OpenedScanIndex, ScanIndexFault},
    segment_writer::SegmentWriter,
};
use super::{
    comparison::Comparison,
    error::VectorError,
    query::{VectorMatches, VectorQuery},
    source::{VectorSource, VectorSpace},
};
use crate::{files, lexical::IndexAccess, vector::VectorIndex};

/// What decides how work is done and never what comes out.
#[derive(Debug, Clone, Copy)]
struct ScanTuning {
    /// How many threads share a large search.
    threads: usize,
    /// Searches of more entries than this are shared.
    shared_entries: usize,
    /// New vectors that take more memory than this are written to a file before all are there.
    buffered_bytes: usize,
}

impl ScanTuning {
    fn of_this_machine() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            shared_entries: 50_000,
            buffered_bytes: 32 << 20,
        }
    }
}

/// The vector index in one folder.
pub struct ScanIndex {
    dir: PathBuf,
    access: IndexAccess,
    tuning: ScanTuning,
    replaced: Option<String>,
    snapshot: RwLock<Arc<IndexSnapshot>>,
    /// The number of the next file. Held by whoever changes the view; a number is never used twice.
    next_file: Mutex<u64>,
}

impl ScanIndex {
    /// Opens the index in `dir` after checking every file of it.
    ///
    /// With [`IndexAccess::Write`] the folder is made when it is missing, files that an earlier writer left
    /// unfinished are removed, and an index that is damaged or of another version is replaced by an empty one, which
    /// [`ScanIndex::rebuilt_reason`] then tells. The caller sees to it that there is one writer at a time.
    ///
    /// # Errors
    /// With [`IndexAccess::Read`]: [`VectorError::Missing`], [`VectorError::Damaged`]. Otherwise when the operating
    /// system refuses.
    pub fn open(dir: &Path, access: IndexAccess) -> Result<Self, VectorError> {
        let OpenedScanIndex { snapshot, next_file, replaced } = match access {
            IndexAccess::Read => opening::open_existing(dir)?,
            IndexAccess::Write => opening::open_or_replace(dir)?,
        };
        Ok(Self {
            dir: dir.to_owned(),
            access,
            tuning: ScanTuning::of_this_machine(),
            replaced,
            snapshot: RwLock::new(Arc::new(snapshot)),
            next_file: Mutex::new(next_file),
        })
    }

    /// Why the index that was found on opening was thrown away, as half a sentence for a log; `None` when it was not.
    #[must_use]
    pub fn rebuilt_reason(&self) -> Option<&str> {
        self.replaced.as_deref()
    }

    fn snapshot(&self) -> Arc<IndexSnapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn show(&self, snapshot: IndexSnapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Waits until nobody else changes the view.
    fn write_lock(&self) -> MutexGuard<'_, u64> {
        // A call that panicked has used up some numbers, which does no harm.
        self.next_file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what changed since the version of the index; or everything, when that cannot be or is asked for.
    fn write(
        &self,
        source: &dyn VectorSource,
        anew: bool,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        if self.access == IndexAccess::Read {
            return Err(VectorError::ReadOnly { dir: self.dir.clone() });
        }
        let mut next_file = self.write_lock();
        let (snapshot, space) = (self.snapshot(), source.space());
        space.check()?;
        let since = match snapshot.state {
            Some((own, version)) if !anew && own == space && source.has(version)? => Some(version),
            _ => None,
        };
        if let Some(version) = since
            && source.version()? == version
        {
            return Ok(version);
        }
        let failed = |source| VectorError::from_file(&self.dir, "written", source);
        files::create_dirs(&self.dir).map_err(failed)?;
        // Somebody may have taken the folder away meanwhile: then all of it is written again, beside what is there.
        let is_ours = opening::is_current(&self.dir, &snapshot);
        if !is_ours {
            *next_file = opening::next_file(&self.dir).map_err(failed)?.max(*next_file);
        }
        let since = since.filter(|_| is_ours);
        let base = if since.is_some() { snapshot.segments.as_slice() } else { &[] };
        let writer = SegmentWriter::new(&self.dir, &mut next_file, space, base, self.tuning.buffered_bytes);
        let (version, new) = writer.fill(source, since, monitor)?;
        opening::remove_unnamed(&self.dir, &snapshot, &new);
        self.show(new);
        Ok(version)
    }
}

impl VectorIndex for ScanIndex {
    fn space(&self) -> Option<VectorSpace> {
        self.snapshot().space()
    }

    fn version(&self) -> Option<StoreVersion> {
        self.snapshot().version()
    }

    fn vectors(&self) -> u64 {
        self.snapshot().vectors()
    }

    /// The same question gets the same answer from every index at the same version, however it came about.
    fn search(&self, query: &VectorQuery<'_>) -> Result<VectorMatches, VectorError> {
        search::search(&self.snapshot(), query, &self.tuning)
    }

    fn catch_up(
        &self,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        self.write(source, false, monitor)
    }

    fn rebuild(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<StoreVersion, VectorError> {
        self.write(source, true, monitor)
    }

    /// Checks every file again, too.
    fn compare(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError> {
        let _guard = self.write_lock();
        let on_disk = opening::load(&self.dir, None).map_err(|unusable| unusable.into_error(&self.dir))?;
        compare::compare(&on_disk, source, monitor)
    }

    /// An index that was opened for writing always shows its newest state.
    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError> {
        if self.access == IndexAccess::Read {
            let _guard = self.write_lock();
            let snapshot = self.snapshot();
            if !opening::is_current(&self.dir, &snapshot) {
                let newest = opening::load(&self.dir, Some(&snapshot));
                self.show(newest.map_err(|unusable| ScanIndexFault::into_error(unusable, &self.dir))?);
            }
        }
        Ok(self.version())
    }
}

impl fmt::Debug for ScanIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanIndex")
            .field("dir", &self.dir)
            .field("access", &self.access)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
