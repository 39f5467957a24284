-- Questions that were asked, where the owner wants them kept.

-- One row for the same words about the same project, with what became of it the last time. No answer is made from it.
CREATE TABLE questions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    digest      BLOB    NOT NULL UNIQUE,
    text        TEXT    NOT NULL,
    project_id  TEXT,
    scope       INTEGER NOT NULL,
    times       INTEGER NOT NULL,
    first_asked TEXT    NOT NULL,
    last_asked  TEXT    NOT NULL,
    found       INTEGER NOT NULL,
    fit         REAL,
    nearest     TEXT
) STRICT;

CREATE INDEX questions_by_time ON questions (last_asked);

-- The documents that the answers to these questions showed.
CREATE TABLE found_documents (
    document_id INTEGER PRIMARY KEY REFERENCES source_documents (id) ON DELETE CASCADE,
    times       INTEGER NOT NULL,
    last_found  TEXT    NOT NULL
) STRICT;
