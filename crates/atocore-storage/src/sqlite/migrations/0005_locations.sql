-- Documents of formats whose lines nobody sees.

-- Where a passage is found in such a file, in words: a page, a slide, a row of a sheet. NULL when the lines of the passage
-- are lines of the file.
ALTER TABLE source_chunks ADD COLUMN location TEXT;
ALTER TABLE rechunked_chunks ADD COLUMN location TEXT;
