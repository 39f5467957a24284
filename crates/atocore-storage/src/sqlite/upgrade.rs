//! A copy of the store as it was before an upgrade of its schema: the program that wrote it can go on with it.

use std::{
    io,
    path::{Path, PathBuf},
};

use atocore_model::monitor::Silent;
use rusqlite::Connection;

use super::{ReadTransaction, StorageError, copy};
use crate::files::{self, FileError};

/// What stays free beside the copy.
const SLACK_BYTES: u64 = 16 << 20;

/// That opening a store has upgraded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The schema it had.
    pub from: u32,
    /// Where it lies as it was; `None` when no copy was asked for.
    pub kept: Option<PathBuf>,
}

/// Copies a store of an older schema into `folder`, where only the newest such copy is kept, and returns where it lies.
///
/// # Errors
/// When there is no room, or it cannot be copied; the store is then as it was, and so is the folder.
///
/// # Durability
/// The copy is on disk, under its name, when this returns `Ok`.
pub(super) fn keep(connection: &Connection, schema: u32, folder: &Path) -> Result<PathBuf, StorageError> {
    files::create_dirs_synced(folder)?;
    let needed = ReadTransaction { connection }.size_bytes()?.saturating_add(SLACK_BYTES);
    if files::free_bytes(folder)? < needed {
        let (action, path) = ("keep a copy of the store before its upgrade in", folder.to_owned());
        return Err(FileError { action, path, source: io::ErrorKind::StorageFull.into() }.into());
    }
    let (incoming, kept) = (folder.join("incoming.db"), folder.join(format!("schema-{schema}.db")));
    files::remove_file(&incoming)?;
    connection.execute_batch("BEGIN")?;
    let copied = copy::stepped(connection, &incoming, &Silent, &|| Ok(()));
    connection.execute_batch("ROLLBACK")?;
    let placed = copied
        .and_then(|()| copy::UnsyncedCopy::settle(&incoming)?.sync())
        .and_then(|()| Ok(files::rename(&incoming, &kept)?));
    if let Err(error) = placed {
        drop(files::remove_file(&incoming));
        return Err(error);
    }
    for other in files::list(folder)? {
        if other != kept {
            files::remove_file(&other)?;
        }
    }
    Ok(kept)
}
