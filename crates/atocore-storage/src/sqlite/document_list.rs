//! The documents of a project as pages of a list.

use atocore_model::{
    document::{Document, FileStamp, FrontMatter, conditions::ConditionalDocument},
    fact::PageSize,
    id::{DocumentId, ProjectId},
    name::Tag,
    time::Timestamp,
};
use rusqlite::Params;

use super::{
    ReadTransaction, StorageError,
    documents::{document, stamp},
};

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDocument {
    /// The document.
    pub document: Document,
    /// What the system said of its file when it was read.
    pub stamp: FileStamp,
    /// The name of the format it was read as.
    pub format: String,
    /// How many passages it has.
    pub chunks: u64,
}

impl ConditionalDocument for ListedDocument {
    fn tags(&self) -> &[Tag] {
        &self.document.tags
    }

    fn format(&self) -> &str {
        &self.format
    }

    fn title(&self) -> &str {
        &self.document.title
    }

    fn date(&self) -> Timestamp {
        self.document.date
    }

    fn front_matter(&self) -> FrontMatter {
        self.document.front_matter.clone()
    }
}

impl ReadTransaction<'_> {
    /// The documents of a project by path, at most `limit`, those behind `after` in that order. None when there is no
    /// document `after`.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn documents_page(
        &self,
        project: &ProjectId,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Vec<ListedDocument>, StorageError> {
        self.page_of("true", project, limit, after)
    }

    /// As [`Self::documents_page`], of the documents for which a condition holds.
    pub(super) fn page_of(
        &self,
        condition: &str,
        project: &ProjectId,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Vec<ListedDocument>, StorageError> {
        let after = after.map(|id| id.to_bytes().unwrap_or_default());
        let which = format!(
            "project_id = ?1 AND {condition} AND (?2 IS NULL
                OR (source_path, id) > (SELECT source_path, id FROM source_documents WHERE public_id = ?2))
             ORDER BY source_path, id LIMIT ?3"
        );
        self.listed(&which, (project.as_str(), after, limit.get()))
    }

    /// The documents whose files were changed last, of one project or of all, the newest first, at most `limit`; none that
    /// was last changed before `since`.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn recent_documents(
        &self,
        project: Option<&ProjectId>,
        since: Option<Timestamp>,
        limit: PageSize,
    ) -> Result<Vec<ListedDocument>, StorageError> {
        let since = since.map(|since| i64::try_from(since.as_nanosecond()).unwrap_or(i64::MAX));
        self.listed(
            "(?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR modified_ns >= ?2)
             ORDER BY modified_ns DESC, source_path, id LIMIT ?3",
            (project.map(ProjectId::as_str), since, limit.get()),
        )
    }

    pub(super) fn listed(
        &self,
        which: &str,
        parameters: impl Params,
    ) -> Result<Vec<ListedDocument>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT size_bytes, modified_ns, changed_ns, inode, doc_type,
                    (SELECT count(*) FROM source_chunks WHERE document_id = source_documents.id),
                    public_id, project_id, file_path, source_path, file_hash, title, tags,
                    coalesce(dated, committed), modified_ns,
                    encoding, front_matter, faults
             FROM source_documents WHERE {which}",
        ))?;
        let mut rows = statement.query(parameters)?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            let stamp = stamp(row, 0)?;
            let (format, chunks) = (row.get(4)?, row.get(5)?);
            page.push(ListedDocument { document: document(row, 6)?, stamp, format, chunks });
        }
        Ok(page)
    }
}
