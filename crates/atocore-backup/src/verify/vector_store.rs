//! What the third depth looks at in the copy of the vector store: every database in it can be read, and the collection
//! that was in use holds what is recorded, and what the store holds.

use std::convert::Infallible;

use atocore_chroma::read_export;
use atocore_model::{
    error::with_causes,
    id::{Generation, StoreVersion},
    snapshot::Depth,
};
use atocore_storage::{
    files::Kind,
    sqlite::{
        StorageError,
        inspect::{self, StoredCollection},
    },
};

use super::{
    examination::Examination,
    structure::{self, PartFile},
};
use crate::{
    BackupError,
    manifest::{CollectionForm, CollectionRecord, Manifest},
    take, tree, vectors,
};

/// The database of a Chroma server, in its folder.
const DATABASE: &str = "chroma/chroma.sqlite3";

/// Looks into the copy of the vector store, when there is one.
pub(super) fn check(examination: &mut Examination<'_>, manifest: &Manifest) -> Result<(), BackupError> {
    if !manifest.has_vector_store() {
        return Ok(());
    }
    let safe = databases(examination)?;
    if let Some(recorded) = manifest.collection().filter(|_| safe) {
        examination.proceed()?;
        for (file, problem) in collection(examination, manifest, recorded) {
            examination.find(Depth::Content, file, problem);
        }
    }
    Ok(())
}

/// What is wrong with the collection, each with the file it is about.
fn collection(
    examination: &Examination<'_>,
    manifest: &Manifest,
    recorded: &CollectionRecord,
) -> Vec<(&'static str, String)> {
    let (file, read) = match recorded.form {
        CollectionForm::Directory => (DATABASE, in_folder(examination, recorded)),
        CollectionForm::Export => ("chroma", exported(examination)),
    };
    let found = match read {
        Ok(found) => found,
        Err(problem) => return vec![(file, problem)],
    };
    let mut problems = Vec::new();
    let mut compare = |word: &str, what: &str, found: String, recorded: &str| {
        if found != recorded {
            let problem =
                format!("{word}: {what} {found} in the copy of the vector store, {recorded} recorded");
            problems.push((file, problem));
        }
    };
    let name = |tenant: &str, database: &str, name: &str| format!("{tenant}/{database}/{name}");
    let (found_name, recorded_name) = (
        name(&found.tenant, &found.database, &found.name),
        name(&recorded.tenant, &recorded.database, &recorded.name),
    );
    compare("chroma_collection_mismatch", "collection", found_name, &recorded_name);
    let (generation, token) = (recorded.generation.to_string(), &recorded.token);
    compare("chroma_generation_mismatch", "generation", found.version.generation.to_string(), &generation);
    compare("chroma_generation_mismatch", "token", take::token_text(found.version.token), token);
    compare("chroma_count_mismatch", "records", found.records.to_string(), &recorded.records.to_string());
    problems.extend(against_the_store(examination, manifest, &found).map(|problem| (file, problem)));
    problems
}

/// The recorded collection in the folder of a server.
fn in_folder(examination: &Examination<'_>, recorded: &CollectionRecord) -> Result<StoredCollection, String> {
    let unreadable = |why: String| format!("chroma_unreadable: {DATABASE}: {why}");
    let all = inspect::collections(&examination.dir.join(DATABASE))
        .map_err(|error| unreadable(with_causes(&error)))?;
    let is_it = |found: &StoredCollection| {
        found.tenant == recorded.tenant && found.database == recorded.database && found.name == recorded.name
    };
    let missing = || format!("chroma_collection_missing: `{}` is not in {DATABASE}", recorded.name);
    all.into_iter().find(is_it).ok_or_else(missing)
}

fn exported(examination: &Examination<'_>) -> Result<StoredCollection, String> {
    let read = read_export(&examination.dir.join("chroma"));
    read.map_err(|error| format!("chroma_unreadable: {}", with_causes(&error)))
}

/// What is wrong when the collection holds the state of the database: then it has a record for every vector there. One
/// that is behind, or was being changed, is brought up to date after a restore.
fn against_the_store(
    examination: &Examination<'_>,
    manifest: &Manifest,
    found: &StoredCollection,
) -> Option<String> {
    let PartFile::File(database) = structure::part(examination, &manifest.database()) else { return None };
    let version =
        StoreVersion { generation: Generation(found.version.generation.0), token: found.version.token };
    // The store has been looked at, and what is wrong with it has been said.
    let expected = inspect::vectors_shown(&database, version).ok().flatten().filter(|_| !found.open)?;
    (expected != found.records).then(|| {
        format!(
            "chroma_count_mismatch: {} records in the collection, {expected} vectors in the database",
            found.records
        )
    })
}

/// Checks every SQLite database in the copy of the vector store. Returns whether none brings a program, so that they can
/// be asked.
fn databases(examination: &mut Examination<'_>) -> Result<bool, BackupError> {
    let mut databases = Vec::new();
    let Ok(()) = tree::walk_own(&examination.dir.join("chroma"), &mut |entry| -> Result<(), Infallible> {
        if let Ok(tree::TreeEntry { path, shown, kind: Kind::File(_), .. }) = entry
            && vectors::is_database(&path).unwrap_or(false)
        {
            databases.push((path, format!("chroma/{shown}")));
        }
        Ok(())
    });
    let mut safe = true;
    for (path, name) in databases {
        examination.proceed()?;
        if let Err(error @ StorageError::Program(_)) = inspect::has_no_programs(&path) {
            examination.find(Depth::Content, &name, format!("chroma_schema_differs: {name}: {error}"));
            safe = false;
            continue;
        }
        let complaint = match inspect::integrity(&path) {
            Ok(complaints) => complaints.into_iter().next(),
            Err(error) => Some(with_causes(&error)),
        };
        if let Some(complaint) = complaint {
            let problem = format!("chroma_integrity_check_failed: {name}: {complaint}");
            examination.find(Depth::Content, &name, problem);
        }
    }
    Ok(safe)
}
