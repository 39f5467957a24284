//! Where documents lie and what they are like, for questions that are about some of them only.

use atocore_model::{
    document::{FrontMatter, conditions::ConditionalDocument},
    name::Tag,
    time::Timestamp,
};
use rusqlite::Row;

use super::{ReadTransaction, StorageError, documents, front_matter};

/// Where a document lies, and what it is like.
#[derive(Debug)]
pub struct DocumentPlace<'r> {
    /// The key of the row.
    pub key: u64,
    /// The id of its project.
    pub project: &'r str,
    /// Path below its root.
    pub path: &'r str,
    /// Absolute path of its file.
    pub file: &'r str,
    tags: Vec<Tag>,
    row: &'r Row<'r>,
}

impl ReadTransaction<'_> {
    /// Hands every document to `each`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_document_place(&self, mut each: impl FnMut(&DocumentPlace<'_>)) -> Result<(), StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, project_id, source_path, file_path, tags, doc_type, title, coalesce(dated, committed), modified_ns,
                    front_matter
             FROM source_documents",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let (key, project, path, file) = (row.get(0)?, text(1)?, text(2)?, text(3)?);
            let tags = front_matter::tags_from_text(text(4)?);
            each(&DocumentPlace { key, project, path, file, tags, row });
        }
        Ok(())
    }
}

impl DocumentPlace<'_> {
    /// A column of text; the schema lets it be nothing else.
    fn text(&self, column: usize) -> &str {
        self.row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default()
    }
}

/// Read from the row when it is asked for: most questions ask for none of it.
impl ConditionalDocument for DocumentPlace<'_> {
    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn format(&self) -> &str {
        self.text(5)
    }

    fn title(&self) -> &str {
        self.text(6)
    }

    fn date(&self) -> Timestamp {
        documents::date(self.row, 7).unwrap_or_else(|_| Timestamp::new(jiff::Timestamp::UNIX_EPOCH))
    }

    fn front_matter(&self) -> FrontMatter {
        front_matter::from_text(self.text(9), "[]")
    }
}
