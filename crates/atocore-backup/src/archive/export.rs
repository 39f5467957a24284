//! Writing the archive.

use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    id::SnapshotId,
    monitor::{Monitor, Progress},
    time::Clock,
};
use atocore_storage::files::{self, FileError, FileReader, Kind, NewFile, stream};
use tar::{Builder, EntryType, Header};

use super::entry_name;
use crate::{
    BackupError,
    manifest::FILE_NAME,
    snapshot_directory::SnapshotDirectory,
    take::proceed,
    tree,
    verify::{VerifiedSnapshot, prove},
};

/// How hard zstd tries: its own default.
const LEVEL: i32 = 3;

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedArchive {
    /// The snapshot.
    pub stamp: SnapshotId,
    /// Where the archive lies; `None` when it went into a pipe.
    pub path: Option<PathBuf>,
    /// Number of files in it, the metadata among them.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// The size of the archive.
    pub archive_bytes: u64,
}

/// Writes a snapshot into one file, `tar` in zstd, after verifying it to the depth `content`.
///
/// The same snapshot gives the same bytes, except for what another version of zstd does otherwise.
///
/// # Errors
/// When it cannot be proven, has no digests because the original wrote it, or the file exists or cannot be written.
///
/// # Durability
/// The archive is on disk under its name when this returns `Ok`; otherwise there is none.
///
/// # Cancellation
/// Between pieces; nothing is left.
pub fn export(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    to: &Path,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ExportedArchive, BackupError> {
    let name = to.file_name().ok_or_else(|| BackupError::ArchiveExists(to.to_owned()))?;
    if files::kind(to)?.is_some() {
        return Err(BackupError::ArchiveExists(to.to_owned()));
    }
    let snapshot = prove(directory, stamp, clock, monitor)?;
    let staged = to.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let result = NewFile::create(&staged).map_err(BackupError::from).and_then(|file| {
        let (exported, file) = write(&snapshot, file, &staged, monitor)?;
        let archive_bytes = file.finish()?;
        files::rename_new(&staged, to)?;
        Ok(ExportedArchive { path: Some(to.to_owned()), archive_bytes, ..exported })
    });
    if result.is_err() {
        // The first error is the one to report.
        drop(files::remove_file(&staged));
    }
    result
}

/// Writes a snapshot as [`export`] does, to whoever reads it.
///
/// # Errors
/// As [`export`]; what was written until then is refused by whoever imports it, because the end is missing.
///
/// # Durability
/// None: it is flushed when this returns `Ok`.
///
/// # Cancellation
/// Between pieces.
pub fn export_to(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    out: impl Write,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ExportedArchive, BackupError> {
    let snapshot = prove(directory, stamp, clock, monitor)?;
    let name = Path::new("standard output");
    let (exported, mut out) = write(&snapshot, CountingWriter { out, bytes: 0 }, name, monitor)?;
    out.flush().map_err(|error| failed(name, error, monitor))?;
    Ok(ExportedArchive { archive_bytes: out.bytes, ..exported })
}

/// Writes the archive; `name` is what errors call it. The size of the archive is for the caller to tell.
fn write<W: Write>(
    snapshot: &VerifiedSnapshot,
    out: W,
    name: &Path,
    monitor: &dyn Monitor,
) -> Result<(ExportedArchive, W), BackupError> {
    let record = snapshot.manifest().atocore.as_ref().ok_or(BackupError::NoDigests(snapshot.stamp()))?;
    let failed = |source| failed(name, source, monitor);
    let mut encoder = zstd::Encoder::new(out, LEVEL).map_err(failed)?;
    encoder.include_checksum(true).map_err(failed)?;
    let mut out =
        ArchiveWriter { builder: Builder::new(encoder), snapshot, name, monitor, files: 0, bytes: 0 };
    let metadata = snapshot.path().join(FILE_NAME);
    // Not by a memory map: on a disk that others write to, it could end the process.
    let digested = stream::digest(&metadata, &mut |_| ControlFlow::Continue(()))?;
    let (size, digest) = digested.ok_or(BackupError::Cancelled)?;
    out.add_file(FILE_NAME, size, &digest)?;
    // Folders with nothing in them are a part of the vector store too.
    tree::walk_own(snapshot.path(), &mut |entry| {
        let entry = entry.map_err(|(_, error)| error)?;
        match entry.relative {
            Some(path) if entry.kind == Kind::Folder => out.add_folder(path.as_str()),
            _ => Ok(()),
        }
    })?;
    for file in &record.files {
        out.add_file(file.path.as_str(), file.size_bytes, &file.digest)?;
    }
    let (files, bytes) = (out.files, out.bytes);
    let encoder = out.builder.into_inner().map_err(failed)?;
    let exported = ExportedArchive { stamp: snapshot.stamp(), path: None, files, bytes, archive_bytes: 0 };
    Ok((exported, encoder.finish().map_err(failed)?))
}

/// Counts what is written.
struct CountingWriter<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct ArchiveWriter<'a, W: Write> {
    builder: Builder<zstd::Encoder<'static, W>>,
    snapshot: &'a VerifiedSnapshot,
    name: &'a Path,
    monitor: &'a dyn Monitor,
    files: u64,
    bytes: u64,
}

impl<W: Write> ArchiveWriter<'_, W> {
    fn add_folder(&mut self, path: &str) -> Result<(), BackupError> {
        proceed(self.monitor)?;
        let header = self.header(&format!("{path}/"), 0, EntryType::Directory)?;
        self.builder.append(&header, io::empty()).map_err(|error| failed(self.name, error, self.monitor))
    }

    fn add_file(&mut self, path: &str, size: u64, digest: &Digest) -> Result<(), BackupError> {
        proceed(self.monitor)?;
        let header = self.header(path, size, EntryType::Regular)?;
        let file = FileReader::open(&self.snapshot.path().join(path))?;
        let mut watched = HashingReader {
            file: file.take(size),
            hasher: blake3::Hasher::new(),
            done: self.bytes,
            monitor: self.monitor,
        };
        self.builder.append(&header, &mut watched).map_err(|error| failed(self.name, error, self.monitor))?;
        if watched.hasher.count() != size
            || Digest::from_bytes(*watched.hasher.finalize().as_bytes()) != *digest
        {
            return Err(BackupError::CopyDiffers(path.to_owned()));
        }
        self.files += 1;
        self.bytes += size;
        Ok(())
    }

    /// With nothing of this machine or user in it.
    fn header(&self, path: &str, size: u64, kind: EntryType) -> Result<Header, BackupError> {
        let stamp = self.snapshot.stamp();
        let mut header = Header::new_ustar();
        let not_recordable = |_| BackupError::NameNotRecordable(PathBuf::from(path));
        header.set_path(entry_name(stamp, path)).map_err(not_recordable)?;
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_mtime(u64::try_from(stamp.time().as_second()).unwrap_or_default());
        header.set_size(size);
        header.set_cksum();
        Ok(header)
    }
}

/// A file that is hashed while it is read, until the caller cancels it.
struct HashingReader<'a> {
    file: io::Take<FileReader>,
    hasher: blake3::Hasher,
    done: u64,
    monitor: &'a dyn Monitor,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.monitor.cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let read = self.file.read(buffer)?;
        let _hasher = self.hasher.update(&buffer[..read]);
        let done = self.done + self.hasher.count();
        self.monitor.progress(Progress { phase: "writing the archive".into(), done, total: None });
        Ok(read)
    }
}

fn failed(path: &Path, source: io::Error, monitor: &dyn Monitor) -> BackupError {
    if monitor.cancelled() {
        return BackupError::Cancelled;
    }
    FileError { action: "write the archive", path: path.to_owned(), source }.into()
}
