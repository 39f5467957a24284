//! The folder of an index as the library sees it. Every file is read into memory, whole, and compared with its checksum
//! before any of it is used. A memory map would end the process when the file is cut or its disk fails, and would let
//! damage that comes later become a wrong answer.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tantivy::{
    Directory,
    directory::{
        DirectoryLock, FileHandle, FileSlice, Lock, MmapDirectory, OwnedBytes, WatchCallback, WatchHandle,
        WritePtr,
        error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
        footer::Footer,
    },
};

use crate::files;

/// The folder.
#[derive(Clone)]
pub(super) struct IndexDirectory {
    /// Does what is neither reading nor, on a disk that nobody can write to, locking.
    disk: MmapDirectory,
    /// Whether the disk is read-only. The library takes a lock by creating a file, which cannot be done there, and nobody
    /// can be at work on the index whom it would keep out: every lock is granted.
    is_read_only: bool,
    /// The files that somebody still reads: a file is not changed once it is written.
    in_use: Arc<Mutex<HashMap<PathBuf, Weak<[u8]>>>>,
}

impl IndexDirectory {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenDirectoryError> {
        let is_read_only = files::is_on_read_only_disk(dir);
        Ok(Self { disk: MmapDirectory::open(dir)?, is_read_only, in_use: Arc::default() })
    }

    fn read(&self, path: &Path) -> Result<Arc<[u8]>, OpenReadError> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = in_use.get(path).and_then(Weak::upgrade) {
            return Ok(bytes);
        }
        let bytes: Arc<[u8]> = self.disk.atomic_read(path)?.into();
        let whole = Footer::extract_footer(FileSlice::new(Arc::new(OwnedBytes::new(Arc::clone(&bytes)))))
            .and_then(|(footer, body)| Ok(footer.crc == crc32fast::hash(&body.read_bytes()?)));
        if !matches!(whole, Ok(true)) {
            let error = io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
            return Err(OpenReadError::wrap_io_error(error, path.to_owned()));
        }
        in_use.retain(|_, bytes| bytes.strong_count() > 0);
        let _gone = in_use.insert(path.to_owned(), Arc::downgrade(&bytes));
        Ok(bytes)
    }
}

impl fmt::Debug for IndexDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IndexDirectory").field(&self.disk).finish()
    }
}

impl Directory for IndexDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(OwnedBytes::new(self.read(path)?)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.disk.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.disk.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.disk.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.disk.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.disk.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if self.is_read_only {
            return Ok(DirectoryLock::from(Box::new(())));
        }
        self.disk.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.disk.watch(callback)
    }
}
