//! What stands within running text and means more than its letters: tags, and characters that are written by name.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use atocore_model::name::Tag;
use pulldown_cmark::{Event, Parser};

/// A document has no more tags than this.
pub(super) const MAX_TAGS: usize = 500;

/// Adds the tags of running text to `tags`, as Obsidian reads them: `#` behind white space or at the start of a line, then
/// letters, digits, `_`, `-` and `/`, not only digits.
pub(super) fn add_tags(text: &str, prose: &[Range<usize>], tags: &mut Tags) {
    for range in prose {
        let mut at = range.start;
        while let Some(offset) = text[at..range.end].find('#') {
            let sign = at + offset;
            at = sign + 1;
            if text[..sign].chars().next_back().is_some_and(|before| !before.is_whitespace()) {
                continue;
            }
            let rest = &text[at..range.end];
            let word = &rest[..rest.find(|c| !is_of_a_tag(c)).unwrap_or(rest.len())];
            at += word.len();
            if says_something(word) {
                tags.add(word);
            }
        }
    }
}

/// Tags in their order, no two the same.
#[derive(Debug, Default)]
pub(super) struct Tags {
    tags: Vec<Tag>,
    seen: HashSet<String>,
}

impl Tags {
    /// Adds what can be a tag, up to [`MAX_TAGS`].
    pub(super) fn add(&mut self, text: &str) {
        if self.tags.len() < MAX_TAGS
            && let Ok(tag) = text.parse::<Tag>()
            && self.seen.insert(tag.folded())
        {
            self.tags.push(tag);
        }
    }

    pub(super) fn into_inner(self) -> Vec<Tag> {
        self.tags
    }
}

/// All but white space, control characters and punctuation; that is, emoji too.
fn is_of_a_tag(c: char) -> bool {
    match c {
        '_' | '-' | '/' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        '\u{2000}'..='\u{206f}' | '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{303f}' => false,
        '\u{ff01}'..='\u{ff0f}'
        | '\u{ff1a}'..='\u{ff20}'
        | '\u{ff3b}'..='\u{ff40}'
        | '\u{ff5b}'..='\u{ff65}' => false,
        c => !c.is_whitespace() && !c.is_control(),
    }
}

/// Whether it is more than a number and more than signs.
fn says_something(word: &str) -> bool {
    word.chars().any(|c| c.is_alphabetic() || (!c.is_ascii() && !c.is_numeric()))
        || (word.contains(['-', '_']) && word.chars().any(char::is_numeric))
}

/// The longest name of a character with its signs, in bytes.
const MAX_ENTITY: usize = 34;

/// Finds what stands for a character by its name or number, as in `caf&eacute;`, with that character. Not in code, and
/// nothing that ends a line or commands a terminal.
pub(super) fn entities(text: &str, from: usize, code: &[Range<usize>]) -> Vec<(Range<usize>, String)> {
    let mut known: HashMap<&str, Option<String>> = HashMap::new();
    let mut code = code.iter().peekable();
    let mut found = Vec::new();
    for (offset, _) in text[from..].match_indices('&') {
        let at = from + offset;
        while code.next_if(|block| block.end <= at).is_some() {}
        if code.peek().is_some_and(|block| block.start <= at) || text[..at].ends_with('\\') {
            continue;
        }
        let written = &text.as_bytes()[at..text.len().min(at + MAX_ENTITY)];
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
        let length = written.iter().skip(1).take_while(is_name).count() + 1;
        if written.get(length) != Some(&b';') {
            continue;
        }
        let entity = &text[at..=at + length];
        if let Some(character) = known.entry(entity).or_insert_with(|| decoded(entity)) {
            found.push((at..at + entity.len(), character.clone()));
        }
    }
    found
}

/// What the parser makes of an entity; `None` when it is none.
fn decoded(entity: &str) -> Option<String> {
    let texts = Parser::new(entity).filter_map(|event| match event {
        Event::Text(text) => Some(text.into_string()),
        _ => None,
    });
    let decoded: String = texts.collect();
    (!decoded.is_empty() && decoded != entity && !decoded.contains(char::is_control)).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::{super::markdown, *};

    fn tags(text: &str) -> Vec<String> {
        let mut tags = Tags::default();
        add_tags(text, &markdown::structure(text, 0).prose, &mut tags);
        tags.into_inner().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_stand_in_running_text() {
        assert_eq!(tags("Ask #ops, then #Project/alpha_2-b. #Ops"), ["ops", "Project/alpha_2-b"]);
        assert_eq!(
            tags("#first\n## Title #second\n- #third\n> #fourth\n\n| #fifth |\n"),
            ["first", "second", "third", "fourth", "fifth"]
        );
        assert_eq!(
            tags("**bold** #日本語 #été #🎉 #y1984 #2026-11"),
            ["日本語", "été", "🎉", "y1984", "2026-11"]
        );
        assert_eq!(tags("#a_b_c and *#x* #d/"), ["a_b_c", "d"]);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "# Heading",
            "###### Six #",
            "#1984 is a number, so is #12/3",
            "`#code` and ``a #b``",
            "```c\n#include\n```",
            "    #indented",
            "a#b (#c) [#d](#e) http://x/#f",
            "\\#escaped",
            "<!-- #comment -->",
            "<div>\n#html\n</div>",
            "# # ## #/ #- #_",
            "&#35;entity &#x23;x",
        ] {
            assert_eq!(tags(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn characters_that_are_named_are_found_outside_of_code() {
        let text = "caf&eacute; &amp; &#x41; `&amp;` \\&amp; &nosuch; &amp &#10; &#27; AT&T; <b>&uuml;</b>\n\n    &lt;\n";
        let structure = markdown::structure(text, 0);
        let found = entities(text, 0, &structure.code);
        let found: Vec<_> = found.iter().map(|(range, c)| (&text[range.clone()], c.as_str())).collect();
        assert_eq!(found, [("&eacute;", "é"), ("&amp;", "&"), ("&#x41;", "A"), ("&uuml;", "ü")]);
    }

    #[test]
    fn a_text_of_tags_has_a_limit() {
        let many: String = (0..2 * MAX_TAGS).map(|number| format!("#t{number} ")).collect();
        assert_eq!(tags(&many).len(), MAX_TAGS);
        assert_eq!(tags(&format!("#{}", "x".repeat(1_000_000))), [""; 0]);
    }
}
