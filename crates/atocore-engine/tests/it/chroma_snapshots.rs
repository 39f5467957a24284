//! Snapshots of an installation whose vectors are on a Chroma server: with its folder, with an export, with nothing of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use atocore_engine::{
    Access, Engine, EngineConfig, IncludeVectors, Layout, TakenSnapshot, Validation, VectorOutcome,
    VectorStore, files,
    manifest::{CollectionForm, CollectionRecord},
    restore, validate,
};
use atocore_model::{
    error::ErrorCode,
    id::SnapshotId,
    monitor::{Monitor, Progress, Silent},
    query::Notice,
    ranking::Mode,
    snapshot::Depth,
};
use atocore_testkit::{
    chroma::{FakeServer, Reply, Server, program},
    installation::{EngineExt, Installation},
};

use crate::chroma::{answers, asked, embedded, on, open, write_notes};

/// With the vectors on the server at `url`, and the program at hand that runs one.
fn proving(place: &Installation, url: &str) -> EngineConfig {
    EngineConfig { chroma_program: program().to_owned(), ..on(place, url) }
}

/// The installation with three notes of two projects, all of them on the server.
fn filled(config: EngineConfig, place: &Installation) -> Engine {
    write_notes(place);
    let engine = open(config);
    engine.add("p", "p");
    engine.add("q", "q");
    let (_p, _q) = (engine.fresh("p"), engine.fresh("q"));
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 3);
    engine
}

fn with_vectors(engine: &Engine) -> TakenSnapshot {
    engine.create_snapshot(IncludeVectors::Yes, &Silent).unwrap()
}

fn collection(taken: &TakenSnapshot) -> &CollectionRecord {
    taken.manifest.collection().ok_or(&taken.manifest.vector_store_note).unwrap()
}

fn proven(engine: &Engine, id: SnapshotId) -> Validation {
    let validation = engine.validate_snapshot(id, Depth::Answers, &Silent).unwrap();
    assert_eq!(validation.errors(), [""; 0]);
    assert_eq!(validation.depth_reached, Some(Depth::Answers));
    validation
}

fn restored(place: &Installation, id: SnapshotId, name: &str) -> Layout {
    let target = place.path().join(name);
    let _report = restore(&place.config().layout, id, &target, &*place.config().clock, &Silent).unwrap();
    Layout::in_home(&target)
}

#[test]
fn the_folder_of_a_server_is_in_a_snapshot_and_a_server_on_the_copy_proves_it() {
    let place = Installation::default();
    let server = Server::start(&place.config().layout.vector_store());
    let engine = filled(proving(&place, &server.url()), &place);
    let taken = with_vectors(&engine);
    let held = collection(&taken);
    assert_eq!((held.form, held.records, held.name.as_str()), (CollectionForm::Directory, 3, "atocore"));
    assert_eq!(Some(held.generation), taken.manifest.atocore.as_ref().map(|record| record.generation));
    assert!(matches!(taken.vectors, VectorOutcome::Copied { .. }));
    proven(&engine, taken.id);
    assert_eq!(fs::read_dir(engine_scratch(&place)).map_or(0, Iterator::count), 0, "nothing is left");
    // The live server was left alone.
    assert!(engine.verify_index(&Silent).unwrap().is_same());
}

fn engine_scratch(place: &Installation) -> PathBuf {
    place.config().layout.scratch()
}

#[test]
fn a_vector_that_was_exchanged_on_the_server_is_found_by_the_depth_restore() {
    let here = Installation::default();
    let elsewhere = tempfile::tempdir().unwrap();
    for folder in [here.config().layout.vector_store(), elsewhere.path().to_owned()] {
        let place = if folder.starts_with(here.path()) { &here } else { &Installation::default() };
        let server = Server::start(&folder);
        let engine = filled(proving(place, &server.url()), place);
        // Same id, same count: neither digests nor numbers can tell.
        server.spoil_a_record("atocore");
        let taken = with_vectors(&engine);
        let result = engine.validate_snapshot(taken.id, Depth::Answers, &Silent).unwrap();
        assert_eq!(result.depth_reached, Some(Depth::Content), "{:?}", result.errors());
        let errors = result.errors();
        assert!(errors[0].starts_with("chroma_records_differ: of 3 vectors "), "{errors:?}");
        assert!(errors[0].contains("lacks 0, has 1 otherwise, and 0 more"), "{errors:?}");
    }
}

#[test]
fn without_a_program_to_run_a_server_with_the_copy_is_unproven_and_reported() {
    let place = Installation::default();
    let server = Server::start(&place.config().layout.vector_store());
    let engine = filled(on(&place, &server.url()), &place);
    let taken = with_vectors(&engine);
    for (name, says) in [
        ("/nowhere/chroma", "chroma_not_proven: there is no program `/nowhere/chroma`"),
        ("false", "chroma_start_failed: the program ended with exit status: 1"),
    ] {
        let config = EngineConfig { chroma_program: name.into(), ..on(&place, &server.url()) };
        let scratch = place.path().join("scratch");
        let result = validate(&config, &scratch, taken.id, Depth::Answers, &Silent).unwrap();
        assert_eq!(result.depth_reached, Some(Depth::Content), "{:?}", result.errors());
        assert!(!result.valid() && result.errors()[0].starts_with(says), "{:?}", result.errors());
    }
}

#[test]
fn the_program_runs_in_an_empty_folder_and_not_where_somebody_stands() {
    let place = Installation::default();
    let server = Server::start(&place.config().layout.vector_store());
    let engine = filled(on(&place, &server.url()), &place);
    let taken = with_vectors(&engine);
    let said = place.path().join("said");
    let script = format!("#!/bin/sh\npwd >>{0}\nls -A >>{0}\nexit 1\n", said.display());
    let program = place.path().join("program");
    files::write_synced(&program, script.as_bytes()).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let config = EngineConfig { chroma_program: program, ..on(&place, &server.url()) };
    let scratch = place.path().join("scratch");
    let result = validate(&config, &scratch, taken.id, Depth::Restore, &Silent).unwrap();
    assert!(result.errors()[0].starts_with("chroma_start_failed: "), "{:?}", result.errors());
    let said = fs::read_to_string(said).unwrap();
    assert!(said.lines().count() > 1, "it was asked whether it is there, and started");
    for line in said.lines() {
        assert!(Path::new(line).starts_with(&scratch), "a folder of its own, and nothing in it: {said}");
    }
}

#[test]
fn a_server_that_was_stopped_is_copied_and_says_what_it_holds() {
    let place = Installation::default();
    let mut server = Server::start(&place.config().layout.vector_store());
    let engine = filled(proving(&place, &server.url()), &place);
    server.kill();
    let taken = with_vectors(&engine);
    assert_eq!((collection(&taken).form, collection(&taken).records), (CollectionForm::Directory, 3));
    proven(&engine, taken.id);
    // The store moves on without it: the copy is behind, which is said, and is brought up to date by a proof.
    place.write("q/boat.md", "# Harbour\n\nThe dinghy leaks and has to be caulked.");
    let _report = engine.fresh("q");
    assert_eq!(engine.embed(&Silent).unwrap_err().code(), ErrorCode::VectorsUnavailable);
    let behind = with_vectors(&engine);
    assert_eq!(collection(&behind).records, 3);
    assert!(behind.manifest.vector_store_note.contains("holds the state of generation"));
    proven(&engine, behind.id);
}

#[test]
fn a_server_elsewhere_is_exported_proven_and_rebuilt_from_the_store() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let engine = filled(proving(&place, &server.url()), &place);
    let before = answers(&engine);
    let taken = with_vectors(&engine);
    assert_eq!((collection(&taken).form, collection(&taken).records), (CollectionForm::Export, 3));
    assert!(taken.manifest.chroma_snapshot_included && taken.manifest.chroma_snapshot_files == 2);
    assert!(taken.manifest.vector_store_note.contains("An export"));
    server.kill();
    proven(&engine, taken.id);
    drop(engine);

    // A restore leaves the export where it is; the collection on another server is made of the database alone.
    let layout = restored(&place, taken.id, "restored");
    assert!(!layout.vector_store().exists());
    let other = tempfile::tempdir().unwrap();
    let other = Server::start(other.path());
    let engine = open(EngineConfig { layout, ..on(&place, &other.url()) });
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 0);
    assert_eq!(answers(&engine), before);
    assert!(engine.verify_index(&Silent).unwrap().is_same());
}

#[test]
fn a_server_elsewhere_that_is_away_or_fails_meanwhile_costs_no_snapshot() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let engine = filled(proving(&place, &between.url()), &place);
    between.rule(|request| if request.contains("\"offset\"") { Reply::Close } else { Reply::Pass });
    let failing = with_vectors(&engine);
    between.rule(|_| Reply::Close);
    let away = with_vectors(&engine);
    between.rule(|_| Reply::Pass);
    for taken in [failing, away] {
        assert!(
            matches!(&taken.vectors, VectorOutcome::Unavailable { why } if why.contains("does not answer"))
        );
        assert!(!taken.manifest.chroma_snapshot_included);
        assert!(taken.manifest.vector_store_note.contains("does not answer"));
        proven(&engine, taken.id);
    }
}

#[test]
fn restored_without_the_vector_store_it_is_made_of_the_database() {
    let place = Installation::default();
    let server = Server::start(&place.config().layout.vector_store());
    let engine = filled(on(&place, &server.url()), &place);
    let before = answers(&engine);
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    drop(engine);
    let layout = restored(&place, taken.id, "restored");
    let other = Server::start(&layout.vector_store());
    let engine = open(EngineConfig { layout, ..on(&place, &other.url()) });
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 0);
    assert_eq!(answers(&engine), before);
}

#[test]
fn a_restore_under_a_running_chroma_server_is_refused_and_succeeds_once_it_is_stopped() {
    let place = Installation::default();
    let mut server = Server::start(&place.config().layout.vector_store());
    let mut engine = filled(on(&place, &server.url()), &place);
    let (before, id) = (answers(&engine), server.collection_id("atocore"));
    let taken = with_vectors(&engine);
    let bread = fs::read(place.vault().join("p/bread.md")).unwrap();
    place.write("p/bread.md", "# Kitchen\n\nThe oven has to be hot before the loaf goes in.");
    let _report = engine.fresh("p");
    let _embedded = engine.embed(&Silent).unwrap();
    assert_ne!(answers(&engine), before);
    place.write("p/bread.md", bread);
    let refused = engine.prepare_restore(taken.id, None, &Silent).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::VectorServerRunning);
    assert!(refused.hint().unwrap().contains("stop the Chroma server"));
    server.kill();
    let prepared = engine.prepare_restore(taken.id, None, &Silent).unwrap();
    let outcome = engine.carry_out_restore(prepared, atocore_engine::Caller::Local, &Silent).unwrap();
    assert!(outcome.plan.replaces_vector_store);
    server.restart();
    drop(engine);
    let engine = open(on(&place, &server.url()));
    assert_eq!(answers(&engine), before);
    assert!(engine.verify_index(&Silent).unwrap().is_same());
    assert_eq!(server.collection_id("atocore"), id, "nothing had to be built anew");
}

/// Kills and restarts a server again and again until it is dropped.
struct Restless {
    over: AtomicBool,
    kills: AtomicUsize,
}

impl Restless {
    const fn new() -> Self {
        Self { over: AtomicBool::new(false), kills: AtomicUsize::new(0) }
    }

    fn run(&self, server: &mut Server) {
        while !self.over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(150));
            server.kill();
            thread::sleep(Duration::from_millis(50));
            server.restart();
            self.kills.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn has_killed(&self, times: usize) -> bool {
        self.kills.load(Ordering::SeqCst) >= times
    }
}

/// Ends the killing also when the test fails.
struct End<'a>(&'a Restless);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_during_ingestion_and_questions_loses_nothing() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut engine = filled(on(&place, &server.url()), &place);
    engine.start_embedding();
    let restless = Restless::new();
    let (mut documents, mut by_words) = (3_u64, 0);
    thread::scope(|scope| {
        let _end = End(&restless);
        let server = &mut server;
        scope.spawn(|| restless.run(server));
        let burst = scope.spawn(|| {
            let mut by_words = 0;
            while !restless.over.load(Ordering::SeqCst) {
                // Every question is answered, by meaning or by lexical search alone, which is then said.
                let answer = engine.ask("battery");
                assert_eq!(answer.hits[0].source_path.as_str(), "car.md");
                let is_said =
                    answer.notices.iter().any(|notice| matches!(notice, Notice::VectorsUnavailable { .. }));
                assert!(answer.mode == Mode::Hybrid || is_said, "{:?}", answer.notices);
                by_words += usize::from(is_said);
            }
            by_words
        });
        while !restless.has_killed(4) {
            place.write(
                &format!("p/new-{documents}.md"),
                format!("# New\n\nNumber {documents} is another one than the one before."),
            );
            documents += 1;
            let _report = engine.fresh("p");
            drop(engine.embed(&Silent));
        }
        restless.over.store(true, Ordering::SeqCst);
        by_words = burst.join().unwrap();
    });
    assert!(by_words > 0, "it was never away");
    while engine.embed(&Silent).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
    let compared = engine.verify_index(&Silent).unwrap();
    assert!(compared.is_same() && compared.expected == documents, "{compared:?} of {documents}");
    assert_eq!(asked(&engine, "my car is broken down", Mode::Dense).unwrap().mode, Mode::Dense);
}

/// Kills a server once, when the work has come to a phase.
struct KillAt<'a> {
    phase: &'static str,
    server: std::sync::Mutex<&'a mut Server>,
    done: AtomicBool,
}

impl Monitor for KillAt<'_> {
    fn progress(&self, progress: Progress) {
        if progress.phase == self.phase && !self.done.swap(true, Ordering::SeqCst) {
            let mut server = self.server.lock().unwrap();
            server.kill();
            server.restart();
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_server_that_is_killed_and_restarted_during_a_snapshot_spoils_none() {
    let place = Installation::default();
    let elsewhere = tempfile::tempdir().unwrap();
    let folders: [(&Path, &[&str]); 2] = [
        (&place.config().layout.vector_store(), &["copying the store", "copying the vector store"]),
        (elsewhere.path(), &["exporting the vector store", "copying the vector store"]),
    ];
    for (folder, phases) in folders {
        let place = if folder.starts_with(place.path()) { &place } else { &Installation::default() };
        let mut server = Server::start(folder);
        let engine = filled(proving(place, &server.url()), place);
        for phase in phases {
            let url = server.url();
            let killing =
                KillAt { phase, server: std::sync::Mutex::new(&mut server), done: AtomicBool::new(false) };
            let taken = engine.create_snapshot(IncludeVectors::Yes, &killing).unwrap();
            assert!(killing.done.load(Ordering::SeqCst), "{phase}");
            // What was taken is verified; without the vectors it says so.
            let has_vectors = taken.manifest.collection().is_some();
            let is_said = matches!(taken.vectors, VectorOutcome::Unavailable { .. });
            assert!(has_vectors != is_said, "{phase}: {}", taken.manifest.vector_store_note);
            proven(&engine, taken.id);
            assert_eq!(server.url(), url);
            while engine.embed(&Silent).is_err() {
                thread::sleep(Duration::from_millis(50));
            }
            assert!(engine.verify_index(&Silent).unwrap().is_same());
        }
    }
}

#[test]
fn answers_of_a_snapshot_are_those_of_an_index_in_files_whatever_the_server_says() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let engine = filled(on(&place, &between.url()), &place);
    // The server finds nothing near, as a graph can that has missed it: the answers to be repeated are others' anyway.
    let nothing = r#"{"ids":[[]],"distances":[[]]}"#.to_owned();
    between.rule(move |request| {
        if request.starts_with("POST") && request.contains("/query ") {
            Reply::Status(200, nothing.clone())
        } else {
            Reply::Pass
        }
    });
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    between.rule(|_| Reply::Close);
    let away = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    for id in [taken.id, away.id] {
        proven(&engine, id);
        let path = place.config().layout.backups.join(format!("snapshots/{id}/canaries.json"));
        let bytes = files::read_if_present(&path).unwrap().unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("\"mode\": \"hybrid\""), "asked by meaning, too");
    }
    drop(engine);
    // And the same by an engine that has its vectors in files.
    let config = embedded(&place);
    assert_eq!(config.vectors, VectorStore::Embedded);
    let access = Access::Own { activity: "test".to_owned(), socket: None };
    let engine = Engine::open(config, access, &Silent).unwrap();
    proven(&engine, taken.id);
}
