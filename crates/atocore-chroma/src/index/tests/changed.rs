//! What somebody else does to the collection is noticed.

use std::time::Duration;

use atocore_model::monitor::Silent;
use atocore_storage::vector::{VectorError, VectorFilter, VectorIndex, VectorQuery, contract};
use atocore_testkit::chroma::Server;

use super::{assert_same, at, notebook, open, records};
use crate::{
    client::ChromaClient,
    managed_collection::{CollectionState, ManagedCollection},
    wire::{CollectionMetadata, RecordFilter, RecordMetadata, ServerLimits, UpsertRecords, WireEmbedding},
};

const LIMITS: ServerLimits = ServerLimits { max_batch_size: 100, supports_base64_encoding: true };

const fn of(documents: &[u64]) -> RecordFilter<'_> {
    RecordFilter { project: None, documents: Some(documents) }
}

#[test]
fn records_deleted_or_added_by_others_are_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let index = open(&server.url());
    let notebook = notebook(10);
    index.catch_up(&notebook, &Silent).unwrap();
    let client = ChromaClient::new(at(&server.url()));
    let limit = client.server().timeout;
    let ours = || client.collection("atocore").unwrap().unwrap().id;
    let of_two = client.ids(&ours(), of(&[2]), None, limit).unwrap();
    assert_eq!(of_two.len(), 2);
    client.delete(&ours(), &of_two, limit).unwrap();
    index.catch_up(&notebook, &Silent).unwrap();
    assert_same(&index, &notebook);

    let added = UpsertRecords {
        ids: vec!["2-77-somebody"],
        embeddings: vec![WireEmbedding::new(&[1.0; 8], LIMITS)],
        metadatas: vec![RecordMetadata { project: "p", document: 2 }],
    };
    client.upsert(&ours(), &added, limit).unwrap();
    index.catch_up(&notebook, &Silent).unwrap();
    assert_same(&index, &notebook);
    assert_eq!(records(&server.url()), notebook.vectors());
}

#[test]
fn an_emptied_collection_is_said_and_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let index = open(&server.url());
    let notebook = notebook(10);
    index.catch_up(&notebook, &Silent).unwrap();
    let client = ChromaClient::new(at(&server.url()));
    let ours = client.collection("atocore").unwrap().unwrap().id;
    let all: Vec<u64> = (1..=10).collect();
    let limit = client.server().timeout;
    client.delete(&ours, &client.ids(&ours, of(&all), None, limit).unwrap(), limit).unwrap();
    let query = VectorQuery { vector: &[1.0; 8], filter: &VectorFilter::default(), limit: 3 };
    let error = index.search(&query).unwrap_err();
    assert!(
        matches!(&error, VectorError::Unavailable(outage) if outage.why.contains("lost records")),
        "{error}"
    );
    index.catch_up(&notebook, &Silent).unwrap();
    assert_same(&index, &notebook);
}

#[test]
fn a_missing_collection_is_reported_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let index = open(&server.url());
    let notebook = notebook(10);
    index.catch_up(&notebook, &Silent).unwrap();
    ChromaClient::new(at(&server.url())).remove("atocore").unwrap();
    let query = VectorQuery { vector: &[1.0; 8], filter: &VectorFilter::default(), limit: 3 };
    let error = index.search(&query).unwrap_err();
    assert!(
        matches!(&error, VectorError::Unavailable(outage) if outage.why.contains("does not exist")),
        "{error}"
    );
    index.catch_up(&notebook, &Silent).unwrap();
    assert_same(&index, &notebook);
}

#[test]
fn a_missing_collection_is_rebuilt_under_a_constant_load_of_queries() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut index = open(&server.url());
    // After a question nothing may be asked for an hour.
    index.breaker.first_pause = Duration::from_secs(3600);
    let notebook = notebook(10);
    index.catch_up(&notebook, &Silent).unwrap();
    let query = VectorQuery { vector: &[1.0; 8], filter: &VectorFilter::default(), limit: 3 };
    for rebuild in [false, true] {
        ChromaClient::new(at(&server.url())).remove("atocore").unwrap();
        for _ in 0..3 {
            assert!(matches!(index.search(&query), Err(VectorError::Unavailable(_))));
        }
        if rebuild {
            index.rebuild(&notebook, &Silent).unwrap();
        } else {
            index.catch_up(&notebook, &Silent).unwrap();
        }
        assert_same(&index, &notebook);
    }
}

#[test]
fn a_collection_of_another_program_is_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = ChromaClient::new(at(&server.url()));
    let limit = client.server().timeout;
    for name in ["atocore", "atocore.building"] {
        let theirs = client
            .create(name, &CollectionMetadata { vectors: Some(1), ..CollectionMetadata::default() })
            .unwrap();
        let added = UpsertRecords {
            ids: vec!["theirs"],
            embeddings: vec![WireEmbedding::new(&[1.0; 8], LIMITS)],
            metadatas: vec![RecordMetadata { project: "p", document: 2 }],
        };
        client.upsert(&theirs.id, &added, limit).unwrap();
        let error = open(&server.url()).catch_up(&notebook(2), &Silent).unwrap_err();
        let said = |why: &str| why.contains(name) && why.contains("belongs to another program");
        assert!(matches!(&error, VectorError::Unavailable(outage) if said(&outage.why)), "{error}");
        let there = client.collection(name).unwrap().unwrap();
        assert_eq!((there.id.as_str(), client.count(&there.id).unwrap()), (theirs.id.as_str(), 1));
        client.remove(name).unwrap();
    }
    let index = open(&server.url());
    index.catch_up(&notebook(2), &Silent).unwrap();
    assert_eq!(contract::found(&index, &[1.0; 8]).len(), 4);
}

#[test]
fn a_collection_with_vectors_of_another_length_is_said_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let notebook = notebook(5);
    // Somebody made it look like ours, and put other vectors into it.
    let client = ChromaClient::new(at(&server.url()));
    let state = CollectionState { version: notebook.newest(), vectors: 1, open: false };
    let other = client.create("atocore", &ManagedCollection::metadata(notebook.space, Some(state))).unwrap();
    let added = UpsertRecords {
        ids: vec!["1-1-somebody"],
        embeddings: vec![WireEmbedding::new(&[1.0; 3], LIMITS)],
        metadatas: vec![RecordMetadata { project: "p", document: 1 }],
    };
    client.upsert(&other.id, &added, client.server().timeout).unwrap();
    let index = open(&server.url());
    let query = VectorQuery { vector: &[1.0; 8], filter: &VectorFilter::default(), limit: 3 };
    let error = index.search(&query).unwrap_err();
    let VectorError::Unavailable(outage) = &error else { panic!("{error:?}") };
    assert!(outage.why.contains("refuses with 4") && outage.why.contains("dimension"), "{}", outage.why);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_same(&index, &notebook);
    assert_eq!(records(&server.url()), notebook.vectors());
    assert_ne!(server.collection_id("atocore"), other.id);
}
