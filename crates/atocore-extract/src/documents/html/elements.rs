//! Which elements are open, by HTML's rules for end tags that are left out.
//!
//! Every step takes constant time on average, however deep the elements lie.

use std::collections::HashMap;

use html5ever::LocalName;

/// Elements that end tags within do not reach out of.
const SCOPES: &[&str] =
    &["applet", "caption", "foreignobject", "html", "marquee", "object", "table", "td", "template", "th"];

/// Elements that running text does not hold. The end tag of an element of running text does not reach out of them.
const SPECIAL: &[&str] = &[
    "address",
    "applet",
    "article",
    "aside",
    "blockquote",
    "body",
    "button",
    "caption",
    "center",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "foreignobject",
    "form",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "html",
    "iframe",
    "li",
    "main",
    "marquee",
    "menu",
    "nav",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "ol",
    "p",
    "pre",
    "script",
    "search",
    "section",
    "select",
    "style",
    "summary",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "xmp",
];

/// Elements that a paragraph ends before.
const END_PARAGRAPHS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
    "xmp",
];

const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];

/// Whether a paragraph ends before an element of this name.
pub(super) fn ends_paragraphs(name: &str) -> bool {
    END_PARAGRAPHS.contains(&name)
}

/// An element that is open. Places count from the outermost one.
#[derive(Debug)]
struct OpenElement {
    name: LocalName,
    /// The innermost of [`SCOPES`], this one or around it.
    scope: Option<usize>,
    /// The innermost of [`SPECIAL`], this one or around it.
    special: Option<usize>,
    /// As `special`, but `address`, `div` and `p`, which items of lists end across.
    block: Option<usize>,
    /// Whether it is a heading or what a `details` shows of itself while it is closed.
    is_heading: bool,
}

/// The elements that are open, outermost first.
#[derive(Debug, Default)]
pub(super) struct OpenElements {
    elements: Vec<OpenElement>,
    /// Where those of a name are, rising.
    places: HashMap<LocalName, Vec<usize>>,
}

impl OpenElements {
    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.elements.len()
    }

    /// Whether one of these names is open.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.last(name).is_some())
    }

    /// Whether what comes next is directly in a heading, or within running text and `div` in one.
    pub(super) fn is_in_heading(&self) -> bool {
        let block = self.elements.last().and_then(|element| element.block);
        block.and_then(|place| self.elements.get(place)).is_some_and(|element| element.is_heading)
    }

    /// Ends what the start tag of an element ends, whose own end tags may be left out.
    pub(super) fn end_before(&mut self, name: &str) {
        match name {
            "li" => self.end_item(&["li"]),
            "dt" | "dd" => self.end_item(&["dt", "dd"]),
            "td" | "th" => self.end_in_table(&["tr"], &["td", "th", "caption"]),
            "tr" => {
                self.end_in_table(&["tbody", "thead", "tfoot"], &["tr", "td", "th", "caption", "colgroup"])
            }
            "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => {
                let parts = ["tbody", "thead", "tfoot", "caption", "colgroup", "tr", "td", "th"];
                self.end_in_table(&[], &parts);
            }
            "option" => self.end_last(&["option"]),
            "optgroup" => self.end_last(&["option", "optgroup"]),
            "button" => self.end_inside(&["button"], self.scope()),
            "a" => self.end_inside(&["a"], self.special()),
            _ if HEADINGS.contains(&name) => self.end_last(HEADINGS),
            _ => {}
        }
        if ends_paragraphs(name) {
            self.end_inside(&["p"], self.scope().max(self.last("button")));
            // No drawing holds such elements.
            self.end_inside(&["svg"], self.last("foreignobject"));
        }
    }

    /// Opens an element.
    pub(super) fn begin(&mut self, name: &LocalName, is_heading: bool) {
        let place = self.elements.len();
        let text: &str = name;
        let around = self.elements.last();
        let is_heading = is_heading || text == "summary" || HEADINGS.contains(&text);
        let is_special = SPECIAL.contains(&text);
        let is_block = is_heading || is_special && !matches!(text, "address" | "div" | "p");
        let here = |is_one: bool, outer: Option<usize>| if is_one { Some(place) } else { outer };
        let element = OpenElement {
            name: name.clone(),
            scope: here(SCOPES.contains(&text), around.and_then(|element| element.scope)),
            special: here(is_special, around.and_then(|element| element.special)),
            block: here(is_block, around.and_then(|element| element.block)),
            is_heading,
        };
        self.elements.push(element);
        self.places.entry(name.clone()).or_default().push(place);
    }

    /// Ends the innermost element of a name, and what is open in it, where its end tag reaches it. The one at `left_out` is
    /// reached by its end tag from everywhere within, unless it is a `div`.
    pub(super) fn end(&mut self, name: &str, left_out: Option<usize>) {
        // A heading is ended by the end tag of any other.
        let last = if HEADINGS.contains(&name) { self.innermost(HEADINGS) } else { self.last(name) };
        let Some(place) = last else { return };
        let outer = match name {
            "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "caption" | "colgroup" => {
                self.last("table").max(self.last("template"))
            }
            "template" | "html" | "body" => None,
            "li" => self.scope().max(self.last("ul")).max(self.last("ol")),
            "p" => self.scope().max(self.last("button")),
            _ if SPECIAL.contains(&name) => self.scope(),
            _ => self.special(),
        };
        // Of `div` there are end tags that belong to none.
        let is_left_out = Some(place) == left_out && name != "div";
        if Some(place) >= outer || is_left_out {
            self.end_from(place);
        }
    }

    /// Ends the innermost of these, across `address`, `div` and `p` only.
    fn end_item(&mut self, names: &[&str]) {
        let block = self.elements.last().and_then(|element| element.block);
        self.end_inside(names, block.and_then(|place| place.checked_sub(1)));
    }

    /// Ends the innermost of these where it is in the element at `outer`.
    fn end_inside(&mut self, names: &[&str], outer: Option<usize>) {
        if let Some(place) = self.innermost(names).filter(|place| Some(*place) > outer) {
            self.end_from(place);
        }
    }

    /// Ends what is open in the innermost of `rows`; outside of those, the outermost of the innermost `parts`. Reaches out of no table.
    fn end_in_table(&mut self, rows: &[&str], parts: &[&str]) {
        let outer = self.last("table").max(self.last("template"));
        let inside = |name: &&str| self.last(name).filter(|place| Some(*place) > outer);
        let row = rows.iter().filter_map(inside).max().map(|place| place + 1);
        if let Some(place) = row.or_else(|| parts.iter().filter_map(inside).min()) {
            self.end_from(place);
        }
    }

    /// Ends the innermost element and those around it as long as they have one of these names.
    fn end_last(&mut self, names: &[&str]) {
        while self.elements.last().is_some_and(|element| names.contains(&&*element.name)) {
            self.end_from(self.elements.len() - 1);
        }
    }

    /// Ends the element that stands in `place` others, and what is open in it.
    pub(super) fn end_from(&mut self, place: usize) {
        let place = place.min(self.elements.len());
        for element in self.elements.drain(place..) {
            if let Some(places) = self.places.get_mut(&element.name) {
                places.pop();
            }
        }
    }

    fn innermost(&self, names: &[&str]) -> Option<usize> {
        names.iter().filter_map(|name| self.last(name)).max()
    }

    fn last(&self, name: &str) -> Option<usize> {
        self.places.get(&LocalName::from(name)).and_then(|places| places.last()).copied()
    }

    fn scope(&self) -> Option<usize> {
        self.elements.last().and_then(|element| element.scope)
    }

    fn special(&self) -> Option<usize> {
        self.elements.last().and_then(|element| element.special)
    }
}
