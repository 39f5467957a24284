-- What was learnt about documents after schema 3. Not released yet: the next change of this version is added below.

-- The encoding of the file, by its name in the Encoding Standard.
ALTER TABLE source_documents ADD COLUMN encoding TEXT NOT NULL DEFAULT 'UTF-8';

-- What the document says of itself: a JSON object of texts and lists of texts. And what of that could not be read, a JSON
-- array of sentences.
ALTER TABLE source_documents ADD COLUMN front_matter TEXT NOT NULL DEFAULT '{}';
ALTER TABLE source_documents ADD COLUMN faults TEXT NOT NULL DEFAULT '[]';
