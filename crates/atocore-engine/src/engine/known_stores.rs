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

/// The id of the store that was last in the data directory, by whatever path that is reached.
pub(crate) fn id_of(layout: &Layout) -> Option<String> {
    let mut known = read(&layout.known_stores());
    names_of(layout).iter().find_map(|name| known.remove(name))
}

/// Remembers the store of the data directory. Where that cannot be written its loss would not be noticed by this;
/// `doctor` says so.
pub(super) fn remember(layout: &Layout, store_id: &str) {
    let path = layout.known_stores();
    let mut known = read(&path);
    let names = names_of(layout);
    if names.iter().any(|name| known.get(name).map(String::as_str) != Some(store_id)) {
        known.extend(names.into_iter().map(|name| (name, store_id.to_owned())));
        let written = serde_json::to_vec_pretty(&known).map(|bytes| files::write_atomic(&path, &bytes));
        drop(written);
    }
}

/// The data directory without links, and as it is named in its folder: one that is a link leads nowhere when its disk is not
/// mounted.
fn names_of(layout: &Layout) -> Vec<String> {
    let mut paths = vec![files::resolved(&layout.data)];
    if let (Some(above), Some(name)) = (layout.data.parent(), layout.data.file_name()) {
        paths.push(files::resolved(above).join(name));
    }
    paths.dedup();
    paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

fn read(path: &Path) -> KnownStores {
    let bytes = match files::kind(path) {
        Ok(Some(Kind::File(size))) if size <= MOST_BYTES => files::read_if_present(path),
        _ => Ok(None),
    };
    serde_json::from_slice(&bytes.ok().flatten().unwrap_or_default()).unwrap_or_default()
}
