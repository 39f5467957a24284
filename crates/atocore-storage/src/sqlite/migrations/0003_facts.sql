-- Facts: what somebody recorded and no document says. No row is ever deleted; what no longer holds has a status that
-- says so, and the journal has what it was before.

CREATE TABLE project_state (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id   BLOB    NOT NULL UNIQUE,
    project_id  TEXT    NOT NULL,
    category    TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    confidence  REAL    NOT NULL,
    status      TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,
    updated_at  TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    UNIQUE (project_id, category, key)
) STRICT;

CREATE TABLE memories (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     BLOB    NOT NULL UNIQUE,
    memory_type   TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    project_id    TEXT,
    source        TEXT    NOT NULL,
    confidence    REAL    NOT NULL,
    status        TEXT    NOT NULL,
    superseded_by BLOB,
    created_at    TEXT    NOT NULL,
    updated_at    TEXT    NOT NULL,
    generation    INTEGER NOT NULL
) STRICT;

CREATE INDEX memories_by_status ON memories (status, memory_type, project_id);

CREATE TABLE interactions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     BLOB    NOT NULL UNIQUE,
    prompt        TEXT    NOT NULL,
    response      TEXT    NOT NULL,
    summary       TEXT    NOT NULL,
    project_id    TEXT,
    client        TEXT    NOT NULL,
    session_id    TEXT    NOT NULL,
    memories_used TEXT    NOT NULL,
    chunks_used   TEXT    NOT NULL,
    context_pack  TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    created_at    TEXT    NOT NULL,
    generation    INTEGER NOT NULL
) STRICT;

CREATE INDEX interactions_by_project ON interactions (project_id);
CREATE INDEX interactions_by_session ON interactions (session_id);

-- The journal: one row for every change of a fact. What a change can change is in `before` and `after`, as JSON.
CREATE TABLE fact_changes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    generation  INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    fact_id     BLOB    NOT NULL,
    project_id  TEXT,
    action      TEXT    NOT NULL,
    before      TEXT,
    after       TEXT    NOT NULL,
    reverses    INTEGER REFERENCES fact_changes (id)
) STRICT;

CREATE INDEX fact_changes_by_fact ON fact_changes (fact_id, id);
CREATE INDEX fact_changes_by_generation ON fact_changes (generation);
