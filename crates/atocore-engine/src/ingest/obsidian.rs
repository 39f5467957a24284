//! What Obsidian does not show of a note: comments, and the data of drawings.

use std::{borrow::Cow, ops::Range};

use super::{blobs::without, markdown};

/// What begins and ends a comment.
const COMMENT: &str = "%%";

/// What the front matter of a note says that is a drawing of the Excalidraw plugin.
const DRAWING: &str = "excalidraw-plugin:";

/// Gives a note without its comments, `%%` to `%%` outside of code, and a drawing without its data, which is code; lines stay
/// where they are. A comment begins a word and ends one, and one that does not end is text.
pub(super) fn without_hidden(text: &str) -> Cow<'_, str> {
    let is_drawing = text.starts_with("---") && text.contains(DRAWING);
    if !is_drawing && !text.contains(COMMENT) {
        return Cow::Borrowed(text);
    }
    let code = markdown::structure(text, 0).code;
    let mut hidden = comments(text, &code);
    if is_drawing {
        hidden.extend(code);
        hidden.sort_by_key(|range| range.start);
    }
    Cow::Owned(without(text, hidden, ""))
}

/// From `%%` to `%%`, rising.
fn comments(text: &str, code: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut code = code.iter().peekable();
    let mut comments = Vec::new();
    let mut open = None;
    for (at, sign) in text.match_indices(COMMENT) {
        while code.next_if(|block| block.end <= at).is_some() {}
        if code.peek().is_some_and(|block| block.start <= at) {
            continue;
        }
        let end = at + sign.len();
        let is_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '%');
        match open {
            Some(start) if !is_of_word(text[end..].chars().next()) => {
                comments.push(start..end);
                open = None;
            }
            None if !is_of_word(text[..at].chars().next_back()) => open = Some(at),
            _ => {}
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_shown_and_lines_stay() {
        for (text, shown) in [
            ("a %%b%% c", "a  c"),
            ("a\n%%\nb\n\n```\ncode\n```\n%%\nc", "a\n\n\n\n\n\n\n\nc"),
            ("100%% sure and 50%% more", "100%% sure and 50%% more"),
            ("a %%b", "a %%b"),
            (
                "`%%time` and\n\n```mermaid\n%% note\n%% note\n```\n",
                "`%%time` and\n\n```mermaid\n%% note\n%% note\n```\n",
            ),
            ("%%a%% %%b%% c", "  c"),
        ] {
            assert_eq!(without_hidden(text), shown, "{text:?}");
        }
    }

    #[test]
    fn the_data_of_a_drawing_is_not_shown() {
        let drawing = "---\nexcalidraw-plugin: parsed\n---\n# Text Elements\nPump ^a1\n\n# Drawing\n```compressed-json\nN4KAk\n```\n";
        let shown = without_hidden(drawing);
        assert!(shown.contains("Pump ^a1") && !shown.contains("N4KAk"), "{shown}");
        assert_eq!(shown.lines().count(), drawing.lines().count());
        let note = "```compressed-json\nN4KAk\n```\n";
        assert_eq!(without_hidden(note), note);
    }
}
