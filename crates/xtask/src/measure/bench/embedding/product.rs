//! The matrix products of the forward pass, multiplied by the library `gemm`, and nothing else of the pass.
#![expect(unsafe_code, reason = "the library takes bare pointers; see the SAFETY line")]

use gemm::{Parallelism, gemm};

use crate::measure::random::Random;

/// The shape of the model: all-MiniLM-L6-v2.
const LAYERS: usize = 6;
const HIDDEN: usize = 384;
const WIDE: usize = 1536;
const HEADS: usize = 12;
const WIDTH: usize = HIDDEN / HEADS;

/// A matrix in a slice: where its element (row, column) stands.
#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl Shape {
    /// Rows after one another, `step` apart.
    const fn rows(rows: usize, columns: usize, step: usize) -> Self {
        Self { rows, columns, row_step: step, column_step: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    const fn turned(self) -> Self {
        let Self { rows, columns, row_step, column_step } = self;
        Self { rows: columns, columns: rows, row_step: column_step, column_step: row_step }
    }

    /// Whether every element stands in a slice of that length.
    const fn fits(self, length: usize) -> bool {
        self.rows > 0
            && self.columns > 0
            && (self.rows - 1) * self.row_step + (self.columns - 1) * self.column_step < length
    }
}

/// Writes `left × right` to `out`, with one thread.
///
/// # Panics
/// When a shape does not fit its slice, or the shapes do not fit each other.
fn multiply(left: (&[f32], Shape), right: (&[f32], Shape), out: (&mut [f32], Shape)) {
    let ((left, l), (right, r), (out, o)) = (left, right, out);
    assert!(
        l.fits(left.len()) && r.fits(right.len()) && o.fits(out.len()),
        "a matrix is longer than its slice"
    );
    assert!(l.columns == r.rows && o.rows == l.rows && o.columns == r.columns, "the shapes do not fit");
    let step = usize::cast_signed;
    // SAFETY: every element of the three matrices lies in its slice, `out` is borrowed alone, and the row and column
    // of `out` decide where an element stands, so that no two are the same.
    unsafe {
        gemm(
            l.rows,
            r.columns,
            l.columns,
            out.as_mut_ptr(),
            step(o.column_step),
            step(o.row_step),
            false,
            left.as_ptr(),
            step(l.column_step),
            step(l.row_step),
            right.as_ptr(),
            step(r.column_step),
            step(r.row_step),
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Multiplies rows of numbers by a square matrix of `width` rows.
pub(in super::super) fn rotate(rows: &[f32], matrix: &[f32], width: usize, out: &mut [f32]) {
    let shape = Shape::rows(rows.len() / width, width, width);
    multiply((rows, shape), (matrix, Shape::rows(width, width, width)), (out, shape));
}

/// Weights as large as those of the model, and the buffers of one pass.
pub(super) struct Products {
    layers: Vec<Layer>,
    hidden: Vec<f32>,
    projected: Vec<f32>,
    scores: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
}

/// Each row by row, as the library liked them best in our trials.
struct Layer {
    /// Queries, keys and values side by side: one product, as in our pass.
    attention: Vec<f32>,
    output: Vec<f32>,
    up: Vec<f32>,
    down: Vec<f32>,
}

impl Products {
    /// For sequences of up to `window` tokens.
    pub(super) fn new(window: usize) -> Self {
        let mut random = Random(4);
        let mut numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.normal() / HIDDEN as f32).collect() };
        let layers = (0..LAYERS).map(|_| Layer {
            attention: numbers(HIDDEN * 3 * HIDDEN),
            output: numbers(HIDDEN * HIDDEN),
            up: numbers(HIDDEN * WIDE),
            down: numbers(WIDE * HIDDEN),
        });
        Self {
            layers: layers.collect(),
            hidden: numbers(window * HIDDEN),
            projected: numbers(window * 3 * HIDDEN),
            scores: numbers(window * window),
            context: numbers(window * HIDDEN),
            wide: numbers(window * WIDE),
        }
    }

    /// Every product of one pass over `tokens` tokens.
    pub(super) fn pass(&mut self, tokens: usize) {
        let Self { layers, hidden, projected, scores, context, wide } = self;
        let square = |columns| Shape::rows(HIDDEN, columns, columns);
        let narrow = Shape::rows(tokens, HIDDEN, HIDDEN);
        let broad = Shape::rows(tokens, WIDE, WIDE);
        let all = Shape::rows(tokens, 3 * HIDDEN, 3 * HIDDEN);
        let head = Shape::rows(tokens, WIDTH, 3 * HIDDEN);
        let pairs = Shape::rows(tokens, tokens, tokens);
        for layer in layers.iter() {
            multiply((hidden, narrow), (&layer.attention, square(3 * HIDDEN)), (projected, all));
            for place in (0..HIDDEN).step_by(WIDTH) {
                let keys = (&projected[HIDDEN + place..], head.turned());
                multiply((&projected[place..], head), keys, (scores, pairs));
                let values = (&projected[2 * HIDDEN + place..], head);
                let part = Shape::rows(tokens, WIDTH, HIDDEN);
                multiply((scores, pairs), values, (&mut context[place..], part));
            }
            // Into a buffer that no later product reads: without the norms in between, numbers would run away.
            multiply((context, narrow), (&layer.output, square(HIDDEN)), (wide, narrow));
            multiply((hidden, narrow), (&layer.up, square(WIDE)), (wide, broad));
            multiply((wide, broad), (&layer.down, Shape::rows(WIDE, HIDDEN, HIDDEN)), (context, narrow));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_called_so_that_it_multiplies() {
        let (left, right) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 2.0, 1.0, 0.0, 3.0]);
        let mut out = [0.0; 4];
        let (two, three) = (Shape::rows(2, 3, 3), Shape::rows(3, 2, 2));
        multiply((&left, two), (&right, three), (&mut out, Shape::rows(2, 2, 2)));
        assert_eq!(out, [5.0, 11.0, 14.0, 23.0]);
        multiply((&left, two), (&left, two.turned()), (&mut out, Shape::rows(2, 2, 2)));
        assert_eq!(out, [14.0, 32.0, 32.0, 77.0]);
    }

    #[test]
    fn numbers_stay_small_over_many_passes() {
        let mut products = Products::new(16);
        (0..50).for_each(|_| products.pass(9));
        assert!(products.context.iter().all(|number| number.abs() < 1e3));
    }

    #[test]
    #[should_panic(expected = "longer than its slice")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let mut out = [0.0; 3];
        multiply(
            (&[1.0; 4], Shape::rows(2, 2, 2)),
            (&[1.0; 4], Shape::rows(2, 2, 2)),
            (&mut out, Shape::rows(2, 2, 2)),
        );
    }
}
