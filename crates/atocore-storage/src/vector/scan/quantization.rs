//! Quantization: vectors as integers, and their dot product.
//!
//! A stored component takes one byte, one of the question two: the product costs the same, and the only rounding that
//! matters is that of what is stored. The worth of a step is that in the vector of length 1, so products are cosines.

/// The largest number of a stored component.
const STORED_LEVELS: i32 = 127;

/// Appends the numbers of a vector, each the byte of an `i8`, and returns what a step is worth; 0 for a vector of
/// zeros. All components must be finite.
pub(super) fn encode(vector: &[f32], codes: &mut Vec<u8>) -> f32 {
    // In range by the choice of the step.
    quantise(vector, STORED_LEVELS, |level| codes.push(level as i8 as u8))
}

/// The vector of a question.
pub(super) struct QuantizedQuery {
    levels: Vec<i16>,
    step: f32,
}

impl QuantizedQuery {
    /// Encodes as finely as the sum of all products fits. All components must be finite.
    pub(super) fn new(vector: &[f32]) -> Self {
        let dimensions = i32::try_from(vector.len().max(1)).unwrap_or(i32::MAX);
        let most = (i32::MAX / STORED_LEVELS / dimensions).min(i32::from(i16::MAX));
        let mut levels = Vec::with_capacity(vector.len());
        let step = quantise(vector, most, |level| levels.push(level as i16));
        Self { levels, step }
    }

    /// The approximate cosine to a stored vector.
    #[inline(always)]
    pub(super) fn similarity(&self, products: impl DotProduct, codes: &[u8], step: f32) -> f32 {
        products.sum(&self.levels, codes) as f32 * (step * self.step)
    }
}

/// The sum of products, for one kind of CPU. It is exact, so all kinds find the same.
pub(super) trait DotProduct: Copy {
    /// Of as many pairs as the shorter one has; the bytes are those of `i8`.
    fn sum(self, levels: &[i16], codes: &[u8]) -> i32;
}

/// For every CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortableDotProduct;

impl DotProduct for PortableDotProduct {
    #[inline(always)]
    fn sum(self, levels: &[i16], codes: &[u8]) -> i32 {
        levels.iter().zip(codes).map(|(level, code)| i32::from(*level) * i32::from(*code as i8)).sum()
    }
}

/// How far ahead the bytes are fetched that will be looked at next.
#[cfg(target_arch = "x86_64")]
const AHEAD_BYTES: usize = 3 << 10;

/// Sixteen products in two instructions. The compiler finds eight by itself.
#[cfg(target_arch = "x86_64")]
impl DotProduct for pulp::x86::V3 {
    #[inline(always)]
    fn sum(self, levels: &[i16], codes: &[u8]) -> i32 {
        let (levels, levels_rest) = levels.as_chunks::<32>();
        let (codes, codes_rest) = codes.as_chunks::<32>();
        let mut sums = [self.avx._mm256_setzero_si256(); 2];
        for (at, (levels, codes)) in levels.iter().zip(codes).enumerate() {
            // A scan waits for memory most of the time. Every other time, because two steps take one line of the cache.
            if at % 2 == 0 {
                self.sse._mm_prefetch::<0x3>(codes.as_ptr().wrapping_add(AHEAD_BYTES).cast());
            }
            let levels: [[i16; 16]; 2] = pulp::cast(*levels);
            let codes: [[u8; 16]; 2] = pulp::cast(*codes);
            for (sum, (levels, codes)) in sums.iter_mut().zip(levels.into_iter().zip(codes)) {
                let codes = self.avx2._mm256_cvtepi8_epi16(pulp::cast(codes));
                let products = self.avx2._mm256_madd_epi16(codes, pulp::cast(levels));
                *sum = self.avx2._mm256_add_epi32(*sum, products);
            }
        }
        let sums: [i32; 8] = pulp::cast(self.avx2._mm256_add_epi32(sums[0], sums[1]));
        sums.iter().sum::<i32>() + PortableDotProduct.sum(levels_rest, codes_rest)
    }
}

/// Calls `each` with every component in steps, of which the largest component has `most`.
fn quantise(vector: &[f32], most: i32, mut each: impl FnMut(f64)) -> f32 {
    let largest = f64::from(vector.iter().fold(0.0_f32, |largest, component| largest.max(component.abs())));
    if largest == 0.0 {
        vector.iter().for_each(|_| each(0.0));
        return 0.0;
    }
    // In `f64` the squares of any `f32` neither overflow nor vanish.
    let length = vector.iter().map(|component| f64::from(*component).powi(2)).sum::<f64>().sqrt();
    let per_step = f64::from(most) / largest;
    vector.iter().for_each(|component| each((f64::from(*component) * per_step).round()));
    (largest / f64::from(most) / length) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn similarity(one: &[f32], other: &[f32]) -> f32 {
        let mut codes = Vec::new();
        let step = encode(other, &mut codes);
        let query = QuantizedQuery::new(one);
        let similarity = query.similarity(PortableDotProduct, &codes, step);
        #[cfg(target_arch = "x86_64")]
        if let Some(fast) = pulp::x86::V3::try_new() {
            let same = fast.vectorize(|| query.similarity(fast, &codes, step));
            assert_eq!(same.to_bits(), similarity.to_bits(), "{} components", one.len());
        }
        similarity
    }

    #[test]
    fn every_size_of_vector_is_compared_by_its_angle() {
        for factor in [f32::MIN_POSITIVE / 1e6, 1e-30, 1.0, 3.0, 1e30, f32::MAX / 4.0] {
            let vector = [3.0, -4.0, 0.0, 1.0].map(|component| component * factor);
            assert!((similarity(&vector, &[3.0, -4.0, 0.0, 1.0]) - 1.0).abs() < 0.01, "{factor}");
            assert!((similarity(&[-3.0, 4.0, 0.0, -1.0], &vector) + 1.0).abs() < 0.01, "{factor}");
        }
        assert_eq!(similarity(&[0.0; 4], &[1.0; 4]), 0.0);
        assert_eq!(similarity(&[1.0; 4], &[0.0; 4]), 0.0);
    }

    #[test]
    fn the_sum_of_the_most_products_fits() {
        for dimensions in [1, 384, 516, 517, 1024, crate::vector::source::MOST_DIMENSIONS] {
            let cosine = similarity(&vec![1.0; dimensions], &vec![-1.0; dimensions]);
            assert!((cosine + 1.0).abs() < 0.001, "{dimensions}: {cosine}");
        }
    }

    proptest! {
        #[test]
        fn it_is_close_to_the_cosine(
            pair in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0), 1..100),
        ) {
            let (one, other): (Vec<f32>, Vec<f32>) = pair.into_iter().unzip();
            let sum = |one: &[f32], other: &[f32]| -> f64 {
                one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
            };
            let lengths = (sum(&one, &one) * sum(&other, &other)).sqrt();
            prop_assume!(lengths > 1e-6);
            let cosine = sum(&one, &other) / lengths;
            // Half a step of 127 in each of the components, in the worst case all in one direction.
            let most = 0.005 * (one.len() as f64).sqrt();
            prop_assert!((f64::from(similarity(&one, &other)) - cosine).abs() <= most, "{cosine}");
        }
    }
}
