//! The step that runs every test and counts what cargo reports.

use crate::failure::Failure;
use crate::process::{cargo, run_watched};

/// Runs the tests of the whole workspace; cargo's own lines stay visible.
///
/// # Errors
/// A test failed, was ignored, or none was found at all.
pub(super) fn run() -> Result<String, Failure> {
    tally_of(&[&["test", "--workspace", "--all-features"]])
}

/// Runs those tests that need no program beside cargo, no model and no network, and that end within minutes: the unit
/// tests of every crate but that of Chroma, which need its server, and the integration tests of [`QUICK`].
///
/// # Errors
/// As [`run`].
pub(super) fn quick() -> Result<String, Failure> {
    let units = ["test", "--workspace", "--exclude", "atocore-chroma", "--all-features", "--lib", "--bins"];
    let promises = [&["test", "--workspace", "--all-features", "--test", "it", "--"], QUICK].concat();
    tally_of(&[&units, &promises])
}

/// The integration tests of the quick check, by the files that they are in: what is written to disk and read back, and
/// what every interface says.
const QUICK: &[&str] = &[
    "openapi::",
    "parity::",
    "errors::",
    "reference::",
    "roundtrip::",
    "defects::",
    "retention::",
    "projects::",
    "ingest::",
];

fn tally_of(runs: &[&[&str]]) -> Result<String, Failure> {
    let mut total = Tally::default();
    for arguments in runs {
        run_watched(&mut cargo(arguments), |line| {
            if let Some(tally) = Tally::parse(line) {
                total.add(tally);
            }
        })?;
    }
    total.verdict()
}

/// How many tests ended in which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Reads the closing line of one test binary.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut tally = Self::default();
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((number, "passed")) => tally.passed = number.parse().ok()?,
                Some((number, "failed")) => tally.failed = number.parse().ok()?,
                Some((number, "ignored")) => tally.ignored = number.parse().ok()?,
                _ => {}
            }
        }
        Some(tally)
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    fn verdict(self) -> Result<String, Failure> {
        if self.failed > 0 {
            return Err(Failure::failed(format!("{} tests failed", self.failed)));
        }
        if self.ignored > 0 {
            return Err(Failure::failed(format!(
                "{} tests were ignored; here a test runs or does not exist",
                self.ignored
            )));
        }
        if self.passed == 0 {
            return Err(Failure::failed("no test was run at all"));
        }
        Ok(format!("{} passed, none ignored", self.passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let line =
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(Tally::parse(line), Some(Tally { passed: 12, failed: 0, ignored: 1 }));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(Tally::parse(line), Some(Tally { passed: 1, failed: 2, ignored: 0 }));
        assert_eq!(Tally::parse("test tests::closing_lines_are_counted ... ok"), None);
    }

    #[test]
    fn a_run_without_tests_or_with_ignored_ones_does_not_pass() {
        assert!(Tally::default().verdict().is_err());
        assert!(Tally { passed: 5, failed: 0, ignored: 1 }.verdict().is_err());
        assert!(Tally { passed: 5, failed: 1, ignored: 0 }.verdict().is_err());
        assert!(Tally { passed: 5, failed: 0, ignored: 0 }.verdict().is_ok());
    }
}
