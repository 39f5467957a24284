//! The documents of a project as pages of a list.

use atocore_model::{
    document::{Document, FileStamp},
    fact::PageSize,
    id::{DocumentId, ProjectId},
};

use super::{ReadTransaction, StorageError, documents::document};

impl ReadTransaction<'_> {
    /// The documents of a project by path, at most `limit`, those behind `after` in that order; each with what the system
    /// said of its file when it was read. None when there is no document `after`.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn documents_page(
        &self,
        project: &ProjectId,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Vec<(Document, FileStamp)>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT size_bytes, modified_ns, changed_ns, inode,
                    public_id, project_id, file_path, source_path, file_hash, title, tags, dated, modified_ns,
                    encoding, front_matter, faults
             FROM source_documents
             WHERE project_id = ?1 AND (?2 IS NULL
                OR (source_path, id) > (SELECT source_path, id FROM source_documents WHERE public_id = ?2))
             ORDER BY source_path, id LIMIT ?3",
        )?;
        let after = after.map(|id| id.to_bytes().unwrap_or_default());
        let mut rows = statement.query((project.as_str(), after, limit.get()))?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            let stamp = FileStamp {
                size: row.get(0)?,
                modified_ns: row.get(1)?,
                changed_ns: row.get(2)?,
                inode: row.get::<_, i64>(3)?.cast_unsigned(),
            };
            page.push((document(row, 4)?, stamp));
        }
        Ok(page)
    }
}
