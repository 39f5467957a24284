//! What a document has of a question as a whole, and names in another case style.

use super::{Notebook, ask, found, rebuilt};
use crate::lexical::{LexicalFilter, LexicalIndex};

/// The documents that have words of a question, with the score of each as a whole.
fn whole(index: &LexicalIndex, question: &str) -> Vec<(u64, f32)> {
    let mut whole: Vec<(u64, f32)> = ask(index, question, &LexicalFilter::default(), 99)
        .matches
        .into_iter()
        .map(|found| (found.document_key, found.document_bm25))
        .collect();
    whole.sort_by_key(|(document, _)| *document);
    whole.dedup();
    whole
}

#[test]
fn a_document_counts_as_one_text_however_it_is_cut() {
    let mut notebook = Notebook::new(1);
    notebook.write(1, "", &["pump one two three", "pump four five six", "seven pump eight nine"]);
    notebook.write(2, "", &["pump one two three seven pump eight nine pump four five six"]);
    notebook.write(3, "", &["pump ten eleven twelve", "a b c d e f g", "more words of another kind"]);
    let (_dir, index) = rebuilt(&notebook);
    let [(1, cut), (2, uncut), (3, once)] = whole(&index, "pump nobody")[..] else { panic!("not found") };
    assert_eq!(cut, uncut);
    assert!(cut > once && once > 0.0, "{cut} {once}");
}

#[test]
fn what_is_deleted_or_written_anew_does_not_count() {
    let mut notebook = Notebook::new(1);
    notebook.write(1, "", &["pump pump pump", "pump"]);
    notebook.write(2, "", &["pump and valve", "something else"]);
    let (_dir, index) = rebuilt(&notebook);
    let mut fresh = Notebook::new(1);
    for notebook in [&mut notebook, &mut fresh] {
        notebook.write(1, "", &["a pump", "rain"]);
        notebook.write(2, "", &["pump and valve", "something else"]);
    }
    index.catch_up(&notebook, &atocore_model::monitor::Silent).unwrap();
    let (_other, other) = rebuilt(&fresh);
    assert_eq!(whole(&index, "pump valve"), whole(&other, "pump valve"));
}

#[test]
fn a_word_that_is_said_twice_counts_twice() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(1, "", &["the pump in a house", "the valve in a house", "rain and rain"]);
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(found(&index, "a valve for the pump, which valve?")[0], keys[1]);
    assert_eq!(found(&index, "a pump for the valve, which pump?")[0], keys[0]);
    let score = |question: &str| ask(&index, question, &LexicalFilter::default(), 1).matches[0].bm25;
    assert!((score("pump pump") - 2.0 * score("pump")).abs() < 1e-3);
}

#[test]
fn a_name_is_found_in_every_case_style_and_by_its_parts() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(
        1,
        "",
        &[
            "`max_file_bytes` is set",
            "call maxFileBytes()",
            "use --max-file-bytes",
            "a file of at most some bytes",
        ],
    );
    let (_dir, index) = rebuilt(&notebook);
    for name in ["maxFileBytes", "MaxFileBytes", "maxfilebytes"] {
        let mut found = found(&index, name);
        found.sort_unstable();
        assert_eq!(found, keys[..3], "{name}");
    }
    assert!(found(&index, "bytes").contains(&keys[1]));
}
