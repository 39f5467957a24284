//! The normal forms of text: what is spelled differently and read alike compares alike, wherever words or names are
//! compared.
//!
//! Every form is a function of the compatibility decomposition (NFKD), so a text has the same one in any Unicode
//! normalisation form.

use std::borrow::Cow;

use unicode_normalization::{
    UnicodeNormalization,
    char::{canonical_combining_class, is_combining_mark},
    is_nfc,
};

/// The text in NFC: the form in which names are kept.
#[must_use]
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// The text in NFKC without invisible characters: full-width letters, ligatures and the like as what they stand for. Case
/// and accents stay.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfkd().filter(|c| !is_invisible(*c)).nfc().collect())
}

/// The form under which two spellings are the same name: [`plain`], without case. Accents stay, because names that differ
/// in them are different names.
#[must_use]
pub fn caseless(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_invisible(*c)) {
        // The Turkish `İ`: a dotted letter like any other `i`.
        if c != DOT_ABOVE || !folded.ends_with('i') {
            push_caseless(c, &mut folded);
        }
    }
    folded.nfc().collect()
}

/// The form in which text is searched: [`caseless`], without what a writer may leave out.
///
/// Off are accents, the points of
/// Hebrew, Arabic and Syriac, stress and tone marks, nuktas and tatweels; letters such as `ø` become what people type
/// instead. Vowel signs and viramas of Indic and other scripts stay, as do the letters `й`, `ї` and `ў`: without them
/// other words would be the same.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let has_capitals = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return if has_capitals { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
    }
    let mut folded = String::with_capacity(text.len());
    let mut base = ' ';
    // Decomposed, the sign of a trade mark would become letters of the word before it.
    for c in text.chars().map(|c| if matches!(c, '\u{2120}' | '\u{2122}') { ' ' } else { c }).nfkd() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
            base = c;
        } else if is_invisible(c) || c == TATWEEL {
        } else if is_optional_mark(c) {
            if makes_a_letter(base, c) {
                folded.push(c);
            }
        } else {
            if !is_combining_mark(c) {
                base = c;
            }
            match typed_instead(c) {
                Some(letters) => folded.push_str(letters),
                None => push_caseless(c, &mut folded),
            }
        }
    }
    Cow::Owned(if folded.is_ascii() { folded } else { folded.nfc().collect() })
}

/// The beginning of a text in one line, to name it in an error or a notice.
#[must_use]
pub fn excerpt(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// The words of a text: runs of letters, digits and the marks on them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_of_a_word(c)).filter(|word| !word.is_empty())
}

/// Whether a character is part of a word: a letter, a digit or a mark on one.
#[must_use]
pub fn is_of_a_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() || is_combining_mark(c) }
}

/// Whether a script is written without spaces between words: Han, Hiragana, Katakana, Hangul, Thai, Lao, Khmer, Myanmar.
#[must_use]
pub const fn is_dense(c: char) -> bool {
    let han = matches!(c,
        '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}');
    let kana = matches!(c,
        '\u{3041}'..='\u{3096}' | '\u{3099}'..='\u{309a}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}');
    let hangul = matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{d7b0}'..='\u{d7fb}');
    let thai_lao = matches!(c,
        '\u{0e01}'..='\u{0e3a}' | '\u{0e40}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}' | '\u{0edc}'..='\u{0edf}');
    let khmer_myanmar = matches!(c,
        '\u{1780}'..='\u{17d3}' | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{109d}' | '\u{aa60}'..='\u{aa7f}');
    han || kana || hangul || thai_lao || khmer_myanmar
}

/// Whether a character is a picture that people search for: emoji and their like, without what only changes one.
#[must_use]
pub const fn is_pictograph(c: char) -> bool {
    matches!(c,
        '\u{2194}'..='\u{2199}' | '\u{21a9}'..='\u{21aa}' | '\u{231a}'..='\u{231b}' | '\u{2328}' | '\u{23cf}'
        | '\u{23e9}'..='\u{23fa}' | '\u{25aa}'..='\u{25ab}' | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}'
        | '\u{2600}'..='\u{2767}' | '\u{2794}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b07}'
        | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{1f000}'..='\u{1faff}')
        && !is_invisible(c)
}

/// Whether a character is one of the letters of which two make a flag.
#[must_use]
pub const fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether a character can make a text look like what it is not, or command a terminal.
///
/// These are control characters, ends of line that only some programs know, marks that turn the direction of writing,
/// spaces without width, invisible tags. Joiners and variation selectors are none: scripts and emoji need them.
#[must_use]
pub const fn is_harmful(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

const DOT_ABOVE: char = '\u{307}';
const TATWEEL: char = '\u{640}';

/// Whether nothing is to be seen of a character, or it only says how another one is shown: soft hyphens, joiners, marks of
/// direction, fillers, variation selectors, tones of skin.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a mark may be left out in writing: accents, points, stress, tones, nuktas.
fn is_optional_mark(c: char) -> bool {
    let in_block = matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{711}' | '\u{730}'..='\u{74a}'
        | '\u{897}'..='\u{89f}' | '\u{8ca}'..='\u{8ff}' | '\u{951}'..='\u{954}' | '\u{135d}'..='\u{135f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1cd0}'..='\u{1cff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{2cef}'..='\u{2cf1}' | '\u{302a}'..='\u{302f}' | '\u{a66f}'..='\u{a672}' | '\u{a67c}'..='\u{a67d}'
        | '\u{a8e0}'..='\u{a8f1}' | '\u{fb1e}' | '\u{fe20}'..='\u{fe2f}');
    /// The combining class of nuktas.
    const NUKTA: u8 = 7;
    (in_block && is_combining_mark(c)) || (c >= '\u{93c}' && canonical_combining_class(c) == NUKTA)
}

/// Whether a letter and a mark are a letter of an alphabet of its own, which nobody writes without the mark.
const fn makes_a_letter(base: char, mark: char) -> bool {
    match mark {
        // й, ў
        '\u{306}' => matches!(base, 'И' | 'и' | 'У' | 'у'),
        // ї
        '\u{308}' => matches!(base, 'І' | 'і'),
        // ѓ, ќ
        '\u{301}' => matches!(base, 'Г' | 'г' | 'К' | 'к'),
        _ => false,
    }
}

/// What people type who do not have a letter on their keyboard, for those that have no decomposition.
const fn typed_instead(c: char) -> Option<&'static str> {
    Some(match c {
        'Æ' | 'æ' => "ae",
        'Œ' | 'œ' => "oe",
        'Þ' | 'þ' => "th",
        'Ø' | 'ø' => "o",
        'Ɔ' | 'ɔ' => "o",
        'Đ' | 'đ' | 'Ð' | 'ð' | 'Ɖ' | 'ɖ' | 'Ɗ' | 'ɗ' => "d",
        'Ħ' | 'ħ' => "h",
        'Ł' | 'ł' => "l",
        'Ŧ' | 'ŧ' => "t",
        'Ŋ' | 'ŋ' | 'Ɲ' | 'ɲ' => "n",
        'Ɓ' | 'ɓ' => "b",
        'Ƙ' | 'ƙ' | 'ĸ' => "k",
        'Ƴ' | 'ƴ' => "y",
        'Ɛ' | 'ɛ' | 'Ə' | 'ə' => "e",
        'Ɨ' | 'ɨ' => "i",
        // Yeh and kaf, which Persian and Egyptian keyboards have as other letters.
        'ی' | 'ى' => "ي",
        'ک' => "ك",
        // Apostrophes that are letters to Unicode, written with many others as well.
        '\u{2b9}' | '\u{2bb}' | '\u{2bc}' | '\u{2bd}' | '\u{2c8}' => "'",
        _ => return None,
    })
}

/// Adds a letter without its case. There and back again: `ß` is `ss`, every sigma is one, and the dotless `ı` is an `i`.
fn push_caseless(c: char, to: &mut String) {
    if c.is_lowercase() || c.is_uppercase() {
        to.extend(c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase));
    } else {
        to.push(c);
    }
}

/// A word as a shell takes it.
#[must_use]
pub fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_writer_may_leave_out_makes_no_difference() {
        for (spelled, typed) in [
            ("Müller ÉTÉ", "muller ete"),
            ("Mu\u{308}ller E\u{301}TE\u{301}", "muller ete"),
            ("Tiếng Việt đường", "tieng viet duong"),
            ("Straße ẞ STRASSE", "strasse ss strasse"),
            ("Æsir Œuvre Łódź Þór Søren", "aesir oeuvre lodz thor soren"),
            ("İSTANBUL ısı ISI", "istanbul isi isi"),
            ("ΚΑΦΈΣ καφές Καφεσ", "καφεσ καφεσ καφεσ"),
            ("ЁЛКА ёлка за́мок", "елка елка замок"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد مـحـمـد", "محمد محمد"),
            ("Daten\u{ad}bank zu\u{200b}sammen\u{2060}\u{feff}", "datenbank zusammen"),
            ("ｆｕｌｌ　ｗｉｄｔｈ １２３", "full width 123"),
            ("ﬁle oﬃce Ⅳ m² ℃", "file office iv m2 °c"),
            ("ज़रूर", "जरूर"),
            ("می\u{200c}خواهم", "ميخواهم"),
            ("کتاب على", "كتاب علي"),
            ("обʼєкт", "об'єкт"),
            ("👍🏽 ❤\u{fe0f}", "👍 ❤"),
        ] {
            assert_eq!(folded(spelled), typed);
        }
        assert_eq!(folded("Windows™ 11"), "windows  11");
    }

    #[test]
    fn what_makes_another_word_stays() {
        for (one, other) in [
            ("мой", "мои"),
            ("їжак", "іжак"),
            ("कि", "की"),
            ("क्या", "कया"),
            ("か", "が"),
            ("ไม้", "ไม"),
            ("பல", "பால்"),
            ("ক", "কা"),
        ] {
            assert_ne!(folded(one), folded(other));
        }
        assert_eq!(folded("한국어"), "한국어");
        assert_eq!(folded("Й Ї ў"), "й ї ў");
    }

    #[test]
    fn names_are_the_same_in_any_case_and_form_but_not_without_their_accents() {
        for (one, other) in [
            ("Café", "CAFE\u{301}"),
            ("ΟΔΟΣ", "οδος"),
            ("İzmir", "izmir"),
            ("Straße", "STRASSE"),
            ("ﬁle", "FILE"),
            ("ＡＢＣ", "abc"),
            ("co\u{ad}op", "COOP"),
            ("Ёж", "ЁЖ"),
        ] {
            assert_eq!(caseless(one), caseless(other));
        }
        assert_ne!(caseless("Café"), caseless("Cafe"));
    }

    #[test]
    fn what_deceives_is_harmful_and_what_scripts_need_is_not() {
        for harmful in [
            "\u{1b}\u{7}\r\n\t\u{b}\u{c}\u{85}\u{9b}",
            "\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}",
            "\u{200b}\u{feff}",
        ] {
            assert!(harmful.chars().all(is_harmful), "{harmful:?}");
        }
        assert!(!"می\u{200c}خواهم 👩\u{200d}👧 ❤\u{fe0f} co\u{ad}op".chars().any(is_harmful));
    }

    #[test]
    fn only_pictures_are_pictographs() {
        assert!("👍❤☀✓★🚀🇩".chars().all(is_pictograph));
        assert!(!"a1 #*─│█→€©🏽\u{fe0f}\u{200d}".chars().any(is_pictograph));
    }

    proptest! {
        #[test]
        fn a_text_has_the_same_form_in_any_normalisation(text in "\\PC*", marked in "[a-zа-яєіїא-ת가-힣ا-ي\u{300}-\u{36f}\u{5b0}-\u{5c2}\u{64b}-\u{652}ﬀ-ﬆ２-９ｱ-ﾝ]*") {
            for text in [text.replace(['™', '℠'], ""), marked] {
                let forms: [String; 4] = [text.nfc().collect(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()];
                for form in &forms {
                    prop_assert_eq!(folded(form), folded(&text));
                    prop_assert_eq!(caseless(form), caseless(&text));
                    prop_assert_eq!(plain(form), plain(&text));
                }
                prop_assert_eq!(nfc(&forms[1]), nfc(&text));
            }
        }

        #[test]
        fn a_form_is_its_own_form(text in "\\PC*") {
            let (once, plain_once) = (folded(&text), plain(&text));
            prop_assert_eq!(folded(&once), once.as_ref());
            prop_assert_eq!(caseless(&caseless(&text)), caseless(&text));
            prop_assert_eq!(plain(&plain_once), plain_once.as_ref());
        }
    }
}
