//! The arithmetic of the forward pass in plain Rust that the compiler vectorises, no `unsafe`.
//!
//! Nearly every function is inlined into its caller, so that [`crate::cpu`] can compile the same text a second time for a
//! faster instruction set; there, only the innermost
//! step of the two products is written anew. `FMA` says whether multiply-and-add is one instruction there.

pub(crate) mod float;
pub(crate) mod int8;
pub(crate) mod rows;

/// How many numbers are worked on side by side: two registers of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// How many rows of the left matrix one block of sums covers: 6 × 16 sums fill 12 of the 16 registers of AVX2.
const ROWS: usize = 6;

/// Sixteen numbers side by side, aligned to a cache line so that no load crosses one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [f32; LANES]);

impl Lanes {
    /// Sixteen zeros.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);
}

/// Multiplies and adds, rounding once where the instruction exists. Without it `mul_add` is a slow library call.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The distance between rows `columns` wide when each row is filled up to whole lanes.
pub(crate) const fn stride(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// Cuts `rows` into the fewest blocks of at most six, as equal as can be: nine rows are 5 + 4, not 6 + 3,
/// because a block of three takes as long as one of four.
#[inline(always)]
fn row_blocks(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = rows.div_ceil(ROWS);
    (0..blocks).map(move |i| {
        let start = i * rows / blocks;
        (start, (i + 1) * rows / blocks - start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_blocks_cover_every_row_once_and_never_exceed_six() {
        for rows in 0..600 {
            let mut next = 0;
            for (start, count) in row_blocks(rows) {
                assert_eq!(start, next);
                assert!((1..=ROWS).contains(&count), "{count} of {rows}");
                next += count;
            }
            assert_eq!(next, rows);
        }
    }
}
