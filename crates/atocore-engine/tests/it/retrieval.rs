//! Ranking as the contract says, scope as a wall, scores that can be recomputed.

use atocore_engine::{Caller, Engine, Error};
use atocore_model::{
    document::conditions::DocumentConditions,
    monitor::Silent,
    query::{Answer, Hit, Notice, ProjectHint, QueryRequest, TopK},
    time::Timestamp,
};
use atocore_testkit::installation::{EngineExt, Installation, vault_project};
use proptest::prelude::*;

fn tagged_with(tags: &[&str]) -> DocumentConditions {
    DocumentConditions::tagged(tags.iter().map(|tag| tag.parse().unwrap()).collect())
}

fn query(text: &str) -> QueryRequest {
    // The documents here are small and alike on purpose.
    QueryRequest { collapse: false, ..QueryRequest::new(text.parse().unwrap()) }
}

fn paths(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.source_path.as_str()).collect()
}

fn two_projects(place: &Installation) -> Engine {
    place.write("a/notes.md", "The pump runs at night, the pump, the pump.");
    place.write("b/other.md", "The pump is blue and old and was bought from the shop in town.");
    let engine = place.own();
    let mut first = vault_project("first", "a");
    first.aliases = vec!["Eins".parse().unwrap()];
    let _project = engine.add_project(first, Caller::Local).unwrap();
    engine.add("second", "b");
    let _report = engine.fresh("first");
    let _report = engine.fresh("second");
    engine
}

#[test]
fn a_boost_raises_a_project_and_a_scope_shuts_the_others_out() {
    let place = Installation::default();
    let engine = two_projects(&place);
    assert_eq!(paths(&engine.ask("pump")), ["notes.md", "other.md"]);
    let name = |name: &str| name.parse().unwrap();
    let boost = QueryRequest { project: ProjectHint::Boost(name("second")), ..query("pump") };
    let answer = engine.query(&boost).unwrap();
    assert_eq!(paths(&answer), ["other.md", "notes.md"]);
    assert_eq!(answer.project.unwrap().as_str(), "second");
    let scope =
        |project: &str| QueryRequest { project: ProjectHint::Scope(name(project)), ..query("pump night") };
    assert_eq!(paths(&engine.query(&scope("EINS")).unwrap()), ["notes.md"]);
    assert_eq!(paths(&engine.query(&scope("second")).unwrap()), ["other.md"]);
    assert!(matches!(engine.query(&scope("third")), Err(Error::ProjectUnknown { .. })));
}

#[test]
fn the_score_is_the_product_that_the_explanation_shows() {
    let place = Installation::default();
    place.write("p/archive/pump.md", "# Pump\n\nThe pump hums.");
    place.write("p/decisions/pump.md", "# Pump decision\n\nThe pump hums.");
    place.write("p/plain.md", "The pump hums.");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let boost = QueryRequest { project: ProjectHint::Boost("p".parse().unwrap()), ..query("pump hums") };
    let answer = engine.query(&boost).unwrap();
    assert_eq!(answer.hits.len(), 3);
    for hit in &answer.hits {
        let explanation = hit.explanation.as_ref().unwrap();
        let words = explanation.lexical.unwrap();
        let of_document = words.document_bm25 / words.document_bm25_max;
        assert_eq!(explanation.similarity, 0.7 * (words.bm25 / words.bm25_max) + 0.3 * of_document);
        let product =
            explanation.factors.iter().fold(explanation.similarity, |score, factor| score * factor.value);
        assert_eq!(explanation.score(), product);
        let [project, token, path] = &explanation.factors[..] else { panic!("{:?}", explanation.factors) };
        assert_eq!((&*project.name, project.value), ("project", 2.0));
        let (is_named, place) = match hit.source_path.as_str() {
            "archive/pump.md" => (true, 0.72),
            "decisions/pump.md" => (true, 1.18),
            _ => (false, 1.0),
        };
        assert_eq!((&*path.name, path.value), ("path", place), "{}", hit.source_path);
        assert_eq!(&*token.name, "query_token");
        assert_eq!(token.value > 1.0, is_named, "{}", hit.source_path);
        assert!(token.value <= 1.32, "{}", token.value);
    }
    assert!(answer.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

#[test]
fn a_boost_brings_in_what_the_search_alone_would_have_cut() {
    let place = Installation::default();
    for i in 0..300 {
        place.write(&format!("a/{i}.md"), "a pump of the usual kind");
    }
    place.write("b/x.md", "a pump of the usual kind among more words than that");
    let engine = place.own();
    engine.add("first", "a");
    engine.add("second", "b");
    let _report = engine.fresh("first");
    let _report = engine.fresh("second");
    assert!(!paths(&engine.ask("pump")).contains(&"x.md"));
    let boost = QueryRequest { project: ProjectHint::Boost("second".parse().unwrap()), ..query("pump") };
    assert_eq!(paths(&engine.query(&boost).unwrap())[0], "x.md");
}

#[test]
fn copies_hide_no_passage_that_differs_however_many_there_are() {
    let place = Installation::default();
    for n in 0..900 {
        place.write(&format!("p/{n}.md"), "# Backup\n\nThe backup runs at three.\n");
    }
    place.write("p/zz.md", "# Backup\n\nThe backup does not run at three on Sundays, as was decided.\n");
    place.write("p/other.md", "# Pump\n\nA pump that nobody asked about.\n");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let query = |text| QueryRequest { collapse: true, ..query(text) };
    let answer = engine.query(&query("backup")).unwrap();
    assert_eq!(paths(&answer)[1..], ["zz.md"]);
    assert_eq!((answer.hits[0].copy_count, answer.hits[0].copies.len()), (899, 899));
    let few = engine.query(&QueryRequest { top_k: TopK::new(1).unwrap(), ..query("backup") }).unwrap();
    assert_eq!((few.hits.len(), few.candidates), (1, 200), "what is asked for is there");
}

#[test]
fn equal_scores_are_in_the_order_of_paths_and_places() {
    let place = Installation::default();
    for name in ["c", "a", "b"] {
        place.write(&format!("p/{name}.md"), "## One\n\nthe same zebra\n\n## Two\n\nthe same zebra\n");
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let answer = engine.ask("zebra");
    let order: Vec<_> = answer.hits.iter().map(|hit| (hit.source_path.as_str(), hit.lines.first)).collect();
    assert_eq!(order, [("a.md", 3), ("a.md", 7), ("b.md", 3), ("b.md", 7), ("c.md", 3), ("c.md", 7)]);
}

#[test]
fn tags_and_paths_filter_inside_the_search() {
    let place = Installation::default();
    place.write("p/a/x.md", "---\ntags: [Red, round]\ndate: 2025-03-01\n---\nzebra one");
    place.write("p/b/y.md", "---\ntags: [red]\n---\nzebra two");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let tagged = |tags: &[&str]| QueryRequest { conditions: tagged_with(tags), ..query("zebra") };
    assert_eq!(paths(&engine.query(&tagged(&["RED"])).unwrap()).len(), 2);
    assert_eq!(paths(&engine.query(&tagged(&["red", "round"])).unwrap()), ["a/x.md"]);
    assert!(engine.query(&tagged(&["square"])).unwrap().hits.is_empty());
    let below = |path: &str| QueryRequest { path: Some(path.to_owned()), ..query("zebra") };
    assert_eq!(paths(&engine.query(&below("b")).unwrap()), ["b/y.md"]);
    assert_eq!(paths(&engine.query(&below("**/x.*")).unwrap()), ["a/x.md"]);
    assert!(matches!(engine.query(&below("[")), Err(Error::PathPattern { .. })));
    let hit = engine.query(&below("a")).unwrap().hits.remove(0);
    assert_eq!(hit.date.to_string(), "2025-03-01T00:00:00.000000+00:00");
    assert_eq!(hit.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["Red", "round"]);
}

#[test]
fn a_hit_says_where_it_comes_from() {
    let place = Installation::default();
    place.write("p/guide.md", "# Guide\n\n## Install\n\nRun the zebra installer.\n");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    let answer = engine.ask("installer");
    let hit = &answer.hits[0];
    assert_eq!((hit.title.as_str(), hit.heading_path.as_str()), ("Guide", "Guide > Install"));
    assert_eq!((hit.lines.first, hit.content.as_str()), (5, "Run the zebra installer."));
    assert!(hit.file_path.ends_with("/p/guide.md"));
    assert_eq!((answer.generation, answer.store_generation), (report.generation, report.generation));
}

#[test]
fn a_question_without_words_has_no_hits_and_is_no_error() {
    let place = Installation::default();
    let engine = two_projects(&place);
    for text in ["the of and", "?!", "…", "\" AND (OR"] {
        assert!(engine.ask(text).hits.is_empty(), "{text}");
    }
}

#[test]
fn every_word_of_a_quotation_counts() {
    let place = Installation::default();
    place.write("p/a.md", "The request is approved.");
    place.write("p/b.md", "The request of host seven, which stands in the cellar, is not approved.");
    place.write("p/c.md", "Approved or not: to be or not to be, that is the question of hamlet.");
    for n in 0..9 {
        place.write(
            &format!("p/{n}.md"),
            format!("It is approved, as number {n} or not, and to be with hamlet."),
        );
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for (question, first) in [
        ("\"not approved\"", "b.md"),
        ("which request is \"not approved\"?", "b.md"),
        ("is \"the request is approved\"", "a.md"),
        ("hamlet \"to be or not to be\"", "c.md"),
        ("hamlet \"that is the\" \"or not to\"", "c.md"),
    ] {
        let answer = engine.ask(question);
        assert_eq!((paths(&answer)[0], &answer.notices[..]), (first, &[][..]), "{question}");
    }
    for (question, told) in [
        ("\"to be or not to be\"", Some("\"to be or not to be\"")),
        ("what about there and such", None),
        ("the of and", Some("the of and")),
        ("hamlet \"or will there\"", Some("or will there")),
        ("?!", None),
    ] {
        let notices = engine.ask(question).notices;
        let told: Vec<Notice> = told.map(|text| Notice::TooCommon(text.to_owned())).into_iter().collect();
        assert_eq!(notices, told, "{question}");
    }
}

#[test]
fn a_quotation_is_found_among_many_that_have_its_other_words() {
    let place = Installation::default();
    for n in 0..400 {
        place.write(&format!("p/{n}.md"), format!("Request {n} is approved."));
    }
    place.write("p/zz.md", "The request of host seven, which stands in the cellar, is not approved.");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(paths(&engine.ask("\"not approved\""))[0], "zz.md");
}

#[test]
fn a_path_of_an_answer_is_a_filter_letter_for_letter() {
    let place = Installation::default();
    for file in ["[slug]/p.md", "s/p.md", "{a,b}.md", "a.md", "what?.md", "whats.md", "x[y.md", "*.md"] {
        place.write(&format!("p/{file}"), "zebra");
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let below = |path: &str| QueryRequest { path: Some(path.to_owned()), collapse: false, ..query("zebra") };
    for hit in engine.query(&QueryRequest { collapse: false, ..query("zebra") }).unwrap().hits {
        let path = hit.source_path.as_str();
        assert_eq!(paths(&engine.query(&below(path)).unwrap()), [path]);
    }
    assert_eq!(paths(&engine.query(&below("[slug]")).unwrap()), ["[slug]/p.md"]);
    // So is the path of its file, through a link as well, and the folder of either.
    let link = place.path().join("link");
    std::os::unix::fs::symlink(place.vault().join("p"), &link).unwrap();
    for hit in engine.query(&QueryRequest { collapse: false, ..query("zebra") }).unwrap().hits {
        let path = hit.source_path.as_str();
        let linked = link.join(path);
        for file in [&*hit.file_path, linked.to_str().unwrap()] {
            assert_eq!(paths(&engine.query(&below(file)).unwrap()), [path], "{file}");
        }
    }
    let folder = link.join("[slug]");
    assert_eq!(paths(&engine.query(&below(folder.to_str().unwrap())).unwrap()), ["[slug]/p.md"]);
    assert_eq!(
        paths(&engine.query(&below(&format!("{}/", place.vault().join("p/s").display()))).unwrap()),
        ["s/p.md"]
    );
    // Where no document lies at the path itself, it is a pattern.
    let pattern = format!("{}/[rst]/*.md", place.vault().join("p").display());
    assert_eq!(paths(&engine.query(&below(&pattern)).unwrap()), ["s/p.md"]);
    assert_eq!(paths(&engine.query(&below("[rst]/*.md")).unwrap()), ["s/p.md"]);
}

#[test]
fn conditions_filter_inside_the_search_and_one_that_fits_no_document_is_named() {
    let place = Installation::default();
    place.write(
        "p/old.md",
        "---\ntitle: Choice of pump\nstatus: Superseded\ndate: 2025-03-01\n---\nzebra one",
    );
    place
        .write("p/new.md", "---\nstatus: accepted\ndeciders: [Ada, Émile]\ndate: 2026-02-01\n---\nzebra two");
    place.write("p/plain.txt", "zebra three");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let ask = |conditions: DocumentConditions| {
        let answer = engine.query(&QueryRequest { conditions, ..query("zebra") }).unwrap();
        let mut paths: Vec<_> = answer.hits.iter().map(|hit| hit.source_path.to_string()).collect();
        paths.sort();
        (paths.join(" "), answer.notices.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let none = || DocumentConditions::NONE;
    let field = |text: &str| DocumentConditions { fields: vec![text.parse().unwrap()], ..none() };
    let dated = |since, until| DocumentConditions {
        since: Timestamp::parse_utc(since),
        until: Timestamp::parse_utc(until),
        ..none()
    };
    let format = |name: &str| DocumentConditions { format: Some(name.to_owned()), ..none() };
    for (conditions, expected) in [
        (none(), "new.md old.md plain.txt"),
        (field("status=accepted"), "new.md"),
        (field("Status=superseded"), "old.md"),
        (field("deciders=émile"), "new.md"),
        (dated("2026-01-01", "2026-03-01"), "new.md"),
        (dated("2025-01-01", "2026-01-01"), "old.md"),
        (format("text"), "plain.txt"),
        (DocumentConditions { title: Some("of PUMP".to_owned()), ..none() }, "old.md"),
        (DocumentConditions { format: Some("markdown".to_owned()), ..field("status=accepted") }, "new.md"),
    ] {
        assert_eq!(ask(conditions.clone()), (expected.to_owned(), Vec::new()), "{conditions:?}");
    }
    for (conditions, said) in [
        (field("status=open"), "no document says `status=open` in its front matter"),
        (
            DocumentConditions { format: Some("pdf".to_owned()), ..none() },
            "no document is of the format `pdf`",
        ),
        (
            DocumentConditions { title: Some("boat".to_owned()), ..dated("2024-01-01", "") },
            "no document is dated 2024-01-01T00:00:00.000000+00:00 or later and has `boat` in its title",
        ),
    ] {
        assert_eq!(ask(conditions), (String::new(), vec![said.to_owned()]));
    }
}

#[test]
fn conditions_show_all_that_fulfils_them_and_nothing_else() {
    const STATES: [&str; 3] = ["open", "accepted", "superseded"];
    let place = Installation::default();
    for n in 0..24 {
        let (status, month, name) = (STATES[n % 3], n % 4 + 1, ["pump", "valve"][n / 2 % 2]);
        let head =
            format!("title: The {name} {n}\nstatus: {status}\ndate: 2026-0{month}-10\ntags: [t{}]", n % 5);
        place.write(&format!("p/{n}.md"), format!("---\n{head}\n---\nzebra {n}\n"));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let month = || prop::option::of(1_usize..6);
    let picked = (
        prop::option::of(0_usize..3),
        month(),
        month(),
        prop::option::of(0_usize..2),
        prop::option::of(0_usize..6),
    );
    proptest!(ProptestConfig::with_cases(64), |((status, since, until, name, tag) in picked)| {
        let day = |month: Option<usize>| month.map(|month| Timestamp::parse_utc(&format!("2026-0{month}-10")).unwrap());
        let conditions = DocumentConditions {
            tags: tag.map(|tag| format!("T{tag}").parse().unwrap()).into_iter().collect(),
            since: day(since),
            until: day(until),
            format: Some("markdown".to_owned()),
            title: name.map(|name| ["PUMP", "valve"][name].to_owned()),
            fields: status.map(|status| format!("status={}", STATES[status]).parse().unwrap()).into_iter().collect(),
        };
        let top_k = TopK::new(50).unwrap();
        let answer = engine.query(&QueryRequest { conditions, top_k, ..query("zebra") }).unwrap();
        let mut shown: Vec<usize> = answer
            .hits
            .iter()
            .map(|hit| hit.source_path.as_str().trim_end_matches(".md").parse().unwrap())
            .collect();
        shown.sort_unstable();
        let expected: Vec<usize> = (0..24)
            .filter(|n| status.is_none_or(|status| n % 3 == status))
            .filter(|n| since.is_none_or(|since| n % 4 + 1 >= since) && until.is_none_or(|until| n % 4 + 1 < until))
            .filter(|n| name.is_none_or(|name| n / 2 % 2 == name) && tag.is_none_or(|tag| n % 5 == tag))
            .collect();
        prop_assert_eq!(shown, expected);
    });
}

#[test]
fn path_and_tags_that_fit_no_document_are_named() {
    let place = Installation::default();
    place.write("p/a.md", "---\ntags: [red]\n---\nzebra");
    place.write("q/b.md", "zebra");
    let engine = place.own();
    for project in ["p", "q"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    let told = |path: Option<&str>, tags: &[&str], project: &str| {
        let conditions = tagged_with(tags);
        let project = ProjectHint::Scope(project.parse().unwrap());
        let path = path.map(str::to_owned);
        let mut answer = engine.query(&QueryRequest { path, conditions, project, ..query("zebra") }).unwrap();
        answer.notices.retain(|notice| matches!(notice, Notice::NoDocument { .. }));
        answer.notices.pop()
    };
    let no_document = |path: Option<&str>, lies_there, tags: &[&str], scope: &str| {
        let conditions = tagged_with(tags);
        let scope = Some(scope.parse().unwrap());
        let outside = path.is_some_and(|path| path.starts_with('/'));
        Some(Notice::NoDocument { path: path.map(str::to_owned), lies_there, outside, conditions, scope })
    };
    assert_eq!(told(Some("a.md"), &["red"], "p"), None);
    assert_eq!(told(Some("no/**"), &["red"], "p"), no_document(Some("no/**"), false, &["red"], "p"));
    let elsewhere = "/nowhere/a.md";
    assert_eq!(told(Some(elsewhere), &[], "p"), no_document(Some(elsewhere), false, &[], "p"));
    assert_eq!(told(Some("a.md"), &["blue"], "p"), no_document(Some("a.md"), true, &["blue"], "p"));
    assert_eq!(told(None, &["red"], "q"), no_document(None, false, &["red"], "q"));
    assert_eq!(told(Some("a.md"), &[], "q"), no_document(Some("a.md"), false, &[], "q"));
}

#[test]
fn a_registry_that_cannot_be_read_stops_no_question_about_a_path() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    place.write("../home/config/project-registry.json", "{ broken");
    for path in ["no/**", "/nowhere/a.md"] {
        let answer = engine.query(&QueryRequest { path: Some(path.to_owned()), ..query("zebra") }).unwrap();
        assert!(answer.hits.is_empty(), "{path}");
        assert!(matches!(answer.notices[..], [Notice::NoDocument { outside: false, .. }]), "{answer:?}");
    }
}

#[test]
fn the_order_is_the_same_however_the_documents_came_in() {
    const WORDS: [&str; 7] = ["pump", "valve", "grease", "seal", "spring", "cellar", "night"];
    let text = |n: usize| {
        let said: Vec<&str> = (0..12).map(|at| WORDS[(n * 5 + at * (n % 3 + 1)) % 7]).collect();
        format!("# Note {}\n\nAbout {}.\n\n## More\n\n{} once more.\n", n % 4, said.join(" "), said[n % 12])
    };
    let shown = |place: &Installation, steps: &[&dyn Fn(&Installation)]| {
        steps[0](place);
        let engine = place.own();
        engine.add("p", "p");
        for step in steps {
            step(place);
            let _report = engine.fresh("p");
        }
        let _embedded = engine.embed(&Silent).unwrap();
        let ask = |text: &str| {
            let hits = engine.query(&query(text)).unwrap().hits;
            let seen = |hit: &Hit| (hit.source_path.to_string(), hit.lines, hit.score, hit.fit);
            hits.iter().map(seen).collect::<Vec<_>>()
        };
        ["pump", "grease in spring", "the seal of the valve at night", "note 2", "cellar more"].map(ask)
    };
    let all = |place: &Installation| (0..24).for_each(|n| place.write(&format!("p/{n}.md"), text(n)));
    let place = Installation::default().with_model();
    let at_once = shown(&place, &[&all]);
    assert!(at_once.iter().all(|hits| hits.len() == 10));
    let last_first = |place: &Installation| {
        (12..24).rev().for_each(|n| place.write(&format!("p/{n}.md"), text(n + 1)));
    };
    let some = |place: &Installation| (0..18).for_each(|n| place.write(&format!("p/{n}.md"), text(n)));
    let gone = |place: &Installation| {
        [3, 7, 19].into_iter().for_each(|n| place.remove(&format!("p/{n}.md")));
    };
    let place = Installation::default().with_model();
    assert_eq!(shown(&place, &[&last_first, &some, &gone, &all]), at_once);
}
