//! The parts of a file of the new Office, and how they refer to each other.

use super::super::{
    archive::{Archive, resolved},
    xml::{Node, Nodes, text_of},
};
use crate::error::ExtractError;

/// A reference from one part to another.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) id: String,
    /// The last word of its type: `slide`, `comments`, `notesSlide`.
    pub(super) kind: String,
    /// The name of the part that is meant.
    pub(super) target: String,
}

/// The name of the part that says what another one refers to.
pub(super) fn relations_name(part: &str) -> String {
    match part.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/_rels/{file}.rels"),
        None => format!("_rels/{part}.rels"),
    }
}

/// What a part refers to; the part without a name is the package.
pub(super) fn relations(archive: &mut Archive<'_>, part: &str) -> Result<Vec<Relation>, ExtractError> {
    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let Some(xml) = archive.text(&relations_name(part))? else { return Ok(Vec::new()) };
    let mut relations = Vec::new();
    for node in Nodes::of(&xml) {
        if let Node::Open(element) = node?
            && element.name == "Relationship"
            && let (Some(id), Some(kind), Some(target)) =
                (element.attribute("Id"), element.attribute("Type"), element.attribute("Target"))
        {
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            relations.push(Relation { id, kind, target: resolved(folder, &target) });
        }
    }
    Ok(relations)
}

/// The title in the properties of a package.
pub(super) fn title(archive: &mut Archive<'_>) -> Result<String, ExtractError> {
    text_of(&archive.text("docProps/core.xml")?.unwrap_or_default(), "title")
}
