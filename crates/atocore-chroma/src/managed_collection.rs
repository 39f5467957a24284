//! What stands at our collection: whose it is, and which state of which store it holds.

use atocore_model::id::{Generation, StoreVersion};
use atocore_storage::vector::VectorSpace;

use crate::wire::{CollectionInfo, CollectionMetadata};

/// The version of the metadata and of the names of records.
const FORMAT: u32 = 1;

/// A collection that we made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ManagedCollection {
    /// The id that the server gave it.
    pub(super) id: String,
    pub(super) space: VectorSpace,
    /// Whether the server says that its vectors are of another length than those of the space.
    pub(super) is_of_other_length: bool,
    /// `None` while it is being built.
    pub(super) state: Option<CollectionState>,
}

/// The state that a collection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CollectionState {
    /// It holds this state of the store; newer documents are among it while `open`.
    pub(super) version: StoreVersion,
    pub(super) vectors: u64,
    /// Whether somebody began to change it and did not end.
    pub(super) open: bool,
}

/// A collection that has our name and that we did not make, or that a later version of us made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForeignCollection;

impl ManagedCollection {
    pub(super) fn read(collection: CollectionInfo) -> Result<Self, ForeignCollection> {
        let CollectionInfo { id, dimension, metadata } = collection;
        if metadata.atocore != Some(FORMAT) {
            return Err(ForeignCollection);
        }
        let fingerprint =
            metadata.fingerprint.and_then(|digits| digits.parse().ok()).ok_or(ForeignCollection)?;
        let space = VectorSpace { fingerprint, dimensions: metadata.dimensions.ok_or(ForeignCollection)? };
        let is_of_other_length = dimension.is_some_and(|dimension| dimension != space.dimensions);
        let generation = metadata.generation.and_then(|generation| generation.try_into().ok());
        let token = metadata.token.and_then(|token| token.parse().ok());
        let vectors = metadata.vectors.and_then(|vectors| vectors.try_into().ok());
        let state = match (generation, token, vectors) {
            (Some(generation), Some(token), Some(vectors)) => {
                let version = StoreVersion { generation: Generation(generation), token };
                Some(CollectionState { version, vectors, open: metadata.open.unwrap_or_default() })
            }
            _ => None,
        };
        Ok(Self { id, space, is_of_other_length, state })
    }

    /// What stands at a collection of such vectors in that state.
    pub(super) fn metadata(space: VectorSpace, state: Option<CollectionState>) -> CollectionMetadata {
        CollectionMetadata {
            atocore: Some(FORMAT),
            fingerprint: Some(space.fingerprint.to_string()),
            dimensions: Some(space.dimensions),
            generation: state.and_then(|state| state.version.generation.0.try_into().ok()),
            token: state.map(|state| state.version.token.to_string()),
            vectors: state.and_then(|state| state.vectors.try_into().ok()),
            open: state.map(|state| state.open),
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
        for state in [None, Some(CollectionState { version, vectors: 4, open: true })] {
            let written = ManagedCollection::metadata(space, state);
            let collection = |metadata, dimension| CollectionInfo { id: "x".to_owned(), dimension, metadata };
            for (dimension, is_of_other_length) in [(None, false), (Some(3), false), (Some(4), true)] {
                let read = ManagedCollection::read(collection(written.clone(), dimension)).unwrap();
                assert_eq!(read, ManagedCollection { id: "x".to_owned(), space, is_of_other_length, state });
            }
            for spoiled in [
                CollectionMetadata { atocore: None, ..written.clone() },
                CollectionMetadata { atocore: Some(FORMAT + 1), ..written.clone() },
                CollectionMetadata { fingerprint: Some("?".to_owned()), ..written.clone() },
                CollectionMetadata { dimensions: None, ..written.clone() },
            ] {
                assert_eq!(ManagedCollection::read(collection(spoiled, None)), Err(ForeignCollection));
            }
        }
    }
}
