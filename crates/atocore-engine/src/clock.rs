//! The one place that asks the system what time it is.

use atocore_model::time::{Clock, Timestamp};

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
        let now = jiff::Timestamp::now();
        Timestamp::new(now)
    }
}
