//! reStructuredText, `AsciiDoc`, org and LaTeX: the text as it stands, and its headings.

use crate::{
    error::ExtractError,
    extracted::{Extracted, TextSection, TextStructure},
    format::Format,
    words::one_line,
};

/// A heading of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MarkupHeading {
    /// Its first byte; what is below it begins here too, since the text stays as it is.
    from: usize,
    /// From 1 on; a higher number is further in.
    level: usize,
    title: String,
}

/// What a notation says of a text.
#[derive(Debug, Default)]
struct MarkupOutline {
    title: Option<String>,
    headings: Vec<MarkupHeading>,
}

/// Reads a text in the notation that the ending of its name tells.
pub(super) fn read(file_name: &str, text: &str) -> Result<Extracted, ExtractError> {
    let mut document = Extracted::verbatim(Format::Markup, text);
    let ending = file_name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let outline = match ending.as_str() {
        "rst" => restructured_text(text),
        "adoc" | "asciidoc" => asciidoc(text),
        "org" => org(text),
        _ => latex(text),
    };
    document.title = outline.title.filter(|title| !title.is_empty());
    if !outline.headings.is_empty() {
        document.structure = TextStructure::Chapters(sections(&outline.headings));
    }
    Ok(document)
}

/// The sections below headings, with what is before the first one.
fn sections(headings: &[MarkupHeading]) -> Vec<TextSection> {
    let mut above: Vec<&MarkupHeading> = Vec::new();
    let mut sections = vec![TextSection { from: 0, path: Vec::new(), begins: false }];
    for heading in headings {
        while above.pop_if(|outer| outer.level >= heading.level).is_some() {}
        above.push(heading);
        let path = above.iter().map(|heading| heading.title.clone()).collect();
        // The first section may begin with its heading.
        let _none = sections.pop_if(|before| before.from == heading.from);
        sections.push(TextSection { from: heading.from, path, begins: true });
    }
    sections
}

/// The lines of a text with the byte that each begins at.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = from;
        from += line.len();
        (start, line.trim_end())
    })
}

/// A title with a line of one sign below it, and perhaps such a line above it. Levels are in the order in which their
/// signs come up.
fn restructured_text(text: &str) -> MarkupOutline {
    let lines: Vec<(usize, &str)> = lines(text).collect();
    let rule = |line: &str| {
        let sign = line.chars().next().filter(char::is_ascii_punctuation)?;
        (line.len() >= 2 && line.chars().all(|c| c == sign)).then_some(sign)
    };
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut headings = Vec::new();
    for (i, window) in lines.windows(2).enumerate() {
        let [(start, title), (_, below)] = *window else { continue };
        let before = i.checked_sub(1).map(|before| lines[before]);
        let Some(sign) = rule(below) else { continue };
        let over = before.filter(|(_, line)| rule(line) == Some(sign));
        // Without a line above it a title begins its line, and nothing but a blank line is before it.
        let stands_alone = over.is_some() || before.is_none_or(|(_, line)| line.is_empty());
        let is_title =
            !title.trim().is_empty() && rule(title).is_none() && (over.is_some() || !title.starts_with(' '));
        if !stands_alone || !is_title || below.len() < title.trim().chars().count() {
            continue;
        }
        let style = (sign, over.is_some());
        let level = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            styles.push(style);
            styles.len() - 1
        });
        headings.push(MarkupHeading {
            from: over.map_or(start, |(above, _)| above),
            level: level + 1,
            title: one_line(title),
        });
    }
    MarkupOutline { title: None, headings }
}

/// `= Title`, `== Section`, or a title with a line of one sign below it; not in blocks that are shown as they stand.
fn asciidoc(text: &str) -> MarkupOutline {
    let mut headings = Vec::new();
    let mut block: Option<&str> = None;
    let mut lines = lines(text).peekable();
    let mut stands_alone = true;
    while let Some((from, line)) = lines.next() {
        if block.is_none()
            && stands_alone
            && let Some((_, below)) = lines.peek()
            && let Some(level) = asciidoc_level_of_underlined(line, below)
        {
            headings.push(MarkupHeading { from, level, title: one_line(line) });
            lines.next();
            continue;
        }
        let is_fence =
            line.len() >= 4 && ["-", ".", "+", "/"].iter().any(|sign| line.replace(sign, "").is_empty());
        if is_fence || line == "```" {
            block = match block {
                None => Some(line),
                Some(open) => Some(open).filter(|open| *open != line),
            };
        }
        let level = line.bytes().take_while(|byte| *byte == b'=').count();
        if block.is_none()
            && (1..=6).contains(&level)
            && let Some(title) = line[level..].strip_prefix(' ')
        {
            headings.push(MarkupHeading { from, level, title: one_line(title) });
        }
        // Attributes and comments go with what is below them.
        stands_alone = line.is_empty()
            || is_fence
            || (line.starts_with('[') && line.ends_with(']'))
            || (line.starts_with("//") && !line.starts_with("///"));
    }
    MarkupOutline { title: None, headings }
}

/// The signs that titles of `AsciiDoc` are underlined with, from the outermost on.
const ASCIIDOC_UNDERLINES: [char; 5] = ['=', '-', '~', '^', '+'];

/// The level of a title that has `below` as the line below it; `None` when that is none of its length, give or take two signs.
fn asciidoc_level_of_underlined(title: &str, below: &str) -> Option<usize> {
    let sign = below.chars().next()?;
    let level = ASCIIDOC_UNDERLINES.iter().position(|known| *known == sign)? + 1;
    let is_rule = below.len() >= 2 && below.chars().all(|c| c == sign);
    // What begins a list, a block or its title, and what leads to the block below it.
    let is_other = title.starts_with([' ', '\t', '=', '-', '~', '^', '+', '.', '[', '|', '*', '/', ':', '#'])
        || title.ends_with(':')
        || !title.contains(char::is_alphanumeric);
    (is_rule && !is_other && title.chars().count().abs_diff(below.len()) <= 2).then_some(level)
}

/// `* Heading`, without its keyword and its tags; not in blocks that are shown as they stand.
fn org(text: &str) -> MarkupOutline {
    let mut outline = MarkupOutline::default();
    let mut in_block = false;
    let mut keywords = ORG_KEYWORDS.map(str::to_owned).to_vec();
    for (from, line) in lines(text) {
        let upper: String = line.trim_start().chars().take(11).collect::<String>().to_ascii_uppercase();
        if upper.starts_with("#+BEGIN_") {
            in_block = true;
        } else if upper.starts_with("#+END_") {
            in_block = false;
        } else if upper.starts_with("#+TITLE:") {
            outline.title = line.split_once(':').map(|(_, title)| one_line(title));
        } else if let Some(said) = org_keywords(&upper, line) {
            keywords.extend(said);
            keywords.truncate(MOST_ORG_KEYWORDS);
        }
        let level = line.bytes().take_while(|byte| *byte == b'*').count();
        if !in_block
            && level > 0
            && let Some(title) = line[level..].strip_prefix(' ')
        {
            let title = without_org_tags(title.trim());
            let title = without_org_state(title, &keywords);
            outline.headings.push(MarkupHeading { from, level, title: one_line(title) });
        }
    }
    outline.headings.retain(|heading| !heading.title.is_empty());
    outline
}

/// What may stand before a heading of org, in every text.
const ORG_KEYWORDS: [&str; 2] = [concat!("TO", "DO"), "DONE"];

/// How many keywords a text may have.
const MOST_ORG_KEYWORDS: usize = 64;

/// The keywords that a line declares, whose beginning is `upper` in capitals; `None` for other lines.
fn org_keywords(upper: &str, line: &str) -> Option<Vec<String>> {
    let name = upper.strip_prefix("#+")?;
    let name = name.strip_prefix("SEQ_").or_else(|| name.strip_prefix("TYP_")).unwrap_or(name);
    if name.split(':').next() != Some(ORG_KEYWORDS[0]) {
        return None;
    }
    let (_, words) = line.split_once(':')?;
    // A keyword may have the key in parentheses that sets it.
    let words = words.split_whitespace().filter_map(|word| word.split('(').next());
    let words = words.filter(|word| word.contains(char::is_alphanumeric));
    Some(words.take(MOST_ORG_KEYWORDS).map(str::to_owned).collect())
}

/// A heading without its keyword and without `[#A]`, which says how urgent it is; as it is when nothing else is in it.
fn without_org_state<'t>(title: &'t str, keywords: &[String]) -> &'t str {
    let rest_of =
        |word: &String| title.strip_prefix(word.as_str()).filter(|rest| rest.starts_with([' ', '\t']));
    let rest = keywords.iter().find_map(rest_of).unwrap_or(title).trim_start();
    let behind_priority = rest.strip_prefix("[#").and_then(|rest| rest.split_once(']'));
    let rest = match behind_priority {
        Some((priority, behind))
            if (1..=2).contains(&priority.len())
                && priority.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            behind.trim_start()
        }
        _ => rest,
    };
    if rest.is_empty() { title } else { rest }
}

/// A heading without `:tag:other:` at its end.
fn without_org_tags(title: &str) -> &str {
    let is_tag = |c: char| c.is_alphanumeric() || "_@#%:".contains(c);
    match title.rsplit_once(' ') {
        Some((before, tags))
            if tags.len() > 2 && tags.starts_with(':') && tags.ends_with(':') && tags.chars().all(is_tag) =>
        {
            before.trim_end()
        }
        _ => title,
    }
}

/// The commands of LaTeX that begin a section, from the outermost on.
const LATEX_SECTIONS: [&str; 7] =
    ["part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"];

/// `\section{Title}` at the beginning of a line, `\title{Title}`.
fn latex(text: &str) -> MarkupOutline {
    let mut outline = MarkupOutline::default();
    let mut is_verbatim = false;
    for (from, line) in lines(text) {
        let begins = from + line.len() - line.trim_start().len();
        let line = line.trim_start();
        for name in ["verbatim", "lstlisting", "minted"] {
            is_verbatim |= line.starts_with(&format!("\\begin{{{name}"));
            is_verbatim &= !line.starts_with(&format!("\\end{{{name}"));
        }
        let Some(command) = line.strip_prefix('\\').filter(|_| !is_verbatim) else { continue };
        let word = command.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let argument = || latex_argument(&text[begins + 1 + word.len()..]).filter(|title| !title.is_empty());
        let level = LATEX_SECTIONS.iter().position(|section| *section == word);
        match (word, level) {
            ("title", _) => outline.title = argument(),
            (_, Some(level)) => outline.headings.extend(argument().map(|title| MarkupHeading {
                from,
                level: level + 1,
                title,
            })),
            _ => {}
        }
    }
    outline
}

/// The title that follows a command, behind its star and its short form.
fn latex_argument(text: &str) -> Option<String> {
    let text = text.strip_prefix('*').unwrap_or(text);
    let text = match text.strip_prefix('[') {
        Some(short) => &short[short.find([']', '\n'])? + 1..],
        None => text,
    };
    text.starts_with('{').then(|| braced(text))
}

/// The longest argument that is read as a title, in characters.
const LONGEST_TITLE: usize = 400;

/// The text in the braces that `text` begins with, without commands.
fn braced(text: &str) -> String {
    let (mut depth, mut title, mut is_command) = (0, String::new(), false);
    for c in text.chars().take(LONGEST_TITLE) {
        is_command = c == '\\' || (is_command && c.is_ascii_alphabetic());
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '~' => title.push(' '),
            c if !is_command => title.push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    one_line(&title)
}

#[cfg(test)]
mod tests;
