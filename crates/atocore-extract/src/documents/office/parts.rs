//! The parts of a Word document as the library takes them: it finds them by fixed names.

use quick_xml::escape::escape;

use super::{
    super::{
        archive::{Archive, resolved},
        xml::{Node, Nodes},
    },
    package::{relations, relations_name},
};
use crate::error::ExtractError;

/// The name that the library finds the text by.
const DOCUMENT: &str = "word/document.xml";

/// The parts that are read of a document.
#[derive(Debug)]
pub(super) struct WordParts {
    /// The text.
    pub(super) document: String,
    /// The comments; empty when there are none.
    pub(super) comments: String,
    /// Every part that is another one for the library than in the file, by the name that it has there.
    changed: Vec<(String, String)>,
}

impl WordParts {
    /// Finds the parts as they refer to each other, or by the names that they mostly have.
    pub(super) fn of(archive: &mut Archive<'_>) -> Result<Self, ExtractError> {
        let of_package = relations(archive, "").unwrap_or_default();
        let main = of_package.into_iter().find(|relation| relation.kind == "officeDocument");
        let main = main.map(|relation| relation.target).filter(|target| archive.has(target));
        let main = main.unwrap_or_else(|| DOCUMENT.to_owned());
        let of_main = relations(archive, &main).unwrap_or_default();
        let target = |archive: &Archive<'_>, kind: &str| {
            let related = of_main.iter().find(|relation| relation.kind == kind);
            let related = related.map(|relation| relation.target.clone()).filter(|name| archive.has(name));
            related.unwrap_or_else(|| named(kind))
        };
        let document = archive.required(&main)?;
        let mut changed = Vec::new();
        if main != DOCUMENT {
            let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
            let xml = archive.text(&relations_name(&main))?.unwrap_or_default();
            changed.push((relations_name(DOCUMENT), moved_relations(&xml, folder)?));
            changed.push((DOCUMENT.to_owned(), without_declaration(&document).to_owned()));
        }
        for kind in ["styles", "numbering", "footnotes", "endnotes"] {
            let name = target(archive, kind);
            if name != named(kind)
                && let Some(xml) = archive.text(&name)?
            {
                changed.push((named(kind), without_declaration(&xml).to_owned()));
            }
        }
        let comments = target(archive, "comments");
        let comments = archive.text(&comments)?.unwrap_or_default();
        Ok(Self { document, comments, changed })
    }

    /// The file with the changed parts.
    pub(super) fn package(&self, archive: &mut Archive<'_>, content: &[u8]) -> Result<Vec<u8>, ExtractError> {
        if self.changed.is_empty() { Ok(content.to_vec()) } else { archive.with(&self.changed) }
    }
}

/// The name that a part of a kind mostly has.
fn named(kind: &str) -> String {
    format!("word/{kind}.xml")
}

/// References of a part in `folder`, for that part in another folder.
fn moved_relations(xml: &str, folder: &str) -> Result<String, ExtractError> {
    let mut moved = "<Relationships>".to_owned();
    for node in Nodes::of(xml) {
        if let Node::Open(element) = node?
            && element.name == "Relationship"
            && let (Some(id), Some(kind), Some(target)) =
                (element.attribute("Id"), element.attribute("Type"), element.attribute("Target"))
        {
            let mode = element.attribute("TargetMode").unwrap_or_else(|| "Internal".to_owned());
            let is_inside = !mode.eq_ignore_ascii_case("external");
            let target = if is_inside { format!("/{}", resolved(folder, &target)) } else { target };
            let [id, kind, target, mode] = [&id, &kind, &target, &mode].map(|value| escape(value.as_str()));
            moved.push_str(&format!(
                r#"<Relationship Id="{id}" Type="{kind}" Target="{target}" TargetMode="{mode}"/>"#
            ));
        }
    }
    moved.push_str("</Relationships>");
    Ok(moved)
}

/// XML without the encoding that it was in.
fn without_declaration(xml: &str) -> &str {
    let declared = xml.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    declared.map_or(xml, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_moved_part_refers_to_is_still_found() {
        let xml = r#"<Relationships><Relationship Id="a" Type="t" Target="../s&amp;t.xml"/><Relationship Id="b" Type="t" Target="http://x/" TargetMode="External"/></Relationships>"#;
        assert_eq!(
            moved_relations(xml, "doc/main").unwrap(),
            r#"<Relationships><Relationship Id="a" Type="t" Target="/doc/s&amp;t.xml" TargetMode="Internal"/><Relationship Id="b" Type="t" Target="http://x/" TargetMode="External"/></Relationships>"#
        );
    }
}
