//! Reads files and cuts them, on every core.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    thread,
};

use atocore_model::{digest::Digest, document::FileStamp, refresh::FileReason};
use atocore_storage::{files, sqlite::IngestedDocument};

use super::{
    Ingestion, parse,
    plan::{self, ToRead},
};
use crate::decoding::{Decoded, NoText, decode};

/// What reading one file came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It has other bytes than the store knows, or has to be cut anew, or moved.
    Document(Box<IngestedDocument>, FileReason),
    /// Its bytes are those that the store knows.
    SameBytes { stamp: FileStamp, settled: bool },
    /// It is no document, or cannot be read.
    Refused(FileReason),
}

/// How far reading may run ahead of writing, in documents.
pub(super) const AHEAD: usize = 64;

/// Reads every file of `to_read` and sends what came of it, with its place in the list, in no certain order. Ends
/// early when the monitor calls it off or nobody listens any more.
pub(super) fn read_all(
    ingestion: &Ingestion<'_>,
    to_read: &[ToRead],
    results: &SyncSender<(usize, Outcome)>,
) {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(to_read.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !ingestion.monitor.cancelled() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = to_read.get(place) else { return };
                    if results.send((place, read_one(ingestion, file))).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn read_one(ingestion: &Ingestion<'_>, wanted: &ToRead) -> Outcome {
    let file = &wanted.file;
    let settled = plan::is_settled(file.stamp, ingestion.clock.now().as_nanosecond());
    let bytes = match files::read_if_present(&file.path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Outcome::Refused(FileReason::Unreadable("it vanished while it was looked at".to_owned()));
        }
        Err(error) => return Outcome::Refused(FileReason::Unreadable(error.source.to_string())),
    };
    if bytes.len() as u64 > ingestion.max_file_bytes {
        let size = bytes.len() as u64;
        return Outcome::Refused(FileReason::TooLarge { size, limit: ingestion.max_file_bytes });
    }
    let digest = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
    let chunked_by = ingestion.chunked_by();
    if let Some(known) = &wanted.known
        && known.digest == digest
        && known.chunked_by == chunked_by
        && known.source_path == file.source_path.as_str()
    {
        return Outcome::SameBytes { stamp: file.stamp, settled };
    }
    let Decoded { text, encoding } = match decode(&bytes) {
        Ok(decoded) => decoded,
        Err(NoText::Binary) => return Outcome::Refused(FileReason::Binary),
        Err(NoText::BrokenUtf8(offset)) => return Outcome::Refused(FileReason::NotUtf8 { offset }),
    };
    let reason = match (&wanted.renamed_from, &wanted.known) {
        (Some(path), _) => FileReason::RenamedFrom(path.clone()),
        (None, None) => FileReason::New,
        (None, Some(known)) if known.digest == digest => FileReason::CutAnew,
        (None, Some(_)) => FileReason::Changed,
    };
    let document = IngestedDocument {
        file_path: file.file_path.clone(),
        source_path: file.source_path.clone(),
        digest,
        stamp: file.stamp,
        settled,
        chunked_by,
        encoding: encoding.to_owned(),
        parsed: parse(file.doc_type, file.source_path.file_name(), &text, ingestion.chunks),
    };
    Outcome::Document(Box::new(document), reason)
}
