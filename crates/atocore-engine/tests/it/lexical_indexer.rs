//! The lexical index can be deleted, damaged or left behind at any time, and answers stay those of the store.

use atocore_engine::{Engine, Error};
use atocore_model::{
    id::Generation,
    query::{Answer, QueryRequest},
};
use atocore_storage::files;
use atocore_testkit::installation::{EngineExt, Installation};

fn filled(place: &Installation) -> Engine {
    for i in 0..30 {
        place.write(&format!("p/{i}.md"), format!("# Doc {i}\n\nzebra lion{} tiger{}", i % 3, i % 7));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    engine
}

/// Everything of an answer but the generation.
fn shown(answer: Answer) -> Vec<(String, f64)> {
    answer.hits.into_iter().map(|hit| (hit.chunk_id.to_string(), hit.score)).collect()
}

fn answers(engine: &Engine) -> Vec<Vec<(String, f64)>> {
    ["zebra", "lion1 tiger3", "doc lion2"].map(|text| shown(engine.ask(text))).into()
}

#[test]
fn an_index_that_grew_by_changes_answers_like_a_rebuilt_one() {
    let place = Installation::default();
    let engine = filled(&place);
    for round in 0..8 {
        place.write_at(
            &format!("p/{round}.md"),
            format!("# New {round}\n\nlion1 zebra zebra"),
            1_700_001_000,
        );
        place.remove(&format!("p/{}.md", 20 + round));
        let _report = engine.fresh("p");
    }
    let grown = answers(&engine);
    drop(engine);
    files::remove_tree(&place.config().layout.lexical_index()).unwrap();
    assert_eq!(answers(&place.own()), grown);
}

#[test]
fn a_damaged_index_is_rebuilt_by_the_next_owner() {
    let place = Installation::default();
    let engine = filled(&place);
    let before = answers(&engine);
    drop(engine);
    for path in files::list(&place.config().layout.lexical_index()).unwrap() {
        files::write_synced(&path, b"garbage").unwrap();
    }
    let reader = place.read();
    assert!(matches!(reader.query(&QueryRequest::new("zebra".parse().unwrap())), Err(Error::IndexNotReady)));
    assert_eq!(answers(&place.own()), before);
}

#[test]
fn an_index_of_another_history_is_never_answered_from() {
    let place = Installation::default();
    let engine = filled(&place);
    let layout = place.config().layout;
    drop(engine);
    // A store that was closed is one file.
    assert!(!layout.database().with_extension("db-wal").exists());
    let old_store = std::fs::read(layout.database()).unwrap();
    let engine = place.own();
    place.write_at("p/0.md", "# Doc\n\nunicorn", 1_700_001_000);
    let _report = engine.fresh("p");
    assert_eq!(engine.ask("unicorn").hits.len(), 1);
    drop(engine);
    // As after a restore by hand: an older store beside a newer index, then a history of its own.
    files::write_synced(&layout.database(), &old_store).unwrap();
    let engine = place.own();
    assert!(engine.ask("unicorn").hits.is_empty());
    place.write_at("p/0.md", "# Doc\n\nphoenix", 1_700_002_000);
    let _report = engine.fresh("p");
    assert!(engine.ask("unicorn").hits.is_empty());
    assert_eq!(engine.ask("phoenix").hits.len(), 1);
}

#[test]
fn a_caller_can_wait_for_its_own_write_and_is_refused_in_the_end() {
    let place = Installation::default();
    let engine = filled(&place);
    let generation = engine.ask("zebra").store_generation;
    let wait = |generation| QueryRequest {
        wait_for: Some(generation),
        ..QueryRequest::new("zebra".parse().unwrap())
    };
    assert_eq!(engine.query(&wait(generation)).unwrap().generation, generation);
    let refused = engine.query(&wait(Generation(generation.0 + 1))).unwrap_err();
    assert!(matches!(refused, Error::GenerationNotReached { .. }), "{refused}");
    assert_eq!(place.read().query(&wait(generation)).unwrap().generation, generation);
}

#[test]
fn a_reader_beside_the_owner_sees_what_it_commits() {
    let place = Installation::default();
    let engine = filled(&place);
    let reader = place.read();
    assert_eq!(answers(&reader), answers(&engine));
    place.write("p/new.md", "unicorn");
    let _report = engine.fresh("p");
    assert_eq!(reader.ask("unicorn").hits.len(), 1);
}
