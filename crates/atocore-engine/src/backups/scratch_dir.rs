//! A folder in the scratch folder for the time of a proof or an export. What a killed run leaves there, the next owner of
//! the store removes.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use atocore_storage::files;

/// A folder that is removed when it is dropped. It is not made here.
#[derive(Debug)]
pub(super) struct ScratchDir {
    dir: PathBuf,
}

impl ScratchDir {
    /// A name in `scratch` that no other one has.
    pub(super) fn new(scratch: &Path, purpose: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { dir: scratch.join(format!("{purpose}-{}-{number}", std::process::id())) }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // The first error is the one to report; what stays behind is removed by the next owner.
        drop(files::remove_tree(&self.dir));
    }
}
