//! Source code and data: each definition is a section, with the comment above it and the names of what it is in.

mod json;
mod languages;
mod outline;
mod summary;

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use tree_sitter::{ParseOptions, Parser, Tree};

use crate::{
    error::ExtractError,
    extracted::{Extracted, TextStructure, text},
    format::Format,
};
use languages::CodeLanguage;

/// Larger files are written by programs; they are cut at lines.
const MOST_BYTES: usize = 4 << 20;

/// A file that takes longer is cut at lines.
const LONGEST_PARSE: Duration = Duration::from_secs(10);

/// Reads source code. A file in a language whose grammar is not known, or that is no such text after all, is cut at lines.
/// The text is that of the file, but for the escapes in strings of JSON.
pub(super) fn read(file_name: &str, content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut document = Extracted::verbatim(Format::Code, text(content)?);
    let ending = file_name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if let Some(language) = CodeLanguage::of(ending)
        && let Some(tree) = parse(language, &document.text)
    {
        document.title = summary::of(&tree, &document.text);
        let sections = outline::sections(&tree, &document.text, language);
        if sections.iter().any(|section| !section.path.is_empty()) {
            document.structure = TextStructure::Definitions(sections);
        }
    }
    if json::is_json(ending) {
        json::decode(&mut document.text, document.structure.sections_mut());
    }
    Ok(document)
}

/// The syntax tree of a text; mistakes in it are nodes of the tree.
fn parse(language: &CodeLanguage, text: &str) -> Option<Tree> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let began = Instant::now();
    let mut goes_on = |_: &_| {
        if began.elapsed() < LONGEST_PARSE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut goes_on);
    let mut rest = |from: usize, _| text.as_bytes().get(from..).unwrap_or_default();
    parser.parse_with_options(&mut rest, None, Some(options))
}

#[cfg(test)]
mod tests;
