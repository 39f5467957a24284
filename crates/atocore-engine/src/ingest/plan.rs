//! Compares what is on the disk with what the store knows, before anything is read or written.

use std::collections::{HashMap, HashSet};

use atocore_model::{digest::Digest, document::FileStamp};
use atocore_storage::{files, sqlite::DocumentRow};

use super::{Ingestion, Reach, walk::Found};
use crate::error::Error;

/// A file that has to be read, with the document it may be a new state of.
#[derive(Debug)]
pub(super) struct ToRead {
    pub(super) file: Found,
    pub(super) known: Option<DocumentRow>,
    /// The path under which the document was known, when it has moved.
    pub(super) renamed_from: Option<String>,
}

/// What a refresh will do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) to_read: Vec<ToRead>,
    /// Documents whose file is gone.
    pub(super) vanished: Vec<DocumentRow>,
    /// For every unchanged file, the root that it is below.
    pub(super) unchanged: Vec<usize>,
}

impl Plan {
    /// Decides for every file and every document. Reads files only to tell whether a new one is an old one that moved.
    pub(super) fn new(
        found: Vec<Found>,
        known: Vec<DocumentRow>,
        chunked_by: &str,
        reach: &Reach,
        ingestion: &Ingestion<'_>,
    ) -> Result<Self, Error> {
        let places: HashMap<&str, usize> =
            known.iter().enumerate().map(|(place, row)| (row.file_path.as_str(), place)).collect();
        let mut plan = Self { to_read: Vec::new(), vanished: Vec::new(), unchanged: Vec::new() };
        let mut on_disk = vec![false; known.len()];
        let mut new = HashSet::new();
        for file in found {
            let place = places.get(file.file_path.as_str()).copied();
            let again = match place {
                Some(place) => std::mem::replace(&mut on_disk[place], true),
                None => !new.insert(file.file_path.clone()),
            };
            if again {
                continue;
            }
            match place.map(|place| &known[place]) {
                Some(row)
                    if row.settled
                        && row.stamp == file.stamp
                        && row.chunked_by == chunked_by
                        && row.source_path == file.source_path.as_str() =>
                {
                    plan.unchanged.push(file.root);
                }
                known => plan.to_read.push(ToRead { file, known: known.cloned(), renamed_from: None }),
            }
        }
        plan.vanished = (known.into_iter().zip(on_disk))
            .filter(|(row, on_disk)| !on_disk && reach.knows_about(row.file_path.as_ref()))
            .map(|(row, _)| row)
            .collect();
        plan.vanished.sort_by(|a, b| a.file_path.cmp(&b.file_path));
        plan.to_read.sort_by(|a, b| a.file.file_path.cmp(&b.file.file_path));
        plan.follow_renames(ingestion)?;
        Ok(plan)
    }

    /// Finds new files with the bytes of vanished documents; of several, one with the same name first, then in the
    /// order of paths.
    fn follow_renames(&mut self, ingestion: &Ingestion<'_>) -> Result<(), Error> {
        if self.vanished.is_empty() {
            return Ok(());
        }
        let sizes: HashSet<u64> = self.vanished.iter().map(|row| row.stamp.size).collect();
        let candidates: Vec<usize> = (0..self.to_read.len())
            .filter(|i| self.to_read[*i].known.is_none() && sizes.contains(&self.to_read[*i].file.stamp.size))
            .collect();
        let mut digests: Vec<(usize, Digest)> = Vec::new();
        for index in candidates {
            if ingestion.monitor.cancelled() {
                return Err(Error::Cancelled);
            }
            if let Ok((_, digest)) = files::digest(&self.to_read[index].file.path) {
                digests.push((index, digest));
            }
        }
        for same_name in [true, false] {
            for (index, digest) in &digests {
                let file = &self.to_read[*index];
                if file.known.is_some() {
                    continue;
                }
                let name = file.file.source_path.file_name();
                let fits = |row: &DocumentRow| {
                    row.digest == *digest && (!same_name || row.source_path.rsplit('/').next() == Some(name))
                };
                if let Some(place) = self.vanished.iter().position(fits) {
                    let row = self.vanished.remove(place);
                    let file = &mut self.to_read[*index];
                    file.renamed_from = Some(row.source_path.clone());
                    file.known = Some(row);
                }
            }
        }
        Ok(())
    }
}

/// Whether a stamp, taken before `now_ns`, will tell whether the file was written again. One that was written just now
/// could be, without its time showing it.
pub(super) fn is_settled(stamp: FileStamp, now_ns: i128) -> bool {
    /// Some file systems count whole or even seconds only.
    const COARSE_NS: i128 = 2_000_000_000;
    /// The others follow the tick of the kernel.
    const FINE_NS: i128 = 50_000_000;
    let tick = if stamp.modified_ns % 1_000_000_000 == 0 { COARSE_NS } else { FINE_NS };
    i128::from(stamp.modified_ns) + tick < now_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_just_now_is_not_settled() {
        let now = 1_700_000_000_123_000_000_i128;
        let at = |ns: i128| is_settled(FileStamp { size: 1, modified_ns: i64::try_from(ns).unwrap() }, now);
        assert!(!at(now - 10_000_000));
        assert!(at(now - 60_000_000));
        assert!(!at(1_700_000_000_000_000_000 - 1_000_000_000));
        assert!(at(1_700_000_000_000_000_000 - 3_000_000_000));
        assert!(!at(now + 9_000_000_000));
    }
}
