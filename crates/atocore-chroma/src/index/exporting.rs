//! Writes what a server holds as the two files of an export.

use std::{collections::HashSet, path::Path};

use atocore_model::monitor::{Monitor, Progress};
use atocore_storage::{
    files::{self, stream::HashedFile},
    sqlite::inspect::StoredCollection,
    vector::VectorError,
};

use super::ChromaIndex;
use crate::{
    client::CallError,
    export::{EXPORT_RECORDS, EXPORT_SUMMARY, ExportLine, ExportSummary, FORMAT},
    managed_collection::ManagedCollection,
    outage::CallPriority,
    record::{RemoteRecord, base64},
};

/// Records that are asked for together.
const PAGE: usize = 256;

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
