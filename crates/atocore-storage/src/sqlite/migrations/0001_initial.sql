-- The machine store, schema 1. A migration that was released is never edited.

-- What the store says of itself; exactly one row.
CREATE TABLE store (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    store_id    TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    created_at  TEXT    NOT NULL
) STRICT;

-- The operation log: one row for every committed write transaction. The token is random, so that generation and
-- token together name a point in one history and in no other.
CREATE TABLE operations (
    generation  INTEGER PRIMARY KEY,
    token       INTEGER NOT NULL,
    at          TEXT    NOT NULL,
    door        TEXT    NOT NULL,
    verb        TEXT    NOT NULL,
    subject     TEXT    NOT NULL
) STRICT;

CREATE TABLE source_documents (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id   BLOB    NOT NULL UNIQUE,
    project_id  TEXT    NOT NULL,
    file_path   TEXT    NOT NULL UNIQUE,
    source_path TEXT    NOT NULL,
    file_hash   BLOB    NOT NULL,
    title       TEXT    NOT NULL,
    doc_type    TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    dated       TEXT,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    settled     INTEGER NOT NULL,
    chunked_by  TEXT    NOT NULL
) STRICT;

CREATE INDEX source_documents_by_project ON source_documents (project_id);

CREATE TABLE source_chunks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    BLOB    NOT NULL UNIQUE,
    document_id  INTEGER NOT NULL REFERENCES source_documents (id) ON DELETE CASCADE,
    chunk_index  INTEGER NOT NULL,
    heading_path TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    char_count   INTEGER NOT NULL,
    first_line   INTEGER NOT NULL,
    last_line    INTEGER NOT NULL
) STRICT;

CREATE INDEX source_chunks_by_document ON source_chunks (document_id, chunk_index);

-- The generation that last touched a document, kept when the document is gone: what derived indexes catch up from.
CREATE TABLE document_changes (
    document_id INTEGER PRIMARY KEY,
    generation  INTEGER NOT NULL
) STRICT;

CREATE INDEX document_changes_by_generation ON document_changes (generation);

-- The last refresh of each project, for status and for people.
CREATE TABLE refreshes (
    project_id  TEXT PRIMARY KEY,
    at          TEXT NOT NULL,
    status      TEXT NOT NULL,
    counts      TEXT NOT NULL,
    problems    TEXT NOT NULL
) STRICT;
