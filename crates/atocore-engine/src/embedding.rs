//! Meaning: the model, the vectors it makes, and the index that finds passages by them.
//!
//! Vectors follow behind the documents and never hold up a commit or a question. Where there is no model, or no
//! vector yet, answers come from lexical search alone and say so; nothing is ever made up.

mod index;
mod making;
mod models;
mod thread;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

#[cfg(feature = "chroma")]
use atocore_chroma::ChromaIndex;
use atocore_chroma::{ChromaServer, ServerIndex};
use atocore_model::{id::Generation, monitor::Monitor, time::Clock};
use atocore_storage::{
    lexical::IndexAccess,
    sqlite::{ReadTransaction, SpaceRow, Store, StoreVectors},
    vector::{Outage, ScanIndex, VectorError, VectorIndex},
};

pub(crate) use making::EmbedContext;
pub use making::{Embedded, EmbeddingProgress, EmbeddingReport};
pub(crate) use models::Model;
pub use models::ModelChoice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use models::Models;
pub(crate) use thread::MakeVectors;

use crate::{
    behind::IndexFault,
    error::{Error, NoModel},
    worker::{Controls, Paused},
};

/// Where passages are searched by their vectors. The vectors themselves are in the store in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum VectorStore {
    /// In an index in files of our own.
    #[default]
    Embedded,
    /// In a collection of a Chroma server.
    Chroma(ChromaServer),
}

/// What an engine has of models and vectors.
#[derive(Debug)]
pub(crate) struct Embedding {
    models: Arc<Models>,
    index: OnceLock<Arc<dyn VectorIndex>>,
    /// The same index, where it is on a server.
    server: Option<Arc<dyn ServerIndex>>,
    /// The folder of an index in files, and what it is opened for: one that the disk does not let an owner open is tried
    /// again.
    place: Option<(PathBuf, IndexAccess)>,
    /// Why the index in files could not be brought up to date last; `None` once it was.
    fault: Mutex<Option<IndexFault>>,
    /// Since when and why the index is of no use; `None` while it is, as far as is known.
    outage: Mutex<Option<Outage>>,
    /// How often each project was asked about since the start: vectors of the most asked-for are made first.
    asked: Mutex<HashMap<String, u64>>,
    /// Questions that are being answered now: nothing new is embedded meanwhile.
    questions: AtomicUsize,
    /// One opener at a time.
    opening: Mutex<()>,
    /// One maker at a time.
    making: Mutex<()>,
    progress: Mutex<Option<EmbeddingProgress>>,
    /// Of the worker that makes vectors, in a server.
    pub(crate) controls: Arc<Controls>,
}

/// What a model makes of a question.
#[derive(Debug)]
pub(crate) enum Asking {
    /// There are no vectors to compare it with.
    NoVectors,
    /// It has next to no word that the model knows.
    NotUnderstood,
    /// Its vector.
    Vector(QueryVector),
}

/// A question as its model sees it.
#[derive(Debug)]
pub(crate) struct QueryVector {
    /// Its vector, of length 1.
    pub(crate) vector: Vec<f32>,
    /// The space of the vectors that it can be compared with.
    pub(crate) space: SpaceRow,
    /// How many tokens it has and how many the model sees, when it is longer than that.
    pub(crate) cut: Option<(usize, usize)>,
}

/// How many passages are found by their words only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) missing: u64,
    /// Of how many.
    pub(crate) passages: u64,
}

/// The model that searches by meaning, and how far its vectors are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingStatus {
    /// Whether the settings want a model at all; they do not in mode `lexical`.
    pub wanted: bool,
    /// The model that the settings name.
    #[schema(example = "all-MiniLM-L6-v2")]
    pub model: String,
    /// `f32` or `int8`.
    pub precision: String,
    /// Why it cannot be used; null when it can.
    pub problem: Option<String>,
    /// The command that helps; null when none is needed.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
    /// Whether it is there and cannot be used, as opposed to not being there; not in JSON.
    #[serde(skip)]
    pub damaged: bool,
    /// The model whose vectors answers use; null before there are any.
    pub serving: Option<String>,
    /// Whether vectors of the settings' model are still being made while another one answers.
    pub switching: bool,
    /// All passages.
    pub passages: u64,
    /// Those whose text has been embedded by the model that answers.
    pub embedded: u64,
    /// Those that are found by meaning.
    pub indexed: u64,
    /// Those that are found by their words only, as answers say too: without a vector, or with one that the index does
    /// not show yet.
    #[serde(default)]
    pub missing: u64,
    /// How far the making of vectors is; null when none are being made in this process.
    pub making: Option<EmbeddingProgress>,
    /// Why the last attempt to make vectors failed, or why their server is of no use; null when neither.
    pub failure: Option<String>,
    /// Since when and why the server of the vectors is of no use; not in JSON, where `failure` says it.
    #[serde(skip)]
    pub outage: Option<Outage>,
}

impl Embedding {
    /// Opens the vector index in `dir`; one that a reader finds missing or damaged is made by the next owner, and one that
    /// the disk does not let an owner open is tried again with every catch-up.
    pub(crate) fn open(choice: ModelChoice, dir: &Path, access: IndexAccess) -> Result<Self, Error> {
        let embedding = Self { place: Some((dir.to_owned(), access)), ..Self::without_index(choice) };
        match ScanIndex::open(dir, access) {
            Ok(index) => drop(embedding.index.set(Arc::new(index))),
            Err(VectorError::Missing { .. } | VectorError::Damaged { .. }) => {}
            Err(error) => match IndexFault::of_vectors(dir, &error) {
                Some(fault) => *lock(&embedding.fault) = Some(fault),
                None => return Err(error.into()),
            },
        }
        Ok(embedding)
    }

    /// With the vectors on a server, which is asked nothing yet.
    ///
    /// # Errors
    /// [`Error::WithoutChroma`].
    pub(crate) fn on_server(
        choice: ModelChoice,
        server: ChromaServer,
        access: IndexAccess,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let server = chroma_index(server, access, clock)?;
        let index: Arc<dyn VectorIndex> = Arc::<dyn ServerIndex>::clone(&server);
        Ok(Self { index: index.into(), server: Some(server), ..Self::without_index(choice) })
    }

    /// With the models of this one, and an index in files of its own in an empty folder.
    pub(crate) fn in_files(&self, dir: &Path) -> Result<Self, Error> {
        let index: Arc<dyn VectorIndex> = Arc::new(ScanIndex::open(dir, IndexAccess::Write)?);
        let models = Arc::clone(&self.models);
        Ok(Self { models, index: index.into(), ..Self::without_index(self.models.choice().clone()) })
    }

    /// Of an installation that has no store yet.
    pub(crate) fn without_index(choice: ModelChoice) -> Self {
        Self {
            models: Arc::new(Models::new(choice)),
            index: OnceLock::new(),
            server: None,
            place: None,
            fault: Mutex::default(),
            outage: Mutex::default(),
            asked: Mutex::default(),
            questions: AtomicUsize::default(),
            opening: Mutex::default(),
            making: Mutex::default(),
            progress: Mutex::default(),
            controls: Controls::new(thread::WORKER),
        }
    }

    /// Keeps the worker from making vectors until the guard is dropped; the text that is being embedded is the last one.
    pub(crate) fn pause(&self) -> Paused {
        self.controls.pause()
    }

    /// The vector index; `None` while there is none.
    pub(crate) fn index(&self) -> Option<&dyn VectorIndex> {
        self.index.get().map(|index| &**index)
    }

    /// The vector index, where it is on a server.
    pub(crate) fn server(&self) -> Option<&dyn ServerIndex> {
        self.server.as_deref()
    }

    /// Why the index in files could not be brought up to date last; `None` once it was.
    pub(crate) fn fault(&self) -> Option<IndexFault> {
        lock(&self.fault).clone()
    }

    /// The index, which an owner opens here when the disk did not let it be opened before.
    fn opened(&self) -> Result<Option<&dyn VectorIndex>, VectorError> {
        let _one = lock(&self.opening);
        if let (None, Some((place, IndexAccess::Write))) = (self.index.get(), &self.place) {
            drop(self.index.set(Arc::new(ScanIndex::open(place, IndexAccess::Write)?)));
        }
        Ok(self.index())
    }

    /// Notes whether the index in files could be brought up to date.
    fn noted_of_the_disk<T>(&self, outcome: Result<T, VectorError>) -> Result<T, VectorError> {
        match (&outcome, &self.place) {
            (Err(error), Some((place, _))) => {
                if let Some(fault) = IndexFault::of_vectors(place, error) {
                    *lock(&self.fault) = Some(fault);
                }
            }
            (Err(_), None) => {}
            (Ok(_), _) => *lock(&self.fault) = None,
        }
        outcome
    }

    /// Since when and why the server of the vectors is of no use, as far as this process knows.
    pub(crate) fn outage(&self) -> Option<Outage> {
        lock(&self.outage).clone()
    }

    /// Notes that the server of the vectors is of no use; whoever makes vectors looks after it.
    pub(crate) fn note_outage(&self, outage: &Outage) {
        if lock(&self.outage).replace(outage.clone()).is_none() {
            self.controls.wake();
        }
    }

    /// Embeds the wordings of a question, at least one, with the model that made the vectors in the index: the direction of
    /// their mean, so that a cosine is the mean of theirs but for its scale. Those that are not understood are passed over.
    pub(crate) fn ask(&self, store: &Store, wordings: &[&str]) -> Result<Asking, Error> {
        if let Some(server) = self.server() {
            server.ready()?;
        }
        let space = self.index().and_then(VectorIndex::space);
        let row = match space {
            Some(space) => store.read(|read| read.space(space.fingerprint))?,
            None => None,
        };
        let Some(row) = row else {
            return self.models.look().map(|()| Asking::NoVectors).map_err(Error::NoModel);
        };
        let model = self.models.of(&row).map_err(Error::NoModel)?;
        let (mut vectors, mut cut) = (Vec::with_capacity(wordings.len()), None);
        for text in wordings {
            let Some(question) = model.embedder.embed_question(text)? else { continue };
            if question.cut && cut.is_none() {
                cut = Some((model.embedder.tokens(text)?, model.embedder.window()));
            }
            vectors.push(question.vector);
        }
        let vector = mean_direction(vectors);
        Ok(vector
            .map_or(Asking::NotUnderstood, |vector| Asking::Vector(QueryVector { vector, space: row, cut })))
    }

    /// The model that the settings name, for what needs it apart from any vectors.
    pub(crate) fn model(&self) -> Result<Arc<Model>, NoModel> {
        self.models.wanted()
    }

    /// Loads the model in time for the first question; that there is none is said by the answers.
    pub(crate) fn warm_up(&self) {
        drop(self.models.wanted());
    }

    /// Notes that a question is being answered, until the guard is dropped.
    pub(crate) fn question(&self) -> Answering<'_> {
        let _before = self.questions.fetch_add(1, Ordering::SeqCst);
        Answering { embedding: self }
    }

    /// Notes which project a question was about.
    pub(crate) fn asked_about(&self, project: &str) {
        *lock(&self.asked).entry(project.to_owned()).or_default() += 1;
    }

    /// Brings the vector index to the newest state of the space that answers use. A server that is of no use is left
    /// for later, see [`Embedding::outage`]: nothing else waits for it.
    pub(crate) fn catch_up(&self, store: &Store, monitor: &dyn Monitor) -> Result<(), Error> {
        let Some(row) = store.read(|read| read.serving_space())? else {
            *lock(&self.fault) = None;
            return Ok(());
        };
        let source = StoreVectors::new(store, &row);
        let caught_up = self.opened().and_then(|index| match index {
            Some(index) => index.catch_up(&source, monitor).map(Some),
            None => Ok(None),
        });
        match self.noted_of_the_disk(caught_up) {
            Ok(None) => {}
            Ok(Some(_)) => *lock(&self.outage) = None,
            Err(VectorError::Unavailable(outage)) => *lock(&self.outage) = Some(outage),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether the vector index shows every vector of the space that answers use.
    pub(crate) fn is_current(&self, store: &Store) -> Result<bool, Error> {
        store.read(|read| {
            let Some(row) = read.serving_space()? else { return Ok(true) };
            let Some(shown) = self.shown(read, &row)? else { return Ok(false) };
            let changed: Generation = read.last_document_change()?.max(read.last_vector_change()?);
            Ok(changed <= shown)
        })
    }

    /// The state of the store that the index shows of a space; `None` when it shows none.
    fn shown(&self, read: &ReadTransaction<'_>, row: &SpaceRow) -> Result<Option<Generation>, Error> {
        let Some(index) = self.index().filter(|index| index.space() == Some(row.space)) else {
            return Ok(None);
        };
        match index.version() {
            Some(version) if read.has(version)? => Ok(Some(version.generation)),
            _ => Ok(None),
        }
    }

    /// How many passages are found by their words only, and of how many: what answers and `status` say is counted here.
    ///
    /// An index that follows the store is asked how much it has. One that stays behind may also have what is gone since, so
    /// the store is asked what came later.
    pub(crate) fn missing(&self, read: &ReadTransaction<'_>) -> Result<Missing, Error> {
        let passages = read.chunks()?;
        let space = self.index().and_then(VectorIndex::space).map(|space| read.space(space.fingerprint));
        let Some(row) =
            space.transpose()?.flatten().map_or_else(|| read.serving_space(), |row| Ok(Some(row)))?
        else {
            return Ok(Missing { missing: passages, passages });
        };
        let stays_behind = self.fault().is_some() || matches!(self.place, Some((_, IndexAccess::Read)));
        let missing = if stays_behind {
            read.chunks_not_shown(row.key, self.shown(read, &row)?)?
        } else {
            let found = self.index().map_or(0, VectorIndex::vectors);
            match passages.saturating_sub(found) {
                0 => 0,
                missing => missing.saturating_sub(read.chunks_with_empty_vector(row.key)?),
            }
        };
        Ok(Missing { missing, passages })
    }

    /// What is known, without loading a model.
    pub(crate) fn status(&self, store: Option<&Store>, wanted: bool) -> Result<EmbeddingStatus, Error> {
        let choice = self.models.choice();
        let unready = match self.server().map_or(Ok(()), ServerIndex::ready) {
            Err(VectorError::Unavailable(outage)) => Some(outage),
            _ => None,
        };
        let (serving, counts, missing) = match store {
            None => (None, Default::default(), Missing::default()),
            Some(store) => store.read(|read| {
                let row = read.serving_space()?;
                let counts = read.vector_counts(row.as_ref().map_or(-1, |row| row.key))?;
                Ok::<_, Error>((row, counts, self.missing(read)?))
            })?,
        };
        let differs =
            |row: &SpaceRow| row.model != choice.name || row.precision != choice.precision.to_string();
        let none = self.models.look().err().filter(|_| wanted);
        let damaged = none.as_ref().is_some_and(|none| none.damaged);
        let (problem, hint) = none.map(|none| (none.why, none.hint)).unzip();
        let outage = unready.or_else(|| self.outage());
        Ok(EmbeddingStatus {
            wanted,
            model: choice.name.clone(),
            precision: choice.precision.to_string(),
            problem,
            hint,
            damaged,
            switching: wanted && serving.as_ref().is_some_and(differs),
            serving: serving.map(|row| row.model),
            passages: counts.chunks,
            embedded: counts.embedded,
            indexed: self.index().map_or(0, VectorIndex::vectors),
            missing: missing.missing,
            making: lock(&self.progress).clone(),
            failure: self.controls.status().failure.or_else(|| outage.as_ref().map(ToString::to_string)),
            outage,
        })
    }
}

/// A question is being answered while this lives.
#[derive(Debug)]
pub(crate) struct Answering<'e> {
    embedding: &'e Embedding,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let _before = self.embedding.questions.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(feature = "chroma")]
#[expect(clippy::unnecessary_wraps, reason = "a build without the feature has no such index")]
fn chroma_index(
    server: ChromaServer,
    access: IndexAccess,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ServerIndex>, Error> {
    Ok(Arc::new(ChromaIndex::new(server, access, clock)))
}

#[cfg(not(feature = "chroma"))]
fn chroma_index(_: ChromaServer, _: IndexAccess, _: Arc<dyn Clock>) -> Result<Arc<dyn ServerIndex>, Error> {
    Err(Error::WithoutChroma)
}

/// What a panic left behind is counts and texts, all of them whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mean of vectors of length 1, made as long as they are; the first where they cancel each other out, `None` of none.
fn mean_direction(vectors: Vec<Vec<f32>>) -> Option<Vec<f32>> {
    let mut vectors = vectors.into_iter();
    let first = vectors.next()?;
    let mut sum = first.clone();
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, part)| *sum += part);
    }
    let length = sum.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length < f32::EPSILON {
        return Some(first);
    }
    sum.iter_mut().for_each(|part| *part /= length);
    Some(sum)
}
