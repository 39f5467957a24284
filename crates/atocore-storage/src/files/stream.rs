//! Reading and copying files piece by piece, so that the caller can show progress and stop in the middle.
//!
//! Never for a database that this process has open: closing the descriptor would drop SQLite's locks on it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use atocore_model::digest::Digest;

use super::{FileError, OpenFile, named, open, private, share_blocks};

/// Bytes that are read at a time: large enough for hashing on all cores.
const PIECE_BYTES: usize = 4 << 20;

/// Size and BLAKE3 digest of a file, read without a memory map; `None` when `each`, which is told the size of every
/// piece, cancels.
///
/// A map would be faster, and would end the process instead of returning an error when the disk cannot read a page.
///
/// # Errors
/// When the file cannot be read.
pub fn digest(
    path: &Path,
    each: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<(u64, Digest)>, FileError> {
    let mut file = open(path)?;
    let size = named("read", path, file.metadata())?.len();
    pump(path, &mut file, size, &mut |_| Ok(()), each)
}

/// Copies a file that nothing writes to into a new one, with the permissions of a new file, and returns size and
/// digest of what was read; `None` when `each` cancels, and the copy is then of no use.
///
/// # Errors
/// When the source cannot be read, or the target exists or cannot be written.
///
/// # Durability
/// The bytes are on disk when this returns `Ok`; the name once the folder is synced.
pub fn copy(
    from: &Path,
    to: &Path,
    each: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<(u64, Digest)>, FileError> {
    let mut source = open(from)?;
    let mut target = named("create", to, private::create_new(to))?;
    let size = named("read", from, source.metadata())?.len();
    let mut sink = |piece: &[u8]| named("write", to, target.write_all(piece));
    let read = pump(from, &mut source, size, &mut sink, each)?;
    if read.is_some() {
        named("sync", to, target.sync_all())?;
    }
    Ok(read)
}

/// Copies a file into a new one while the disk writes along; returns its size. Within the kernel, and sharing blocks,
/// where that can be.
///
/// Little is left to be synced at the end: both together take 0.6 to 0.9 of the time of a copy that is only then
/// synced, on the machine of `docs/measurements.md`. Whoever syncs another file meanwhile waits for two pieces at most,
/// where it would wait for all of the copy.
///
/// # Errors
/// When the source cannot be read, or the target exists or cannot be written.
///
/// # Durability
/// None: what was copied last is on disk only once the file is synced.
pub fn copy_unsynced(from: &Path, to: &Path) -> Result<u64, FileError> {
    /// Bytes that are copied before the disk is told to write: fewer make the copy slower, more make others wait.
    const AHEAD_BYTES: u64 = 16 << 20;
    let source = open(from)?;
    let target = named("create", to, private::create_new(to))?;
    if let Some(bytes) = share_blocks(&source, &target) {
        return Ok(bytes);
    }
    thread::scope(|scope| {
        let (more, copied) = mpsc::sync_channel::<()>(1);
        let target = &target;
        let writing = scope.spawn(move || {
            while copied.recv().is_ok() {
                named("sync", to, target.sync_data())?;
            }
            Ok(())
        });
        let mut bytes = 0;
        let copied = loop {
            match io::copy(&mut (&source).take(AHEAD_BYTES), &mut &*target) {
                Ok(0) => break Ok(bytes),
                Ok(piece) => bytes += piece,
                Err(error) => break named("copy", from, Err(error)),
            }
            if more.send(()).is_err() {
                // It failed, and says why.
                break Ok(bytes);
            }
        };
        drop(more);
        writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        copied
    })
}

/// The first `limit` bytes of a file; fewer when it is shorter.
///
/// # Errors
/// When it cannot be read.
pub fn head(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let _read = named("read", path, open(path)?.take(limit).read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// Hands every line of a file to `each`, without its end. A line longer than `most` bytes is an error.
///
/// # Errors
/// When the file cannot be read, or with the error of `each`.
pub fn lines<E: From<FileError>>(
    path: &Path,
    most: u64,
    each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = BufReader::with_capacity(PIECE_BYTES, open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = named("read", path, (&mut file).take(most + 1).read_until(b'\n', &mut line))?;
        if read == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            let _end = line.pop();
        } else if line.len() as u64 > most {
            named("read", path, Err(io::Error::other(format!("a line is longer than {most} bytes"))))?;
        }
        each(&line)?;
    }
}

/// A new file that is hashed while it is written.
#[derive(Debug)]
pub struct HashedFile {
    path: PathBuf,
    file: OpenFile,
    hasher: blake3::Hasher,
    /// What is not written yet.
    pending: Vec<u8>,
}

impl HashedFile {
    /// Creates the file.
    ///
    /// # Errors
    /// When the name is taken, or the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let file = named("create", path, private::create_new(path))?;
        Ok(Self::of(path.to_owned(), file))
    }

    /// One that was created.
    pub(super) fn of(path: PathBuf, file: OpenFile) -> Self {
        Self { path, file, hasher: blake3::Hasher::new(), pending: Vec::new() }
    }

    /// Appends `bytes`; they may stay in memory until [`HashedFile::finish`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        /// Large enough that neither calls nor hashing are slowed down.
        const PENDING_BYTES: usize = 256 << 10;
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PENDING_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what is left and returns size and digest of the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Durability
    /// None: other processes see the whole file, a power cut can take any of it.
    pub fn finish(mut self) -> Result<(u64, Digest), FileError> {
        self.flush()?;
        Ok((self.hasher.count(), Digest::from_bytes(*self.hasher.finalize().as_bytes())))
    }

    /// Writes what is left, and the digest of all behind it.
    pub(super) fn seal(&mut self) -> Result<(), FileError> {
        self.flush()?;
        let digest = self.hasher.finalize();
        named("write", &self.path, self.file.write_all(digest.as_bytes()))
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let _hasher = self.hasher.update(&self.pending);
        named("write", &self.path, self.file.write_all(&self.pending))?;
        self.pending.clear();
        Ok(())
    }
}

/// Reads to the end, which is expected after `size` bytes, hashing what it reads and handing it to `sink`.
pub(super) fn pump(
    path: &Path,
    file: &mut impl Read,
    size: u64,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), FileError>,
    each: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<(u64, Digest)>, FileError> {
    /// Below this size hashing on one core is faster.
    const PARALLEL_BYTES: usize = 256 << 10;
    let mut buffer = vec![0; PIECE_BYTES.min(usize::try_from(size).unwrap_or(PIECE_BYTES).max(1))];
    let mut hasher = blake3::Hasher::new();
    loop {
        let filled = fill(path, file, &mut buffer)?;
        if filled == 0 {
            return Ok(Some((hasher.count(), Digest::from_bytes(*hasher.finalize().as_bytes()))));
        }
        let piece = &buffer[..filled];
        let _hasher = if filled < PARALLEL_BYTES { hasher.update(piece) } else { hasher.update_rayon(piece) };
        sink(piece)?;
        if each(filled as u64).is_break() {
            return Ok(None);
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(path: &Path, file: &mut impl Read, buffer: &mut [u8]) -> Result<usize, FileError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return named("read", path, Err(error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    const ON: ControlFlow<()> = ControlFlow::Continue(());

    #[test]
    fn a_copy_is_equal_and_its_digest_that_of_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 7] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 253) as u8).collect();
            let (from, to) = (dir.path().join(format!("{size}")), dir.path().join(format!("{size}.copy")));
            files::write_synced(&from, &bytes).unwrap();
            let mut seen = 0;
            let mut count = |piece| {
                seen += piece;
                ON
            };
            let hashed = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
            let copied = copy(&from, &to, &mut count).unwrap().unwrap();
            assert_eq!(copied, (size as u64, hashed));
            assert_eq!(seen, size as u64);
            assert_eq!(digest(&to, &mut |_| ON).unwrap().unwrap(), copied);
            assert_eq!(head(&to, 3).unwrap(), bytes[..size.min(3)]);
            assert!(copy(&from, &to, &mut |_| ON).is_err(), "a copy replaces nothing");
            let ahead = dir.path().join(format!("{size}.ahead"));
            assert_eq!(copy_unsynced(&from, &ahead).unwrap(), size as u64);
            assert_eq!(digest(&ahead, &mut |_| ON).unwrap().unwrap(), copied);
            assert!(copy_unsynced(&from, &ahead).is_err(), "nor does this one");
        }
    }

    #[test]
    fn a_hashed_file_has_the_reported_digest_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let mut file = HashedFile::create(&path).unwrap();
        for piece in [0, 1, 300_000, 7, 262_144] {
            file.write(&vec![piece as u8; piece]).unwrap();
        }
        let written = digest(&path, &mut |_| ON).unwrap().unwrap();
        assert_eq!(file.finish().unwrap(), written);
        assert_eq!(written.0, 562_152);
        assert!(HashedFile::create(&path).is_err());
    }

    #[test]
    fn lines_are_read_one_by_one_and_too_long_ones_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let read = |text: &str, most: u64| -> Result<Vec<String>, FileError> {
            files::remove_file(&path)?;
            files::write_synced(&path, text.as_bytes())?;
            let mut found = Vec::new();
            lines(&path, most, &mut |line| {
                found.push(String::from_utf8_lossy(line).into_owned());
                Ok::<_, FileError>(())
            })?;
            Ok(found)
        };
        assert_eq!(read("", 4).unwrap(), [""; 0]);
        assert_eq!(read("a\n\nfour\n", 4).unwrap(), ["a", "", "four"]);
        assert_eq!(read("a\nb", 4).unwrap(), ["a", "b"]);
        for long in ["fives\n", "a\nfives", "more than that"] {
            assert!(read(long, 4).is_err(), "{long}");
        }
    }

    #[test]
    fn a_cancelled_copy_stops() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        files::write_synced(&from, b"bytes").unwrap();
        let stopped = copy(&from, &dir.path().join("to"), &mut |_| ControlFlow::Break(())).unwrap();
        assert_eq!(stopped, None);
        assert_eq!(digest(&from, &mut |_| ControlFlow::Break(())).unwrap(), None);
    }
}
