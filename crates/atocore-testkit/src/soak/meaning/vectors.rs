//! What a store holds of meaning, looked at from outside: every passage, and every vector of every space.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use atocore_model::digest::Digest;
use atocore_storage::sqlite::{PendingChunk, ReadTransaction, SpaceRow, Store};

use crate::soak::{Violation, subject::store_options};

/// A key that no space has: to it, every passage lacks a vector.
const NO_SPACE: i64 = -1;

/// Passages and vectors of a store.
#[derive(Debug, Clone, Default)]
pub(super) struct Vectors {
    /// The space that answers use.
    serving: Option<Digest>,
    spaces: BTreeMap<Digest, Space>,
    documents: BTreeMap<u64, Document>,
    /// Documents that were rechunked and wait for the vectors of their new passages.
    pub(super) waiting: u64,
    /// All passages, those that wait among them.
    passages: u64,
    /// How documents are cut, or will be.
    chunked_by: BTreeSet<String>,
}

/// The vectors of one way of making them.
#[derive(Debug, Clone)]
struct Space {
    precision: String,
    /// By the digest of their text, bit for bit; of the passages that answer now.
    vectors: BTreeMap<Digest, Vec<u32>>,
    /// The texts of all passages without a vector, those that wait among them.
    missing: BTreeSet<Digest>,
    /// How many passages these are.
    missing_passages: u64,
    /// Passages that answer now and have a vector.
    embedded: u64,
}

#[derive(Debug, Clone)]
struct Document {
    path: String,
    bytes: Digest,
    /// The texts of its passages.
    texts: BTreeSet<Digest>,
    /// The texts of those that wait.
    waiting: BTreeSet<Digest>,
}

/// What there is to do for a way of making vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Todo {
    /// Passages that have a vector.
    pub(super) embedded: u64,
    /// Passages that have none.
    pub(super) missing: u64,
    /// Different texts among those.
    pub(super) texts: u64,
}

impl Vectors {
    /// Reads all there is in a store that nobody writes to.
    pub(super) fn read(database: &Path) -> Result<Self, Violation> {
        let store = Store::open_read_only(database, store_options())?;
        store.read(|read| {
            let serving = read.serving_space()?;
            let mut rows = read.other_spaces(serving.as_ref().map_or(NO_SPACE, |row| row.key))?;
            rows.extend(serving.clone());
            let mut vectors = Self {
                serving: serving.map(|row| row.space.fingerprint),
                waiting: read.rechunked_documents()?,
                ..Self::default()
            };
            for (project, ..) in read.counts()? {
                for row in read.documents_of(&project.parse()?)? {
                    let key = u64::try_from(row.key)?;
                    let none = BTreeSet::new;
                    let (path, bytes) = (row.file_path, row.digest);
                    let document = Document { path, bytes, texts: none(), waiting: none() };
                    let _before = vectors.documents.insert(key, document);
                    let _new = vectors.chunked_by.insert(row.chunked_by);
                }
            }
            let passages = read.chunks_without_vector(NO_SPACE)?;
            vectors.passages = passages.len() as u64;
            let mut answering = Vec::new();
            for passage in &passages {
                let text = text_of(read, passage)?;
                if !passage.rechunked {
                    answering.push((passage.chunk_key, text));
                }
                if let Some(document) = vectors.documents.get_mut(&passage.document_key) {
                    let texts = if passage.rechunked { &mut document.waiting } else { &mut document.texts };
                    let _new = texts.insert(text);
                }
            }
            for row in rows {
                let space = Space::read(read, &row, &answering)?;
                let _before = vectors.spaces.insert(row.space.fingerprint, space);
            }
            Ok(vectors)
        })
    }

    /// What there is to do for the way that has this precision.
    pub(super) fn todo(&self, precision: &str) -> Todo {
        if let Some(space) = self.spaces.values().find(|space| space.precision == precision) {
            let (embedded, missing) = (space.embedded, space.missing_passages);
            return Todo { embedded, missing, texts: space.missing.len() as u64 };
        }
        let texts = self.documents.values().flat_map(|one| one.texts.iter().chain(&one.waiting));
        let texts: BTreeSet<_> = texts.collect();
        Todo { embedded: 0, missing: self.passages, texts: texts.len() as u64 }
    }

    /// Sees that all vectors are made and used, and that nothing else is left.
    pub(super) fn is_finished(&self, precision: &str) -> Result<(), Violation> {
        let todo = self.todo(precision);
        let serving = self.serving.and_then(|serving| self.spaces.get(&serving));
        let serving = serving.map(|space| space.precision.as_str());
        let complaint = if todo.missing > 0 {
            format!("{} passages have no vector", todo.missing)
        } else if serving != Some(precision) {
            format!("answers use {serving:?} and not {precision}")
        } else if self.waiting > 0 {
            format!("{} documents wait to be rechunked", self.waiting)
        } else if self.spaces.len() > 1 {
            format!("the vectors of {} ways of making them are kept", self.spaces.len())
        } else {
            return Ok(());
        };
        Err(Violation::new(format!("nothing is left to do, and {complaint}")))
    }

    /// Whether all documents are cut that way.
    pub(super) fn are_cut(&self, by: &str) -> bool {
        self.chunked_by.iter().all(|other| other.ends_with(by))
    }

    /// Sees that nothing was lost since `before`: nothing that was committed, and nothing that could be found by
    /// meaning. Where `alone` says that no document was changed beside it, a switch of models must have waited for all
    /// of its vectors. Returns the number of vectors that were compared.
    pub(super) fn compare(&self, before: &Self, wanted: &str, alone: bool) -> Result<u64, Violation> {
        if self.serving != before.serving && before.serving.is_some() {
            self.was_switched(wanted, alone)?;
        }
        let mut compared = 0;
        for (fingerprint, then) in &before.spaces {
            let now = self.spaces.get(fingerprint);
            match now {
                Some(now) => compared += self.compare_space(now, before, then)?,
                None if self.serving == before.serving && before.serving == Some(*fingerprint) => {
                    return Err(Violation::new("the vectors that answers use are gone".to_owned()));
                }
                None => {}
            }
        }
        self.compare_documents(before)?;
        Ok(compared)
    }

    fn was_switched(&self, wanted: &str, alone: bool) -> Result<(), Violation> {
        let Some(now) = self.serving.and_then(|serving| self.spaces.get(&serving)) else {
            return Err(Violation::new("answers use no vectors any more".to_owned()));
        };
        if now.precision != wanted {
            let message = format!("answers use {} and neither what they used nor {wanted}", now.precision);
            return Err(Violation::new(message));
        }
        let texts: BTreeSet<_> = self.documents.values().flat_map(|document| &document.texts).collect();
        match now.missing.iter().filter(|text| alone && texts.contains(text)).count() {
            0 => Ok(()),
            missing => Err(Violation::new(format!(
                "answers were switched to {wanted} before {missing} vectors were made"
            ))),
        }
    }

    /// A text that is still there has the vector that it had, to the last bit.
    fn compare_space(&self, now: &Space, before: &Self, then: &Space) -> Result<u64, Violation> {
        let mut compared = 0;
        for (text, vector) in &then.vectors {
            match now.vectors.get(text) {
                Some(same) if same == vector => compared += 1,
                Some(_) => {
                    return Err(Violation::new(format!("the vector of text {text} is another one now")));
                }
                None if now.missing.contains(text) => {
                    return Err(Violation::new(format!("the vector of text {text} was kept and is gone")));
                }
                // No passage has the text any more.
                None => {}
            }
        }
        // Of those that wait no vector can be seen, only whether there is one.
        let waiting = before.documents.values().flat_map(|document| &document.waiting);
        match waiting.filter(|text| !then.missing.contains(*text)).find(|text| now.missing.contains(*text)) {
            Some(text) => Err(Violation::new(format!("the vector of text {text}, which waits, is gone"))),
            None => Ok(compared),
        }
    }

    /// A document that is the same and could be found by meaning still can, whatever passages it has now.
    fn compare_documents(&self, before: &Self) -> Result<(), Violation> {
        for (key, then) in &before.documents {
            let is_same = |now: &&Document| (&now.path, now.bytes) == (&then.path, then.bytes);
            let now = self.documents.get(key).filter(is_same);
            if now.is_some_and(|now| before.has_vectors(then) && !self.has_vectors(now)) {
                let message =
                    format!("document {key} has not changed and its passages have no vectors any more");
                return Err(Violation::new(message));
            }
        }
        Ok(())
    }

    /// Whether every passage of the document has a vector that answers use.
    fn has_vectors(&self, document: &Document) -> bool {
        let serving = self.serving.and_then(|serving| self.spaces.get(&serving));
        serving.is_some_and(|space| document.texts.iter().all(|text| space.vectors.contains_key(text)))
    }

    /// Sees that the vectors that answers use are those of `unharmed`, to the last bit, and returns their number.
    pub(super) fn are_those_of(&self, unharmed: &Self) -> Result<u64, Violation> {
        let of = |vectors: &Self| {
            let serving = vectors.serving.and_then(|serving| vectors.spaces.get(&serving));
            serving.map(|space| space.vectors.clone()).unwrap_or_default()
        };
        let (own, expected) = (of(self), of(unharmed));
        if own == expected {
            return Ok(own.len() as u64);
        }
        let differs = own.iter().filter(|(text, vector)| expected.get(text) != Some(vector)).count();
        let (count, others) = (own.len(), expected.len());
        let message = format!("{differs} of {count} vectors are not among the {others} of an unharmed store");
        Err(Violation::new(message))
    }

    /// Whether the vectors of two ways are kept, as in the middle of a switch.
    pub(super) fn is_switching(&self) -> bool {
        self.spaces.len() > 1
    }
}

impl Space {
    fn read(
        read: &ReadTransaction<'_>,
        row: &SpaceRow,
        answering: &[(u64, Digest)],
    ) -> Result<Self, Violation> {
        let mut space = Self {
            precision: row.precision.clone(),
            vectors: BTreeMap::new(),
            missing: BTreeSet::new(),
            missing_passages: 0,
            embedded: 0,
        };
        for passage in read.chunks_without_vector(row.key)? {
            let _new = space.missing.insert(text_of(read, &passage)?);
            space.missing_passages += 1;
        }
        for (passage, text) in answering {
            read.each_chunk_key([*passage], Some(row.key), |_, vector| {
                let Some(vector) = vector else { return };
                let bits = vector.iter().map(|number| f32::from_le_bytes(*number).to_bits()).collect();
                let _same = space.vectors.insert(*text, bits);
                space.embedded += 1;
            })?;
        }
        Ok(space)
    }
}

fn text_of(read: &ReadTransaction<'_>, passage: &PendingChunk) -> Result<Digest, Violation> {
    let text = read.embedded_text(passage)?;
    let missing = || Violation::new(format!("passage {} cannot be read", passage.chunk_key));
    text.map(|(digest, _)| digest).ok_or_else(missing)
}

/// Whether a store that may be in use has nothing left to do.
pub(super) fn is_idle(store: &Store, precision: &str) -> Result<bool, Violation> {
    store.read(|read| {
        let Some(row) = read.serving_space()?.filter(|row| row.precision == precision) else {
            return Ok(false);
        };
        let counts = read.vector_counts(row.key)?;
        Ok(counts.embedded == counts.chunks && read.rechunked_documents()? == 0)
    })
}

#[cfg(test)]
mod tests;
