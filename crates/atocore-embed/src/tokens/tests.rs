use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// The folder of a small model that has such a tokenizer.
fn small(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small").join(name)
}

fn splitter(path: &Path, window: usize) -> Splitter {
    Splitter::read(path, window, false).expect("the tokenizer is valid").0
}

/// One tokenizer of each kind: BERT's own, XLM-R as published and as saved today, byte-level.
fn all(window: usize) -> Vec<Splitter> {
    let names = ["multilingual", "xlm-roberta", "roberta"];
    let mut all: Vec<_> =
        names.iter().map(|name| splitter(&small(name).join("tokenizer.json"), window)).collect();
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("tokenizer.json");
    let vocabulary =
        ["[UNK]", "[CLS]", "[SEP]", "a", "b", "##a", "##b", "ab", "word", "the", ",", "快", "##s"];
    let vocabulary: serde_json::Map<_, _> =
        vocabulary.iter().enumerate().map(|(i, word)| ((*word).to_owned(), i.into())).collect();
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    #[expect(clippy::disallowed_methods, reason = "a test fills a folder of its own")]
    std::fs::write(&path, json.to_string()).expect("it is written");
    all.push(splitter(&path, window));
    all
}

/// The tokens of the whole text at once, cut at the window.
fn at_once(splitter: &Splitter, text: &str) -> Vec<u32> {
    let ids = splitter.encode(text).expect("it can be split").get_ids().to_vec();
    let room = splitter.window - splitter.before.len() - splitter.after.len();
    [&splitter.before, &ids[..ids.len().min(room)], &splitter.after].concat()
}

#[test]
fn tokens_of_every_kind_of_tokenizer_are_those_of_the_reference() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/golden/small.json")).expect("it is JSON");
    for name in ["multilingual", "xlm-roberta", "roberta"] {
        let splitter = splitter(&small(name).join("tokenizer.json"), 32);
        let texts = golden["texts"].as_array().expect("a list");
        for (text, tokens) in texts.iter().zip(golden[name]["tokens"].as_array().expect("a list")) {
            let text = text.as_str().expect("a text");
            let found = splitter.split(text).expect("it can be split").tokens;
            assert_eq!(&serde_json::json!(found), tokens, "{name}: {text:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Words are shorter than a piece here, whitespace shorter than half of one.
    #[test]
    fn cutting_into_pieces_changes_no_token(
        text in "(([ab]{1,40}|word,the|快照{1,9}|[a-z,.é\u{1f98a}]{1,8}|\u{0}|ก่อนกู้คืน){0,3}[ \n\t\u{3000}]{1,5}){0,60}",
    ) {
        for splitter in all(600) {
            let whole = at_once(&splitter, &text);
            prop_assert_eq!(splitter.split_by(&text, 256).expect("it can be split").tokens, whole);
        }
    }

    #[test]
    fn a_text_has_as_many_tokens_as_its_words(
        text in "(([ab]{1,40}|word,the|[|`*#\\[\\]-]{1,5}|快照{1,9}|[A-z0-9,.é\u{1f98a}]{1,8}|\u{0}|ก่อนกู้คืน|<s>|\\[SEP\\]|<mask>|e\u{301}){0,3}([ \n\t\r\u{b}\u{85}\u{a0}\u{3000}\u{2028}]{1,5}| )){0,60}",
    ) {
        for splitter in all(600) {
            let whole = splitter.encode(&text).expect("it can be split").get_ids().len();
            let special = splitter.before.len() + splitter.after.len();
            // Once to learn the words, and once from what was learned.
            for _ in 0..2 {
                prop_assert_eq!(splitter.count(&text).expect("it can be counted"), special + whole, "{:?}", &text);
            }
        }
    }

    #[test]
    fn pieces_are_bounded_and_keep_all_but_whitespace(text in "([a-z]{0,90}[ \n\u{3000}]{0,90}快{0,30}){0,8}") {
        let pieces: Vec<_> = Pieces::of(&text, 64, Overlong::Cut).collect();
        let black = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(black(&pieces.concat()), black(&text));
        prop_assert!(pieces.iter().all(|piece| piece.len() <= 64 && !piece.is_empty()));
    }
}

#[test]
fn an_endless_word_is_one_word_and_what_follows_is_seen() {
    // 5 MB: thirty-two times what is looked at, so that only passing over can reach its end.
    let splitter = all(64).pop().expect("the last one is BERT's own");
    let endless = format!("the {} word", "b".repeat(5 << 20));
    let sequence = splitter.split(&endless).expect("it can be split");
    assert_eq!((sequence.tokens, sequence.cut), (vec![1, 9, 0, 8, 2], true));
    let spaced = format!("the{}word", " \u{3000}".repeat(1 << 20));
    let sequence = splitter.split(&spaced).expect("it can be split");
    assert_eq!((sequence.tokens, sequence.cut), (vec![1, 9, 8, 2], false));
}

#[test]
fn a_text_of_dropped_characters_is_read_up_to_one_mebibyte() {
    let splitter = all(64).pop().expect("the last one is BERT's own");
    let sequence = splitter.split(&"\u{0} \u{7}".repeat(2 << 20)).expect("it can be split");
    assert_eq!((sequence.tokens, sequence.cut), (vec![1, 2], true));
}

#[test]
fn scripts_without_spaces_fill_the_window_from_the_first_piece() {
    for splitter in all(64) {
        for text in ["恢复快照之前会先验证", "素早い狐が犬を飛び越える", "สำรองข้อมูลก่อนกู้คืน"]
        {
            let long = text.repeat(20_000);
            let sequence = splitter.split(&long).expect("it can be split");
            assert_eq!(sequence.tokens, at_once(&splitter, &long[..long.floor_char_boundary(40 << 10)]));
            assert!(sequence.cut);
        }
    }
}

#[test]
fn blank_is_what_leaves_no_token() {
    for splitter in all(64) {
        for blank in ["", " ", "\n\t \u{a0}\u{3000}\r\n", "\u{0}\u{7} \u{1b}", &" ".repeat(1 << 20)] {
            assert!(splitter.is_blank(blank).expect("it can be split"), "{blank:?}");
        }
        for text in ["a", " . ", "快", "\u{1f98a}", "\u{0}x"] {
            assert!(!splitter.is_blank(text).expect("it can be split"), "{text:?}");
        }
    }
    let bert = all(64).pop().expect("the last one is BERT's own");
    assert!(bert.is_blank("\u{200b}\u{fffd}").expect("it can be split"));
}

#[test]
fn lower_case_is_asked_for_by_the_folder_and_done_before_the_tokenizer() {
    let path = small("multilingual").join("tokenizer.json");
    let lower = Splitter::read(&path, 32, true).expect("the tokenizer is valid").0;
    let plain = splitter(&path, 32);
    let tokens = |splitter: &Splitter, text| splitter.split(text).expect("it can be split").tokens;
    assert_eq!(tokens(&lower, "HOW DO I RESTORE"), tokens(&plain, "how do i restore"));
    assert_ne!(tokens(&plain, "HOW DO I RESTORE"), tokens(&plain, "how do i restore"));
}
