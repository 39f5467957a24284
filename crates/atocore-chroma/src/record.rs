//! A passage as a record on the server: named by what it is, so that writing it twice is writing it once.

use atocore_storage::vector::{ChangedVectors, VectorError, VectorSpace};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// By how much a component may differ: the server makes vectors of length 1 in its own way.
const TOLERANCE: f32 = 1e-4;

/// A passage to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChromaRecord {
    pub(super) id: String,
    /// Of length 1, or all zeros.
    pub(super) vector: Vec<f32>,
}

/// What the id of a record says.
#[cfg(feature = "client")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordKeys {
    pub(super) document_key: u64,
    pub(super) chunk_key: u64,
}

impl ChromaRecord {
    /// The records of a document as it is now.
    pub(super) fn of(document: &ChangedVectors<'_>, space: VectorSpace) -> Result<Vec<Self>, VectorError> {
        let chunks = document.vectors.iter();
        chunks
            .map(|chunk| {
                let (chunk_key, found) = (chunk.chunk_key, chunk.vector.len());
                if found != space.dimensions {
                    return Err(VectorError::Length { chunk_key, expected: space.dimensions, found });
                }
                let vector = unit(chunk.vector).ok_or(VectorError::NotFinite { chunk_key })?;
                Ok(Self { id: id(document, chunk_key, &vector), vector })
            })
            .collect()
    }
}

/// Document, passage, and a digest over everything else.
fn id(document: &ChangedVectors<'_>, chunk_key: u64, vector: &[f32]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(document.project.as_bytes());
    hasher.update(&[0]);
    for component in vector {
        hasher.update(&component.to_le_bytes());
    }
    let digest = hasher.finalize().to_hex();
    format!("{}-{chunk_key}-{}", document.document_key, &digest[..16])
}

#[cfg(feature = "client")]
impl RecordKeys {
    /// Reads an id; `None` for one that we did not write.
    pub(super) fn read(id: &str) -> Option<Self> {
        let (document, rest) = id.split_once('-')?;
        let (chunk, _) = rest.split_once('-')?;
        Some(Self { document_key: document.parse().ok()?, chunk_key: chunk.parse().ok()? })
    }
}

/// A vector of the same direction and of length 1; all zeros stay. `None` when a component is not finite.
pub(super) fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    if !vector.iter().all(|component| component.is_finite()) {
        return None;
    }
    let length = vector.iter().map(|component| f64::from(*component).powi(2)).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "rounded to the precision of the server")]
    let scaled = |component: &f32| (f64::from(*component) * scale) as f32;
    Some(vector.iter().map(scaled).collect())
}

/// A record with all that the server says about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RemoteRecord {
    pub(super) id: String,
    pub(super) vector: Option<Vec<f32>>,
    pub(super) project: Option<String>,
    pub(super) document: Option<u64>,
}

/// Whether a record is the one that it should be.
pub(super) fn is_that(remote: &RemoteRecord, document: u64, project: &str, vector: &[f32]) -> bool {
    let near = |own: &Vec<f32>| {
        own.len() == vector.len() && own.iter().zip(vector).all(|(own, one)| (own - one).abs() <= TOLERANCE)
    };
    remote.document == Some(document)
        && remote.project.as_deref() == Some(project)
        && remote.vector.as_ref().is_some_and(near)
}

/// The components as little-endian floats of 32 bits, in base64.
#[cfg(feature = "client")]
pub(super) fn base64(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|component| component.to_le_bytes()).collect::<Vec<u8>>())
}

/// Reads them; `None` for what is no base64, or no whole number of floats.
pub(super) fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (floats, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use atocore_model::digest::Digest;
    use atocore_storage::vector::ChunkVector;

    fn ids(project: &str, vector: &[f32]) -> String {
        let space = VectorSpace { fingerprint: Digest::from_bytes([0; 32]), dimensions: vector.len() };
        let vectors = [ChunkVector { chunk_key: 8, vector }];
        let document = ChangedVectors { document_key: 7, project, vectors: &vectors };
        ChromaRecord::of(&document, space).unwrap().remove(0).id
    }

    #[test]
    fn an_id_changes_with_what_the_record_says() {
        let one = ids("p", &[1.0, 2.0]);
        assert_eq!(one, ids("p", &[1.0, 2.0]));
        assert_eq!(one, ids("p", &[2.0, 4.0]), "only the direction counts");
        assert_ne!(one, ids("q", &[1.0, 2.0]));
        assert_ne!(one, ids("p", &[1.0, 2.1]));
        assert_eq!(RecordKeys::read(&one), Some(RecordKeys { document_key: 7, chunk_key: 8 }));
        for other in ["", "7", "7-8", "a-8-x", "7-b-x", "-7-8-x"] {
            assert_eq!(RecordKeys::read(other), None, "{other}");
        }
    }

    #[test]
    fn vectors_are_of_length_1_or_all_zeros() {
        assert_eq!(unit(&[3.0, -4.0]), Some(vec![0.6, -0.8]));
        assert_eq!(unit(&[0.0, 0.0]), Some(vec![0.0, 0.0]));
        assert_eq!(unit(&[f32::MAX, 0.0]), Some(vec![1.0, 0.0]));
        assert_eq!(unit(&[f32::from_bits(1), 0.0]), Some(vec![1.0, 0.0]));
        assert_eq!(unit(&[1.0, f32::NAN]), None);
    }

    #[test]
    fn vectors_in_base64_as_everybody_writes_them() {
        for (vector, expected) in [
            (&[][..], ""),
            (&[1.0][..], "AACAPw=="),
            (&[1.0, -2.5][..], "AACAPwAAIMA="),
            (&[1.0, -2.5, 0.1][..], "AACAPwAAIMDNzMw9"),
        ] {
            assert_eq!(base64(vector), expected);
            assert_eq!(from_base64(expected).as_deref(), Some(vector));
        }
        for bad in
            ["A", "AACAPw=", "AACAPw", "AACAPw===", "AACA", "AACAPx==", "AA CAPw=", "====", "AACAPwAAIMDNzMw"]
        {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
    }
}
