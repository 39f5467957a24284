//! Names in source code that are words written together.

use std::collections::HashSet;

/// What else the names in `texts` are found by, each once: the words of `chunkLimits` and `HTTPServer`, which are written
/// together, and `chunk_limits` in one word, so that a name is found in whatever case style.
pub(super) fn other_forms<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut seen = HashSet::new();
    let mut forms = String::new();
    let names = texts.into_iter().flat_map(|text| text.split(|c: char| !is_of_a_name(c)));
    // Nearly every word of a text is none that has parts.
    let may_have_parts = |name: &&str| name.contains(JOINTS) || name.chars().skip(1).any(char::is_uppercase);
    for name in names.filter(may_have_parts).filter(|name| seen.insert(*name)) {
        let Some(parts) = identifier_parts(name) else { continue };
        for joined in name.split(JOINTS) {
            let parts = words_of(joined);
            if parts.len() > 1 {
                parts.iter().for_each(|part| forms.extend([part, " "]));
            }
        }
        if name.contains(JOINTS) {
            parts.iter().for_each(|part| forms.push_str(part));
            forms.push(' ');
        }
    }
    forms
}

/// What joins the words of a name.
const JOINTS: [char; 2] = ['_', '-'];

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || JOINTS.contains(&c)
}

/// The words of a name, in whatever case style they are joined: `maxFileBytes`, `MAX_FILE_BYTES`, `max-file-bytes`;
/// `None` for a single word and for what is no name.
#[must_use]
pub fn identifier_parts(name: &str) -> Option<Vec<&str>> {
    if !name.chars().all(is_of_a_name) || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    let parts: Vec<&str> = name.split(JOINTS).flat_map(words_of).collect();
    (parts.len() > 1).then_some(parts)
}

/// The words of a run of letters and digits.
fn words_of(run: &str) -> Vec<&str> {
    let mut from = 0;
    let ends = if run.chars().any(char::is_lowercase) { part_ends(run) } else { vec![run.len()] };
    let words = ends.into_iter().map(|end| &run[std::mem::replace(&mut from, end)..end]);
    words.filter(|word| !word.is_empty()).collect()
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
    fn names_are_found_by_their_words_and_in_one_word() {
        for (text, expected) in [
            ("let chunkLimits = new HTTPServer(chunkLimits);", "chunk Limits HTTP Server "),
            ("Word X 5 2024-05-03 - _", ""),
            ("MAX_SIZE, snake_case and --max-size", "MAXSIZE snakecase maxsize "),
            (
                "getX2Value my_utf8Decode ÄpfelUndBirnen",
                "get X2 Value utf8 Decode myutf8Decode Äpfel Und Birnen ",
            ),
        ] {
            assert_eq!(other_forms([text]), expected);
        }
    }

    #[test]
    fn a_name_has_the_same_words_in_every_case_style() {
        for name in [
            "maxFileBytes",
            "MaxFileBytes",
            "max_file_bytes",
            "MAX_FILE_BYTES",
            "max-file-bytes",
            "_maxFile_bytes",
        ] {
            let parts = identifier_parts(name).unwrap();
            assert_eq!(parts.join(" ").to_lowercase(), "max file bytes", "{name}");
        }
        for other in ["word", "WAL", "E0499", "a.b_c", "2024-05-03", "src/main_file.rs", "two words", "_", ""]
        {
            assert_eq!(identifier_parts(other), None, "{other}");
        }
    }
}
