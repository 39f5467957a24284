//! The same arithmetic compiled for each instruction set, and the choice between them at run time.
//!
//! The only file of this crate with `unsafe`: calling a function that was compiled for an instruction set is sound
//! only on a CPU that has it, which the existence of [`Avx2`] proves.

#![expect(unsafe_code, reason = "a function compiled for AVX2 can only be called so; see each SAFETY line")]

use std::fmt;

use crate::kernel::{
    float::{self, Panels, Rows},
    int8,
    rows::{self, Norm},
};

/// The arithmetic of one instruction set. All implementations agree to rounding; the 8-bit sums exactly.
pub(crate) trait Kernels: fmt::Debug + Send + Sync {
    /// What a person calls it.
    fn name(&self) -> &'static str;

    /// Writes `left × right + bias` to `out`, whose rows are `stride` apart.
    fn multiply(
        &self,
        left: Rows<'_>,
        right: Panels<'_>,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Vec<f32>,
    );

    /// The same with weights of 8 bits.
    fn multiply_int8(
        &self,
        left: Rows<'_>,
        right: &int8::Int8Matrix,
        out: &mut [f32],
        stride: usize,
        scratch: &mut int8::Int8Scratch,
    );

    /// Adds each row of `residual` to `values` and normalises it; rows are `stride` apart in both.
    fn add_and_norm(&self, values: &mut [f32], residual: &[f32], stride: usize, norm: &Norm);

    /// Turns the first `columns` scores of each row into shares.
    fn softmax(&self, scores: &mut [f32], stride: usize, columns: usize, factor: f32);

    /// Applies the exact GELU.
    fn gelu(&self, values: &mut [f32]);
}

/// The fastest arithmetic this CPU has.
pub(crate) fn fastest() -> &'static dyn Kernels {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Avx2::detect() {
        return avx2;
    }
    &PortableKernels
}

/// Whether multiply-and-add is one instruction everywhere on the target of the compiler.
const FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// What the compiler may assume for its target: SSE2 on x86-64, NEON on aarch64.
#[derive(Debug)]
pub(crate) struct PortableKernels;

impl Kernels for PortableKernels {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn multiply(
        &self,
        left: Rows<'_>,
        right: Panels<'_>,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Vec<f32>,
    ) {
        float::multiply(float::PlainFloatSums::<FMA>, left, right, out, stride, scratch);
    }

    fn multiply_int8(
        &self,
        left: Rows<'_>,
        right: &int8::Int8Matrix,
        out: &mut [f32],
        stride: usize,
        scratch: &mut int8::Int8Scratch,
    ) {
        int8::multiply(int8::PlainInt8Sums, left, right, out, stride, scratch);
    }

    fn add_and_norm(&self, values: &mut [f32], residual: &[f32], stride: usize, norm: &Norm) {
        rows::add_and_norm_all::<FMA>(values, residual, stride, norm);
    }

    fn softmax(&self, scores: &mut [f32], stride: usize, columns: usize, factor: f32) {
        rows::softmax_all::<FMA>(scores, stride, columns, factor);
    }

    fn gelu(&self, values: &mut [f32]) {
        rows::gelu::<FMA>(values);
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi32, _mm256_cvtepi8_epi16,
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
    };

    use super::{Kernels, Norm, Panels, Rows, float, int8, rows};
    use crate::kernel::{LANES, Lanes, int8::PairLanes};

    /// Proof that this CPU has AVX2 and FMA: only [`Avx2::detect`] makes one.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(());

    impl Avx2 {
        /// Looks whether this CPU has both.
        pub(crate) fn detect() -> Option<&'static Self> {
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&Self(()))
        }
    }

    impl Kernels for Avx2 {
        fn name(&self) -> &'static str {
            "avx2"
        }

        fn multiply(
            &self,
            left: Rows<'_>,
            right: Panels<'_>,
            out: &mut [f32],
            stride: usize,
            scratch: &mut Vec<f32>,
        ) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { multiply(*self, left, right, out, stride, scratch) }
        }

        fn multiply_int8(
            &self,
            left: Rows<'_>,
            right: &int8::Int8Matrix,
            out: &mut [f32],
            stride: usize,
            scratch: &mut int8::Int8Scratch,
        ) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { multiply_int8(*self, left, right, out, stride, scratch) }
        }

        fn add_and_norm(&self, values: &mut [f32], residual: &[f32], stride: usize, norm: &Norm) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { add_and_norm(values, residual, stride, norm) }
        }

        fn softmax(&self, scores: &mut [f32], stride: usize, columns: usize, factor: f32) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { softmax(scores, stride, columns, factor) }
        }

        fn gelu(&self, values: &mut [f32]) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { gelu(values) }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn multiply(
        cpu: Avx2,
        left: Rows<'_>,
        right: Panels<'_>,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Vec<f32>,
    ) {
        float::multiply(cpu, left, right, out, stride, scratch);
    }

    #[target_feature(enable = "avx2,fma")]
    fn multiply_int8(
        cpu: Avx2,
        left: Rows<'_>,
        right: &int8::Int8Matrix,
        out: &mut [f32],
        stride: usize,
        scratch: &mut int8::Int8Scratch,
    ) {
        int8::multiply(cpu, left, right, out, stride, scratch);
    }

    #[target_feature(enable = "avx2,fma")]
    fn add_and_norm(values: &mut [f32], residual: &[f32], stride: usize, norm: &Norm) {
        rows::add_and_norm_all::<true>(values, residual, stride, norm);
    }

    #[target_feature(enable = "avx2,fma")]
    fn softmax(scores: &mut [f32], stride: usize, columns: usize, factor: f32) {
        rows::softmax_all::<true>(scores, stride, columns, factor);
    }

    #[target_feature(enable = "avx2,fma")]
    fn gelu(values: &mut [f32]) {
        rows::gelu::<true>(values);
    }

    impl float::FloatSums for Avx2 {
        #[inline(always)]
        fn add<const R: usize>(self, left: &[[f32; R]], right: &[Lanes], sums: &mut [[f32; LANES]; R]) {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { add(left, right, sums) }
        }
    }

    /// How many inputs ahead the weights are fetched: a pass over few rows waits for little else.
    const AHEAD: usize = 32;

    /// Written out because the compiler does not find the vectors in the plain text when `R` rows are unrolled.
    #[target_feature(enable = "avx2,fma")]
    fn add<const R: usize>(left: &[[f32; R]], right: &[Lanes], sums: &mut [[f32; LANES]; R]) {
        let mut registers = [[_mm256_setzero_ps(); 2]; R];
        for (register, sum) in registers.iter_mut().zip(sums.iter()) {
            let start = sum.as_ptr();
            // SAFETY: both loads stay within the sixteen numbers of `sum`, and need no alignment.
            *register = unsafe { [_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))] };
        }
        for (left, right) in left.iter().zip(right) {
            let start = right.0.as_ptr();
            _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(AHEAD * LANES).cast());
            // SAFETY: both loads stay within the sixteen numbers of `right`, and need no alignment.
            let (low, high) = unsafe { (_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))) };
            for (register, left) in registers.iter_mut().zip(left) {
                let left = _mm256_set1_ps(*left);
                register[0] = _mm256_fmadd_ps(left, low, register[0]);
                register[1] = _mm256_fmadd_ps(left, high, register[1]);
            }
        }
        for (register, sum) in registers.iter().zip(sums) {
            let start = sum.as_mut_ptr();
            // SAFETY: both stores stay within the sixteen numbers of `sum`, and need no alignment.
            unsafe {
                _mm256_storeu_ps(start, register[0]);
                _mm256_storeu_ps(start.add(8), register[1]);
            }
        }
    }

    impl int8::Int8Sums for Avx2 {
        #[inline(always)]
        fn sums<const R: usize>(self, left: &[[[i16; 2]; R]], right: &[PairLanes]) -> [[i32; LANES]; R] {
            // SAFETY: `self` proves that the CPU has AVX2 and FMA.
            unsafe { sums(left, right) }
        }
    }

    /// Widens the weights to 16 bits, then multiplies pairs and adds the two products: exact, nothing saturates.
    #[target_feature(enable = "avx2,fma")]
    fn sums<const R: usize>(left: &[[[i16; 2]; R]], right: &[PairLanes]) -> [[i32; LANES]; R] {
        let mut sums = [[_mm256_setzero_si256(); 2]; R];
        for (left, right) in left.iter().zip(right) {
            let weights = right.0.as_ptr();
            // SAFETY: both loads stay within the 32 bytes of `right`, and need no alignment.
            let (low, high) =
                unsafe { (_mm_loadu_si128(weights.cast()), _mm_loadu_si128(weights.add(16).cast())) };
            let (low, high) = (_mm256_cvtepi8_epi16(low), _mm256_cvtepi8_epi16(high));
            for (sum, [first, second]) in sums.iter_mut().zip(left) {
                let pair = _mm256_set1_epi32((i32::from(*second) << 16) | i32::from(first.cast_unsigned()));
                sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(pair, low));
                sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(pair, high));
            }
        }
        sums.map(|[low, high]| {
            let mut row = [0; LANES];
            let start: *mut __m256i = row.as_mut_ptr().cast();
            // SAFETY: both stores stay within the 64 bytes of `row`, and need no alignment.
            unsafe {
                _mm256_storeu_si256(start, low);
                _mm256_storeu_si256(start.add(1), high);
            }
            row
        })
    }
}

#[cfg(test)]
mod tests;
