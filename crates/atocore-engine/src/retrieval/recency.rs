//! An optional factor: of what fits as well, what is dated later comes first.

use atocore_model::{query::Factor, time::Timestamp};

use super::RankWeights;

/// How much a date counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recency {
    boost: f64,
    half_life_days: f64,
    now: Timestamp,
}

impl Recency {
    /// `None` where dates make no difference.
    pub(super) fn new(weights: &RankWeights, now: Timestamp) -> Option<Self> {
        let RankWeights { recency_boost: boost, recency_half_life_days: half_life_days, .. } = *weights;
        let makes_a_difference = (boost - 1.0).abs() > f64::EPSILON;
        makes_a_difference.then_some(Self { boost, half_life_days, now })
    }

    /// The whole boost for what is dated today or later, half of it after the half-life. Days are whole, so that a question
    /// has the same answer all day.
    pub(super) fn value(&self, date: Timestamp) -> f64 {
        let age = f64::from(date.days_until(self.now));
        1.0 + (self.boost - 1.0) * (-age / self.half_life_days).exp2()
    }

    pub(super) fn factor(&self, date: Timestamp) -> Factor {
        let reason = match date.days_until(self.now) {
            0 => format!("dated {:.10}", date.to_string()),
            1 => format!("dated {:.10}, a day ago", date.to_string()),
            days => format!("dated {:.10}, {days} days ago", date.to_string()),
        };
        Factor { name: "recency".into(), value: self.value(date), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_boost_is_left_after_the_half_life() {
        let time = |text: &str| Timestamp::parse_utc(text).unwrap();
        let weights = |recency_boost| RankWeights {
            recency_boost,
            recency_half_life_days: 10.0,
            ..RankWeights::default()
        };
        let now = time("2026-04-21T12:00:00");
        let recency = Recency::new(&weights(3.0), now).unwrap();
        for (date, expected) in [
            ("2027-01-01", 3.0),
            ("2026-04-20T13:00:00", 3.0),
            ("2026-04-11", 2.0),
            ("2026-04-01", 1.5),
            ("1970-01-01", 1.0),
        ] {
            assert!((recency.value(time(date)) - expected).abs() < 1e-9, "{date}");
            assert_eq!(recency.factor(time(date)).value, recency.value(time(date)));
        }
        assert_eq!(recency.factor(time("2026-04-11")).reason, "dated 2026-04-11, 10 days ago");
        assert!(Recency::new(&RankWeights::default(), now).is_none());
        let older = Recency::new(&weights(0.5), now).unwrap();
        assert!(older.value(now) < older.value(time("2020-01-01")));
    }
}
