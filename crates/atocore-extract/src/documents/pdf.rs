//! PDF.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use lopdf::Document;
use memchr::memmem;
use pdf_inspector::{
    DetectionConfig, MarkdownOptions, PdfError, PdfOptions, ScanStrategy, extract_pages_markdown_mem,
    process_pdf_mem_with_options,
};

use crate::{error::ExtractError, extracted::Extracted};

/// What a line begins with that says which page follows.
const MARK: &str = "<!-- Page ";

/// Reads the pages in their order, each as a place.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let markdown = MarkdownOptions {
        // Marks of emphasis stand within names and amounts more often than they say something.
        detect_bold: false,
        detect_italic: false,
        detect_underline: false,
        // An address is found as it stands.
        format_urls: false,
        include_page_numbers: true,
        ..MarkdownOptions::default()
    };
    // Every page is looked at, and no share of pages with text makes the others none.
    let detection = DetectionConfig {
        strategy: ScanStrategy::Full,
        min_text_ops_per_page: 1,
        text_page_ratio_threshold: f32::INFINITY,
    };
    let options = PdfOptions::new().markdown(markdown).detection(detection);
    let result = process_pdf_mem_with_options(content, options).map_err(|failure| error(content, failure))?;
    let mut out = Extracted::markdown();
    out.title_from_metadata(&result.title.unwrap_or_default());
    let text = match result.markdown {
        Some(text) => text,
        // Pictures with few words on them.
        None => text_of_pages(content)?,
    };
    let text = without_hyphens(&text);
    let mut pages = pages(&text, result.page_count);
    let mut without = result.pages_needing_ocr;
    without.retain(|page| pages.binary_search_by_key(page, |(page, _)| *page).is_err());
    let recognised = recognised(content, &without);
    without.retain(|page| recognised.binary_search_by_key(page, |(page, _)| *page).is_err());
    pages.extend(recognised.iter().map(|(page, text)| (*page, text.as_str())));
    pages.sort_unstable_by_key(|(page, _)| *page);
    leave_out_repeated(&mut pages);
    for (page, text) in pages {
        append(page, text, &mut out);
    }
    if out.text.is_empty() {
        return Err(ExtractError::NoText);
    }
    if !recognised.is_empty() {
        let pages: Vec<u32> = recognised.iter().map(|(page, _)| *page).collect();
        out.notices.push(format!("the text of {} was recognised when it was scanned", named(&pages)));
    }
    if !without.is_empty() {
        let (have, need) = if without.len() == 1 { ("has", "needs") } else { ("have", "need") };
        out.notices.push(format!("{} {have} no text and {need} OCR", named(&without)));
    }
    if result.has_encoding_issues {
        out.notices.push("some of its fonts do not say which letters they show".to_owned());
    }
    Ok(out)
}

fn error(content: &[u8], failure: PdfError) -> ExtractError {
    match failure {
        PdfError::Encrypted => ExtractError::Encrypted,
        // Without its password the library finds no pages in some.
        _ if memmem::find(content, b"/Encrypt").is_some() => ExtractError::Encrypted,
        other => ExtractError::damaged(other),
    }
}

/// The text as the library gives it of page after page, with the same marks between them.
fn text_of_pages(content: &[u8]) -> Result<String, ExtractError> {
    let mut text = String::new();
    for page in extract_pages_markdown_mem(content, None).map_err(|failure| error(content, failure))?.pages {
        let _never_fails = write!(text, "{MARK}{} -->\n{}\n", page.page + 1, page.markdown);
    }
    Ok(text)
}

/// The text that a program that recognises letters has put behind the pictures of these pages, which the library leaves out.
fn recognised(content: &[u8], pages: &[u32]) -> Vec<(u32, String)> {
    /// Each page costs a walk over all of them.
    const MOST_PAGES: usize = 3000;
    const MOST_CONTENT: usize = 64 << 20;
    if pages.is_empty() || pages.len() > MOST_PAGES {
        return Vec::new();
    }
    let Ok(document) = Document::load_mem(content) else { return Vec::new() };
    let text_of = |&page: &u32| {
        let text = document.extract_text_with_limit(&[page], MOST_CONTENT).ok()?;
        let text = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        // Half of what is written is letters; of what is decoded by a wrong table it is less.
        (letters * 2 > text.chars().count()).then_some((page, text))
    };
    pages.iter().filter_map(text_of).collect()
}

/// The pages that have text: their numbers, rising, and their text.
fn pages(text: &str, count: u32) -> Vec<(u32, &str)> {
    let mut pages: Vec<(u32, usize, usize)> = Vec::new();
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let number =
            line.strip_prefix(MARK).and_then(|line| line.trim_end().strip_suffix(" -->")?.parse().ok());
        let last = pages.last().map_or(0, |page| page.0);
        // The text of a page may look like a mark.
        if let Some(number) = number.filter(|&number| number > last && number <= count) {
            if let Some(page) = pages.last_mut() {
                page.2 = from;
            }
            pages.push((number, from + line.len(), text.len()));
        }
        from += line.len();
    }
    let pages = pages.into_iter().map(|(page, from, to)| (page, text[from..to].trim()));
    pages.filter(|(_, text)| !text.is_empty()).collect()
}

/// Leaves out the first and last lines that most pages have, but for their numbers; the first of each stays.
fn leave_out_repeated(pages: &mut [(u32, &str)]) {
    const LONGEST: usize = 200;
    let masked =
        |line: &str| -> String { line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    let mut counts: HashMap<String, usize> = HashMap::new();
    let edges = |text: &str| {
        let mut lines = text.lines().map(str::trim);
        let (first, last) = (lines.next(), lines.next_back());
        let edge = |line: Option<&str>| line.filter(|line| line.len() < LONGEST).map(masked);
        (edge(first), edge(last))
    };
    for (_, text) in pages.iter() {
        let (first, last) = edges(text);
        for line in [first, last].into_iter().flatten() {
            *counts.entry(line).or_default() += 1;
        }
    }
    let most = pages.len() / 2;
    counts.retain(|_, count| *count > most.max(2));
    let mut seen = HashSet::new();
    for (_, text) in pages {
        let (first, last) = edges(text);
        let mut is_repeated =
            |line: Option<String>| line.is_some_and(|line| counts.contains_key(&line) && !seen.insert(line));
        if is_repeated(first) {
            *text = text.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        if is_repeated(last) {
            *text = text.rsplit_once('\n').map_or("", |(rest, _)| rest).trim_end();
        }
    }
}

/// Joins words that the end of a line has cut. What stands with a hyphen elsewhere keeps it.
fn without_hyphens(text: &str) -> String {
    const CONJUNCTIONS: [&str; 8] = ["and", "or", "to", "und", "oder", "bzw", "et", "ou"];
    let is_of_word = |c: char| c.is_alphabetic() || c == '-';
    let hyphenated: HashSet<&str> =
        text.split(|c| !is_of_word(c)).filter(|word| word.contains('-')).collect();
    let mut parts = text.split("- ");
    let mut joined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let before =
            &joined[joined.rfind(|c| !is_of_word(c)).map_or(0, |at| joined.ceil_char_boundary(at + 1))..];
        let after = &part[..part.find(|c| !is_of_word(c)).unwrap_or(part.len())];
        let is_cut = before.ends_with(char::is_lowercase)
            && after.starts_with(char::is_lowercase)
            && !CONJUNCTIONS.contains(&after);
        if !is_cut {
            joined.push_str("- ");
        } else if hyphenated.contains(format!("{before}-{after}").as_str()) {
            joined.push('-');
        }
        joined.push_str(part);
    }
    joined
}

/// Appends a page; a paragraph that goes over its beginning stays one.
fn append(page: u32, text: &str, out: &mut Extracted) {
    let before = out.text.trim_end();
    if goes_on(before, text) {
        out.text.truncate(before.len());
        match out.text.strip_suffix('-').map(str::len) {
            Some(end) => out.text.truncate(end),
            None => out.text.push('\n'),
        }
    }
    out.begin(format!("page {page}"));
    out.block(text);
}

/// Whether a page begins within the last sentence of the page before.
fn goes_on(before: &str, text: &str) -> bool {
    let is_prose = |line: &str| !line.starts_with(['|', '#', '`', '<', '>', '-', '*']);
    before.ends_with(|c: char| c.is_lowercase() || matches!(c, ',' | '-'))
        && text.starts_with(char::is_lowercase)
        && before.lines().next_back().is_some_and(is_prose)
        && text.lines().next().is_some_and(is_prose)
}

/// Numbers that rise, in few words: `pages 3, 7-9`.
fn named(pages: &[u32]) -> String {
    let mut text = String::from(if pages.len() == 1 { "page" } else { "pages" });
    for (index, range) in pages.chunk_by(|a, b| a + 1 == *b).enumerate() {
        let comma = if index == 0 { " " } else { ", " };
        let _never_fails = match range {
            [one] => write!(text, "{comma}{one}"),
            [first, .., last] => write!(text, "{comma}{first}-{last}"),
            [] => Ok(()),
        };
    }
    text
}

#[cfg(test)]
mod tests;
