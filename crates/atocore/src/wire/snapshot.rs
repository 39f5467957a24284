//! Snapshots as JSON: the contract's keys as they are, ours in one nested object.

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::proof::SnapshotProof;

/// The metadata of a snapshot, as it stands in its `backup-metadata.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotMetadata {
    /// When the recovery point was taken: ISO 8601 with offset, microseconds.
    pub created_at: String,
    /// Absolute path of the snapshot directory.
    pub backup_root: String,
    /// Absolute path of the database copy.
    pub db_snapshot_path: String,
    /// Size of the database copy in bytes.
    pub db_size_bytes: u64,
    /// Absolute path of the registry copy; empty when there was no registry file.
    pub registry_snapshot_path: String,
    /// Absolute path of the copy of the vector store; empty when none was made.
    pub chroma_snapshot_path: String,
    /// Size of the copy of the vector store in bytes.
    pub chroma_snapshot_bytes: u64,
    /// Number of files in the copy of the vector store.
    pub chroma_snapshot_files: u64,
    /// Whether a copy of the vector store is in the snapshot.
    pub chroma_snapshot_included: bool,
    /// One sentence about the vector store for a person.
    pub vector_store_note: String,
    /// What AtoCore records beyond that: format, program, store generation, row counts, the digest of every file. In the
    /// answer to taking it, `notices` says why it cannot be proven by its answers, when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub atocore: Option<Value>,
}

/// One directory below `snapshots/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotEntry {
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

/// The result of a validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// The stamp that was asked for.
    #[schema(example = "20260406T184219Z")]
    pub stamp: String,
    /// Where the snapshot lies, or would.
    pub path: String,
    /// Whether there is such a snapshot.
    pub exists: bool,
    /// Whether the database copy stood every check that was made.
    pub db_ok: bool,
    /// The same for the registry copy; null when none is recorded.
    pub registry_ok: Option<bool>,
    /// The same for the copy of the vector store; null when none is recorded.
    pub chroma_ok: Option<bool>,
    /// What is wrong: a word, and after a colon what a person wants to know.
    pub errors: Vec<String>,
    /// The metadata, when it is a JSON object.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Whether everything that was asked for was checked and nothing is wrong.
    pub valid: bool,
    /// What AtoCore says beyond the original's keys.
    pub atocore: ValidationDetails,
}

/// What AtoCore says about a validation beyond the original's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationDetails {
    /// `structure`, `digests`, `content`, `restore` or `answers`.
    #[schema(example = "digests")]
    pub depth_asked: String,
    /// The deepest depth that was proven; null when not even the structure holds.
    pub depth_reached: Option<String>,
    /// What is wrong, with the file and the depth that found it.
    pub findings: Vec<ValidationFinding>,
    /// Files that an operating system left there, such as `.DS_Store`: no part of the snapshot, and no harm to it.
    #[serde(default)]
    pub leavings: Vec<String>,
    /// Files whose bytes were all read and compared with the record.
    pub checked_files: u64,
    /// Their size in bytes.
    pub checked_bytes: u64,
    /// When the look ended: ISO 8601 with offset.
    pub verified_at: String,
    /// Why nothing was asked although the look was to go as deep as `answers`, which is no fault of the snapshot: a store
    /// without a passage; null when something was asked, or nothing was to be.
    #[serde(default)]
    pub unasked: Option<String>,
    /// Why the verdict could not be written down, so that it counts for nothing later; null when it was.
    #[serde(default)]
    pub unrecorded: Option<String>,
}

/// Something that is wrong with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationFinding {
    /// The depth that found it.
    pub depth: String,
    /// The file it is about, below the snapshot; empty for the snapshot as a whole.
    pub file: String,
    /// The same text as in `errors`.
    pub problem: String,
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

impl SnapshotMetadata {
    /// The metadata with what there is to say of the snapshot just taken, as `notices` of the nested object; none of it
    /// is in the file.
    #[must_use]
    pub fn with_notices(mut self, notices: Vec<String>) -> Self {
        if let (Some(Value::Object(record)), false) = (&mut self.atocore, notices.is_empty()) {
            let _none = record.insert("notices".to_owned(), notices.into());
        }
        self
    }
}

impl From<engine::manifest::Manifest> for SnapshotMetadata {
    fn from(manifest: engine::manifest::Manifest) -> Self {
        Self {
            created_at: manifest.created_at,
            backup_root: manifest.backup_root,
            db_snapshot_path: manifest.db_snapshot_path,
            db_size_bytes: manifest.db_size_bytes,
            registry_snapshot_path: manifest.registry_snapshot_path,
            chroma_snapshot_path: manifest.chroma_snapshot_path,
            chroma_snapshot_bytes: manifest.chroma_snapshot_bytes,
            chroma_snapshot_files: manifest.chroma_snapshot_files,
            chroma_snapshot_included: manifest.chroma_snapshot_included,
            vector_store_note: manifest.vector_store_note,
            atocore: manifest.atocore.and_then(|record| serde_json::to_value(record).ok()),
        }
    }
}

/// Every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SnapshotList(pub Vec<SnapshotEntry>);

/// What was found in every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ValidationList(pub Vec<Validation>);

/// What a drill found; null when there is no snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct DrillResult(pub Option<Validation>);

impl From<(engine::SnapshotEntry, Option<engine::SnapshotProof>)> for SnapshotEntry {
    fn from((entry, proof): (engine::SnapshotEntry, Option<engine::SnapshotProof>)) -> Self {
        Self {
            stamp: entry.stamp,
            path: entry.path.to_string_lossy().into_owned(),
            has_metadata: entry.has_metadata,
            metadata: entry.has_metadata.then_some(entry.metadata),
            metadata_error: entry.metadata_error.map(str::to_owned),
            atocore: proof.map(SnapshotProof::from),
        }
    }
}

impl From<engine::Validation> for Validation {
    fn from(validation: engine::Validation) -> Self {
        let (errors, valid) = (validation.errors(), validation.valid());
        let findings = validation.findings.into_iter().map(|finding| ValidationFinding {
            depth: finding.depth.to_string(),
            file: finding.file,
            problem: finding.problem,
        });
        let atocore = ValidationDetails {
            depth_asked: validation.depth_asked.to_string(),
            depth_reached: validation.depth_reached.map(|depth| depth.to_string()),
            findings: findings.collect(),
            leavings: validation.leavings,
            checked_files: validation.checked_files,
            checked_bytes: validation.checked_bytes,
            verified_at: validation.verified_at.to_string(),
            unasked: validation.unasked,
            unrecorded: validation.unrecorded,
        };
        Self {
            stamp: validation.stamp.to_string(),
            path: validation.path.to_string_lossy().into_owned(),
            exists: validation.exists,
            db_ok: validation.db_ok,
            registry_ok: validation.registry_ok,
            chroma_ok: validation.chroma_ok,
            errors,
            metadata: validation.metadata,
            valid,
            atocore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_absent_or_null_as_the_contract_says() {
        let entry = |metadata, has_metadata, metadata_error| SnapshotEntry {
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
            assert_eq!(serde_json::from_str::<SnapshotEntry>(&json).unwrap(), entry);
        }
    }
}
