//! Writes Markdown while a page is read.

mod raised;

use std::fmt::Write as _;

use self::raised::RaisedText;
use super::{super::fence::fence, tables::HtmlTable};

/// What stands between what is written and what comes next; the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Gap {
    Nothing,
    Space,
    Line,
    #[default]
    Block,
}

/// How the items of a list are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HtmlList {
    Bullets,
    /// By numbers, from this one on.
    Numbers(u32),
}

/// What lines stand in.
#[derive(Debug, PartialEq, Eq)]
enum HtmlContainer {
    Quote,
    /// A list, and by how many spaces the lines of its current item are set in.
    List(HtmlList, usize),
}

/// Deeper containers are not shown.
const DEEPEST: usize = 12;

/// A heading that is longer was not ended, in bytes.
const LONGEST_HEADING: usize = 1000;

/// Longer addresses of links are left out, in bytes.
const LONGEST_ADDRESS: usize = 500;

/// A link or a piece of code within running text.
#[derive(Debug)]
struct Span {
    /// The address of a link; empty when it is not shown.
    address: String,
    /// Where its text begins, once there is some.
    from: Option<usize>,
}

/// The Markdown of a page.
#[derive(Debug, Default)]
pub(super) struct HtmlWriter {
    out: String,
    gap: Gap,
    /// Where the text of the current line begins, behind what its containers put there.
    line: usize,
    /// What the next line begins with: the mark of an item or of a heading.
    mark: String,
    containers: Vec<HtmlContainer>,
    heading: bool,
    link: Option<Span>,
    code: Option<Span>,
    raised: Option<RaisedText>,
    /// Where a number ends that was set above or below the line and parted from the word before it.
    number_end: Option<usize>,
    preformatted: Option<Preformatted>,
    /// The table that is being collected; none inside one that arranges the page.
    table: Option<HtmlTable>,
}

#[derive(Debug, Default)]
struct Preformatted {
    text: String,
    language: String,
}

impl HtmlWriter {
    /// The text. Ends what is open.
    pub(super) fn finish(mut self) -> String {
        self.end_preformatted();
        self.end_table();
        self.end_line();
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some(preformatted) = &mut self.preformatted {
            preformatted.text.push_str(text);
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.gap = self.gap.max(Gap::Space);
        }
        for (index, word) in text.split_whitespace().enumerate() {
            if index > 0 {
                self.gap = self.gap.max(Gap::Space);
            }
            self.word(word);
        }
        if text.ends_with(char::is_whitespace) {
            self.gap = self.gap.max(Gap::Space);
        }
    }

    fn word(&mut self, word: &str) {
        // Soft hyphens and the marks of where a word may be broken.
        let shown = |c: &char| !matches!(c, '\u{ad}' | '\u{200b}' | '\u{feff}' | '\0');
        if !word.chars().any(|c| shown(&c)) {
            return;
        }
        self.part_from_number(word);
        if let Some(cell) = self.table.as_mut().and_then(HtmlTable::cell) {
            if self.gap != Gap::Nothing && !cell.is_empty() {
                cell.push(' ');
            }
            if let Some(raised) = &mut self.raised {
                raised.take(cell.len(), word);
            }
            cell.extend(word.chars().filter(shown));
            self.gap = Gap::Nothing;
            return;
        }
        // Text of a table outside its cells.
        self.arrange_by_table();
        self.open();
        for span in [&mut self.link, &mut self.code].into_iter().flatten() {
            span.from.get_or_insert(self.out.len());
        }
        if let Some(raised) = &mut self.raised {
            raised.take(self.out.len(), word);
        }
        self.out.extend(word.chars().filter(shown));
    }

    /// Writes the gap, and what the line begins with.
    fn open(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::Nothing);
        if gap <= Gap::Space {
            self.out.push_str(if gap == Gap::Space { " " } else { "" });
            return;
        }
        self.end_line();
        if !self.out.is_empty() {
            self.out.push_str(if gap == Gap::Block { "\n\n" } else { "\n" });
        }
        self.out.push_str(&self.prefix());
        self.out.push_str(&std::mem::take(&mut self.mark));
        self.line = self.out.len();
    }

    /// What the containers put before a line; the last item by its mark if that has not been written yet.
    fn prefix(&self) -> String {
        let mut prefix = String::new();
        for container in self.containers.iter().take(DEEPEST) {
            match container {
                HtmlContainer::Quote => prefix.push_str("> "),
                HtmlContainer::List(_, indent) => prefix.extend(std::iter::repeat_n(' ', *indent)),
            }
        }
        if self.mark_is_of_item()
            && let Some(HtmlContainer::List(_, indent)) = self.containers.last()
            && self.containers.len() <= DEEPEST
        {
            prefix.truncate(prefix.len() - indent);
        }
        prefix
    }

    fn mark_is_of_item(&self) -> bool {
        !self.mark.is_empty() && !self.mark.starts_with('#')
    }

    /// Forgets the mark of an item that begins with another block, which stands at its place.
    fn drop_mark(&mut self) {
        if self.mark_is_of_item()
            && let Some(HtmlContainer::List(_, indent)) = self.containers.last_mut()
        {
            *indent = 0;
        }
        self.mark.clear();
    }

    /// Ends spans that would go over the end of a line, and masks what would be a mark at its beginning.
    fn end_line(&mut self) {
        for span in [&mut self.link, &mut self.code] {
            span.take_if(|span| span.from.is_some());
        }
        self.raised.take_if(|raised| raised.from.is_some());
        if let Some(at) = mark_at_the_beginning(&self.out[self.line..]) {
            self.out.insert(self.line + at, '\\');
        }
        self.line = self.out.len();
    }

    /// Sets off what comes next as a block of its own.
    pub(super) fn block(&mut self) {
        let is_begun = !self.mark.contains('#');
        if self.heading && (!is_begun || self.out.len() - self.line < LONGEST_HEADING) {
            self.gap = self.gap.max(Gap::Space);
            return;
        }
        self.heading = false;
        self.gap = Gap::Block;
    }

    /// Begins a paragraph, which no heading can hold.
    pub(super) fn paragraph(&mut self) {
        self.heading = false;
        self.block();
    }

    pub(super) fn line(&mut self) {
        if let Some(preformatted) = &mut self.preformatted {
            preformatted.text.push('\n');
        } else {
            self.gap = self.gap.max(if self.heading { Gap::Space } else { Gap::Line });
        }
    }

    pub(super) fn begin_heading(&mut self, level: usize) {
        self.arrange_by_table();
        self.paragraph();
        self.forget_heading();
        self.heading = true;
        let _never_fails = write!(self.mark, "{} ", "#".repeat(level));
    }

    pub(super) fn end_heading(&mut self) {
        self.forget_heading();
        self.paragraph();
    }

    /// Takes back the mark of a heading without text.
    fn forget_heading(&mut self) {
        if let Some(at) = self.mark.find('#') {
            self.mark.truncate(at);
        }
    }

    pub(super) fn begin_link(&mut self, address: &str) {
        let address = if self.code.is_none() && is_shown(address) { address.trim() } else { "" };
        self.link = Some(Span { address: address.to_owned(), from: None });
    }

    pub(super) fn end_link(&mut self) {
        let Some(Span { address, from: Some(from) }) = self.link.take() else { return };
        let text = &self.out[from..];
        if address.is_empty() && matches!(text, "¶" | "#" | "§" | "🔗" | "permalink") {
            // The address of the heading it stands in.
            self.out.truncate(self.out[..from].trim_end_matches(' ').len());
        } else if !address.is_empty() && !self.heading && !text.ends_with('\\') {
            if text == address {
                return;
            }
            self.out.insert(from, '[');
            let is_simple =
                !address.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>'));
            if is_simple {
                let _never_fails = write!(self.out, "]({address})");
            } else {
                let address: String =
                    address.chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\r')).collect();
                let _never_fails = write!(self.out, "](<{address}>)");
            }
        }
    }

    pub(super) fn begin_code(&mut self, language: Option<&str>) {
        if let Some(preformatted) = &mut self.preformatted {
            if let (Some(language), true) = (language, preformatted.language.is_empty()) {
                language.clone_into(&mut preformatted.language);
            }
        } else {
            self.code = Some(Span { address: String::new(), from: None });
        }
    }

    pub(super) fn end_code(&mut self) {
        let Some(Span { from: Some(from), .. }) = self.code.take() else { return };
        if !self.out[from..].contains('`') {
            self.out.insert(from, '`');
            self.out.push('`');
        }
    }

    pub(super) fn begin_preformatted(&mut self, language: Option<&str>) {
        self.end_preformatted();
        self.arrange_by_table();
        self.paragraph();
        self.preformatted =
            Some(Preformatted { text: String::new(), language: language.unwrap_or_default().to_owned() });
    }

    pub(super) fn end_preformatted(&mut self) {
        let Some(Preformatted { text, language }) = self.preformatted.take() else { return };
        let text = text.trim_end().trim_start_matches(['\r', '\n']);
        if !text.is_empty() {
            let fence = fence(text);
            let head = format!("{fence}{language}");
            self.lines(std::iter::once(head.as_str()).chain(text.lines()).chain([fence.as_str()]));
        }
        self.block();
    }

    /// Writes whole lines as they are, as one block.
    fn lines<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        self.gap = Gap::Block;
        self.open();
        let prefix = self.prefix();
        for (index, line) in lines.enumerate() {
            if index > 0 {
                self.out.push('\n');
                self.out.push_str(&prefix);
            }
            self.out.push_str(line);
        }
        self.line = self.out.len();
        self.gap = Gap::Block;
    }

    pub(super) fn begin_list(&mut self, list: HtmlList) {
        self.heading = false;
        if self.table.is_some() {
            self.gap = Gap::Block;
            return;
        }
        let inside = matches!(self.containers.last(), Some(HtmlContainer::List(..)));
        self.gap = self.gap.max(if inside { Gap::Line } else { Gap::Block });
        self.drop_mark();
        self.containers.push(HtmlContainer::List(list, 0));
    }

    pub(super) fn begin_item(&mut self) {
        self.heading = false;
        self.gap = self.gap.max(Gap::Line);
        if self.table.is_some() {
            return;
        }
        self.mark.clear();
        if let Some(HtmlContainer::List(list, indent)) = self.containers.last_mut() {
            self.mark = match list {
                HtmlList::Bullets => "- ".to_owned(),
                HtmlList::Numbers(number) => {
                    let mark = format!("{number}. ");
                    *number = number.saturating_add(1);
                    mark
                }
            };
            *indent = self.mark.len();
        }
    }

    pub(super) fn end_list(&mut self) {
        if self.table.is_some() {
            self.gap = Gap::Block;
            return;
        }
        self.leave(|container| matches!(container, HtmlContainer::List(..)));
        let inside = matches!(self.containers.last(), Some(HtmlContainer::List(..)));
        self.gap = self.gap.max(if inside { Gap::Line } else { Gap::Block });
    }

    pub(super) fn begin_quote(&mut self) {
        self.arrange_by_table();
        self.paragraph();
        self.drop_mark();
        self.containers.push(HtmlContainer::Quote);
    }

    pub(super) fn end_quote(&mut self) {
        self.leave(|container| *container == HtmlContainer::Quote);
        self.block();
    }

    /// Leaves the innermost container that is meant, and what stands in it.
    fn leave(&mut self, is_meant: impl Fn(&HtmlContainer) -> bool) {
        self.mark.clear();
        if let Some(place) = self.containers.iter().rposition(is_meant) {
            self.containers.truncate(place);
        }
    }

    pub(super) fn begin_table(&mut self, arranges: bool) {
        self.raised = None;
        let nested = self.table.is_some();
        self.arrange_by_table();
        self.paragraph();
        if !arranges || nested {
            self.table = Some(HtmlTable::default());
        }
    }

    pub(super) fn end_table(&mut self) {
        self.raised = None;
        self.heading = false;
        if let Some(mut table) = self.table.take() {
            table.end_row();
            if table.is_data() {
                self.texts(std::iter::once(table.take_caption()));
                let lines: Vec<String> = table.into_lines().collect();
                self.lines(lines.iter().map(String::as_str));
            } else {
                self.texts(table.into_texts());
            }
        }
        self.gap = Gap::Block;
    }

    /// Takes the table that is being collected for one that arranges the page.
    fn arrange_by_table(&mut self) {
        if let Some(table) = self.table.take() {
            self.texts(table.into_texts());
        }
    }

    fn texts(&mut self, texts: impl Iterator<Item = String>) {
        for text in texts {
            self.gap = Gap::Block;
            self.text(&text);
        }
        self.gap = Gap::Block;
    }

    pub(super) fn begin_cell(&mut self, columns: usize, rows: usize) {
        self.raised = None;
        match &mut self.table {
            Some(table) => table.begin_cell(columns, rows),
            None => self.paragraph(),
        }
    }

    pub(super) fn end_cell(&mut self) {
        self.raised = None;
        match &mut self.table {
            Some(table) => table.end_cell(),
            None => self.paragraph(),
        }
    }

    pub(super) fn end_row(&mut self) {
        match &mut self.table {
            Some(table) => table.end_row(),
            None => self.paragraph(),
        }
    }

    pub(super) fn caption(&mut self) {
        self.raised = None;
        match &mut self.table {
            Some(table) => table.begin_caption(),
            None => self.paragraph(),
        }
    }
}

/// Whether the address of a link says anything: neither a place on the page nor data nor a script.
fn is_shown(address: &str) -> bool {
    let scheme: String =
        address.chars().filter(|c| !c.is_whitespace()).take(12).collect::<String>().to_ascii_lowercase();
    let hidden = ["#", "data:", "javascript:", "vbscript:", "blob:"];
    !address.is_empty()
        && address.len() <= LONGEST_ADDRESS
        && !hidden.iter().any(|hidden| scheme.starts_with(hidden))
        && !address.contains(char::is_control)
}

/// Where in a line of running text something stands that Markdown would take for the mark of a block.
fn mark_at_the_beginning(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let ends_mark = |at: usize| bytes.get(at).is_none_or(|&byte| byte == b' ');
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=9).contains(&digits) && matches!(bytes.get(digits), Some(b'.' | b')')) && ends_mark(digits + 1) {
        return Some(digits);
    }
    let is_mark = match *bytes.first()? {
        b'#' => {
            let level = bytes.iter().take_while(|&&byte| byte == b'#').count();
            level <= 6 && ends_mark(level)
        }
        b'-' | b'+' | b'*' | b'=' | b'_' => {
            let rule = bytes.iter().all(|byte| *byte == bytes[0] || *byte == b' ');
            ends_mark(1) || rule
        }
        b'>' | b'<' | b'~' | b'|' => true,
        b'`' => line.starts_with("```"),
        b'[' => line.contains("]:"),
        _ => false,
    };
    is_mark.then_some(0)
}
