-- Links between documents.

-- What documents name, as it is written; which document that is is looked up when somebody asks. The name is the last part
-- of the target, in the form in which names are compared.
CREATE TABLE links (
    document_id INTEGER NOT NULL REFERENCES source_documents (id) ON DELETE CASCADE,
    link_index  INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    anchor      TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    line        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (document_id, link_index)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_name ON links (name);
