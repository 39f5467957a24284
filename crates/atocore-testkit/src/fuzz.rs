//! Feeds a parser with inputs that grow out of good ones: bytes flipped, cut, repeated, spliced, words of the format put
//! anywhere.
//!
//! `cargo xtask check` tries a few thousand, always the same; `cargo xtask fuzz` goes on with others for minutes.

use std::{ops::Range, time::Duration};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

/// How many minutes of processor time each target gets; set by `cargo xtask fuzz`.
pub const MINUTES: &str = "ATOCORE_FUZZ_MINUTES";

/// The largest input that is made.
const LARGEST: usize = 1 << 20;

/// One change of an input. Places are shares of its length.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Remove(Index, u16),
    Repeat(Index, u8, u16),
    Put(Index, Vec<u8>),
    Splice(Index, Index, Vec<u8>),
}

/// Calls `holds` with inputs made from `corpus` and words of `dictionary`; it panics for one that breaks the promise.
/// Returns how many were tried.
///
/// # Errors
/// What `holds` panicked with, and the smallest input found that makes it.
pub fn fuzz(cases: u32, corpus: &[&[u8]], dictionary: &[&str], holds: impl Fn(&[u8])) -> Result<u64, String> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let inputs = inputs(corpus, dictionary);
    #[expect(clippy::disallowed_methods, reason = "says how long to go on; no setting of the product")]
    let minutes: Option<u64> = std::env::var(MINUTES).ok().and_then(|minutes| minutes.parse().ok());
    let mut runner = match minutes {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let until = processor_time()? + Duration::from_secs(minutes.unwrap_or(0) * 60);
    let mut tried = 0;
    loop {
        let tested = runner.run(&inputs, |input| {
            holds(&input);
            Ok(())
        });
        tested.map_err(|error| match error {
            TestError::Fail(reason, input) => format!("{reason}\nfor b\"{}\"", input.escape_ascii()),
            error @ TestError::Abort(_) => error.to_string(),
        })?;
        tried += u64::from(cases);
        if processor_time()? >= until {
            return Ok(tried);
        }
    }
}

/// How long this thread has been on a processor: what its work costs, whatever else the machine does.
///
/// # Errors
/// Where the kernel does not say.
pub fn processor_time() -> Result<Duration, String> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|error| error.to_string())?;
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds
        .map(Duration::from_nanos)
        .ok_or_else(|| "the kernel does not tell the time of a thread".to_owned())
}

fn inputs(corpus: &[&[u8]], dictionary: &[&str]) -> impl Strategy<Value = Vec<u8>> {
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|input| input.to_vec()).collect();
    let words: Vec<Vec<u8>> = dictionary.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mutation = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        (any::<Index>(), any::<u16>()).prop_map(|(at, bytes)| Mutation::Remove(at, bytes % 512)),
        (any::<Index>(), any::<u8>(), any::<u16>())
            .prop_map(|(at, bytes, times)| Mutation::Repeat(at, bytes, times)),
        (any::<Index>(), select(words)).prop_map(|(at, word)| Mutation::Put(at, word)),
        (any::<Index>(), any::<Index>(), select(corpus.clone()))
            .prop_map(|(at, from, other)| Mutation::Splice(at, from, other)),
    ];
    (select(corpus), vec(mutation, 0..10)).prop_map(|(mut input, mutations)| {
        for mutation in mutations {
            apply(&mut input, mutation);
            input.truncate(LARGEST);
        }
        input
    })
}

fn apply(input: &mut Vec<u8>, mutation: Mutation) {
    let place = |at: Index, input: &Vec<u8>| at.index(input.len() + 1);
    let range = |at: Index, bytes: usize, input: &Vec<u8>| -> Range<usize> {
        let start = place(at, input);
        start..(start + bytes).min(input.len())
    };
    match mutation {
        Mutation::Flip(at, byte) => {
            let at = place(at, input);
            if let Some(old) = input.get_mut(at) {
                *old ^= byte;
            }
        }
        Mutation::Remove(at, bytes) => drop(input.drain(range(at, bytes.into(), input))),
        Mutation::Repeat(at, bytes, times) => {
            let range = range(at, usize::from(bytes), input);
            let times = usize::from(times).min(LARGEST / 8 / range.len().max(1));
            let repeated = input[range.clone()].repeat(times);
            drop(input.splice(range.end..range.end, repeated));
        }
        Mutation::Put(at, word) => {
            let at = place(at, input);
            drop(input.splice(at..at, word));
        }
        Mutation::Splice(at, from, other) => {
            input.truncate(place(at, input));
            input.extend_from_slice(&other[place(from, &other)..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_breaks_the_promise_is_found_and_shown() {
        let holds = |input: &[u8]| assert!(!input.windows(2).any(|two| two == b"{b"), "a `{{` before a `b`");
        let found = fuzz(2000, &[b"ab", b"[c]"], &["{"], holds).unwrap_err();
        assert!(found.contains("a `{` before a `b`\nfor b\""), "{found}");
    }
}
