//! Web pages.
//!
//! Tags are read one after the other and no tree is built: what nests without end takes no stack and no more than linear time.

mod elements;
mod tables;
mod writer;

use std::{cell::RefCell, collections::HashMap};

use html5ever::{
    interface::TokenizerResult,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::{Rawtext, Rcdata, ScriptData},
    },
};

use self::{
    elements::{OpenElements, ends_paragraphs},
    writer::{HtmlList, HtmlWriter},
};
use crate::{error::ExtractError, extracted::Extracted};

/// Reads a page as one text, with its headings as locations.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let page = HtmlPage::of(super::text(content)?)?;
    let mut out = Extracted::markdown();
    out.title_from_metadata(&page.title);
    out.text = page.writer.finish();
    if out.text.is_empty() {
        return Err(ExtractError::NoText);
    }
    out.locations_from_headings();
    Ok(out)
}

/// The text of a page, or of a part of one, as Markdown; empty when it has none.
pub(super) fn markdown(html: &str) -> Result<String, ExtractError> {
    Ok(HtmlPage::of(html)?.writer.finish())
}

/// Elements whose content is no text of the page. Of forms only the controls: some pages are one form.
const WITHOUT_TEXT: &[&str] = &[
    "annotation",
    "audio",
    "button",
    "canvas",
    "datalist",
    "dialog",
    "iframe",
    "label",
    "map",
    "nav",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "optgroup",
    "option",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "video",
];

/// Roles of what stands around the text of a page.
const ROLES_WITHOUT_TEXT: &[&str] =
    &["navigation", "search", "banner", "contentinfo", "menu", "menubar", "toolbar"];

/// Elements without an end tag.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Elements of [`WITHOUT_TEXT`] that end where a block begins when the page has no end tag of that name any more.
const END_BEFORE_BLOCKS: &[&str] = &[
    "annotation",
    "audio",
    "button",
    "canvas",
    "datalist",
    "dialog",
    "label",
    "map",
    "nav",
    "object",
    "select",
    "video",
];

/// Elements that footers are part of the text in.
const WITH_FOOTER: &[&str] = &["article", "blockquote", "figure", "main", "section"];

/// What has been read of a page.
#[derive(Debug, Default)]
struct HtmlPage {
    title: String,
    in_title: bool,
    writer: HtmlWriter,
    open: OpenElements,
    /// The outermost element whose content is left out.
    left_out: Option<LeftOut>,
    /// How many end tags of [`END_BEFORE_BLOCKS`] are still to come, by name.
    end_tags: HashMap<&'static str, usize>,
}

/// An open element whose content is left out.
#[derive(Debug, Clone, Copy)]
struct LeftOut {
    /// How many elements it is in.
    place: usize,
    ends_before_block: bool,
}

/// Where the tokenizer puts what it finds.
struct Sink(RefCell<HtmlPage>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => page.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                page.start(&tag);
                if !tag.self_closing {
                    return how_to_go_on(&tag.name);
                }
            }
            Token::TagToken(tag) => page.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Inside some elements tags are no tags.
fn how_to_go_on(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(ScriptData),
        "style" | "iframe" | "noembed" | "noframes" | "noscript" | "xmp" => TokenSinkResult::RawData(Rawtext),
        "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
        _ => TokenSinkResult::Continue,
    }
}

impl HtmlPage {
    fn of(html: &str) -> Result<Self, ExtractError> {
        if u32::try_from(html.len()).is_err() {
            return Err(ExtractError::Limit("4 GiB of HTML".to_owned()));
        }
        let page = Self { end_tags: end_tags(html), ..Self::default() };
        let tokenizer = Tokenizer::new(Sink(RefCell::new(page)), TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(html));
        while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
        tokenizer.end();
        Ok(tokenizer.sink.0.into_inner())
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if self.left_out.is_none() {
            self.writer.text(text);
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        self.open.end_before(name);
        if let Some(left_out) = self.left_out.filter(|left_out| left_out.ends_before_block)
            && ends_paragraphs(name)
        {
            self.open.end_from(left_out.place);
        }
        self.left_out.take_if(|left_out| self.open.count() <= left_out.place);
        let has_content = !tag.self_closing && !VOID.contains(&name);
        if self.left_out.is_none() {
            if self.is_without_text(tag) {
                let ends_before_block = self.end_tags.get(name) == Some(&0) && !is_hidden(tag);
                let left_out = LeftOut { place: self.open.count(), ends_before_block };
                self.left_out = has_content.then_some(left_out);
            } else if name == "title" {
                self.in_title = has_content;
            } else {
                self.begin(tag);
            }
        }
        if has_content {
            self.open.begin(&tag.name, attribute(tag, "role") == Some("heading"));
        }
    }

    fn is_without_text(&self, tag: &Tag) -> bool {
        let name: &str = &tag.name;
        // What opens and closes a section by its heading is the text of the heading.
        let is_in_heading = name == "button" && self.open.is_in_heading();
        let is_footer = name == "footer" && !self.open.has_any(WITH_FOOTER);
        // A second title is none.
        let is_second_title = name == "title" && !self.title.is_empty();
        WITHOUT_TEXT.contains(&name) && !is_in_heading || is_footer || is_second_title || is_hidden(tag)
    }

    fn end(&mut self, name: &str) {
        if let Some(count) = self.end_tags.get_mut(name) {
            *count = count.saturating_sub(1);
        }
        let left_out = self.left_out.map(|left_out| left_out.place);
        self.open.end(name, left_out);
        if let Some(place) = left_out {
            if self.open.count() <= place {
                self.left_out = None;
            }
            // Where it is less, the element around it has ended.
            if self.open.count() >= place {
                return;
            }
        }
        let writer = &mut self.writer;
        match name {
            "title" => self.in_title = false,
            "a" => writer.end_link(),
            "code" | "kbd" | "samp" | "tt" => writer.end_code(),
            "sup" | "sub" => writer.end_raised(),
            "pre" | "xmp" => writer.end_preformatted(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => writer.end_heading(),
            "ul" | "ol" | "menu" | "dir" => writer.end_list(),
            "blockquote" => writer.end_quote(),
            "table" => writer.end_table(),
            "td" | "th" => writer.end_cell(),
            "tr" => writer.end_row(),
            _ if is_block(name) => writer.block(),
            _ => {}
        }
    }

    fn begin(&mut self, tag: &Tag) {
        let writer = &mut self.writer;
        match &*tag.name {
            "br" => writer.line(),
            "a" => writer.begin_link(attribute(tag, "href").unwrap_or_default()),
            "code" | "kbd" | "samp" | "tt" => writer.begin_code(language(tag)),
            "sup" | "sub" => writer.begin_raised(&*tag.name == "sub"),
            "pre" | "xmp" => writer.begin_preformatted(language(tag)),
            "h1" => writer.begin_heading(1),
            "h2" => writer.begin_heading(2),
            "h3" => writer.begin_heading(3),
            "h4" => writer.begin_heading(4),
            "h5" => writer.begin_heading(5),
            "h6" => writer.begin_heading(6),
            "ul" | "menu" | "dir" => writer.begin_list(HtmlList::Bullets),
            "ol" => {
                let first = attribute(tag, "start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
                writer.begin_list(HtmlList::Numbers(first));
            }
            "li" => writer.begin_item(),
            "blockquote" => writer.begin_quote(),
            "table" => writer.begin_table(attribute(tag, "role") == Some("presentation")),
            "tr" => writer.end_row(),
            "td" | "th" => {
                let span = |name| attribute(tag, name).and_then(|span| span.trim().parse().ok()).unwrap_or(1);
                writer.begin_cell(span("colspan"), span("rowspan"));
            }
            "caption" => writer.caption(),
            "p" | "hr" => writer.paragraph(),
            name if is_block(name) => writer.block(),
            _ => {}
        }
    }
}

/// How many end tags of [`END_BEFORE_BLOCKS`] a page has, by name; those in comments and scripts count as well.
fn end_tags(html: &str) -> HashMap<&'static str, usize> {
    let mut counts: HashMap<_, _> = END_BEFORE_BLOCKS.iter().map(|name| (*name, 0)).collect();
    for at in memchr::memmem::find_iter(html.as_bytes(), b"</") {
        let rest = html.as_bytes().get(at + 2..).unwrap_or_default();
        let begins = |name: &&str| {
            rest.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
        };
        if let Some(count) =
            END_BEFORE_BLOCKS.iter().find(|name| begins(name)).and_then(|name| counts.get_mut(*name))
        {
            *count += 1;
        }
    }
    counts
}

/// Whether an element begins and ends lines.
fn is_block(name: &str) -> bool {
    const BLOCKS: &[&str] = &[
        "address",
        "article",
        "aside",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "head",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "main",
        "p",
        "search",
        "section",
        "summary",
    ];
    BLOCKS.contains(&name)
}

fn is_hidden(tag: &Tag) -> bool {
    // While a page loads, or behind a dialog, scripts hide all of it.
    if matches!(&*tag.name, "html" | "body" | "main") {
        return false;
    }
    let says = |name, value: &str| attribute(tag, name).is_some_and(|said| said.eq_ignore_ascii_case(value));
    let hides = |style: &str| {
        let style: String =
            style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        style.contains("display:none")
            || style.contains("visibility:hidden")
            || style.contains("mso-hide:all")
    };
    attribute(tag, "hidden").is_some_and(|hidden| !hidden.eq_ignore_ascii_case("until-found"))
        || says("aria-hidden", "true")
        || attribute(tag, "style").is_some_and(hides)
        || attribute(tag, "role").is_some_and(|role| ROLES_WITHOUT_TEXT.contains(&role))
}

/// The language of code, as highlighters write it into a class.
fn language(tag: &Tag) -> Option<&str> {
    let classes = attribute(tag, "class")?.split_ascii_whitespace();
    let marks = ["language-", "lang-", "highlight-source-"];
    classes.filter_map(|class| marks.iter().find_map(|mark| class.strip_prefix(mark))).find(|language| {
        !language.is_empty()
            && language.len() < 20
            && language.chars().all(|c| c.is_ascii_graphic() && c != '`')
    })
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

#[cfg(test)]
mod tests;
