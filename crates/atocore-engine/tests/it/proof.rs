//! A snapshot is proven by restoring it and asking it, and what cannot be proven is said.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use atocore_backup::{
    golden_queries::GoldenQueries,
    ledger::Ledger,
    snapshot_directory::SnapshotDirectory,
    verify::{Validation, verify_whole},
};
use atocore_engine::{
    Engine, EngineConfig, IncludeVectors, ModelChoice, ProjectChange, TakenSnapshot, manifest, validate,
};
use atocore_model::{
    id::SnapshotId,
    monitor::{Monitor, Progress, Silent},
    snapshot::Depth,
};
use atocore_storage::files;
use atocore_testkit::installation::{EngineExt, Installation};

fn filled(place: &Installation) -> Engine {
    for i in 0..12 {
        let text = format!("# Animals {i}\n\nThe quagga number{i} was photographed by somebody{i}.");
        place.write(&format!("zoo/ordinary-one-{i}.md"), text);
        place.write(&format!("notes/{i}.md"), format!("# Note {i}\n\nRotated certificates in spring{i}."));
    }
    let engine = place.own();
    for project in ["zoo", "notes"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    engine
}

fn take(engine: &Engine) -> TakenSnapshot {
    engine.create_snapshot(IncludeVectors::No, &Silent).unwrap()
}

fn prove(engine: &Engine, id: SnapshotId) -> Validation {
    engine.validate_snapshot(id, Depth::Answers, &Silent).unwrap()
}

fn vault(place: &Installation) -> SnapshotDirectory {
    SnapshotDirectory::new(&place.config().layout.backups)
}

fn golden_queries(place: &Installation, id: SnapshotId) -> GoldenQueries {
    let (_, verified) = verify_whole(&vault(place), id, &*place.config().clock, &Silent).unwrap();
    GoldenQueries::of(&verified.unwrap()).unwrap().unwrap()
}

/// What lies in the scratch folder of an installation.
fn scratch(config: &EngineConfig) -> Vec<std::path::PathBuf> {
    let dir = config.layout.scratch();
    if dir.exists() { files::list(&dir).unwrap() } else { Vec::new() }
}

/// Changes files of a snapshot behind the back of its record, and the record with them.
fn forge(snapshot: &Path, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let path = snapshot.join(file);
    let bytes = change(files::read_if_present(&path).unwrap().unwrap());
    files::write_atomic(&path, &bytes).unwrap();
    let metadata = snapshot.join(manifest::FILE_NAME);
    let text = files::read_if_present(&metadata).unwrap().unwrap();
    let mut manifest = manifest::read(&text).unwrap().manifest.unwrap();
    for record in &mut manifest.atocore.as_mut().unwrap().files {
        if record.path.as_str() == file {
            let read = files::stream::digest(&path, &mut |_| ControlFlow::Continue(()));
            (record.size_bytes, record.digest) = read.unwrap().unwrap();
        }
    }
    files::write_atomic(&metadata, &manifest.seal().unwrap()).unwrap();
}

/// Puts other words of the same length in the place of some.
fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    let mut times = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
            times += 1;
        }
    }
    assert!(times > 0, "`{from}` is there");
    changed
}

#[test]
fn a_snapshot_is_proven_to_answer_as_it_did_and_leaves_nothing_in_scratch() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    let stored = golden_queries(&place, taken.id);
    assert!(stored.answered && stored.notes.is_empty() && stored.source == "corpus", "{stored:?}");
    for project in ["zoo", "notes"] {
        assert!(
            stored.golden_queries.iter().any(|golden_query| golden_query.project.as_deref() == Some(project))
        );
    }
    place.write("zoo/later.md", "quagga quagga quagga");
    let _report = engine.fresh("zoo");
    let validation = prove(&engine, taken.id);
    assert!(validation.valid(), "{:?}", validation.errors());
    assert_eq!((validation.depth_reached, validation.unrecorded), (Some(Depth::Answers), None));
    assert_eq!(scratch(&place.config()), Vec::<std::path::PathBuf>::new());
    assert_eq!(Ledger::of(&vault(&place)).proven(taken.id).unwrap().depth, Depth::Answers);
    let again = take(&engine);
    assert_ne!(golden_queries(&place, again.id).generation, stored.generation);
    assert_eq!(engine.drill(&Silent).unwrap().unwrap().stamp, again.id);
}

#[test]
fn a_database_that_fits_its_record_and_answers_otherwise_is_found_by_asking() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    forge(&taken.path, "db/atocore.db", |bytes| replace(&bytes, "ordinary-one", "photographed"));
    let content = engine.validate_snapshot(taken.id, Depth::Content, &Silent).unwrap();
    assert!(content.valid(), "{:?}", content.errors());
    let validation = prove(&engine, taken.id);
    assert_eq!((validation.valid(), validation.depth_reached), (false, Some(Depth::Restore)));
    assert!(validation.errors().iter().any(|error| error.starts_with("answers_differ: ")), "{validation:?}");
    assert_eq!(Ledger::of(&vault(&place)).proven(taken.id).unwrap().depth, Depth::Restore);
    assert!(scratch(&place.config()).is_empty());
}

/// What is done to a file of golden queries.
type Change = fn(&mut serde_json::Value);

#[test]
fn answers_of_an_earlier_ranking_are_proven_by_what_they_found() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    let change = |how: Change| {
        forge(&taken.path, manifest::GOLDEN_QUERIES, |bytes| {
            let mut value = serde_json::from_slice(&bytes).unwrap();
            how(&mut value);
            serde_json::to_vec(&value).unwrap()
        });
        prove(&engine, taken.id)
    };
    let other_scores = change(|value| {
        value["format_version"] = 1.into();
        drop(value.as_object_mut().unwrap().remove("ranking").unwrap());
        value["canaries"][0]["hits"][0]["score"] = 0.125.into();
    });
    assert!(other_scores.valid(), "{:?}", other_scores.errors());
    let other_text = change(|value| {
        value["canaries"][0]["hits"][0]["content_blake3"] = "0".repeat(64).into();
    });
    assert!(other_text.errors().iter().any(|error| error.contains("has another text")), "{other_text:?}");
}

#[test]
fn golden_queries_that_prove_nothing_are_no_proof() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    let forged = |change: Change| {
        let mut before = Vec::new();
        forge(&taken.path, manifest::GOLDEN_QUERIES, |bytes| {
            let mut value = serde_json::from_slice(&bytes).unwrap();
            before = bytes;
            change(&mut value);
            serde_json::to_vec(&value).unwrap()
        });
        let errors = prove(&engine, taken.id).errors();
        forge(&taken.path, manifest::GOLDEN_QUERIES, |_| before);
        errors
    };
    let cases: [(&str, Change); 7] = [
        ("answers_differ: ", |file| file["canaries"][0]["hits"] = serde_json::json!([])),
        ("answers_differ: ", |file| file["canaries"][0]["hits"][0]["score"] = serde_json::json!(0.5)),
        ("golden_queries_not_recorded: ", |file| file["canaries"] = serde_json::json!([])),
        ("golden_queries_not_answered: ", |file| file["answered"] = serde_json::json!(false)),
        ("golden_queries_of_another_generation: ", |file| file["generation"] = serde_json::json!(1)),
        ("golden_queries_unreadable: ", |file| file["more"] = serde_json::json!(1)),
        ("golden_queries_format_newer: ", |file| {
            file["format_version"] = (GoldenQueries::FORMAT_VERSION + 1).into()
        }),
    ];
    for (word, change) in cases {
        let errors = forged(change);
        assert!(errors.len() == 1 && errors[0].starts_with(word), "{word}: {errors:?}");
    }
    assert!(prove(&engine, taken.id).valid(), "whole again");
}

#[test]
fn a_store_with_nothing_in_it_says_that_it_cannot_be_asked() {
    let place = Installation::default();
    let engine = place.own();
    let taken = take(&engine);
    let validation = prove(&engine, taken.id);
    assert_eq!(validation.unasked.as_deref(), Some("there is no passage to ask about"));
    assert_eq!(validation.depth_reached, Some(Depth::Restore), "no more is proven");
    assert!(validation.valid() && validation.errors().is_empty(), "and nothing is wrong: {validation:?}");
    let proven = engine.status().unwrap().snapshots;
    assert_eq!((proven.failing, proven.proven[3].stamp, proven.proven[4].stamp), (0, Some(taken.id), None));
}

#[test]
fn the_user_s_own_questions_are_asked_where_there_are_some() {
    let place = Installation::default();
    let engine = filled(&place);
    let file = place.home().join("config/questions.toml");
    let text = "[[question]]\ntext = \"quagga somebody7\"\nexpect = [\"ordinary-one-7.md\"]\n
        [[question]]\ntext = \"spring3\"\nproject = \"notes\"\nscope = true\nexpect = [\"3.md\"]\n
        [[question]]\ntext = \"unheard-of\"\nproject = \"gone\"\nexpect = [\"3.md\"]\n";
    files::write_atomic(&file, text.as_bytes()).unwrap();
    let stored = golden_queries(&place, take(&engine).id);
    let texts: Vec<_> = stored.golden_queries.iter().map(|golden_query| golden_query.text.as_str()).collect();
    assert_eq!((stored.source.as_str(), texts), ("questions", vec!["quagga somebody7", "spring3"]));
    assert_eq!(stored.notes, ["1 questions of `questions.toml` are left out"]);
    assert!(engine.drill(&Silent).unwrap().unwrap().valid());

    files::write_atomic(&file, b"[[question]]\ntxt = 1").unwrap();
    let stored = golden_queries(&place, take(&engine).id);
    assert_eq!((stored.source.as_str(), stored.notes.len()), ("corpus", 1));
    assert!(engine.drill(&Silent).unwrap().unwrap().valid());
}

/// Takes snapshots while another thread writes, each time with the next number.
fn take_beside(engine: &Engine, snapshots: usize, write: &(dyn Fn(usize) + Sync)) -> Vec<TakenSnapshot> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _writer = scope.spawn(|| (0..).take_while(|_| !done.load(Ordering::SeqCst)).for_each(write));
        let taken = (0..snapshots).map(|_| take(engine)).collect();
        done.store(true, Ordering::SeqCst);
        taken
    })
}

#[test]
fn beside_a_writer_the_answers_are_of_the_recovery_point_or_there_are_none() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take_beside(&engine, 8, &|turn| {
        place.write(&format!("zoo/new{turn}.md"), format!("# New {turn}\n\nquagga number{turn}"));
        let _report = engine.refresh(&"zoo".parse().unwrap(), atocore_engine::Caller::Local, &Silent);
    });
    let mut proven = 0;
    for snapshot in taken {
        let validation = prove(&engine, snapshot.id);
        let unanswered =
            validation.errors().iter().all(|error| error.starts_with("golden_queries_not_answered: "));
        assert!(validation.valid() || unanswered, "{:?}", validation.errors());
        proven += usize::from(validation.valid());
    }
    assert!(proven > 0, "ingestion is kept out for the moment that it takes");
}

#[test]
fn beside_writes_that_change_no_answer_every_snapshot_has_its_answers() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take_beside(&engine, 4, &|turn| {
        let change = ProjectChange { description: Some(format!("turn {turn}")), ..ProjectChange::default() };
        let name = "notes".parse().unwrap();
        let _project = engine.update_project(&name, change, atocore_engine::Caller::Local).unwrap();
    });
    let newest = taken.last().unwrap().id;
    for snapshot in taken {
        let stored = golden_queries(&place, snapshot.id);
        assert!(stored.answered && !stored.golden_queries.is_empty(), "{stored:?}");
    }
    assert!(prove(&engine, newest).valid());
}

/// Cancels at the n-th time it is asked.
struct CancelAt(AtomicUsize);

impl Monitor for CancelAt {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn a_drill_cancelled_at_any_moment_leaves_nothing_and_no_verdict() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    let ledger = Ledger::of(&vault(&place));
    for moment in 0.. {
        let result = engine.validate_snapshot(taken.id, Depth::Answers, &CancelAt(AtomicUsize::new(moment)));
        assert!(scratch(&place.config()).is_empty(), "moment {moment}");
        match result {
            Err(error) => assert_eq!(error.code(), atocore_model::error::ErrorCode::Cancelled),
            Ok(validation) => {
                assert!(validation.valid() && moment > 5, "{moment}: {:?}", validation.errors());
                break;
            }
        }
        assert_eq!(ledger.verdicts(taken.id), Default::default());
    }
}

#[test]
fn what_a_killed_drill_left_is_removed_by_the_next_owner() {
    let place = Installation::default();
    drop(filled(&place));
    let left = place.config().layout.scratch().join("drill-1-0/data/db");
    files::create_dirs(&left).unwrap();
    drop(place.read());
    assert!(left.exists(), "a reader touches nothing");
    drop(place.own());
    assert!(scratch(&place.config()).is_empty());
}

#[test]
fn a_reader_does_not_restore_into_the_scratch_folder_of_the_owner() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    drop(engine);
    let reader = place.read();
    assert!(reader.validate_snapshot(taken.id, Depth::Restore, &Silent).is_err());
    assert!(reader.validate_snapshot(taken.id, Depth::Content, &Silent).unwrap().valid());
    let elsewhere = place.path().join("elsewhere");
    let validation = validate(&place.config(), &elsewhere, taken.id, Depth::Answers, &Silent).unwrap();
    assert!(validation.valid(), "{:?}", validation.errors());
    assert_eq!(files::list(&elsewhere).unwrap(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn without_the_model_its_answers_are_unproven_and_not_asked_lexically() {
    let place = Installation::default().with_model();
    let engine = filled(&place);
    let _report = engine.embed(&Silent).unwrap();
    let taken = take(&engine);
    let stored = golden_queries(&place, taken.id);
    assert!(stored.golden_queries.iter().all(|golden_query| golden_query.mode == "hybrid"), "{stored:?}");
    assert!(prove(&engine, taken.id).valid());
    drop(engine);
    let config = EngineConfig { model: ModelChoice::default(), ..place.config() };
    let validation = validate(&config, &config.layout.scratch(), taken.id, Depth::Answers, &Silent).unwrap();
    let errors = validation.errors();
    assert!(errors.len() == 1 && errors[0].starts_with("answers_model_missing: "), "{errors:?}");
    assert_eq!(validation.depth_reached, Some(Depth::Restore));
}

#[test]
fn a_verdict_that_cannot_be_recorded_is_reported_and_counts_for_nothing() {
    let place = Installation::default();
    let engine = filled(&place);
    let taken = take(&engine);
    files::write_atomic(&place.config().layout.backups.join("ledger"), b"in the way").unwrap();
    let validation = prove(&engine, taken.id);
    assert!(validation.valid() && validation.unrecorded.is_some(), "{validation:?}");
    let listed = engine.snapshots_with_proof().unwrap();
    assert_eq!(listed[0].1.as_ref().unwrap().proven_depth, None);
    let proven = engine.health().unwrap().proven.unwrap();
    assert!(proven.len() == Depth::ALL.len() && proven.iter().all(|proven| proven.stamp.is_none()));
}
