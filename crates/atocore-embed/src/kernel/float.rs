//! The blocked matrix product in f32: the right matrix in panels of sixteen columns, the left in blocks of six rows.

use super::{LANES, Lanes, multiply_add, row_blocks};

/// How much of the inner dimension is worked on at once: a panel of 384 × 16 numbers stays in the first cache level.
const DEPTH: usize = 384;

/// A matrix to multiply by, cut into panels of sixteen columns: for each part of the depth, for each panel, one
/// [`Lanes`] per input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a> {
    /// The inner dimension.
    pub(crate) inputs: usize,
    /// The number of panels.
    pub(crate) panels: usize,
    /// `inputs × panels` lanes.
    pub(crate) lanes: &'a [Lanes],
    /// What every row of the product starts with; nothing means zero.
    pub(crate) bias: Option<&'a [Lanes]>,
}

/// The left matrix: rows of numbers at a fixed distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The numbers; the first row starts at the front.
    pub(crate) values: &'a [f32],
    /// From one row to the next.
    pub(crate) stride: usize,
    /// How many rows there are.
    pub(crate) count: usize,
}

/// The step that differs from path to path: the sums of one block of at most six rows by sixteen columns.
pub(crate) trait FloatSums: Copy {
    /// Adds to `sums`, for `R` rows, the products over the whole depth.
    fn add<const R: usize>(self, left: &[[f32; R]], right: &[Lanes], sums: &mut [[f32; LANES]; R]);
}

/// The step in plain Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainFloatSums<const FMA: bool>;

impl<const FMA: bool> FloatSums for PlainFloatSums<FMA> {
    // On its own the compiler vectorises it; inlined among the loops around it, it stays scalar.
    #[inline(never)]
    fn add<const R: usize>(self, left: &[[f32; R]], right: &[Lanes], sums: &mut [[f32; LANES]; R]) {
        for (left, right) in left.iter().zip(right) {
            for i in 0..R {
                for (sum, right) in sums[i].iter_mut().zip(&right.0) {
                    *sum = multiply_add::<FMA>(left[i], *right, *sum);
                }
            }
        }
    }
}

/// The weights of one layer, kept as panels.
#[derive(Debug)]
pub(crate) struct FloatMatrix {
    inputs: usize,
    panels: usize,
    lanes: Vec<Lanes>,
    bias: Vec<Lanes>,
}

impl FloatMatrix {
    /// Packs `weights` (one row per output, `inputs` long, as checkpoints have them) with one bias per output.
    pub(crate) fn pack(weights: &[f32], bias: &[f32], inputs: usize) -> Self {
        let panels = bias.len().div_ceil(LANES);
        let mut lanes = vec![Lanes::ZERO; panels * inputs];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let (panel, lane) = (output / LANES, output % LANES);
            for (part, values) in row.chunks(DEPTH).enumerate() {
                let start = position(inputs, panels, panel, part * DEPTH);
                for (packed, value) in lanes[start..].iter_mut().zip(values) {
                    packed.0[lane] = *value;
                }
            }
        }
        Self { inputs, panels, lanes, bias: to_lanes(bias) }
    }

    /// The matrix as the product wants it.
    pub(crate) fn panels(&self) -> Panels<'_> {
        Panels { inputs: self.inputs, panels: self.panels, lanes: &self.lanes, bias: Some(&self.bias) }
    }
}

/// Where in [`Panels::lanes`] the lanes of one input of one panel are.
pub(crate) const fn position(inputs: usize, panels: usize, panel: usize, input: usize) -> usize {
    let before = input / DEPTH * DEPTH;
    let depth = if inputs - before < DEPTH { inputs - before } else { DEPTH };
    before * panels + panel * depth + input - before
}

/// Cuts numbers into lanes; the last one is filled up with zeros.
pub(crate) fn to_lanes(values: &[f32]) -> Vec<Lanes> {
    let mut lanes = vec![Lanes::ZERO; values.len().div_ceil(LANES)];
    for (lane, values) in lanes.iter_mut().zip(values.chunks(LANES)) {
        lane.0[..values.len()].copy_from_slice(values);
    }
    lanes
}

/// Writes `left × right + bias` to `out`, whose rows are `out_stride` apart and hold whole lanes.
#[inline(always)]
pub(crate) fn multiply(
    step: impl FloatSums,
    left: Rows<'_>,
    right: Panels<'_>,
    out: &mut [f32],
    out_stride: usize,
    scratch: &mut Vec<f32>,
) {
    let mut lanes = right.lanes;
    for start in (0..right.inputs).step_by(DEPTH) {
        let depth = DEPTH.min(right.inputs - start);
        pack_rows(left, start, depth, scratch);
        for panel in 0..right.panels {
            let (weights, rest) = lanes.split_at(depth);
            lanes = rest;
            // Later parts of the depth go on from the sums of the earlier ones.
            let begin = (start == 0).then(|| right.bias.map_or(Lanes::ZERO, |bias| bias[panel]));
            for (row, count) in row_blocks(left.count) {
                let values = &scratch[row * depth..][..count * depth];
                let out = &mut out[row * out_stride + panel * LANES..];
                match count {
                    1 => block::<1>(step, values, weights, begin, out, out_stride),
                    2 => block::<2>(step, values, weights, begin, out, out_stride),
                    3 => block::<3>(step, values, weights, begin, out, out_stride),
                    4 => block::<4>(step, values, weights, begin, out, out_stride),
                    5 => block::<5>(step, values, weights, begin, out, out_stride),
                    _ => block::<6>(step, values, weights, begin, out, out_stride),
                }
            }
        }
    }
}

/// Lays each block of rows out column by column, so that the product reads it straight through.
#[inline(always)]
fn pack_rows(left: Rows<'_>, start: usize, depth: usize, packed: &mut Vec<f32>) {
    packed.clear();
    packed.resize(left.count * depth, 0.0);
    for (row, count) in row_blocks(left.count) {
        let block = &mut packed[row * depth..][..count * depth];
        for i in 0..count {
            let values = &left.values[(row + i) * left.stride + start..][..depth];
            for (column, value) in block.chunks_exact_mut(count).zip(values) {
                column[i] = *value;
            }
        }
    }
}

/// One block: `R` rows by sixteen columns, all sums in registers.
#[inline(always)]
fn block<const R: usize>(
    step: impl FloatSums,
    left: &[f32],
    right: &[Lanes],
    begin: Option<Lanes>,
    out: &mut [f32],
    out_stride: usize,
) {
    let mut sums = [[0.0; LANES]; R];
    for (i, sum) in sums.iter_mut().enumerate() {
        match begin {
            Some(bias) => *sum = bias.0,
            None => sum.copy_from_slice(&out[i * out_stride..][..LANES]),
        }
    }
    step.add(left.as_chunks::<R>().0, right, &mut sums);
    for (i, sum) in sums.iter().enumerate() {
        out[i * out_stride..][..LANES].copy_from_slice(sum);
    }
}
