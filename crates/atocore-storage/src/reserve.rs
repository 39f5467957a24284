//! Room that is kept back on the disk of the store, so that the store can be opened when that disk is full.
//!
//! To look at it, and to take a snapshot to another disk, SQLite needs some pages of shared memory and the owner a note.
//! It is a file that means nothing. A little of it is given up at a time, and it is made anew once there is room again.

use std::path::Path;

use crate::files::{self, FileError};

/// What is kept back.
pub const SIZE_BYTES: u64 = 12 * STEP_BYTES;

/// What is given up at a time: little more than opening a store takes, which is the shared memory of SQLite, 32 KiB, and
/// the note of the owner. Both are given back when the store is closed; so it lasts for any number of openings, and is not
/// spent on writes, which are refused.
const STEP_BYTES: u64 = 44 << 10;

/// Nothing is kept back where less than this is free: the disk is about to be full without us.
const LEAST_FREE_BYTES: u64 = 8 << 20;

/// Keeps room back in the file `path`, unless it is there already or the disk has too little.
///
/// # Errors
/// When the file cannot be written; nothing of it is left then.
///
/// # Durability
/// None is needed.
pub fn keep(path: &Path) -> Result<(), FileError> {
    if files::size_if_present(path)? >= SIZE_BYTES || files::free_bytes(path)? < LEAST_FREE_BYTES {
        return Ok(());
    }
    // Left by a process that was killed here, which must not add up.
    files::remove_staged(path)?;
    // Bytes that no file system can store in less room than they take.
    let mut bytes = vec![0; usize::try_from(SIZE_BYTES).unwrap_or_default()];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    files::write_atomic_unsynced(path, &bytes)
}

/// Gives up some of the room; `false` when there is none left.
///
/// # Errors
/// When the file cannot be shortened.
pub fn give(path: &Path) -> Result<bool, FileError> {
    let size = files::size_if_present(path)?;
    match size.saturating_sub(STEP_BYTES) {
        0 if size == 0 => Ok(false),
        0 => files::remove_file(path).map(|()| true),
        left => files::shorten(path, left).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_space_is_released_in_steps_and_reserved_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        assert!(!give(&path).unwrap(), "there is nothing to give up yet");
        keep(&path).unwrap();
        assert_eq!(files::size_if_present(&path).unwrap(), SIZE_BYTES);
        let mut given = 0;
        while give(&path).unwrap() {
            given += 1;
        }
        assert_eq!(given * STEP_BYTES, SIZE_BYTES);
        assert!(!path.exists());
        keep(&path).unwrap();
        assert!(give(&path).unwrap());
        keep(&path).unwrap();
        assert_eq!(files::size_if_present(&path).unwrap(), SIZE_BYTES);
    }
}
