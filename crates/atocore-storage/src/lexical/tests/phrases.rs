//! What stands in its order is told from what only has its parts.

use super::{Notebook, ask_in_order, notebook::Random, rebuilt};
use crate::lexical::{LexicalFilter, Occurrence, WordMatches, Wording, is_too_common};

#[test]
fn a_term_in_order_is_found_before_its_parts() {
    let mut notebook = Notebook::new(1);
    let texts = [
        "192.168.10.1 192.168.10.1 on 2024-03-05, release 3.2.1, file: max bytes, max file, bytes of a file",
        "192.168.1.10 on 2024-05-03, release 2.3.1, with max_file_bytes and src/main.rs among others of that kind",
        "filler",
        "more of it",
    ];
    let keys = notebook.write(1, "", &texts);
    let (_dir, index) = rebuilt(&notebook);
    for term in ["192.168.1.10", "2024-05-03", "2.3.1", "max_file_bytes", "Max-File_Bytes"] {
        let first = ask_in_order(&index, term, &LexicalFilter::default(), 9).matches[0].chunk_key;
        assert_eq!(first, keys[1], "{term}");
        let found = index.chunks_with(term, 9).unwrap().unwrap();
        assert_eq!(found, WordMatches { in_order: vec![keys[1]], apart: vec![keys[0]] }, "{term}");
    }
}

#[test]
fn what_is_joined_is_told_from_what_is_apart_while_both_are_there() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(
        1,
        "Hot",
        &["copy; max_file_bytes", "max file bytes", "a hot, quick copy", "Hot copy"],
    );
    let (_dir, index) = rebuilt(&notebook);
    let in_order = |text: &str| index.chunks_with(text, 9).unwrap().map(|found| found.in_order);
    assert_eq!(in_order("max_file_bytes"), Some(vec![keys[0]]));
    assert_eq!(in_order("max file bytes"), Some(vec![keys[0], keys[1]]));
    assert_eq!(in_order("hot copy"), Some(vec![keys[3]]), "not across the title and the text");
    assert_eq!(in_order("hot-copy"), Some(vec![keys[3]]), "nobody joins them");
    assert_eq!(in_order("copy hot"), Some(vec![]));
    assert_eq!(
        (in_order("bytes"), in_order("hot"), in_order("the of")),
        (Some(keys[..2].to_vec()), Some(keys.clone()), None)
    );
    assert_eq!(index.chunks_with("hot", 3).unwrap(), None, "more than asked for");
}

#[test]
fn words_that_the_index_leaves_out_are_told_from_the_text() {
    let occurrence = |term: &str, text: &str| Wording::of_left_out(term).unwrap().occurrence(text);
    for (term, text, expected) in [
        ("not approved", "It is NOT approved.", Occurrence::AsWritten),
        ("not approved", "It is approved.", Occurrence::Apart),
        ("not approved", "not yet approved", Occurrence::Apart),
        ("to be or not to be", "says: to be, or not to be!", Occurrence::AsWritten),
        ("--no-verify", "git push --no-verify", Occurrence::AsWritten),
        ("--no-verify", "no verify", Occurrence::Spaced),
        ("the 検索 of", "in the 全文検索 of it", Occurrence::Apart),
        ("検索 of", "in the 全文検索 of it", Occurrence::AsWritten),
        ("not a longer one", "not a", Occurrence::Apart),
        ("not a", "", Occurrence::Apart),
    ] {
        assert_eq!(occurrence(term, text), expected, "{term} / {text}");
    }
    assert!(
        Wording::of_left_out("hot copy").is_none()
            && Wording::of_left_out("not").is_none()
            && Wording::of_left_out("").is_none()
    );
    assert!(is_too_common("To be, or not to be?") && is_too_common("the"));
    assert!(!is_too_common("not approved") && !is_too_common("?!"));
}

#[test]
fn a_text_is_contained_where_its_words_follow_one_another_whatever_signs_are_between() {
    let mut notebook = Notebook::new(1);
    let texts = [
        "Hot-copy, then",
        "the hot copies",
        "a copy that is hot",
        "hot and copy",
        "HOT\ncopy",
        "hot",
        "全文検索する",
    ];
    let keys = notebook.write(1, "", &texts);
    let (_dir, index) = rebuilt(&notebook);
    for (text, expected) in [
        ("hot copy", &[0, 1, 4][..]),
        ("hot-copy", &[0, 1, 4]),
        ("Hot", &[0, 1, 2, 3, 4, 5]),
        ("copy hot", &[]),
        ("cold", &[]),
        ("全文検索", &[6]),
        ("検文", &[]),
    ] {
        let expected: Vec<u64> = expected.iter().map(|at: &usize| keys[*at]).collect();
        assert_eq!(index.containing(text).unwrap(), Some(expected), "{text}");
    }
    assert!(["the", "to be or not", "?!"].iter().all(|text| index.containing(text).unwrap().is_none()));
    // What is left out is not looked at: of those that may have it only the text tells.
    assert!(index.containing("hot and copy").unwrap().is_some_and(|found| found.contains(&keys[3])));
    let is_told = |text: &str| Wording::new(text).unwrap().is_told_by_index();
    assert!(is_told("hot") && !is_told("the") && !is_told("hot copy"));
}

#[test]
fn words_that_repeat_are_counted_where_they_follow_one_another() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(1, "", &["1.1.1", "1.1 and 1", "1.1.1.1 or 1.1.1", "new new york"]);
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(index.chunks_with("1.1.1", 9).unwrap().unwrap().in_order, [keys[0], keys[2]]);
    assert_eq!(index.chunks_with("new york", 9).unwrap().unwrap().in_order, [keys[3]]);
}

#[test]
fn the_best_few_are_the_first_of_all_with_phrases_too() {
    let mut notebook = Notebook::new(1);
    let mut random = Random(43);
    for document in 1..=4000 {
        let length = 5 + random.below(60);
        notebook.write(document, "", &[&random.words(200, length)]);
    }
    let (_dir, index) = rebuilt(&notebook);
    for round in 0..60 {
        let length = 2 + random.below(2);
        let phrase = random.words(60, length);
        let all = ask_in_order(&index, &phrase, &LexicalFilter::default(), usize::MAX).matches;
        let in_order = index.chunks_with(&phrase, 9).unwrap().map(|found| found.in_order).unwrap_or_default();
        assert!(in_order.iter().all(|key| all.iter().any(|found| found.chunk_key == *key)));
        for limit in [1, 10, 100] {
            let few = ask_in_order(&index, &phrase, &LexicalFilter::default(), limit).matches;
            assert_eq!(few, all[..limit.min(all.len())], "round {round}: {phrase}");
        }
    }
}
