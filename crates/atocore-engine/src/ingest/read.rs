//! Reads files and cuts them, on every core.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    thread,
};

use atocore_extract::{Ending, EndingRule, ExtractError, Extracted, Format, is_key, panic_message};
use atocore_model::{
    digest::Digest,
    document::{ChunkDraft, FileStamp},
    refresh::FileReason,
};
use atocore_storage::sqlite::{DocumentRow, IngestedDocument, StorageError, Store};

use super::{
    Ingestion, parse,
    parse::title_of_name,
    plan::{self, ToRead},
    reach::ReachableRoots,
    walk::FoundFile,
};
use crate::decoding::{NoText, decode};

/// What reading one file came to.
#[derive(Debug)]
pub(super) enum ReadOutcome {
    /// It has other bytes than the store knows, or has to be rechunked, or moved.
    Document(Box<IngestedDocument>, FileReason),
    /// Its bytes are those that the store knows.
    SameBytes { stamp: FileStamp, settled: bool },
    /// It is no document, or cannot be read.
    Refused(FileReason),
}

impl ReadOutcome {
    /// The document that has other bytes now and no text, so that its one chunk is its title.
    pub(super) fn without_text<'w>(&self, wanted: &'w ToRead) -> Option<&'w DocumentRow> {
        let Self::Document(document, _) = self else { return None };
        let parsed = &document.parsed;
        let is_title = |only: &ChunkDraft| only.text == parsed.title && only.heading_path.as_str().is_empty();
        let has_text = !matches!(&parsed.chunks[..], [only] if is_title(only));
        wanted.known.as_ref().filter(|known| !has_text && known.digest != document.digest)
    }
}

/// Whether the store has text of a document, and not only the title that was made of its name.
pub(super) fn had_text(store: &Store, known: &DocumentRow) -> Result<bool, StorageError> {
    let name = known.source_path.rsplit('/').next().unwrap_or_default();
    let chunks = store.read(|read| read.chunks_of(known.key))?;
    Ok(!matches!(&chunks[..], [only] if only.text == title_of_name(name)))
}

/// How far reading may run ahead of writing, in documents.
pub(super) const AHEAD: usize = 64;

/// Reads every file of `to_read` and sends what came of it, with its place in the list, in no certain order. Ends
/// early when the monitor cancels it or nobody listens any more.
pub(super) fn read_all(
    ingestion: &Ingestion<'_>,
    reach: &ReachableRoots,
    to_read: &[ToRead],
    results: &SyncSender<(usize, ReadOutcome)>,
) {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(to_read.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !ingestion.monitor.cancelled() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = to_read.get(place) else { return };
                    if results.send((place, read_one(ingestion, reach, file))).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

pub(super) fn read_one(ingestion: &Ingestion<'_>, reach: &ReachableRoots, wanted: &ToRead) -> ReadOutcome {
    let (file, limit) = (&wanted.file, ingestion.max_file_bytes);
    if let Some(reason) = no_document(ingestion, reach, file) {
        return ReadOutcome::Refused(reason);
    }
    // Before it is read: what is written later is newer than this.
    let now = ingestion.clock.now().as_nanosecond();
    let (seen, bytes) = match reach.read(file, limit) {
        Ok(Some(read)) => read,
        Ok(None) => {
            let size = file.seen.stamp.size.max(limit.saturating_add(1));
            return ReadOutcome::Refused(FileReason::TooLarge { size, limit });
        }
        Err(reason) => return ReadOutcome::Refused(reason),
    };
    let settled = plan::is_settled(seen.stamp, now);
    let digest = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
    let name = file.source_path.file_name();
    let format = ingestion.formats.of_file(name, &bytes);
    if !format.is_read() {
        return ReadOutcome::Refused(FileReason::UnsupportedType);
    }
    let chunked_by = ingestion.chunked_by(name, format);
    if let Some(known) = &wanted.known
        && known.digest == digest
        && known.chunked_by == chunked_by
        && known.source_path == file.source_path.as_str()
        && known.file_path == file.file_path
    {
        return ReadOutcome::SameBytes { stamp: seen.stamp, settled };
    }
    let (document, encoding) = match extracted(ingestion, format, name, bytes) {
        Ok(extracted) => extracted,
        Err(reason) => return ReadOutcome::Refused(reason),
    };
    let reason = match (&wanted.known, &wanted.renamed_from) {
        (None, _) => FileReason::New,
        (Some(known), _) if known.digest != digest => FileReason::Changed,
        (Some(_), Some(path)) => FileReason::RenamedFrom(path.clone()),
        (Some(known), None) if known.source_path != file.source_path.as_str() => {
            FileReason::RenamedFrom(known.source_path.clone())
        }
        (Some(_), None) => FileReason::Rechunked,
    };
    let parsed = caught(|| parse::parse_extracted(format, name, &document, ingestion.chunks));
    let document = IngestedDocument {
        file_path: file.file_path.clone(),
        source_path: file.source_path.clone(),
        root: reach.name(file.root).to_owned(),
        digest,
        stamp: seen.stamp,
        settled,
        chunked_by,
        encoding,
        parsed: match parsed {
            Ok(parsed) => parsed,
            Err(why) => return ReadOutcome::Refused(FileReason::ParserFailed(why)),
        },
    };
    ReadOutcome::Document(Box::new(document), reason)
}

/// How much of a file tells whether it is text.
const HEAD: u64 = 8192;

/// Why a file whose name says nothing is no document: it has nothing in it, a key, or no text. Its beginning tells, so that one that is large and no text is not
/// read as a whole in every refresh.
fn no_document(ingestion: &Ingestion<'_>, reach: &ReachableRoots, file: &FoundFile) -> Option<FileReason> {
    let name = file.source_path.file_name();
    if Ending::of(name) != Ending::Unknown || ingestion.formats.of(name).is_some() {
        return None;
    }
    let mut head = match reach.head(file, HEAD) {
        Ok(head) => head,
        Err(reason) => return Some(reason),
    };
    if (head.len() as u64) < HEAD && head.trim_ascii().is_empty() {
        return Some(FileReason::NoText);
    }
    if is_key(&head) {
        return Some(FileReason::UnsupportedType);
    }
    if let Err(error) = std::str::from_utf8(&head)
        && error.error_len().is_none()
    {
        // A character that is cut at the end is none that is wrong.
        head.truncate(error.valid_up_to());
    }
    let is_text = !Format::of_file(name, &head).is_text() || decode(&head) != Err(NoText::Binary);
    (!is_text).then_some(FileReason::Binary)
}

/// The text of a document, and the name of the encoding it was in.
fn extracted(
    ingestion: &Ingestion<'_>,
    format: Format,
    file_name: &str,
    bytes: Vec<u8>,
) -> Result<(Extracted, String), FileReason> {
    let cancelled = || ingestion.monitor.cancelled();
    if let Some(EndingRule::Converted(command)) = ingestion.formats.of(file_name) {
        return outcome(ingestion.extractor.convert(command, bytes, &cancelled), "UTF-8");
    }
    let decoded;
    let (content, encoding) = if format.is_text() {
        decoded = decode(&bytes).map_err(|no_text| match no_text {
            NoText::Binary => FileReason::Binary,
            NoText::BrokenUtf8(offset) => FileReason::NotUtf8 { offset },
        })?;
        if !format.has_reader() {
            return Ok((Extracted::verbatim(format, &decoded.text), decoded.encoding.to_owned()));
        }
        (decoded.text.as_bytes(), decoded.encoding)
    } else {
        (&bytes[..], "UTF-8")
    };
    outcome(ingestion.extractor.extract(format, file_name, content, &cancelled), encoding)
}

/// What a reader came to, in the words of a refresh.
fn outcome(
    read: io::Result<Option<Result<Extracted, ExtractError>>>,
    encoding: &str,
) -> Result<(Extracted, String), FileReason> {
    match read {
        Ok(Some(Ok(document))) => Ok((document, encoding.to_owned())),
        Ok(Some(Err(ExtractError::Encrypted))) => Err(FileReason::Encrypted),
        Ok(Some(Err(ExtractError::NoText))) => Err(FileReason::NoText),
        Ok(Some(Err(error))) => Err(FileReason::ParserFailed(error.to_string())),
        // What came of it is not stored.
        Ok(None) => Err(FileReason::Unreadable("the refresh was cancelled".to_owned())),
        Err(error) => Err(FileReason::Unreadable(format!("its reader could not be started: {error}"))),
    }
}

/// Runs a parser on what somebody else wrote: where it panics, that file fails and no other.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing that it works on is used afterwards.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said: String = panic_message(&*panic).chars().take(200).collect();
        format!("the parser gave up: {said}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_parser_is_the_reason_of_one_file() {
        assert_eq!(caught(|| 7), Ok(7));
        let slice: &str = "ä";
        let at = slice.len() - 1;
        let panicked = caught(|| slice[at..].len()).unwrap_err();
        assert!(panicked.starts_with("the parser gave up: "), "{panicked}");
        assert!(caught(|| -> usize { panic!("{}", "long ".repeat(1000)) }).unwrap_err().len() < 300);
    }
}
