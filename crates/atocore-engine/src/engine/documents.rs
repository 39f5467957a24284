//! Documents: reading the text itself.

use atocore_model::excerpt::{DocumentRef, Excerpt, Reading};

use super::Engine;
use crate::{error::Error, reading};

impl Engine {
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
