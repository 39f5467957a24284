-- What was learnt about documents after schema 3.

-- The encoding of the file, by its name in the Encoding Standard.
ALTER TABLE source_documents ADD COLUMN encoding TEXT NOT NULL DEFAULT 'UTF-8';

-- What the document says of itself: a JSON object of texts and lists of texts. And what of that could not be read, a JSON
-- array of sentences.
ALTER TABLE source_documents ADD COLUMN front_matter TEXT NOT NULL DEFAULT '{}';
ALTER TABLE source_documents ADD COLUMN faults TEXT NOT NULL DEFAULT '[]';

-- What only the system can set about a file, so that one that is different is read again whatever its times say; and the
-- root that a document was found below, as configured, so that a root that moves or is away keeps its documents. Of a
-- row from before nothing is known: its file is read once more.
ALTER TABLE source_documents ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source_documents ADD COLUMN inode INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source_documents ADD COLUMN root TEXT NOT NULL DEFAULT '';

-- What the last refresh of a project left out, eight bytes of a digest for each, so that only what is new is listed.
ALTER TABLE refreshes ADD COLUMN left_out BLOB NOT NULL DEFAULT x'';

-- The folders below the roots of a project that a disk of their own is mounted at, a JSON array of absolute paths, so
-- that documents are kept while their disk is not mounted.
ALTER TABLE refreshes ADD COLUMN mounts TEXT NOT NULL DEFAULT '[]';

-- Columns and tables by the names that everything else has for them: the interface that an operation came through, what
-- it did, and the passages of documents that are chunked again.
ALTER TABLE operations RENAME COLUMN door TO interface;
ALTER TABLE operations RENAME COLUMN verb TO action;
ALTER TABLE recut_documents RENAME TO rechunked_documents;
ALTER TABLE recut_chunks RENAME TO rechunked_chunks;
DROP INDEX recut_chunks_by_document;
DROP INDEX recut_chunks_by_text;
CREATE INDEX rechunked_chunks_by_document ON rechunked_chunks (document_id, chunk_index);
CREATE INDEX rechunked_chunks_by_text ON rechunked_chunks (text_digest);
