//! Documents: listing them, and reading the text itself.

use std::path::Path;

use atocore_model::{
    document::{Document, FileStamp},
    excerpt::{DocumentRef, Excerpt, Reading},
    fact::PageSize,
    id::DocumentId,
    name::ProjectName,
    path::SourcePath,
    time::Timestamp,
    words,
};
use atocore_storage::files;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Engine;
use crate::{error::Error, page::Page, reading};

words! {
    /// What has become of the file of a document since it was read.
    DocumentState, "a state of a document", {
        /// It looks as it did then.
        Current = "current",
        /// Its size, times or number are others: the next refresh reads it again.
        Changed = "changed",
        /// It is not there, or cannot be looked at.
        Gone = "gone",
    }
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentEntry {
    /// Its id; stays through edits and renames.
    pub id: DocumentId,
    /// Path below its root.
    pub path: SourcePath,
    /// Its title.
    pub title: String,
    /// Its date: from its front matter, else the last change of the file.
    pub date: Timestamp,
    /// What has become of its file since it was read.
    pub state: DocumentState,
}

impl DocumentEntry {
    fn new((document, stamp): (Document, FileStamp)) -> Self {
        let state = match files::beneath::stamp_if_present(Path::new(&document.file_path)) {
            Ok(Some(now)) if now == stamp => DocumentState::Current,
            Ok(Some(_)) => DocumentState::Changed,
            Ok(None) | Err(_) => DocumentState::Gone,
        };
        let Document { id, source_path: path, title, date, .. } = document;
        Self { id, path, title, date, state }
    }
}

impl Engine {
    /// The documents of a project by path, at most `limit`, those behind `after`.
    ///
    /// # Errors
    /// When there is no such project, or the store cannot be read.
    pub fn documents(
        &self,
        project: &ProjectName,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Page<DocumentEntry>, Error> {
        let project = self.project(project)?.id;
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        let (rows, generation) = store.read(|read| {
            Ok::<_, Error>((read.documents_page(&project, limit, after)?, read.generation()?))
        })?;
        Ok(Page { rows: rows.into_iter().map(DocumentEntry::new).collect(), generation })
    }

    /// Lines of a document, as they stand in its file; from the stored passages when the file is gone or changed.
    ///
    /// # Errors
    /// When there is no such document or project, the lines begin behind its end, or the store cannot be read.
    pub fn read_document(&self, wanted: &Reading) -> Result<Excerpt, Error> {
        let project = match &wanted.document {
            DocumentRef::Place { project, .. } => Some(self.project(project)?.id),
            DocumentRef::Document(_) | DocumentRef::Chunk(_) => None,
        };
        reading::read(self.store()?, wanted, project.as_ref())
    }
}
