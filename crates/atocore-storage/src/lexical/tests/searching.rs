//! What a search finds, and what score it gets.

use atocore_model::name::Tag;
use tantivy::{
    Term,
    collector::TopDocs,
    query::{BooleanQuery, Query, TermQuery},
    schema::IndexRecordOption,
};

use super::{
    Notebook, ask, found,
    notebook::{Page, Random},
    rebuilt,
};
use crate::{
    chunk_filter::ChunkFilter,
    lexical::{IndexedChunk, LexicalFilter},
};

#[test]
fn title_headings_and_text_are_found() {
    let mut notebook = Notebook::new(1);
    let chunk = IndexedChunk {
        chunk_key: 5,
        heading_path: "Install > Requirements".to_owned(),
        text: "Needs forty megabytes.".to_owned(),
    };
    let page = Page {
        project: "p".to_owned(),
        tags: vec!["guide".to_owned()],
        title: "Handbook".to_owned(),
        chunks: vec![chunk],
    };
    notebook.put(1, page);
    let (_dir, index) = rebuilt(&notebook);
    for question in ["handbook", "REQUIREMENT", "install", "megabyte?", "unknown words and forty"] {
        assert_eq!(found(&index, question), [5], "{question}");
    }
    assert_eq!(found(&index, "guide"), [0_u64; 0], "a tag is not text");
}

#[test]
fn questions_without_words_have_no_matches() {
    let mut notebook = Notebook::new(1);
    notebook.write(1, "The and of", &["to be or not to be"]);
    notebook.write(2, "words", &["some"]);
    let (_dir, index) = rebuilt(&notebook);
    for question in ["", " ", "the and of", "?!.", "\"", "((", "+title:* AND", "\0"] {
        let expected: &[u64] = if question.contains("title") { &found(&index, "title") } else { &[] };
        assert_eq!(found(&index, question), expected, "{question:?}");
    }
    assert_eq!(ask(&index, "words", &LexicalFilter::default(), 0).matches, []);
}

#[test]
fn nothing_in_a_question_is_syntax() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(1, "", &["alpha", "beta"]);
    let (_dir, index) = rebuilt(&notebook);
    for question in ["-alpha +beta", "alpha AND beta", "words:alpha^3 OR [beta TO *]", "\"alpha beta\"~2"] {
        let mut all = found(&index, question);
        all.sort_unstable();
        assert_eq!(all, keys, "{question}");
    }
}

#[test]
fn a_word_with_one_wrong_letter_finds_the_word_that_was_meant_and_a_code_does_not() {
    let mut notebook = Notebook::new(1);
    let keys = notebook.write(
        1,
        "",
        &[
            "Restore the snapshot.",
            "Receive the parcel.",
            "Stops with ABCDE4 and abcdef1.",
            "Übertragung läuft",
            "перезапуск сервера",
        ],
    );
    let (_dir, index) = rebuilt(&notebook);
    for (question, at) in [
        ("snapshpt", 0),
        ("snpashot", 0),
        ("snapsho", 0),
        ("snapshotx", 0),
        ("how do I recieve it", 1),
        ("Übertragnug", 3),
        ("перезапукс", 4),
    ] {
        assert_eq!(found(&index, question), [keys[at]], "{question}");
    }
    for question in ["ABCDE5", "abcdef2", "tapshot", "znapshot", "snapzhpt"] {
        assert_eq!(found(&index, question), [0_u64; 0], "{question}");
    }
    // What is spelled right counts for more, and a word that is there stays itself.
    let score = |question: &str| ask(&index, question, &LexicalFilter::default(), 1).matches[0].bm25;
    assert!(score("snapshpt") < score("snapshot"));
    notebook.write(2, "", &["A snapshoot of the party."]);
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(found(&index, "snapshot"), [keys[0]]);
    // A slip for one of two: what more passages say.
    notebook.write(3, "", &["snapshot again"]);
    let (_dir, index) = rebuilt(&notebook);
    assert!(found(&index, "snapshoz").contains(&keys[0]));
}

#[test]
fn scripts_without_spaces_are_found_inside_a_run() {
    let mut notebook = Notebook::new(1);
    let keys =
        notebook.write(1, "", &["東京都の全文検索エンジン", "京都の寺", "검색엔진입니다", "ระบบค้นหาข้อมูล"]);
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(found(&index, "検索")[0], keys[0]);
    assert_eq!(found(&index, "エンジン")[0], keys[0]);
    assert_eq!(found(&index, "寺"), [keys[1]]);
    assert_eq!(found(&index, "엔진")[0], keys[2]);
    assert_eq!(found(&index, "ค้นหา")[0], keys[3]);
}

#[test]
fn filters_are_exact_and_do_not_change_scores() {
    let mut notebook = Notebook::new(1);
    let mut random = Random(11);
    let names = ["a", "ab", "a-b"];
    for document in 1..=300 {
        let key = notebook.key();
        let chunk = IndexedChunk { chunk_key: key, heading_path: String::new(), text: random.words(40, 20) };
        let tags = ["Red", "red tape", "BLUE", "red/Deep/er"]
            .into_iter()
            .filter(|_| random.below(2) == 0)
            .map(str::to_owned);
        let tags = tags.collect();
        let project = names[random.below(3) as usize].to_owned();
        notebook.put(document, Page { project, tags, title: String::new(), chunks: vec![chunk] });
    }
    for document in (1..300).step_by(7) {
        notebook.delete(document);
    }
    let (_dir, index) = rebuilt(&notebook);
    let everything = ask(&index, "w1 w5 w9", &LexicalFilter::default(), 1000).matches;
    assert!(everything.len() > 100);
    let tag = |text: &str| text.parse::<Tag>().unwrap();
    let project = "a".parse().unwrap();
    let documents: Vec<u64> = (0..400).filter(|key| key % 3 == 0).rev().collect();
    let few = [9, 3, 200, 12, 3, 999];
    let both = [tag("RED"), tag("blue")];
    let one = [tag("red tape")];
    let nested = [tag("red/deep")];
    let some_keys = || everything.iter().map(|found| found.chunk_key).step_by(3).collect::<Vec<_>>();
    let (only, except) =
        (ChunkFilter::new(Some(some_keys()), Vec::new()), ChunkFilter::new(None, some_keys()));
    for filter in [
        LexicalFilter { project: Some(&project), ..LexicalFilter::default() },
        LexicalFilter { tags: &both, ..LexicalFilter::default() },
        LexicalFilter { documents: Some(&documents), ..LexicalFilter::default() },
        LexicalFilter { documents: Some(&few), ..LexicalFilter::default() },
        LexicalFilter { documents: Some(&[]), ..LexicalFilter::default() },
        LexicalFilter { project: Some(&project), tags: &one, documents: Some(&documents), chunks: None },
        LexicalFilter { chunks: Some(&only), ..LexicalFilter::default() },
        LexicalFilter { chunks: Some(&except), project: Some(&project), ..LexicalFilter::default() },
        LexicalFilter { tags: &nested, ..LexicalFilter::default() },
        LexicalFilter { tags: &[tag("green")], ..LexicalFilter::default() },
    ] {
        let expected = everything.iter().filter(|found| {
            let page = &notebook.pages[&found.document_key];
            let has = |wanted: &Tag| page.tags.iter().any(|own| tag(own).is_within(&wanted.folded()));
            filter.project.is_none_or(|project| page.project == project.as_str())
                && filter.tags.iter().all(has)
                && filter.documents.is_none_or(|keys| keys.contains(&found.document_key))
                && filter.chunks.is_none_or(|chunks| chunks.accepts(found.chunk_key))
        });
        let expected: Vec<_> = expected.copied().collect();
        assert_eq!(ask(&index, "w1 w5 w9", &filter, 1000).matches, expected, "{filter:?}");
        let first = expected.len().min(5);
        assert_eq!(ask(&index, "w1 w5 w9", &filter, 5).matches, expected[..first], "{filter:?}");
    }
}

#[test]
fn equal_scores_are_ordered_by_key_also_at_the_cut() {
    let mut notebook = Notebook::new(1);
    let mut keys: Vec<u64> = (1..=10_000).map(|_| notebook.key()).collect();
    // Written in another order than that of their keys.
    keys.sort_by_key(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for (document, chunk_key) in (1..).zip(&keys) {
        let chunk =
            IndexedChunk { chunk_key: *chunk_key, heading_path: String::new(), text: "same".to_owned() };
        let page = Page { project: "p".to_owned(), tags: vec![], title: String::new(), chunks: vec![chunk] };
        notebook.put(document, page);
    }
    let (_dir, index) = rebuilt(&notebook);
    keys.sort_unstable();
    assert_eq!(found(&index, "same other"), keys[..1000]);
}

/// Ten thousand passages: more than one window and many blocks of postings.
fn large() -> Notebook {
    let mut notebook = Notebook::new(1);
    let mut random = Random(17);
    for document in 1..=5000 {
        let length = 5 + random.below(60);
        notebook.write(document, "", &[&random.words(3000, length), &random.words(30, 8)]);
    }
    notebook
}

#[test]
fn scores_are_those_of_the_library() {
    let (_dir, index) = rebuilt(&large());
    let snapshot = index.snapshot();
    let searcher = index.opened().1.searcher();
    let mut random = Random(23);
    for _ in 0..20 {
        let mut words: Vec<String> = random.words(3000, 5).split_whitespace().map(str::to_owned).collect();
        words.sort();
        words.dedup();
        let terms = words.iter().map(|word| -> Box<dyn Query> {
            let term = Term::from_field_text(index.fields.words, word);
            Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
        });
        let query = BooleanQuery::union(terms.collect());
        let theirs = searcher.search(&query, &TopDocs::with_limit(20_000).order_by_score()).unwrap();
        let ours = ask(&index, &words.join(" "), &LexicalFilter::default(), 20_000).matches;
        assert_eq!(ours.len(), theirs.len());
        let expected: std::collections::HashMap<u64, f32> = theirs
            .iter()
            .map(|(score, at)| {
                let segment = snapshot
                    .segments
                    .iter()
                    .find(|segment| {
                        segment.reader.segment_id() == searcher.segment_reader(at.segment_ord).segment_id()
                    })
                    .unwrap();
                (segment.chunk_keys.get_val(at.doc_id), *score)
            })
            .collect();
        for found in ours {
            let theirs = expected[&found.chunk_key];
            // The library uses the exact mean length, we the mean of rounded lengths.
            assert!((found.bm25 - theirs).abs() < 0.02 * theirs, "{found:?} {theirs}");
        }
    }
}

#[test]
fn the_best_few_are_the_first_of_all() {
    let (_dir, index) = rebuilt(&large());
    let mut random = Random(29);
    for round in 0..200 {
        let length = 1 + random.below(9);
        let question = random.words(3000, length);
        let all = ask(&index, &question, &LexicalFilter::default(), usize::MAX).matches;
        for limit in [1, 10, 100] {
            let few = ask(&index, &question, &LexicalFilter::default(), limit).matches;
            assert_eq!(few, all[..limit.min(all.len())], "round {round}: {question}");
        }
    }
}
