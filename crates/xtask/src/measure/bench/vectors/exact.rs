//! The plain scan in 32-bit numbers: what the index is measured against, in time and in what it finds.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use pulp::Arch;

use super::mixture::DIMENSIONS;

/// Numbers that are added side by side; the compiler makes vector instructions of it.
const SIDE_BY_SIDE: usize = 32;

/// The `limit` vectors with the highest product, best first; of equal ones the lower number first.
pub(super) fn nearest(vectors: &[f32], question: &[f32], limit: usize) -> Vec<(f32, usize)> {
    let mut best: BinaryHeap<Reverse<Near>> = BinaryHeap::with_capacity(limit + 1);
    // With the same choice of instructions as the product has.
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (number, vector) in vectors.chunks_exact(DIMENSIONS).enumerate() {
                let near = Near(product(vector, question), number);
                if best.len() < limit {
                    best.push(Reverse(near));
                } else if let Some(mut worst) = best.peek_mut()
                    && near > worst.0
                {
                    *worst = Reverse(near);
                }
            }
        },
    );
    best.into_sorted_vec().into_iter().map(|Reverse(Near(product, number))| (product, number)).collect()
}

/// The product of two vectors.
#[inline(always)]
pub(super) fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; SIDE_BY_SIDE];
    let (a, b) = (a.as_chunks::<SIDE_BY_SIDE>().0, b.as_chunks::<SIDE_BY_SIDE>().0);
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

#[derive(Debug, PartialEq)]
struct Near(f32, usize);

impl Eq for Near {}

/// The nearer one is greater.
impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_found_in_their_order() {
        let vector = |value: f32| {
            let mut vector = vec![0.0; DIMENSIONS];
            vector[0] = value;
            vector
        };
        let vectors = [0.1, 0.9, 0.5, 0.9].map(vector).concat();
        let numbers = |limit| -> Vec<usize> {
            nearest(&vectors, &vector(1.0), limit).into_iter().map(|(_, number)| number).collect()
        };
        assert_eq!(numbers(3), [1, 3, 2]);
        assert_eq!(numbers(9), [1, 3, 2, 0]);
    }
}
