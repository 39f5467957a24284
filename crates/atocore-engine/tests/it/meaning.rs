//! Search by meaning with the real model: vectors follow the documents, none is made twice, nothing is made up.

use std::sync::atomic::{AtomicU64, Ordering};

use atocore_engine::{
    Access, Caller, Embedded, Engine, EngineConfig, Error, IncludeVectors, Layout, ModelChoice, Precision,
    ProjectChange, RankWeights, ingest::ChunkLimits, restore,
};
use atocore_model::{
    document::conditions::DocumentConditions,
    error::ErrorCode,
    fit::Fit,
    monitor::{Monitor, Progress, Silent},
    query::{Answer, Notice, ProjectHint, QueryRequest},
    ranking::{Fusion, LexicalScore, Mode},
    snapshot::Depth,
};
use atocore_testkit::{
    installation::{EngineExt, Installation, of_search, vault_project},
    model,
};

fn config(place: &Installation) -> EngineConfig {
    EngineConfig {
        model: model::choice(),
        weights: RankWeights { min_fit: Fit::ZERO, ..RankWeights::default() },
        ..place.config()
    }
}

fn open(config: EngineConfig) -> Engine {
    Engine::open(config, Access::Own { activity: "test".to_owned(), socket: None }, &Silent).unwrap()
}

fn query(text: &str) -> QueryRequest {
    QueryRequest::new(text.parse().unwrap())
}

fn paths(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.source_path.as_str()).collect()
}

fn with_mode(engine: &Engine, text: &str, mode: Mode) -> Answer {
    engine.query(&QueryRequest { mode: Some(mode), ..query(text) }).unwrap()
}

/// Three notes of one project, embedded.
fn notes(place: &Installation) -> Engine {
    place.write("p/car.md", "# Garage\n\nThe automobile would not start because its battery was flat.");
    place.write("p/bread.md", "# Kitchen\n\nKnead the dough for ten minutes and let it rise under a cloth.");
    place.write("p/tax.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
    let engine = open(config(place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 3);
    engine
}

#[test]
fn a_question_finds_what_it_means_without_a_word_in_common() {
    let place = Installation::default();
    let engine = notes(&place);
    let asked = "my car is broken down";
    assert_eq!(paths(&engine.ask(asked))[0], "car.md");
    assert_eq!(paths(&with_mode(&engine, asked, Mode::Dense))[0], "car.md");
    assert!(with_mode(&engine, asked, Mode::Lexical).hits.is_empty());
    let answer = engine.ask(asked);
    assert_eq!((answer.mode, of_search(&answer)), (Mode::Hybrid, Vec::new()));
}

#[test]
fn words_answer_at_once_and_the_answer_says_what_is_still_to_come() {
    let place = Installation::default();
    let engine = notes(&place);
    place.write("p/bike.md", "The bicycle has a puncture.");
    let _report = engine.fresh("p");
    let answer = engine.ask("bicycle puncture");
    assert_eq!(paths(&answer)[0], "bike.md");
    assert!(answer.hits[0].explanation.as_ref().unwrap().semantic.unwrap().assumed);
    assert_eq!(answer.notices, [Notice::VectorsMissing { missing: 1, chunks: 4 }]);
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 1);
    assert_eq!(engine.ask("bicycle").notices, []);
    assert_eq!(paths(&engine.ask("cycling with a damaged tyre"))[0], "bike.md");
}

#[test]
fn what_has_not_changed_is_never_embedded_twice() {
    let place = Installation::default();
    let engine = notes(&place);
    // Renamed under a title of its own, moved to another project, touched.
    let bread = "# Kitchen\n\nKnead the dough for ten minutes and let it rise under a cloth.";
    place.remove("p/bread.md");
    place.write("p/sub/dough.md", bread);
    place.remove("p/tax.md");
    place.write("q/papers.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
    engine.add("q", "q");
    for project in ["p", "q"] {
        let _report = engine.fresh(project);
    }
    let report = engine.embed(&Silent).unwrap();
    assert_eq!((report.embedded, report.kept), (0, 3));
    let scoped =
        QueryRequest { project: ProjectHint::Scope("q".parse().unwrap()), ..query("tax return deadline") };
    assert_eq!(paths(&engine.query(&scoped).unwrap()), ["papers.md"]);
    // Another start, and an index that is gone: nothing is embedded again either.
    drop(engine);
    atocore_storage::files::remove_tree(&place.config().layout.vector_index()).unwrap();
    let engine = open(config(&place));
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 0);
    assert_eq!(paths(&engine.ask("my car is broken down"))[0], "car.md");
}

#[test]
fn a_restored_snapshot_has_its_vectors() {
    let place = Installation::default();
    let engine = notes(&place);
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    let record = taken.manifest.atocore.as_ref().unwrap();
    assert_eq!(record.counts.vectors, 3);
    assert!(record.vector_fingerprint.is_some());
    let before = engine.ask("my car is broken down");
    let validation = engine.validate_snapshot(taken.id, Depth::Content, &Silent).unwrap();
    assert!(validation.valid(), "{:?}", validation.errors());
    let target = place.path().join("restored");
    let there = config(&place);
    let _report = restore(&there.layout, taken.id, &target, &*there.clock, &Silent).unwrap();
    let restored = open(EngineConfig { layout: Layout::in_home(&target), ..there });
    assert_eq!(restored.embed(&Silent).unwrap().embedded, 0);
    let after = restored.ask("my car is broken down");
    let scores = |answer: &Answer| -> Vec<_> {
        answer.hits.iter().map(|hit| (hit.chunk_id.clone(), hit.score)).collect()
    };
    assert_eq!(scores(&before), scores(&after));
}

#[test]
fn without_a_model_words_answer_and_say_what_is_missing() {
    let place = Installation::default();
    let without = EngineConfig {
        model: ModelChoice { folders: vec![place.path().join("nothing")], ..ModelChoice::default() },
        ..config(&place)
    };
    place.write("p/car.md", "The automobile would not start.");
    let engine = open(without);
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let answer = engine.ask("automobile");
    assert_eq!((paths(&answer), answer.mode), (vec!["car.md"], Mode::Lexical));
    let [Notice::NoModel { hint, .. }] = answer.notices.as_slice() else { panic!("{:?}", answer.notices) };
    assert_eq!(hint, "atocore model fetch");
    assert!(matches!(engine.embed(&Silent), Err(Error::NoModel(_))));
    let dense = engine.query(&QueryRequest { mode: Some(Mode::Dense), ..query("automobile") });
    assert!(matches!(dense, Err(Error::NoModel(_))));
    assert!(engine.status().unwrap().embedding.problem.is_some());
    assert!(engine.doctor().iter().any(|finding| finding.hint.as_deref() == Some("atocore model fetch")));
}

#[test]
fn every_score_is_the_arithmetic_that_its_explanation_shows() {
    let place = Installation::default();
    let engine = notes(&place);
    let part = |words: &LexicalScore| {
        let of = |score, most| if most > 0.0 { score / most } else { 0.0 };
        0.7 * of(words.bm25, words.bm25_max) + 0.3 * of(words.document_bm25, words.document_bm25_max)
    };
    let fusions = [Fusion::default(), Fusion::Convex { meaning_weight: 0.2 }, Fusion::Reciprocal { k: 60.0 }];
    for (fusion, text) in
        fusions.into_iter().flat_map(|fusion| [(fusion, "flat battery"), (fusion, "kitchen dough")])
    {
        let weights = RankWeights { fusion, min_fit: Fit::ZERO, ..RankWeights::default() };
        let answer = engine.query_with(&query(text), &weights).unwrap();
        assert_eq!(answer.hits.len(), 3);
        for hit in &answer.hits {
            let explanation = hit.explanation.as_ref().unwrap();
            let (words, meaning) = (explanation.lexical.unwrap(), explanation.semantic.unwrap());
            let similarity = match explanation.fusion.unwrap() {
                Fusion::Convex { meaning_weight } => {
                    meaning_weight * (meaning.cosine.max(0.0) / meaning.cosine_max)
                        + (1.0 - meaning_weight) * part(&words)
                }
                Fusion::Reciprocal { k } => {
                    let share = |rank: Option<usize>| rank.map_or(0.0, |rank| (k + 1.0) / (k + rank as f64));
                    (share(words.rank) + share(meaning.rank)) / 2.0
                }
            };
            assert_eq!(similarity, explanation.similarity);
            let score = explanation.factors.iter().fold(similarity, |score, factor| score * factor.value);
            assert_eq!(score, explanation.score());
            assert_eq!(Fit::of(Some(meaning.cosine), Some(words.coverage)), hit.fit);
        }
        let scores: Vec<f64> = answer.hits.iter().map(|hit| hit.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b));
    }
    let dense = with_mode(&engine, "flat battery", Mode::Dense);
    let explanation = dense.hits[0].explanation.as_ref().unwrap();
    assert_eq!(explanation.similarity, explanation.semantic.unwrap().cosine);
}

#[test]
fn another_model_takes_over_in_one_step_while_the_old_one_answers() {
    let place = Installation::default();
    drop(notes(&place));
    let mut changed = config(&place);
    changed.model.precision = Precision::Int8;
    let engine = open(changed.clone());
    let asked = "my car is broken down";
    assert_eq!(paths(&engine.ask(asked))[0], "car.md");
    let status = engine.status().unwrap().embedding;
    assert!(status.switching && status.embedded == 3, "{status:?}");
    // Cancelled half-way: still the old one, nothing lost.
    let stop = StopAfter(AtomicU64::new(1));
    assert!(matches!(engine.embed(&stop), Err(Error::Cancelled)));
    assert_eq!(paths(&engine.ask(asked))[0], "car.md");
    assert_eq!(of_search(&engine.ask(asked)), [] as [&Notice; 0]);
    let report = engine.embed(&Silent).unwrap();
    assert!(report.switched && report.embedded > 0, "{report:?}");
    assert_eq!(paths(&engine.ask(asked))[0], "car.md");
    let status = engine.status().unwrap().embedding;
    assert!(!status.switching && status.embedded == 3 && status.indexed == 3, "{status:?}");
    // And back: the former vectors are gone, so they are made again.
    drop(engine);
    let engine = open(config(&place));
    let report = engine.embed(&Silent).unwrap();
    assert_eq!((report.embedded, report.switched), (3, true));
}

/// Calls work off after it has said so often where it stands.
struct StopAfter(AtomicU64);

impl Monitor for StopAfter {
    fn progress(&self, _: Progress) {
        let _before = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

#[test]
fn rechunked_documents_answer_as_before_until_their_vectors_are_there() {
    let place = Installation::default();
    let sentence = "The automobile would not start because its battery was flat. ";
    let dough = "Knead the dough for ten minutes and let it rise under a cloth. ";
    place.write("p/long.md", sentence.repeat(6) + "\n\n" + &dough.repeat(6));
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _made = engine.embed(&Silent).unwrap();
    let chunks = |engine: &Engine| engine.status().unwrap().projects[0].chunks;
    let before = chunks(&engine);
    drop(engine);
    let mut changed = config(&place);
    changed.chunks = ChunkLimits::new(200, 20).unwrap();
    let engine = open(changed);
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].files.len(), 1);
    assert_eq!(chunks(&engine), before);
    assert_eq!(of_search(&engine.ask("my car is broken down")), [] as [&Notice; 0]);
    // Nothing is read twice while it waits.
    assert!(engine.fresh("p").roots[0].files.is_empty());
    let made = engine.embed(&Silent).unwrap();
    assert!(made.embedded > 0);
    assert!(chunks(&engine) > before);
    let answer = engine.ask("my car is broken down");
    assert_eq!((paths(&answer)[0], of_search(&answer)), ("long.md", Vec::new()));
    assert!(answer.hits[0].content.chars().count() <= 200);
}

/// Refreshes a project the first time that somebody asks whether to go on.
struct RefreshesMeanwhile<'e> {
    engine: &'e Engine,
    project: &'static str,
    done: AtomicU64,
}

impl Monitor for RefreshesMeanwhile<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        if self.done.fetch_add(1, Ordering::SeqCst) == 0 {
            let _report = self.engine.fresh(self.project);
        }
        false
    }
}

#[test]
fn a_rechunked_document_waits_for_its_own_vectors_while_others_are_rechunked() {
    let place = Installation::default();
    place.write("short/a.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
    place.write("long/b.md", "The automobile would not start because its battery was flat. ".repeat(6));
    let engine = open(config(&place));
    for project in ["short", "long"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 2);
    drop(engine);
    let engine = open(EngineConfig { chunks: ChunkLimits::new(200, 20).unwrap(), ..config(&place) });
    // One passage as before: it has its vector, and can take its place.
    let _report = engine.fresh("short");
    let meanwhile = RefreshesMeanwhile { engine: &engine, project: "long", done: AtomicU64::new(0) };
    let _made = engine.embed(&meanwhile).unwrap();
    let status = engine.status().unwrap().embedding;
    assert_eq!(status.embedded, status.passages, "{status:?}");
    let answer = with_mode(&engine, "my car is broken down", Mode::Dense);
    assert_eq!(of_search(&answer), [] as [&Notice; 0]);
    assert!(engine.embed(&Silent).unwrap().embedded > 0);
    assert!(engine.status().unwrap().embedding.passages > 2);
}

#[test]
fn a_document_below_another_root_than_before_is_known_by_its_new_path() {
    let place = Installation::default();
    let engine = notes(&place);
    let roots = Some(vault_project("p", "").roots);
    let change = ProjectChange { roots, ..ProjectChange::default() };
    let _project = engine.update_project(&"p".parse().unwrap(), change, Caller::Local).unwrap();
    let _report = engine.fresh("p");
    assert_eq!(paths(&engine.ask("my car is broken down"))[0], "p/car.md");
    assert!(engine.fresh("p").roots[0].files.is_empty());
}

#[test]
fn the_same_text_in_many_places_is_embedded_once() {
    let place = Installation::default();
    for number in 0..100 {
        place.write(&format!("p/{number}.md"), "# Papers\n\nThe same declaration.");
    }
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let generation = |engine: &Engine| engine.health().unwrap().generation.0;
    let before = generation(&engine);
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 100);
    // The model becomes known to the store, and the vector is kept.
    assert_eq!(generation(&engine) - before, 2);
}

#[test]
fn a_rare_exact_term_is_not_drowned_by_what_is_merely_near() {
    let place = Installation::default();
    for n in 0..30 {
        let text =
            format!("# Pump error {n}\n\nThe pump reports an error of its motor and has to be restarted.");
        place.write(&format!("p/pump{n:02}.md"), text + &" Look at the valve.".repeat(n % 7 + 1));
    }
    place.write(
        "p/codes.md",
        "# Table\n\nE4711: replace the seal.\n\nOther codes are in the annex of the manual.",
    );
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _made = engine.embed(&Silent).unwrap();
    let answer = engine.ask("what to do when the pump motor reports error E4711");
    assert_eq!(paths(&answer)[0], "codes.md");
    let factors = &answer.hits[0].explanation.as_ref().unwrap().factors;
    assert!(factors.iter().any(|factor| factor.name == "exact_term" && factor.reason.contains("E4711")));
}

#[test]
fn where_a_question_is_a_term_everything_that_has_it_comes_first() {
    let place = Installation::default();
    for n in 0..30 {
        let text = format!("# Error {n}\n\nThe error code of pump {n} is E48{n:02}, the error of the motor.");
        place.write(&format!("p/pump{n:02}.md"), text);
    }
    let mentions = ["a.md", "b.md", "c.md"];
    for (n, file) in mentions.into_iter().enumerate() {
        let text = "A long tale of gardens, apples and pears. ".repeat(3 * n + 1);
        place.write(&format!("p/{file}"), format!("# Garden {n}\n\n{text} It ended with E4711."));
    }
    place.write("p/names.md", "# Settings\n\nSet `max_file_bytes` to what you like.");
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _made = engine.embed(&Silent).unwrap();
    let answer = engine.ask("E4711");
    let mut first: Vec<&str> = paths(&answer).into_iter().take(3).collect();
    first.sort_unstable();
    assert_eq!(first, mentions);
    assert!(answer.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    let behind = answer.hits[3].explanation.as_ref().unwrap();
    assert_eq!(behind.score(), answer.hits[3].score);
    assert!(behind.factors.iter().any(|factor| factor.name == "exact_term"), "{behind:?}");
    for name in ["maxFileBytes", "MAX_FILE_BYTES", "max-file-bytes", "where is maxFileBytes set?"] {
        assert_eq!(paths(&engine.ask(name))[0], "names.md", "{name}");
    }
}

#[test]
fn passages_that_say_the_same_are_one_hit_that_names_the_other_places() {
    let place = Installation::default();
    let text = "# Restore\n\nA restored store counts on from its copy, and every index is made anew from it. "
        .to_owned()
        + "The registry is written last, so that nobody asks before everything is in place. "
        + "What was there before is kept beside it under a name of its own until the next restore has succeeded, "
        + "and the operation log says who restored what, from where, through which door and when.";
    place.write("p/v1/restore.md", &text);
    place.write(
        "p/v2/restore.md",
        text.replace("is made anew", "is *made anew*\n").replace("# Restore", "# RESTORE"),
    );
    place.write("q/copy.md", &text);
    let engine = open(config(&place));
    engine.add("p", "p");
    engine.add("q", "q");
    for project in ["p", "q"] {
        let _report = engine.fresh(project);
    }
    let _made = engine.embed(&Silent).unwrap();
    let answer = engine.query(&query("how is a store restored")).unwrap();
    assert_eq!(answer.hits.len(), 1);
    let mut places: Vec<&str> = answer.hits[0].copies.iter().map(|copy| copy.source_path.as_str()).collect();
    places.push(answer.hits[0].source_path.as_str());
    places.sort_unstable();
    assert_eq!(places, ["copy.md", "v1/restore.md", "v2/restore.md"]);
    let all = engine.query(&QueryRequest { collapse: false, ..query("how is a store restored") }).unwrap();
    assert_eq!(all.hits.len(), 3);
    // Inside a scope nothing of another project is named either.
    let scoped = QueryRequest {
        project: ProjectHint::Scope("p".parse().unwrap()),
        ..query("how is a store restored")
    };
    let scoped = engine.query(&scoped).unwrap();
    assert!(scoped.hits[0].copies.iter().all(|copy| copy.project.as_str() == "p"));
    assert_eq!(scoped.hits[0].copies.len(), 1);
}

#[test]
fn what_is_gone_is_not_found_by_meaning_either() {
    let place = Installation::default();
    let engine = notes(&place);
    place.remove("p/car.md");
    place.write("p/bread.md", "# Kitchen\n\nThe oven is cleaned on Fridays.");
    let _report = engine.fresh("p");
    // The vector index has not been brought up to date: the store decides.
    let answer = engine.ask("my car is broken down");
    assert!(!paths(&answer).contains(&"car.md"));
    let dense = with_mode(&engine, "kneading dough", Mode::Dense);
    assert!(dense.hits.iter().all(|hit| !hit.content.contains("dough")));
}

#[test]
fn tags_and_paths_hold_for_meaning_too() {
    let place = Installation::default();
    place.write("p/a/car.md", "---\ntags: [vehicle]\n---\nThe automobile would not start.");
    place.write("p/b/bike.md", "The bicycle has a puncture.");
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _made = engine.embed(&Silent).unwrap();
    let ask = |query: QueryRequest| engine.query(&QueryRequest { mode: Some(Mode::Dense), ..query }).unwrap();
    let tagged = ask(QueryRequest {
        conditions: DocumentConditions::tagged(vec!["Vehicle".parse().unwrap()]),
        ..query("broken two-wheeler")
    });
    assert_eq!(paths(&tagged), ["a/car.md"]);
    let below = ask(QueryRequest { path: Some("b".to_owned()), ..query("broken car") });
    assert_eq!(paths(&below), ["b/bike.md"]);
}

#[test]
fn a_question_longer_than_the_window_says_so() {
    let place = Installation::default();
    let engine = notes(&place);
    let long = "battery of the automobile ".repeat(120);
    let answer = engine.ask(long.trim());
    assert_eq!(paths(&answer)[0], "car.md");
    assert!(
        matches!(answer.notices.as_slice(), [Notice::QuestionCut { window: 256, .. }]),
        "{:?}",
        answer.notices
    );
}

#[test]
fn vectors_come_by_themselves_where_somebody_stays() {
    let place = Installation::default();
    place.write("p/car.md", "The automobile would not start.");
    let mut engine = open(config(&place));
    engine.start_embedding();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    // Waits for its turn behind the thread, or makes them itself: either way all are there then.
    let _made = engine.embed(&Silent).unwrap();
    assert_eq!(engine.status().unwrap().embedding.embedded, 1);
    assert_eq!(paths(&engine.ask("my car is broken down")), ["car.md"]);
    let _turn = engine.refresh(&"p".parse().unwrap(), Caller::Local, &Silent).unwrap();
}

#[test]
fn vectors_whose_index_cannot_be_written_are_kept_counted_in_one_way_and_shown_later() {
    let place = Installation::default();
    let engine = notes(&place);
    // Where a folder that holds something has the name of the base, the index cannot be written.
    let in_the_way = place.config().layout.vector_index().join("vectors.base");
    std::fs::remove_file(&in_the_way).unwrap();
    std::fs::create_dir_all(in_the_way.join("kept")).unwrap();
    place.remove("p/car.md");
    place.write("p/boat.md", "# Harbour\n\nThe hull leaks, and the pump that should keep it dry is broken.");
    let _report = engine.fresh("p");
    let error = engine.embed(&Silent).unwrap_err();
    assert_eq!(error.code(), ErrorCode::IndexUnavailable, "{error}");
    let status = engine.status().unwrap();
    assert_eq!(status.embedding.embedded, 3, "they are made and kept");
    assert_eq!(
        status.embedding.missing, 1,
        "as many vectors as passages, and one of them is of a note that is gone"
    );
    assert_eq!(status.indexes_behind.len(), 1);
    assert_eq!(status.indexes_behind[0].index, "vector index");
    let answer = engine.ask("a ship takes in water");
    assert!(
        answer.notices.contains(&Notice::VectorsMissing { missing: 1, chunks: 3 }),
        "{:?}",
        answer.notices
    );
    assert!(
        answer.notices.iter().any(|notice| matches!(notice, Notice::IndexBehind { .. })),
        "{:?}",
        answer.notices
    );
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    assert!(taken.notices[0].contains("vector index"), "{:?}", taken.notices);

    // The next owner cannot even open it, and has none until it can.
    drop(engine);
    let engine = open(config(&place));
    let status = engine.status().unwrap();
    assert_eq!((status.embedding.missing, status.indexes_behind.len()), (3, 1), "{status:?}");
    let answer = engine.ask("hull");
    assert!(
        answer.notices.contains(&Notice::VectorsMissing { missing: 3, chunks: 3 }),
        "{:?}",
        answer.notices
    );
    assert_eq!(paths(&answer), ["boat.md"]);
    for refused in [engine.verify_index(&Silent).unwrap_err(), engine.rebuild_index(&Silent).unwrap_err()] {
        assert_eq!(refused.code(), ErrorCode::IndexUnavailable, "{refused}");
    }

    atocore_storage::files::remove_tree(&in_the_way).unwrap();
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 0);
    let answer = engine.ask("a ship takes in water");
    assert_eq!(of_search(&answer), [] as [&Notice; 0]);
    assert_eq!(paths(&answer)[0], "boat.md");
}

#[test]
fn vectors_are_made_alternating_with_others_who_want_the_store_and_counted_once() {
    let place = Installation::default();
    for index in 0..40 {
        place.write(&format!("p/{index}.md"), format!("# Note {index}\n\nKey {index} lies in the vault."));
    }
    let engine = open(config(&place));
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let (mut made, mut turns) = (0, 0);
    let last = loop {
        match engine.embed_yielding(&|| true, &Silent).unwrap() {
            Embedded::Some(more) => (made, turns) = (made + more, turns + 1),
            Embedded::All(last) => break last,
        }
    };
    assert_eq!((made + last.embedded, last.kept), (40, made));
    assert!(turns > 1, "{turns}");
    assert_eq!(engine.embed(&Silent).unwrap().kept, 40);
}

#[test]
fn other_wordings_and_a_text_as_the_answer_would_be_find_what_the_question_alone_does_not() {
    let place = Installation::default();
    let engine = notes(&place);
    let best = |query: QueryRequest| {
        let answer = engine.query(&query).unwrap();
        (answer.hits[0].source_path.to_string(), answer.hits[0].fit)
    };
    let vague = query("what about July");
    let text = |text: &str| text.parse().unwrap();
    let (alone, fit) = best(query("the thing in the kitchen"));
    assert_eq!(alone, "bread.md");
    let reworded = QueryRequest {
        alternatives: vec![text("how long does dough have to rise"), text("kneading bread")],
        ..query("the thing in the kitchen")
    };
    let (path, better) = best(reworded);
    assert!(path == "bread.md" && better > fit, "{path} {fit} {better}");
    // Its meaning counts, and its words do not.
    let guess = QueryRequest {
        hypothetical: Some(text(
            "The engine of the vehicle is dead, the starter only clicks, charge the accumulator.",
        )),
        ..query("why is it quiet in the morning")
    };
    assert_eq!(best(guess.clone()).0, "car.md");
    let lexical = engine.query(&QueryRequest { mode: Some(Mode::Lexical), ..guess }).unwrap();
    let without = with_mode(&engine, "why is it quiet in the morning", Mode::Lexical);
    assert_eq!(lexical.hits, without.hits);
    // What was asked first goes on counting.
    let both = QueryRequest { alternatives: vec![text("hand in the declaration")], ..vague };
    assert_eq!(best(both).0, "tax.md");
}
