//! The parts of a Word document as the library takes them: it finds them by fixed names, passes over equations, and joins the
//! paragraphs of a note.

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
    /// The text, with its equations as runs.
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
        let stored = archive.required(&main)?;
        let document = with_equations(&stored)?;
        let mut changed = Vec::new();
        if main != DOCUMENT {
            let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
            let xml = archive.text(&relations_name(&main))?.unwrap_or_default();
            changed.push((relations_name(DOCUMENT), moved_relations(&xml, folder)?));
        }
        if main != DOCUMENT || document.is_some() {
            changed.push((DOCUMENT.to_owned(), document.clone().unwrap_or_else(|| stored.clone())));
        }
        for kind in ["footnotes", "endnotes"] {
            let name = target(archive, kind);
            // Of damaged notes the library reads the beginning.
            if let Some(notes) = archive.text(&name)? {
                let changes =
                    with_equations(&notes).and_then(|other| apart(other.as_deref().unwrap_or(&notes)));
                changed
                    .push((named(kind), changes.unwrap_or_else(|_| without_declaration(&notes).to_owned())));
            }
        }
        for kind in ["styles", "numbering"] {
            let name = target(archive, kind);
            if name != named(kind)
                && let Some(xml) = archive.text(&name)?
            {
                changed.push((named(kind), without_declaration(&xml).to_owned()));
            }
        }
        let comments = target(archive, "comments");
        let comments = archive.text(&comments)?.unwrap_or_default();
        Ok(Self { document: document.unwrap_or(stored), comments, changed })
    }

    /// The file with the changed parts; the file as it is where it cannot be copied.
    pub(super) fn package(&self, archive: &mut Archive<'_>, content: &[u8]) -> Vec<u8> {
        let changed = (!self.changed.is_empty()).then(|| archive.with(&self.changed).ok()).flatten();
        changed.unwrap_or_else(|| content.to_vec())
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

/// A text in which every equation is a run with its letters in a line, as in `x^2`; `None` when it has no equation.
fn with_equations(xml: &str) -> Result<Option<String>, ExtractError> {
    if !xml.contains("oMath") {
        return Ok(None);
    }
    let xml = without_declaration(xml);
    let mut out = String::with_capacity(xml.len());
    let mut equation = Equation::default();
    // An equation that has a line of its own may be one of several.
    let mut end = "";
    let mut nodes = Nodes::of(xml);
    let mut at = nodes.position();
    while let Some(node) = nodes.next() {
        let node = node?;
        let as_written = xml.get(at..nodes.position()).unwrap_or_default();
        match &node {
            Node::Open(element) if element.name == "oMath" => equation.depth += 1,
            Node::Open(element) if equation.depth > 0 => match element.name.as_str() {
                "Fallback" | "del" => nodes.pass_over(element)?,
                name => equation.open(name),
            },
            Node::Text(text) if equation.depth > 0 => equation.text(text),
            Node::Close(name) if equation.depth > 0 => {
                equation.close(name);
                if equation.depth == 0 {
                    let text = std::mem::take(&mut equation).letters;
                    let text = escape(text.as_str());
                    out.push_str(&format!(r#"<w:r><w:t xml:space="preserve">{text}{end}</w:t></w:r>"#));
                }
            }
            _ => {
                match &node {
                    Node::Open(element) if element.name == "oMathPara" => end = " ",
                    Node::Close(name) if name == "oMathPara" => end = "",
                    _ => {}
                }
                out.push_str(as_written);
            }
        }
        at = nodes.position();
    }
    out.push_str(xml.get(at..).unwrap_or_default());
    Ok(Some(out))
}

/// An equation that is read.
#[derive(Debug, Default)]
struct Equation {
    letters: String,
    /// How many elements are open that are equations: none outside of them.
    depth: usize,
    in_text: bool,
    /// What stands between the letters so far and those that follow.
    sign: &'static str,
}

impl Equation {
    fn open(&mut self, name: &str) {
        match name {
            "t" => self.in_text = true,
            "sup" => self.sign = "^",
            "sub" => self.sign = "_",
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && !text.is_empty() {
            if !self.letters.is_empty() {
                self.letters.push_str(self.sign);
            }
            self.sign = "";
            self.letters.push_str(text);
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "oMath" => self.depth -= 1,
            "t" => self.in_text = false,
            "num" => self.sign = "/",
            "sup" | "sub" | "e" | "den" | "fName" => self.sign = " ",
            _ => {}
        }
    }
}

/// Notes with a space behind every paragraph, and for every tab and break.
fn apart(xml: &str) -> Result<String, ExtractError> {
    const SPACE: &str = r#"<w:t xml:space="preserve"> </w:t>"#;
    let xml = without_declaration(xml);
    let mut out = String::with_capacity(xml.len());
    let mut nodes = Nodes::of(xml);
    let mut at = nodes.position();
    while let Some(node) = nodes.next() {
        let node = node?;
        if matches!(&node, Node::Close(name) if matches!(name.as_str(), "p" | "tab" | "br" | "cr")) {
            out.push_str(SPACE);
        }
        out.push_str(xml.get(at..nodes.position()).unwrap_or_default());
        at = nodes.position();
    }
    out.push_str(xml.get(at..).unwrap_or_default());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_runs_of_letters_in_a_line() {
        let run = |text: &str| format!("<m:r><m:t>{text}</m:t></m:r>");
        let fraction =
            format!("<m:f><m:num>{}</m:num><m:den>{}</m:den></m:f>", run("a&lt;"), run("<![CDATA[b]]>"));
        let power = format!("<m:sSup><m:e>{}</m:e><m:sup>{}</m:sup><m:sub/></m:sSup>", run("x"), run("2"));
        let xml = format!(
            "<?xml version='1.0' encoding='UTF-16'?><w:p>ü<m:oMath>{fraction}{power}<w:del>{}</w:del>{}</m:oMath>é<m:oMath/></w:p>",
            run("gone"),
            run("y")
        );
        assert_eq!(
            with_equations(&xml).unwrap().unwrap(),
            "<w:p>ü<w:r><w:t xml:space=\"preserve\">a&lt;/b x^2 y</w:t></w:r>é<w:r><w:t xml:space=\"preserve\"></w:t></w:r></w:p>"
        );
        assert_eq!(with_equations("<w:p/>").unwrap(), None);
        let deep = format!("{}x{}", "<m:oMath>".repeat(50_000), "</m:oMath>".repeat(50_000));
        assert!(with_equations(&deep).unwrap().is_some_and(|out| out.len() < 100));
        assert!(with_equations("<m:oMath><a></m:oMath>").is_err());
    }

    #[test]
    fn what_a_moved_part_refers_to_is_still_found() {
        let xml = r#"<Relationships><Relationship Id="a" Type="t" Target="../s&amp;t.xml"/><Relationship Id="b" Type="t" Target="http://x/" TargetMode="External"/></Relationships>"#;
        assert_eq!(
            moved_relations(xml, "doc/main").unwrap(),
            r#"<Relationships><Relationship Id="a" Type="t" Target="/doc/s&amp;t.xml" TargetMode="Internal"/><Relationship Id="b" Type="t" Target="http://x/" TargetMode="External"/></Relationships>"#
        );
    }
}
