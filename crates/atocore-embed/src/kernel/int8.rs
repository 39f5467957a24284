//! The matrix product with weights of 8 bits: one scale per output, whole-number sums that are exact on every path.
//!
//! The activations are rounded per row to as many bits as the 32-bit sums can hold (14 for 384 inputs, not 8):
//! the product of pairs of 16-bit numbers costs the same, and nearly all of the loss is then in the weights.

use super::{LANES, Lanes, ROWS, float::Rows, row_blocks};

/// The largest magnitude of a rounded weight.
const WEIGHT_LIMIT: f32 = 127.0;

/// The weights of two inputs for sixteen outputs, as pairs: what one step of the product needs.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct PairLanes(pub(crate) [i8; 2 * LANES]);

/// The weights of one layer, rounded to 8 bits.
#[derive(Debug)]
pub(crate) struct Int8Matrix {
    inputs: usize,
    panels: usize,
    /// Per panel one per pair of inputs.
    pairs: Vec<PairLanes>,
    /// What one unit of a weight stands for, per output.
    scales: Vec<Lanes>,
    bias: Vec<Lanes>,
    /// The largest magnitude of an activation for which no sum can overflow.
    limit: f32,
}

/// Rounded rows and what one unit of each stands for; kept between calls to save allocations.
#[derive(Debug, Default)]
pub(crate) struct Int8Scratch {
    /// Per block of rows, per pair of inputs, per row: two activations in one word.
    pairs: Vec<[i16; 2]>,
    scales: Vec<f32>,
}

/// The step that differs from path to path: exact sums of one block of at most six rows by sixteen columns.
pub(crate) trait Int8Sums: Copy {
    /// Returns, for `R` rows, the sum over all pairs of inputs.
    fn sums<const R: usize>(self, left: &[[[i16; 2]; R]], right: &[PairLanes]) -> [[i32; LANES]; R];
}

/// The step in plain Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainInt8Sums;

impl Int8Sums for PlainInt8Sums {
    #[inline(always)]
    fn sums<const R: usize>(self, left: &[[[i16; 2]; R]], right: &[PairLanes]) -> [[i32; LANES]; R] {
        let mut sums = [[0; LANES]; R];
        for (left, right) in left.iter().zip(right) {
            for i in 0..R {
                let (first, second) = (i32::from(left[i][0]), i32::from(left[i][1]));
                for (sum, pair) in sums[i].iter_mut().zip(right.0.as_chunks::<2>().0) {
                    *sum += first * i32::from(pair[0]) + second * i32::from(pair[1]);
                }
            }
        }
        sums
    }
}

impl Int8Matrix {
    /// Rounds and packs `weights` (one row per output, `inputs` long) with one bias per output.
    pub(crate) fn pack(weights: &[f32], bias: &[f32], inputs: usize) -> Self {
        let (panels, depth) = (bias.len().div_ceil(LANES), inputs.div_ceil(2));
        let mut pairs = vec![PairLanes([0; 2 * LANES]); panels * depth];
        let mut scales = vec![0.0; bias.len()];
        for (output, (row, scale)) in weights.chunks_exact(inputs).zip(&mut scales).enumerate() {
            let (panel, lane) = (output / LANES, output % LANES);
            *scale = largest(row) / WEIGHT_LIMIT;
            let units = if *scale > 0.0 { 1.0 / *scale } else { 0.0 };
            for (packed, pair) in pairs[panel * depth..].iter_mut().zip(row.chunks(2)) {
                for (i, value) in pair.iter().enumerate() {
                    packed.0[2 * lane + i] = (value * units).round_ties_even() as i8;
                }
            }
        }
        // In whole numbers, because rounded up it would let the longest sums overflow.
        let limit = (i32::MAX as usize / (WEIGHT_LIMIT as usize * inputs)).min(8191) as f32;
        let (scales, bias) = (super::float::to_lanes(&scales), super::float::to_lanes(bias));
        Self { inputs, panels, pairs, scales, bias, limit }
    }

    /// How many columns the product has, filled up to whole lanes.
    pub(crate) fn columns(&self) -> usize {
        self.panels * LANES
    }
}

/// Writes `left × right + bias` to `out`, whose rows are `out_stride` apart and hold whole lanes.
#[inline(always)]
pub(crate) fn multiply(
    sums: impl Int8Sums,
    left: Rows<'_>,
    right: &Int8Matrix,
    out: &mut [f32],
    out_stride: usize,
    scratch: &mut Int8Scratch,
) {
    round_rows(left, right, scratch);
    let depth = right.inputs.div_ceil(2);
    for panel in 0..right.panels {
        let weights = &right.pairs[panel * depth..][..depth];
        for (row, count) in row_blocks(left.count) {
            let values = &scratch.pairs[row * depth..][..count * depth];
            let mut block = [[0; LANES]; ROWS];
            match count {
                1 => block[..1].copy_from_slice(&sums.sums::<1>(values.as_chunks().0, weights)),
                2 => block[..2].copy_from_slice(&sums.sums::<2>(values.as_chunks().0, weights)),
                3 => block[..3].copy_from_slice(&sums.sums::<3>(values.as_chunks().0, weights)),
                4 => block[..4].copy_from_slice(&sums.sums::<4>(values.as_chunks().0, weights)),
                5 => block[..5].copy_from_slice(&sums.sums::<5>(values.as_chunks().0, weights)),
                _ => block[..6].copy_from_slice(&sums.sums::<6>(values.as_chunks().0, weights)),
            }
            for (i, sums) in block[..count].iter().enumerate() {
                let out = &mut out[(row + i) * out_stride + panel * LANES..][..LANES];
                let unit = scratch.scales[row + i];
                for (j, (out, sum)) in out.iter_mut().zip(sums).enumerate() {
                    *out = *sum as f32 * (unit * right.scales[panel].0[j]) + right.bias[panel].0[j];
                }
            }
        }
    }
}

/// Rounds each row to whole multiples of its own unit, and lays blocks of rows out pair by pair.
#[inline(always)]
fn round_rows(left: Rows<'_>, right: &Int8Matrix, scratch: &mut Int8Scratch) {
    let depth = right.inputs.div_ceil(2);
    scratch.pairs.clear();
    scratch.pairs.resize(left.count * depth, [0; 2]);
    scratch.scales.clear();
    for (row, count) in row_blocks(left.count) {
        let block = &mut scratch.pairs[row * depth..][..count * depth];
        for i in 0..count {
            let values = &left.values[(row + i) * left.stride..][..right.inputs];
            let unit = largest(values) / right.limit;
            scratch.scales.push(unit);
            let units = if unit > 0.0 { 1.0 / unit } else { 0.0 };
            let (pairs, last) = values.as_chunks::<2>();
            for (column, pair) in block.chunks_exact_mut(count).zip(pairs) {
                column[i] = [round(pair[0] * units), round(pair[1] * units)];
            }
            if let ([value], Some(column)) = (last, block.chunks_exact_mut(count).next_back()) {
                column[i] = [round(value * units), 0];
            }
        }
    }
}

/// Rounds to the nearest whole number, half to even; the magnitude must be below 2¹⁵.
#[inline(always)]
fn round(value: f32) -> i16 {
    // Adding 1.5 · 2²³ leaves the whole number in the low bits, whose lower half is the 16-bit number itself.
    (value + 12_582_912.0).to_bits() as i16
}

/// The largest magnitude among the numbers.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut tops = [0.0_f32; LANES];
    for chunk in chunks {
        for (top, value) in tops.iter_mut().zip(chunk) {
            *top = if value.abs() > *top { value.abs() } else { *top };
        }
    }
    rest.iter().map(|value| value.abs()).chain(tops).fold(0.0, f32::max)
}
