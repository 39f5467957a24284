//! What every reader has to bear.

use proptest::{
    collection::vec,
    prelude::any,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use crate::{child::caught, error::ExtractError, extract::extract, extracted::Extracted, format::Format};

/// The most text that a damaged file of a test gives.
const MOST_TEXT: usize = 1 << 20;

/// Formats whose libraries panic on some damage; our own code never does.
const LIBRARIES_PANIC: [Format; 3] = [Format::Word, Format::PowerPoint, Format::Excel];

/// Reads a file cut off at every twentieth and files with changed bytes; whatever comes out is a text or a reason.
///
/// Gives the results of the files that are cut off, the shortest first.
pub(in crate::documents) fn results_of_damage(
    format: Format,
    content: &[u8],
) -> Vec<Result<Extracted, ExtractError>> {
    assert!(extract(format, "", content).is_ok(), "{:?}", extract(format, "", content));
    let read = |content: &[u8]| {
        let result = caught(|| extract(format, "", content));
        let panicked = matches!(result, Err(ExtractError::Failed(_)));
        assert!(!panicked || LIBRARIES_PANIC.contains(&format), "{result:?}");
        if let Ok(out) = &result {
            assert!(out.text.len() < MOST_TEXT, "{} bytes", out.text.len());
            assert!(out.locations.iter().all(|place| out.text.is_char_boundary(place.from)));
        }
        result
    };
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let changes = vec((any::<Index>(), any::<u8>()), 1..9);
    runner
        .run(&changes, |changes| {
            let mut content = content.to_vec();
            for (index, byte) in changes {
                let place = index.index(content.len());
                content[place] = byte;
            }
            read(&content).map_or(Ok(()), |_| Ok(()))
        })
        .unwrap();
    (0..20).map(|part| read(&content[..content.len() * part / 20])).collect()
}
