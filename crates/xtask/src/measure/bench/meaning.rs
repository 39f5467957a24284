//! The real model, and vectors for a store that nobody has an hour to embed.

use std::num::NonZeroUsize;

use atocore_engine::{
    Copier, Error, Precision, SystemClock,
    embed::{Embedder, model::locate},
};
use atocore_model::{
    digest::Digest,
    monitor::{Monitor, Progress},
};
use atocore_storage::sqlite::{LoggedOperation, Store, StoreOptions};
use atocore_testkit::model;

use super::{
    cannot,
    home::{BUSY, Home},
    vectors::mixture::Mixture,
};
use crate::failure::Failure;

/// How many vectors are committed together.
const TOGETHER: usize = 2_000;

/// Loads the model that tests use; fetches it the first time.
pub(super) fn load(precision: Precision, threads: usize) -> Result<Embedder, Failure> {
    let choice = model::choice();
    let folder = locate(&choice.name, &choice.folders).map_err(cannot("find the model"))?;
    let embedder = Embedder::load(&folder, precision).map_err(cannot("load the model"))?;
    Ok(embedder.with_threads(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN)))
}

/// Gives every passage that has none a vector: one of the mixture, in the space of the real model, so that questions
/// embedded by the model are compared with it. What is found means nothing; finding it is the same work.
pub(super) fn give_vectors(home: &Home, mixture: &Mixture) -> Result<(), Failure> {
    // The engine declares the space, and is cancelled before it embeds anything.
    match home.engine_with_meaning(Copier::InProcess)?.embed(&Cancelled) {
        Ok(_) | Err(Error::Cancelled) => {}
        Err(error) => return Err(cannot("declare the space of the vectors")(error)),
    }
    let options = StoreOptions { busy_timeout: BUSY, clock: std::sync::Arc::new(SystemClock) };
    let store = Store::open(&home.layout().database(), options).map_err(cannot("open a store"))?;
    let space = store.read(|read| read.serving_space()).map_err(cannot("read a store"))?;
    let Some(space) = space else { return Err(Failure::failed("the store has no space for vectors")) };
    let passages = store.read(|read| read.chunks_without_vector(space.key));
    let operation = LoggedOperation { interface: "bench", action: "embed", subject: "" };
    let mut given = 0;
    for passages in passages.map_err(cannot("read a store"))?.chunks(TOGETHER) {
        let digests = store.read(|read| {
            passages
                .iter()
                .map(|passage| Ok(read.embedded_text(passage)?.map(|(digest, _)| digest)))
                .collect()
        });
        let digests: Vec<Option<Digest>> =
            digests.map_err(cannot::<atocore_storage::sqlite::StorageError>("read a store"))?;
        let vectors = mixture.vectors(given, digests.len());
        given += digests.len();
        let vectors: Vec<_> = digests.into_iter().flatten().zip(vectors).collect();
        let _committed = store
            .write(&operation, |write| write.put_vectors(space.key, &vectors))
            .map_err(cannot("write a store"))?;
    }
    Ok(())
}

/// Stops whatever asks it.
struct Cancelled;

impl Monitor for Cancelled {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        true
    }
}
