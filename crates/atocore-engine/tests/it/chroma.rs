//! Search by meaning with the vectors on a real Chroma server: the same answers, and everything else goes on without it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use atocore_engine::{
    Access, Caller, ChromaServer, Comparison, Engine, EngineConfig, Error, IncludeVectors, Layout,
    RankWeights, VectorStore, restore,
};
use atocore_model::{
    error::ErrorCode,
    excerpt::DocumentRef,
    fact::PageSize,
    monitor::Silent,
    query::{Answer, Notice, ProjectHint, QueryRequest},
    ranking::Mode,
    snapshot::Depth,
};
use atocore_testkit::{
    chroma::{ClaimedPort, Server},
    installation::{EngineExt, Installation, of_search},
    model,
};

/// How long to sleep until something is looked at again that comes by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) fn embedded(place: &Installation) -> EngineConfig {
    EngineConfig { model: model::choice(), weights: RankWeights::default(), ..place.config() }
}

pub(crate) fn on(place: &Installation, url: &str) -> EngineConfig {
    let server = ChromaServer {
        url: url.to_owned(),
        tenant: "default_tenant".to_owned(),
        database: "default_database".to_owned(),
        collection: "atocore".to_owned(),
        token: None,
        authorities: None,
        timeout: Duration::from_secs(20),
    };
    EngineConfig { vectors: VectorStore::Chroma(server), ..embedded(place) }
}

pub(crate) fn open(config: EngineConfig) -> Engine {
    Engine::open(config, Access::Own { activity: "test".to_owned(), socket: None }, &Silent).unwrap()
}

pub(crate) fn write_notes(place: &Installation) {
    place.write("p/car.md", "# Garage\n\nThe automobile would not start because its battery was flat.");
    place.write("p/bread.md", "# Kitchen\n\nKnead the dough for ten minutes and let it rise under a cloth.");
    place.write("q/tax.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
}

pub(crate) fn asked(engine: &Engine, text: &str, mode: Mode) -> Result<Answer, Error> {
    engine.query(&QueryRequest { mode: Some(mode), ..QueryRequest::new(text.parse().unwrap()) })
}

/// Everything that a caller can see of some answers, filters among them.
pub(crate) fn answers(engine: &Engine) -> Vec<String> {
    let mut shown = Vec::new();
    for text in ["my car is broken down", "baking", "what do I owe the state", "battery"] {
        for mode in [Mode::Dense, Mode::Hybrid] {
            let question = QueryRequest { mode: Some(mode), ..QueryRequest::new(text.parse().unwrap()) };
            let scoped = ProjectHint::Scope("q".parse().unwrap());
            let boosted = ProjectHint::Boost("p".parse().unwrap());
            for question in [
                question.clone(),
                QueryRequest { project: scoped, ..question.clone() },
                QueryRequest { project: boosted, ..question.clone() },
                QueryRequest { path: Some("**/b*.md".to_owned()), ..question },
            ] {
                let answer = engine.query(&question).unwrap();
                assert_eq!((answer.mode, of_search(&answer)), (mode, Vec::new()), "{question:?}");
                let hits = answer.hits.iter();
                let hits: Vec<_> = hits.map(|hit| (hit.source_path.to_string(), hit.score)).collect();
                shown.push(format!("{question:?}: {hits:?}"));
            }
        }
    }
    shown
}

#[test]
fn answers_are_the_same_and_switching_embeds_nothing_again() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    write_notes(&place);
    let engine = open(embedded(&place));
    engine.add("p", "p");
    engine.add("q", "q");
    let (_p, _q) = (engine.fresh("p"), engine.fresh("q"));
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 3);
    let before = answers(&engine);
    drop(engine);

    let engine = open(on(&place, &server.url()));
    let report = engine.embed(&Silent).unwrap();
    assert_eq!((report.embedded, report.kept), (0, 3));
    assert_eq!(answers(&engine), before);
    assert_eq!(engine.status().unwrap().embedding.indexed, 3);
    drop(engine);
    let reader = Engine::open(on(&place, &server.url()), Access::Read, &Silent).unwrap();
    assert_eq!(answers(&reader), before);
    drop(reader);

    // What changes meanwhile is in both.
    place.write("p/bread.md", "# Kitchen\n\nThe oven has to be hot before the loaf goes in.");
    let engine = open(on(&place, &server.url()));
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 1);
    let changed = answers(&engine);
    assert_ne!(changed, before);
    drop(engine);
    let engine = open(embedded(&place));
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 0);
    assert_eq!(answers(&engine), changed);
}

#[test]
fn without_its_server_everything_else_goes_on_and_answers_say_so() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    write_notes(&place);
    let engine = open(on(&place, &server.url()));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 2);
    server.kill();

    place.write("p/boat.md", "# Harbour\n\nThe dinghy leaks and has to be caulked.");
    let _report = engine.fresh("p");
    let answer = engine.ask("dinghy");
    assert_eq!((answer.hits[0].source_path.as_str(), answer.mode), ("boat.md", Mode::Lexical));
    let is_said = |notice: &Notice| match notice {
        Notice::VectorsUnavailable { since, why, hint } => {
            assert!(why.contains(&server.url()) && !hint.is_empty(), "{why} {hint}");
            assert!(since.as_nanosecond() > 0);
            true
        }
        _ => false,
    };
    assert!(answer.notices.iter().any(is_said), "{:?}", answer.notices);
    let error = asked(&engine, "a vessel", Mode::Dense).unwrap_err();
    assert_eq!(error.code(), ErrorCode::VectorsUnavailable);
    assert!(error.hint().is_some());
    let document = DocumentRef::Chunk(answer.hits[0].chunk_id.clone());
    let related = |engine: &Engine| engine.related(&document, PageSize::DEFAULT).unwrap().by_meaning;
    assert!(!related(&engine));
    // The new vector is made and kept, and that the server has not got it is said.
    let error = engine.embed(&Silent).unwrap_err();
    assert_eq!(error.code(), ErrorCode::VectorsUnavailable);
    let status = engine.status().unwrap().embedding;
    assert_eq!((status.passages, status.embedded), (3, 3));
    assert!(status.outage.unwrap().why.contains("does not answer"));
    assert!(engine.doctor().iter().any(|finding| finding.message.contains("vectors are unavailable since")));

    server.restart();
    while engine.embed(&Silent).is_err() {
        thread::sleep(LOOK_AGAIN);
    }
    let answer = asked(&engine, "a vessel that lets water in", Mode::Dense).unwrap();
    assert_eq!((answer.hits[0].source_path.as_str(), of_search(&answer)), ("boat.md", Vec::new()));
    assert_eq!(engine.status().unwrap().embedding.outage, None);
    assert!(related(&engine));
}

#[test]
fn a_server_that_comes_back_is_caught_up_by_itself() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    server.kill();
    write_notes(&place);
    // It opens, takes documents in and answers before the server was ever there.
    let mut engine = open(on(&place, &server.url()));
    engine.start_embedding();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _answer = engine.ask("automobile");
    server.restart();
    let meant = || asked(&engine, "my car is broken down", Mode::Dense).ok();
    while meant().is_none_or(|answer| answer.hits.len() < 2) {
        thread::sleep(LOOK_AGAIN);
    }
    // And again, when it is gone while nothing changes: the question notices.
    server.kill();
    assert_eq!(engine.ask("battery").mode, Mode::Lexical);
    server.restart();
    while engine.ask("battery").mode != Mode::Hybrid {
        thread::sleep(LOOK_AGAIN);
    }
}

#[test]
fn snapshots_are_taken_and_proven_without_the_server_and_never_touch_it() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    write_notes(&place);
    let engine = open(on(&place, &server.url()));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _report = engine.embed(&Silent).unwrap();
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    server.kill();
    let validation = engine.validate_snapshot(taken.id, Depth::Answers, &Silent).unwrap();
    assert!(validation.valid(), "{:?}", validation.errors());
    let second = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    assert!(engine.validate_snapshot(second.id, Depth::Content, &Silent).unwrap().valid());
    server.restart();
    assert_eq!(engine.status().unwrap().embedding.passages, 2);
}

#[test]
fn the_folder_of_a_server_is_copied_while_it_answers_and_a_server_on_the_copy_has_all_of_it() {
    let place = Installation::default();
    let layout = place.config().layout;
    // Where AtoCore looks for a vector store on this machine.
    let mut server = Server::start(&layout.vector_store());
    write_notes(&place);
    let engine = open(on(&place, &server.url()));
    engine.add("p", "p");
    engine.add("q", "q");
    let (_p, _q) = (engine.fresh("p"), engine.fresh("q"));
    let _report = engine.embed(&Silent).unwrap();
    let is_over = AtomicBool::new(false);
    let taken = thread::scope(|scope| {
        // Somebody asks, and somebody goes on trying to write.
        scope.spawn(|| {
            for number in 0.. {
                place.write("p/new.md", format!("# New\n\nNumber {number} is another one."));
                let _refused = engine.refresh(&"p".parse().unwrap(), Caller::Local, &Silent);
                let _embedded = engine.embed(&Silent);
                assert!(!engine.ask("automobile").hits.is_empty());
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let mut taken = Vec::new();
        while taken.len() < 3 {
            match engine.create_snapshot(IncludeVectors::Yes, &Silent) {
                Ok(snapshot) => taken.push(snapshot),
                Err(Error::IngestionBusy { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        is_over.store(true, Ordering::SeqCst);
        taken
    });
    drop(engine);
    server.kill();
    for snapshot in taken {
        assert!(snapshot.manifest.chroma_snapshot_included);
        let validation = atocore_engine::validate(
            &embedded(&place),
            &place.path().join("scratch"),
            snapshot.id,
            Depth::Content,
            &Silent,
        )
        .unwrap();
        assert!(validation.valid(), "{:?}", validation.errors());
        let target = place.path().join(format!("restored-{}", snapshot.id));
        let _report = restore(&layout, snapshot.id, &target, &*place.config().clock, &Silent).unwrap();
        let layout = Layout::in_home(&target);
        let copy = Server::start(&layout.vector_store());
        let id = copy.collection_id("atocore");
        let restored = open(EngineConfig { layout, ..on(&place, &copy.url()) });
        let compared = restored.verify_index(&Silent).unwrap();
        assert!(compared.is_same() && compared.expected >= 3, "{compared:?}");
        assert_eq!(copy.collection_id("atocore"), id, "nothing had to be built anew");
        let found = asked(&restored, "what do I owe the state", Mode::Dense).unwrap();
        assert_eq!(found.hits[0].source_path.as_str(), "tax.md");
    }
}

#[test]
fn a_collection_that_is_removed_is_made_again_by_itself_and_at_once_when_that_is_asked_for() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    write_notes(&place);
    let mut engine = open(on(&place, &server.url()));
    engine.add("p", "p");
    engine.add("q", "q");
    let (_p, _q) = (engine.fresh("p"), engine.fresh("q"));
    let _report = engine.embed(&Silent).unwrap();
    let before = answers(&engine);

    server.remove_collection("atocore");
    for _ in 0..5 {
        assert_eq!(engine.ask("battery").mode, Mode::Lexical);
    }
    assert_eq!(engine.rebuild_index(&Silent).unwrap(), 3, "also right after questions that failed");
    assert_eq!(answers(&engine), before);

    engine.start_embedding();
    server.remove_collection("atocore");
    while engine.ask("battery").mode != Mode::Hybrid {
        thread::sleep(LOOK_AGAIN);
    }
    assert_eq!(answers(&engine), before);
}

#[test]
fn a_collection_that_somebody_spoiled_is_verified_and_mended() {
    let place = Installation::default();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    write_notes(&place);
    let engine = open(on(&place, &server.url()));
    assert_eq!(engine.verify_index(&Silent).unwrap(), Comparison::default(), "before there are vectors");
    engine.add("p", "p");
    engine.add("q", "q");
    let (_p, _q) = (engine.fresh("p"), engine.fresh("q"));
    let _report = engine.embed(&Silent).unwrap();
    let before = answers(&engine);
    let same = Comparison { expected: 3, ..Comparison::default() };
    assert_eq!(engine.verify_index(&Silent).unwrap(), same);
    // One record is exchanged for another with the same id, so that the count stays.
    server.spoil_a_record("atocore");
    let found = engine.verify_index(&Silent).unwrap();
    assert_eq!(found, Comparison { wrong: 1, ..same });
    assert_eq!(engine.rebuild_index(&Silent).unwrap(), 3);
    assert_eq!(engine.verify_index(&Silent).unwrap(), same);
    assert_eq!(answers(&engine), before);
    server.kill();
    for error in [engine.verify_index(&Silent).unwrap_err(), engine.rebuild_index(&Silent).unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::VectorsUnavailable);
    }
    drop(engine);
    let engine = open(embedded(&place));
    assert_eq!(engine.verify_index(&Silent).unwrap(), same);
    assert_eq!(engine.rebuild_index(&Silent).unwrap(), 3);
    assert_eq!(answers(&engine), before);
}

#[test]
fn a_server_that_was_never_there_stops_nothing() {
    let place = Installation::default();
    write_notes(&place);
    let nobody = ClaimedPort::claim();
    let url = format!("http://127.0.0.1:{}", nobody.number());
    let engine = open(on(&place, &url));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap_err().code(), ErrorCode::VectorsUnavailable);
    assert_eq!(engine.ask("automobile").hits.len(), 1);
    drop(engine);
    let reader = Engine::open(on(&place, &url), Access::Read, &Silent).unwrap();
    assert_eq!(reader.ask("automobile").hits.len(), 1);
    assert_eq!(reader.status().unwrap().embedding.embedded, 2);
}
