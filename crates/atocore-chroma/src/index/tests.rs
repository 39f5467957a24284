//! The promises of the index on a real server, and on servers that behave badly.

mod changed;
mod encrypted;
mod exported;
mod failing;

use std::{cell::Cell, sync::Arc, time::Duration};

use atocore_model::{
    monitor::Silent,
    time::{Clock, Timestamp},
};
use atocore_storage::vector::{
    IndexAccess, VectorError, VectorFilter, VectorIndex,
    contract::{
        self,
        notebook::{Notebook, Random},
    },
};
use atocore_testkit::chroma::Server;

use super::{ChromaIndex, ChromaServer};

/// A clock that stands.
#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-11-23T12:00:00Z").unwrap()
    }
}

fn at(url: &str) -> ChromaServer {
    ChromaServer {
        url: url.to_owned(),
        tenant: "default_tenant".to_owned(),
        database: "default_database".to_owned(),
        collection: "atocore".to_owned(),
        token: None,
        authorities: None,
        timeout: Duration::from_secs(30),
    }
}

/// An index that does not pause after a failure.
fn index(server: ChromaServer, access: IndexAccess) -> ChromaIndex {
    let mut index = ChromaIndex::new(server, access, Arc::new(FixedClock));
    index.breaker.first_pause = Duration::ZERO;
    index.pauses = &[Duration::ZERO];
    index
}

fn open(url: &str) -> ChromaIndex {
    index(at(url), IndexAccess::Write)
}

/// Some documents of two projects.
fn notebook(documents: u64) -> Notebook {
    let (mut notebook, mut random) = (Notebook::new(1, 8), Random(3));
    for document in 1..=documents {
        notebook.write(document, &[random.vector(8), random.vector(8)]);
    }
    notebook
}

/// Compares what is found with a plain look at every vector.
fn assert_same(index: &ChromaIndex, notebook: &Notebook) {
    assert_eq!((index.version(), index.vectors()), (Some(notebook.newest()), notebook.vectors()));
    let vector = Random(5).vector(notebook.space.dimensions);
    contract::assert_nearest(index, notebook, &vector, &VectorFilter::default());
}

/// How many records of which kind the server really has: `(collections, records of ours)`.
fn records(url: &str) -> u64 {
    let client = super::ChromaClient::new(at(url));
    let collection = client.collection("atocore").unwrap().unwrap();
    client.count(&collection.id).unwrap()
}

#[test]
fn it_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let number = Cell::new(0);
    let make = || -> Box<dyn VectorIndex> {
        number.set(number.get() + 1);
        let collection = format!("contract-{}", number.get());
        Box::new(index(ChromaServer { collection, ..at(&server.url()) }, IndexAccess::Write))
    };
    contract::holds_for(&make, 7);
}

#[test]
fn cosines_are_those_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (mut notebook, mut random) = (Notebook::new(1, 384), Random(9));
    for document in 1..=200 {
        notebook.write(document, &[random.vector(384), random.vector(384)]);
    }
    let index = open(&server.url());
    index.catch_up(&notebook, &Silent).unwrap();
    for _ in 0..5 {
        let vector = random.vector(384);
        let found = contract::ask(&index, &vector, &VectorFilter::default(), 10).matches;
        let best = notebook.nearest(&vector, &VectorFilter::default());
        for (found, best) in found.iter().zip(&best[..10]) {
            assert_eq!(found.chunk_key, best.chunk_key);
            assert!((f64::from(found.similarity) - best.cosine).abs() < 1e-4, "{found:?} {best:?}");
        }
    }
}

#[test]
fn another_process_reads_beside_the_writer_and_a_restart_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut notebook = notebook(20);
    let writer = open(&server.url());
    let reader = index(at(&server.url()), IndexAccess::Read);
    assert_eq!(reader.refresh().unwrap(), None);
    writer.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(reader.refresh().unwrap(), Some(notebook.newest()));
    assert_same(&reader, &notebook);
    let error = reader.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, VectorError::ReadOnly { .. }), "{error}");
    server.kill();
    server.restart();
    let again = open(&server.url());
    notebook.handed_over.set(99);
    again.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(notebook.handed_over.get(), 99, "what the server has is not read again");
    assert_same(&again, &notebook);
    notebook.delete(3);
    notebook.write(4, &[vec![1.0; 8]]);
    again.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(notebook.handed_over.get(), 2);
    assert_same(&again, &notebook);
    reader.refresh().unwrap();
    assert_same(&reader, &notebook);
}

#[test]
fn a_model_can_be_changed_and_nothing_of_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let index = open(&server.url());
    index.catch_up(&notebook(5), &Silent).unwrap();
    let mut other = Notebook::new(4, 3);
    other.write(1, &[vec![1.0, 2.0, 3.0]]);
    index.catch_up(&other, &Silent).unwrap();
    assert_same(&index, &other);
    assert_eq!(records(&server.url()), 1);
    let client = super::ChromaClient::new(at(&server.url()));
    assert!(client.collection("atocore.building").unwrap().is_none());
}
