//! Whether a copy is whole, and database, registry and vectors are of one step.

use std::path::Path;

use atocore_storage::{
    registry::Registry,
    sqlite::{Store, StoreRecord, inspect},
};

use super::{
    super::{Violation, subject::store_options},
    writers::{PROJECT, step_in},
};

/// A space that no store has: everything lacks a vector in it, and is listed.
const NO_SPACE: i64 = -1;

/// What was copied at one recovery point.
pub(super) struct Copy<'a> {
    pub(super) database: &'a Path,
    pub(super) registry: &'a [u8],
    /// What the store said of itself then.
    pub(super) record: &'a StoreRecord,
}

impl Copy<'_> {
    /// Returns the step that all of it is of.
    pub(super) fn prove(&self) -> Result<u64, Violation> {
        let complaints = [
            inspect::integrity(self.database)?,
            inspect::foreign_keys(self.database)?,
            inspect::vectors(self.database)?,
        ]
        .concat();
        if !complaints.is_empty() {
            return Err(Violation::new(format!("the copy is damaged: {}", complaints.join("; "))));
        }
        let found = inspect::record(self.database)?;
        if found != *self.record {
            return Err(Violation::new(format!("the snapshot is {:?}, the copy {found:?}", self.record)));
        }
        step_of(&Store::open_read_only(self.database, store_options())?, self.registry)
    }
}

/// The step that a store and a registry are of, when it is one.
pub(super) fn step_of(store: &Store, registry: &[u8]) -> Result<u64, Violation> {
    let missing = |what: &str| Violation::new(format!("{what} of the step is not there"));
    let registry = Registry::parse(registry)
        .map_err(|faults| Violation::new(format!("the registry cannot be read: {faults:?}")))?;
    let project = registry.projects().iter().find(|project| project.id.as_str() == PROJECT);
    let registered = project.and_then(|project| step_in(&project.description));
    let registered = registered.ok_or_else(|| missing("the project"))?;

    let (row, text, vector) = store.read(|read| {
        let rows = read.documents_of(&PROJECT.parse()?)?;
        let row = rows.first().map(|row| row.stamp.size);
        let space = read.serving_space()?.map_or(NO_SPACE, |space| space.key);
        let passages = read.chunks_without_vector(NO_SPACE)?;
        let key = passages.iter().find(|passage| passage.project == PROJECT).map(|passage| passage.chunk_key);
        let key = key.ok_or_else(|| missing("the passage"))?;
        let text = read.chunk(key.cast_signed())?.and_then(|passage| step_in(&passage.content));
        let mut first = None;
        read.each_chunk_key([key], Some(space), |_, vector| {
            first = vector.and_then(|numbers| numbers.first()).map(|number| f32::from_le_bytes(*number));
        })?;
        Ok::<_, Violation>((row, text, first))
    })?;
    let row = row.ok_or_else(|| missing("the document"))?;
    let text = text.ok_or_else(|| missing("the text"))?;
    let vector = vector.ok_or_else(|| missing("the vector"))?;
    if row != text || text != registered || vector != registered as f32 {
        let what = format!(
            "document {row}, text {text}, vector {vector} and registry {registered} are not of one step"
        );
        return Err(Violation::new(what));
    }
    Ok(registered)
}
