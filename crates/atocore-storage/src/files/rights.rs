//! Who may read and write a file or folder, for a message about what the system refused.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// Something that this process may not use as it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionProblem {
    /// The file or folder that is closed.
    pub path: PathBuf,
    /// The user it belongs to: its name, or its number where the system does not tell the name.
    pub owner: String,
    /// What its owner, its group and everybody else may do: `0o640`.
    pub mode: u32,
}

/// What keeps this process from reading and writing `path`: itself, or a folder that it lies in. `None` when nothing can
/// be seen that does.
#[must_use]
pub fn closed(path: &Path) -> Option<PermissionProblem> {
    let visible = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    let mut seen = visible.filter_map(|path| Some((path, fs::metadata(path).ok()?)));
    // What is to be made or removed needs the folder it lies in.
    let (path, data) = seen.by_ref().take(2).find(|(path, data)| {
        let entering = if data.is_dir() { Access::EXEC_OK } else { Access::EXISTS };
        // That nobody can write to a disk says nothing about the rights of this process.
        matches!(
            access(*path, Access::READ_OK | Access::WRITE_OK | entering),
            Err(error) if error != rustix::io::Errno::ROFS
        )
    })?;
    Some(PermissionProblem {
        path: path.to_owned(),
        owner: user_name(data.uid()),
        mode: data.mode() & 0o7777,
    })
}

/// Whether the disk of `path` (or of the nearest folder above it that exists) is mounted for reading only, as a system does
/// with one that fails.
#[must_use]
pub fn is_on_read_only_disk(path: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    statvfs(existing).is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// The name of a user; the number where the system does not tell it.
pub(super) fn user_name(user: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut words = line.split(':');
        let name = words.next()?;
        (words.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| user.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_accessible_path_is_not_reported_whether_it_exists_or_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(closed(dir.path()), None);
        assert_eq!(closed(&dir.path().join("none")), None);
    }

    #[test]
    fn an_inaccessible_path_is_reported_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o500);
        let found = closed(&folder.join("file"));
        mode(0o700);
        let user = fs::metadata("/proc/self").unwrap().uid();
        // The right to pass over all of it is root's.
        if user == 0 {
            assert_eq!((found, user_name(0)), (None, "root".to_owned()));
        } else {
            assert_eq!(found, Some(PermissionProblem { path: folder, owner: user_name(user), mode: 0o500 }));
        }
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }
}
