//! What there is to say about snapshots: how old the newest is, how deep it is proven, and whether anybody sees to it.

use atocore_backup::in_place;
use atocore_model::{id::SnapshotId, snapshot::Depth, time::Timestamp};

use super::{Findings, Level, counted_u64};
use crate::{
    backups,
    engine::Engine,
    error::Error,
    schedule::{JobStatus, ScheduleProblem, ScheduledJob},
    status::InstallationStatus,
};

/// A snapshot older than this deserves a word; seconds.
const OLD_SNAPSHOT_SECONDS: u64 = 7 * DAY;

/// A snapshot that is younger is seen to by somebody, if not by the schedule.
const SEEN_TO_SECONDS: u64 = 2 * DAY;

/// A proof older than this deserves a word: disks forget.
const OLD_PROOF_SECONDS: u64 = 30 * DAY;

/// A job that is due for longer waits for a server; seconds.
const OVERDUE_SECONDS: u64 = 3600;

const DAY: u64 = 24 * 3600;

impl Findings {
    pub(super) fn snapshots(&mut self, status: &InstallationStatus) {
        let snapshots = &status.snapshots;
        if let Some(problem) = &snapshots.problem {
            let message = format!("the backup directory cannot be looked at: {problem}");
            return self.add("snapshots", Level::Problem, message, snapshots.hint.as_deref());
        }
        let (level, message) = match (snapshots.newest, snapshots.newest_age_seconds) {
            (Some(id), Some(age)) if age <= OLD_SNAPSHOT_SECONDS => {
                (Level::Ok, format!("the newest snapshot is {id}"))
            }
            (Some(id), _) => (Level::Warning, format!("the newest snapshot, {id}, is more than a week old")),
            (None, _) => (Level::Warning, "there is no snapshot".to_owned()),
        };
        let hint = match (level, &status.store_problem) {
            (Level::Ok, _) => None,
            (_, None) => Some("atocore backup create"),
            // Of a store that cannot be read none can be taken.
            (_, Some(_)) => snapshots.newest.is_none().then_some("atocore backup import ARCHIVE"),
        };
        self.add("snapshots", level, message, hint);
        if let Some(newest) = snapshots.newest {
            self.proof(newest, status);
        }
        if snapshots.failing > 0 {
            let failing = counted_u64(snapshots.failing, "snapshot");
            let message = format!("{failing} did not stand the last validation");
            self.add("proof", Level::Problem, message, Some("atocore backup list"));
        }
        self.schedule(status);
    }

    /// Whether a snapshot of the store has a later generation than the store, although none was restored since: an older
    /// copy of the data may lie where its disk is not mounted.
    pub(super) fn older_store(&mut self, engine: &Engine) -> Result<(), Error> {
        let Some(store) = engine.store_if_any()? else { return Ok(()) };
        let (own, present) = store.read(|read| Ok::<_, Error>((read.store_id()?, read.generation()?)))?;
        // A snapshot that was taken for the restore may have a stamp of a later second.
        let restored =
            in_place::last(engine.layout())?.map(|last| last.safety.max(Some(SnapshotId::at(last.at.get()))));
        let later = backups::list(engine.layout())?.into_iter().filter_map(|entry| {
            let (id, record) = (entry.stamp.parse().ok()?, &entry.metadata?["atocore"]);
            let generation = record["generation"].as_u64().filter(|generation| *generation > present.0)?;
            (record["store_id"] == *own && Some(id) > restored.flatten()).then_some((generation, id))
        });
        if let Some((generation, id)) = later.max() {
            let message = format!(
                "the store has generation {present}, and its snapshot {id} has {generation}: an older copy of the data may be in its place"
            );
            let hint = format!("mount the disk of the data, or `atocore backup restore {id}`");
            self.add("store", Level::Warning, message, Some(&hint));
        }
        Ok(())
    }

    fn proof(&mut self, newest: SnapshotId, status: &InstallationStatus) {
        let proven = status.snapshots.proven.iter().find(|proven| proven.depth == Depth::Content);
        let proven = proven.and_then(|proven| Some((proven.stamp?, proven.proven_at?)));
        let (message, hint) = match proven {
            Some((stamp, at)) if stamp >= newest => {
                let Some(days) = days_since(at, status.at, OLD_PROOF_SECONDS) else {
                    return self.add("proof", Level::Ok, format!("{stamp} is proven to its content"), None);
                };
                let message =
                    format!("the newest snapshot, {stamp}, was proven {days} days ago and not since");
                (message, "atocore backup drill".to_owned())
            }
            older => {
                let last = older.map_or_else(
                    || "no snapshot is".to_owned(),
                    |(stamp, _)| format!("the newest that is proven is {stamp}"),
                );
                let message =
                    format!("the newest snapshot, {newest}, is not proven to depth `content`; {last}");
                (message, format!("atocore backup validate {newest} --depth answers"))
            }
        };
        self.add("proof", Level::Warning, message, Some(&hint));
    }

    fn schedule(&mut self, status: &InstallationStatus) {
        if let Some(ScheduleProblem { why, hint }) = &status.schedule_problem {
            self.add("schedule", Level::Problem, why.clone(), Some(hint));
        }
        for job in &status.schedule {
            self.job(job, status);
        }
        let missing: Vec<_> = [ScheduledJob::Snapshot, ScheduledJob::Drill]
            .into_iter()
            .filter(|wanted| status.schedule.iter().all(|job| job.job != *wanted))
            .collect();
        let Some(first) = missing.first() else { return };
        let what = missing.iter().map(|job| format!("`{job}`")).collect::<Vec<_>>().join(" and ");
        let message = format!("not scheduled: {what}");
        let is_seen_to = status.snapshots.newest_age_seconds.is_some_and(|age| age <= SEEN_TO_SECONDS);
        if is_seen_to {
            return self.add("schedule", Level::Ok, message, None);
        }
        let key = first.as_str().to_ascii_uppercase();
        let hint = format!("set ATOCORE_SCHEDULE_{key}='0 3 * * *' for `atocore serve`");
        self.add("schedule", Level::Warning, message, Some(&hint));
    }

    fn job(&mut self, job: &JobStatus, status: &InstallationStatus) {
        let name = job.job;
        if let Some(error) = &job.error {
            let times = counted_u64(job.failures.into(), "time");
            let message = format!("`{name}` has failed {times} on schedule: {error}");
            return self.add("schedule", Level::Problem, message, Some(by_hand(name)));
        }
        if job.ahead {
            let message =
                format!("the last times of `{name}` lie ahead of the clock: it was wrong then, or is now");
            let hint = "set the clock of this machine right; `atocore serve` then counts from now on";
            return self.add("schedule", Level::Problem, message, Some(hint));
        }
        if let Some(missed) = job.missed {
            let last = job.succeeded.map_or_else(
                || "has never ended well".to_owned(),
                |succeeded| format!("has not ended well since {succeeded}"),
            );
            let message = format!("`{name}` {last}, although it was due twice, the second time at {missed}");
            let hint = if status.owner.is_none() { "atocore serve" } else { by_hand(name) };
            return self.add("schedule", Level::Problem, message, Some(hint));
        }
        match job.due {
            Some(due) if seconds_since(due, status.at) > OVERDUE_SECONDS && status.owner.is_none() => {
                let message = format!("`{name}` is due since {due}, and no server runs to do it");
                self.add("schedule", Level::Warning, message, Some("atocore serve"));
            }
            Some(due) => self.add("schedule", Level::Ok, format!("`{name}` is due at {due}"), None),
            None => {}
        }
    }
}

/// The command that does what the schedule could not.
const fn by_hand(job: ScheduledJob) -> &'static str {
    match job {
        ScheduledJob::Refresh => "atocore refresh",
        ScheduledJob::Snapshot => "atocore backup create",
        ScheduledJob::Validate => "atocore backup validate --all --depth content",
        ScheduledJob::Drill => "atocore backup drill",
        ScheduledJob::Prune => "atocore backup prune",
    }
}

fn seconds_since(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.get().as_second() - then.get().as_second()).unwrap_or(0)
}

/// How many days ago it was, when that is more than `limit` seconds.
fn days_since(then: Timestamp, now: Timestamp, limit: u64) -> Option<u64> {
    let seconds = seconds_since(then, now);
    (seconds > limit).then_some(seconds / DAY)
}
