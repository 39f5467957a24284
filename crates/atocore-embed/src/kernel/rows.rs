//! What is done to single rows between the products: layer norm, softmax, GELU.

use super::{LANES, multiply_add};

/// The learned scale and shift of a layer norm.
#[derive(Debug)]
pub(crate) struct Norm {
    /// Multiplied with each normalised number.
    pub(crate) scale: Vec<f32>,
    /// Added after that.
    pub(crate) shift: Vec<f32>,
    /// Keeps the division defined for a row of equal numbers.
    pub(crate) epsilon: f32,
}

/// Adds each row of `residual` to `values` and normalises it; rows are `stride` apart in both.
#[inline(always)]
pub(crate) fn add_and_norm_all<const FMA: bool>(
    values: &mut [f32],
    residual: &[f32],
    stride: usize,
    norm: &Norm,
) {
    let columns = norm.scale.len();
    for (row, residual) in values.chunks_exact_mut(stride).zip(residual.chunks_exact(stride)) {
        add_and_norm::<FMA>(&mut row[..columns], &residual[..columns], norm);
    }
}

/// Turns the first `columns` scores of each row into shares; rows are `stride` apart.
#[inline(always)]
pub(crate) fn softmax_all<const FMA: bool>(scores: &mut [f32], stride: usize, columns: usize, factor: f32) {
    for row in scores.chunks_exact_mut(stride) {
        softmax::<FMA>(&mut row[..columns], factor);
    }
}

/// Adds `residual` to `row`, then brings it to mean 0 and variance 1, scales and shifts it.
#[inline(always)]
fn add_and_norm<const FMA: bool>(row: &mut [f32], residual: &[f32], norm: &Norm) {
    for (value, residual) in row.iter_mut().zip(residual) {
        *value += residual;
    }
    let count = row.len() as f32;
    let mean = total(row, |value| value) / count;
    let variance = total(row, |value| (value - mean) * (value - mean)) / count;
    let factor = 1.0 / (variance + norm.epsilon).sqrt();
    for ((value, scale), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
        *value = multiply_add::<FMA>((*value - mean) * factor, *scale, *shift);
    }
}

/// Turns the scores of one row into shares that sum to 1; the scores are first multiplied by `factor` (> 0).
#[inline(always)]
fn softmax<const FMA: bool>(row: &mut [f32], factor: f32) {
    let highest = highest(row);
    for value in row.iter_mut() {
        *value = exp::<FMA>((*value - highest) * factor);
    }
    let share = 1.0 / total(row, |value| value);
    for value in row.iter_mut() {
        *value *= share;
    }
}

/// The exact GELU, `x · Φ(x)`, of every number.
#[inline(always)]
pub(crate) fn gelu<const FMA: bool>(values: &mut [f32]) {
    for value in values {
        let half = 0.5 * *value;
        *value = multiply_add::<FMA>(half, erf::<FMA>(*value * std::f32::consts::FRAC_1_SQRT_2), half);
    }
}

/// The sum of `of` each number, in sixteen partial sums so that it vectorises; the order of adding is fixed.
#[inline(always)]
fn total(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += of(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += of(*value);
    }
    sums.iter().sum()
}

/// The largest number of the row.
#[inline(always)]
fn highest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut tops = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (top, value) in tops.iter_mut().zip(chunk) {
            *top = if *value > *top { *value } else { *top };
        }
    }
    rest.iter().chain(&tops).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// `e` to the power of a number that is at most 0, to within 2 units in the last place; below −87 it is e⁻⁸⁷.
///
/// The number is split into a power of two, which goes into the exponent bits, and a rest of at most half of ln 2,
/// for which a polynomial of degree 7 does.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to the nearest whole number and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has so few digits that its product with a small whole number is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    let rest = multiply_add::<FMA>(whole, -LN_2_LOW, multiply_add::<FMA>(whole, -LN_2_HIGH, x));
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits());
    let scale = f32::from_bits(power.wrapping_add(127) << 23);
    // The series of e^r.
    let mut sum = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = multiply_add::<FMA>(sum, rest, term);
    }
    sum * scale
}

/// The error function to within 4e-7: a rational approximation, odd, that reaches ±1 at ±4.
#[inline(always)]
fn erf<const FMA: bool>(x: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_3e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2];
    let x = if x < -4.0 { -4.0 } else { x };
    let x = if x > 4.0 { 4.0 } else { x };
    let square = x * x;
    let mut above = ABOVE[0];
    for term in &ABOVE[1..] {
        above = multiply_add::<FMA>(above, square, *term);
    }
    let mut below = BELOW[0];
    for term in &BELOW[1..] {
        below = multiply_add::<FMA>(below, square, *term);
    }
    x * above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_right_to_the_last_places_on_its_whole_range() {
        for i in 0..=870_000 {
            let x = -(i as f32) * 1e-4;
            let exact = f64::from(x).exp();
            for found in [exp::<false>(x), exp::<true>(x)] {
                assert!((f64::from(found) - exact).abs() <= exact * 3e-7, "exp({x}) = {found}, not {exact}");
            }
        }
        assert!(exp::<false>(f32::NEG_INFINITY) < 1e-37);
    }

    /// The error function by numerical integration in f64, a step at a time.
    #[test]
    fn erf_agrees_with_the_integral_it_stands_for() {
        let density = |t: f64| (-t * t).exp() * std::f64::consts::FRAC_2_SQRT_PI;
        let (mut integral, step) = (0.0, 1e-3);
        for i in 0..6000 {
            let t = f64::from(i) * step;
            for (x, exact) in [(t, integral), (-t, -integral)] {
                for found in [erf::<false>(x as f32), erf::<true>(x as f32)] {
                    assert!((f64::from(found) - exact).abs() < 4e-7, "erf({x}) = {found}, not {exact}");
                }
            }
            // Simpson's rule: its error here is below 1e-13 a step.
            integral += step / 6.0 * (density(t) + 4.0 * density(t + step / 2.0) + density(t + step));
        }
    }

    #[test]
    fn softmax_shares_sum_to_one_and_keep_the_order_at_every_length() {
        for length in 1..70 {
            let mut row: Vec<f32> = (0..length).map(|i| (i * 37 % 23) as f32 - 11.0).collect();
            let scores = row.clone();
            softmax::<false>(&mut row, 0.5);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            for i in 1..row.len() {
                assert_eq!(scores[i] > scores[i - 1], row[i] > row[i - 1]);
            }
        }
    }

    #[test]
    fn a_normalised_row_has_mean_0_and_variance_1_even_when_its_length_is_odd() {
        for length in [2, 16, 31, 384] {
            let norm = Norm { scale: vec![1.0; length], shift: vec![0.0; length], epsilon: 1e-12 };
            let mut row: Vec<f32> = (0..length).map(|i| (i * 7 % 13) as f32).collect();
            add_and_norm::<false>(&mut row, &vec![3.0; length], &norm);
            let mean = row.iter().sum::<f32>() / length as f32;
            let variance = row.iter().map(|v| v * v).sum::<f32>() / length as f32;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{length}: {mean} {variance}");
        }
    }
}
