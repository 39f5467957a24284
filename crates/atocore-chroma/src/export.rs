//! What a server holds as two files: for the snapshots of whoever has the server on another machine. See
//! `docs/backup-format.md`, "An export of a Chroma server". Reading them needs no server.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use atocore_model::{
    id::{Generation, StoreVersion},
    monitor::Monitor,
};
use atocore_storage::{
    files::{FileError, stream},
    sqlite::inspect::StoredCollection,
    vector::{Comparison, VectorError, VectorSource},
};
use serde::{Deserialize, Serialize};

use crate::record::{ChromaRecord, RemoteRecord, from_base64, is_that};

/// The file that says what was exported. It is written last.
pub const EXPORT_SUMMARY: &str = "atocore-export.json";
/// The file with one record on each line.
pub const EXPORT_RECORDS: &str = "records.jsonl";

/// The version of the two files.
pub(crate) const FORMAT: u32 = 1;
/// More of the first file is not read.
const MOST_SUMMARY_BYTES: u64 = 1 << 20;
/// A longer line is none of ours.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// Records that are compared together.
const TOGETHER: usize = 50_000;

/// The first file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportSummary {
    pub(crate) format: u32,
    pub(crate) tenant: String,
    pub(crate) database: String,
    pub(crate) collection: String,
    /// How near vectors are to each other.
    pub(crate) space: String,
    pub(crate) dimensions: usize,
    pub(crate) fingerprint: String,
    pub(crate) generation: u64,
    /// In decimal digits.
    pub(crate) token: String,
    pub(crate) records: u64,
}

/// A line of the second file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportLine {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) document: u64,
    /// Little-endian floats of 32 bits in base64.
    pub(crate) embedding: String,
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
                    let is_that = is_that(&remote, document.document_key, document.project, &record.vector);
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
