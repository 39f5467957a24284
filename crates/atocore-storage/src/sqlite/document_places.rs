//! Where documents lie, for questions that are about some of them only.

use atocore_model::name::Tag;

use super::{ReadTransaction, StorageError, front_matter};

/// Where a document lies and what it is tagged with.
#[derive(Debug, Clone, Copy)]
pub struct DocumentPlace<'r> {
    /// The key of the row.
    pub key: u64,
    /// The id of its project.
    pub project: &'r str,
    /// Path below its root.
    pub path: &'r str,
    /// Absolute path of its file.
    pub file: &'r str,
    /// Its tags.
    pub tags: &'r [Tag],
}

impl ReadTransaction<'_> {
    /// Hands every document to `each`, by where it lies and what it is tagged with.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_document_place(&self, mut each: impl FnMut(&DocumentPlace<'_>)) -> Result<(), StorageError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, project_id, source_path, file_path, tags FROM source_documents")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tags = front_matter::tags_from_text(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?);
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let (key, project, path, file) = (row.get(0)?, text(1)?, text(2)?, text(3)?);
            each(&DocumentPlace { key, project, path, file, tags: &tags });
        }
        Ok(())
    }
}
