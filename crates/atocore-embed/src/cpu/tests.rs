//! Every path of the arithmetic against plain sums in f64, and against each other.

use proptest::prelude::*;

use super::*;
use crate::kernel::{LANES, stride};

/// The paths that run on this CPU.
fn paths() -> Vec<&'static dyn Kernels> {
    let fastest = fastest();
    if fastest.name() == PortableKernels.name() {
        vec![&PortableKernels]
    } else {
        vec![&PortableKernels, fastest]
    }
}

#[test]
fn the_fast_path_is_chosen_where_the_cpu_has_it() {
    #[cfg(target_arch = "x86_64")]
    assert_eq!(
        fastest().name() == "avx2",
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    );
    assert_eq!(paths().first().map(|path| path.name()), Some("portable"));
}

/// Numbers between −1 and 1 that depend on the seed only.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 23) as f32) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A product to compute: `rows × inputs` times `inputs × outputs`, the rows on the left a little apart.
#[derive(Debug)]
struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    apart: usize,
    left: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// What stands where nothing may be written.
const UNTOUCHED: f32 = 12345.0;

impl Case {
    fn new(rows: usize, inputs: usize, outputs: usize, gap: usize, seed: u64) -> Self {
        let apart = inputs + gap;
        Self {
            rows,
            inputs,
            outputs,
            apart,
            left: numbers(seed, rows * apart),
            weights: numbers(seed ^ 0xabcd, inputs * outputs),
            bias: numbers(seed ^ 0x1234, outputs),
        }
    }

    fn rows(&self) -> Rows<'_> {
        Rows { values: &self.left, stride: self.apart, count: self.rows }
    }

    /// Room for the product, a lane wider than it needs, full of what must not matter or must stay.
    fn out(&self) -> (Vec<f32>, usize) {
        let columns = stride(self.outputs) + LANES;
        (vec![UNTOUCHED; self.rows * columns], columns)
    }

    /// The exact product at a place, and the sum of the magnitudes that went into it.
    fn exact(&self, row: usize, output: usize) -> (f64, f64) {
        let left = &self.left[row * self.apart..][..self.inputs];
        let weights = &self.weights[output * self.inputs..][..self.inputs];
        let products = left.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()))
    }

    /// Calls `check` with each place of the product; what lies around it must be as it was, or zero in filled-up lanes.
    fn each(&self, out: &[f32], columns: usize, mut check: impl FnMut(usize, usize, f64)) {
        for (row, values) in out.chunks_exact(columns).enumerate() {
            let (product, rest) = values.split_at(stride(self.outputs));
            assert!(rest.iter().all(|value| *value == UNTOUCHED), "written beyond the row {row}");
            assert!(product[self.outputs..].iter().all(|value| *value == 0.0), "row {row} is not filled up");
            for (output, value) in product[..self.outputs].iter().enumerate() {
                check(row, output, f64::from(*value));
            }
        }
    }

    fn check_float(&self) {
        let matrix = float::FloatMatrix::pack(&self.weights, &self.bias, self.inputs);
        for path in paths() {
            for biased in [true, false] {
                let bias = matrix.panels().bias.filter(|_| biased);
                let ((mut out, columns), mut scratch) = (self.out(), vec![f32::NAN; 7]);
                let panels = Panels { bias, ..matrix.panels() };
                path.multiply(self.rows(), panels, &mut out, columns, &mut scratch);
                self.each(&out, columns, |row, output, found| {
                    let (sum, size) = self.exact(row, output);
                    let bias = if biased { f64::from(self.bias[output]) } else { 0.0 };
                    // Each of the additions rounds once or twice.
                    let slack = (self.inputs + 2) as f64 * f64::from(f32::EPSILON) * (size + bias.abs());
                    let wrong = (found - sum - bias).abs();
                    assert!(wrong <= slack, "{} at {row}, {output}: wrong by {wrong}", path.name());
                });
            }
        }
    }

    fn check_int8(&self) {
        let matrix = int8::Int8Matrix::pack(&self.weights, &self.bias, self.inputs);
        let mut products = Vec::new();
        for path in paths() {
            let ((mut out, columns), mut scratch) = (self.out(), int8::Int8Scratch::default());
            path.multiply_int8(self.rows(), &matrix, &mut out, columns, &mut scratch);
            self.each(&out, columns, |row, output, found| {
                let exact = self.exact(row, output).0 + f64::from(self.bias[output]);
                let (slack, wrong) = (self.rounding(row, output), (found - exact).abs());
                assert!(wrong <= slack, "{} at {row}, {output}: wrong by {wrong}, not {slack}", path.name());
            });
            products.push(out);
        }
        assert!(products.windows(2).all(|pair| pair[0] == pair[1]), "the paths differ");
    }

    /// How far rounding weights and activations to half a unit can move the product at a place.
    fn rounding(&self, row: usize, output: usize) -> f64 {
        let left = &self.left[row * self.apart..][..self.inputs];
        let weights = &self.weights[output * self.inputs..][..self.inputs];
        let sizes = |values: &[f32]| {
            let sizes = values.iter().map(|value| f64::from(value.abs()));
            sizes.fold((0.0, 0.0_f64), |(sum, most), size| (sum + size, most.max(size)))
        };
        let ((left_sum, left_most), (weight_sum, weight_most)) = (sizes(left), sizes(weights));
        let bits = (f64::from(i32::MAX) / (127.0 * self.inputs as f64)).min(8191.0).floor();
        let (unit, scale) = (left_most / bits * 0.51, weight_most / 127.0 * 0.51);
        left_sum * scale + weight_sum * unit + self.inputs as f64 * unit * scale + 1e-5
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn products_of_any_shape_are_right(
        rows in 1..=20_usize, inputs in 1..=70_usize, outputs in 1..=70_usize, gap in 0..4_usize, seed: u64,
    ) {
        let case = Case::new(rows, inputs, outputs, gap, seed);
        case.check_float();
        case.check_int8();
    }
}

#[test]
fn products_are_right_around_the_sizes_that_the_blocks_have() {
    for rows in 1..=7 {
        for inputs in [1, 2, 7, 8, 9, 15, 16, 17, 383, 384, 385, 767, 769] {
            for outputs in [1, 7, 15, 16, 17, 33] {
                let case = Case::new(rows, inputs, outputs, rows % 3, (rows * inputs * outputs) as u64);
                case.check_float();
                case.check_int8();
            }
        }
    }
}

#[test]
fn the_largest_sums_of_8_bit_products_do_not_overflow() {
    for inputs in [384, 2064, 2065, 8192, 65_535, 65_536] {
        for sign in [1.0, -1.0] {
            let matrix = int8::Int8Matrix::pack(&vec![sign; inputs], &[0.0], inputs);
            let left = vec![1.0; inputs];
            for path in paths() {
                let (mut out, mut scratch) = ([0.0; LANES], int8::Int8Scratch::default());
                let rows = Rows { values: &left, stride: inputs, count: 1 };
                path.multiply_int8(rows, &matrix, &mut out, LANES, &mut scratch);
                let wrong = (out[0] / (sign * inputs as f32) - 1.0).abs();
                assert!(wrong < 1e-5, "{} with {inputs}: {}", path.name(), out[0]);
            }
        }
    }
}

#[test]
fn rows_and_weights_of_zeros_give_the_bias() {
    let mut case = Case::new(3, 20, 5, 0, 1);
    case.left.fill(0.0);
    case.check_float();
    case.check_int8();
    case = Case::new(3, 20, 5, 0, 1);
    case.weights.fill(0.0);
    case.check_float();
    case.check_int8();
}

#[test]
fn row_operations_agree_between_the_kernels_at_odd_widths() {
    for width in [1, 2, 7, 8, 15, 16, 17, 24, 31, 100, 384] {
        let (rows, row) = (3, stride(width));
        let norm = Norm { scale: numbers(3, width), shift: numbers(4, width), epsilon: 1e-12 };
        let results = paths().into_iter().map(|path| {
            let (mut normed, mut shares, mut bent) =
                (numbers(1, rows * row), numbers(5, rows * row), numbers(6, rows * row));
            path.add_and_norm(&mut normed, &numbers(2, rows * row), row, &norm);
            path.softmax(&mut shares, row, width, 0.3);
            path.gelu(&mut bent);
            [normed, shares, bent].concat()
        });
        let results: Vec<Vec<f32>> = results.collect();
        for pair in results.windows(2) {
            for (one, other) in pair[0].iter().zip(&pair[1]) {
                assert!((one - other).abs() <= 1e-5 * one.abs().max(1.0), "{width}: {one} and {other}");
            }
        }
    }
}
