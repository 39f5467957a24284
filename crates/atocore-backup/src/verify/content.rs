//! The third depth: the database holds what was recorded, and so does the copy of the vector store.

use atocore_model::{error::with_causes, snapshot::Depth};
use atocore_storage::sqlite::{StorageError, StoreRecord, inspect};

use super::{
    examination::Examination,
    structure::{self, PartFile},
    vector_store,
};
use crate::{
    BackupError,
    manifest::{Manifest, SnapshotRecord},
    take,
};

/// Looks into the databases.
pub(super) fn check(examination: &mut Examination<'_>, manifest: &Manifest) -> Result<(), BackupError> {
    let place = manifest.database();
    if let PartFile::File(path) = structure::part(examination, &place) {
        let name = structure::name(&place, "db");
        // Before anything is asked of it: what a foreign schema makes SQLite do is not known.
        if let Err(error @ StorageError::Schema { .. }) = inspect::schema(&path) {
            examination.find(Depth::Content, name, format!("schema_differs: {error}"));
            examination.proceed()?;
            return vector_store::check(examination, manifest);
        }
        let mut problems = Vec::new();
        match inspect::foreign_keys(&path) {
            Ok(rows) => problems.extend(
                rows.first()
                    .map(|first| format!("foreign_key_check_failed: {first} ({} rows in all)", rows.len())),
            ),
            // The structure has said that it cannot be opened.
            Err(_) if !examination.db_whole => {}
            Err(error) => problems.push(format!("foreign_key_check_failed: {}", with_causes(&error))),
        }
        if let Ok(vectors) = inspect::vectors(&path) {
            problems.extend(
                vectors.first().map(|first| {
                    format!("vector_check_failed: {first} ({} complaints in all)", vectors.len())
                }),
            );
        }
        match inspect::facts(&path) {
            Ok(facts) => problems.extend(
                facts
                    .first()
                    .map(|first| format!("fact_check_failed: {first} ({} complaints in all)", facts.len())),
            ),
            Err(StorageError::Value { what, value }) => {
                problems.push(format!("fact_check_failed: {what} cannot be read: `{value}`"));
            }
            // Anything else is said by what comes next.
            Err(_) => {}
        }
        match inspect::record(&path) {
            Ok(found) => {
                if let Some(record) = &manifest.atocore {
                    problems.extend(differences(&found, record));
                }
            }
            Err(_) if !examination.db_whole => {}
            Err(error @ (StorageError::Foreign | StorageError::Newer { .. })) => {
                problems.push(format!("schema_unknown: {error}"));
            }
            Err(error) => problems.push(format!("db_open_failed: {}", with_causes(&error))),
        }
        for problem in problems {
            examination.find(Depth::Content, name, problem);
        }
    }
    examination.proceed()?;
    vector_store::check(examination, manifest)
}

/// What the database says of itself and the metadata says otherwise.
fn differences(found: &StoreRecord, record: &SnapshotRecord) -> Vec<String> {
    let mut problems = Vec::new();
    let mut compare = |word: &str, what: &str, found: String, recorded: String| {
        if found != recorded {
            problems.push(format!("{word}: {what} {found} in the database, {recorded} recorded"));
        }
    };
    compare("schema_mismatch", "schema", found.schema_version.to_string(), record.schema_version.to_string());
    compare("store_mismatch", "store", found.store_id.clone(), record.store_id.clone());
    compare("generation_mismatch", "generation", found.generation.to_string(), record.generation.to_string());
    compare("generation_mismatch", "token", take::token(found), record.token.clone());
    let fingerprint = |of: &Option<String>| of.clone().unwrap_or_else(|| "none".to_owned());
    compare(
        "vector_fingerprint_mismatch",
        "vector fingerprint",
        fingerprint(&found.vector_fingerprint),
        fingerprint(&record.vector_fingerprint),
    );
    let (rows, recorded) = (take::counts(found), record.counts);
    for (what, rows, recorded) in [
        ("documents", rows.documents, recorded.documents),
        ("chunks", rows.chunks, recorded.chunks),
        ("operations", rows.operations, recorded.operations),
        ("vectors", rows.vectors, recorded.vectors),
        ("project_state", rows.project_state, recorded.project_state),
        ("memories", rows.memories, recorded.memories),
        ("interactions", rows.interactions, recorded.interactions),
        ("fact_changes", rows.fact_changes, recorded.fact_changes),
    ] {
        compare("count_mismatch", what, rows.to_string(), recorded.to_string());
    }
    problems
}
