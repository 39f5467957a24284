//! How text becomes the words that are indexed and asked for; both sides use this and nothing else.
//!
//! A word is a run of letters and digits of the folded text, so `snake_case`, paths and punctuation separate; so do the
//! `T` and `Z` of a timestamp. Scripts that are written without spaces give single characters and overlapping pairs, so
//! that a word inside a run is found; so do pictographs.
//!
//! Positions say what stands side by side: of two words that follow one another the second is one further on when
//! nothing but signs is between them, as in an address or a version, and two where there is a space.

use std::{borrow::Cow, collections::HashMap};

use atocore_model::text;
use tantivy::tokenizer::{
    Language, RawTokenizer, Stemmer, StopWordFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// The name under which the index knows the tokenizer.
pub(super) const NAME: &str = "atocore_words";

/// The longest word in bytes; what is longer is found by its beginning.
const LONGEST: usize = 255;

/// How far apart the words of two fields are at least: further than any two that follow one another.
const BETWEEN_FIELDS: usize = 8;

/// Words that stand in nearly every English passage: the classic list of Lucene.
const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",
    "was", "will", "with",
];

/// The whole chain: words of the folded text, without stop words, stemmed.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(TermTokenizer::new())
}

/// A word of a text, stop words among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextWord {
    /// Its term; of a stop word the word itself.
    pub(super) term: String,
    pub(super) is_stop_word: bool,
    /// Whether a space is before it.
    pub(super) after_space: bool,
}

/// A word of a phrase, and how it follows the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhraseWord {
    pub(super) term: String,
    /// How many words further on it stands; more than one where stop words are between.
    pub(super) steps: u32,
    /// How many of those steps go over a space.
    pub(super) spaces: u32,
}

/// The words of a phrase in their order, without stop words.
pub(super) fn phrase(text: &str) -> Vec<PhraseWord> {
    let (mut phrase, mut steps, mut spaces) = (Vec::new(), 0, 0);
    for word in TermTokenizer::new().all_words(text) {
        steps += 1;
        spaces += u32::from(word.after_space);
        if !word.is_stop_word {
            phrase.push(PhraseWord { term: word.term, steps, spaces });
            (steps, spaces) = (0, 0);
        }
    }
    phrase
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
        .filter(StopWordFilter::remove(STOP_WORDS.map(str::to_owned)))
        .filter(Stemmer::new(Language::English))
        .build()
}

/// What a character of folded text is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Word,
    /// Of a script without spaces.
    Dense,
    /// Says something by itself.
    Pictograph,
    /// One of two that make a flag.
    FlagLetter,
    /// Stands between words.
    Separator,
    /// Between words that do not belong together.
    Space,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | '0'..='9' => Self::Word,
            c if c.is_whitespace() => Self::Space,
            '\0'..='\u{7f}' => Self::Separator,
            c if text::is_dense(c) => Self::Dense,
            c if text::is_of_a_word(c) => Self::Word,
            c if text::is_flag_letter(c) => Self::FlagLetter,
            c if text::is_pictograph(c) => Self::Pictograph,
            _ => Self::Separator,
        }
    }
}

/// Cuts text into words and makes terms of them.
#[derive(Clone)]
pub(super) struct TermTokenizer {
    words: WordTokenizer,
    terms: Terms,
}

impl TermTokenizer {
    pub(super) fn new() -> Self {
        Self { words: WordTokenizer::default(), terms: Terms::new() }
    }

    /// Every word of a text.
    pub(super) fn all_words(&mut self, text: &str) -> Vec<TextWord> {
        let mut stream = self.words.token_stream(text);
        let mut words = Vec::new();
        while stream.advance() {
            let after_space = stream.after_space;
            let mut term = std::mem::take(&mut stream.token_mut().text);
            let is_stop_word = !self.terms.replace(&mut term);
            words.push(TextWord { term, is_stop_word, after_space });
        }
        words
    }
}

impl Tokenizer for TermTokenizer {
    type TokenStream<'a> = TermStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TermStream<'a> {
        TermStream { words: self.words.token_stream(text), terms: &mut self.terms }
    }
}

pub(super) struct TermStream<'a> {
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

/// Folds text and cuts it into words.
#[derive(Clone, Default)]
struct WordTokenizer {
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        self.token.position = BETWEEN_FIELDS;
        let text = text::folded(text);
        WordStream { text, at: 0, pair_from: None, after_space: false, token: &mut self.token }
    }
}

struct WordStream<'a> {
    /// Folded.
    text: Cow<'a, str>,
    /// Where the next character begins.
    at: usize,
    /// The character that was emitted last, when the next one makes a pair with it.
    pair_from: Option<usize>,
    /// Whether there is a space before the word that was emitted last.
    after_space: bool,
    token: &'a mut Token,
}

impl WordStream<'_> {
    /// The next character, its class, and where it ends.
    fn peek(&self) -> Option<(Class, usize)> {
        let c = self.text[self.at..].chars().next()?;
        let class = if is_of_timestamp(&self.text, self.at) { Class::Separator } else { Class::of(c) };
        Some((class, self.at + c.len_utf8()))
    }

    /// Emits what lies between two offsets, both of the folded text.
    fn emit(&mut self, from: usize, to: usize, after_space: bool) {
        self.after_space = after_space;
        self.token.offset_from = from;
        self.token.offset_to = to;
        self.token.position += if after_space { 2 } else { 1 };
        self.token.text.clear();
        let word = &self.text[from..to];
        self.token.text.push_str(&word[..word.floor_char_boundary(LONGEST)]);
    }
}

/// Whether at `at` of a folded text stands the `t` between date and time of a timestamp as in ISO 8601, or the `z` behind
/// them. It separates, so that date and time are found by themselves.
fn is_of_timestamp(text: &str, at: usize) -> bool {
    let (before, behind) = text.as_bytes().split_at(at);
    let is_of_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    match behind {
        [b't', time @ ..] => {
            let is_date = |form: &[u8]| {
                let Some(from) = at.checked_sub(form.len()) else { return false };
                let fits = |(form, byte): (&u8, &u8)| match form {
                    b'0' => byte.is_ascii_digit(),
                    sign => byte == sign,
                };
                form.iter().zip(&before[from..]).all(fits) && !is_of_word(before[..from].last())
            };
            let digits = time.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
            let next = time.get(digits).filter(|byte| **byte != b'z');
            matches!(digits, 2 | 4 | 6)
                && !is_of_word(next)
                && (is_date(b"0000-00-00") || is_date(b"00000000"))
        }
        [b'z', rest @ ..] if !is_of_word(rest.first()) => {
            let is_of_time = |byte: &u8| byte.is_ascii_digit() || b":.,-".contains(byte);
            let letter = before.iter().rposition(|byte| !is_of_time(byte));
            letter.is_some_and(|letter| before[letter] == b't' && is_of_timestamp(text, letter))
        }
        _ => false,
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        if let (Some(from), Some((_, to))) = (self.pair_from.take(), self.peek()) {
            self.emit(from, to, false);
            return true;
        }
        let mut after_space = false;
        while let Some((class, end)) = self.peek() {
            let from = std::mem::replace(&mut self.at, end);
            match class {
                Class::Space => after_space = true,
                Class::Separator => {}
                Class::Word => {
                    while let Some((Class::Word, end)) = self.peek() {
                        self.at = end;
                    }
                    self.emit(from, self.at, after_space);
                    return true;
                }
                Class::FlagLetter => {
                    if let Some((Class::FlagLetter, end)) = self.peek() {
                        self.at = end;
                    }
                    self.emit(from, self.at, after_space);
                    return true;
                }
                Class::Dense | Class::Pictograph => {
                    let pairs = self.peek().is_some_and(|(next, _)| next == class);
                    self.pair_from = pairs.then_some(from);
                    self.emit(from, self.at, after_space);
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
    fn date_and_time_of_a_timestamp_are_words_of_their_own() {
        let date_and_time = ["2031", "02", "03", "04", "05", "06"];
        for text in ["2031-02-03T04:05:06Z", "(2031-02-03t04:05:06)", "x_2031-02-03T04-05-06Z_y.log"] {
            let found = words(text);
            assert!(found.windows(6).any(|words| words == date_and_time), "{text}: {found:?}");
        }
        assert_eq!(words("2031-02-03T04:05:06.789Z"), ["2031", "02", "03", "04", "05", "06", "789"]);
        assert_eq!(words("2031-02-03T04:05+01:00"), ["2031", "02", "03", "04", "05", "01", "00"]);
        assert_eq!(words("20310203T040506Z 20310203T0405"), ["20310203", "040506", "20310203", "0405"]);
        assert_eq!(
            words("2031-02-03T04Z 2031-02-03T04"),
            ["2031", "02", "03", "04", "2031", "02", "03", "04"]
        );
        let spaces: Vec<u32> = phrase("2031-02-03T04:05Z").iter().map(|word| word.spaces).collect();
        assert_eq!(spaces, [0; 5], "all of it is joined");
        let others =
            ["03t04", "06z", "10t20z", "5.06z", "12031-02-03t04", "2031-02-03t04x", "2031-02-03t045"];
        for other in others {
            assert!(words(other).iter().any(|word| word.contains(['t', 'z'])), "{other}: {:?}", words(other));
        }
    }

    #[test]
    fn english_is_stemmed_and_its_stop_words_are_gone() {
        assert_eq!(words("The backups are restored with THIS"), ["backup", "restor"]);
        assert_eq!(words(&STOP_WORDS.join(" ")), [""; 0]);
    }

    #[test]
    fn diacritics_do_not_matter() {
        assert_eq!(words("Müller ÉTÉ Straße"), ["muller", "ete", "strass"]);
        assert_eq!(words("İstanbul"), words("istanbul"));
        assert_eq!(words("ЖИЗНЬ"), ["жизнь"]);
        assert_eq!(words("हिन्दी"), ["हिन्दी"]);
    }

    #[test]
    fn pictographs_are_words_without_what_only_changes_them() {
        assert_eq!(words("Ship it🚀!"), ["ship", "🚀"]);
        assert_eq!(words("👍🏽 ❤\u{fe0f}"), words("👍 ❤"));
        assert_eq!(words("👩\u{200d}🚀"), ["👩", "👩🚀", "🚀"]);
        assert_eq!(words("🇩🇪🇪🇸 🇪"), ["🇩🇪", "🇪🇸", "🇪"]);
        assert_eq!(words("1\u{fe0f}\u{20e3} ─│→"), ["1"]);
    }

    #[test]
    fn positions_tell_what_is_joined_from_what_is_apart() {
        let positions = |text: &str| {
            let mut positions = Vec::new();
            analyzer().token_stream(text).process(&mut |token| positions.push(token.position));
            let first = positions[0];
            positions.into_iter().map(|position| position - first).collect::<Vec<_>>()
        };
        assert_eq!(positions("10.0.1 max_file  max file, x"), [0, 1, 2, 4, 5, 7, 9, 11]);
        assert_eq!(positions("state-of-the art"), [0, 4], "a stop word has its place");
        let word = |term: &str, steps, spaces| PhraseWord { term: term.to_owned(), steps, spaces };
        assert_eq!(
            phrase(" Hot-copy of (the) stores"),
            [word("hot", 1, 1), word("copi", 1, 0), word("store", 3, 3)]
        );
        assert_eq!(phrase("the of"), []);
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
        fn any_text_can_be_cut_and_gives_the_same_words_when_it_was_folded(text in "\\PC*") {
            let mut tokenizer = WordTokenizer::default();
            let mut stream = tokenizer.token_stream(&text);
            while stream.advance() {
                prop_assert!(stream.token().offset_to > stream.token().offset_from);
                prop_assert!(stream.token().text.len() <= LONGEST);
            }
            prop_assert_eq!(words(&text), words(&text::folded(&text)));
            prop_assert_eq!(words(&text::plain(&text.replace(['™', '℠'], ""))), words(&text.replace(['™', '℠'], "")));
        }
    }
}
