//! What the date of a document does to the order: nothing, unless it is asked for or a newer version says the same.

use atocore_engine::{Access, Engine, EngineConfig, IncludeVectors, RankWeights};
use atocore_model::{
    monitor::Silent,
    query::{Answer, Factor, Hit, QueryRequest},
    ranking::Mode,
    snapshot::Depth,
};
use atocore_testkit::installation::{EngineExt, Installation};

fn open(place: &Installation, recency_boost: f64) -> Engine {
    let weights = RankWeights { recency_boost, ..place.config().weights };
    let access = Access::Own { activity: "test".to_owned(), socket: None };
    Engine::open(EngineConfig { weights, ..place.config() }, access, &Silent).unwrap()
}

fn ask(engine: &Engine, text: &str) -> Answer {
    engine.query(&QueryRequest { collapse: false, ..QueryRequest::new(text.parse().unwrap()) }).unwrap()
}

fn paths(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.source_path.as_str()).collect()
}

fn factor<'h>(hit: &'h Hit, name: &str) -> Option<&'h Factor> {
    hit.explanation.as_ref().unwrap().factors.iter().find(|factor| factor.name == name)
}

/// Scores are what the explanations show, and in order.
fn assert_explained(answer: &Answer) {
    for hit in &answer.hits {
        assert_eq!(hit.score, hit.explanation.as_ref().unwrap().score(), "{}", hit.source_path);
    }
    assert!(answer.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

#[test]
fn a_late_date_counts_only_where_the_setting_says_so_and_never_in_mode_dense() {
    let place = Installation::default().with_model();
    place.write("p/a.md", "---\ndate: 2025-04-06\n---\nThe pump is greased in spring.");
    place.write("p/b.md", "---\ndate: 2026-04-05\n---\nThe pump is greased in spring.");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let _embedded = engine.embed(&Silent).unwrap();
    let answer = ask(&engine, "greased pump");
    assert_eq!(paths(&answer), ["a.md", "b.md"], "by path");
    assert!(answer.hits.iter().all(|hit| factor(hit, "recency").is_none()));
    drop(engine);
    let engine = open(&place, 3.0);
    let answer = ask(&engine, "greased pump");
    assert_explained(&answer);
    assert_eq!(paths(&answer), ["b.md", "a.md"]);
    let [new, old] = [0, 1].map(|at| factor(&answer.hits[at], "recency").unwrap());
    assert!(new.value > 2.9 && old.value < 1.2, "{new:?} {old:?}");
    assert_eq!(new.reason, "dated 2026-04-05, a day ago");
    for mode in [Mode::Dense, Mode::Lexical] {
        let asked = QueryRequest { mode: Some(mode), ..QueryRequest::new("greased pump".parse().unwrap()) };
        let answer = engine.query(&asked).unwrap();
        assert_eq!(factor(&answer.hits[0], "recency").is_some(), mode == Mode::Lexical);
    }
}

#[test]
fn a_snapshot_answers_as_it_did_however_much_time_has_passed() {
    let place = Installation::default();
    for (n, month) in (1..=12).enumerate() {
        let text =
            format!("---\ndate: 2025-{month:02}-10\n---\n# Log {n}\n\nThe pump number{n} was greased.");
        place.write(&format!("p/{n}.md"), text);
    }
    let engine = open(&place, 4.0);
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    place.clock.advance(400 * 24 * 60 * 60);
    let validation = engine.validate_snapshot(taken.id, Depth::Answers, &Silent).unwrap();
    assert!(validation.valid(), "{:?}", validation.errors());
    assert_eq!(validation.depth_reached, Some(Depth::Answers));
}

#[test]
fn of_the_versions_of_a_page_the_newest_comes_first() {
    let place = Installation::default();
    let page = |date: &str, more: &str| {
        format!(
            "---\ndate: {date}\n---\n# Grease\n\n## Pumps\n\nThe pump is greased every four weeks with the yellow grease \
             from the cellar, after it was stopped and its valve was closed by hand.{more}"
        )
    };
    let more = " Whoever does it writes the day into the book beside the door of the workshop.";
    place.write("p/2023/grease.md", page("2023-05-01", ""));
    place.write("p/2024/grease.md", page("2024-05-01", ""));
    place.write("p/2025/grease.md", page("2025-05-01", more));
    place.write("q/grease.md", page("2026-01-01", more));
    place.write(
        "p/2022/grease.md",
        page("2022-05-01", " It was the red grease that was used for the crane before."),
    );
    let engine = place.own();
    for project in ["p", "q"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    let answer = ask(&engine, "how often is the pump greased");
    assert_explained(&answer);
    let of_p: Vec<&str> = paths(&answer).into_iter().filter(|path| path.contains('/')).collect();
    assert_eq!(of_p, ["2025/grease.md", "2024/grease.md", "2023/grease.md", "2022/grease.md"]);
    let oldest = answer.hits.iter().find(|hit| hit.source_path.as_str() == "2023/grease.md").unwrap();
    let reason = &factor(oldest, "older_version").unwrap().reason;
    assert!(reason.ends_with("is a newer version") && reason.contains("grease.md:"), "{reason}");
    let other = answer.hits.iter().find(|hit| hit.source_path.as_str() == "grease.md").unwrap();
    assert!(factor(other, "older_version").is_none());
    // Only the oldest has what is asked for.
    assert_eq!(paths(&ask(&engine, "red grease for the crane"))[0], "2022/grease.md");
}

#[test]
fn pages_that_differ_in_what_is_asked_for_are_no_versions_of_each_other() {
    let place = Installation::default();
    let host = |name: &str, date: &str| {
        format!(
            "---\ntitle: Host\ndate: {date}\n---\nThe host {name} stands in the cellar beside the window, has four disks and \
             is switched off over night to save power."
        )
    };
    place.write("p/alder.md", host("alder", "2024-01-01"));
    place.write("p/birch.md", host("birch", "2025-01-01"));
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(paths(&ask(&engine, "where does alder stand")), ["alder.md", "birch.md"]);
    assert_eq!(paths(&ask(&engine, "which host stands in the cellar")), ["birch.md", "alder.md"]);
}
