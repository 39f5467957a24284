//! Which folders another machine, or a program, has to be asked about: that may take long, and may never end.

mod in_time;

use std::{
    collections::HashSet,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use super::read_if_present;
pub use in_time::in_time;

/// What the kernel calls file systems whose files lie on another machine, or that a program serves.
const REMOTE: [&str; 15] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fuse",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// The file systems that are mounted.
#[derive(Debug, Clone, Default)]
pub struct FileSystems {
    mounts: Vec<Mount>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    at: PathBuf,
    kind: String,
    /// Another one than before has another number.
    number: String,
}

impl FileSystems {
    /// Those of this moment, as the kernel lists them; none where the system has no such list. Asks no file system.
    #[must_use]
    pub fn mounted() -> Self {
        let list = read_if_present(Path::new("/proc/self/mountinfo"));
        Self::listed(&list.ok().flatten().unwrap_or_default())
    }

    /// Reads the list as `proc_pid_mountinfo(5)` describes it.
    fn listed(list: &[u8]) -> Self {
        let mount = |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            let (mount, kind) = line.split_once(" - ")?;
            let at = unescaped(mount.split(' ').nth(4)?);
            let number = mount.split(' ').next()?.to_owned();
            Some(Mount { at, kind: kind.split(' ').next()?.to_owned(), number })
        };
        Self { mounts: list.split(|byte| *byte == b'\n').filter_map(mount).collect() }
    }

    /// What the kernel calls the file system of an absolute path without links, when its files lie on another machine or
    /// a program serves them: `nfs4`, `fuse.sshfs`.
    #[must_use]
    pub fn remote(&self, path: &Path) -> Option<&str> {
        let above = self.mounts.iter().filter(|mount| path.starts_with(&mount.at));
        // Of several at one folder the last one hides the others.
        let mount = above.max_by_key(|mount| mount.at.as_os_str().len())?;
        mount.is_remote().then_some(&mount.kind)
    }

    /// The folders that such file systems are mounted at.
    #[must_use]
    pub fn remote_mounts(&self) -> HashSet<PathBuf> {
        self.mounts.iter().filter(|mount| mount.is_remote()).map(|mount| mount.at.clone()).collect()
    }

    /// Those that hold a folder, or that are mounted below it.
    #[must_use]
    pub fn around(&self, folder: &Path) -> Vec<Mount> {
        let is_around = |mount: &&Mount| mount.at.starts_with(folder) || folder.starts_with(&mount.at);
        self.mounts.iter().filter(is_around).cloned().collect()
    }
}

impl Mount {
    fn is_remote(&self) -> bool {
        self.kind.split('.').next().is_some_and(|kind| REMOTE.contains(&kind))
    }
}

/// A path in which the kernel wrote blanks and backslashes as octal numbers.
fn unescaped(path: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let octal = (*first == b'\\').then(|| after.get(..3)).flatten();
        let number = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(number.unwrap_or(*first));
        rest = if number.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_above_a_path_says_whether_its_files_lie_elsewhere() {
        let systems = FileSystems::listed(
            b"22 1 0:21 / / rw shared:1 - ext4 /dev/sda rw\n\
              23 22 0:22 / /mnt/my\\040nas rw - nfs4 nas:/a rw\n\
              24 23 0:23 / /mnt/my\\040nas/disk rw - fuseblk /dev/sdb rw\n\
              25 22 0:24 / /mnt/far rw - fuse.sshfs b:/ rw\n\
              26 22 0:24 / /twice rw - cifs //b/c rw\n\
              27 26 0:24 / /twice rw - xfs /dev/sdc rw\n\
              no such line\n",
        );
        let remote = |path| systems.remote(Path::new(path));
        assert_eq!(remote("/mnt/my nas/notes/a.md"), Some("nfs4"));
        assert_eq!(remote("/mnt/my nasty/a.md"), None);
        assert_eq!(remote("/mnt/my nas/disk/a.md"), None);
        assert_eq!(remote("/mnt/far"), Some("fuse.sshfs"));
        assert_eq!(remote("/twice/a"), None);
        let mounts = ["/mnt/my nas", "/mnt/far", "/twice"].map(PathBuf::from);
        assert_eq!(systems.remote_mounts(), HashSet::from(mounts));
        assert_eq!(systems.around(Path::new("/mnt/my nas/notes")).len(), 2);
        assert_eq!(systems.around(Path::new("/mnt")).len(), 4);
        assert_eq!(FileSystems::default().remote(Path::new("/a")), None);
    }

    #[test]
    fn the_list_of_this_machine_is_read() {
        if cfg!(target_os = "linux") {
            assert!(FileSystems::mounted().mounts.iter().any(|mount| mount.at == Path::new("/")));
        }
    }
}
