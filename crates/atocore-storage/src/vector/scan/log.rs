//! `vectors.log`: what changed since the base was written, one frame for every time.
//!
//! A frame is its size, a digest and its content: the version, how many bytes the components are, and the documents that
//! changed with all vectors they have, the components first. The digest covers that of the frame before, the first time of the base, so the log of another base has no
//! frame. What is behind the last good frame, of a process that was killed, is as if it were not there.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use atocore_model::{digest::Digest, id::StoreVersion};

use super::{
    bytes::{self, Bytes},
    document::{OwnedDocument, QuantizedDocument},
};
use crate::files::{self, FileError, sealed};

/// Documents that changed, by their key.
pub(super) type ChangedDocuments = HashMap<u64, Arc<OwnedDocument>>;

/// Where the file lies.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("vectors.log")
}

/// Where the next frame goes, and what it follows on.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogEnd {
    pub(super) bytes: u64,
    digest: Digest,
}

impl LogEnd {
    fn after(self, content: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        let _hasher = hasher.update(self.digest.as_bytes()).update(content);
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        Self { bytes: self.bytes + (8 + 32 + content.len()) as u64, digest }
    }
}

/// What a log says.
#[derive(Debug)]
pub(super) struct LogContent {
    /// The version after the last frame; `None` when there is no frame.
    pub(super) version: Option<StoreVersion>,
    pub(super) changed: ChangedDocuments,
    pub(super) end: LogEnd,
}

/// Reads the log behind the base of that digest.
pub(super) fn read(dir: &Path, base: Digest, dimensions: usize) -> Result<LogContent, FileError> {
    let bytes = files::read_if_present(&path(dir))?.unwrap_or_default();
    let end = LogEnd { bytes: 0, digest: base };
    let mut log = LogContent { version: None, changed: HashMap::new(), end };
    let mut rest = Bytes(&bytes);
    while let Some((content, end)) = next_frame(&mut rest, log.end) {
        let Some((version, documents)) = read_content(content, dimensions) else { break };
        log.changed.extend(documents);
        (log.version, log.end) = (Some(version), end);
    }
    Ok(log)
}

fn next_frame<'a>(from: &mut Bytes<'a>, end: LogEnd) -> Option<(Bytes<'a>, LogEnd)> {
    let (size, digest) = (from.size()?, from.array()?);
    let content = from.take(size)?;
    let after = end.after(content);
    (*after.digest.as_bytes() == digest).then_some((Bytes(content), after))
}

fn read_content(mut content: Bytes<'_>, dimensions: usize) -> Option<(StoreVersion, ChangedDocuments)> {
    let (version, codes_bytes) = (content.version()?, content.size()?);
    let (mut codes, mut documents) = (Bytes(content.take(codes_bytes)?), HashMap::new());
    while !content.0.is_empty() {
        let document = QuantizedDocument::read(&mut codes, &mut content, dimensions)?;
        let _former = documents.insert(document.document_key, Arc::new(document.into()));
    }
    Some((version, documents))
}

/// Appends a frame and returns the new end; `None` when the log does not end where it should.
pub(super) fn append(
    dir: &Path,
    end: LogEnd,
    version: StoreVersion,
    documents: &ChangedDocuments,
) -> Result<Option<LogEnd>, FileError> {
    let (mut codes, mut rest) = (Vec::new(), Vec::new());
    for document in documents.values().map(|document| document.stored()) {
        codes.extend(document.entries.codes);
        document.write_rest(&mut rest);
    }
    let codes_bytes = (codes.len() as u64).to_le_bytes();
    let content = [&bytes::of_version(version)[..], &codes_bytes, &codes, &rest].concat();
    let after = end.after(&content);
    let frame = [&(content.len() as u64).to_le_bytes(), &after.digest.as_bytes()[..], &content].concat();
    Ok(sealed::append_unsynced(&path(dir), end.bytes, &frame)?.then_some(after))
}
