//! Whether the disks have room for what is written next.

use std::path::{Path, PathBuf};

use atocore_storage::files;

use super::{Findings, Level};
use crate::{engine::Engine, error::Error};

/// With less than this free, the next write may not be committed: the log of the store takes what a transaction
/// changes, and is checkpointed, and so can be reused, only after some MiB.
const LEAST_BYTES: u64 = 16 << 20;

/// A disk, and what is written to it next.
struct DiskUse {
    /// What lies there.
    what: &'static str,
    /// Where.
    place: PathBuf,
    /// Bytes that must be free for it.
    needed: u64,
    /// What needs them.
    by: &'static str,
}

impl Findings {
    /// Looks at the free space where the store, the indexes and the snapshots lie.
    ///
    /// What is enough: for the store 16 MiB, which is its log before a checkpoint; for the indexes as much as they take
    /// now and 16 MiB, because merging and building anew write a new one beside the old; for the snapshots the size of the
    /// store and 16 MiB, which is the next snapshot. A disk with less than 1 MiB is full: that is a problem, the rest
    /// warnings. Quotas and the number of files are not seen.
    pub(super) fn disks(&mut self, engine: &Engine) {
        let parts = match parts(engine) {
            Ok(parts) => parts,
            Err(error) => return self.failed("disk", &error),
        };
        let before = self.list.len();
        for part in &parts {
            if files::is_on_read_only_disk(&part.place) {
                let (what, place) = (part.what, part.place.display());
                let message = format!("the disk of {what}, `{place}`, is mounted read-only");
                let hint = "see why (`dmesg`), then mount it for writing again";
                self.add("disk", Level::Problem, message, Some(hint));
                continue;
            }
            match files::free_bytes(&part.place) {
                Ok(free) => self.disk(part, free),
                Err(error) => self.failed("disk", &error.into()),
            }
        }
        if self.list.len() == before {
            let message = "there is room for the store, the indexes and the next snapshot".to_owned();
            self.add("disk", Level::Ok, message, None);
        }
        let layout = engine.layout();
        if files::are_on_one_disk(&layout.data, &layout.backups).unwrap_or(false) {
            let message = format!(
                "the snapshots in `{}` lie on the disk of the store, and are lost with it: ATOCORE_BACKUP_DIR can name a folder on another one",
                layout.backups.display()
            );
            self.add("disk", Level::Ok, message, None);
        }
    }

    fn disk(&mut self, DiskUse { what, place, needed, by }: &DiskUse, free: u64) {
        if free >= *needed {
            return;
        }
        let level = if free < FULL_BYTES { Level::Problem } else { Level::Warning };
        let place = place.display();
        let message =
            format!("the disk of {what}, `{place}`, has {free} bytes free, and {by} may take {needed}");
        self.add("disk", level, message, Some(&format!("free some room on the disk of `{place}`")));
    }
}

/// A disk with less than this is full.
const FULL_BYTES: u64 = 1 << 20;

fn parts(engine: &Engine) -> Result<Vec<DiskUse>, Error> {
    let layout = engine.layout();
    // Of a store that is damaged or not open the next snapshot is none.
    let store = match engine.store_if_any() {
        Ok(Some(store)) if store.damage().is_none() => store.read(|read| read.size_bytes())?,
        _ => 0,
    };
    let indexes = layout.lexical_index().parent().map(Path::to_owned).unwrap_or_default();
    let index = files::tree_bytes(&indexes)?;
    let folder = layout.database().parent().map(Path::to_owned).unwrap_or_default();
    Ok(vec![
        DiskUse { what: "the store", place: folder, needed: LEAST_BYTES, by: "its log" },
        DiskUse {
            what: "the indexes",
            place: indexes,
            needed: index.saturating_add(LEAST_BYTES),
            by: "merging or building them anew",
        },
        DiskUse {
            what: "the snapshots",
            place: layout.backups.clone(),
            needed: store.saturating_add(LEAST_BYTES),
            by: "the next snapshot",
        },
    ])
}
