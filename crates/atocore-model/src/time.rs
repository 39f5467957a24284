//! Points in time, their two text forms, and where "now" comes from.

use std::{fmt, str::FromStr, time::Duration};

use utoipa::ToSchema;

use crate::json::{read_from_text, written_as_text};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// A point in time in UTC, to the microsecond: ISO 8601 with offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, example = "2026-04-06T18:42:19.000000+00:00")]
pub struct Timestamp(jiff::Timestamp);

read_from_text!(Timestamp);
written_as_text!(Timestamp);

impl Timestamp {
    /// Wraps a point in time; finer parts than microseconds are cut off.
    #[must_use]
    pub fn new(time: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
    }

    /// The point in time.
    #[must_use]
    pub const fn get(self) -> jiff::Timestamp {
        self.0
    }

    /// Reads ISO 8601 with an offset or `Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// Reads a point in time as people and programs write it: ISO 8601 with an offset, or without one, or only the date;
    /// what has no offset is UTC.
    #[must_use]
    pub fn parse_utc(text: &str) -> Option<Self> {
        let text = text.trim();
        let civil = || -> Option<jiff::Timestamp> {
            // A date and time with an offset that cannot be is not one without.
            let time: jiff::civil::DateTime = text.parse().ok()?;
            jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
        };
        Self::parse(text).or_else(|| civil().map(Self::new))
    }

    /// The point in time so much earlier, as far as the calendar goes.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span).unwrap_or(jiff::Timestamp::MIN))
    }

    /// How many whole days later another point in time is; 0 when it is not.
    #[must_use]
    pub fn days_until(self, later: Self) -> u32 {
        let seconds = later.0.as_second().saturating_sub(self.0.as_second()).max(0);
        u32::try_from(seconds / SECONDS_PER_DAY).unwrap_or(u32::MAX)
    }

    /// Nanoseconds since 1970, as file systems count them.
    #[must_use]
    pub fn as_nanosecond(self) -> i128 {
        self.0.as_nanosecond()
    }
}

/// ISO 8601 with offset and microseconds, `2026-04-06T18:42:19.000000+00:00`: sorts as text.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As [`Timestamp::parse`].
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::new)
    }
}

/// Where "now" comes from, so that tests can say what time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present time.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_with_offset_and_microseconds() {
        let time = Timestamp::parse("2026-04-06T18:42:19.5Z").unwrap();
        assert_eq!(time.to_string(), "2026-04-06T18:42:19.500000+00:00");
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn what_has_no_offset_is_utc() {
        let read = |text| Timestamp::parse_utc(text).map(|time| time.to_string());
        let noon = Some("2026-04-06T12:00:00.000000+00:00".to_owned());
        for text in
            ["2026-04-06T12:00:00Z", "2026-04-06T14:00:00+02:00", "2026-04-06 12:00:00", "2026-04-06T12:00"]
        {
            assert_eq!(read(text), noon, "{text}");
        }
        assert_eq!(read("2026-04-06"), Some("2026-04-06T00:00:00.000000+00:00".to_owned()));
        for bad in [
            "",
            "2026-13-01",
            "2026-02-30T00:00:00",
            "2026-04-06T25:00:00Z",
            "noon",
            "2026-04-06T12:00:00+99:00",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
