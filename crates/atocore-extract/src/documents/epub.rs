//! Electronic books: web pages in an archive, and what says their order.

use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;

use super::{
    archive::{Archive, resolved},
    html,
    xml::{Node, Nodes, text_of},
};
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

/// The algorithms that only keep fonts from being copied.
const OF_FONTS: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// The longest name of a chapter, in characters.
const LONGEST_NAME: usize = 100;

/// Reads the chapters in their order.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(content)?;
    if is_encrypted(&archive.text("META-INF/encryption.xml")?.unwrap_or_default())? {
        return Err(ExtractError::Encrypted);
    }
    let container = archive.required("META-INF/container.xml")?;
    let package = package_name(&container, |name| archive.has(name))?;
    let xml = archive.required(&package)?;
    let book = Book::of(&xml, folder(&package))?;
    let titles = book.titles(&mut archive)?;
    let mut out = Extracted::markdown();
    out.title_from_metadata(&text_of(&xml, "title")?);
    let mut read = HashSet::new();
    for item in book.spine.iter().filter_map(|id| book.items.get(id)) {
        // A book that names a chapter a thousand times has it once.
        if item.is_navigation() || !read.insert(&item.name) {
            continue;
        }
        let Some(page) = archive.text(&item.name)? else { continue };
        let text = html::markdown(&page)?;
        if text.trim().is_empty() {
            continue;
        }
        let heading = first_heading(&text);
        let title = titles.get(&item.name).cloned().or_else(|| heading.clone());
        let title = title.unwrap_or_else(|| format!("{}", out.locations.len() + 1));
        out.begin(format!("chapter {}", title.chars().take(LONGEST_NAME).collect::<String>()));
        if heading.is_none() && titles.contains_key(&item.name) {
            out.heading(1, &title);
        }
        out.block(&text);
    }
    if out.text.is_empty() { Err(ExtractError::NoText) } else { Ok(out) }
}

/// A file of a book.
#[derive(Debug)]
struct Item {
    name: String,
    kind: String,
    properties: String,
}

impl Item {
    /// Whether it is a table of contents for programs.
    fn is_navigation(&self) -> bool {
        self.properties.split_whitespace().any(|property| property == "nav")
    }
}

/// What the package of a book says.
#[derive(Debug, Default)]
struct Book {
    items: HashMap<String, Item>,
    spine: Vec<String>,
}

impl Book {
    fn of(xml: &str, folder: &str) -> Result<Self, ExtractError> {
        let mut book = Self::default();
        for node in Nodes::of(xml) {
            let Node::Open(element) = node? else { continue };
            let said = |name| element.attribute(name).unwrap_or_default();
            match element.name.as_str() {
                "item" => {
                    let item = Item {
                        name: target(folder, &said("href")),
                        kind: said("media-type"),
                        properties: said("properties"),
                    };
                    book.items.insert(said("id"), item);
                }
                "itemref" => book.spine.push(said("idref")),
                _ => {}
            }
        }
        Ok(book)
    }

    /// The titles of files, from the table of contents: the new one, else the old one.
    fn titles(&self, archive: &mut Archive<'_>) -> Result<HashMap<String, String>, ExtractError> {
        let new = self.items.values().find(|item| item.is_navigation());
        let old = || self.items.values().find(|item| item.kind == "application/x-dtbncx+xml");
        let Some(item) = new.or_else(old) else { return Ok(HashMap::new()) };
        let xml = archive.text(&item.name)?.unwrap_or_default();
        // Whoever writes no XML there has no titles.
        Ok(titles(&xml, folder(&item.name)).unwrap_or_default())
    }
}

/// The titles in a table of contents: links, or labels with their targets.
fn titles(xml: &str, folder: &str) -> Result<HashMap<String, String>, ExtractError> {
    let mut titles = HashMap::new();
    let (mut label, mut inside, mut link) = (String::new(), false, None);
    for node in Nodes::of(xml) {
        match node? {
            Node::Open(element) => match element.name.as_str() {
                "a" => {
                    link = element.attribute("href");
                    label.clear();
                    inside = true;
                }
                "navLabel" => {
                    label.clear();
                    inside = true;
                }
                "content" => {
                    let source = element.attribute("src").unwrap_or_default();
                    titles.entry(target(folder, &source)).or_insert_with(|| one_line(&label));
                }
                _ => {}
            },
            Node::Text(text) if inside => label.push_str(&text),
            Node::Text(_) => {}
            Node::Close(name) if name == "navLabel" => inside = false,
            Node::Close(name) if name == "a" => {
                inside = false;
                let link = link.take().unwrap_or_default();
                titles.entry(target(folder, &link)).or_insert_with(|| one_line(&label));
            }
            Node::Close(_) => {}
        }
    }
    titles.retain(|_, title| !title.is_empty());
    Ok(titles)
}

/// The name of the file that a link means.
fn target(folder: &str, link: &str) -> String {
    let file = link.split('#').next().unwrap_or_default();
    resolved(folder, &percent_decode_str(file).decode_utf8_lossy())
}

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name of the file that describes a book: the first one named that is there.
fn package_name(container: &str, exists: impl Fn(&str) -> bool) -> Result<String, ExtractError> {
    for node in Nodes::of(container) {
        if let Node::Open(element) = node?
            && element.name == "rootfile"
            && let Some(name) = element.attribute("full-path").filter(|name| exists(name))
        {
            return Ok(name);
        }
    }
    Err(ExtractError::Damaged("it names no package".to_owned()))
}

fn is_encrypted(xml: &str) -> Result<bool, ExtractError> {
    for node in Nodes::of(xml) {
        if let Node::Open(element) = node?
            && element.name == "EncryptionMethod"
            && element.attribute("Algorithm").is_some_and(|algorithm| !OF_FONTS.contains(&algorithm.as_str()))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The heading that a chapter begins with.
fn first_heading(text: &str) -> Option<String> {
    let first = text.trim_start().lines().next()?;
    let heading = first.trim_start_matches('#');
    (heading.len() < first.len() && heading.starts_with(' ')).then(|| heading.trim().to_owned())
}

#[cfg(test)]
mod tests;
