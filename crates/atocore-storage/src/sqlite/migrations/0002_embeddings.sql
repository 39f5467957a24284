-- Vectors, kept by the text they were made from: a passage that moves, is renamed or is restored finds its own again.

-- Ways of making vectors; only vectors of one way can be compared. The fingerprint covers the files of the model, its
-- precision, and how a passage is set before it.
CREATE TABLE embedding_spaces (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint BLOB    NOT NULL UNIQUE,
    dimensions  INTEGER NOT NULL,
    model       TEXT    NOT NULL,
    precision   TEXT    NOT NULL,
    created_at  TEXT    NOT NULL
) STRICT;

-- The way that answers use now.
ALTER TABLE store ADD COLUMN serving_space INTEGER REFERENCES embedding_spaces (id);

-- One vector of 32-bit numbers, lowest byte first; empty for a text that has none. A table with row ids, because rows
-- of this size do not fit into the pages of an index.
CREATE TABLE embeddings (
    id          INTEGER PRIMARY KEY,
    space_id    INTEGER NOT NULL REFERENCES embedding_spaces (id),
    text_digest BLOB    NOT NULL,
    vector      BLOB    NOT NULL,
    generation  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX embeddings_by_text ON embeddings (space_id, text_digest);
CREATE INDEX embeddings_by_generation ON embeddings (generation);
CREATE INDEX embeddings_that_are_empty ON embeddings (space_id, text_digest) WHERE vector = x'';

-- The digest of the text that a model sees of the passage: title, headings, text.
ALTER TABLE source_chunks ADD COLUMN text_digest BLOB NOT NULL DEFAULT x'';

CREATE INDEX source_chunks_by_text ON source_chunks (text_digest);

-- Documents cut anew because the settings changed, until the vectors of their new passages are made: the present
-- passages answer until then.
CREATE TABLE recut_documents (
    document_id INTEGER PRIMARY KEY REFERENCES source_documents (id) ON DELETE CASCADE,
    chunked_by  TEXT    NOT NULL
) STRICT;

CREATE TABLE recut_chunks (
    id           INTEGER PRIMARY KEY,
    document_id  INTEGER NOT NULL REFERENCES recut_documents (document_id) ON DELETE CASCADE,
    chunk_index  INTEGER NOT NULL,
    heading_path TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    first_line   INTEGER NOT NULL,
    last_line    INTEGER NOT NULL,
    text_digest  BLOB    NOT NULL
) STRICT;

CREATE INDEX recut_chunks_by_document ON recut_chunks (document_id, chunk_index);
CREATE INDEX recut_chunks_by_text ON recut_chunks (text_digest);
