//! How text becomes the words that are indexed and asked for; both sides use this and nothing else.
//!
//! A word is a run of letters and digits, so `snake_case`, paths and punctuation separate. Scripts that are written
//! without spaces give single characters and overlapping pairs, so that a word inside a run is found.

use std::{collections::HashMap, iter::Peekable, str::CharIndices};

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, Stemmer, StopWordFilter, TextAnalyzer, Token,
    TokenStream, Tokenizer,
};

/// The name under which the index knows the tokenizer.
pub(super) const NAME: &str = "atocore_words";

/// The longest word in bytes; what is longer is found by its beginning.
const LONGEST: usize = 255;

/// Words that stand in nearly every English passage: the classic list of Lucene.
const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",
    "was", "will", "with",
];

/// The whole chain: words, without diacritics, in lower case, without stop words, stemmed.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(TermTokenizer { words: WordTokenizer::default(), terms: Terms::new() })
}

/// How many words are remembered with what became of them.
const REMEMBERED_WORDS: usize = 20_000;

/// What becomes of each word. Most words of a text were in it before, and stemming one takes longer than all else that
/// is done to it.
#[derive(Clone)]
struct Terms {
    known: HashMap<Box<str>, Option<Box<str>>>,
    chain: TextAnalyzer,
}

impl Terms {
    fn new() -> Self {
        Self { known: HashMap::new(), chain: chain() }
    }

    /// Puts the term of a word in its place; `false` for a stop word.
    fn replace(&mut self, word: &mut String) -> bool {
        let put = |term: &Option<Box<str>>, word: &mut String| {
            term.as_deref().is_some_and(|term| {
                term.clone_into(word);
                true
            })
        };
        if let Some(term) = self.known.get(word.as_str()) {
            return put(term, word);
        }
        let mut stream = self.chain.token_stream(word);
        let term = stream.advance().then(|| stream.token().text.as_str().into());
        drop(stream);
        if self.known.len() >= REMEMBERED_WORDS {
            self.known.clear();
        }
        put(self.known.entry(word.as_str().into()).or_insert(term), word)
    }
}

/// What is done to a word.
fn chain() -> TextAnalyzer {
    TextAnalyzer::builder(RawTokenizer::default())
        // Before lower-casing: some capital letters become two characters in lower case and one when folded.
        .filter(AsciiFoldingFilter)
        .filter(LowerCaser)
        .filter(StopWordFilter::remove(STOP_WORDS.map(str::to_owned)))
        .filter(Stemmer::new(Language::English))
        .build()
}

/// What a character is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Word,
    /// Of a script without spaces.
    Dense,
    /// Belongs to the letter before it.
    Mark,
    /// Stands between words.
    Separator,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' | 'A'..='Z' | 'a'..='z' => Self::Word,
            '\0'..='\u{7f}' => Self::Separator,
            c if is_mark(c) => Self::Mark,
            c if is_dense(c) => Self::Dense,
            c if c.is_alphanumeric() => Self::Word,
            _ => Self::Separator,
        }
    }
}

/// Combining diacritics, and the signs of Indic scripts that are not letters by themselves but must not cut a word.
fn is_mark(c: char) -> bool {
    is_diacritic(c)
        || matches!(c, '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05bd}' | '\u{064b}'..='\u{065f}')
        || matches!(c, '\u{0900}'..='\u{0dff}' if matches!(u32::from(c) & 0x7f, 0x3c | 0x4d | 0x4a) && !c.is_alphanumeric())
        || matches!(c, '\u{200c}' | '\u{200d}')
}

/// The combining diacritics of Latin, Greek and Cyrillic.
fn is_diacritic(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}')
}

/// Han, Hiragana, Katakana, Hangul, Thai, Lao, Khmer, Myanmar.
fn is_dense(c: char) -> bool {
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

/// Cuts text into words and makes terms of them.
#[derive(Clone)]
struct TermTokenizer {
    words: WordTokenizer,
    terms: Terms,
}

impl Tokenizer for TermTokenizer {
    type TokenStream<'a> = TermStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TermStream<'a> {
        TermStream { words: self.words.token_stream(text), terms: &mut self.terms }
    }
}

struct TermStream<'a> {
    words: WordStream<'a>,
    terms: &'a mut Terms,
}

impl TokenStream for TermStream<'_> {
    fn advance(&mut self) -> bool {
        while self.words.advance() {
            if self.terms.replace(&mut self.words.token_mut().text) {
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.words.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.words.token_mut()
    }
}

/// Cuts text into words.
#[derive(Clone, Default)]
struct WordTokenizer {
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, rest: text.char_indices().peekable(), pair_from: None, token: &mut self.token }
    }
}

struct WordStream<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    /// The character of a dense script that was emitted last, when another one follows it.
    pair_from: Option<usize>,
    token: &'a mut Token,
}

impl WordStream<'_> {
    /// Emits what lies between two offsets.
    fn emit(&mut self, from: usize, to: usize) {
        self.token.offset_from = from;
        self.token.offset_to = to;
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        let word = &self.text[from..self.text[from..to].floor_char_boundary(LONGEST) + from];
        if word.is_ascii() {
            self.token.text.push_str(word);
        } else {
            // A letter and its combining diacritic are the letter, as they are when written as one character.
            self.token.text.extend(word.chars().filter(|&c| !is_diacritic(c)));
        }
    }

    /// Takes the rest of a word.
    fn word_end(&mut self) -> usize {
        while let Some((_, c)) = self.rest.peek() {
            match Class::of(*c) {
                Class::Word | Class::Mark => self.rest.next(),
                Class::Dense | Class::Separator => break,
            };
        }
        self.offset()
    }

    /// Where the next character begins.
    fn offset(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(offset, _)| *offset)
    }

    /// Whether the next character is of a dense script.
    fn dense_follows(&mut self) -> bool {
        self.rest.peek().is_some_and(|(_, c)| Class::of(*c) == Class::Dense)
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        if let Some(from) = self.pair_from.take() {
            let to = self.offset() + self.rest.peek().map_or(0, |(_, c)| c.len_utf8());
            self.emit(from, to);
            return true;
        }
        while let Some((from, c)) = self.rest.next() {
            match Class::of(c) {
                Class::Separator | Class::Mark => {}
                Class::Word => {
                    let to = self.word_end();
                    self.emit(from, to);
                    return true;
                }
                Class::Dense => {
                    let to = self.offset();
                    self.pair_from = self.dense_follows().then_some(from);
                    self.emit(from, to);
                    return true;
                }
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        analyzer().token_stream(text).process(&mut |token| words.push(token.text.clone()));
        words
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(words("snake_case src/main.rs v0.27"), ["snake", "case", "src", "main", "rs", "v0", "27"]);
        assert_eq!(words("IndexWriter HTTP2"), ["indexwrit", "http2"]);
        assert_eq!(words(" .,;!?-—…\n"), [""; 0]);
    }

    #[test]
    fn english_is_stemmed_and_its_stop_words_are_gone() {
        assert_eq!(words("The backups are restored with THIS"), ["backup", "restor"]);
        assert_eq!(words(&STOP_WORDS.join(" ")), [""; 0]);
    }

    #[test]
    fn diacritics_do_not_matter() {
        assert_eq!(words("Müller ÉTÉ Straße"), ["muller", "ete", "strass"]);
        // The same with combining characters.
        assert_eq!(words("Mu\u{308}ller E\u{301}TE\u{301}"), ["muller", "ete"]);
        assert_eq!(words("İstanbul"), words("istanbul"));
        assert_eq!(words("ЖИЗНЬ"), ["жизнь"]);
        assert_eq!(words("हिन्दी"), ["हिन्दी"]);
    }

    #[test]
    fn scripts_without_spaces_give_characters_and_pairs() {
        assert_eq!(words("検索"), ["検", "検索", "索"]);
        assert_eq!(words("全文検索PDFを"), ["全", "全文", "文", "文検", "検", "検索", "索", "pdf", "を"]);
        assert_eq!(words("검색 ไทย"), ["검", "검색", "색", "ไ", "ไท", "ท", "ทย", "ย"]);
    }

    #[test]
    fn a_long_word_is_cut_at_a_character() {
        let word = words(&"ж".repeat(300)).remove(0);
        assert_eq!(word.len(), 254);
        assert_eq!(words(&"7".repeat(70_000)), ["7".repeat(255)]);
    }

    #[test]
    fn a_word_gives_the_same_term_every_time() {
        let mut analyzer = analyzer();
        let mut terms = |text: &str| {
            let mut terms = Vec::new();
            analyzer.token_stream(text).process(&mut |token| terms.push(token.clone()));
            terms
        };
        let text = "The Backups of the backup: ÉTÉ, été, running";
        let first = terms(text);
        let many: String = (0..REMEMBERED_WORDS).map(|number| format!("w{number} ")).collect();
        assert_eq!(terms(text), first);
        assert_eq!(terms(&many).len(), REMEMBERED_WORDS);
        assert_eq!(terms(text), first);
    }

    proptest! {
        #[test]
        fn any_text_can_be_cut(text in "\\PC*") {
            let mut tokenizer = WordTokenizer::default();
            let mut stream = tokenizer.token_stream(&text);
            while stream.advance() {
                prop_assert!(stream.token().offset_to > stream.token().offset_from);
                prop_assert!(stream.token().text.len() <= LONGEST);
            }
        }
    }
}
