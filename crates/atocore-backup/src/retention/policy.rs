//! How many snapshots are kept by which rule.

use std::fmt;

use atocore_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule keeps the newest snapshot of each of the newest periods that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RetentionRule {
    /// Every snapshot is a period of its own.
    Last,
    /// An hour, UTC.
    Hourly,
    /// A day, UTC.
    Daily,
    /// A week from Monday to Sunday, UTC, as ISO 8601 numbers them.
    Weekly,
    /// A month, UTC.
    Monthly,
    /// A year, UTC.
    Yearly,
}

impl RetentionRule {
    /// Every rule, the shortest period first.
    pub const ALL: [Self; 6] =
        [Self::Last, Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// The period that a point in time lies in: `2026-11-23T04`, `2026-11-23`, `2026-W48`, `2026-11`, `2026`; `None` for
    /// [`RetentionRule::Last`], whose periods have no name.
    pub(super) fn period(self, time: Timestamp) -> Option<String> {
        let format = match self {
            Self::Last => return None,
            Self::Hourly => "%Y-%m-%dT%H",
            Self::Daily => "%Y-%m-%d",
            Self::Weekly => "%G-W%V",
            Self::Monthly => "%Y-%m",
            Self::Yearly => "%Y",
        };
        Some(time.get().strftime(format).to_string())
    }
}

impl fmt::Display for RetentionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many periods each rule keeps, as somebody set it. 0 turns a rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepCounts {
    /// The newest snapshots, whenever they were taken.
    pub last: u32,
    /// Hours.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
    /// Years.
    pub yearly: u32,
}

impl Default for KeepCounts {
    /// 7 days, 4 weeks, 6 months.
    fn default() -> Self {
        Self { last: 0, hourly: 0, daily: 7, weekly: 4, monthly: 6, yearly: 0 }
    }
}

impl KeepCounts {
    /// The largest number that can be set.
    pub const MOST: u32 = 10_000;

    /// What is kept by a rule.
    #[must_use]
    pub const fn by(&self, rule: RetentionRule) -> u32 {
        match rule {
            RetentionRule::Last => self.last,
            RetentionRule::Hourly => self.hourly,
            RetentionRule::Daily => self.daily,
            RetentionRule::Weekly => self.weekly,
            RetentionRule::Monthly => self.monthly,
            RetentionRule::Yearly => self.yearly,
        }
    }
}

/// A checked [`KeepCounts`]: some rule keeps something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionRules(KeepCounts);

/// Why numbers are no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// All are 0.
    #[error("every retention rule is 0, so that nothing would be kept on purpose")]
    KeepsNothing,
    /// One is too large to be meant.
    #[error("{rule} {number} is more than {}", KeepCounts::MOST)]
    TooMany {
        /// Which one.
        rule: RetentionRule,
        /// Its number.
        number: u32,
    },
}

impl RetentionRules {
    /// Checks numbers.
    ///
    /// # Errors
    /// When every number is 0, or one is above [`KeepCounts::MOST`].
    pub fn new(keep: KeepCounts) -> Result<Self, PolicyError> {
        for rule in RetentionRule::ALL {
            let number = keep.by(rule);
            if number > KeepCounts::MOST {
                return Err(PolicyError::TooMany { rule, number });
            }
        }
        if RetentionRule::ALL.into_iter().all(|rule| keep.by(rule) == 0) {
            return Err(PolicyError::KeepsNothing);
        }
        Ok(Self(keep))
    }

    /// Its numbers.
    #[must_use]
    pub const fn keep(&self) -> KeepCounts {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_keeps_nothing_is_refused() {
        let nothing = KeepCounts { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
        assert_eq!(RetentionRules::new(nothing), Err(PolicyError::KeepsNothing));
        assert!(RetentionRules::new(KeepCounts { yearly: 1, ..nothing }).is_ok());
        let error = RetentionRules::new(KeepCounts { weekly: KeepCounts::MOST + 1, ..nothing }).unwrap_err();
        assert_eq!(error.to_string(), "weekly 10001 is more than 10000");
        assert_eq!(RetentionRules::new(KeepCounts::default()).unwrap(), RetentionRules::default());
    }

    #[test]
    fn periods_are_those_of_the_calendar_in_utc() {
        let periods = |text: &str| {
            let time = Timestamp::parse(text).unwrap();
            RetentionRule::ALL.into_iter().filter_map(|rule| rule.period(time)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(periods("2026-11-23T04:59:59Z"), "2026-11-23T04 2026-11-23 2026-W48 2026-11 2026");
        // Another day, week, month and year in the place it was written down in; and a week of the year before.
        assert_eq!(periods("2027-01-01T01:00:00+02:00"), "2026-12-31T23 2026-12-31 2026-W53 2026-12 2026");
        assert_eq!(periods("2027-01-03T23:00:00Z"), "2027-01-03T23 2027-01-03 2026-W53 2027-01 2027");
    }
}
