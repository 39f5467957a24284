//! The search library alone, put together from its own parts: what the product is measured against.

use std::path::Path;

use atocore_storage::lexical::IndexedChunk;
use tantivy::{
    Index, Searcher, TantivyDocument, TantivyError, Term,
    collector::TopDocs,
    indexer::{IndexWriterOptions, NoMergePolicy},
    query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery},
    schema::{Field, IndexRecordOption, Schema},
    tokenizer::{
        AsciiFoldingFilter, Language, LowerCaser, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer,
    },
};

use super::{
    cannot,
    memory::{Document, Memory},
};
use crate::failure::Failure;

/// The memory that all threads together fill before they write to disk; as much as the product takes.
const MEMORY_BYTES: usize = 64 << 20;

/// The most threads that the product indexes with.
const MOST_THREADS: usize = 4;

/// The classic English list of Lucene, which the library has only in a feature that we do not build.
const STOP_WORDS: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then \
                          there these they this to was will with";

/// The shape of the product's index, read from one that it made: fields, settings, name of the tokenizer.
pub(super) struct Shape {
    schema: Schema,
    settings: tantivy::IndexSettings,
}

impl Shape {
    pub(super) fn of(index: &Path) -> Result<Self, Failure> {
        let index = Index::open_in_dir(index).map_err(cannot("open a lexical index"))?;
        Ok(Self { schema: index.schema(), settings: index.settings().clone() })
    }

    /// Indexes all passages into the empty folder `dir`, in one commit.
    pub(super) fn index(&self, memory: &Memory, dir: &Path) -> Result<(), Failure> {
        let write = || -> Result<(), TantivyError> {
            let fields = Fields::of(&self.schema)?;
            let builder = Index::builder().schema(self.schema.clone()).settings(self.settings.clone());
            let index = with_tokenizer(builder.create_in_dir(dir)?, &fields)?;
            let threads =
                std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
            let options = IndexWriterOptions::builder()
                .num_worker_threads(threads)
                .memory_budget_per_thread(MEMORY_BYTES / threads)
                .build();
            let mut writer = index.writer_with_options(options)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            for document in &memory.0 {
                for passage in &document.passages {
                    let _stamp = writer.add_document(fields.entry(document, passage))?;
                }
            }
            let _stamp = writer.commit()?;
            writer.wait_merging_threads()
        };
        write().map_err(cannot("index with the bare library"))
    }
}

/// An index of the product, searched by the library alone.
pub(super) struct BareSearch {
    fields: Fields,
    analyzer: TextAnalyzer,
    searcher: Searcher,
}

impl BareSearch {
    pub(super) fn open(index: &Path) -> Result<Self, Failure> {
        let open = || -> Result<Self, TantivyError> {
            let index = Index::open_in_dir(index)?;
            let fields = Fields::of(&index.schema())?;
            let searcher = with_tokenizer(index, &fields)?.reader()?.searcher();
            Ok(Self { fields, analyzer: analyzer(), searcher })
        };
        open().map_err(cannot("open a lexical index"))
    }

    /// How many documents and segments it searches.
    pub(super) fn size(&self) -> (u64, usize) {
        (self.searcher.num_docs(), self.searcher.segment_readers().len())
    }

    /// The best ten for the words of the question joined by OR, in one project if it is given; returns how many.
    pub(super) fn search(&mut self, question: &str, project: Option<&str>) -> Result<usize, Failure> {
        let mut words: Vec<Box<dyn Query>> = Vec::new();
        self.analyzer.token_stream(question).process(&mut |token| {
            let word = Term::from_field_text(self.fields.words, &token.text);
            words.push(Box::new(TermQuery::new(word, IndexRecordOption::WithFreqs)));
        });
        let words: Box<dyn Query> = Box::new(BooleanQuery::union(words));
        let query = match project {
            None => words,
            Some(project) => {
                let project = Term::from_field_text(self.fields.project, project);
                let inside = TermQuery::new(project, IndexRecordOption::Basic);
                let inside = ConstScoreQuery::new(Box::new(inside), 0.0);
                Box::new(BooleanQuery::new(vec![(Occur::Must, words), (Occur::Must, Box::new(inside))]))
            }
        };
        let best = self.searcher.search(&*query, &TopDocs::with_limit(10).order_by_score());
        Ok(best.map_err(cannot("search with the bare library"))?.len())
    }
}

struct Fields {
    words: Field,
    project: Field,
    tag: Field,
    chunk_key: Field,
    document_key: Field,
    tokenizer: String,
}

impl Fields {
    fn of(schema: &Schema) -> Result<Self, TantivyError> {
        let words = schema.get_field("words")?;
        let tokenizer = match schema.get_field_entry(words).field_type() {
            tantivy::schema::FieldType::Str(options) => options.get_indexing_options(),
            _ => None,
        };
        Ok(Self {
            words,
            project: schema.get_field("project")?,
            tag: schema.get_field("tag")?,
            chunk_key: schema.get_field("chunk_key")?,
            document_key: schema.get_field("document_key")?,
            tokenizer: tokenizer.map_or_else(String::new, |options| options.tokenizer().to_owned()),
        })
    }

    fn entry(&self, document: &Document, passage: &IndexedChunk) -> TantivyDocument {
        let mut entry = TantivyDocument::new();
        entry.add_u64(self.chunk_key, passage.chunk_key);
        entry.add_u64(self.document_key, document.key);
        entry.add_text(self.project, &document.project);
        for tag in &document.tags {
            entry.add_text(self.tag, tag.to_lowercase());
        }
        entry.add_text(self.words, &document.title);
        entry.add_text(self.words, &passage.heading_path);
        entry.add_text(self.words, &passage.text);
        entry
    }
}

fn with_tokenizer(index: Index, fields: &Fields) -> Result<Index, TantivyError> {
    index.tokenizers().register(&fields.tokenizer, analyzer());
    Ok(index)
}

/// The same steps as the product's, each as the library has it. For English they give the same words.
fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(AsciiFoldingFilter)
        .filter(LowerCaser)
        .filter(StopWordFilter::remove(STOP_WORDS.split(' ').map(str::to_owned)))
        .filter(Stemmer::new(Language::English))
        .build()
}
