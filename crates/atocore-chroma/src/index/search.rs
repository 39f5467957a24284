//! Searches a collection as of one state.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use atocore_storage::{
    chunk_filter::ChunkFilter,
    vector::{VectorError, VectorMatch, VectorMatches, VectorQuery},
};

use super::{ChromaIndex, CollectionSnapshot};
use crate::{
    client::CallError,
    record::{RecordKeys, unit},
    server_index::ServerIndex,
    wire::{RankedRecord, RecordFilter},
};

/// Documents that one request may name.
const DOCUMENTS: usize = 5000;
/// A search that the state was changed under is made again so often.
const TRIES: usize = 3;
/// So many more records than there should be are asked for, where all are.
const MORE: usize = 1000;
/// Of so many records all are looked at where the graph seems to miss some.
const FEW: usize = 5000;
/// At least so many are asked for: asked for few, the graph can miss one of them, and nobody would notice.
const LEAST: usize = 200;
/// And many more so often, where passages at the end are equally near: which of them come first is decided by their
/// keys, unless there are thousands.
const MOST_DOUBLINGS: usize = 3;

pub(super) fn search(index: &ChromaIndex, query: &VectorQuery<'_>) -> Result<VectorMatches, VectorError> {
    index.ready()?;
    let mut tries = 1;
    loop {
        let Some(snapshot) = index.snapshot() else {
            return Ok(VectorMatches { version: None, matches: Vec::new() });
        };
        let matches = search_in(index, &snapshot, query)?;
        let is_current = index.snapshot().is_some_and(|now| Arc::ptr_eq(&now, &snapshot));
        match matches {
            Some(matches) if is_current || tries == TRIES => {
                return Ok(VectorMatches { version: Some(snapshot.version), matches });
            }
            None if tries == TRIES => {
                let moved = CallError::Missing("the collection is replaced again and again".to_owned());
                return Err(index.breaker.fail(&moved));
            }
            _ => tries += 1,
        }
    }
}

/// `None` when the collection was replaced meanwhile.
fn search_in(
    index: &ChromaIndex,
    snapshot: &Arc<CollectionSnapshot>,
    query: &VectorQuery<'_>,
) -> Result<Option<Vec<VectorMatch>>, VectorError> {
    let (expected, found) = (snapshot.space.dimensions, query.vector.len());
    if found != expected {
        return Err(VectorError::QueryLength { expected, found });
    }
    let vector = unit(query.vector).ok_or(VectorError::QueryNotFinite)?;
    let project = query.filter.project.map(atocore_model::id::ProjectId::as_str);
    if query.limit == 0 || snapshot.vectors == 0 {
        return Ok(Some(Vec::new()));
    }
    let mut matches = Vec::new();
    let parts: Vec<Option<&[u64]>> = match query.filter.documents {
        None => vec![None],
        Some(documents) => documents.chunks(DOCUMENTS).map(Some).collect(),
    };
    for documents in parts {
        let filter = RecordFilter { project, documents };
        match nearest(index, snapshot, &vector, filter, query.filter.chunks, query.limit)? {
            Some(part) => matches.extend(part),
            None => return Ok(None),
        }
    }
    matches.sort_by(|one: &VectorMatch, other| {
        other.similarity.total_cmp(&one.similarity).then(one.chunk_key.cmp(&other.chunk_key))
    });
    let mut seen = HashSet::new();
    matches.retain(|found| seen.insert(found.chunk_key));
    matches.truncate(query.limit);
    Ok(Some(matches))
}

/// The matches of one request, with all that are as near as the last one; more than asked for. The server knows nothing of
/// `chunks`, so more is asked of it until enough of them, or everything, is found.
fn nearest(
    index: &ChromaIndex,
    snapshot: &Arc<CollectionSnapshot>,
    vector: &[f32],
    filter: RecordFilter<'_>,
    chunks: Option<&ChunkFilter>,
    limit: usize,
) -> Result<Option<Vec<VectorMatch>>, VectorError> {
    let there = usize::try_from(snapshot.vectors).unwrap_or(usize::MAX);
    let hidden = snapshot.hidden().len();
    // One more than asked for, to see whether the last ones are equally near.
    let mut most = limit.max(LEAST).min(there.saturating_add(MORE)).saturating_add(hidden + 1);
    for doublings in 0.. {
        let Some(found) = ask(index, snapshot, vector, filter, most)? else { return Ok(None) };
        if found.len() < most {
            let all = with_missed(index, snapshot, vector, filter, found, limit)?;
            return Ok(all.map(|all| visible(snapshot, chunks, &all)));
        }
        let matches = visible(snapshot, chunks, &found);
        let last = matches.get(limit - 1).zip(matches.last());
        let is_clear_cut = last.is_some_and(|(last, next)| last.similarity > next.similarity);
        if is_clear_cut || matches.len() > limit && doublings == MOST_DOUBLINGS {
            return Ok(Some(matches));
        }
        most = most.saturating_mul(2).saturating_add(MORE / 2);
    }
    Ok(None)
}

/// Adds what the graph of the server has missed: it says that this is all, and may be wrong, above all where many
/// passages are the same. Of few passages it is known which there are; of many a few may be missed.
fn with_missed(
    index: &ChromaIndex,
    snapshot: &Arc<CollectionSnapshot>,
    vector: &[f32],
    filter: RecordFilter<'_>,
    mut found: Vec<RankedRecord>,
    limit: usize,
) -> Result<Option<Vec<RankedRecord>>, VectorError> {
    let is_filtered = filter.project.is_some() || filter.documents.is_some();
    let expected = if is_filtered { 0 } else { usize::try_from(snapshot.vectors).unwrap_or(usize::MAX) };
    if !is_filtered && found.len() >= expected {
        return Ok(Some(found));
    }
    let calls = index.client.server().timeout;
    let listed = call_in(index, snapshot, || index.client.ids(&snapshot.id, filter, Some(FEW + 1), calls))?;
    let Some(listed) = listed else { return Ok(None) };
    let is_few = listed.len() <= FEW;
    let is_current = index.snapshot().is_some_and(|now| Arc::ptr_eq(&now, snapshot));
    let is_lost =
        if is_few { listed.len() < expected } else { found.len() < expected.min(limit).div_ceil(2) };
    if is_lost && is_current {
        let lossy = CallError::Lossy(format!("{} of {expected} are found", found.len().min(listed.len())));
        index.is_suspect.store(true, Ordering::SeqCst);
        return Err(index.breaker.fail(&lossy));
    }
    let known: HashSet<&String> = found.iter().map(|ranked| &ranked.id).collect();
    let missed: Vec<String> = listed.into_iter().filter(|id| is_few && !known.contains(id)).collect();
    if missed.is_empty() {
        return Ok(Some(found));
    }
    let vectors = call_in(index, snapshot, || index.client.vectors(&snapshot.id, &missed));
    if let Err(VectorError::Unavailable(_)) = &vectors {
        index.is_suspect.store(true, Ordering::SeqCst);
    }
    let Some(vectors) = vectors? else { return Ok(None) };
    found.extend(vectors.into_iter().map(|(id, own)| RankedRecord { id, cosine: product(vector, &own) }));
    Ok(Some(found))
}

/// The cosine of two vectors of length 1.
fn product(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>().clamp(-1.0, 1.0)
}

fn ask(
    index: &ChromaIndex,
    snapshot: &Arc<CollectionSnapshot>,
    vector: &[f32],
    filter: RecordFilter<'_>,
    most: usize,
) -> Result<Option<Vec<RankedRecord>>, VectorError> {
    call_in(index, snapshot, || index.client.nearest(&snapshot.id, vector, filter, most))
}

/// Makes a call about the collection of a state, a second time when the connection turns out to be a dead one; `None` when the collection was replaced meanwhile.
fn call_in<T>(
    index: &ChromaIndex,
    snapshot: &Arc<CollectionSnapshot>,
    call: impl Fn() -> Result<T, CallError>,
) -> Result<Option<T>, VectorError> {
    index.breaker.call(|| {
        let answer = match call() {
            Err(CallError::Lost(_)) => call(),
            answer => answer,
        };
        match answer {
            Err(CallError::Missing(_)) if index.snapshot().is_none_or(|now| now.id != snapshot.id) => {
                Ok(None)
            }
            answer => answer.map(Some),
        }
    })
}

/// What a state shows of what the server has found, and the filter lets through.
fn visible(
    snapshot: &CollectionSnapshot,
    chunks: Option<&ChunkFilter>,
    found: &[RankedRecord],
) -> Vec<VectorMatch> {
    let hidden = snapshot.hidden();
    let shown = found.iter().filter(|ranked| !hidden.contains(&ranked.id));
    shown
        .filter_map(|ranked| {
            let RecordKeys { document_key, chunk_key } = RecordKeys::read(&ranked.id)?;
            let is_chosen = chunks.is_none_or(|chunks| chunks.accepts(chunk_key));
            is_chosen.then_some(VectorMatch { chunk_key, document_key, similarity: ranked.cosine })
        })
        .collect()
}
