//! Files of other people: listed and opened beneath a folder, never through a link, never anything but a regular file.
//!
//! Whoever swaps a part of the path for a link meanwhile causes an error, and nothing outside is read.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Component, Path},
};

use atocore_model::document::FileStamp;
#[cfg(target_os = "linux")]
use rustix::fs::ResolveFlags;
use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
    path::Arg,
};

use super::{FileError, OpenFile, named};

/// What stands under a name of a folder; a link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Special,
}

/// What the system says of a file: what it is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStatus {
    /// What it is.
    pub entry_type: EntryType,
    /// Its size, times and number.
    pub stamp: FileStamp,
    /// The file system that the number counts in.
    pub device: u64,
}

impl FileStatus {
    /// Whether both are of one file, whatever was written to it in between.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.stamp.inode) == (other.device, other.stamp.inode)
    }
}

/// The mount that a folder is on: another disk, network share or bind mount has another one.
///
/// Where the system does not number mounts, it is the file system. It says nothing once the machine was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MountId(u64);

/// What was read of a file.
#[derive(Debug)]
pub struct Contents {
    /// The file as it was before its first byte was read.
    pub seen: FileStatus,
    /// All of its bytes; `None` when there are more than were wanted.
    pub bytes: Option<Vec<u8>>,
}

/// An open folder that everything else is named relative to.
#[derive(Debug)]
pub struct Beneath {
    folder: OwnedFd,
    ways: &'static [OpenMethod],
}

/// How a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenMethod {
    /// By the kernel in one call, where it can.
    #[cfg(target_os = "linux")]
    AtOnce,
    /// Part by part.
    ByParts,
}

/// The ways that are tried, the best first.
const WAYS: &[OpenMethod] = &[
    #[cfg(target_os = "linux")]
    OpenMethod::AtOnce,
    OpenMethod::ByParts,
];

/// The folders on the way to a file are searched and not read.
#[cfg(target_os = "linux")]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlags = OFlags::RDONLY;

impl Beneath {
    /// Opens the folder at an absolute path that has no link in it, as `canonicalize` returns it.
    ///
    /// # Errors
    /// When it is no such path any more, or the system refuses it.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        Self::open_by(folder, WAYS)
    }

    fn open_by(folder: &Path, ways: &'static [OpenMethod]) -> Result<Self, FileError> {
        let open = || {
            let below = folder.strip_prefix("/").map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            let top = fs::open("/", SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            let top = Self { folder: top, ways };
            Ok(Self { folder: top.open_at(below, SEARCH | OFlags::DIRECTORY)?, ways })
        };
        named("open", folder, open())
    }

    /// Opens a folder beneath this one to see what is in it.
    ///
    /// # Errors
    /// When there is a link on the way, or it cannot be read.
    pub fn list(&self, below: &Path) -> Result<Listing, FileError> {
        let list = || {
            let folder = self.open_at(below, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let mut entries = Vec::new();
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name == "." || name == ".." {
                    continue;
                }
                let entry_type = match entry.file_type() {
                    // Some file systems do not say; what is gone by now was not there.
                    FileType::Unknown => match look_at(&folder, name) {
                        Ok(seen) => seen.entry_type,
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(error),
                    },
                    known => EntryType::of(known),
                };
                entries.push((name.to_owned(), entry_type));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(Listing { mount: mount_of(&folder)?, folder, entries })
        };
        named("list", below, list())
    }

    /// The mount that a folder beneath this one is on.
    ///
    /// # Errors
    /// When there is a link on the way, or it cannot be looked at.
    pub fn mount(&self, below: &Path) -> Result<MountId, FileError> {
        let mount = || mount_of(&self.open_at(below, SEARCH | OFlags::DIRECTORY)?);
        named("look at", below, mount())
    }

    /// Reads a regular file beneath this folder, whole, when it has at most `limit` bytes.
    ///
    /// # Errors
    /// When there is a link on the way or at its end, when it is not a regular file, or when it cannot be read.
    pub fn read(&self, below: &Path, limit: u64) -> Result<Contents, FileError> {
        let read = || {
            let (file, seen) = self.open_file(below)?;
            if seen.stamp.size > limit {
                return Ok(Contents { seen, bytes: None });
            }
            let mut bytes = Vec::with_capacity(usize::try_from(seen.stamp.size).unwrap_or_default());
            let _read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok(Contents { seen, bytes: Some(bytes).filter(|bytes| bytes.len() as u64 <= limit) })
        };
        named("read", below, read())
    }

    /// Reads the first `limit` bytes of a regular file beneath this folder; fewer when it is shorter.
    ///
    /// # Errors
    /// As [`Beneath::read`].
    pub fn head(&self, below: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let read = || {
            let mut bytes = Vec::new();
            let _read = self.open_file(below)?.0.take(limit).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        named("read", below, read())
    }

    fn open_file(&self, below: &Path) -> io::Result<(OpenFile, FileStatus)> {
        // A pipe is opened without a wait for its other end.
        let file = self.open_at(below, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let seen = FileStatus::of(&fs::fstat(&file)?);
        if seen.entry_type != EntryType::File {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok((file.into(), seen))
    }

    fn open_at(&self, below: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        for way in self.ways {
            match way {
                #[cfg(target_os = "linux")]
                OpenMethod::AtOnce => {
                    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
                    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
                    match fs::openat2(&self.folder, below, flags, Mode::empty(), resolve) {
                        // Not known to the kernel or kept from this process; or a rename on the way made it unsure.
                        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
                        opened => return Ok(opened?),
                    }
                }
                OpenMethod::ByParts => return self.open_by_parts(below, flags),
            }
        }
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_by_parts(&self, below: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut parts = Vec::new();
        for part in below.components() {
            match part {
                Component::Normal(name) => parts.push(name),
                Component::CurDir => {}
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        let last = parts.pop().unwrap_or(OsStr::new("."));
        let mut folder: Option<OwnedFd> = None;
        for name in parts {
            let search = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            folder = Some(open_part(folder.as_ref().unwrap_or(&self.folder), name, search)?);
        }
        open_part(folder.as_ref().unwrap_or(&self.folder), last, flags | OFlags::NOFOLLOW)
    }
}

fn open_part(folder: &OwnedFd, name: impl Arg, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(fs::openat(folder, name, flags, Mode::empty())?)
}

/// What is in a folder, by name.
#[derive(Debug)]
pub struct Listing {
    folder: OwnedFd,
    mount: MountId,
    entries: Vec<(OsString, EntryType)>,
}

impl Listing {
    /// Names and what stands under them, sorted by name.
    #[must_use]
    pub fn entries(&self) -> &[(OsString, EntryType)] {
        &self.entries
    }

    /// The mount that the folder is on.
    #[must_use]
    pub const fn mount(&self) -> MountId {
        self.mount
    }

    /// What stands under a name of the folder now.
    ///
    /// # Errors
    /// When nothing does, or it cannot be looked at.
    pub fn look_at(&self, name: &OsStr) -> Result<FileStatus, FileError> {
        named("look at", Path::new(name), look_at(&self.folder, name))
    }
}

fn mount_of(folder: &OwnedFd) -> io::Result<MountId> {
    // Kernels before 5.8 do not number mounts, and old sandboxes refuse the call.
    #[cfg(target_os = "linux")]
    if let Ok(seen) = fs::statx(folder, "", AtFlags::EMPTY_PATH, fs::StatxFlags::MNT_ID)
        && seen.stx_mask & fs::StatxFlags::MNT_ID.bits() != 0
    {
        return Ok(MountId(seen.stx_mnt_id));
    }
    Ok(MountId(FileStatus::of(&fs::fstat(folder)?).device))
}

fn look_at(folder: &OwnedFd, name: &OsStr) -> io::Result<FileStatus> {
    Ok(FileStatus::of(&fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

impl EntryType {
    fn of(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }
}

impl FileStatus {
    fn of(stat: &Stat) -> Self {
        // The fields are of other types on other systems.
        let number = |number: i128| u64::try_from(number).unwrap_or_default();
        Self {
            entry_type: EntryType::of(FileType::from_raw_mode(stat.st_mode)),
            stamp: FileStamp {
                size: number(i128::from(stat.st_size)),
                modified_ns: nanoseconds(i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec)),
                changed_ns: nanoseconds(i128::from(stat.st_ctime), i128::from(stat.st_ctime_nsec)),
                inode: number(i128::from(stat.st_ino)),
            },
            device: number(i128::from(stat.st_dev)),
        }
    }
}

/// Size, times and number of the file at a path, which may be a link to it; `None` when there is none.
///
/// # Errors
/// When the system refuses to tell.
pub fn stamp_if_present(path: &Path) -> Result<Option<FileStamp>, FileError> {
    match fs::stat(path) {
        Ok(stat) => Ok(Some(FileStatus::of(&stat).stamp)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => named("look at", path, Err(error.into())),
    }
}

/// A time as far as 64 bits go: from 1677 to 2262. One beyond that is the last of them.
fn nanoseconds(seconds: i128, nanoseconds: i128) -> i64 {
    let all = seconds * 1_000_000_000 + nanoseconds;
    i64::try_from(all).unwrap_or(if all < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::symlink,
        path::PathBuf,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;
    use crate::files::{create_dirs, write_synced};

    const EACH: [&[OpenMethod]; 2] = [WAYS, &[OpenMethod::ByParts]];

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("root");
        create_dirs(&root.join("a/b")).unwrap();
        create_dirs(&dir.path().join("outside/b")).unwrap();
        write_synced(&root.join("a/b/file"), b"inside").unwrap();
        write_synced(&dir.path().join("outside/b/file"), b"secret").unwrap();
        (dir, root)
    }

    #[test]
    fn files_beneath_are_listed_looked_at_and_read() {
        let (_dir, root) = tree();
        symlink("a", root.join("link")).unwrap();
        fs::mknodat(fs::CWD, root.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for ways in EACH {
            let beneath = Beneath::open_by(&root, ways).unwrap();
            let names: Vec<_> = beneath.list(Path::new("")).unwrap().entries().to_vec();
            let expected =
                [("a", EntryType::Folder), ("link", EntryType::Link), ("pipe", EntryType::Special)];
            assert_eq!(names, expected.map(|(name, entry_type)| (OsString::from(name), entry_type)));
            let listing = beneath.list(Path::new("a/b")).unwrap();
            let seen = listing.look_at(OsStr::new("file")).unwrap();
            let read = beneath.read(Path::new("a/b/file"), 6).unwrap();
            assert_eq!((read.seen, read.bytes.as_deref()), (seen, Some(&b"inside"[..])));
            assert_eq!(beneath.read(Path::new("a/b/file"), 5).unwrap().bytes, None);
        }
    }

    #[test]
    fn nothing_is_opened_through_a_link_or_out_of_the_folder_or_that_is_no_file() {
        let (dir, root) = tree();
        symlink("../outside", root.join("out")).unwrap();
        symlink("a", root.join("in")).unwrap();
        symlink("b/file", root.join("a/file")).unwrap();
        let pipe = root.join("pipe");
        fs::mknodat(fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for ways in EACH {
            let beneath = Beneath::open_by(&root, ways).unwrap();
            for path in
                ["out/b/file", "in/b/file", "a/file", "../outside/b/file", "/etc/hostname", "a", "pipe"]
            {
                assert!(beneath.read(Path::new(path), 100).is_err(), "{ways:?} {path}");
            }
            for path in ["out", "in", "..", "a/b/file", "missing"] {
                assert!(beneath.list(Path::new(path)).is_err(), "{ways:?} {path}");
            }
            symlink(&root, dir.path().join("root-link")).unwrap();
            assert!(Beneath::open_by(&dir.path().join("root-link"), ways).is_err());
            assert!(Beneath::open_by(&dir.path().join("root-link/a"), ways).is_err());
            assert!(Beneath::open_by(Path::new("relative"), ways).is_err());
            std::fs::remove_file(dir.path().join("root-link")).unwrap();
        }
    }

    #[test]
    fn a_folder_that_is_swapped_for_a_link_all_the_time_never_leads_out() {
        let (dir, root) = tree();
        let outside = dir.path().join("outside");
        symlink(&outside, root.join("swap")).unwrap();
        for ways in EACH {
            let beneath = Beneath::open_by(&root, ways).unwrap();
            let ended = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        exchange(&root.join("a"), &root.join("swap"));
                    }
                });
                for _ in 0..2000 {
                    if let Ok(read) = beneath.read(Path::new("a/b/file"), 100) {
                        assert_eq!(read.bytes.as_deref(), Some(&b"inside"[..]));
                    }
                }
                ended.store(true, Ordering::Relaxed);
            });
        }
    }

    fn exchange(a: &Path, b: &Path) {
        let cwd = fs::CWD;
        #[cfg(target_os = "linux")]
        fs::renameat_with(cwd, a, cwd, b, fs::RenameFlags::EXCHANGE).unwrap();
        #[cfg(not(target_os = "linux"))]
        let _both = (cwd, a, b);
    }

    #[test]
    fn times_beyond_64_bits_are_the_last_that_fit() {
        assert_eq!(nanoseconds(-1, 999_999_999), -1);
        assert_eq!(nanoseconds(1 << 40, 0), i64::MAX);
        assert_eq!(nanoseconds(-(1 << 40), 0), i64::MIN);
    }
}
