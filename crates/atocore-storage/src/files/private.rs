//! What is written is private: files are 0600 and folders 0700, whatever the umask, and a name that somebody else has
//! planted is never followed.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    process::geteuid,
};

use super::{FileError, OpenFile, named, parent};

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
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenFile::options();
    options.write(true).create(true).truncate(empty).mode(FILE).custom_flags(flags).open(path)
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
pub(crate) fn is_staged(staged: &Path, path: &Path) -> bool {
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

/// The user as whom this process acts.
#[must_use]
pub fn user() -> u32 {
    geteuid().as_raw()
}

/// Whether `user` is the one as whom this process acts, or the administrator, who may do everything anyway.
#[must_use]
pub fn is_user_or_root(user: u32) -> bool {
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
    fn what_exists_is_closed_with_all_below_it_and_nothing_beside_it() {
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
