//! JSON text as clients send it.

/// The mark that some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes a byte order mark away, and mends the characters that are none.
pub(crate) fn mend(json: &mut Vec<u8>) {
    if json.starts_with(BYTE_ORDER_MARK) {
        drop(json.drain(..BYTE_ORDER_MARK.len()));
    }
    mend_surrogates(json);
}

/// Puts the sign for an unknown character in place of each half of a surrogate pair that stands alone. Programs that
/// cut texts by UTF-16 units send them; they are no characters, and no text can hold them.
fn mend_surrogates(json: &mut [u8]) {
    let unit = |json: &[u8], at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(json, at) {
            Some(0xd800..=0xdbff) if matches!(unit(json, at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                json[at..at + 6].copy_from_slice(b"\\ufffd");
                at += 6;
            }
            // What is escaped is passed over, a backslash too.
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_that_stand_alone_are_replaced_and_nothing_else() {
        for (sent, read) in [
            (r#"keys \ud83d"#, "keys \u{fffd}"),
            (r#"\uDE00\uD83D\uDE00"#, "\u{fffd}😀"),
            (r#"\ud83d\ud83d\ude00x"#, "\u{fffd}😀x"),
            (r#"\ud83d\u0041"#, "\u{fffd}A"),
            (r#"\\ud83d \u00e9\n"#, "\\ud83d é\n"),
        ] {
            let mut json = format!("\"{sent}\"").into_bytes();
            mend_surrogates(&mut json);
            assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), read);
        }
        for odd in [r"\", r"\u", r"\ud83", r"\ud83d\", r"\u+123", r"\ud83d\u"] {
            let mut json = odd.as_bytes().to_vec();
            mend_surrogates(&mut json);
            assert_eq!(json.len(), odd.len());
        }
    }
}
