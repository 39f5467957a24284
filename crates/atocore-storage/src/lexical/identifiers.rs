//! Names in source code that are words written together.

use std::collections::HashSet;

/// What else the names in `texts` are found by, each once, so that a name is found in whatever case style.
///
/// It is the words of `chunkLimits` and `HTTPServer`, which are written together, and `chunk_limits` in one word.
#[must_use]
pub fn other_forms<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let (mut seen, mut forms) = (HashSet::new(), String::new());
    for text in texts {
        let mut from = 0;
        while let Some(name) = next_joined(text, &mut from) {
            if seen.insert(name) {
                push_forms(name, &mut forms);
            }
        }
    }
    forms
}

/// What joins the words of a name.
const JOINTS: [char; 2] = ['_', '-'];

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || JOINTS.contains(&c)
}

/// The next name that may have several words: it has a joint, or a capital that is not its first letter. `from` is where to
/// begin, and then where the name ends. Every text that is ingested goes through here, so most of it is passed over byte by
/// byte.
fn next_joined<'t>(text: &'t str, from: &mut usize) -> Option<&'t str> {
    let bytes = text.as_bytes();
    let follows_a_name = |at: usize| match bytes[at - 1] {
        byte if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        _ => text[..at].chars().next_back().is_some_and(is_of_a_name),
    };
    let is_capital =
        |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(char::is_uppercase);
    let mut at = *from;
    loop {
        let is_joined = match *bytes.get(at)? {
            b'_' | b'-' => true,
            b'A'..=b'Z' => at > *from && follows_a_name(at),
            0x80.. => at > *from && is_capital(at) && follows_a_name(at),
            _ => false,
        };
        if is_joined {
            break;
        }
        at += 1;
    }
    let length = |c: char| Some(c).filter(|c| is_of_a_name(*c)).map(char::len_utf8);
    let start = at - text[*from..at].chars().rev().map_while(length).sum::<usize>();
    *from = at + text[at..].chars().map_while(length).sum::<usize>();
    Some(&text[start..*from])
}

/// Puts down what a name is found by beside itself.
fn push_forms(name: &str, forms: &mut String) {
    let mut words = 0;
    for run in name.split(JOINTS).filter(|run| !run.is_empty()) {
        let before = forms.len();
        let mut of_run = 0;
        each_word(run, |word| {
            of_run += 1;
            forms.extend([word, " "]);
        });
        if of_run == 1 {
            forms.truncate(before);
        }
        words += of_run;
    }
    if words > 1 && name.contains(JOINTS) && name.chars().any(char::is_alphabetic) {
        forms.extend(name.split(JOINTS));
        forms.push(' ');
    }
}

/// The words of a name, in whatever case style they are joined: `maxFileBytes`, `MAX_FILE_BYTES`, `max-file-bytes`;
/// `None` for a single word and for what is no name.
#[must_use]
pub fn identifier_parts(name: &str) -> Option<Vec<&str>> {
    if !name.chars().all(is_of_a_name) || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    let mut parts = Vec::new();
    for run in name.split(JOINTS).filter(|run| !run.is_empty()) {
        each_word(run, |word| parts.push(word));
    }
    (parts.len() > 1).then_some(parts)
}

/// The words of a run of letters and digits. One begins at a capital that follows a small letter or a digit, and at the last
/// of several capitals that a small letter follows; capitals alone are one word.
fn each_word<'r>(run: &'r str, mut each: impl FnMut(&'r str)) {
    let has_small = run.chars().any(char::is_lowercase);
    let (mut from, mut before) = (0, None);
    let mut letters = run.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|(_, next)| next.is_lowercase());
        let follows = |before: char| !before.is_uppercase() || next_is_small;
        if has_small && letter.is_uppercase() && before.is_some_and(follows) {
            each(&run[from..at]);
            from = at;
        }
        before = Some(letter);
    }
    each(&run[from..]);
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
    fn names_in_other_scripts_are_told_by_their_capitals_too() {
        for (text, expected) in [
            ("größeÄndern, dasÖl", "größe Ändern das Öl "),
            ("é-É 日本-語", "éÉ 日本語 "),
            ("ÉcoleNormale ΑΒγΔε", "École Normale Α Βγ Δε "),
            ("K2-18b -a- --- a_", "K218b "),
        ] {
            assert_eq!(other_forms([text]), expected, "{text}");
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
