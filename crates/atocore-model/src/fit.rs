//! How well a passage fits a question, on a scale that is the same for every question.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How well a passage fits a question: 0 to 1, in steps of a thousandth.
///
/// A score orders the passages of one answer; a fit says of each whether it is about what was asked, and means the same in
/// every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64, minimum = 0, maximum = 1)]
pub struct Fit(u16);

/// A fit out of range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a fit is between 0 and 1, this is {0}")]
pub struct InvalidFit(pub f64);

/// The steps from 0 to 1.
const STEPS: f64 = 1000.0;

impl Fit {
    /// Of nothing.
    pub const ZERO: Self = Self(0);
    /// A passage that fits less is more likely about something else.
    pub const WELL: Self = Self(500);
    /// A passage that fits less is no use even where nothing fits better.
    pub const NEAR: Self = Self(100);
    /// A passage that fits less is left out where nobody says otherwise.
    pub const FLOOR: Self = Self(50);

    /// The nearest step to a number.
    ///
    /// # Errors
    /// When it is not between 0 and 1.
    pub fn new(value: f64) -> Result<Self, InvalidFit> {
        if (0.0..=1.0).contains(&value) { Ok(Self::near(value)) } else { Err(InvalidFit(value)) }
    }

    /// What the halves of a score say of a passage: the cosine of its vector and that of the question, and which part of the
    /// words of the question it has, each by how rare it is. A half that was not asked is `None`.
    ///
    /// These are logistic functions, so that 0.5 is where passages that answer a question part from the best that questions
    /// about other subjects find. Their weights were fitted on four judged collections with the vectors of
    /// `all-MiniLM-L6-v2`, each tried on the one that was left out. A passage with nearly all the words fits by them alone:
    /// to the model a name or a number means nothing.
    #[must_use]
    pub fn of(cosine: Option<f64>, coverage: Option<f64>) -> Self {
        let evidence = match (cosine, coverage) {
            (Some(cosine), Some(coverage)) => {
                f64::max(9.0 * cosine + 3.0 * coverage - 4.8, 14.0 * coverage - 11.0)
            }
            (Some(cosine), None) => 11.0 * cosine - 5.0,
            (None, Some(coverage)) => 7.0 * coverage - 2.5,
            (None, None) => return Self::ZERO,
        };
        Self::near(1.0 / (1.0 + (-evidence).exp()))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0) / STEPS
    }

    /// The nearest step to a number from 0 to 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    fn near(value: f64) -> Self {
        Self((value * STEPS).round() as u16)
    }
}

impl TryFrom<f64> for Fit {
    type Error = InvalidFit;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Fit> for f64 {
    fn from(fit: Fit) -> Self {
        fit.get()
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_number_from_0_to_1() {
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Fit::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Fit::new(0.05), Ok(Fit::FLOOR));
        assert_eq!(
            (Fit::FLOOR.to_string().as_str(), serde_json::to_string(&Fit::WELL).unwrap().as_str()),
            ("0.05", "0.5")
        );
        assert_eq!(Fit::new(0.873).unwrap().get(), 0.873);
    }

    #[test]
    fn more_of_either_half_never_fits_less() {
        for tenths in 0..10 {
            let (less, more) = (f64::from(tenths) / 10.0, f64::from(tenths + 1) / 10.0);
            for other in [None, Some(0.0), Some(0.5), Some(1.0)] {
                assert!(Fit::of(Some(less), other) <= Fit::of(Some(more), other), "{less} {other:?}");
                assert!(Fit::of(other, Some(less)) <= Fit::of(other, Some(more)), "{less} {other:?}");
            }
        }
    }

    #[test]
    fn all_words_of_a_question_fit_whatever_their_meaning_says() {
        assert!(Fit::of(Some(0.0), Some(1.0)) > Fit::WELL);
        assert!(Fit::of(Some(0.2), Some(0.0)) < Fit::WELL);
        assert!(Fit::of(Some(0.55), Some(0.0)) > Fit::WELL);
        assert_eq!(Fit::of(None, None), Fit::ZERO);
    }
}
