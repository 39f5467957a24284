//! What a server holds as two files: for the snapshots of whoever has the server on another machine. See
//! `docs/backup-format.md`, "An export of a Chroma server".

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use atocore_model::{
    id::{Generation, StoreVersion},
    monitor::{Monitor, Progress},
};
use atocore_storage::{
    files::{
        self, FileError,
        stream::{self, HashedFile},
    },
    sqlite::inspect::StoredCollection,
    vector::{Comparison, VectorError, VectorSource},
};
use serde::{Deserialize, Serialize};

use super::{ChromaIndex, compare};
use crate::{
    client::CallError,
    managed_collection::ManagedCollection,
    outage::CallPriority,
    record::ChromaRecord,
    wire::{RemoteRecord, base64, from_base64},
};

/// The file that says what was exported. It is written last.
pub const EXPORT_SUMMARY: &str = "atocore-export.json";
/// The file with one record on each line.
pub const EXPORT_RECORDS: &str = "records.jsonl";

/// The version of the two files.
const FORMAT: u32 = 1;
/// Records that are asked for together.
const PAGE: usize = 256;
/// More of the first file is not read.
const MOST_SUMMARY_BYTES: u64 = 1 << 20;
/// A longer line is none of ours.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// Records that are compared together.
const TOGETHER: usize = 50_000;

/// The first file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportSummary {
    format: u32,
    tenant: String,
    database: String,
    collection: String,
    /// How near vectors are to each other.
    space: String,
    dimensions: usize,
    fingerprint: String,
    generation: u64,
    /// In decimal digits.
    token: String,
    records: u64,
}

/// A line of the second file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportLine {
    id: String,
    project: String,
    document: u64,
    /// Little-endian floats of 32 bits in base64.
    embedding: String,
}

/// Why an export cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file of it cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what an export is.
    #[error("{0}")]
    Invalid(String),
    /// The store that it is compared with cannot be read, or the caller cancelled.
    #[error(transparent)]
    Source(#[from] VectorError),
}

/// Our collection, and what it says of itself.
pub(super) fn described(
    index: &ChromaIndex,
) -> Result<Option<(ManagedCollection, StoredCollection)>, VectorError> {
    let Some(collection) = index.read_collection(index.name(), CallPriority::Question)? else {
        return Ok(None);
    };
    let Some(state) = collection.state else { return Ok(None) };
    let records = index.breaker.call(|| index.client.count(&collection.id))?;
    let server = index.client.server();
    let stored = StoredCollection {
        tenant: server.tenant.clone(),
        database: server.database.clone(),
        name: server.collection.clone(),
        version: state.version,
        records,
        open: state.open,
    };
    Ok(Some((collection, stored)))
}

pub(super) fn export(
    index: &ChromaIndex,
    dir: &Path,
    monitor: &dyn Monitor,
) -> Result<Option<StoredCollection>, VectorError> {
    let Some((collection, stored)) = described(index)? else { return Ok(None) };
    let failed = |error| VectorError::from_file(dir, "written", error);
    let mut file = HashedFile::create(&dir.join(EXPORT_RECORDS)).map_err(failed)?;
    let (mut seen, mut written) = (HashSet::new(), 0_u64);
    let total = Some(stored.records);
    loop {
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        let page = index
            .again_and_again(monitor, |limit| index.client.page(&collection.id, written, PAGE, limit))?;
        if page.is_empty() {
            break;
        }
        written += page.len() as u64;
        monitor.progress(Progress { phase: "exporting the vector store".into(), done: written, total });
        for remote in page {
            let Some(line) = line(&remote, collection.space.dimensions) else {
                let strange = format!("`{}` is not what was written", remote.id);
                return index.breaker.insist(|| Err(CallError::Lossy(strange)));
            };
            let _new = seen.insert(remote.id);
            let mut text = serde_json::to_vec(&line).unwrap_or_default();
            text.push(b'\n');
            file.write(&text).map_err(failed)?;
        }
    }
    let _written = file.finish().map_err(failed)?;
    let after = described(index)?.map(|(_, stored)| stored);
    let count = seen.len() as u64;
    if after.as_ref() != Some(&stored) || written != stored.records || count != written {
        let why = format!("it was changed while it was read: {count} of {} were told", stored.records);
        return index.breaker.insist(|| Err(CallError::Lossy(why)));
    }
    let summary = ExportSummary {
        format: FORMAT,
        tenant: stored.tenant.clone(),
        database: stored.database.clone(),
        collection: stored.name.clone(),
        space: "cosine".to_owned(),
        dimensions: collection.space.dimensions,
        fingerprint: collection.space.fingerprint.to_string(),
        generation: stored.version.generation.0,
        token: stored.version.token.to_string(),
        records: stored.records,
    };
    let mut text = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    text.push(b'\n');
    files::write_synced(&dir.join(EXPORT_SUMMARY), &text).map_err(failed)?;
    Ok(Some(stored))
}

/// A record as it is written; `None` when a part of it is missing.
fn line(remote: &RemoteRecord, dimensions: usize) -> Option<ExportLine> {
    let vector = remote.vector.as_ref().filter(|vector| vector.len() == dimensions)?;
    Some(ExportLine {
        id: remote.id.clone(),
        project: remote.project.clone()?,
        document: remote.document?,
        embedding: base64(vector),
    })
}

/// Reads all of an export and returns what it holds.
///
/// # Errors
/// When it is not whole, or no export.
pub fn read_export(dir: &Path) -> Result<StoredCollection, ExportError> {
    let (summary, version) = summary(dir)?;
    let mut seen = HashSet::new();
    each_record(dir, summary.dimensions, &mut |remote| {
        let id = remote.id.clone();
        if seen.insert(remote.id) {
            Ok(())
        } else {
            Err(ExportError::Invalid(format!("`{id}` is there twice")))
        }
    })?;
    let (found, recorded) = (seen.len() as u64, summary.records);
    if found != recorded {
        return Err(ExportError::Invalid(format!(
            "{found} records in `{EXPORT_RECORDS}`, {recorded} recorded"
        )));
    }
    let ExportSummary { tenant, database, collection: name, .. } = summary;
    Ok(StoredCollection { tenant, database, name, version, records: recorded, open: false })
}

/// Compares every record of an export with the newest state of `source`.
///
/// # Errors
/// As [`read_export`]; or when the source cannot be read.
///
/// # Cancellation
/// Asked before every document; [`VectorError::Cancelled`].
pub fn compare_export(
    dir: &Path,
    source: &dyn VectorSource,
    monitor: &dyn Monitor,
) -> Result<Comparison, ExportError> {
    let (summary, _) = summary(dir)?;
    let mut comparison = Comparison::default();
    let (mut batch, mut found) = (HashMap::new(), 0);
    // Of a large export a part at a time is kept in memory, and the store read once for each.
    let mut compare = |batch: &mut HashMap<String, RemoteRecord>| -> Result<(), ExportError> {
        let remote = batch.len() as u64;
        let (mut expected, mut wrong, space) = (0, 0, source.space());
        let _version = source.changes(None, &mut |document| {
            if monitor.cancelled() {
                return Err(VectorError::Cancelled);
            }
            for record in ChromaRecord::of(&document, space)? {
                expected += 1;
                if let Some(remote) = batch.remove(&record.id) {
                    let is_that =
                        compare::is_that(&remote, document.document_key, document.project, &record.vector);
                    wrong += u64::from(!is_that);
                }
            }
            Ok(())
        })?;
        comparison.expected = expected;
        comparison.wrong += wrong;
        comparison.extra += batch.len() as u64;
        found += remote - batch.len() as u64;
        batch.clear();
        Ok(())
    };
    each_record(dir, summary.dimensions, &mut |remote| {
        let _former = batch.insert(remote.id.clone(), remote);
        if batch.len() >= TOGETHER { compare(&mut batch) } else { Ok(()) }
    })?;
    compare(&mut batch)?;
    comparison.missing = comparison.expected.saturating_sub(found);
    Ok(comparison)
}

fn summary(dir: &Path) -> Result<(ExportSummary, StoreVersion), ExportError> {
    let path = dir.join(EXPORT_SUMMARY);
    let text = stream::head(&path, MOST_SUMMARY_BYTES)?;
    let invalid = |why: String| ExportError::Invalid(format!("`{EXPORT_SUMMARY}`: {why}"));
    let known: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
    match known.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        format => return Err(invalid(format!("format {format:?}, {FORMAT} is read here"))),
    }
    let summary: ExportSummary = serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
    let token = summary.token.parse().map_err(|_| invalid("the token is not a number".to_owned()))?;
    let version = StoreVersion { generation: Generation(summary.generation), token };
    Ok((summary, version))
}

fn each_record(
    dir: &Path,
    dimensions: usize,
    each: &mut dyn FnMut(RemoteRecord) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut number = 0_u64;
    stream::lines(&dir.join(EXPORT_RECORDS), MOST_LINE_BYTES, &mut |line| {
        number += 1;
        let invalid = |why: &str| ExportError::Invalid(format!("line {number} of `{EXPORT_RECORDS}`: {why}"));
        let ExportLine { id, project, document, embedding } =
            serde_json::from_slice(line).map_err(|error| invalid(&error.to_string()))?;
        let vector = from_base64(&embedding).ok_or_else(|| invalid("no vector"))?;
        if vector.len() != dimensions || !vector.iter().all(|component| component.is_finite()) {
            return Err(invalid(&format!("not a vector of {dimensions} dimensions")));
        }
        each(RemoteRecord { id, vector: Some(vector), project: Some(project), document: Some(document) })
    })
}
