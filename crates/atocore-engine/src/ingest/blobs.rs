//! Leaves out of a text what no reader reads: the content of `data:` addresses, and long runs of base64 or hexadecimal
//! digits. Lines stay where they are.

use std::{borrow::Cow, ops::Range};

/// A run of digits and letters without a space that is longer, in bytes, is no word, no key and no digest.
const LONG: usize = 1024;

/// Of such a run the beginning stays, so that it is found by it.
const KEPT: usize = 256;

/// A key or a certificate has fewer full lines of base64.
const MANY_LINES: usize = 40;

/// Of more lines than that, these stay.
const KEPT_LINES: usize = 4;

/// The most bytes that may stand between `data:` and the comma.
const MAX_HEAD: usize = 200;

/// Gives `text` with `…` in the place of what is left out.
pub(super) fn without_blobs(text: &str) -> Cow<'_, str> {
    let mut left_out = addresses(text);
    left_out.extend(runs(text));
    left_out.extend(blocks(text));
    if left_out.is_empty() {
        return Cow::Borrowed(text);
    }
    left_out.sort_by_key(|range| range.start);
    Cow::Owned(without(text, left_out, "…"))
}

/// Gives `text` with `sign` in the place of each range, which rise; one that begins within another goes with it. Lines stay where
/// they are.
pub(super) fn without(text: &str, ranges: Vec<Range<usize>>, sign: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        let Some(before) = text.get(end..range.start) else { continue };
        shown.push_str(before);
        shown.push_str(sign);
        shown.extend(text[range.clone()].chars().filter(|c| *c == '\n'));
        end = range.end;
    }
    shown.push_str(&text[end..]);
    shown
}

/// The contents of `data:` addresses: everything in base64, and pictures that are written out.
fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, scheme) in text.match_indices("data:") {
        let start = at + scheme.len();
        let head = &text.as_bytes()[start..text.len().min(start + MAX_HEAD)];
        let is_of_head = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/+.;=_-".contains(*byte);
        let length = head.iter().take_while(is_of_head).count();
        if head.get(length) != Some(&b',') {
            continue;
        }
        let head = text[start..start + length].to_ascii_lowercase();
        let content = start + length + 1;
        let quote = text[..at].chars().next_back().filter(|c| matches!(c, '"' | '\''));
        let length = if head.ends_with(";base64") {
            base64_length(&text[content..], quote.is_some())
        } else if head.starts_with("image/") {
            picture_length(&text[content..], quote)
        } else {
            0
        };
        if length > 0 {
            found.push(content..content + length);
        }
    }
    found
}

/// How far base64 goes; within quotation marks it may have line ends.
fn base64_length(text: &str, quoted: bool) -> usize {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-%".contains(byte);
    let is_of_it = |byte: &u8| is_digit(byte) || (quoted && byte.is_ascii_whitespace());
    let length = text.bytes().take_while(is_of_it).count();
    if text.as_bytes()[..length].iter().any(is_digit) { length } else { 0 }
}

/// How far a picture goes that is written out: to the quotation mark that ends it, else to where an address ends.
fn picture_length(text: &str, quote: Option<char>) -> usize {
    let end = quote.and_then(|quote| text.find(quote));
    end.or_else(|| text.find([' ', '\t', '\n', '\r', '"', '\'', ')', '`'])).unwrap_or(text.len())
}

/// The rest of runs that are too long.
fn runs(text: &str) -> Vec<Range<usize>> {
    let is_of_run = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(byte);
    let bytes = text.as_bytes();
    let (mut found, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| is_of_run(byte)).count();
        let run = &bytes[start..start + length];
        // A line of signs, or one letter again and again, is drawn and not encoded.
        if length > LONG && run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic) {
            found.push(start + KEPT..start + length);
        }
        start += length + 1;
    }
    found
}

/// The rest of many full lines of base64, one below the other.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut block = EncodedBlock::default();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let shown = line.trim();
        if !is_full_line(shown) || (block.lines > 0 && shown.len() != block.width) {
            found.extend(block.rest());
            block = EncodedBlock::default();
        }
        if is_full_line(shown) {
            block.take(shown.len(), offset..offset + line.trim_end().len());
        }
        offset += line.len();
    }
    found.extend(block.rest());
    found
}

#[derive(Default)]
struct EncodedBlock {
    lines: usize,
    width: usize,
    /// Where the lines end that stay, and where all of them end.
    kept: usize,
    end: usize,
}

impl EncodedBlock {
    fn take(&mut self, width: usize, line: Range<usize>) {
        self.lines += 1;
        self.width = width;
        self.end = line.end;
        if self.lines <= KEPT_LINES {
            self.kept = line.end;
        }
    }

    fn rest(&self) -> Option<Range<usize>> {
        (self.lines > MANY_LINES).then_some(self.kept..self.end)
    }
}

/// Whether a line is nothing but base64. A list of digests in hexadecimal is none: it has letters of one case only.
fn is_full_line(line: &str) -> bool {
    (48..=256).contains(&line.len())
        && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        && line.contains(|c: char| c.is_ascii_uppercase())
        && line.contains(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_carries_is_left_out_at_any_length() {
        for (text, shown) in [
            ("![a](data:image/png;base64,iVBORw0KGgo=) b", "![a](data:image/png;base64,…) b"),
            ("<img src=\"data:image/gif;base64,R0lG\n  ODlh\">", "<img src=\"data:image/gif;base64,…\n\">"),
            ("x data:;BASE64,QQ== y", "x data:;BASE64,… y"),
            ("src='data:image/svg+xml;utf8,<svg a=\"b\"/>' c", "src='data:image/svg+xml;utf8,…' c"),
            ("url(data:image/svg+xml,%3Csvg) d", "url(data:image/svg+xml,…) d"),
        ] {
            assert_eq!(without_blobs(text), shown);
        }
        let picture = format!("![](data:image/png;base64,{})", "iVBORw0KGgo".repeat(10_000));
        assert_eq!(without_blobs(&picture), "![](data:image/png;base64,…)");
    }

    #[test]
    fn what_is_said_about_addresses_stays() {
        for text in [
            "The prefix `data:image/png;base64,` is followed by the picture.",
            "data:text/plain,hello and data: see below, data:x",
            "metadata:a,b",
        ] {
            assert_eq!(without_blobs(text), text);
        }
    }

    #[test]
    fn long_runs_are_shown_by_their_beginning_and_digests_whole() {
        let digits = |length: usize| "0123456789abcdef".repeat(length / 16);
        for length in [64, 128, 512, 1024] {
            assert_eq!(without_blobs(&digits(length)), digits(length));
        }
        let run = digits(4096);
        assert_eq!(without_blobs(&format!("a {run} b")), format!("a {}… b", &run[..KEPT]));
        for drawn in ["=".repeat(5000), "-_".repeat(5000), "x".repeat(5000), "文1a".repeat(5000)] {
            assert_eq!(without_blobs(&drawn), drawn);
        }
    }

    #[test]
    fn many_lines_of_base64_are_left_out_and_lines_stay_where_they_are() {
        let line = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0Z3VS5JJcds3xfnyg6Pp";
        let key = format!("-----BEGIN-----\n{}-----END-----\n", format!("{line}\n").repeat(26));
        assert_eq!(without_blobs(&key), key);
        let blob = format!("before\n{}after\n", format!("  {line}\r\n").repeat(1000));
        let shown = without_blobs(&blob);
        assert_eq!(shown.lines().count(), blob.lines().count());
        assert_eq!(shown.lines().last(), Some("after"));
        assert_eq!(shown.matches("  MIIB").count(), KEPT_LINES);
        let digests = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n".repeat(1000);
        assert_eq!(without_blobs(&digests), digests);
    }
}
