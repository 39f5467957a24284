-- When documents were last changed by the history of the repository that they are in. Not released yet: the next change of this version is added below.

-- When the commit was written that gave the document its bytes; empty where none did, a question mark where that could not be told
-- with the commit that was checked out, NULL until somebody has looked.
ALTER TABLE source_documents ADD COLUMN committed TEXT;

-- The commit that was checked out, in hexadecimal, in each repository below a root or around one when somebody last looked.
CREATE TABLE work_trees (
    project_id TEXT NOT NULL,
    folder     TEXT NOT NULL,
    head       TEXT NOT NULL,
    PRIMARY KEY (project_id, folder)
) STRICT, WITHOUT ROWID;
