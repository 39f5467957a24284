//! A small model as if it were a published one, and what fetching it leaves.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use atocore_embed::{
    fetch::{FetchError, ModelSource, fetch},
    model::{HubRepository, KnownModel, Package, PinnedFile},
};
use atocore_model::monitor::{Monitor, Progress, Silent};
use sha2::{Digest, Sha256};

use crate::small;

/// The files of the small model that is published for these tests.
pub(crate) const FILES: [&str; 5] =
    ["model.safetensors", "tokenizer.json", "config.json", "modules.json", "1_Pooling/config.json"];

/// The folder that has its files, and some more.
pub(crate) fn origin() -> PathBuf {
    small("multilingual")
}

pub(crate) fn bytes_of(file: &str) -> Vec<u8> {
    fs::read(origin().join(file)).expect("the file")
}

pub(crate) fn published() -> &'static KnownModel {
    let files = FILES.map(|path| {
        let bytes = bytes_of(path);
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        PinnedFile {
            path,
            length_bytes: bytes.len() as u64,
            sha256: sha256.leak(),
            blake3: blake3::hash(&bytes).to_string().leak(),
        }
    });
    Box::leak(Box::new(KnownModel {
        name: "small",
        aliases: &[],
        dimensions: 24,
        licence: "none",
        files: Vec::from(files).leak(),
        hub: HubRepository { name: "owner/Small", revision: "0123456789abcdef0123456789abcdef01234567" },
        package: Package { name: "a-package", version: "1.2.3", length_bytes: 1000, folder: "inner/model" },
    }))
}

/// A package with the model's files as `change` leaves them.
pub(crate) fn package(change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for file in FILES {
        let Some(bytes) = change(file, bytes_of(file)) else { continue };
        archive.start_file(format!("inner/model/{file}"), options).expect("a file begins");
        archive.write_all(&bytes).expect("it is written");
    }
    archive.start_file("../../outside", options).expect("a file begins");
    archive.finish().expect("it is whole").into_inner()
}

/// Fetches the small model from one source.
pub(crate) fn fetch_from(source: &dyn ModelSource, models: &Path) -> Result<PathBuf, FetchError> {
    fetch_watched(source, models, &Silent)
}

/// The same, watched by somebody.
pub(crate) fn fetch_watched(
    source: &dyn ModelSource,
    models: &Path,
    monitor: &dyn Monitor,
) -> Result<PathBuf, FetchError> {
    let mut falls_back = |_: &FetchError, _: &dyn ModelSource| panic!("there is no other source");
    fetch(published(), models, &[source], monitor, &mut falls_back).map(|folder| folder.path().to_owned())
}

/// What is in the folder, but for the lock.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != ".small.lock").collect();
    names.sort();
    names
}

/// Cancels once something has arrived.
#[derive(Debug, Default)]
pub(crate) struct CancelOnArrival(AtomicU64);

impl Monitor for CancelOnArrival {
    fn progress(&self, progress: Progress) {
        self.0.fetch_max(progress.done, Ordering::SeqCst);
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}
