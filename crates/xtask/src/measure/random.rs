//! Numbers that look random and are the same in every run.

/// A `SplitMix64`, by the number that it starts with.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 when nothing is below it.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A number from a bell curve around 0 with a deviation of 1: nearly, as the sum of four even ones.
    pub(super) fn normal(&mut self) -> f32 {
        let bits = self.next();
        let quarter = |place: u32| f32::from((bits >> (16 * place)) as u16) / 65_536.0 - 0.5;
        (quarter(0) + quarter(1) + quarter(2) + quarter(3)) * 3.0_f32.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_curve_has_its_centre_and_its_width() {
        let mut random = Random(1);
        let numbers: Vec<f32> = (0..100_000).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f32>() / 1e5;
        let variance = numbers.iter().map(|number| number * number).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
