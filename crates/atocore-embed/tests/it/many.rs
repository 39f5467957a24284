//! Many texts at once give what each gives alone, in order, and can be cancelled.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
};

use atocore_embed::{EmbedError, Embedder, Precision};
use atocore_model::monitor::{Monitor, Progress, Silent};
use proptest::prelude::*;

use crate::{real, real_model, scratch::load, small};

/// Cancels after some texts, and keeps the highest count it was told.
struct Counting {
    seen: AtomicU64,
    cancel_after: u64,
}

impl Monitor for Counting {
    fn progress(&self, progress: Progress) {
        self.seen.fetch_max(progress.done, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.cancel_after
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn many_at_once_equal_each_alone_to_the_bit(texts in prop::collection::vec("\\PC{0,60}", 0..5)) {
        for precision in [Precision::F32, Precision::Int8] {
            let embedder = real(precision);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let many = embedder.embed_many(&texts, &Silent).expect("all have vectors");
            let alone: Vec<_> = texts.iter().map(|text| embedder.embed_one(text).expect("it has one")).collect();
            prop_assert_eq!(many, alone);
        }
    }
}

#[test]
fn progress_reaches_the_number_of_texts_and_one_thread_gives_the_same_bits() {
    let texts: Vec<String> = (0..9).map(|i| format!("text number {i} {}", "word ".repeat(i))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let monitor = Counting { seen: AtomicU64::new(0), cancel_after: u64::MAX };
    let many = real(Precision::F32).embed_many(&texts, &monitor).expect("all have vectors");
    assert_eq!(monitor.seen.load(Ordering::Relaxed), 9);
    let single =
        Embedder::load(real_model(), Precision::F32).expect("it loads").with_threads(NonZeroUsize::MIN);
    assert_eq!(single.embed_many(&texts, &Silent).ok(), Some(many));
    assert_eq!(single.fingerprint(), real(Precision::F32).fingerprint());
    assert_ne!(single.fingerprint(), real(Precision::Int8).fingerprint());
}

#[test]
fn cancelling_ends_the_work_with_its_own_error() {
    let monitor = Counting { seen: AtomicU64::new(0), cancel_after: 2 };
    let result = real(Precision::F32).embed_many(&["a"; 400], &monitor);
    assert!(matches!(result, Err(EmbedError::Cancelled)), "{result:?}");
    assert!(monitor.seen.load(Ordering::Relaxed) < 400);
}

#[test]
fn the_window_is_256_whatever_the_tokenizer_file_says() {
    let embedder = real(Precision::F32);
    assert_eq!((embedder.window(), embedder.dimensions()), (256, 384));
    let (fits, long) = ("word ".repeat(254), "word ".repeat(255));
    assert_eq!((embedder.tokens(&fits).ok(), embedder.tokens(&long).ok()), (Some(256), Some(257)));
    assert_eq!((embedder.is_cut(&fits).ok(), embedder.is_cut(&long).ok()), (Some(false), Some(true)));
    assert_eq!(embedder.embed_one(&fits).ok(), embedder.embed_one(&long).ok());
    assert_eq!(embedder.tokens("").ok(), Some(2));
}

#[test]
fn a_very_long_line_is_counted_whole_and_embedded_by_its_beginning() {
    let embedder = real(Precision::F32);
    let line = "word ".repeat(60_000);
    assert_eq!(embedder.tokens(&line).ok(), Some(60_002));
    assert_eq!(embedder.embed_one(&line).ok(), embedder.embed_one(&line[..2000]).ok());
    let unbroken = "x".repeat(1 << 20);
    assert!(embedder.embed_one(&unbroken).is_ok_and(|vector| vector.iter().all(|value| value.is_finite())));
}

/// Texts in which no space tells where a word ends, and some that are hardly text.
const ODD: [&str; 8] = [
    "恢复快照之前会先验证快照。敏捷的棕色狐狸跳过了懒狗",
    "素早い茶色の狐がのろまな犬を飛び越える。",
    "สำรองข้อมูลก่อนกู้คืนและตรวจสอบทุกครั้ง",
    "\u{1f98a}\u{1f415}\u{1f469}\u{200d}\u{1f467}\u{1f1e9}\u{1f1ea}\u{2764}\u{fe0f}",
    "nul \u{0} bell \u{7} escape \u{1b}[31m \u{202e}right\u{202c} \u{fffd}",
    "\u{0}\u{0}\u{0}",
    "e\u{301}\u{301}\u{301}\u{301} z̸̢̛͓͎a̵l̶g̷o̸",
    "﷽ ﷺ",
];

#[test]
fn scripts_without_spaces_emoji_and_control_characters_have_vectors_at_any_length() {
    let embedders = ["multilingual", "xlm-roberta", "roberta"].map(|name| load(&small(name), Precision::F32));
    for embedder in embedders.iter().chain([real(Precision::F32)]) {
        let long = ODD.map(|text| text.repeat(300));
        let texts: Vec<&str> = ODD.into_iter().chain(long.iter().map(String::as_str)).collect();
        let vectors = embedder.embed_many(&texts, &Silent).expect("all have vectors");
        for (text, vector) in texts.iter().zip(vectors) {
            let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
            assert!((length - 1.0).abs() < 1e-6, "{text:?} has length {length}");
        }
    }
}

#[test]
fn blank_texts_have_one_vector_that_says_nothing_and_are_told_apart() {
    let embedder = real(Precision::F32);
    let blank = ["", " ", "\n\t \u{a0}\u{3000}", "\u{0}\u{7}", "\u{200b}\u{fffd}", &" ".repeat(1 << 20)];
    let vectors = embedder.embed_many(&blank, &Silent).expect("all have vectors");
    assert!(vectors.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(blank.iter().all(|text| embedder.is_blank(text).is_ok_and(|blank| blank)));
    for text in ODD.iter().filter(|text| !text.starts_with('\u{0}')) {
        assert!(embedder.is_blank(text).is_ok_and(|blank| !blank), "{text:?}");
    }
}

/// What is not bounded here would take this test minutes and gigabytes.
#[test]
fn fifty_megabytes_on_one_line_are_embedded_by_what_the_window_sees() {
    const LENGTH: usize = 50 << 20;
    for embedder in [&load(&small("multilingual"), Precision::F32), real(Precision::F32)] {
        let equal = |line: &str, page: &str| {
            assert!(line.len() >= LENGTH, "{}", line.len());
            let vectors = embedder.embed_many(&[line, page], &Silent).expect("both have vectors");
            assert!(vectors[0] == vectors[1], "{page:.20?}");
            assert!(embedder.is_cut(line).is_ok_and(|cut| cut), "{page:.20?}");
        };
        for text in
            ["the store keeps every document ", "恢复快照之前会先验证", "สำรองข้อมูลก่อนกู้คืน", "a1b2+c3d4/"]
        {
            equal(&text.repeat(LENGTH / text.len() + 1), &text.repeat(400));
        }
        // A single word without end, then one that is still seen.
        equal(
            &format!("{} document", "\u{1f98a}".repeat(LENGTH / 4)),
            &format!("{} document", "\u{1f98a}".repeat(400)),
        );
        let spaced = format!("the{}document", " ".repeat(LENGTH));
        assert_eq!(embedder.embed_one(&spaced).ok(), embedder.embed_one("the document").ok());
        let dropped = "\u{0} ".repeat(LENGTH / 2);
        assert!(embedder.embed_one(&dropped).is_ok());
    }
}

#[test]
fn a_question_longer_than_the_window_is_answered_by_its_beginning_and_said_to_be_cut() {
    for embedder in [&load(&small("roberta"), Precision::F32), real(Precision::F32)] {
        let question = "how do I restore a snapshot of the store ".repeat(1000);
        assert!(embedder.is_cut(&question).is_ok_and(|cut| cut));
        assert_eq!(embedder.embed_one(&question).ok(), embedder.embed_one(&question[..6000]).ok());
        assert!(embedder.tokens(&question).is_ok_and(|tokens| tokens > embedder.window()));
    }
}
