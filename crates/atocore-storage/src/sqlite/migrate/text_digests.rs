//! What 0002 cannot say in SQL: the digest of the text that a model saw of each passage. It is as it was when schema 2 was
//! released, calls nothing that may change, and is never edited.

use rusqlite::Connection;

use crate::sqlite::StorageError;

/// Between the headings of a path.
const SEPARATOR: &str = " > ";

/// Fills `source_chunks.text_digest`.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::sqlite) fn fill(connection: &Connection) -> Result<(), StorageError> {
    let mut read = connection.prepare(
        "SELECT c.id, d.title, c.heading_path, c.content
         FROM source_chunks c JOIN source_documents d ON d.id = c.document_id ORDER BY c.id",
    )?;
    let mut write = connection.prepare("UPDATE source_chunks SET text_digest = ?2 WHERE id = ?1")?;
    let rows = read.query_map([], |row| {
        let (key, title, headings, content): (i64, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((key, digest(&title, &headings, &content)))
    })?;
    // Gathered first: a statement that is being read must not see its own table change.
    for (key, digest) in rows.collect::<Result<Vec<_>, _>>()? {
        let _changed = write.execute((key, digest))?;
    }
    Ok(())
}

/// Title, headings and text, a line each; a title that is the first heading is said once.
fn digest(title: &str, headings: &str, content: &str) -> [u8; 32] {
    let said = headings.strip_prefix(title);
    let said = said.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR));
    let lines = [if said { "" } else { title }, headings, content];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    *blake3::hash(lines.join("\n").as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn the_digests_of_schema_2_never_change() {
        for (title, headings, text, seen) in [
            ("Guide", "Guide > Setup", "Run it.", "Guide > Setup\nRun it."),
            ("Guide", "Guide", "Run it.", "Guide\nRun it."),
            ("Guide", "Guided > Setup", "Run it.", "Guide\nGuided > Setup\nRun it."),
            ("Guide", "", "Run it.", "Guide\nRun it."),
            ("", "", "", ""),
        ] {
            assert_eq!(
                digest(title, headings, text),
                *blake3::hash(seen.as_bytes()).as_bytes(),
                "{headings}"
            );
        }
    }
}
