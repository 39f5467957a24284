//! The definitions of a syntax tree as sections of its text.

use std::ops::Range;

use tree_sitter::{Node, Tree, TreeCursor};

use super::languages::{CodeLanguage, is_namespace};
use crate::extracted::TextSection;

/// Definitions that lie deeper belong to what they are in.
const DEEPEST: usize = 8;

/// The sections of a text: every definition that begins a line, with the comments, attributes and decorators directly above it,
/// and what is between them.
pub(super) fn sections(tree: &Tree, text: &str, language: &CodeLanguage) -> Vec<TextSection> {
    let mut outline = Outline { text, language, sections: Vec::new(), open: Vec::new(), at: 0 };
    outline.walk(tree.walk());
    outline.sections
}

struct Outline<'t> {
    text: &'t str,
    language: &'t CodeLanguage,
    sections: Vec<TextSection>,
    /// The definitions that are not closed yet, outermost first.
    open: Vec<OpenDefinition>,
    /// What is before this byte is in a section.
    at: usize,
}

struct OpenDefinition {
    lines: Range<usize>,
    names: Vec<String>,
    /// The row of a namespace that begins there.
    namespace_in: Option<usize>,
}

/// A node whose children are visited.
struct Level {
    is_section: bool,
    /// What the next node beside it goes with.
    lead: Option<Lead>,
}

/// Where a node begins, with what goes with it above.
#[derive(Clone, Copy)]
struct Beginning {
    byte: usize,
    /// The first byte of its line.
    line: usize,
}

/// What goes with the node behind it.
#[derive(Clone, Copy)]
struct Lead {
    from: Beginning,
    /// The row that it ends in.
    row: usize,
    /// Whether what begins in the row below still goes with it, as with a comment.
    is_above: bool,
}

impl Lead {
    fn reaches(self, node: Node<'_>) -> bool {
        let row = node.start_position().row;
        row == self.row || (self.is_above && row == self.row + 1)
    }
}

impl Outline<'_> {
    /// Visits every node in the order of the text, without recursion: trees nest as deeply as somebody likes.
    fn walk(&mut self, mut cursor: TreeCursor<'_>) {
        let mut levels: Vec<Level> = Vec::new();
        let mut lead: Option<Lead> = None;
        loop {
            let node = cursor.node();
            let start = node.start_byte();
            let own = Beginning { byte: start, line: start - node.start_position().column };
            let before = lead.filter(|lead| lead.reaches(node));
            let from = before.map_or(own, |lead| lead.from);
            let is_section = self.enter(node, from);
            let next = self.lead_of(node, own, before);
            if cursor.goto_first_child() {
                levels.push(Level { is_section, lead: next });
                lead = Some(Lead { from, row: node.start_position().row, is_above: false });
                continue;
            }
            if is_section {
                self.leave();
            }
            lead = next;
            while !cursor.goto_next_sibling() {
                let Some(level) = levels.pop().filter(|_| cursor.goto_parent()) else {
                    self.section(self.text.len());
                    return;
                };
                if level.is_section {
                    self.leave();
                }
                lead = level.lead;
            }
        }
    }

    /// What of a node, which has `own` as its beginning and `before` in front of it, goes with the one behind it: comments,
    /// attributes and signs do, other nodes do not.
    fn lead_of(&self, node: Node<'_>, own: Beginning, before: Option<Lead>) -> Option<Lead> {
        let is_above = is_attribute(node.kind()) || (is_comment(node.kind()) && self.begins_line(own));
        if !is_above && node.is_named() {
            return None;
        }
        let (start, end) = (node.start_position(), node.end_position());
        let row = if end.column == 0 { end.row.saturating_sub(1).max(start.row) } else { end.row };
        // A comment below something is of what follows it.
        let goes_on = |lead: &Lead| lead.is_above || !is_above || lead.row == start.row;
        let from = before.filter(goes_on).map_or(own, |lead| lead.from);
        Some(Lead { from, row, is_above })
    }

    /// Begins a section with a definition; says whether it did.
    fn enter(&mut self, node: Node<'_>, from: Beginning) -> bool {
        if self.open.len() >= DEEPEST || !node.is_named() {
            return false;
        }
        let Some(names) = self.language.defined_by(node, self.text) else { return false };
        let namespace_in = is_namespace(node).then(|| node.start_position().row);
        // Namespaces that begin in one line are one section with the names of all of them.
        let together =
            self.open.last().filter(|outer| namespace_in.is_some() && outer.namespace_in == namespace_in);
        if let Some(outer) = together.filter(|outer| outer.lines.start >= self.at) {
            let lines = outer.lines.start..line_end(self.text, node.end_byte());
            self.open.push(OpenDefinition { lines, names, namespace_in });
            return true;
        }
        // One inside a line is no section, and neither is a second one that begins with the first.
        let is_second = self.open.last().is_some_and(|outer| outer.lines.start == from.line);
        if !self.begins_line(from) || from.line < self.at || is_second {
            return false;
        }
        self.section(from.line);
        self.open.push(OpenDefinition {
            lines: from.line..line_end(self.text, node.end_byte()),
            names,
            namespace_in,
        });
        true
    }

    /// Ends the innermost section.
    fn leave(&mut self) {
        let end = self.open.last().map_or(self.at, |innermost| innermost.lines.end);
        self.section(end);
        self.open.pop();
    }

    /// Makes a section of what is before `end` and in none yet. What says nothing, such as a bracket or `end`, stays with what is before it.
    fn section(&mut self, end: usize) {
        let range = self.at..end.max(self.at);
        self.at = range.end;
        if self.says_nothing(range.clone()) {
            return;
        }
        let path: Vec<_> = self.open.iter().flat_map(|outer| outer.names.iter().cloned()).collect();
        let from = if self.sections.is_empty() { 0 } else { range.start };
        let begins = self.open.last().is_some_and(|innermost| innermost.lines.start == range.start);
        self.sections.push(TextSection { from, path, begins });
    }

    fn says_nothing(&self, range: Range<usize>) -> bool {
        let text = &self.text[range];
        !text.contains(char::is_alphanumeric) || text.trim() == "end"
    }

    fn begins_line(&self, at: Beginning) -> bool {
        self.text[at.line..at.byte].trim_start().is_empty()
    }
}

pub(super) fn is_comment(kind: &str) -> bool {
    kind.contains("comment") || kind == "marginalia"
}

fn is_attribute(kind: &str) -> bool {
    matches!(
        kind,
        "attribute_item" | "decorator" | "template_parameter_list" | "marker_annotation" | "annotation"
    )
}

/// The end of the line that a node ends in, its line feed included.
fn line_end(text: &str, at: usize) -> usize {
    if at > 0 && text.as_bytes()[at - 1] == b'\n' {
        return at;
    }
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}
