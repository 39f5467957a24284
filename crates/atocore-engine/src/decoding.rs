//! Makes text of the bytes of a file, whatever encoding it was written in. A guess is taken only when all of the text makes
//! sense in it; what is no text in any stays binary.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded<'b> {
    /// Without a byte order mark.
    pub(crate) text: Cow<'b, str>,
    /// The name of the encoding in the Encoding Standard.
    pub(crate) encoding: &'static str,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoText {
    /// They are something else.
    Binary,
    /// They are UTF-8 with a mistake at this offset.
    BrokenUtf8(usize),
}

/// Reads `bytes` as text. The same bytes give the same text every time.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, NoText> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes)
        && encoding != UTF_8
    {
        return marked(encoding, &bytes[length..]).ok_or(NoText::Binary);
    }
    if bytes.contains(&0) {
        return utf_16(bytes).ok_or(NoText::Binary);
    }
    match std::str::from_utf8(bytes) {
        Ok(_) if is_iso_2022_jp(bytes) => whole(ISO_2022_JP, bytes).ok_or(NoText::Binary),
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Ok(Decoded { text: Cow::Borrowed(text), encoding: UTF_8.name() })
        }
        Err(error) => match cesu_8(bytes) {
            Some(text) => Ok(Decoded { text: Cow::Owned(text), encoding: UTF_8.name() }),
            None => legacy(bytes, error.valid_up_to()),
        },
    }
}

/// The text in one encoding, when every byte of it makes sense.
fn whole<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> Option<Decoded<'b>> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    is_text(&text).then_some(Decoded { text, encoding: encoding.name() })
}

/// The text in the encoding that its mark tells, where a character in ten makes no sense at most.
fn marked<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> Option<Decoded<'b>> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let lost = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    let is_whole = lost * 10 <= text.chars().count() && is_text(&text.replace('\u{fffd}', ""));
    is_whole.then_some(Decoded { text, encoding: encoding.name() })
}

/// UTF-8 in which characters beyond the first 65,536 are pairs of surrogates, as databases and Java write it; a surrogate
/// without another becomes a replacement character. `None` where anything else is wrong.
fn cesu_8(bytes: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    let mut units = Vec::new();
    while !rest.is_empty() {
        let valid = std::str::from_utf8(rest)
            .unwrap_or_else(|error| std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default());
        text.push_str(valid);
        rest = &rest[valid.len()..];
        while let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, after @ ..] = rest {
            units.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
            rest = after;
        }
        if units.is_empty() && !rest.is_empty() {
            return None;
        }
        let decoded = char::decode_utf16(units.drain(..));
        text.extend(decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    Some(text)
}

/// Whether there is neither a control character in it nor one that stands for nothing. Old systems end a file with Ctrl-Z.
fn is_text(text: &str) -> bool {
    let text = text.strip_suffix('\u{1a}').unwrap_or(text);
    text.chars().all(|c| {
        let is_layout = matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{85}');
        let is_nothing = matches!(c, '\u{fffd}' | '\u{fdd0}'..='\u{fdef}' | '\u{e000}'..='\u{f8ff}')
            || u32::from(c) & 0xfffe == 0xfffe;
        is_layout || !(c.is_control() || is_nothing)
    })
}

/// UTF-16 without a mark. Text in UTF-8 that got zero bytes, as from a crash, is not taken for it: there not every second
/// byte is zero. Line ends and spaces have a zero byte, so text of any script shows which byte comes first; few
/// letters have one in the other place.
fn utf_16(bytes: &[u8]) -> Option<Decoded<'_>> {
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let is_ascii = |even: usize, odd: usize| even.max(odd) * 2 == bytes.len() && even.min(odd) == 0;
    let is_utf_8 = || std::str::from_utf8(bytes).is_ok_and(|text| is_text(&text.replace('\0', "")));
    let encoding = match (zeros(0), zeros(1)) {
        (even, odd) if !is_ascii(even, odd) && is_utf_8() => return None,
        (even, odd) if even * 4 <= odd => UTF_16LE,
        (even, odd) if odd * 4 <= even => UTF_16BE,
        _ => return None,
    };
    let decoded = whole(encoding, bytes)?;
    let told = decoded.text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).count();
    (told * 2 > decoded.text.chars().count()).then_some(decoded)
}

/// Seven bits only, with what shifts into and out of Japanese.
fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    let mut shifts = bytes.windows(3).filter(|three| matches!(three, [0x1b, b'$', b'@' | b'B']));
    bytes.is_ascii() && shifts.next().is_some()
}

/// An encoding from before Unicode, unless it is UTF-8 that was damaged: there most of what is not ASCII is right.
fn legacy(bytes: &[u8], wrong_at: usize) -> Result<Decoded<'_>, NoText> {
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    if right >= wrong {
        let is_binary = bytes.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
        return Err(if is_binary { NoText::Binary } else { NoText::BrokenUtf8(wrong_at) });
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let _has_high_bytes = detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    whole(encoding, bytes).ok_or(NoText::Binary)
}

#[cfg(test)]
mod tests;
