//! For tests: ends the process after a chosen file operation, as a crash would. Not in the program that is shipped.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// The variable that says after how many file operations the process ends.
const VARIABLE: &str = "FAULT_AFTER_FILE_OPERATIONS";

static DONE: AtomicU64 = AtomicU64::new(0);
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no other way in; the shipped program has no such code"
)]
static LAST: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var(VARIABLE).ok()?.parse().ok());

/// Counts one operation, and ends the process when it was the chosen one: nothing is dropped, nothing cleared up.
pub(super) fn count() {
    if DONE.fetch_add(1, Ordering::SeqCst) + 1 == LAST.unwrap_or(u64::MAX) {
        std::process::abort();
    }
}
