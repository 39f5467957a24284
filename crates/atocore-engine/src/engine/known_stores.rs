//! Which data directories had a store, in a file beside the registry. Where the disk of the data is not mounted, or its folder
//! was deleted, nothing else tells an installation that has lost its store from one that never had any.

use std::{collections::BTreeMap, path::Path};

use atocore_storage::{
    files::{self, Kind},
    layout::Layout,
};

/// More than these would be a file of somebody else.
const MOST_BYTES: u64 = 1 << 20;

/// The ids of the stores, by data directory. What cannot be read knows none.
type KnownStores = BTreeMap<String, String>;

/// Whether there was a store in the data directory.
pub(super) fn had_one(layout: &Layout) -> bool {
    read(&layout.known_stores()).contains_key(&name_of(layout))
}

/// Remembers the store of the data directory. Failing does no harm but that its loss would not be noticed by this.
pub(super) fn remember(layout: &Layout, store_id: String) {
    let path = layout.known_stores();
    let mut known = read(&path);
    if known.get(&name_of(layout)) != Some(&store_id) {
        known.insert(name_of(layout), store_id);
        let written = serde_json::to_vec_pretty(&known).map(|bytes| files::write_atomic(&path, &bytes));
        drop(written);
    }
}

fn name_of(layout: &Layout) -> String {
    std::path::absolute(&layout.data).unwrap_or_else(|_| layout.data.clone()).to_string_lossy().into_owned()
}

fn read(path: &Path) -> KnownStores {
    let bytes = match files::kind(path) {
        Ok(Some(Kind::File(size))) if size <= MOST_BYTES => files::read_if_present(path),
        _ => Ok(None),
    };
    serde_json::from_slice(&bytes.ok().flatten().unwrap_or_default()).unwrap_or_default()
}
