use atocore_engine::{IncludeVectors, VectorOutcome, manifest::Manifest};
use serde_json::Value;

use super::check_note;
use crate::operations::prelude::*;

/// Takes a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct CreateBackup {
    /// Copy the directory of the vector store too; ingestion waits meanwhile.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub include_chroma: bool,
    /// What it is taken for, as a line for people of at most 500 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    pub note: String,
}

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

impl Operation for CreateBackup {
    type Reply = SnapshotMetadata;
    const SPEC: Spec = Spec::post(super::TAG, "create_backup", "/admin/backup")
        .answers("Its metadata; it is whole and on disk")
        .body(Body::Optional)
        .query(&["include_chroma"])
        .long("snapshot");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        check_note(&self.note)?;
        let engine = context.engine();
        let include = if self.include_chroma { IncludeVectors::Yes } else { IncludeVectors::No };
        let taken = engine.create_snapshot(include, context.monitor)?;
        match &taken.vectors {
            VectorOutcome::Missing { path } => {
                tracing::warn!(path = %path.display(), "chroma_snapshot_skipped_missing");
            }
            VectorOutcome::Unavailable { why } => tracing::warn!(why, "chroma_snapshot_skipped_missing"),
            VectorOutcome::LeftOut | VectorOutcome::Copied { .. } => {}
        }
        if !self.note.is_empty() {
            engine.note_snapshot(taken.id, &self.note)?;
        }
        if let Some(lost) = engine.lost_registry()? {
            tracing::warn!("{}; {}", lost.why, lost.hint);
        }
        for notice in &taken.notices {
            tracing::warn!(notice, "runtime_backup_unasked");
        }
        let metadata = SnapshotMetadata::from(taken.manifest).with_notices(taken.notices);
        tracing::info!(
            backup_root = metadata.backup_root,
            db_snapshot = metadata.db_snapshot_path,
            chroma_included = metadata.chroma_snapshot_included,
            chroma_bytes = metadata.chroma_snapshot_bytes,
            "runtime_backup_created"
        );
        Ok(metadata)
    }
}

impl SnapshotMetadata {
    /// The metadata with what there is to say of the snapshot just taken, as `notices` of the nested object; none of it
    /// is in the file.
    fn with_notices(mut self, notices: Vec<String>) -> Self {
        if let (Some(Value::Object(record)), false) = (&mut self.atocore, notices.is_empty()) {
            let _none = record.insert("notices".to_owned(), notices.into());
        }
        self
    }
}

impl From<Manifest> for SnapshotMetadata {
    fn from(manifest: Manifest) -> Self {
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
