//! Made vectors that lie as those of texts do: in clusters, with few directions that matter.

use atocore_model::{
    digest::Digest,
    id::{Generation, StoreVersion},
};
use atocore_storage::{
    lexical::SourceError,
    vector::{ChangedVectors, ChunkVector, VectorError, VectorSource, VectorSpace},
};

use super::super::embedding::product::rotate;
use crate::measure::random::Random;

/// As many as vectors of all-MiniLM-L6-v2 have.
pub(in super::super) const DIMENSIONS: usize = 384;

const CLUSTERS: usize = 1000;

/// How far a vector lies from the centre of its cluster, seen against how far the centres lie from each other: two of
/// one cluster have a cosine of about 2/3.
const SPREAD: f32 = 0.7;

/// A mixture of bell curves whose variance falls with the number of the direction: `1/n`, so that some 26 of the 384
/// directions matter. A rotation then spreads them over all components.
pub(in super::super) struct Mixture {
    /// Before the rotation.
    centres: Vec<f32>,
    rotation: Vec<f32>,
}

impl Mixture {
    pub(in super::super) fn new() -> Self {
        let mut random = Random(5);
        let centres = (0..CLUSTERS).flat_map(|_| draw(&mut random).collect::<Vec<_>>()).collect();
        Self { centres, rotation: rotation(&mut random) }
    }

    /// The vectors number `first` and following, of length 1; a number has the same vector in every run.
    pub(in super::super) fn vectors(&self, first: usize, count: usize) -> Vec<Vec<f32>> {
        let mut plain = Vec::with_capacity(count * DIMENSIONS);
        for number in first..first + count {
            let mut random = Random((number as u64) << 20);
            let centre = random.below(CLUSTERS) * DIMENSIONS;
            let centre = &self.centres[centre..centre + DIMENSIONS];
            plain.extend(draw(&mut random).zip(centre).map(|(offset, centre)| centre + SPREAD * offset));
        }
        let mut turned = vec![0.0; plain.len()];
        if !plain.is_empty() {
            rotate(&plain, &self.rotation, DIMENSIONS, &mut turned);
        }
        turned.chunks_exact(DIMENSIONS).map(normalised).collect()
    }
}

/// One from a bell curve around 0, before the rotation.
fn draw(random: &mut Random) -> impl Iterator<Item = f32> {
    (1..=DIMENSIONS).map(|direction| random.normal() / (direction as f32).sqrt())
}

fn normalised(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|value| value / length).collect()
}

/// A random rotation: rows at right angles to each other, each of length 1 (Gram-Schmidt).
fn rotation(random: &mut Random) -> Vec<f32> {
    let mut rows: Vec<Vec<f32>> = Vec::with_capacity(DIMENSIONS);
    for _ in 0..DIMENSIONS {
        let mut row: Vec<f32> = (0..DIMENSIONS).map(|_| random.normal()).collect();
        for other in &rows {
            let along: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
        }
        rows.push(normalised(&row));
    }
    rows.concat()
}

/// Vectors as a vector index takes them: in documents of a few, in three projects.
pub(in super::super) struct Made<'v> {
    pub(super) space: VectorSpace,
    pub(super) count: usize,
    /// The vectors with these numbers.
    pub(super) vectors: &'v dyn Fn(std::ops::Range<usize>) -> Vec<Vec<f32>>,
}

impl<'v> Made<'v> {
    pub(in super::super) fn new(
        count: usize,
        vectors: &'v dyn Fn(std::ops::Range<usize>) -> Vec<Vec<f32>>,
    ) -> Self {
        let space = VectorSpace { fingerprint: Digest::from_bytes([7; 32]), dimensions: DIMENSIONS };
        Self { space, count, vectors }
    }
}

/// Passages of a document.
const PASSAGES: usize = 20;

/// The one state it has.
const VERSION: StoreVersion = StoreVersion { generation: Generation(1), token: 1 };

impl VectorSource for Made<'_> {
    fn space(&self) -> VectorSpace {
        self.space
    }

    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(VERSION)
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(version == VERSION)
    }

    fn changes(
        &self,
        _since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<StoreVersion, VectorError> {
        for first in (0..self.count).step_by(PASSAGES) {
            let numbers = first..self.count.min(first + PASSAGES);
            let vectors = (self.vectors)(numbers.clone());
            let vectors: Vec<_> = numbers
                .zip(&vectors)
                .map(|(number, vector)| ChunkVector { chunk_key: number as u64, vector })
                .collect();
            let document = first / PASSAGES;
            let project = ["one", "two", "three"][document % 3];
            each(ChangedVectors { document_key: document as u64, project, vectors: &vectors })?;
        }
        Ok(VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn numbers_have_the_same_vectors_alone_and_together() {
        let mixture = Mixture::new();
        let all = mixture.vectors(0, 3000);
        assert!(cosine(&all[2], &mixture.vectors(2, 1)[0]) > 0.9999);
        assert!(all.iter().all(|vector| (cosine(vector, vector) - 1.0).abs() < 1e-4));
        // Neighbours of a cluster are near, and others are not.
        let others = || (0..3000).filter(|at| *at != 7).map(|at| cosine(&all[7], &all[at]));
        let nearest = others().fold(-1.0_f32, f32::max);
        let mean = others().sum::<f32>() / 2999.0;
        assert!((0.4..0.95).contains(&nearest) && mean.abs() < 0.1, "{nearest} {mean}");
    }
}
