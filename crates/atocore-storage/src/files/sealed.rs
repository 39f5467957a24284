//! Derived data in files that tell by themselves whether they are whole: the last bytes of a sealed file are the digest
//! of all before them.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use atocore_model::digest::Digest;
use memmap2::{Mmap, MmapMut};

use super::{
    FileError, Kind, kind, named, open, private,
    stream::{self, HashedFile},
};

/// The bytes of the digest at the end.
pub const SEAL_BYTES: usize = 32;

/// Which content a file has, as far as that can be told without reading it: one that is written again has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl ContentStamp {
    /// That of the file under a name; `None` when there is none.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub fn at(path: &Path) -> Result<Option<Self>, FileError> {
        match named("look at", path, std::fs::metadata(path)) {
            Ok(data) => Ok(Some(Self {
                device: data.dev(),
                inode: data.ino(),
                size: data.len(),
                modified: (data.mtime(), data.mtime_nsec()),
            })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The size of the file.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// The next content of a file while it is written. Dropped before it is published, it leaves nothing behind.
#[derive(Debug)]
pub struct SealedFile {
    path: PathBuf,
    staged: PathBuf,
    file: HashedFile,
}

impl SealedFile {
    /// Begins the next content of `path`; readers see the present one until it is published.
    ///
    /// # Errors
    /// When the file beside it cannot be created.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let (staged, file) = private::stage(path)?;
        Ok(Self { path: path.to_owned(), file: HashedFile::of(staged.clone(), file), staged })
    }

    /// Appends `bytes`; they may stay in memory until [`SealedFile::publish`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write(bytes)
    }

    /// Writes what is left and the digest of all, and puts the file in the place of the present one.
    ///
    /// # Errors
    /// When the file cannot be written or renamed; the present one is then untouched.
    ///
    /// # Durability
    /// None: other processes see the old or the new file, whole; a power cut can take any of it.
    pub fn publish(mut self) -> Result<(), FileError> {
        self.file.seal()?;
        #[expect(clippy::disallowed_methods, reason = "nothing here is durable")]
        let renamed = std::fs::rename(&self.staged, &self.path);
        named("rename", &self.staged, renamed)?;
        if let Ok(Some(stamp)) = ContentStamp::at(&self.path) {
            note(stamp);
        }
        Ok(())
    }
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        // There is none under that name once it is published; what cannot be removed does no harm.
        drop(super::remove_file(&self.staged));
    }
}

/// The sealed files that this process knows to be whole, because it wrote or read them, by device and number.
static WHOLE: Mutex<BTreeMap<(u64, u64), ContentStamp>> = Mutex::new(BTreeMap::new());

fn note(stamp: ContentStamp) {
    let mut whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let _former = whole.insert((stamp.device, stamp.inode), stamp);
}

fn is_noted(stamp: ContentStamp) -> bool {
    let whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    whole.get(&(stamp.device, stamp.inode)) == Some(&stamp)
}

/// Whether a file ends with the digest of all before it. Read without a memory map, so that a disk that cannot read it
/// is an error and not the end of the process.
///
/// # Errors
/// When it cannot be read.
pub fn is_whole(path: &Path) -> Result<bool, FileError> {
    let mut file = open(path)?;
    let size = named("read", path, file.metadata())?.len();
    let Some(content) = size.checked_sub(SEAL_BYTES as u64) else { return Ok(false) };
    let mut content = (&mut file).take(content);
    let found = stream::pump(path, &mut content, size, &mut |_| Ok(()), &mut |_| ControlFlow::Continue(()))?;
    let mut seal = [0; SEAL_BYTES];
    named("read", path, file.read_exact(&mut seal))?;
    Ok(found.is_some_and(|(_, digest)| digest == Digest::from_bytes(seal)))
}

/// What is in a file that has this content, the digest with it; `None` when it is another by now, or not whole. It is
/// compared with its digest once in the life of this process.
///
/// The memory is no map of the file, which may be cut afterwards. It has large pages where the system gives them: with
/// small ones the faults take longer than the reading.
///
/// # Errors
/// When the file is missing, shorter, or cannot be read.
pub fn read_whole(path: &Path, stamp: ContentStamp) -> Result<Option<Mmap>, FileError> {
    let mut file = open(path)?;
    let read = usize::try_from(stamp.size).map_err(io::Error::other).and_then(|size| {
        let mut memory = MmapMut::map_anon(size)?;
        #[cfg(target_os = "linux")]
        drop(memory.advise(memmap2::Advice::HugePage));
        file.read_exact(&mut memory)?;
        memory.make_read_only()
    });
    let bytes = named("read", path, read)?;
    // Whoever changed it meanwhile has changed its stamp, too.
    let is_that = ContentStamp::at(path)? == Some(stamp);
    let compared = || {
        let (content, seal) = bytes.split_last_chunk::<SEAL_BYTES>()?;
        Some(blake3::hash(content).as_bytes() == seal)
    };
    let whole = is_that && (is_noted(stamp) || compared() == Some(true));
    if whole {
        note(stamp);
    }
    Ok(whole.then_some(bytes))
}

/// Appends to a file of `size` bytes, which is created when it is missing. Returns `false`, and changes nothing, when it
/// has another size, or what has its name is no file but a link, a pipe or a folder.
///
/// # Errors
/// When the file cannot be opened or written; it then has, where the disk allows that, the size it had.
///
/// # Durability
/// None: a process that is killed, or a power cut, may leave a part of the bytes.
pub fn append_unsynced(path: &Path, size: u64, bytes: &[u8]) -> Result<bool, FileError> {
    if !matches!(kind(path)?, None | Some(Kind::File(_))) {
        return Ok(false);
    }
    let mut file = named("open", path, private::open_or_create(path, false))?;
    if named("look at", path, file.metadata())?.len() != size {
        return Ok(false);
    }
    let written = file.seek(SeekFrom::Start(size)).and_then(|_| file.write_all(bytes));
    if written.is_err() {
        drop(file.set_len(size));
    }
    named("write", path, written).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn sealed(path: &Path, pieces: &[usize]) {
        let mut file = SealedFile::create(path).unwrap();
        pieces.iter().for_each(|piece| file.write(&vec![*piece as u8; *piece]).unwrap());
        file.publish().unwrap();
    }

    #[test]
    fn a_sealed_file_is_whole_and_damaged_anywhere_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for pieces in [&[][..], &[1], &[300_000, 7, 262_144]] {
            sealed(&path, pieces);
            assert!(is_whole(&path).unwrap());
            let good = std::fs::read(&path).unwrap();
            assert_eq!(good.len(), pieces.iter().sum::<usize>() + SEAL_BYTES);
            for at in [0, good.len() / 2, good.len() - 1] {
                let mut bytes = good.clone();
                bytes[at] ^= 1;
                files::write_synced(&path, &bytes).unwrap();
                assert!(!is_whole(&path).unwrap(), "{at}");
                files::write_synced(&path, &good[..at]).unwrap();
                assert!(!is_whole(&path).unwrap(), "cut at {at}");
            }
        }
        assert_eq!(files::list(dir.path()).unwrap(), [path]);
    }

    #[test]
    fn one_that_is_not_published_leaves_the_present_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        sealed(&path, &[3]);
        let before = std::fs::read(&path).unwrap();
        let mut file = SealedFile::create(&path).unwrap();
        file.write(&[0; 300_000]).unwrap();
        drop(file);
        assert_eq!((std::fs::read(&path).unwrap(), files::list(dir.path()).unwrap().len()), (before, 1));
    }

    #[test]
    fn a_file_is_compared_once_and_again_when_its_content_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let stamp = || ContentStamp::at(&path).unwrap().unwrap();
        sealed(&path, &[9]);
        assert!(is_noted(stamp()), "it wrote it itself");
        let good = std::fs::read(&path).unwrap();
        files::write_atomic(&path, &good).unwrap();
        assert!(!is_noted(stamp()));
        assert_eq!(read_whole(&path, stamp()).unwrap().as_deref(), Some(&good[..]));
        assert!(is_noted(stamp()), "and is not compared again");
        let former = stamp();
        for damaged in [&good[1..], &good[..SEAL_BYTES - 1], b""] {
            files::write_atomic(&path, damaged).unwrap();
            assert!(read_whole(&path, stamp()).unwrap().is_none(), "{damaged:?}");
        }
        files::write_atomic(&path, &[good, vec![0]].concat()).unwrap();
        assert!(read_whole(&path, former).unwrap().is_none(), "it is another by now");
    }

    #[test]
    fn bytes_are_appended_to_the_expected_end_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(append_unsynced(&path, 0, b"one").unwrap());
        assert!(append_unsynced(&path, 3, b" two").unwrap());
        assert!(!append_unsynced(&path, 3, b" three").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(!append_unsynced(&link, 7, b" three").unwrap(), "nothing is written through a link");
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
    }
}
