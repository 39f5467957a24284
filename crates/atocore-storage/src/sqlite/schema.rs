//! What a store of a version holds besides rows: the tables and indexes that its migrations make, and nothing else.
//!
//! A trigger or a view is a program that SQLite runs when somebody writes or asks. A store that came from elsewhere, with
//! a restore for example, must not bring any; nor must the database of a vector store, whose tables are its own affair.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{StorageError, harden, migrate};

/// What SQLite keeps about the contents of tables when somebody has asked it to; it is not ours, and no harm.
const STATISTICS: [(&str, &str); 2] = [
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    ("sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
];

/// A line of `sqlite_schema`; the statement without the whitespace that means nothing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SchemaObject {
    kind: String,
    name: String,
    table: String,
    statement: String,
}

impl SchemaObject {
    fn shown(&self) -> String {
        format!("{} `{}`", self.kind.escape_debug(), self.name.escape_debug())
    }
}

/// Compares the schema of an open database with what the migrations make up to `version`.
///
/// # Errors
/// [`StorageError::Schema`] with the first difference; or when the schema cannot be read.
pub(super) fn compare(connection: &Connection, version: u32) -> Result<(), StorageError> {
    let (mut expected, found) = (expected(version)?, objects(connection)?);
    let differs = |how: &str, object: &SchemaObject| {
        Err(StorageError::Schema { version, what: format!("{how} {}", object.shown()) })
    };
    for object in found.iter().filter(|object| !is_statistics(object)) {
        if !expected.remove(object) {
            let has_name = |other: &SchemaObject| {
                other.kind == object.kind && other.name.eq_ignore_ascii_case(&object.name)
            };
            let is_other = expected.iter().any(has_name);
            return differs(
                if is_other { "it has another definition of the" } else { "it must not have the" },
                object,
            );
        }
    }
    expected.first().map_or(Ok(()), |missing| differs("it lacks the", missing))
}

/// Refuses a database of another program that has anything but tables and indexes. No release of Chroma makes a trigger
/// or a view; its virtual table is a full-text index.
///
/// # Errors
/// [`StorageError::Program`]; or when the schema cannot be read.
pub(crate) fn refuse_programs(connection: &Connection) -> Result<(), StorageError> {
    let is_program = |object: &SchemaObject| match object.kind.as_str() {
        "table" => object.statement.starts_with("CREATE VIRTUAL") && !is_full_text_index(&object.statement),
        kind => kind != "index",
    };
    let found = objects(connection)?.into_iter().find(is_program);
    found.map_or(Ok(()), |program| Err(StorageError::Program(program.shown())))
}

/// Whether the name of the table is a plain word, so that nothing in it can be taken for the name of the module.
fn is_full_text_index(statement: &str) -> bool {
    let names = statement.strip_prefix("CREATE VIRTUAL TABLE ").and_then(|rest| rest.split_once(' '));
    names.is_some_and(|(name, module)| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && module.starts_with("USING fts5(")
    })
}

fn is_statistics(object: &SchemaObject) -> bool {
    let is = |(name, statement): (&str, &str)| object.name == name && object.statement == statement;
    object.kind == "table" && STATISTICS.into_iter().any(is)
}

fn expected(version: u32) -> Result<BTreeSet<SchemaObject>, StorageError> {
    let fresh = Connection::open_in_memory()?;
    harden(&fresh)?;
    for statements in migrate::statements(version) {
        fresh.execute_batch(statements)?;
    }
    objects(&fresh)
}

fn objects(connection: &Connection) -> Result<BTreeSet<SchemaObject>, StorageError> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let text: String = row.get(3)?;
        Ok(SchemaObject {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            statement: text.split_whitespace().collect::<Vec<_>>().join(" "),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
