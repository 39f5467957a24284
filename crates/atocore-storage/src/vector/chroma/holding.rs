//! What stands at our collection: whose it is, and which state of which store it holds.

use atocore_model::id::{Generation, StoreVersion};

use super::wire::{Collection, Metadata};
use crate::vector::VectorSpace;

/// The version of the metadata and of the names of records.
const FORMAT: u32 = 1;

/// A collection that we made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holding {
    /// The id that the server gave it.
    pub(super) id: String,
    pub(super) space: VectorSpace,
    /// Whether the server says that its vectors are of another length than those of the space.
    pub(super) is_of_other_length: bool,
    /// `None` while it is being built.
    pub(super) state: Option<Held>,
}

/// The state that a collection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// It holds this state of the store; newer documents are among it while `open`.
    pub(super) version: StoreVersion,
    pub(super) vectors: u64,
    /// Whether somebody began to change it and did not end.
    pub(super) open: bool,
}

/// A collection that has our name and that we did not make, or that a later version of us made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign;

impl Holding {
    pub(super) fn read(collection: Collection) -> Result<Self, Foreign> {
        let Collection { id, dimension, metadata } = collection;
        if metadata.atocore != Some(FORMAT) {
            return Err(Foreign);
        }
        let fingerprint = metadata.fingerprint.and_then(|digits| digits.parse().ok()).ok_or(Foreign)?;
        let space = VectorSpace { fingerprint, dimensions: metadata.dimensions.ok_or(Foreign)? };
        let is_of_other_length = dimension.is_some_and(|dimension| dimension != space.dimensions);
        let generation = metadata.generation.and_then(|generation| generation.try_into().ok());
        let token = metadata.token.and_then(|token| token.parse().ok());
        let vectors = metadata.vectors.and_then(|vectors| vectors.try_into().ok());
        let state = match (generation, token, vectors) {
            (Some(generation), Some(token), Some(vectors)) => {
                let version = StoreVersion { generation: Generation(generation), token };
                Some(Held { version, vectors, open: metadata.open.unwrap_or_default() })
            }
            _ => None,
        };
        Ok(Self { id, space, is_of_other_length, state })
    }

    /// What stands at a collection of such vectors in that state.
    pub(super) fn metadata(space: VectorSpace, state: Option<Held>) -> Metadata {
        Metadata {
            atocore: Some(FORMAT),
            fingerprint: Some(space.fingerprint.to_string()),
            dimensions: Some(space.dimensions),
            generation: state.and_then(|held| held.version.generation.0.try_into().ok()),
            token: state.map(|held| held.version.token.to_string()),
            vectors: state.and_then(|held| held.vectors.try_into().ok()),
            open: state.map(|held| held.open),
        }
    }
}

#[cfg(test)]
mod tests {
    use atocore_model::digest::Digest;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_all_else_is_foreign() {
        let space = VectorSpace { fingerprint: Digest::from_bytes([7; 32]), dimensions: 3 };
        let version = StoreVersion { generation: Generation(9), token: u64::MAX };
        for state in [None, Some(Held { version, vectors: 4, open: true })] {
            let written = Holding::metadata(space, state);
            let collection = |metadata, dimension| Collection { id: "x".to_owned(), dimension, metadata };
            for (dimension, is_of_other_length) in [(None, false), (Some(3), false), (Some(4), true)] {
                let read = Holding::read(collection(written.clone(), dimension)).unwrap();
                assert_eq!(read, Holding { id: "x".to_owned(), space, is_of_other_length, state });
            }
            for spoiled in [
                Metadata { atocore: None, ..written.clone() },
                Metadata { atocore: Some(FORMAT + 1), ..written.clone() },
                Metadata { fingerprint: Some("?".to_owned()), ..written.clone() },
                Metadata { dimensions: None, ..written.clone() },
            ] {
                assert_eq!(Holding::read(collection(spoiled, None)), Err(Foreign));
            }
        }
    }
}
