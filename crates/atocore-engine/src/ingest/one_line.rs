//! Text for a title, a heading or a label: on one line, and not too long.

/// In characters; headings that are longer are cut in paths and titles, and their full text counts as text of the section.
pub(super) const LONGEST_LINE: usize = 200;

/// Puts `text` on one line and cuts it to [`LONGEST_LINE`] characters, at a word where there is one.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
            line.truncate(end);
            let word_end = line.rfind(' ').filter(|&space| space > end / 2).unwrap_or(end);
            line.truncate(word_end);
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_a_word_or_in_the_middle_of_the_only_one() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
        assert_eq!(one_line(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(one_line(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
    }
}
