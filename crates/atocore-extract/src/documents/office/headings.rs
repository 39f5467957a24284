//! Which paragraphs of a Word document are headings.

use std::collections::HashMap;

use undoc::Paragraph;

/// What the names of styles for headings begin with, in lower case and without spaces.
const BEGINNINGS: &[&str] = &[
    "heading",
    "head",
    "title",
    "überschrift",
    "berschrift",
    "uberschrift",
    "titre",
    "título",
    "titulo",
    "titolo",
    "kop",
    "rubrik",
    "overskrift",
    "otsikko",
    "nagłówek",
    "nagwek",
    "nadpis",
    "заголовок",
    "标题",
    "標題",
    "見出し",
    "제목",
];

/// What a style for the title of a whole document or chapter is named.
const OF_TITLES: &[&str] =
    &["title", "titel", "titre", "chaptertitle", "appendixtitle", "parttitle", "documenttitle", "booktitle"];

/// The most characters of a heading that is known by how it looks.
const LONGEST: usize = 120;

/// The level of the title of a whole document.
const TITLE: usize = 0;

/// The level of every paragraph that is a heading, from 1 on.
///
/// A style says it: the library knows those that the program brings, their names tell the others. Where no style does,
/// size and weight do.
pub(super) fn levels(paragraphs: &[&Paragraph]) -> Vec<Option<usize>> {
    let level = |paragraph: &&Paragraph| {
        by_style(paragraph)
            .or_else(|| Some(usize::from(paragraph.heading.level())).filter(|level| *level > 0))
            .filter(|_| paragraph.runs.iter().any(|run| !run.text.trim().is_empty()))
    };
    let mut levels: Vec<_> = paragraphs.iter().map(level).collect();
    if levels.iter().all(Option::is_none) {
        levels = by_look(paragraphs);
    }
    // Where one title stands above everything, everything is below it.
    let mut headings = levels.iter().copied().flatten();
    let below_title = headings.next() == Some(TITLE) && headings.all(|level| level != TITLE);
    levels
        .into_iter()
        .map(|level| level.map(|level| if below_title { level + 1 } else { level.max(1) }))
        .collect()
}

/// The level in the name of a style: `Heading 2`, `HeadB`, `Überschrift 1`, `ChapterTitle`.
fn by_style(paragraph: &Paragraph) -> Option<usize> {
    [&paragraph.style_name, &paragraph.style_id].into_iter().flatten().find_map(|name| {
        let name: String =
            name.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if OF_TITLES.contains(&name.as_str()) {
            return Some(TITLE);
        }
        BEGINNINGS.iter().find_map(|beginning| level_in(name.strip_prefix(beginning)?))
    })
}

/// A digit, whatever follows it, or a single letter.
fn level_in(rest: &str) -> Option<usize> {
    let mut rest = rest.chars();
    let first = rest.next()?;
    let second = rest.next();
    match first {
        '1'..='9' if !second.is_some_and(|second| second.is_ascii_digit()) => {
            first.to_digit(10).map(|digit| digit as usize)
        }
        'a'..='f' if second.is_none() => Some(first as usize - 'a' as usize + 1),
        _ => None,
    }
}

/// Short paragraphs that are larger or bolder than the text; the larger, the higher.
fn by_look(paragraphs: &[&Paragraph]) -> Vec<Option<usize>> {
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    let mut plain = 0;
    for run in paragraphs.iter().flat_map(|paragraph| &paragraph.runs) {
        *sizes.entry(size(run)).or_default() += run.text.len();
        plain += if run.style.bold { 0 } else { run.text.len() };
    }
    let body = sizes
        .into_iter()
        .max_by_key(|(size, length)| (*length, *size))
        .map_or(DEFAULT_SIZE, |(size, _)| size);
    let looks: Vec<Option<u32>> = paragraphs.iter().map(|paragraph| look(paragraph, body)).collect();
    let found: Vec<u32> = looks.iter().copied().flatten().collect();
    if plain == 0 || found.len() * 3 > paragraphs.len() {
        return vec![None; paragraphs.len()];
    }
    let mut ranks = found;
    ranks.sort_unstable_by(|one, other| other.cmp(one));
    ranks.dedup();
    looks
        .into_iter()
        .map(|look| ranks.iter().position(|rank| Some(*rank) == look).map(|rank| rank + 1))
        .collect()
}

/// The size of text where none is said, in half points.
const DEFAULT_SIZE: u32 = 22;

fn size(run: &undoc::TextRun) -> u32 {
    run.style.size.unwrap_or(DEFAULT_SIZE)
}

/// The size of a paragraph that looks like a heading.
fn look(paragraph: &Paragraph, body: u32) -> Option<u32> {
    let runs = || paragraph.runs.iter().filter(|run| !run.text.trim().is_empty());
    let text: String = runs().map(|run| run.text.as_str()).collect();
    let smallest = runs().map(size).min()?;
    let bold = runs().all(|run| run.style.bold);
    let is_sentence = text.trim_end().ends_with(['.', ',', ';', ':', '!', '?']);
    let is_short = text.chars().count() <= LONGEST && text.chars().any(char::is_alphabetic);
    let stands_out = (bold && smallest >= body) || smallest * 5 >= body * 6;
    (stands_out && is_short && !is_sentence && paragraph.list_info.is_none()).then_some(smallest)
}

#[cfg(test)]
mod tests {
    use undoc::{TextRun, TextStyle};

    use super::*;

    fn styled(style: &str) -> Paragraph {
        Paragraph { style_name: Some(style.to_owned()), ..Paragraph::with_text("x") }
    }

    fn of_styles(styles: &[&str]) -> Vec<Option<usize>> {
        let paragraphs: Vec<_> = styles.iter().map(|style| styled(style)).collect();
        levels(&paragraphs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn names_of_styles_say_levels() {
        assert_eq!(
            of_styles(&["heading 1", "HeadB", "Überschrift 3", "Titre 2", "标题 1", "Heading 4 numbered"]),
            [Some(1), Some(2), Some(3), Some(2), Some(1), Some(4)]
        );
        assert_eq!(
            of_styles(&["header", "Heading", "RunInHead", "Headline", "TableTitle", "Heading 10", "Body"]),
            [None; 7]
        );
    }

    #[test]
    fn one_title_on_top_is_above_all() {
        assert_eq!(of_styles(&["Title", "heading 1", "HeadB"]), [Some(1), Some(2), Some(3)]);
        assert_eq!(of_styles(&["heading 1", "Title", "heading 2"]), [Some(1), Some(1), Some(2)]);
    }

    #[test]
    fn without_styles_size_and_weight_say_levels() {
        let looking = |text: &str, size: Option<u32>, bold: bool| Paragraph {
            runs: vec![TextRun::styled(text, TextStyle { size, bold, ..TextStyle::default() })],
            ..Paragraph::default()
        };
        let body = looking(&"words ".repeat(50), Some(20), false);
        let paragraphs = [
            looking("Report", Some(40), true),
            body.clone(),
            body.clone(),
            looking("Results", Some(20), true),
            body.clone(),
            looking("It is so.", Some(20), true),
            body.clone(),
            body.clone(),
        ];
        let found = levels(&paragraphs.iter().collect::<Vec<_>>());
        assert_eq!(found, [Some(1), None, None, Some(2), None, None, None, None]);
        let all_bold = vec![looking("Results", None, true); 4];
        assert_eq!(levels(&all_bold.iter().collect::<Vec<_>>()), [None; 4]);
    }
}
