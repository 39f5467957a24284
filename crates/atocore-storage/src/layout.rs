//! Where everything lies: the folders and files of one installation.

use std::path::{Path, PathBuf};

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

    /// The derived word index.
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

    /// Emptied whenever a process takes ownership of the store.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.data.join("tmp")
    }
}
