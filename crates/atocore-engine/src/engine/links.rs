//! Links between documents: where one leads, what leads to it, and what leads nowhere.

use std::collections::HashMap;

use atocore_model::{
    document::DocumentState,
    excerpt::DocumentRef,
    fact::PageSize,
    id::{DocumentId, Generation, ProjectId},
    link::Link,
    name::ProjectName,
    path::SourcePath,
};
use atocore_storage::sqlite::{ReadTransaction, StoredDocument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Engine;
use crate::{error::Error, file_check::FileCheck, link_targets::LinkTargets, reading};

/// A document, as far as it has to be told from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedDocument {
    /// Its id; stays through edits and renames.
    pub id: DocumentId,
    /// The project that owns it.
    pub project: ProjectId,
    /// Path below its root.
    pub path: SourcePath,
    /// Its title.
    pub title: String,
    /// What has become of its file since it was read.
    pub state: DocumentState,
}

/// A link, with the document at its other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkEntry {
    /// The link as it is written.
    #[serde(flatten)]
    pub link: Link,
    /// The document that it leads to, null when there is none; of what leads to a document or nowhere, the one that it stands
    /// in.
    pub document: Option<NamedDocument>,
}

/// The links of a document, and those to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentLinks {
    /// The document.
    pub document: NamedDocument,
    /// Its first links to other documents, in their order.
    pub links: Vec<LinkEntry>,
    /// How many it has.
    pub links_total: u64,
    /// The first links to it, by the paths of the documents that they stand in.
    pub backlinks: Vec<LinkEntry>,
    /// How many there are.
    pub backlinks_total: u64,
    /// The generation that this shows.
    pub generation: Generation,
}

/// The links of a project that lead to no document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnresolvedLinks {
    /// The first of them, by the paths of the documents that they stand in.
    pub links: Vec<LinkEntry>,
    /// How many there are.
    pub total: u64,
    /// The generation that this shows.
    pub generation: Generation,
}

/// Names documents by their keys, each looked at once.
pub(super) struct DocumentNames<'r> {
    read: &'r ReadTransaction<'r>,
    files: FileCheck,
    known: HashMap<i64, Option<NamedDocument>>,
}

impl<'r> DocumentNames<'r> {
    pub(super) fn new(read: &'r ReadTransaction<'r>) -> Self {
        Self { read, files: FileCheck::new(), known: HashMap::new() }
    }

    pub(super) fn of(&mut self, key: i64) -> Result<Option<NamedDocument>, Error> {
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let named = self.read.listed_document(key)?.map(|listed| {
            let state = self.files.state_by_stamp(&listed.document, listed.stamp);
            let document = listed.document;
            let (id, project, path, title) =
                (document.id, document.project, document.source_path, document.title);
            NamedDocument { id, project, path, title, state }
        });
        let _new = self.known.insert(key, named.clone());
        Ok(named)
    }

    fn entries(
        &mut self,
        links: impl IntoIterator<Item = (Option<i64>, Link)>,
    ) -> Result<Vec<LinkEntry>, Error> {
        let entry = |(key, link): (Option<i64>, Link)| {
            let document = key.map_or(Ok(None), |key| self.of(key))?;
            Ok(LinkEntry { link, document })
        };
        links.into_iter().map(entry).collect()
    }
}

/// The links to a document that stand in other ones, each with the key of that one, by path.
pub(super) fn backlinks(
    read: &ReadTransaction<'_>,
    targets: &LinkTargets,
    document: &StoredDocument,
) -> Result<Vec<(i64, Link)>, Error> {
    let mut backlinks = Vec::new();
    for name in targets.names(document.key) {
        backlinks.extend(read.links_named(&document.document.project, &name)?);
    }
    backlinks
        .retain(|(from, link)| *from != document.key && targets.target(*from, link) == Some(document.key));
    backlinks.sort_by_key(|(from, link)| (targets.place(*from), link.line));
    Ok(backlinks)
}

impl Engine {
    /// The links of a document to others of its project, and those to it; of each at most `limit`.
    ///
    /// # Errors
    /// When there is no such document or project, or the store cannot be read.
    pub fn links(&self, wanted: &DocumentRef, limit: PageSize) -> Result<DocumentLinks, Error> {
        let project = self.project_of_document(wanted)?;
        self.store()?.read(|read| {
            let document = reading::find(read, wanted, project.as_ref())?;
            let targets = LinkTargets::of(read, &document.document.project)?;
            let links = read.links_of(document.key)?;
            let backlinks = backlinks(read, &targets, &document)?;
            let (links_total, backlinks_total) = (links.len() as u64, backlinks.len() as u64);
            let links = links.into_iter().map(|link| (targets.target(document.key, &link), link));
            let backlinks = backlinks.into_iter().map(|(from, link)| (Some(from), link));
            let mut names = DocumentNames::new(read);
            let unknown = || Error::DocumentUnknown { wanted: wanted.clone(), near: None };
            Ok(DocumentLinks {
                document: names.of(document.key)?.ok_or_else(unknown)?,
                links: names.entries(links.take(limit.get()))?,
                links_total,
                backlinks: names.entries(backlinks.take(limit.get()))?,
                backlinks_total,
                generation: read.generation()?,
            })
        })
    }

    /// The links of a project that lead to no document of it, nor to a folder of documents, at most `limit`.
    ///
    /// # Errors
    /// When there is no such project, or the store cannot be read.
    pub fn unresolved_links(&self, project: &ProjectName, limit: PageSize) -> Result<UnresolvedLinks, Error> {
        let project = self.project(project)?.id;
        let Some(store) = self.store_if_any()? else {
            return Ok(UnresolvedLinks { links: Vec::new(), total: 0, generation: Generation(0) });
        };
        store.read(|read| {
            let targets = LinkTargets::of(read, &project)?;
            let mut links = read.links_of_project(&project)?;
            let folders = targets.folders();
            links.retain(|(from, link)| {
                targets.target(*from, link).is_none() && !targets.is_to_folder(&folders, *from, link)
            });
            let total = links.len() as u64;
            let first = links.into_iter().take(limit.get()).map(|(from, link)| (Some(from), link));
            Ok(UnresolvedLinks {
                links: DocumentNames::new(read).entries(first)?,
                total,
                generation: read.generation()?,
            })
        })
    }

    /// The project that a document is looked for in by its path.
    pub(super) fn project_of_document(&self, wanted: &DocumentRef) -> Result<Option<ProjectId>, Error> {
        match wanted {
            DocumentRef::Place { project, .. } => Ok(Some(self.project(project)?.id)),
            DocumentRef::Document(_) | DocumentRef::Chunk(_) => Ok(None),
        }
    }
}
