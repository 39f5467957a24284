//! Whether two configurations differ by more than chance, judged on the same questions.

/// How many times the signs are drawn.
pub const ROUNDS: u32 = 10_000;

/// Two configurations on the same questions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedComparison {
    /// Mean of the second minus mean of the first.
    pub difference: f64,
    /// Questions for which the second is better.
    pub better: usize,
    /// Questions for which it is worse.
    pub worse: usize,
    /// Questions for which both are the same.
    pub equal: usize,
    /// How often chance alone makes a difference at least as large: above 0, at most 1.
    pub p_value: f64,
}

impl PairedComparison {
    /// Compares the scores that two configurations have for the same questions, in the same order.
    #[must_use]
    pub fn new(first: &[f64], second: &[f64]) -> Self {
        let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| second - first).collect();
        let count = |wanted: fn(f64) -> bool| differences.iter().filter(|value| wanted(**value)).count();
        let (better, worse) = (count(|value| value > TIE), count(|value| value < -TIE));
        Self {
            difference: differences.iter().sum::<f64>() / differences.len().max(1) as f64,
            better,
            worse,
            equal: differences.len() - better - worse,
            p_value: permutation_test(&differences),
        }
    }
}

/// Smaller differences are those of rounding.
const TIE: f64 = 1e-12;

/// The p-value of a paired randomisation test on differences, two-sided.
///
/// If both configurations were equally good, each difference could as well have the other sign. The signs are drawn at
/// random [`ROUNDS`] times, always the same way; counted is how often the sum is at least as far from 0 as it really
/// is, with the real one as one draw more, so that the value is never 0.
///
/// Source: Smucker, Allan, Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
/// Evaluation", CIKM 2007.
#[must_use]
pub fn permutation_test(differences: &[f64]) -> f64 {
    let differences: Vec<f64> = differences.iter().copied().filter(|value| value.abs() > TIE).collect();
    let real = differences.iter().sum::<f64>().abs();
    let mut signs = Signs::default();
    let mut as_far = 0;
    for _ in 0..ROUNDS {
        let sum: f64 = differences.iter().map(|value| if signs.next() { *value } else { -value }).sum();
        if sum.abs() >= real - TIE {
            as_far += 1;
        }
    }
    f64::from(as_far + 1) / f64::from(ROUNDS + 1)
}

/// Random bits, the same ones every time.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 (`SplitMix64`).
#[derive(Debug, Default)]
struct Signs {
    state: u64,
    bits: u64,
    left: u32,
}

impl Signs {
    fn next(&mut self) -> bool {
        if self.left == 0 {
            self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            self.bits = mixed ^ (mixed >> 31);
            self.left = u64::BITS;
        }
        self.left -= 1;
        self.bits >> self.left & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_value_is_near_the_exact_one() {
        // Of 2^3 ways to set the signs only all plus and all minus are as far from 0.
        assert!((permutation_test(&[1.0, 1.0, 1.0]) - 0.25).abs() < 0.02);
        // Of 2^10 ways, 2.
        assert!((permutation_test(&[0.5; 10]) - 2.0 / 1024.0).abs() < 0.002);
    }

    #[test]
    fn without_a_difference_chance_explains_everything() {
        for same in [&[][..], &[0.0, 0.0], &[0.5, -0.5]] {
            assert!((permutation_test(same) - 1.0).abs() < 1e-12, "{same:?}");
        }
    }

    #[test]
    fn questions_are_counted_by_how_they_changed() {
        let compared = PairedComparison::new(&[0.5, 0.5, 0.5, 1.0], &[1.0, 0.5, 0.25, 1.0]);
        assert_eq!((compared.better, compared.worse, compared.equal), (1, 1, 2));
        assert!((compared.difference - 0.0625).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_order_of_the_two_does_not_matter(differences in prop::collection::vec(-1.0_f64..1.0, 0..30)) {
            let turned: Vec<f64> = differences.iter().map(|value| -value).collect();
            let p = permutation_test(&differences);
            prop_assert!(p > 0.0 && p <= 1.0);
            prop_assert_eq!(p.to_bits(), permutation_test(&turned).to_bits());
        }
    }
}
