//! What was removed or changed since the last refresh: never given out as what is there.

use atocore_engine::{Engine, IncludeVectors, files};
use atocore_model::{
    document::DocumentState,
    monitor::Silent,
    pack::PackRequest,
    query::{Answer, Notice, QueryRequest, TopK},
    snapshot::Depth,
};
use atocore_testkit::installation::{EngineExt, Installation, set_modified};

fn filled(place: &Installation, documents: usize) -> Engine {
    for i in 0..documents {
        place.write(&format!("zoo/{i:03}.md"), format!("# Animal {i}\n\nThe quagga number{i} was seen."));
    }
    let engine = place.own();
    engine.add("zoo", "zoo");
    let _report = engine.fresh("zoo");
    engine
}

fn paths(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.source_path.as_str()).collect()
}

fn states(answer: &Answer) -> Vec<DocumentState> {
    answer.hits.iter().map(|hit| hit.state).collect()
}

#[test]
fn passages_of_a_removed_file_are_no_hits_and_the_answer_says_so() {
    let place = Installation::default();
    let engine = filled(&place, 3);
    assert_eq!(engine.ask("quagga").notices, []);
    assert_eq!(states(&engine.ask("quagga")), [DocumentState::Current; 3]);
    place.remove("zoo/001.md");
    let answer = engine.ask("quagga");
    assert_eq!(paths(&answer).len(), 2, "{answer:?}");
    assert!(!paths(&answer).contains(&"001.md"));
    assert_eq!(answer.notices, [Notice::FilesGone { passages: 1 }]);
    // Nor are they in a pack.
    let pack = engine.build_context(&PackRequest::new("quagga number1".parse().unwrap())).unwrap();
    assert!(!pack.text.contains("number1 ") && pack.text.contains("number2 "), "{}", pack.text);
    let _report = engine.fresh("zoo");
    assert_eq!((engine.ask("quagga").hits.len(), engine.ask("quagga").notices), (2, Vec::new()));
}

#[test]
fn a_removed_folder_takes_no_place_from_what_is_there() {
    let place = Installation::default();
    for i in 0..600 {
        place.write(&format!("zoo/old/{i:03}.md"), format!("# Quagga {i}\n\nThe quagga quagga number{i}."));
    }
    let engine = filled(&place, 8);
    files::remove_tree(&place.vault().join("zoo/old")).unwrap();
    let question =
        QueryRequest { top_k: TopK::new(8).unwrap(), ..QueryRequest::new("quagga".parse().unwrap()) };
    let answer = engine.query(&question).unwrap();
    assert_eq!(answer.hits.len(), 8, "{:?}", answer.notices);
    assert!(paths(&answer).iter().all(|path| !path.starts_with("old/")));
}

#[test]
fn passages_of_a_changed_file_are_marked_and_those_of_one_that_only_looks_different_are_not() {
    let place = Installation::default();
    let engine = filled(&place, 3);
    place.write_at("zoo/001.md", "# Animal 1\n\nThe quagga is extinct.", 1_700_000_777);
    set_modified(&place.vault().join("zoo/002.md"), 1_700_000_777);
    let answer = engine.ask("quagga");
    let of = |path: &str| answer.hits.iter().find(|hit| hit.source_path.as_str() == path).unwrap().state;
    assert_eq!(
        (of("000.md"), of("001.md"), of("002.md")),
        (DocumentState::Current, DocumentState::Changed, DocumentState::Current)
    );
    assert_eq!(answer.notices, [Notice::FilesChanged { passages: 1 }]);
    let pack = engine.build_context(&PackRequest::new("quagga number1".parse().unwrap())).unwrap();
    let changed = "| the file has changed since it was read\n";
    assert_eq!(pack.text.matches(changed).count(), 1, "{}", pack.text);
    let _report = engine.fresh("zoo");
    assert_eq!(states(&engine.ask("quagga")), [DocumentState::Current; 3]);
}

#[test]
fn below_a_root_that_is_missing_or_empty_passages_are_shown_and_the_answer_says_so() {
    let place = Installation::default();
    let engine = filled(&place, 3);
    let (root, away) = (place.vault().join("zoo"), place.vault().join("away"));
    files::rename(&root, &away).unwrap();
    let notice = Notice::FolderGone { passages: 3, folder: format!("{}/", root.display()) };
    for _missing_then_empty in 0..2 {
        let answer = engine.ask("quagga");
        assert_eq!(states(&answer), [DocumentState::Gone; 3]);
        assert_eq!(answer.notices, std::slice::from_ref(&notice));
        files::create_dirs(&root).unwrap();
    }
    files::remove_tree(&root).unwrap();
    files::rename(&away, &root).unwrap();
    assert_eq!(engine.ask("quagga").notices, []);
}

#[test]
fn a_snapshot_is_proven_by_what_is_stored_whatever_became_of_the_files() {
    let place = Installation::default();
    let engine = filled(&place, 12);
    place.remove("zoo/003.md");
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    place.remove("zoo/004.md");
    let proof = engine.validate_snapshot(taken.id, Depth::Answers, &Silent).unwrap();
    assert_eq!((proof.valid(), proof.errors().as_slice()), (true, [].as_slice()));
}
