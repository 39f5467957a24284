//! Writes the next state of the index. Nothing of it is visible before its manifest is in place.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    path::Path,
    sync::Arc,
};

use atocore_model::{
    id::StoreVersion,
    monitor::{Monitor, Progress},
};

use super::{
    index_snapshot::{IndexSnapshot, TombstoneFile, VectorSegment},
    manifest::{self, ScanManifest},
    merge::{self, SegmentSize},
    opening,
    segment::{Buffer, Entries, QuantizedVectors},
    tombstones::Tombstones,
};
use crate::{
    files::{self, FileError},
    vector::{ChangedVectors, VectorError, VectorSource, VectorSpace},
};

/// The next state. Dropped before it is complete, it removes its files.
pub(super) struct SegmentWriter<'a> {
    dir: &'a Path,
    next_file: &'a mut u64,
    space: VectorSpace,
    buffered_limit: usize,
    segments: Vec<PendingSegment>,
    /// New vectors that are not in a file yet, by project.
    buffers: BTreeMap<String, Buffer>,
    buffered_bytes: usize,
    /// The documents that were handed over.
    documents: HashSet<u64>,
    /// The names of the files that were written.
    written: Vec<String>,
}

/// A segment of the next state.
struct PendingSegment {
    segment: VectorSegment,
    /// Those that are gone, when they are not those of the segment any more.
    tombstones: Option<Tombstones>,
    /// Whether it was written for this state, and not there before.
    is_new: bool,
}

impl PendingSegment {
    fn tombstones(&self) -> Option<&Tombstones> {
        self.tombstones.as_ref().or_else(|| self.segment.tombstones())
    }

    fn size(&self) -> SegmentSize {
        let entries = self.segment.vectors.len();
        SegmentSize { entries, live: entries - self.tombstones().map_or(0, Tombstones::count) }
    }

    /// Marks the entries of some documents as gone.
    fn remove(&mut self, documents: &HashSet<u64>) {
        let entries = self.segment.vectors.entries();
        let mut last = None;
        for entry in 0..entries.len() {
            let document = entries.document_key(entry);
            let is_removed = match last {
                Some((same, is_removed)) if same == document => is_removed,
                _ => documents.contains(&document),
            };
            last = Some((document, is_removed));
            if is_removed && !self.tombstones().is_some_and(|tombstones| tombstones.contains(entry)) {
                let before = self.segment.tombstones();
                let tombstones = self.tombstones.get_or_insert_with(|| {
                    before.cloned().unwrap_or_else(|| Tombstones::none_of(entries.len()))
                });
                tombstones.insert(entry);
            }
        }
    }
}

impl<'a> SegmentWriter<'a> {
    /// Begins with the segments of `base`; `next_file` moves on with every file that is written.
    pub(super) fn new(
        dir: &'a Path,
        next_file: &'a mut u64,
        space: VectorSpace,
        base: &[VectorSegment],
        buffered_limit: usize,
    ) -> Self {
        let kept = |segment: &VectorSegment| PendingSegment {
            segment: segment.clone(),
            tombstones: None,
            is_new: false,
        };
        Self {
            dir,
            next_file,
            space,
            buffered_limit,
            segments: base.iter().map(kept).collect(),
            buffers: BTreeMap::new(),
            buffered_bytes: 0,
            documents: HashSet::new(),
            written: Vec::new(),
        }
    }

    /// Writes what changed, and replaces the old state by the new one.
    pub(super) fn fill(
        mut self,
        source: &dyn VectorSource,
        since: Option<StoreVersion>,
        monitor: &dyn Monitor,
    ) -> Result<(StoreVersion, IndexSnapshot), VectorError> {
        let mut done = 0;
        let mut stopped = None;
        let read = source.changes(since, &mut |document| {
            let taken =
                if monitor.cancelled() { Err(VectorError::Cancelled) } else { self.document(&document) };
            done += 1;
            monitor.progress(Progress { phase: "indexing vectors".into(), done, total: None });
            // The source only learns that it should stop.
            taken.map_err(|error| {
                stopped = Some(error);
                VectorError::Cancelled
            })
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        let version = read?;
        self.remove_replaced();
        self.merge(monitor)?;
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        Ok((version, self.publish(version)?))
    }

    fn document(&mut self, document: &ChangedVectors<'_>) -> Result<(), VectorError> {
        for chunk in document.vectors {
            let (chunk_key, found) = (chunk.chunk_key, chunk.vector.len());
            if found != self.space.dimensions {
                return Err(VectorError::Length { chunk_key, expected: self.space.dimensions, found });
            }
            if !chunk.vector.iter().all(|component| component.is_finite()) {
                return Err(VectorError::NotFinite { chunk_key });
            }
        }
        if !self.documents.insert(document.document_key) {
            // What was taken over of it before does not count any more, and is somewhere among the new vectors.
            self.write_buffers()?;
            let again = HashSet::from([document.document_key]);
            self.segments
                .iter_mut()
                .filter(|segment| segment.is_new)
                .for_each(|segment| segment.remove(&again));
        }
        if !document.vectors.is_empty() {
            let buffer = self.buffers.entry(document.project.to_owned()).or_default();
            for chunk in document.vectors {
                self.buffered_bytes += buffer.push(document.document_key, chunk.chunk_key, chunk.vector);
            }
        }
        if self.buffered_bytes > self.buffered_limit { self.write_buffers() } else { Ok(()) }
    }

    /// Marks as gone what the state before had of the documents that changed.
    fn remove_replaced(&mut self) {
        for segment in self.segments.iter_mut().filter(|segment| !segment.is_new) {
            segment.remove(&self.documents);
        }
    }

    /// Makes a segment of each buffer.
    fn write_buffers(&mut self) -> Result<(), VectorError> {
        self.buffered_bytes = 0;
        for (project, buffer) in mem::take(&mut self.buffers) {
            let vectors = self.write(&[(buffer.entries(self.space.dimensions), None)])?;
            self.segments.push(new_segment(project, vectors));
        }
        Ok(())
    }

    /// Writes the buffers, and writes segments again as one where that is due.
    fn merge(&mut self, monitor: &dyn Monitor) -> Result<(), VectorError> {
        let mut projects: BTreeMap<String, (Vec<PendingSegment>, Option<Buffer>)> = BTreeMap::new();
        for segment in mem::take(&mut self.segments) {
            if segment.size().live > 0 {
                projects.entry(segment.segment.project.clone()).or_default().0.push(segment);
            }
        }
        for (project, buffer) in mem::take(&mut self.buffers) {
            projects.entry(project).or_default().1 = Some(buffer);
        }
        for (project, (segments, buffer)) in projects {
            self.merge_project(&project, segments, buffer, monitor)?;
        }
        Ok(())
    }

    fn merge_project(
        &mut self,
        project: &str,
        segments: Vec<PendingSegment>,
        buffer: Option<Buffer>,
        monitor: &dyn Monitor,
    ) -> Result<(), VectorError> {
        let fresh = buffer.as_ref().map(|buffer| buffer.entries(self.space.dimensions));
        let sizes = segments.iter().map(PendingSegment::size);
        let sizes: Vec<_> = sizes
            .chain(fresh.map(|entries| SegmentSize { entries: entries.len(), live: entries.len() }))
            .collect();
        let parts: Vec<_> = segments
            .iter()
            .map(|segment| (segment.segment.vectors.entries(), segment.tombstones()))
            .chain(fresh.map(|entries| (entries, None)))
            .collect();
        let mut merged = Vec::new();
        let is_new = sizes.len() > 1 && segments.iter().all(|segment| segment.is_new);
        for group in if is_new { merge::all_in_one(&sizes) } else { merge::plan(&sizes) } {
            if monitor.cancelled() {
                return Err(VectorError::Cancelled);
            }
            let is_fresh = group.members.end > segments.len();
            let vectors = if group.is_rewritten || is_fresh {
                Some(self.write(&parts[group.members.clone()])?)
            } else {
                None
            };
            merged.push((group.members, vectors));
        }
        let mut segments = segments.into_iter();
        for (members, vectors) in merged {
            let first = segments.by_ref().take(members.len()).last();
            self.segments.extend(match vectors {
                Some(vectors) => Some(new_segment(project.to_owned(), vectors)),
                None => first,
            });
        }
        Ok(())
    }

    fn write(
        &mut self,
        parts: &[(Entries<'_>, Option<&Tombstones>)],
    ) -> Result<QuantizedVectors, VectorError> {
        let number = self.number();
        self.written.push(manifest::vectors_file(number));
        QuantizedVectors::write(self.dir, number, self.space.dimensions, parts)
            .map_err(|error| self.failed(error))
    }

    /// Writes what is gone, then the manifest, and returns the state that it describes.
    fn publish(mut self, version: StoreVersion) -> Result<IndexSnapshot, VectorError> {
        let mut segments = Vec::with_capacity(self.segments.len());
        for PendingSegment { mut segment, tombstones, .. } in mem::take(&mut self.segments) {
            if let Some(tombstones) = tombstones {
                let number = self.number();
                self.written.push(manifest::tombstones_file(number));
                let record = tombstones.write(self.dir, number).map_err(|error| self.failed(error))?;
                segment.tombstones = Some(Arc::new(TombstoneFile { record, tombstones }));
            }
            segments.push(segment);
        }
        let state = Some((self.space, version));
        let records = segments.iter().map(VectorSegment::record).collect();
        let bytes = ScanManifest::new(state, *self.next_file, records).to_bytes();
        let snapshot = IndexSnapshot { state, segments, manifest: opening::digest(&bytes) };
        files::write_atomic_unsynced(&manifest::path(self.dir), &bytes)
            .map_err(|error| self.failed(error))?;
        let named: HashSet<String> = snapshot.file_names().collect();
        // Those that were merged at once are not needed any more.
        self.written.retain(|name| !named.contains(name));
        Ok(snapshot)
    }

    /// A number that no file has had.
    const fn number(&mut self) -> u64 {
        let number = *self.next_file;
        *self.next_file += 1;
        number
    }

    fn failed(&self, error: FileError) -> VectorError {
        VectorError::from_file(self.dir, "written", error)
    }
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        for name in &self.written {
            // What cannot be removed now is removed by the next writer that opens the index.
            drop(files::remove_file(&self.dir.join(name)));
        }
    }
}

fn new_segment(project: String, vectors: QuantizedVectors) -> PendingSegment {
    let segment = VectorSegment { project, vectors: Arc::new(vectors), tombstones: None };
    PendingSegment { segment, tombstones: None, is_new: true }
}
