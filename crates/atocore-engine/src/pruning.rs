//! Which snapshots are kept, the removal of the others, and pins.

use atocore_backup::{
    mounted,
    retention::{self, PrunePlan, Pruned, RetentionRules},
    snapshot_directory::SnapshotDirectory,
};
use atocore_model::{id::SnapshotId, monitor::Monitor};

use crate::{engine::Engine, error::Error};

impl Engine {
    /// The policy of the settings.
    #[must_use]
    pub const fn retention(&self) -> &RetentionRules {
        &self.config().retention
    }

    /// What removing the snapshots that `policy` does not keep would remove. Changes nothing.
    ///
    /// # Errors
    /// When the backup directory, a pin or the note of the last restore is there and cannot be read.
    ///
    /// # Cancellation
    /// At every snapshot; [`atocore_backup::BackupError::Cancelled`].
    pub fn plan_prune(&self, policy: &RetentionRules, monitor: &dyn Monitor) -> Result<PrunePlan, Error> {
        let vault = mounted::directory(self.layout())?;
        Ok(retention::plan(&vault, self.layout(), policy, self.clock().now(), monitor)?)
    }

    /// Removes the snapshots that `policy` does not keep. Each is decided about again right before; one that cannot be
    /// removed does not stop the others. Needs no ownership of the store: the backup directory has locks of its own.
    ///
    /// # Errors
    /// As [`Engine::plan_prune`]; or when the backup directory cannot be locked. Nothing was removed then.
    ///
    /// # Durability
    /// What is told as removed is gone from the disk; killed in between, no half snapshot lists.
    ///
    /// # Cancellation
    /// Between two snapshots; the rest is told as not removed.
    pub fn prune(&self, policy: &RetentionRules, monitor: &dyn Monitor) -> Result<Pruned, Error> {
        let vault = mounted::directory(self.layout())?;
        Ok(retention::prune(&vault, self.layout(), policy, self.clock().now(), monitor)?)
    }

    /// Pins a snapshot, so that no removal takes it; the note says to people why.
    ///
    /// # Errors
    /// When there is no such snapshot, or the pin cannot be written.
    ///
    /// # Durability
    /// The pin is on disk when this returns `Ok`.
    pub fn pin_snapshot(&self, id: SnapshotId, note: &str) -> Result<(), Error> {
        Ok(retention::pin(&SnapshotDirectory::new(&self.layout().backups), id, note)?)
    }

    /// Removes the pin of a snapshot and returns whether there was one.
    ///
    /// # Errors
    /// When the pin cannot be removed.
    ///
    /// # Durability
    /// The pin is gone from the disk when this returns `Ok(true)`.
    pub fn unpin_snapshot(&self, id: SnapshotId) -> Result<bool, Error> {
        Ok(retention::unpin(&SnapshotDirectory::new(&self.layout().backups), id)?)
    }
}
