use encoding_rs::{BIG5, EUC_KR, GBK, KOI8_U, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};
use proptest::prelude::*;

use super::*;

fn text(bytes: &[u8]) -> (String, &'static str) {
    let decoded = decode(bytes).unwrap_or_else(|why| panic!("{bytes:?} is text, not {why:?}"));
    (decoded.text.into_owned(), decoded.encoding)
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

const GERMAN: &str = "Die Schlüssel für das Tor liegen im Büro.\r\nGrüße aus Köln, schöne Straße 5.\r\n";
const RUSSIAN: &str = "Ключи от ворот лежат в кабинете.\nПривет из Москвы, улица Ленина, дом 5.\n";
const JAPANESE: &str = "門の鍵は事務所にあります。\n東京からこんにちは。カタカナも読めます。\n";
const CHINESE: &str = "大门的钥匙在办公室里。\n来自北京的问候，欢迎光临我们的网站。\n";
const KOREAN: &str = "대문의 열쇠는 사무실에 있습니다.\n서울에서 인사드립니다.\n";

#[test]
fn unicode_is_read_in_every_form() {
    for content in [GERMAN, RUSSIAN, JAPANESE, CHINESE, KOREAN, "a", ""] {
        assert_eq!(text(content.as_bytes()), (content.to_owned(), "UTF-8"));
        assert_eq!(text(format!("\u{feff}{content}").as_bytes()), (content.to_owned(), "UTF-8"));
        let marked = format!("\u{feff}{content}");
        assert_eq!(text(&utf_16(&marked, u16::to_le_bytes)), (content.to_owned(), "UTF-16LE"));
        assert_eq!(text(&utf_16(&marked, u16::to_be_bytes)), (content.to_owned(), "UTF-16BE"));
        if !content.is_empty() {
            assert_eq!(text(&utf_16(content, u16::to_le_bytes)), (content.to_owned(), "UTF-16LE"));
            assert_eq!(text(&utf_16(content, u16::to_be_bytes)), (content.to_owned(), "UTF-16BE"));
        }
    }
}

#[test]
fn encodings_from_before_unicode_are_recognised() {
    for (content, encoding) in [
        (GERMAN, WINDOWS_1252),
        (RUSSIAN, WINDOWS_1251),
        (RUSSIAN, KOI8_U),
        (JAPANESE, SHIFT_JIS),
        (CHINESE, GBK),
        ("大門的鑰匙在辦公室裡。歡迎光臨我們的網站，這裡有很多資料。\n", BIG5),
        (KOREAN, EUC_KR),
    ] {
        let (bytes, _, unmappable) = encoding.encode(content);
        assert!(!unmappable);
        assert_eq!(text(&bytes), (content.to_owned(), encoding.name()));
    }
    assert_eq!(text(b"caf\xe9"), ("café".to_owned(), "windows-1252"));
    assert_eq!(text(b"\x1b$B8!:w\x1b(B and\n"), ("検索 and\n".to_owned(), "ISO-2022-JP"));
    assert_eq!(text(b"M\xfcller\x1a"), ("Müller\u{1a}".to_owned(), "windows-1252"));
}

#[test]
fn what_is_no_text_stays_binary() {
    let counted: Vec<u8> = (0..=255).collect();
    let samples: Vec<u8> = (0..4000_i16).flat_map(|n| (n % 40 - 20).to_le_bytes()).collect();
    for bytes in [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0".as_slice(),
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"\x7fELF\x02\x01\x01\0",
        b"SQLite format 3\0\x10\0\x01\x01",
        b"text with a \0 in it",
        b"%PDF-1.4\n\xff\xd8\xff\xe0\x01\x02\x03",
        b"\xff\xfe\0",
        b"\xff\xfe\x41\0\0\0",
        &counted,
        &samples,
        &[0; 64],
    ] {
        assert_eq!(decode(bytes), Err(NoText::Binary), "{:?}", &bytes[..bytes.len().min(16)]);
    }
}

#[test]
fn zero_bytes_in_utf_8_do_not_make_utf_16_of_it() {
    for content in [GERMAN, RUSSIAN, JAPANESE, "The backup runs at three.\n", "a"] {
        for zeros in 1..6 {
            for at in [0, content.find(' ').unwrap_or(0), content.len()] {
                let mut bytes = content.as_bytes().to_vec();
                bytes.splice(at..at, vec![0; zeros]);
                // Two bytes can be one character of either.
                if bytes.len() > 2 {
                    assert_eq!(decode(&bytes), Err(NoText::Binary), "{bytes:?}");
                }
            }
        }
    }
}

#[test]
fn surrogates_in_utf_8_are_the_characters_that_were_meant() {
    let smiley = b"\xed\xa0\xbd\xed\xb8\x80";
    for content in [GERMAN, RUSSIAN, "plain\n", ""] {
        for times in [1, 40] {
            let bytes = [content.as_bytes(), &smiley.repeat(times), b" end"].concat();
            assert_eq!(text(&bytes), (format!("{content}{} end", "😀".repeat(times)), "UTF-8"));
        }
        let bytes = [content.as_bytes(), b"\xed\xb8\x80!"].concat();
        assert_eq!(text(&bytes), (format!("{content}\u{fffd}!"), "UTF-8"));
    }
}

#[test]
fn a_mistake_in_marked_utf_16_costs_a_character() {
    let marked = format!("\u{feff}{JAPANESE}");
    for (lost, to_bytes) in [(0xd83d_u16, u16::to_le_bytes as fn(u16) -> [u8; 2]), (0xde00, u16::to_be_bytes)]
    {
        let bytes = [utf_16(&marked, to_bytes), to_bytes(lost).to_vec(), to_bytes(0x21).to_vec()].concat();
        assert_eq!(text(&bytes).0, format!("{JAPANESE}\u{fffd}!"));
        let cut = &bytes[..bytes.len() - 3];
        assert_eq!(text(cut).0, format!("{JAPANESE}\u{fffd}"));
    }
}

#[test]
fn a_mistake_in_utf_8_is_not_taken_for_another_encoding() {
    let mut bytes = RUSSIAN.as_bytes().to_vec();
    let _lost = bytes.remove(3);
    assert_eq!(decode(&bytes), Err(NoText::BrokenUtf8(2)));
    let cut = GERMAN.find('ü').unwrap() + 1;
    let (head, tail) = (&GERMAN.as_bytes()[..cut], " Grüße".as_bytes());
    assert_eq!(decode(&[head, tail].concat()), Err(NoText::BrokenUtf8(cut - 1)));
}

proptest! {
    #[test]
    fn any_bytes_are_text_or_are_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(decoded) = decode(&bytes) {
            prop_assert!(!decoded.text.contains('\0'));
            prop_assert_eq!(&decode(&bytes).unwrap(), &decoded);
        }
    }
}
