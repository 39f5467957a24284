//! Looks at the collections of ours in the database of a Chroma server, `chroma.sqlite3`: what they say they hold, and
//! how many records they have.
//!
//! The server writes every change to a queue first and takes it up a moment later, after a crash at its next start. So
//! what waits there counts as well. See `docs/backup-format.md`.

use std::{collections::HashMap, path::Path, time::Duration};

use atocore_model::id::{Generation, StoreVersion};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::open;
use crate::sqlite::{ReadTransaction, StorageError, refuse_programs};

/// How long to wait for a server that is just writing.
const PATIENCE: Duration = Duration::from_secs(5);

/// A collection that AtoCore made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCollection {
    /// The tenant it belongs to.
    pub tenant: String,
    /// The database of the tenant.
    pub database: String,
    /// Its name.
    pub name: String,
    /// The state of the store that it holds.
    pub version: StoreVersion,
    /// How many records it has.
    pub records: u64,
    /// Whether somebody began to change it and did not end: then it has records of a newer state, too.
    pub open: bool,
}

/// The collections of ours that are filled, in the database file of a server that nobody writes to.
///
/// # Errors
/// When it is no database of a Chroma server that is understood.
pub fn collections(path: &Path) -> Result<Vec<StoredCollection>, StorageError> {
    read(&open(path)?)
}

/// As [`collections`], of a server that may be running. For a process that has the file open in no other way.
///
/// # Errors
/// As [`collections`].
pub fn live_collections(path: &Path) -> Result<Vec<StoredCollection>, StorageError> {
    if !path.is_file() {
        return Err(StorageError::Missing(path.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    crate::sqlite::harden(&connection)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("BEGIN")?;
    read(&connection)
}

/// How many vectors an index has that shows the store in that file as of `version`.
///
/// `None` when that cannot be known, because documents or vectors have changed since, or `version` is not part of its
/// history.
///
/// # Errors
/// When it is not a store of AtoCore.
pub fn vectors_shown(path: &Path, version: StoreVersion) -> Result<Option<u64>, StorageError> {
    let connection = open(path)?;
    let store = ReadTransaction { connection: &connection };
    let changed = store.last_document_change()?.max(store.last_vector_change()?);
    if changed > version.generation || !store.has(version)? {
        return Ok(None);
    }
    let shown = connection.query_row(
        "SELECT count(*) FROM source_chunks c JOIN embeddings e ON e.text_digest = c.text_digest
         JOIN embedding_spaces s ON s.id = e.space_id
         WHERE s.id = (SELECT serving_space FROM store) AND length(e.vector) = 4 * s.dimensions",
        [],
        |row| row.get(0),
    )?;
    Ok(Some(shown))
}

fn read(connection: &Connection) -> Result<Vec<StoredCollection>, StorageError> {
    refuse_programs(connection)?;
    let mut statement = connection.prepare(
        "SELECT c.id, d.tenant_id, d.name, c.name FROM collections c JOIN databases d ON d.id = c.database_id
         ORDER BY d.tenant_id, d.name, c.name",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut found = Vec::new();
    for (id, tenant, database, name) in rows.collect::<Result<Vec<(String, _, _, _)>, _>>()? {
        let Some((version, open)) = state(connection, &id)? else { continue };
        let records = records(connection, &id)?;
        found.push(StoredCollection { tenant, database, name, version, records, open });
    }
    Ok(found)
}

/// What a collection says it holds; `None` when it is none of ours, or is not filled yet.
fn state(connection: &Connection, id: &str) -> Result<Option<(StoreVersion, bool)>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, str_value, int_value, bool_value FROM collection_metadata WHERE collection_id = ?1",
    )?;
    let (mut is_ours, mut generation, mut token, mut open) = (false, None, None, false);
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let (key, number): (String, Option<i64>) = (row.get(0)?, row.get(2)?);
        match key.as_str() {
            "atocore" => is_ours = number.is_some(),
            "generation" => generation = number.and_then(|number| u64::try_from(number).ok()),
            "token" => token = row.get::<_, Option<String>>(1)?.and_then(|digits| digits.parse().ok()),
            "open" => open = row.get::<_, Option<bool>>(3)?.unwrap_or_default(),
            _ => {}
        }
    }
    let version = generation
        .zip(token)
        .map(|(generation, token)| StoreVersion { generation: Generation(generation), token });
    Ok(version.filter(|_| is_ours).map(|version| (version, open)))
}

/// The records of a collection, with what waits in the queue.
fn records(connection: &Connection, id: &str) -> Result<u64, StorageError> {
    /// What the queue calls taking a record out, and changing one that is there.
    const DELETE: i64 = 3;
    const UPDATE: i64 = 1;
    let segment: Option<String> = connection
        .prepare_cached("SELECT id FROM segments WHERE collection = ?1 AND scope = 'METADATA'")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(segment) = segment else { return Ok(0) };
    let taken_up: u64 = connection
        .prepare_cached("SELECT count(*) FROM embeddings WHERE segment_id = ?1")?
        .query_row([&segment], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT q.id, q.operation, EXISTS
            (SELECT 1 FROM embeddings e WHERE e.segment_id = ?2 AND e.embedding_id = q.id)
         FROM embeddings_queue q WHERE q.topic LIKE '%/' || ?1
            AND q.seq_id > coalesce((SELECT seq_id FROM max_seq_id WHERE segment_id = ?2), 0) ORDER BY q.seq_id",
    )?;
    let mut waiting: HashMap<String, (bool, bool)> = HashMap::new();
    let mut rows = statement.query([id, &segment])?;
    while let Some(row) = rows.next()? {
        let (record, operation, before): (String, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (_, after) = waiting.entry(record).or_insert((before, before));
        match operation {
            DELETE => *after = false,
            UPDATE => {}
            _ => *after = true,
        }
    }
    let added = waiting.values().filter(|(before, after)| *after && !before).count() as u64;
    let gone = waiting.values().filter(|(before, after)| *before && !after).count() as u64;
    Ok((taken_up + added).saturating_sub(gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of a server as far as they are looked at.
    fn server() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE databases (id, name, tenant_id);
                 CREATE TABLE collections (id, name, database_id);
                 CREATE TABLE collection_metadata (collection_id, key, str_value, int_value, bool_value);
                 CREATE TABLE segments (id, scope, collection);
                 CREATE TABLE embeddings (segment_id, embedding_id);
                 CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, topic, id, operation);
                 CREATE TABLE max_seq_id (segment_id, seq_id INTEGER);
                 INSERT INTO databases VALUES ('d', 'default', 'tenant');
                 INSERT INTO collections VALUES ('c1', 'ours', 'd'), ('c2', 'theirs', 'd'), ('c3', 'empty', 'd');
                 INSERT INTO collection_metadata VALUES ('c1', 'atocore', NULL, 1, NULL),
                    ('c1', 'generation', NULL, 7, NULL), ('c1', 'token', '18446744073709551615', NULL, NULL),
                    ('c1', 'open', NULL, NULL, 1), ('c2', 'generation', NULL, 7, NULL),
                    ('c2', 'token', '5', NULL, NULL), ('c3', 'atocore', NULL, 1, NULL);
                 INSERT INTO segments VALUES ('v', 'VECTOR', 'c1'), ('m', 'METADATA', 'c1');
                 INSERT INTO embeddings VALUES ('m', 'a'), ('m', 'b'), ('other', 'z');
                 INSERT INTO max_seq_id VALUES ('m', 10);",
            )
            .unwrap();
        connection
    }

    fn queue(connection: &Connection, changes: &[(&str, i64)]) {
        for (id, operation) in changes {
            let topic = "persistent://default/default/c1";
            let insert = "INSERT INTO embeddings_queue (seq_id, topic, id, operation)
                VALUES ((SELECT coalesce(max(seq_id), 10) + 1 FROM embeddings_queue), ?1, ?2, ?3)";
            connection.execute(insert, (topic, id, operation)).unwrap();
        }
    }

    #[test]
    fn only_collections_of_ours_that_are_filled_are_told() {
        let found = read(&server()).unwrap();
        let version = StoreVersion { generation: Generation(7), token: u64::MAX };
        let (tenant, database, name) = ("tenant".to_owned(), "default".to_owned(), "ours".to_owned());
        assert_eq!(found, [StoredCollection { tenant, database, name, version, records: 2, open: true }]);
    }

    #[test]
    fn what_waits_in_the_queue_counts_and_what_was_taken_up_does_not_count_again() {
        for (changes, expected) in [
            (&[("c", 0), ("d", 2)][..], 4),
            (&[("a", 2), ("b", 1)][..], 2),
            (&[("a", 3)][..], 1),
            (&[("c", 2), ("c", 3), ("a", 3), ("a", 2)][..], 2),
            (&[("c", 1), ("c", 3)][..], 2),
        ] {
            let connection = server();
            connection
                .execute_batch(
                    "INSERT INTO embeddings_queue VALUES (9, 'persistent://default/default/c1', 'a', 3),
                        (10, 'persistent://default/default/c2', 'y', 0)",
                )
                .unwrap();
            queue(&connection, changes);
            assert_eq!(records(&connection, "c1").unwrap(), expected, "{changes:?}");
        }
    }

    #[test]
    fn a_database_of_something_else_is_an_error() {
        assert!(read(&Connection::open_in_memory().unwrap()).is_err());
    }
}
