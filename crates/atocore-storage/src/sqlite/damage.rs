//! Damage of the store: what SQLite met, and kept in mind until the store is closed. Nothing is written into a store that
//! is known to be damaged, and no recovery point is taken of it.

use super::{ReadError, StorageError, Store};

/// More complaints than these are not asked for.
const MOST_COMPLAINTS: usize = 100;

impl Store {
    /// What damage was met since the store was opened; `None` while none was.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// Has SQLite read every page of the store, and says what damage is known then. Much quicker than a check of what the
    /// rows and indexes say of each other.
    ///
    /// # Errors
    /// When the store cannot be read for a reason other than damage.
    pub fn look_for_damage(&self) -> Result<Option<&str>, StorageError> {
        let complaints = self.read_from_disk(|read| complaints(read.connection, "quick_check"));
        self.met(complaints)
    }

    /// As [`Store::look_for_damage`], with SQLite's whole check: what a snapshot must stand to be restored.
    ///
    /// # Errors
    /// As [`Store::look_for_damage`].
    pub fn look_for_any_damage(&self) -> Result<Option<&str>, StorageError> {
        let complaints = self.read_from_disk(|read| read.integrity());
        self.met(complaints)
    }

    fn met(&self, complaints: Result<Vec<String>, StorageError>) -> Result<Option<&str>, StorageError> {
        match complaints {
            Ok(complaints) => {
                if let Some(why) = summary(&complaints) {
                    drop(self.damage.set(why));
                }
            }
            Err(error) if !matches!(error, StorageError::Damaged(_)) && self.damage().is_none() => {
                return Err(error);
            }
            Err(_) => {}
        }
        Ok(self.damage())
    }

    /// Keeps in mind that SQLite met damage, whatever error it comes out as.
    pub(super) fn noted<T, E: ReadError>(&self, outcome: Result<T, E>) -> Result<T, E> {
        if let Some(why) = outcome.as_ref().err().and_then(ReadError::damage) {
            drop(self.damage.set(why));
        }
        outcome
    }

    pub(super) fn refuse_damaged(&self) -> Result<(), StorageError> {
        self.damage().map_or(Ok(()), |why| Err(StorageError::damaged(why)))
    }
}

/// What one of SQLite's checks complains about, one line each; empty when the database is whole.
pub(super) fn complaints(
    connection: &rusqlite::Connection,
    check: &str,
) -> Result<Vec<String>, StorageError> {
    let mut statement = connection.prepare(&format!("PRAGMA {check}({MOST_COMPLAINTS})"))?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    // It tells what it finds of the pages as one row.
    let lines = rows.iter().flat_map(|row| row.lines());
    Ok(lines
        .filter(|line| *line != "ok" && !line.starts_with("*** in database"))
        .map(str::to_owned)
        .collect())
}

/// Many complaints in one line: how many, and the first.
fn summary(complaints: &[String]) -> Option<String> {
    match complaints {
        [] => None,
        [one] => Some(one.clone()),
        [first, more @ ..] => {
            let at_least = if complaints.len() >= MOST_COMPLAINTS { "at least " } else { "" };
            Some(format!("{first} (and {at_least}{} more)", more.len()))
        }
    }
}
