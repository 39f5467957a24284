//! Names in source code that are words written together.

use std::collections::HashSet;

/// The words of every name in `texts` that has several, such as `chunkLimits` or `HTTPServer`; those of each name once.
///
/// Where signs stand between words they are found apart anyway.
pub(super) fn parts<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut seen = HashSet::new();
    let mut parts = String::new();
    let names = texts.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    for name in names.filter(|name| name.chars().any(char::is_lowercase)) {
        let ends = part_ends(name);
        if ends.len() > 1 && seen.insert(name) {
            let mut from = 0;
            for end in ends {
                parts.push_str(&name[from..end]);
                parts.push(' ');
                from = end;
            }
        }
    }
    parts
}

/// Where the words of a name end: before a capital that follows a small letter or a digit, and before the last of several
/// capitals that a small letter follows.
fn part_ends(name: &str) -> Vec<usize> {
    let letters: Vec<(usize, char)> = name.char_indices().collect();
    let begins = |window: &[(usize, char)]| {
        let (before, at) = (window[0].1, window[1]);
        let is_last_capital =
            before.is_uppercase() && window.get(2).is_some_and(|next| next.1.is_lowercase());
        (at.1.is_uppercase() && (!before.is_uppercase() || is_last_capital)).then_some(at.0)
    };
    let inner =
        (0..letters.len().saturating_sub(1)).filter_map(|i| begins(&letters[i..letters.len().min(i + 3)]));
    inner.chain([name.len()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_written_together_are_found_apart() {
        for (text, expected) in [
            ("let chunkLimits = new HTTPServer(chunkLimits);", "chunk Limits HTTP Server "),
            ("MAX_SIZE snake_case plain Word X 5", ""),
            ("getX2Value utf8Decode ÄpfelUndBirnen", "get X2 Value utf8 Decode Äpfel Und Birnen "),
        ] {
            assert_eq!(parts([text]), expected);
        }
    }
}
