//! What is written is private: files are 0600 and folders 0700, whatever the umask, and a name that somebody else has
//! planted is never followed.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, Metadata, Permissions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::geteuid,
};

use super::{FileError, OpenFile, named, parent, rights::user_name};

/// What only the owner may do with a file.
const FILE: u32 = 0o600;
/// What only the owner may do with a folder.
const FOLDER: u32 = 0o700;
/// What everybody else may do, the group included.
const OTHERS: u32 = 0o077;

/// From now on, whatever this process and those that it starts create is private, also what libraries create: SQLite's
/// log, the files of an index, those of a child.
///
/// For a program, at its start: it holds for the whole process.
pub fn create_privately() {
    let _before = rustix::process::umask(Mode::from_raw_mode(OTHERS));
}

/// Creates a file that must not exist yet. A link of that name counts as existing.
pub(super) fn create_new(path: &Path) -> io::Result<OpenFile> {
    OpenFile::options().read(true).write(true).create_new(true).mode(FILE).open(path)
}

/// Opens a file for writing, creating it when it is missing; what it holds is cut off when `empty`. A link is refused.
pub(super) fn open_or_create(path: &Path, empty: bool) -> io::Result<OpenFile> {
    open_with(path, empty, OFlags::NOFOLLOW)
}

fn open_with(path: &Path, empty: bool, flags: OFlags) -> io::Result<OpenFile> {
    let mut options = OpenFile::options();
    options.write(true).create(true).truncate(empty).mode(FILE);
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

/// Opens a file to be locked, creating it when it is missing. What is no regular file is refused, and not waited for.
pub(super) fn open_lock(path: &Path) -> io::Result<OpenFile> {
    let no_file = || io::Error::other("it is not a regular file");
    match open_with(path, false, OFlags::NOFOLLOW | OFlags::NONBLOCK) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        // A pipe that nobody reads.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => Err(no_file()),
        opened => opened.and_then(|_| Err(no_file())),
    }
}

/// Creates a folder and, when `above`, those above it that are missing.
pub(super) fn create_dir(dir: &Path, above: bool) -> io::Result<()> {
    DirBuilder::new().recursive(above).mode(FOLDER).create(dir)
}

/// Creates the file in which the new content of `path` is written, under a name beside it that nobody can know before.
pub(super) fn stage(path: &Path) -> Result<(PathBuf, OpenFile), FileError> {
    /// A name is taken by chance once in 2^64; somebody who guesses that often is stopped by nothing.
    const ATTEMPTS: usize = 4;
    let mut attempts = 0;
    loop {
        let staged = staged(path)?;
        attempts += 1;
        match create_new(&staged) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < ATTEMPTS => {}
            made => return named("create", &staged, made).map(|file| (staged, file)),
        }
    }
}

fn staged(path: &Path) -> Result<PathBuf, FileError> {
    let name = name_of(path);
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| FileError {
        action: "choose a name beside",
        path: path.to_owned(),
        source: io::Error::other(error),
    })?;
    let unique = format!(".{name}.{}.{:016x}.tmp", std::process::id(), u64::from_ne_bytes(random));
    Ok(parent(path).join(unique))
}

/// Whether `staged` has the name of the unfinished new content of `path`, of whatever process.
pub fn is_staged(staged: &Path, path: &Path) -> bool {
    let name = name_of(staged);
    let rest = name.strip_prefix(&format!(".{}.", name_of(path))).and_then(|rest| rest.strip_suffix(".tmp"));
    let Some(rest) = rest else { return false };
    // Versions before 0.2 had the process alone.
    let (process, unique) = rest.split_once('.').unwrap_or((rest, "0"));
    process.parse::<u32>().is_ok() && u64::from_str_radix(unique, 16).is_ok()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_else(|| OsStr::new("file")).to_string_lossy().into_owned()
}

/// Gives the new content of a file the rights and, where this process may, the owner of the present one. What belongs
/// to another group than before is closed to groups.
pub(super) fn keep_rights(staged: &OpenFile, present: &Path) -> io::Result<()> {
    let Ok(before) = std::fs::symlink_metadata(present) else { return Ok(()) };
    if !before.is_file() {
        return Ok(());
    }
    let now = staged.metadata()?;
    let is_kept = (now.uid(), now.gid()) == (before.uid(), before.gid())
        || std::os::unix::fs::fchown(staged, Some(before.uid()), Some(before.gid())).is_ok();
    let mode = before.mode() & if is_kept { 0o777 } else { 0o707 };
    staged.set_permissions(Permissions::from_mode(mode | FILE))
}

/// Takes from everybody else what they may do with `path`, when it is a file or folder of this user. Links are left
/// alone. Whether the file system does so is for [`open_to_others`] to say.
///
/// Opens nothing, so it may be called for a database that is in use.
pub fn close_to_others(path: &Path) {
    if let Some(mode) = mode_of_ours(path).filter(|mode| mode & OTHERS != 0) {
        // A file system that has no modes, or is read-only.
        drop(std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS & 0o7777)));
    }
}

/// [`close_to_others`] for a folder and all below it. A folder that is closed already is passed over with what is in
/// it, because nobody else gets there.
pub fn close_tree_to_others(dir: &Path) {
    if mode_of_ours(dir).is_some_and(|mode| mode & OTHERS != 0) {
        close_to_others(dir);
        close_below(dir);
    }
}

fn close_below(dir: &Path) {
    for path in super::list(dir).unwrap_or_default() {
        close_to_others(&path);
        if std::fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir()) {
            close_below(&path);
        }
    }
}

/// The mode of a file or folder that belongs to this user.
fn mode_of_ours(path: &Path) -> Option<u32> {
    let data = std::fs::symlink_metadata(path).ok()?;
    let is_ours = data.uid() == geteuid().as_raw() && (data.is_file() || data.is_dir());
    is_ours.then(|| data.mode() & 0o7777)
}

/// What others may do with a file or folder, when they may do anything; links are followed. `None` when there is nothing.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<u32> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o7777;
    (mode & OTHERS != 0).then_some(mode)
}

/// The largest file that [`read_trusted`] reads.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a file that decides what this program does: nobody but this user and the administrator can have written it.
/// It is a regular file of theirs, no link, that others may not write to.
///
/// # Errors
/// When it is not, or is larger than 1 MiB, or cannot be read.
pub fn read_trusted(path: &Path) -> Result<Vec<u8>, FileError> {
    let refused = |why: String| FileError {
        action: "trust",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::PermissionDenied, why),
    };
    // Not to wait for the other end of a pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenFile::options().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(refused("it is a link".to_owned()));
        }
        opened => named("open", path, opened)?,
    };
    let data = named("look at", path, file.metadata())?;
    if !data.is_file() {
        return Err(refused("it is not a file".to_owned()));
    }
    if let Some(why) = changed_by_others(&data) {
        return Err(refused(why));
    }
    let mut bytes = Vec::new();
    let read = named("read", path, file.take(MOST_BYTES + 1).read_to_end(&mut bytes))?;
    if read as u64 > MOST_BYTES {
        return Err(refused(format!("it is larger than {MOST_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Refuses a folder that somebody else than this user and the administrator can put things into.
///
/// # Errors
/// When somebody can, or it cannot be looked at or is no folder.
pub fn refuse_shared_folder(path: &Path) -> Result<(), FileError> {
    let data = named("look at", path, std::fs::metadata(path))?;
    let why = if data.is_dir() { changed_by_others(&data) } else { Some("it is not a folder".to_owned()) };
    let denied = |why| io::Error::new(io::ErrorKind::PermissionDenied, why);
    why.map_or(Ok(()), |why| named("trust", path, Err(denied(why))))
}

/// How somebody else than this user and the administrator could change something.
fn changed_by_others(data: &Metadata) -> Option<String> {
    if !is_user_or_root(data.uid()) {
        return Some(format!("it belongs to user `{}`", user_name(data.uid())));
    }
    let mode = data.mode() & 0o7777;
    (mode & 0o022 != 0).then(|| format!("others may write to it (mode {mode:o})"))
}

/// Who may write to a file or folder beside its owner, as its mode; `None` when nobody may, or there is nothing.
#[must_use]
pub fn writable_by_others(path: &Path) -> Option<u32> {
    open_to_others(path).filter(|mode| mode & 0o022 != 0)
}

/// The user to whom a file or folder belongs; `None` when there is none.
#[must_use]
pub fn owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|data| data.uid())
}

/// The user as whom this process acts.
#[must_use]
pub fn user() -> u32 {
    geteuid().as_raw()
}

/// Whether `user` is the one as whom this process acts, or the administrator, who may do everything anyway.
fn is_user_or_root(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn everything_that_is_written_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        files::create_dirs(&at("a/b")).unwrap();
        files::create_dirs_synced(&at("c/d")).unwrap();
        files::create_new_dir(&at("e")).unwrap();
        files::write_atomic(&at("atomic"), b"x").unwrap();
        files::write_atomic_unsynced(&at("unsynced"), b"x").unwrap();
        files::write_synced(&at("synced"), b"x").unwrap();
        files::create_new_file(&at("new")).unwrap();
        files::NewFile::create(&at("piecewise")).unwrap();
        files::stream::HashedFile::create(&at("hashed")).unwrap();
        files::copy_synced(&at("synced"), &at("copied")).unwrap();
        files::stream::copy_unsynced(&at("synced"), &at("copied unsynced")).unwrap();
        drop(files::try_lock(&at("lock")).unwrap());
        for path in files::list(dir.path()).unwrap() {
            assert_eq!(mode(&path) & OTHERS, 0, "{}", path.display());
        }
        assert_eq!((mode(&at("a/b")), mode(&at("c/d"))), (FOLDER, FOLDER));
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, at) = (dir.path().join("victim"), dir.path().join("planted"));
        files::write_synced(&victim, b"kept").unwrap();
        std::os::unix::fs::symlink(&victim, &at).unwrap();
        assert!(files::write_synced(&at, b"attack").is_err());
        assert!(files::try_lock(&at).is_err());
        assert!(files::create_new_file(&at).is_err());
        // These put a file of their own in place of the link.
        for write in [files::write_atomic, files::write_atomic_unsynced] {
            write(&at, b"own").unwrap();
            assert_eq!(mode(&at), FILE);
        }
        assert_eq!(files::read_if_present(&victim).unwrap().unwrap(), b"kept");
    }

    #[test]
    fn two_processes_of_one_number_do_not_meet_in_a_temporary_name() {
        let path = Path::new("/folder/a.json");
        let (one, other) = (staged(path).unwrap(), staged(path).unwrap());
        assert_ne!(one, other);
        for name in [one, other, "/folder/.a.json.77.tmp".into()] {
            assert!(is_staged(&name, path), "{}", name.display());
        }
        for name in ["a.json", ".a.json.tmp", ".a.json.x.tmp", ".a.json.1.x.tmp", ".b.json.1.1.tmp"] {
            assert!(!is_staged(Path::new(name), path), "{name}");
        }
    }

    #[test]
    fn a_file_that_people_edit_keeps_its_rights_when_it_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.json");
        files::write_atomic_keeping_rights(&path, b"1").unwrap();
        assert_eq!(mode(&path), FILE, "a new one is private");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), Some(65533)).unwrap();
        }
        files::write_atomic_keeping_rights(&path, b"2").unwrap();
        assert_eq!((mode(&path), std::fs::read(&path).unwrap()), (0o640, b"2".to_vec()));
        if geteuid().is_root() {
            let data = std::fs::metadata(&path).unwrap();
            assert_eq!((data.uid(), data.gid()), (65534, 65533));
        }
    }

    #[test]
    fn only_files_that_no_other_user_can_write_are_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        files::write_synced(&path, b"mine").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let why = |path: &Path| read_trusted(path).unwrap_err().source.to_string();
        for fine in [0o600, 0o644, 0o400] {
            mode(&path, fine);
            assert_eq!(read_trusted(&path).unwrap(), b"mine");
        }
        for open in [0o666, 0o620, 0o602] {
            mode(&path, open);
            assert!(
                why(&path).contains(&format!("others may write to it (mode {open:o})")),
                "{}",
                why(&path)
            );
            mode(dir.path(), 0o700 | open & 0o077);
            assert!(refuse_shared_folder(dir.path()).is_err());
            mode(dir.path(), 0o700);
            refuse_shared_folder(dir.path()).unwrap();
        }
        assert!(why(&link).contains("it is a link"));
        assert!(why(dir.path()).contains("it is not a file"));
        assert!(refuse_shared_folder(&path).is_err());
        mode(&path, 0o600);
        if geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert!(why(&path).contains("it belongs to user `"), "{}", why(&path));
        }
        let large = dir.path().join("large");
        files::write_synced(&large, &vec![0; 1 + (1 << 20)]).unwrap();
        assert!(why(&large).contains("larger than"));
    }

    #[test]
    fn existing_folders_are_made_private_with_their_content_only() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let open = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        files::create_dirs(&at("data/db")).unwrap();
        for name in ["data/db/store", "data/read-only", "beside"] {
            files::write_synced(&at(name), b"x").unwrap();
            open(&at(name), 0o666);
        }
        open(&at("data/read-only"), 0o444);
        open(&at("data/db"), 0o777);
        open(&at("data"), 0o755);
        std::os::unix::fs::symlink(at("beside"), at("data/link")).unwrap();
        assert_eq!(open_to_others(&at("data")), Some(0o755));
        close_tree_to_others(&at("data"));
        for (name, expected) in
            [("data", FOLDER), ("data/db", FOLDER), ("data/db/store", FILE), ("data/read-only", 0o400)]
        {
            assert_eq!(mode(&at(name)), expected, "{name}");
        }
        assert_eq!(mode(&at("beside")), 0o666, "a link is not followed");
        assert_eq!(open_to_others(&at("data")), None);
        if geteuid().is_root() {
            open(&at("data"), 0o777);
            std::os::unix::fs::chown(at("data"), Some(65534), None).unwrap();
            close_tree_to_others(&at("data"));
            assert_eq!(mode(&at("data")), 0o777, "what belongs to somebody else is left alone");
        }
    }
}
