//! What a passage must contain, and must not: decided inside both searches, whatever else is asked for.

use atocore_engine::{Engine, Error};
use atocore_model::{
    document::conditions::DocumentConditions,
    fit::Fit,
    monitor::Silent,
    pack::{PackRequest, Tier},
    query::{Answer, PassageConditions, ProjectHint, QueryRequest, TopK},
    ranking::Mode,
};
use atocore_testkit::installation::{EngineExt, Installation};
use proptest::prelude::*;

fn that(contains: &[&str], excludes: &[&str]) -> PassageConditions {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    PassageConditions { contains: texts(contains), excludes: texts(excludes) }
}

fn query(passages: PassageConditions) -> QueryRequest {
    QueryRequest { passages, ..QueryRequest::new("zebra".parse().unwrap()) }
}

fn paths(answer: &Answer) -> String {
    let mut paths: Vec<_> = answer.hits.iter().map(|hit| hit.source_path.as_str()).collect();
    paths.sort_unstable();
    paths.join(" ")
}

fn notices(answer: &Answer) -> Vec<String> {
    answer.notices.iter().map(ToString::to_string).collect()
}

fn stable(place: &Installation) -> Engine {
    place.write("p/approved.md", "# Striped Horses\n\nThe zebra's Über-saddle is approved.");
    place.write("p/refused.md", "The zebra saddle is not approved.");
    place.write("p/late.md", "The zebra: whether its saddle is approved, nobody knows; it is not late.");
    place.write("q/foal.md", "---\ntitle: Approved foals\n---\nThe zebra foal has no saddle_bag.");
    let engine = place.own();
    for project in ["p", "q"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    engine
}

#[test]
fn words_and_phrases_are_found_in_text_headings_and_title() {
    let place = Installation::default();
    let engine = stable(&place);
    for (contains, excludes, expected) in [
        (&["SADDLES"][..], &[][..], "approved.md foal.md late.md refused.md"),
        (&["uber saddle"], &[], "approved.md"),
        (&["saddle-bag"], &[], "foal.md"),
        (&["striped horse"], &[], "approved.md"),
        (&["approved"], &["saddle bag"], "approved.md late.md refused.md"),
        (&["is approved", "zebra"], &[], "approved.md late.md"),
        (&["not approved"], &[], "refused.md"),
        (&[], &["not approved"], "approved.md foal.md late.md"),
        (&[], &["foal", "nobody"], "approved.md refused.md"),
    ] {
        let answer = engine.query(&query(that(contains, excludes))).unwrap();
        assert_eq!((paths(&answer), notices(&answer)), (expected.to_owned(), Vec::new()), "{contains:?}");
    }
}

#[test]
fn a_phrase_with_a_word_more_in_it_is_another_one() {
    let place = Installation::default();
    place.write(
        "p/a.md",
        "The zebra 192.168.1.10 of 2024-05-03 is read-write-only, see max_total_size and zebraFoalAge.",
    );
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for (phrase, is_there) in [
        ("192.168.10", false),
        ("2024-03", false),
        ("read only", false),
        ("max size", false),
        ("zebra age", false),
        ("168.1", true),
        ("write only", true),
        ("max-total size", true),
        ("zebra foal age", true),
    ] {
        let found = engine.query(&query(that(&[phrase], &[]))).unwrap();
        let left = engine.query(&query(that(&[], &[phrase]))).unwrap();
        assert_eq!((found.hits.len(), left.hits.len()), (is_there.into(), (!is_there).into()), "{phrase}");
    }
}

#[test]
fn what_every_passage_contains_leaves_nothing_and_that_is_said() {
    let place = Installation::default();
    let engine = stable(&place);
    let scoped =
        |passages| QueryRequest { project: ProjectHint::Scope("q".parse().unwrap()), ..query(passages) };
    let answer = engine.query(&query(that(&[], &["zebra"]))).unwrap();
    assert_eq!(notices(&answer), ["every passage contains `zebra`"]);
    let answer = engine.query(&scoped(that(&[], &["foal", "cellar"]))).unwrap();
    assert_eq!(notices(&answer), ["every passage of project `q` contains `foal` or `cellar`"]);
    assert!(notices(&engine.query(&query(that(&[], &["foal"]))).unwrap()).is_empty());
}

#[test]
fn what_no_passage_contains_is_named() {
    let place = Installation::default();
    let engine = stable(&place);
    let scoped =
        |passages| QueryRequest { project: ProjectHint::Scope("p".parse().unwrap()), ..query(passages) };
    let titled = |title: &str, passages| QueryRequest {
        conditions: DocumentConditions { title: Some(title.to_owned()), ..DocumentConditions::NONE },
        ..query(passages)
    };
    for (asked, said) in [
        (query(that(&["unicorn"], &[])), "no passage contains `unicorn`"),
        (
            query(that(&["foal", "late"], &["x-ray"])),
            "no passage contains `foal` and `late` and does not contain `x-ray`",
        ),
        (scoped(that(&["foal"], &[])), "no passage of project `p` contains `foal`"),
        (
            titled("foals", that(&["nobody"], &[])),
            "no passage among the documents that were asked for contains `nobody`",
        ),
        (titled("boat", that(&["nobody"], &[])), "no document has `boat` in its title"),
    ] {
        let answer = engine.query(&asked).unwrap();
        assert_eq!((paths(&answer), notices(&answer)), (String::new(), vec![said.to_owned()]));
    }
    for text in ["the", "to be or not", "?!"] {
        for passages in [that(&[text], &[]), that(&[], &[text])] {
            let refused = engine.query(&query(passages));
            assert!(matches!(refused, Err(Error::PassageText(found)) if found == text), "{text}");
        }
    }
}

#[test]
fn a_context_pack_keeps_to_them_too() {
    let place = Installation::default();
    let engine = stable(&place);
    let request = |passages| PackRequest {
        passages,
        min_fit: Some(Fit::ZERO),
        ..PackRequest::new("zebra".parse().unwrap())
    };
    let pack = engine.build_context(&request(that(&["approved"], &["not approved", "foal"]))).unwrap();
    let taken = pack.items.iter().filter(|item| item.origin.tier() == Tier::Chunks).count();
    assert!(
        taken == 2 && !pack.text.contains("not approved") && !pack.text.contains("foal"),
        "{}",
        pack.text
    );
}

#[test]
fn no_search_shows_what_is_excluded_nor_hides_what_is_not() {
    const WORDS: [&str; 5] = ["pump", "valve", "not tight", "is tight", "grey seal"];
    let has = |n: usize, word: usize| match WORDS[word] {
        "pump" => n.is_multiple_of(2),
        "valve" => n.is_multiple_of(3),
        "not tight" => n.is_multiple_of(4),
        "is tight" => !n.is_multiple_of(4),
        _ => n.is_multiple_of(5),
    };
    let place = Installation::default().with_model();
    for n in 0..24 {
        let words: Vec<&str> =
            (0..WORDS.len()).filter(|word| has(n, *word)).map(|word| WORDS[word]).collect();
        place.write(&format!("p/{n}.md"), format!("zebra {n}; {}", words.join("; ")));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 24);
    let some = || prop::collection::vec(0..WORDS.len(), 0..3);
    let mode = prop::sample::select(Mode::ALL.to_vec());
    proptest!(ProptestConfig::with_cases(64), |((contains, excludes, mode) in (some(), some(), mode))| {
        let texts = |of: &[usize]| of.iter().map(|word| WORDS[*word]).collect::<Vec<_>>();
        let asked = QueryRequest {
            top_k: TopK::new(50).unwrap(),
            mode: Some(mode),
            min_fit: Some(Fit::ZERO),
            ..query(that(&texts(&contains), &texts(&excludes)))
        };
        let answer = engine.query(&asked).unwrap();
        let mut shown: Vec<usize> = answer
            .hits
            .iter()
            .map(|hit| hit.source_path.as_str().trim_end_matches(".md").parse().unwrap())
            .collect();
        shown.sort_unstable();
        let expected: Vec<usize> = (0..24)
            .filter(|n| contains.iter().all(|word| has(*n, *word)))
            .filter(|n| !excludes.iter().any(|word| has(*n, *word)))
            .collect();
        prop_assert_eq!(shown, expected);
    });
}
