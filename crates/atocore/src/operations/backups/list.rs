use crate::operations::prelude::*;

/// Lists every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListBackups {}

impl Operation for ListBackups {
    type Reply = wire::SnapshotList;
    const SPEC: Spec =
        Spec::get(super::TAG, "list_backups", "/admin/backup").answers("One entry per directory");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let entries = context.engine().snapshots_with_proof()?;
        Ok(wire::SnapshotList(entries.into_iter().map(wire::SnapshotEntry::from).collect()))
    }
}
