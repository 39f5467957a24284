use atocore_engine::{IncludeVectors, VectorOutcome, manifest::Manifest};

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

impl Operation for CreateBackup {
    type Reply = Manifest;
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
        let mut metadata = taken.manifest;
        if let Some(record) = &mut metadata.atocore {
            record.notices = taken.notices;
        }
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
