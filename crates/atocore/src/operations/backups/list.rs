use atocore_engine::{SnapshotEntry, SnapshotProof};
use serde_json::Value;

use crate::operations::prelude::*;

/// Lists every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListBackups {}

/// One directory below `snapshots/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedSnapshot {
    /// Its name.
    #[schema(example = "20260406T184219Z")]
    pub stamp: String,
    /// Its absolute path.
    pub path: String,
    /// Whether a metadata file is there.
    pub has_metadata: bool,
    /// The metadata: absent when there is no file, null when it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Option<Value>>,
    /// Why the metadata cannot be read, such as `invalid_json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_error: Option<String>,
    /// What AtoCore says beyond the original's keys; absent for a folder that is not named as a snapshot is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atocore: Option<SnapshotProof>,
}

/// Every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SnapshotList(pub Vec<ListedSnapshot>);

impl Operation for ListBackups {
    type Reply = SnapshotList;
    const SPEC: Spec =
        Spec::get(super::TAG, "list_backups", "/admin/backup").answers("One entry per directory");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let entries = context.engine().snapshots_with_proof()?;
        Ok(SnapshotList(entries.into_iter().map(ListedSnapshot::from).collect()))
    }
}

impl From<(SnapshotEntry, Option<SnapshotProof>)> for ListedSnapshot {
    fn from((entry, proof): (SnapshotEntry, Option<SnapshotProof>)) -> Self {
        Self {
            stamp: entry.stamp,
            path: entry.path.to_string_lossy().into_owned(),
            has_metadata: entry.has_metadata,
            metadata: entry.has_metadata.then_some(entry.metadata),
            metadata_error: entry.metadata_error.map(str::to_owned),
            atocore: proof,
        }
    }
}

/// Reads a key that is there with the value null as something else than a key that is absent.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Option<Value>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<Value>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_absent_or_null_as_the_contract_says() {
        let entry = |metadata, has_metadata, metadata_error| ListedSnapshot {
            stamp: "20260406T184219Z".to_owned(),
            path: "/b/snapshots/20260406T184219Z".to_owned(),
            has_metadata,
            metadata,
            metadata_error,
            atocore: None,
        };
        for (entry, expected) in [
            (entry(None, false, None), r#""has_metadata":false}"#),
            (
                entry(Some(None), true, Some("invalid_json".to_owned())),
                r#""has_metadata":true,"metadata":null,"metadata_error":"invalid_json"}"#,
            ),
        ] {
            let json = serde_json::to_string(&entry).unwrap();
            assert!(json.ends_with(expected), "{json}");
            assert_eq!(serde_json::from_str::<ListedSnapshot>(&json).unwrap(), entry);
        }
    }
}
