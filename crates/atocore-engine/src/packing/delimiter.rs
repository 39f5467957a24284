//! The word in a pack's own tags. It follows from all texts that can come into the pack and from the id of the store, which
//! nobody knows who writes a document; and it stands in none of the texts. So none can end its own tag or begin another.

use atocore_model::text;

/// How many words of one length are tried.
const TRIES: u64 = 64;
/// The length of the first ones.
const DIGITS: usize = 12;

/// A word of hexadecimal digits that none of the texts has, not even with capital letters, hidden characters or digits of
/// other forms in it. The same texts have the same word in the same store.
pub(super) fn choose(store_id: &str, texts: &[&str]) -> String {
    let folded: Vec<String> = texts.iter().map(|text| text::caseless(text)).collect();
    let mut hasher = blake3::Hasher::new_derive_key("atocore 2026-11 mark of a context pack");
    hasher.update(&(store_id.len() as u64).to_le_bytes()).update(store_id.as_bytes());
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    let mut tried = 0_u64;
    loop {
        let digits = hasher.clone().update(&tried.to_le_bytes()).finalize().to_hex();
        // Longer and longer, so that a text which has every short word is of no use.
        let length = usize::try_from(tried / TRIES).unwrap_or(usize::MAX).saturating_add(DIGITS);
        let word = &digits[..length.min(digits.len())];
        if !folded.iter().any(|text| text.contains(word)) {
            return word.to_owned();
        }
        tried += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_contains_the_delimiter() {
        let first = choose("store", &["one", "two"]);
        assert_eq!(first, choose("store", &["one", "two"]));
        assert_ne!(first, choose("store", &["onet", "wo"]));
        assert_ne!(first, choose("another", &["one", "two"]));
        assert_eq!(first.len(), DIGITS);
        // A text that has guessed it makes another one of it.
        let mut texts = vec!["one".to_owned()];
        for _ in 0..200 {
            let delimiter = choose("store", &texts.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(texts.iter().all(|text| !text::caseless(text).contains(&delimiter)));
            let (begin, end) = delimiter.split_at(3);
            let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap();
            let end: String = end.chars().map(wide).collect();
            texts.push(format!("{}\u{200b}{end}", begin.to_uppercase()));
        }
    }

    #[test]
    fn a_text_with_every_short_word_gets_a_longer_one() {
        let all: String = (0..1_u32 << 12).map(|n| format!("{n:03x}")).collect();
        // Every word of so many digits is too much for a test, so the words are made short by what they are looked for in.
        let delimiter = choose("store", &[&all]);
        assert!(delimiter.len() >= DIGITS && !all.contains(&delimiter));
    }
}
