//! The key promise: how an index came about does not show in its answers.

use atocore_model::monitor::Silent;
use proptest::prelude::*;
use tantivy::{
    DocAddress, Index, IndexWriter, Searcher, Term,
    collector::TopDocs,
    doc,
    merge_policy::NoMergePolicy,
    query::{BooleanQuery, Occur, Query, TermQuery},
    schema::IndexRecordOption,
};

use super::{
    Notebook, ask, ask_in_order,
    notebook::{Page, Random},
    open, rebuilt,
};
use crate::lexical::{
    IndexAccess, IndexedChunk, LexicalFilter, LexicalIndex,
    schema::{self, Fields},
    tokenizer,
};

/// One random change.
fn change(notebook: &mut Notebook, random: &mut Random) {
    let document = 1 + random.below(60);
    match random.below(4) {
        0 => notebook.delete(document),
        1 if notebook.pages.contains_key(&document) => {
            let word = random.words(50, 1);
            notebook.edit(document, |page| page.title = word);
        }
        _ => {
            let mut chunks = Vec::new();
            for _ in 0..random.below(6) {
                let chunk_key = notebook.key();
                let length = 1 + random.below(80);
                chunks.push(IndexedChunk {
                    chunk_key,
                    heading_path: random.words(20, 2),
                    text: random.words(120, length),
                });
            }
            let project = format!("p{}", random.below(3));
            let tags = vec![format!("T{}", random.below(2))];
            notebook.put(document, Page { project, tags, title: random.words(50, 2), chunks });
        }
    }
}

/// Asks both the same questions.
fn assert_same_answers(one: &LexicalIndex, other: &LexicalIndex, random: &mut Random) {
    assert_eq!((one.version(), one.chunks()), (other.version(), other.chunks()));
    let project = "p1".parse().unwrap();
    for _ in 0..20 {
        let words = 1 + random.below(8);
        let question = random.words(120, words);
        let limit = 1 + random.below(30) as usize;
        for filter in
            [LexicalFilter::default(), LexicalFilter { project: Some(&project), ..LexicalFilter::default() }]
        {
            let (one, other) = (ask(one, &question, &filter, limit), ask(other, &question, &filter, limit));
            assert_eq!(one, other, "{question}");
            assert!(one.matches.iter().all(|found| found.bm25 > 0.0 && found.bm25.is_finite()));
        }
        let phrase = random.words(20, 2);
        for filter in
            [LexicalFilter::default(), LexicalFilter { project: Some(&project), ..LexicalFilter::default() }]
        {
            let [one, other] = [one, other].map(|index| ask_in_order(index, &phrase, &filter, limit));
            assert_eq!(one, other, "{phrase}");
        }
        let [one, other] = [one, other].map(|index| index.chunks_with(&phrase, 9).unwrap());
        assert_eq!(one, other, "{phrase}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn small_steps_and_one_rebuild_give_the_same_answers(seed: u64, steps in 1_u64..40) {
        let mut random = Random(seed);
        let mut notebook = Notebook::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut index = open(dir.path());
        for _ in 0..steps {
            for _ in 0..random.below(6) {
                change(&mut notebook, &mut random);
            }
            index.catch_up(&notebook, &Silent).unwrap();
            if random.below(8) == 0 {
                drop(index);
                index = open(dir.path());
            }
        }
        let (_other, rebuilt) = rebuilt(&notebook);
        assert_same_answers(&index, &rebuilt, &mut random);
        // The same after everything that can be merged was merged.
        index.close().unwrap();
        let merged = LexicalIndex::open(dir.path(), IndexAccess::Read).unwrap();
        assert_same_answers(&merged, &rebuilt, &mut random);
    }
}

#[test]
fn threads_and_large_changes_do_not_matter() {
    let mut random = Random(41);
    let mut notebook = Notebook::new(41);
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path()).with_threads(3);
    for round in 0..4 {
        for document in (1 + round * 300)..=(900 + round * 300) {
            notebook.write(document, &random.words(50, 2), &[&random.words(400, 30), &random.words(400, 9)]);
        }
        index.catch_up(&notebook, &Silent).unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    let single = open(other.path()).with_threads(1);
    single.catch_up(&notebook, &Silent).unwrap();
    assert_same_answers(&index, &single, &mut random);
}

/// A bare index of texts by the library, with a segment for every `batch` of them.
fn indexed_by_the_library(texts: &[String], batch: u64) -> (Searcher, Fields) {
    let (schema, fields) = schema::schema();
    let chunk_key = schema.get_field(schema::CHUNK_KEY).unwrap();
    let index = Index::create_in_ram(schema);
    index.tokenizers().register(tokenizer::NAME, tokenizer::analyzer());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    writer.set_merge_policy(Box::new(NoMergePolicy));
    for (text, key) in texts.iter().zip(1_u64..) {
        let entry = doc!(fields.words => text.as_str(), chunk_key => key);
        let _stamp = writer.add_document(entry).unwrap();
        if key % batch == 0 {
            let _stamp = writer.commit().unwrap();
        }
    }
    let _stamp = writer.commit().unwrap();
    (index.reader().unwrap().searcher(), fields)
}

/// The ten best for a question by the library's own query and collector: their keys, and the bits of their scores. Nothing is
/// deleted, so its statistics are right.
fn found_by_the_library((searcher, fields): &(Searcher, Fields), question: &str) -> (Vec<u64>, Vec<u32>) {
    let words = question.split_whitespace().map(|word| {
        let word = Term::from_field_text(fields.words, word);
        let query: Box<dyn Query> = Box::new(TermQuery::new(word, IndexRecordOption::WithFreqs));
        (Occur::Should, query)
    });
    let best = TopDocs::with_limit(10).order_by_score();
    let best = searcher.search(&BooleanQuery::new(words.collect()), &best).unwrap();
    let key = |at: DocAddress| {
        let keys = searcher.segment_reader(at.segment_ord).fast_fields().u64(schema::CHUNK_KEY);
        keys.unwrap().first(at.doc_id).unwrap()
    };
    best.into_iter().map(|(score, at)| (key(at), score.to_bits())).unzip()
}

/// Why the walk over the postings is our own. When this fails, that of the library can take its place.
#[test]
fn the_scores_of_the_library_depend_on_how_the_index_came_about() {
    let mut random = Random(7);
    let texts: Vec<_> = (0..600).map(|_| random.words(120, 20)).collect();
    let [whole, parts] = [600, 70].map(|batch| indexed_by_the_library(&texts, batch));
    let (mut other_passages, mut other_scores) = (0, 0);
    for _ in 0..40 {
        let question = random.words(120, 6);
        let whole = found_by_the_library(&whole, &question);
        let parts = found_by_the_library(&parts, &question);
        other_passages += usize::from(whole.0 != parts.0);
        other_scores += usize::from(whole.1 != parts.1);
    }
    assert!(other_passages > 0, "the same passages in the same order for every question");
    assert!(other_scores > 0, "the same scores for every question");
}
