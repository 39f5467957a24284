//! Brings the index to the newest state: by a frame in the log where little changed, by a new base where much did.

use std::{mem, path::Path, sync::Arc};

use atocore_model::{
    id::StoreVersion,
    monitor::{Monitor, Progress},
};

use super::{
    base::BaseWriter,
    document::OwnedDocument,
    index_snapshot::IndexSnapshot,
    log::{self, ChangedDocuments, LogContent},
};
use crate::vector::{ChangedVectors, VectorError, VectorSource, VectorSpace};

/// The next state while it is read from the source. Nothing of it is visible before it is published.
pub(super) struct IndexUpdate<'a> {
    dir: &'a Path,
    space: VectorSpace,
    /// What it begins with; `None` when everything is read again.
    before: Option<&'a IndexSnapshot>,
    /// More bytes than this are not appended to the log.
    room: usize,
    pending: ChangedDocuments,
    pending_bytes: usize,
    /// The new base, once it is clear that there will be one: everything goes there then.
    writer: Option<BaseWriter>,
}

impl<'a> IndexUpdate<'a> {
    pub(super) fn new(
        dir: &'a Path,
        space: VectorSpace,
        before: Option<&'a IndexSnapshot>,
        room: usize,
    ) -> Self {
        Self { dir, space, before, room, pending: ChangedDocuments::new(), pending_bytes: 0, writer: None }
    }

    /// Reads what changed, and shows it in the folder in one step.
    pub(super) fn run(
        mut self,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<(StoreVersion, IndexSnapshot), VectorError> {
        let since = self.before.and_then(IndexSnapshot::version);
        let mut done = 0;
        let mut stopped = None;
        let read = source.changes(since, &mut |document| {
            let taken = if monitor.cancelled() { Err(VectorError::Cancelled) } else { self.put(&document) };
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
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        let snapshot = match self.append(version)? {
            Some(snapshot) => snapshot,
            None => self.write_base(version, monitor)?,
        };
        Ok((version, snapshot))
    }

    fn put(&mut self, document: &ChangedVectors<'_>) -> Result<(), VectorError> {
        let own = OwnedDocument::quantised(document, self.space)?;
        self.pending_bytes += own.stored().entries.bytes();
        let _former = self.pending.insert(document.document_key, Arc::new(own));
        if self.pending_bytes > self.room { self.spill() } else { Ok(()) }
    }

    /// Moves what is in memory to the new base.
    fn spill(&mut self) -> Result<(), VectorError> {
        self.writer = Some(self.filled_writer()?);
        Ok(())
    }

    /// The writer of the new base, which has got all that was in memory.
    fn filled_writer(&mut self) -> Result<BaseWriter, VectorError> {
        let failed = |error| VectorError::from_file(self.dir, "written", error);
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => BaseWriter::create(self.dir, self.space).map_err(failed)?,
        };
        let pending = mem::take(&mut self.pending);
        writer.put(pending.values().map(|document| document.stored()).collect()).map_err(failed)?;
        self.pending_bytes = 0;
        Ok(writer)
    }

    /// Appends what changed to the log and returns the new state; `None` when there must be a new base.
    fn append(&self, version: StoreVersion) -> Result<Option<IndexSnapshot>, VectorError> {
        let has_room = self.writer.is_none() && self.pending_bytes < self.room;
        let Some(before) = self.before.filter(|_| has_room) else { return Ok(None) };
        let end = log::append(self.dir, before.end, version, &self.pending)
            .map_err(|error| VectorError::from_file(self.dir, "written", error))?;
        let Some(end) = end else { return Ok(None) };
        let mut changed = before.changed.clone();
        changed.extend(self.pending.iter().map(|(key, document)| (*key, Arc::clone(document))));
        let log = LogContent { version: Some(version), changed, end };
        Ok(Some(IndexSnapshot::new(Arc::clone(&before.base), log)))
    }

    /// Writes a base of what changed and what did not, in the place of the former one and its log.
    fn write_base(
        mut self,
        version: StoreVersion,
        monitor: &dyn Monitor,
    ) -> Result<IndexSnapshot, VectorError> {
        let mut writer = self.filled_writer()?;
        let dir = self.dir;
        let failed = |error| VectorError::from_file(dir, "written", error);
        if let Some(before) = self.before {
            let kept = before.documents().filter(|document| !writer.has(document.document_key)).collect();
            writer.put(kept).map_err(failed)?;
        }
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        writer.publish(dir, version).map_err(failed)?;
        IndexSnapshot::load(dir, None)
    }
}
