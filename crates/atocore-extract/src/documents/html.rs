//! Web pages.
//!
//! Tags are read one after the other and no tree is built: what nests without end takes no stack and no more than linear time.

mod tables;
mod writer;

use std::cell::RefCell;

use html5ever::{
    interface::TokenizerResult,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::{Rawtext, Rcdata, ScriptData},
    },
};

use self::writer::{HtmlList, HtmlWriter};
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

/// Elements that end where the next of their name begins.
const END_BY_THEMSELVES: &[&str] = &["p", "li", "dt", "dd", "tr", "td", "th", "option", "optgroup"];

/// Elements that footers are part of the text in.
const WITH_FOOTER: &[&str] = &["article", "blockquote", "figure", "main", "section"];

/// What has been read of a page.
#[derive(Debug, Default)]
struct HtmlPage {
    title: String,
    in_title: bool,
    writer: HtmlWriter,
    /// The element whose content is left out, and how many of its name are open.
    left_out: Option<(String, usize)>,
    /// How many elements of [`WITH_FOOTER`] are open.
    contents: usize,
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
        let tokenizer = Tokenizer::new(Sink(RefCell::default()), TokenizerOpts::default());
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
        if let Some((left_out, open)) = &mut self.left_out {
            if left_out != name {
                return;
            }
            if !END_BY_THEMSELVES.contains(&name) {
                *open += usize::from(!tag.self_closing);
                return;
            }
            self.left_out = None;
        }
        let footer = name == "footer" && self.contents == 0;
        if WITHOUT_TEXT.contains(&name) || footer || is_hidden(tag) {
            if !tag.self_closing && !VOID.contains(&name) {
                self.left_out = Some((name.to_owned(), 1));
            }
            return;
        }
        if WITH_FOOTER.contains(&name) {
            self.contents += 1;
        }
        if name == "title" {
            self.in_title = self.title.is_empty() && !tag.self_closing;
            // A second title is none.
            if !self.in_title && !tag.self_closing {
                self.left_out = Some((name.to_owned(), 1));
            }
            return;
        }
        self.begin(tag);
    }

    fn end(&mut self, name: &str) {
        if let Some((left_out, open)) = &mut self.left_out {
            if left_out == name {
                *open -= 1;
                if *open == 0 {
                    self.left_out = None;
                }
            }
            return;
        }
        if WITH_FOOTER.contains(&name) {
            self.contents = self.contents.saturating_sub(1);
        }
        let writer = &mut self.writer;
        match name {
            "title" => self.in_title = false,
            "a" => writer.end_link(),
            "code" | "kbd" | "samp" | "tt" => writer.end_code(),
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
