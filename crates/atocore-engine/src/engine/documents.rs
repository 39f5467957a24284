//! Documents: listing them, and reading the text itself.

use atocore_model::{
    document::{
        Document, DocumentState,
        conditions::{ConditionCheck, DocumentConditions},
    },
    excerpt::{DocumentRef, Excerpt, Reading},
    fact::PageSize,
    id::{DocumentId, ProjectId},
    name::{ProjectName, Tag},
    path::SourcePath,
    text,
    time::Timestamp,
};
use atocore_storage::sqlite::{ListedDocument, ReadTransaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Engine;
use crate::{error::Error, file_check::FileCheck, page::Page, reading};

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentEntry {
    /// Its id; stays through edits and renames.
    pub id: DocumentId,
    /// Path below its root.
    pub path: SourcePath,
    /// Its title.
    pub title: String,
    /// Its date: from its front matter, else of its commit, else the last change of the file.
    pub date: Timestamp,
    /// What it was read as: `markdown`, `pdf`, `code`, …
    pub format: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The size of its file when it was read, in bytes.
    pub size_bytes: u64,
    /// How many passages it has.
    pub chunks: u64,
    /// What has become of its file since it was read.
    pub state: DocumentState,
}

impl DocumentEntry {
    pub(crate) fn new(listed: ListedDocument, files: &FileCheck) -> Self {
        let ListedDocument { document, stamp, format, chunks } = listed;
        let state = files.state_by_stamp(&document, stamp);
        let Document { id, source_path: path, title, tags, date, .. } = document;
        Self { id, path, title, date, format, tags, size_bytes: stamp.size, chunks, state }
    }
}

/// Refuses a page behind a document that there is not: one that was removed meanwhile says nothing of where it was.
pub(super) fn refuse_unknown(read: &ReadTransaction<'_>, after: Option<&DocumentId>) -> Result<(), Error> {
    match after {
        Some(id) if read.document(id)?.is_none() => {
            Err(Error::DocumentUnknown { wanted: DocumentRef::Document(id.clone()), near: None })
        }
        _ => Ok(()),
    }
}

/// A document whose file was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecentDocument {
    /// When its file was last changed, as far as it has been read.
    pub changed: Timestamp,
    /// The project that owns it.
    pub project: ProjectId,
    /// The document.
    #[serde(flatten)]
    pub document: DocumentEntry,
}

/// Which documents a list has; all of what is said must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentFilter {
    /// This is in the path or in the title, whatever its case and its accents.
    pub matching: Option<String>,
    /// This has become of its file.
    pub state: Option<DocumentState>,
    /// It is so.
    pub conditions: DocumentConditions,
}

impl DocumentFilter {
    /// Whether a document fits, but for the state of its file.
    fn fits(&self, listed: &ListedDocument, conditions: &ConditionCheck<'_>) -> bool {
        let Document { source_path, title, .. } = &listed.document;
        let has = |text: &str| {
            let text = text::folded(text);
            [source_path.as_str(), title].iter().any(|of| text::folded(of).contains(&*text))
        };
        self.matching.as_deref().is_none_or(has) && conditions.accepts(listed)
    }
}

impl Engine {
    /// The documents of a project that fit a filter, by path, at most `limit`, those behind `after`.
    ///
    /// # Errors
    /// When there is no such project, or no document `after` any more, or the store cannot be read.
    pub fn documents(
        &self,
        project: &ProjectName,
        filter: &DocumentFilter,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Page<DocumentEntry>, Error> {
        let project = self.project(project)?.id;
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        let files = FileCheck::new();
        let conditions = filter.conditions.check();
        store.read(|read| {
            refuse_unknown(read, after)?;
            let mut page = Page { rows: Vec::new(), generation: read.generation()? };
            let mut after = after.cloned();
            loop {
                let listed = read.documents_page(&project, limit, after.as_ref())?;
                let is_last = listed.len() < limit.get();
                after = listed.last().map(|last| last.document.id.clone());
                for document in listed.into_iter().filter(|listed| filter.fits(listed, &conditions)) {
                    let entry = DocumentEntry::new(document, &files);
                    if filter.state.is_none_or(|state| state == entry.state) {
                        page.rows.push(entry);
                    }
                    if page.rows.len() == limit.get() {
                        return Ok(page);
                    }
                }
                if is_last {
                    return Ok(page);
                }
            }
        })
    }

    /// The documents whose files were changed last, of one project or of all, the newest first, at most `limit`; none that
    /// was last changed before `since`.
    ///
    /// # Errors
    /// When there is no such project, or the store cannot be read.
    pub fn recent_documents(
        &self,
        project: Option<&ProjectName>,
        since: Option<Timestamp>,
        limit: PageSize,
    ) -> Result<Page<RecentDocument>, Error> {
        let project = project.map(|name| self.project(name)).transpose()?.map(|project| project.id);
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        let files = FileCheck::new();
        store.read(|read| {
            let listed = read.recent_documents(project.as_ref(), since, limit)?;
            let rows = listed.into_iter().map(|listed| RecentDocument {
                changed: listed.stamp.modified(),
                project: listed.document.project.clone(),
                document: DocumentEntry::new(listed, &files),
            });
            Ok(Page { rows: rows.collect(), generation: read.generation()? })
        })
    }

    /// Lines of a document, as they stand in its file; from the stored passages when the file is gone or changed.
    ///
    /// # Errors
    /// When there is no such document or project, the lines begin behind its end, or the store cannot be read.
    pub fn read_document(&self, wanted: &Reading) -> Result<Excerpt, Error> {
        let project = self.project_of_document(&wanted.document)?;
        reading::read(self.store()?, wanted, project.as_ref())
    }
}
