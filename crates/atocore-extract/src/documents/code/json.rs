//! The strings of JSON as what they say: `"caf\u00e9"` is found by `café`.

use std::borrow::Cow;

use crate::{extracted::TextSection, terminal::without_terminal_codes};

/// Whether files with this ending hold JSON, or a value of it on each line.
pub(super) fn is_json(ending: &str) -> bool {
    ["json", "jsonl", "ndjson"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Puts what the escapes in strings stand for in their place, and moves the beginnings of the sections, which are those of
/// lines, along. No line ends elsewhere.
pub(super) fn decode(text: &mut String, sections: &mut [TextSection]) {
    if !text.contains('\\') {
        return;
    }
    let mut decoded = String::with_capacity(text.len());
    let mut at = 0;
    for section in sections {
        push_decoded(&text[at..section.from], &mut decoded);
        at = section.from;
        section.from = decoded.len();
        for name in &mut section.path {
            if let Cow::Owned(shown) = string(name) {
                *name = shown;
            }
        }
    }
    push_decoded(&text[at..], &mut decoded);
    *text = decoded;
}

/// Appends whole lines. A string that its line does not end is broken, and ends there.
fn push_decoded(lines: &str, decoded: &mut String) {
    let mut rest = lines;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        let (before, content) = rest.split_at(quote + 1);
        decoded.push_str(before);
        let end = string_end(content.as_bytes());
        decoded.push_str(&string(&content[..end]));
        // Behind it comes the quote or the line end.
        let behind = content.len().min(end + 1);
        decoded.push_str(&content[end..behind]);
        rest = &content[behind..];
    }
    decoded.push_str(rest);
}

/// Where a string ends that begins here: at its quote, at the end of its line, or with the text.
fn string_end(content: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = content.get(from..).and_then(|rest| memchr::memchr3(b'"', b'\\', b'\n', rest)) {
        let at = from + at;
        match (content[at], content.get(at + 1)) {
            (b'\\', Some(b'"' | b'\\')) => from = at + 2,
            (b'\\', _) => from = at + 1,
            _ => return at,
        }
    }
    content.len()
}

/// What a string says, on one line. Escapes that are none stay as they are.
fn string(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    let mut said = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        said.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (character, length) = character(escape.as_bytes()).unwrap_or(('\\', 1));
        said.push(character);
        rest = &escape[length..];
    }
    said.push_str(rest);
    let said = without_terminal_codes(&said);
    let is_layout = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    Cow::Owned(said.replace(is_layout, " "))
}

/// The character that an escape stands for, and how long the escape is.
fn character(escape: &[u8]) -> Option<(char, usize)> {
    let character = match escape.get(1)? {
        b'n' | b'r' | b't' | b'b' | b'f' => ' ',
        escaped @ (b'"' | b'\\' | b'/') => char::from(*escaped),
        b'u' => {
            let first = unit(escape)?;
            let second = escape.get(6..).and_then(unit);
            let pair = char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?;
            return Some((pair, if pair.len_utf16() == 2 { 12 } else { 6 }));
        }
        _ => return None,
    };
    Some((character, 2))
}

/// The code unit of an escape such as `\u00e9`.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok())?;
        Some(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> String {
        let mut text = text.to_owned();
        decode(&mut text, &mut []);
        text
    }

    #[test]
    fn strings_are_what_they_say_on_the_lines_of_the_file() {
        for (text, expected) in [
            (r#"{"text":"first\nsecond\tthird\r\n"}"#, r#"{"text":"first second third  "}"#),
            (r#"["\u043f\u0440\u0438 Gr\u00f6\u00dfe \ud83d\ude00"]"#, r#"["при Größe 😀"]"#),
            (r#"["say \"word\"", "C:\\new", "a\/b"]"#, r#"["say "word"", "C:\new", "a/b"]"#),
            (r#"["\q \u12 \ud83d \ud83dx \ude00 \u+123 ä\"#, r#"["\q \u12 \ud83d \ud83dx \ude00 \u+123 ä\"#),
            (r#"["\ud83d\u0041 \u0000\u000a\u2028."]"#, r#"["\ud83dA    ."]"#),
            (r#"["\u001b[1mword\u001b[0m\\\"", 1]"#, r#"["word\"", 1]"#),
            ("{\"a\": \"b\\\n\"\\n\"}\r\n// \"x\n\"\\t\"\n", "{\"a\": \"b\\\n\" \"}\r\n// \"x\n\" \"\n"),
            (r#"\n "a" \n"#, r#"\n "a" \n"#),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_lost(text in "(\\\\|\"|u|n|d83d|\\\\ude00|00|\n|\\PC){0,40}") {
            prop_assert_eq!(decoded(&text).matches('\n').count(), text.matches('\n').count());
        }
    }
}
