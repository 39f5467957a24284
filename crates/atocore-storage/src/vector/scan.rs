//! The index that comes with AtoCore: an exact scan over vectors of one byte per component.
//!
//! It is two files: a base with all vectors of one state of the store, which is read into memory and never changes,
//! and a log of what changed since. When the log has grown, base and log become the next base.

mod base;
mod bytes;
mod compare;
mod document;
mod index_snapshot;
mod log;
mod opening;
mod quantization;
mod search;
#[cfg(test)]
mod tests;
mod update;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use atocore_model::{id::StoreVersion, monitor::Monitor};

use self::{index_snapshot::IndexSnapshot, update::IndexUpdate};
use super::{
    comparison::Comparison,
    error::VectorError,
    query::{VectorMatches, VectorQuery},
    source::{VectorSource, VectorSpace},
};
use crate::{
    files::{self, FileError},
    lexical::IndexAccess,
    vector::VectorIndex,
};

/// What decides how work is done and never what comes out.
#[derive(Debug, Clone, Copy)]
struct ScanTuning {
    /// How many threads share a large search.
    threads: usize,
    /// Searches among more vectors than this are shared.
    shared_vectors: usize,
    /// So many bytes of the log are always worth keeping a base, however small it is.
    log_bytes: u64,
}

impl ScanTuning {
    fn of_this_machine() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            shared_vectors: 50_000,
            log_bytes: 4 << 20,
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
    /// Held by whoever changes what is shown.
    writing: Mutex<()>,
}

impl ScanIndex {
    /// Opens the index in `dir`. Every byte of it is checked once in the life of the process.
    ///
    /// With [`IndexAccess::Write`] the folder is made when it is missing, files that an earlier writer left
    /// unfinished are removed, and an index that is damaged or of another version is replaced by an empty one, which
    /// [`ScanIndex::rebuilt_reason`] then tells. The caller sees to it that there is one writer at a time.
    ///
    /// # Errors
    /// With [`IndexAccess::Read`]: [`VectorError::Missing`], [`VectorError::Damaged`]. Otherwise when the operating
    /// system refuses.
    pub fn open(dir: &Path, access: IndexAccess) -> Result<Self, VectorError> {
        let (snapshot, replaced) = match access {
            IndexAccess::Read => (IndexSnapshot::load(dir, None)?, None),
            IndexAccess::Write => opening::open_or_replace(dir)?,
        };
        Ok(Self {
            dir: dir.to_owned(),
            access,
            tuning: ScanTuning::of_this_machine(),
            replaced,
            snapshot: RwLock::new(Arc::new(snapshot)),
            writing: Mutex::default(),
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

    /// Waits until nobody else changes what is shown.
    fn write_lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes may go into the log before there is a new base: a quarter of what a base takes.
    fn room(&self, snapshot: &IndexSnapshot) -> usize {
        let most = self.tuning.log_bytes.max(snapshot.base.stamp.size() / 4);
        usize::try_from(most.saturating_sub(snapshot.waste)).unwrap_or(usize::MAX)
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
        let _guard = self.write_lock();
        let (snapshot, space) = (self.snapshot(), source.space());
        space.check()?;
        let known = match snapshot.version() {
            Some(version) if !anew && snapshot.space() == Some(space) && source.has(version)? => {
                Some(version)
            }
            _ => None,
        };
        if let Some(version) = known
            && source.version()? == version
        {
            return Ok(version);
        }
        files::create_dirs(&self.dir).map_err(|error| self.failed(error))?;
        // Somebody may have taken the folder away meanwhile: then all of it is written again.
        let is_ours = snapshot.has_base(&self.dir).map_err(|error| self.failed(error))?;
        let before = known.filter(|_| is_ours).map(|_| &*snapshot);
        let update = IndexUpdate::new(&self.dir, space, before, self.room(&snapshot));
        let (version, written) = update.run(source, monitor)?;
        self.show(written);
        Ok(version)
    }

    fn failed(&self, error: FileError) -> VectorError {
        VectorError::from_file(&self.dir, "written", error)
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
        self.snapshot().vectors() as u64
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

    /// Checks every byte again, too.
    fn compare(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError> {
        let _guard = self.write_lock();
        let on_disk = IndexSnapshot::checked(&self.dir)?;
        if self.access == IndexAccess::Write && on_disk.version() != self.version() {
            let why = "its log is damaged".to_owned();
            return Err(VectorError::Damaged { dir: self.dir.clone(), why });
        }
        compare::compare(&on_disk, source, monitor)
    }

    /// An index that was opened for writing always shows its newest state.
    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError> {
        if self.access == IndexAccess::Read {
            let _guard = self.write_lock();
            let snapshot = self.snapshot();
            if !matches!(snapshot.is_current(&self.dir), Ok(true)) {
                self.show(IndexSnapshot::load(&self.dir, Some(&snapshot.base))?);
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
