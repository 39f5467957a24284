//! Links between documents as rows, and what is needed to find the documents that they name.

use atocore_model::{document::FrontMatter, id::ProjectId, link::Link};
use rusqlite::{Params, Row};

use super::{ListedDocument, ReadTransaction, StorageError, WriteTransaction, front_matter};

/// What a document is named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkableDocument {
    /// The key of the row.
    pub key: i64,
    /// Absolute path of its file.
    pub file_path: String,
    /// Path below its root.
    pub source_path: String,
    /// Its title.
    pub title: String,
    /// What it says of itself, where that has other names of it; else nothing.
    pub front_matter: FrontMatter,
}

const COLUMNS: &str = "document_id, kind, target, anchor, label, line";

impl ReadTransaction<'_> {
    /// The links of a document, in their order.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn links_of(&self, document: i64) -> Result<Vec<Link>, StorageError> {
        let links = self.links_where("document_id = ?1 ORDER BY link_index", [document])?;
        Ok(links.into_iter().map(|(_, link)| link).collect())
    }

    /// The links of a project whose targets end with `name`, in the form of [`Link::name`], each with the key of its
    /// document.
    ///
    /// # Errors
    /// As [`ReadTransaction::links_of`].
    pub fn links_named(&self, project: &ProjectId, name: &str) -> Result<Vec<(i64, Link)>, StorageError> {
        self.links_where(
            "name = ?2 AND (SELECT project_id FROM source_documents WHERE id = document_id) = ?1
             ORDER BY document_id, link_index",
            [project.as_str(), name],
        )
    }

    /// All links of a project, by the paths of their documents, each with the key of its document.
    ///
    /// # Errors
    /// As [`ReadTransaction::links_of`].
    pub fn links_of_project(&self, project: &ProjectId) -> Result<Vec<(i64, Link)>, StorageError> {
        self.links_where(
            "document_id IN (SELECT id FROM source_documents WHERE project_id = ?1)
             ORDER BY (SELECT source_path FROM source_documents WHERE id = document_id), document_id, link_index",
            [project.as_str()],
        )
    }

    fn links_where(&self, which: &str, parameters: impl Params) -> Result<Vec<(i64, Link)>, StorageError> {
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM links WHERE {which}"))?;
        let mut rows = statement.query(parameters)?;
        let mut links = Vec::new();
        while let Some(row) = rows.next()? {
            links.push((row.get(0)?, link(row)?));
        }
        Ok(links)
    }

    /// The documents of a project by what links name them by, in the order of their keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn linkable_documents(&self, project: &ProjectId) -> Result<Vec<LinkableDocument>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, file_path, source_path, title, CASE WHEN front_matter LIKE '%alias%' THEN front_matter END
             FROM source_documents WHERE project_id = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([project.as_str()], |row| {
            let said: Option<String> = row.get(4)?;
            let front_matter = said.map(|said| front_matter::from_text(&said, "[]"));
            Ok(LinkableDocument {
                key: row.get(0)?,
                file_path: row.get(1)?,
                source_path: row.get(2)?,
                title: row.get(3)?,
                front_matter: front_matter.unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A document as lists have it; `None` when it is gone.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn listed_document(&self, key: i64) -> Result<Option<ListedDocument>, StorageError> {
        Ok(self.listed("id = ?1", [key])?.pop())
    }
}

impl WriteTransaction<'_> {
    /// Makes the links of a document those of `links`.
    pub(super) fn put_links(&self, document: i64, links: &[Link]) -> Result<(), StorageError> {
        self.connection.prepare_cached("DELETE FROM links WHERE document_id = ?1")?.execute([document])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO links (document_id, link_index, kind, target, anchor, label, line, name)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for (index, link) in links.iter().enumerate() {
            let Link { kind, target, anchor, label, line } = link;
            insert.execute((document, index, kind.as_str(), target, anchor, label, line, link.name()))?;
        }
        Ok(())
    }
}

fn link(row: &Row<'_>) -> Result<Link, StorageError> {
    let kind: String = row.get(1)?;
    let kind =
        kind.parse().map_err(|_| StorageError::Value { what: "a kind of link", value: kind.clone() })?;
    Ok(Link { kind, target: row.get(2)?, anchor: row.get(3)?, label: row.get(4)?, line: row.get(5)? })
}
