//! What the index keeps of a passage, and the version of all that decides its content.

use atocore_model::{
    id::{Generation, StoreVersion},
    text::caseless,
};
use serde::{Deserialize, Serialize};
use tantivy::{
    IndexSettings, TantivyDocument, Term,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
    },
    store::Compressor,
};

use super::{
    identifiers,
    source::{ChangedDocument, IndexedChunk},
    tokenizer,
};

/// Goes up with every change of the fields, of the tokenizer or of the payload, and when what was written before cannot be
/// trusted; an index of another version is rebuilt. Until 2 a deletion could be lost; until 3 tags did not
/// nest, and what documents say of themselves was not found; until 4 text was not folded and had no positions; until 5
/// the `T` of a timestamp joined day and hour; until 6 `camelCase` of source code was one word, until 7
/// that of other documents, and `snake_case` was not found as one.
pub(super) const FORMAT_VERSION: u32 = 7;

pub(super) const CHUNK_KEY: &str = "chunk_key";
pub(super) const DOCUMENT_KEY: &str = "document_key";

/// The fields. Nothing is stored: a match leads back to the store by its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Title, headings and text of the passage, and what stands beside it, in one field so that they have one length.
    pub(super) words: Field,
    /// The id of the project.
    project: Field,
    /// Each tag without case, and every tag that it lies below.
    tag: Field,
    chunk_key: Field,
    document_key: Field,
}

impl Fields {
    pub(super) fn project(&self, id: &str) -> Term {
        Term::from_field_text(self.project, id)
    }

    pub(super) fn tag(&self, tag: &str) -> Term {
        Term::from_field_text(self.tag, &caseless(tag))
    }

    pub(super) fn document(&self, key: u64) -> Term {
        Term::from_field_u64(self.document_key, key)
    }

    /// What is indexed for a passage.
    pub(super) fn entry(&self, document: &ChangedDocument<'_>, chunk: &IndexedChunk) -> TantivyDocument {
        let mut entry = TantivyDocument::new();
        entry.add_u64(self.chunk_key, chunk.chunk_key);
        entry.add_u64(self.document_key, document.document_key);
        entry.add_text(self.project, document.project);
        for tag in document.tags {
            let tag = caseless(tag);
            for (outer, _) in tag.match_indices('/') {
                entry.add_text(self.tag, &tag[..outer]);
            }
            entry.add_text(self.tag, tag);
        }
        entry.add_text(self.words, document.title);
        entry.add_text(self.words, &chunk.heading_path);
        entry.add_text(self.words, &chunk.text);
        let other_forms = identifiers::other_forms([document.title, &chunk.heading_path, &chunk.text]);
        if !other_forms.is_empty() {
            entry.add_text(self.words, other_forms);
        }
        let is_first = document.chunks.first().is_some_and(|first| first.chunk_key == chunk.chunk_key);
        if is_first && !document.beside.is_empty() {
            entry.add_text(self.words, document.beside);
        }
        entry
    }
}

/// The schema and its fields.
pub(super) fn schema() -> (Schema, Fields) {
    let words = TextFieldIndexing::default()
        .set_tokenizer(tokenizer::NAME)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(true);
    let exact = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let mut schema = SchemaBuilder::new();
    let fields = Fields {
        words: schema.add_text_field("words", TextOptions::default().set_indexing_options(words)),
        project: schema.add_text_field("project", TextOptions::default().set_indexing_options(exact.clone())),
        tag: schema.add_text_field("tag", TextOptions::default().set_indexing_options(exact)),
        chunk_key: schema.add_u64_field(CHUNK_KEY, FAST),
        document_key: schema.add_u64_field(DOCUMENT_KEY, FAST | INDEXED),
    };
    (schema.build(), fields)
}

/// The settings: nothing is stored, so nothing is compressed.
pub(super) fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// What is written with each commit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payload {
    format: u32,
    generation: u64,
    token: u64,
}

impl Payload {
    /// The text form of a version.
    pub(super) fn text(version: StoreVersion) -> String {
        let payload = Self { format: FORMAT_VERSION, generation: version.generation.0, token: version.token };
        serde_json::to_string(&payload).unwrap_or_default()
    }

    /// Reads the text form; `Err` says in a sentence why it is not one of this version.
    pub(super) fn version(text: &str) -> Result<StoreVersion, String> {
        #[derive(Deserialize)]
        struct PayloadFormat {
            format: u32,
        }
        let unreadable = |_| "its last commit was not made by AtoCore".to_owned();
        let PayloadFormat { format } = serde_json::from_str(text).map_err(unreadable)?;
        if format != FORMAT_VERSION {
            return Err(format!("it has format {format}, this version of AtoCore has {FORMAT_VERSION}"));
        }
        let payload: Self = serde_json::from_str(text).map_err(unreadable)?;
        Ok(StoreVersion { generation: Generation(payload.generation), token: payload.token })
    }
}
