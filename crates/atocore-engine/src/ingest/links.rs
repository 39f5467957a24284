//! Links to other documents, in Markdown and in other markup. What leads out of the documents, to an address or a picture,
//! is none.

use std::{borrow::Cow, ops::Range};

use atocore_extract::Ending;
use atocore_model::{
    document::FrontMatter,
    link::{Link, LinkKind},
};
use percent_encoding::percent_decode_str;
use pulldown_cmark::{LinkType, Tag, TagEnd};

use super::one_line::one_line;

/// A document has no more links than this.
const MAX_LINKS: usize = 5_000;

/// A target is no longer than this, in bytes, and neither is what stands between the signs of a link in other markup.
const MAX_TARGET: usize = 1_000;

/// Collects the links of a text in their order.
#[derive(Debug)]
pub(super) struct Links<'a> {
    text: &'a str,
    links: Vec<Link>,
    /// The one whose label is being read.
    open: Option<OpenLink>,
    /// Lines are counted up to this byte.
    counted: usize,
    line: u32,
}

#[derive(Debug)]
struct OpenLink {
    kind: LinkKind,
    target: String,
    label: String,
    at: usize,
}

impl<'a> Links<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, links: Vec::new(), open: None, counted: 0, line: 1 }
    }

    /// Takes the beginning of an element of Markdown.
    pub(super) fn begin(&mut self, tag: &Tag<'_>, range: &Range<usize>) {
        let (kind, target) = match tag {
            Tag::Link { link_type: LinkType::Email | LinkType::Autolink, .. } => return,
            // A number in brackets that is a link to an address.
            Tag::Link { link_type: LinkType::WikiLink { .. }, .. }
                if self.text[range.end..].starts_with('(') =>
            {
                return;
            }
            Tag::Link { link_type: LinkType::WikiLink { .. }, dest_url, .. } => {
                (LinkKind::Wikilink, dest_url)
            }
            Tag::Link { dest_url, .. } => (LinkKind::Link, dest_url),
            Tag::Image { link_type: LinkType::WikiLink { .. }, dest_url, .. } => (LinkKind::Embed, dest_url),
            _ => return,
        };
        if self.open.is_none() {
            let target = target.to_string();
            self.open = Some(OpenLink { kind, target, label: String::new(), at: range.start });
        }
    }

    /// Takes text of Markdown.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(open) = &mut self.open {
            open.label.push_str(text);
        }
    }

    /// Takes the end of an element of Markdown.
    pub(super) fn end(&mut self, tag: TagEnd) {
        let ends = |open: &mut OpenLink| match tag {
            TagEnd::Link => open.kind != LinkKind::Embed,
            TagEnd::Image => open.kind == LinkKind::Embed,
            _ => false,
        };
        if let Some(OpenLink { kind, target, label, at }) = self.open.take_if(ends) {
            let named = if kind == LinkKind::Link { path_named(&target) } else { note_named(&target) };
            self.add(at, kind, named, &label);
        }
    }

    /// Adds a link that begins at a byte of the text, never before the one that was added last, when it names a document.
    fn add(&mut self, at: usize, kind: LinkKind, named: Option<(Cow<'_, str>, String)>, label: &str) {
        if self.links.len() == MAX_LINKS {
            return;
        }
        if let Some(passed) = self.text.as_bytes().get(self.counted..at) {
            let ends = passed.iter().filter(|&&byte| byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
            self.counted = at;
        }
        if let Some((target, anchor)) = named {
            let (anchor, label) = (one_line(&anchor), one_line(label));
            self.links.push(Link { kind, target: target.into_owned(), anchor, label, line: self.line });
        }
    }

    pub(super) fn into_inner(self) -> Vec<Link> {
        self.links
    }
}

/// The wikilinks in what a note says of itself.
pub(super) fn of_front_matter(front_matter: &FrontMatter) -> Vec<Link> {
    let mut links = Links::new("");
    for text in front_matter.fields.iter().flat_map(|field| field.value.texts()) {
        for (_, inner) in between(text, "[[", "]]") {
            let (target, label) = inner.split_once('|').unwrap_or((inner, inner));
            links.add(0, LinkKind::Wikilink, note_named(target), label);
        }
    }
    links.into_inner()
}

/// The links of a file of another markup, which its ending tells.
pub(super) fn of_markup(file_name: &str, text: &str) -> Vec<Link> {
    let ending = file_name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut found: Vec<(usize, LinkKind, &str, &str)> = Vec::new();
    let mut all = |open: &str, close: &str, read: fn(&str) -> Option<(LinkKind, &str, &str)>| {
        let read = between(text, open, close).filter_map(|(at, inner)| Some((at, read(inner)?)));
        found.extend(read.map(|(at, (kind, target, label))| (at, kind, target, label)));
    };
    match &*ending {
        "rst" => {
            all(":doc:`", "`", |inner| {
                let named = inner.strip_suffix('>').and_then(|inner| inner.rsplit_once('<'));
                let (label, target) = named.unwrap_or(("", inner));
                Some((LinkKind::Reference, target.trim(), label))
            });
            all(" <", ">`_", |inner| Some((LinkKind::Link, inner, "")));
            all(".. include:: ", "\n", |inner| Some((LinkKind::Embed, inner, "")));
        }
        "adoc" | "asciidoc" => {
            all("xref:", "]", |inner| bracketed(LinkKind::Reference, inner));
            all("link:", "]", |inner| bracketed(LinkKind::Link, inner));
            all("include::", "]", |inner| bracketed(LinkKind::Embed, inner));
            all("<<", ">>", |inner| {
                let (target, label) = inner.split_once(',').unwrap_or((inner, ""));
                target.contains('#').then_some((LinkKind::Reference, target, label))
            });
        }
        "org" => all("[[", "]]", |inner| {
            let (target, label) = inner.split_once("][").unwrap_or((inner, ""));
            let target =
                target.strip_prefix("file:").or_else(|| target.starts_with(['.', '/']).then_some(target))?;
            Some((LinkKind::Link, target, label))
        }),
        "tex" => {
            all("\\input{", "}", |inner| Some((LinkKind::Embed, inner, "")));
            all("\\include{", "}", |inner| Some((LinkKind::Embed, inner, "")));
        }
        _ => {}
    }
    found.sort_by_key(|(at, ..)| *at);
    let mut links = Links::new(text);
    for (at, kind, target, label) in found {
        links.add(at, kind, path_named(target), label);
    }
    links.into_inner()
}

/// What stands between two signs on one line, with where the first sign begins.
fn between<'t>(text: &'t str, open: &str, close: &str) -> impl Iterator<Item = (usize, &'t str)> {
    text.match_indices(open).filter_map(move |(at, sign)| {
        let rest = &text[at + sign.len()..];
        let rest = &rest[..rest.floor_char_boundary(MAX_TARGET)];
        let line = rest.split_inclusive('\n').next().unwrap_or_default();
        let end = line.find(close).or_else(|| (close == "\n").then_some(line.len()))?;
        Some((at, &line[..end]))
    })
}

/// `path#anchor[label`.
fn bracketed(kind: LinkKind, inner: &str) -> Option<(LinkKind, &str, &str)> {
    let (target, label) = inner.split_once('[')?;
    Some((kind, target, label))
}

/// The target and the place within it of a wikilink; `None` when it names no document.
fn note_named(written: &str) -> Option<(Cow<'_, str>, String)> {
    // Within a table the sign between target and label is escaped.
    let written = written.trim_end_matches('\\');
    let (target, anchor) = written.split_once('#').unwrap_or((written, ""));
    let is_spaced = target.trim() != target;
    (!is_spaced && names_document(target)).then(|| (Cow::Borrowed(target), anchor.to_owned()))
}

/// The same of a link by its path; `None` when it leads out of the documents.
fn path_named(written: &str) -> Option<(Cow<'_, str>, String)> {
    let written = written.trim();
    let (path, anchor) = written.split_once('#').unwrap_or((written, ""));
    // What begins a place within a file of org mode.
    let (path, anchor) = path.split_once("::").unwrap_or((path, anchor));
    if path.starts_with("//") || has_scheme(path) {
        return None;
    }
    let path = path.split('?').next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let anchor = percent_decode_str(anchor).decode_utf8_lossy().into_owned();
    names_document(&path).then_some((path, anchor))
}

/// Whether an address begins with the name of a protocol, `https:`; one letter would be the drive of a path.
fn has_scheme(written: &str) -> bool {
    let scheme = written.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.len() > 1 && scheme.bytes().all(is_of_scheme) && scheme.as_bytes()[0].is_ascii_alphabetic()
}

/// Whether a target names a file that may be a document: not a picture, and not just a folder above.
fn names_document(target: &str) -> bool {
    let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    !matches!(name, "" | "." | "..")
        && target.len() <= MAX_TARGET
        && !target.contains(char::is_control)
        && Ending::of(name) != Ending::WithoutText
}

#[cfg(test)]
mod tests;
