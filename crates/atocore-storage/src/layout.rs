//! Where everything lies: the folders and files of one installation.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::files;

/// What lies in a home that holds nothing else, beside the folders of an installation: written by the program that reads
/// the settings.
const SETTINGS: [&str; 3] = ["atocore.toml", "api-token", "trusted-folders.json"];

/// The places of one installation. Nothing exists just because it is named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The store, the derived indexes, locks and caches.
    pub data: PathBuf,
    /// The snapshots.
    pub backups: PathBuf,
    /// The registry file.
    pub registry: PathBuf,
    /// Where a vector store that runs on this machine keeps its files; `None` for `chroma` in the data directory.
    pub chroma: Option<PathBuf>,
}

impl Layout {
    /// The layout of an installation that lies in one folder.
    #[must_use]
    pub fn in_home(home: &Path) -> Self {
        Self {
            data: home.join("data"),
            backups: home.join("backups"),
            registry: home.join("config").join("project-registry.json"),
            chroma: None,
        }
    }

    /// The machine store.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("db").join("atocore.db")
    }

    /// The derived lexical index.
    #[must_use]
    pub fn lexical_index(&self) -> PathBuf {
        self.data.join("index").join("lexical")
    }

    /// The derived vector index.
    #[must_use]
    pub fn vector_index(&self) -> PathBuf {
        self.data.join("index").join("vectors")
    }

    /// The derived indexes of a state that is about to be restored, while they are made.
    #[must_use]
    pub fn incoming_indexes(&self) -> PathBuf {
        self.data.join("index").join("incoming")
    }

    /// The folder of a vector store that runs on this machine; by the contract's name where nothing else is said.
    #[must_use]
    pub fn vector_store(&self) -> PathBuf {
        self.chroma.clone().unwrap_or_else(|| self.data.join("chroma"))
    }

    /// What was fetched and can be fetched again.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.data.join("cache")
    }

    /// When what is done by itself was done last.
    #[must_use]
    pub fn schedule(&self) -> PathBuf {
        self.data.join("schedule.json")
    }

    /// Which backup directory was used last.
    #[must_use]
    pub fn backup_directory(&self) -> PathBuf {
        self.data.join("backup-directory")
    }

    /// Which data directories had a store under this registry: beside it, because the disk of the data may not be
    /// mounted.
    #[must_use]
    pub fn known_stores(&self) -> PathBuf {
        self.registry.with_file_name("known-stores.json")
    }

    /// The lock files.
    #[must_use]
    pub fn locks(&self) -> PathBuf {
        self.data.join("locks")
    }

    /// What a restore over the present state is about to do, and what the last one did.
    #[must_use]
    pub fn restores(&self) -> PathBuf {
        self.data.join("restore")
    }

    /// Room that is kept back for when the disk is full; see [`crate::reserve`].
    #[must_use]
    pub fn reserve(&self) -> PathBuf {
        self.data.join("reserve")
    }

    /// The store as it was before the last upgrade of its schema.
    #[must_use]
    pub fn before_upgrade(&self) -> PathBuf {
        self.data.join("before-upgrade")
    }

    /// Emptied whenever a process takes ownership of the store.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.data.join("tmp")
    }

    /// The folder that holds everything, where nothing was put elsewhere.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        let home = self.data.parent()?;
        let usual = Self::in_home(home);
        (usual.data == self.data && usual.registry == self.registry).then_some(home)
    }

    /// All that lies in the data directory.
    fn in_data(&self) -> [PathBuf; 11] {
        [
            self.database(),
            self.lexical_index(),
            self.vector_store(),
            self.cache(),
            self.schedule(),
            self.backup_directory(),
            self.locks(),
            self.restores(),
            self.reserve(),
            self.before_upgrade(),
            self.scratch(),
        ]
    }

    /// Takes from other users what they may do here, for an installation that was made under another umask or by an
    /// earlier version. Only what this user owns and what has the name of something of ours; a folder that holds anything
    /// else, as one of documents or a shared disk does, is left as it is. Nothing is opened.
    ///
    /// `of_backups` is all that may lie directly in the backup directory.
    ///
    /// What cannot be closed, on a file system without modes for example, stays open: [`files::open_to_others`] says so.
    pub fn close_to_others(&self, of_backups: &[PathBuf]) {
        let of_backups: Vec<_> = of_backups.iter().filter_map(|path| path.file_name()).collect();
        close(&self.backups, &of_backups);
        close(&self.data, &names_in(&self.data, &self.in_data()));
        // A registry elsewhere is shared as whoever put it there wants it.
        if let Some(home) = self.home() {
            let of_config = [self.registry.clone(), self.known_stores()];
            close(&home.join("config"), &names_in(&home.join("config"), &of_config));
            let folders = [self.data.clone(), self.backups.clone(), self.registry.clone()];
            let mut names = names_in(home, &folders);
            names.extend(SETTINGS.map(OsStr::new));
            if holds_only(home, &names) {
                files::close_to_others(home);
            }
        }
    }
}

/// The names in `folder` that lead to `paths`; of those that lie elsewhere there is none.
fn names_in<'a>(folder: &Path, paths: &'a [PathBuf]) -> Vec<&'a OsStr> {
    paths.iter().filter_map(|path| path.strip_prefix(folder).ok()?.iter().next()).collect()
}

/// Closes what has one of `names` in a folder, with all below it, and the folder when it holds nothing else.
fn close(folder: &Path, names: &[&OsStr]) {
    if holds_only(folder, names) {
        return files::close_tree_to_others(folder);
    }
    for path in files::list(folder).unwrap_or_default().iter().filter(|path| is_one_of(path, names)) {
        files::close_tree_to_others(path);
    }
}

/// Whether nothing lies in a folder but what has one of `names`.
fn holds_only(folder: &Path, names: &[&OsStr]) -> bool {
    files::list(folder).is_ok_and(|paths| paths.iter().all(|path| is_one_of(path, names)))
}

/// Whether something has one of `names`, or is the unfinished writing of it.
fn is_one_of(path: &Path, names: &[&OsStr]) -> bool {
    let name = path.file_name().unwrap_or_default();
    names.iter().any(|known| name == *known || files::is_staged(path, &path.with_file_name(known)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open(path: &Path) {
        let mode = if path.is_dir() { 0o777 } else { 0o666 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn make(home: &Path, names: &[&str]) {
        for name in names {
            let path = home.join(name);
            files::create_dirs(path.parent().unwrap()).unwrap();
            files::write_synced(&path, b"x").unwrap();
            path.ancestors().take_while(|path| path.starts_with(home)).for_each(open);
        }
    }

    const INSTALLATION: &[&str] = &[
        "data/db/atocore.db",
        "data/locks/owner.lock",
        "data/index/lexical/meta.json",
        "data/before-upgrade/atocore.db",
        "data/schedule.json",
        "data/backup-directory",
        "config/project-registry.json",
        "config/known-stores.json",
        "backups/.lock",
        "backups/snapshots/20260406T184219Z/db/atocore.db",
        "backups/pins/.20260406T184219Z.7.tmp",
    ];

    fn of_backups(home: &Path) -> Vec<PathBuf> {
        [".lock", "snapshots", "pins"].map(|name| home.join("backups").join(name)).into()
    }

    #[test]
    fn an_installation_that_was_open_to_others_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        make(&home, INSTALLATION);
        Layout::in_home(&home).close_to_others(&of_backups(&home));
        let mut paths = vec![home];
        while let Some(path) = paths.pop() {
            assert_eq!(files::open_to_others(&path), None, "{}", path.display());
            if path.is_dir() {
                paths.extend(files::list(&path).unwrap());
            }
        }
    }

    #[test]
    fn foreign_files_keep_their_permissions_and_ours_beside_them_become_private() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        make(&home, INSTALLATION);
        let foreign = ["notes/a.md", "data/table.csv", "config/web.toml", "backups/photos/b.jpg"];
        make(&home, &foreign);
        Layout::in_home(&home).close_to_others(&of_backups(&home));
        for name in foreign {
            for path in home.join(name).ancestors().take_while(|path| path.starts_with(&home)) {
                assert!(files::open_to_others(path).is_some(), "{}", path.display());
            }
        }
        for name in
            ["data/db", "data/locks", "data/index", "backups/snapshots", "backups/.lock", "backups/pins"]
        {
            assert_eq!(files::open_to_others(&home.join(name)), None, "{name}");
        }
    }
}
