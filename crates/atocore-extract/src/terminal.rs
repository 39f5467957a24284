//! What programs write for a terminal beside the text that it shows.

use std::borrow::Cow;

const ESCAPE: char = '\x1b';

/// How far the end of a string for the terminal is looked for, in bytes.
const LONGEST_STRING: usize = 4096;

/// A text without the escape sequences that set colours, titles, links and the like. A jump to another column becomes a
/// space. Line ends stay, and of a sequence that is cut off nothing is lost but its beginning.
#[must_use]
pub(crate) fn without_terminal_codes(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(ESCAPE) else { return Cow::Borrowed(text) };
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    let mut next = Some(first);
    while let Some(at) = next {
        plain.push_str(&rest[..at]);
        let (code, behind) = rest[at + ESCAPE.len_utf8()..].split_at(code_length(&rest.as_bytes()[at + 1..]));
        if is_jump(code) && !plain.ends_with(char::is_whitespace) {
            plain.push(' ');
        }
        rest = behind;
        next = rest.find(ESCAPE);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// How many bytes behind an `ESC` belong to its sequence; all of them but those of a string are ASCII.
fn code_length(behind: &[u8]) -> usize {
    let run = |from: usize, bytes: std::ops::RangeInclusive<u8>| {
        from + behind.iter().skip(from).take_while(|byte| bytes.contains(byte)).count()
    };
    let is_final = |at: usize, from: u8| behind.get(at).is_some_and(|byte| (from..=b'~').contains(byte));
    match behind.first() {
        Some(b'[') => {
            let parameters = run(1, b'0'..=b'?');
            let end = run(parameters, b' '..=b'/');
            if is_final(end, b'@') { end + 1 } else { parameters }
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string_length(behind).unwrap_or(1),
        // Character sets.
        Some(b'#' | b'%' | b'('..=b'/') if is_final(1, b'0') => 2,
        Some(b'7' | b'8' | b'=' | b'>' | b'D' | b'E' | b'H' | b'M' | b'N' | b'O' | b'Z' | b'c' | b'\\') => 1,
        _ => 0,
    }
}

/// How long a string for the terminal is, its end included; `None` when it has none on its line.
fn string_length(behind: &[u8]) -> Option<usize> {
    let end =
        behind.iter().take(LONGEST_STRING).position(|byte| matches!(byte, b'\x07' | b'\x1b' | b'\n'))?;
    match &behind[end..] {
        [b'\x07', ..] => Some(end + 1),
        [b'\x1b', b'\\', ..] => Some(end + 2),
        _ => None,
    }
}

/// Whether a sequence moves on to another column.
fn is_jump(code: &str) -> bool {
    code.starts_with('[') && code.ends_with(['C', 'G', 'H', 'f'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_has_no_terminal_codes() {
        for (text, plain) in [
            ("INFO \x1b[1mword\x1b[0m done\n", "INFO word done\n"),
            ("\x1b[38;5;208mword\x1b[m\x1b[?25l\x1b[2K\x1b[38:2::1:2:3mä", "wordä"),
            ("\x1b]0;title\x07word \x1b]8;;https://a.org\x1b\\link\x1b]8;;\x1b\\", "word link"),
            ("\x1b(Bword\x1b7\x1b=\x1bM", "word"),
            ("one\x1b[5Ctwo\x1b[1Gthree", "one two three"),
            ("\x1b[1\nword \x1b[äöü \x1b]0;cut\nword\x1b", "\nword äöü 0;cut\nword"),
            ("\x1bword \x1b\x1b[1mx", "word x"),
            ("no code", "no code"),
        ] {
            assert_eq!(without_terminal_codes(text), plain, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_lost(text in "(\x1b|\\[|\\]|\\\\|\x07|\n|;|1|m|C|\\(| |\\PC){0,40}") {
            let plain = without_terminal_codes(&text);
            prop_assert_eq!(plain.matches('\n').count(), text.matches('\n').count());
            prop_assert!(!plain.contains('\x1b'));
        }
    }
}
