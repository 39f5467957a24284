//! Which document of a project a link names.
//!
//! A link names a file by its path from the folder of its document; one that begins with a slash, from the root. The ending may
//! be left out, a folder stands for its README or index, and a page that is not there for what it is made from. A wikilink also names a document by its name or the end of its
//! path, wherever it lies, then by one of its aliases or its title. Links of other kinds are found so only when they name no
//! folder and one document has that name: else a broken link would lead to some other document.

use std::collections::{HashMap, HashSet};

use atocore_extract::{Ending, Format};
use atocore_model::{
    id::ProjectId,
    link::{Link, LinkKind, target_name},
    text::caseless,
};
use atocore_storage::sqlite::{LinkableDocument, ReadTransaction};

use crate::error::Error;

/// The names of the fields of a front matter that have other names of a document.
const ALIASES: [&str; 2] = ["aliases", "alias"];

/// The names of files that stand for their folder, the best first.
const OF_FOLDER: [&str; 3] = ["readme", "index", "_index"];

/// The documents of a project, by everything that links name them by.
#[derive(Debug)]
pub(crate) struct LinkTargets {
    documents: Vec<LinkableDocument>,
    /// Where each is, by its key.
    places: HashMap<i64, usize>,
    /// By absolute path: as it is, without case, without its ending, as its folder.
    by_path: HashMap<String, usize>,
    /// By the names of files, aliases and titles, in the order of paths.
    by_name: HashMap<String, Vec<usize>>,
}

impl LinkTargets {
    /// Those of a project.
    pub(crate) fn of(read: &ReadTransaction<'_>, project: &ProjectId) -> Result<Self, Error> {
        Ok(Self::new(read.linkable_documents(project)?))
    }

    fn new(mut documents: Vec<LinkableDocument>) -> Self {
        documents.sort_by(|a, b| a.file_path.cmp(&b.file_path));
        let places = documents.iter().enumerate().map(|(place, document)| (document.key, place)).collect();
        let mut targets = Self { documents, places, by_path: HashMap::new(), by_name: HashMap::new() };
        // Earlier ones win, so the ways to name a file stand in order.
        let stem = |document: &LinkableDocument| caseless(without_ending(&document.file_path));
        let stems: Vec<String> = targets.documents.iter().map(stem).collect();
        let mut by_path = HashMap::with_capacity(targets.documents.len() * 3);
        let mut all = |path: &dyn Fn(&LinkableDocument, &str) -> Option<String>| {
            for (place, (document, stem)) in targets.documents.iter().zip(&stems).enumerate() {
                if let Some(path) = path(document, stem) {
                    by_path.entry(path).or_insert(place);
                }
            }
        };
        all(&|document, _| Some(document.file_path.clone()));
        all(&|document, _| Some(caseless(&document.file_path)));
        all(&|document, stem| is_note(document).then(|| stem.to_owned()));
        all(&|_, stem| Some(stem.to_owned()));
        for name in OF_FOLDER {
            all(&|_, stem| Some(stem.strip_suffix(name)?.strip_suffix('/')?.to_owned()));
        }
        targets.by_path = by_path;
        for (place, document) in targets.documents.iter().enumerate() {
            for name in names_of(document) {
                targets.by_name.entry(name).or_default().push(place);
            }
        }
        targets
    }

    /// The key of the document that a link in another one names; `None` when there is none.
    pub(crate) fn target(&self, from: i64, link: &Link) -> Option<i64> {
        let from = &self.documents[*self.places.get(&from)?];
        let place = self.at_path(from, &link.target).or_else(|| self.at_path(from, link.page()));
        let place = place.or_else(|| self.named(from, link))?;
        Some(self.documents[place].key)
    }

    /// Where a document is in the order of paths.
    pub(crate) fn place(&self, document: i64) -> Option<usize> {
        self.places.get(&document).copied()
    }

    /// The names that links to a document end with, in the form of [`Link::name`].
    pub(crate) fn names(&self, document: i64) -> Vec<String> {
        let Some(document) = self.places.get(&document).map(|place| &self.documents[*place]) else {
            return Vec::new();
        };
        let mut names = names_of(document);
        if let Some((folder, file)) = document.file_path.rsplit_once('/')
            && OF_FOLDER.contains(&&*caseless(without_ending(file)))
        {
            names.push(target_name(folder.rsplit('/').next().unwrap_or_default()));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The folders that documents lie in, at whatever depth, without case.
    pub(crate) fn folders(&self) -> HashSet<String> {
        let mut folders = HashSet::new();
        for document in &self.documents {
            let mut path = document.file_path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                if !folders.insert(caseless(folder)) {
                    break;
                }
                path = folder;
            }
        }
        folders
    }

    /// Whether a link in a document names one of `folders` by its path.
    pub(crate) fn is_to_folder(&self, folders: &HashSet<String>, from: i64, link: &Link) -> bool {
        let from = self.places.get(&from).map(|place| &self.documents[*place]);
        let path =
            from.filter(|_| link.kind == LinkKind::Link).and_then(|from| path_from(from, &link.target));
        path.is_some_and(|path| folders.contains(&caseless(&path)))
    }

    /// By its path from the folder of `from`, or from the root.
    fn at_path(&self, from: &LinkableDocument, target: &str) -> Option<usize> {
        let path = path_from(from, target)?;
        self.by_path.get(&path).or_else(|| self.by_path.get(&caseless(&path))).copied()
    }
    /// By its name, or by the end of its path.
    fn named(&self, from: &LinkableDocument, link: &Link) -> Option<usize> {
        let target = link.page().trim_start_matches('/');
        let has_folder = target.contains('/');
        let candidates = self.by_name.get(&link.name())?.iter().copied();
        let end = format!("/{}", caseless(target.trim_start_matches("./")));
        let is_at_end = |place: &usize| {
            let path = caseless(&self.documents[*place].file_path);
            path.ends_with(&end) || without_ending(&path).ends_with(&end)
        };
        if matches!(link.kind, LinkKind::Link | LinkKind::Reference) {
            // A path from a root that is another one than ours counts.
            let may_be_elsewhere = !has_folder || link.target.starts_with('/');
            let mut found = candidates.filter(|_| may_be_elsewhere).filter(is_at_end);
            return found.next().filter(|_| found.next().is_none());
        }
        let rank = |place: &usize| {
            let document = &self.documents[*place];
            let is_whole = caseless(&document.file_path).ends_with(&end);
            let depth = document.source_path.matches('/').count();
            (!is_whole && !is_note(document), folder_of(document) != folder_of(from), depth, *place)
        };
        let by_file = candidates.clone().filter(is_at_end).min_by_key(rank);
        by_file.or_else(|| {
            let others = candidates.filter(|_| !has_folder);
            others.min_by_key(|place| {
                let is_alias =
                    aliases(&self.documents[*place]).any(|alias| target_name(alias) == link.name());
                (!is_alias, *place)
            })
        })
    }
}

/// The absolute path that a target is from the folder of a document, or from the root; `None` above everything.
fn path_from(from: &LinkableDocument, target: &str) -> Option<String> {
    let folder = match target.starts_with('/') {
        true => from.file_path.strip_suffix(&from.source_path)?,
        false => folder_of(from),
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// The name of its file with and without the ending, its aliases, and its title.
fn names_of(document: &LinkableDocument) -> Vec<String> {
    let file = file_name(document);
    let names = [file, without_ending(file), &document.title].into_iter().chain(aliases(document));
    let mut names: Vec<String> = names.map(target_name).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn aliases(document: &LinkableDocument) -> impl Iterator<Item = &str> {
    let fields = document.front_matter.fields.iter();
    let fields = fields.filter(|field| ALIASES.contains(&&*field.key.to_ascii_lowercase()));
    fields.flat_map(|field| field.value.texts()).map(String::as_str)
}

fn file_name(document: &LinkableDocument) -> &str {
    document.source_path.rsplit('/').next().unwrap_or_default()
}

/// The folder that its file lies in.
fn folder_of(document: &LinkableDocument) -> &str {
    document.file_path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path or a name without the ending of the file.
fn without_ending(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => path,
    }
}

/// Whether its ending is one of Markdown: a name without an ending means such a file first.
fn is_note(document: &LinkableDocument) -> bool {
    Ending::of(file_name(document)) == Ending::Of(Format::Markdown)
}

#[cfg(test)]
mod tests {
    use atocore_model::document::{FieldValue, FrontMatter, FrontMatterField};

    use super::*;

    fn targets() -> LinkTargets {
        let document = |(key, (path, title, alias)): (usize, &(&str, &str, &str))| {
            let fields = vec![FrontMatterField {
                key: "aliases".to_owned(),
                value: FieldValue::Many(vec![(*alias).to_owned()]),
            }];
            LinkableDocument {
                key: key as i64,
                file_path: format!("/vault/{path}"),
                source_path: (*path).to_owned(),
                title: (*title).to_owned(),
                front_matter: FrontMatter { fields, faults: Vec::new() },
            }
        };
        LinkTargets::new(DOCUMENTS.iter().enumerate().map(document).collect())
    }

    const DOCUMENTS: [(&str, &str, &str); 12] = [
        ("home.md", "Home", ""),
        ("a/Pump.md", "The pump", "Big Pump"),
        ("a/valve.md", "Valve", ""),
        ("b/c/Pump.md", "Another pump", ""),
        ("b/pump.pdf", "Data sheet", ""),
        ("docs/README.md", "Docs", ""),
        ("docs/Café guide.md", "Guide", ""),
        ("docs/api/index.rst", "API", ""),
        ("src/v1.2.md", "Version", ""),
        ("b/Only.md", "Only", ""),
        ("b/motor.pdf", "Motor", ""),
        ("site/page.html", "Page", ""),
    ];

    fn found(from: &str, kind: LinkKind, target: &str) -> Option<&'static str> {
        let targets = targets();
        let from = DOCUMENTS.iter().position(|(path, ..)| *path == from).unwrap();
        let link =
            Link { kind, target: target.to_owned(), anchor: String::new(), label: String::new(), line: 1 };
        let found = targets.target(from as i64, &link)?;
        assert!(targets.names(found).contains(&link.name()), "what it finds is found by the same name");
        Some(DOCUMENTS[found as usize].0)
    }

    #[test]
    fn links_name_files_by_their_paths() {
        for (from, target, wanted) in [
            ("home.md", "a/Pump.md", Some("a/Pump.md")),
            ("a/valve.md", "Pump.md", Some("a/Pump.md")),
            ("a/valve.md", "./pump", Some("a/Pump.md")),
            ("a/valve.md", "../b/c/Pump.md", Some("b/c/Pump.md")),
            ("a/valve.md", "../b/pump", Some("b/pump.pdf")),
            ("a/valve.md", "/docs/cafe\u{301} Guide.md", Some("docs/Café guide.md")),
            ("a/valve.md", "../docs/", Some("docs/README.md")),
            ("a/valve.md", "../docs", Some("docs/README.md")),
            ("docs/README.md", "api", Some("docs/api/index.rst")),
            ("home.md", "src/v1.2", Some("src/v1.2.md")),
            ("a/valve.md", "Pump.html", Some("a/Pump.md")),
            ("docs/README.md", "api/index.HTML", None),
            ("home.md", "docs/api/index.html", Some("docs/api/index.rst")),
            ("home.md", "site/page.html", Some("site/page.html")),
            ("home.md", "site/page", Some("site/page.html")),
            ("home.md", "Only.html", Some("b/Only.md")),
            ("home.md", "Only.md", Some("b/Only.md")),
            ("home.md", "x/Only.md", None),
            ("home.md", "/elsewhere/Only.md", None),
            ("home.md", "/Only.md", Some("b/Only.md")),
            ("home.md", "Pump.md", None),
            ("home.md", "../../../../etc/passwd", None),
            ("home.md", "Big Pump", None),
        ] {
            assert_eq!(found(from, LinkKind::Link, target), wanted, "{target} in {from}");
        }
        assert_eq!(
            found("docs/README.md", LinkKind::Reference, "/docs/api/index"),
            Some("docs/api/index.rst")
        );
    }

    #[test]
    fn wikilinks_name_documents_wherever_they_lie() {
        for (from, target, wanted) in [
            ("home.md", "Pump", Some("a/Pump.md")),
            ("b/Only.md", "pump", Some("b/pump.pdf")),
            ("b/c/Pump.md", "Pump", Some("b/c/Pump.md")),
            ("home.md", "c/Pump", Some("b/c/Pump.md")),
            ("home.md", "pump.pdf", Some("b/pump.pdf")),
            ("home.md", "motor", Some("b/motor.pdf")),
            ("home.md", "v1.2", Some("src/v1.2.md")),
            ("home.md", "big pump", Some("a/Pump.md")),
            ("home.md", "Another pump", Some("b/c/Pump.md")),
            ("home.md", "x/big pump", None),
            ("home.md", "docs", Some("docs/README.md")),
            ("home.md", "Nothing", None),
        ] {
            assert_eq!(found(from, LinkKind::Wikilink, target), wanted, "{target} in {from}");
        }
    }
}
