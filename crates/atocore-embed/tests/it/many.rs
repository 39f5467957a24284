//! Many texts at once give what each gives alone, in order, and can be called off.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
};

use atocore_embed::{EmbedError, Embedder, Precision};
use atocore_model::monitor::{Monitor, Progress, Silent};
use proptest::prelude::*;

use crate::{real, real_model};

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
