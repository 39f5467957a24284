//! What a server does by itself, and when: the cron expression of each job, what became of it, and when it is due.
//!
//! A job that was due while no server ran is due as soon as one does. A job that failed is due again after a while that
//! grows from a minute to an hour. Only one job is due at a time, so that they never overlap.
//!
//! What cannot be written down is kept in memory, so that every job is done all the same, and is written as soon as it can be.
//!
//! A time in the file that lies ahead of the clock says that the clock was wrong then. It counts as now, and the server
//! writes that down: the next time comes, whatever the clock did.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atocore_model::{time::Timestamp, words};
use atocore_storage::{
    files::{self, Kind},
    layout::Layout,
};
use croner::Cron;
use jiff::{SignedDuration, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Something that is done by itself; those that are due together are done in this order.
    ScheduledJob, "a job", {
        /// Every project is refreshed.
        Refresh = "refresh",
        /// A snapshot is taken.
        Snapshot = "snapshot",
        /// The newest snapshot is validated to depth `content`.
        Validate = "validate",
        /// The newest snapshot is restored into scratch, to depth `answers`.
        Drill = "drill",
        /// Snapshots that no rule keeps are removed.
        Prune = "prune",
    }
}

/// When each job is done; those that are not named are not. Times are UTC, as in the names of snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule(BTreeMap<ScheduledJob, Cron>);

impl Schedule {
    /// Adds a job with its cron expression: minute, hour, day, month, day of the week.
    ///
    /// # Errors
    /// Why it is no such expression, or that it never comes true.
    pub fn add(&mut self, job: ScheduledJob, expression: &str) -> Result<(), String> {
        let cron: Cron = expression.parse().map_err(|error| format!("{error}"))?;
        let example = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC).datetime();
        cron.find_next_occurrence(&example, false).map_err(|error| format!("{error}"))?;
        let _before = self.0.insert(job, cron);
        Ok(())
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Something that a server does by itself, and what can be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobStatus {
    /// The job.
    pub job: ScheduledJob,
    /// Its cron expression, in UTC.
    #[serde(rename = "cron")]
    #[schema(example = "0 3 * * *")]
    pub expression: String,
    /// When it is due; in the past when it is due now. Null when its time cannot be computed.
    pub due: Option<Timestamp>,
    /// When it last began.
    pub began: Option<Timestamp>,
    /// When it last ended well.
    pub succeeded: Option<Timestamp>,
    /// How long it last took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// Why it failed last; null when it ended well last.
    pub error: Option<String>,
    /// Whether its last times lie ahead of the clock; a server that runs corrects that. Not in JSON.
    #[serde(skip)]
    pub ahead: bool,
    /// The second of its times that went by without a success; `None` while no two have. Not in JSON.
    #[serde(skip)]
    pub missed: Option<Timestamp>,
}

/// Why what became of each job cannot be written down. It is lost when the server ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleProblem {
    /// What is wrong, as a sentence without its full stop.
    #[serde(rename = "message")]
    pub why: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

/// The schedule of one installation, and what became of each job, which outlives the server. Clones are one.
#[derive(Debug, Clone)]
pub struct Timetable {
    schedule: Schedule,
    path: PathBuf,
    /// What could not be written, and why; it counts instead of the file.
    unwritten: Arc<Mutex<Option<(ScheduleRecords, String)>>>,
}

type ScheduleRecords = BTreeMap<String, ScheduleRecord>;

/// How far a time may lie ahead of the clock: clocks are set right by small steps all the time.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// How long after its second missed time a job is given to end.
const ENDS_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// A job that began longer ago than this, and has not ended, is not running any more as far as anybody can tell.
const RUNS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What is remembered of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct ScheduleRecord {
    /// When the job was first seen, or was forgotten: what was due before is nobody's debt.
    since: Option<String>,
    began: Option<String>,
    ended: Option<String>,
    succeeded: Option<String>,
    failures: u32,
    error: Option<String>,
}

impl Timetable {
    /// The schedule of the installation at `layout`.
    #[must_use]
    pub fn new(layout: &Layout, schedule: Schedule) -> Self {
        Self { schedule, path: layout.schedule(), unwritten: Arc::default() }
    }

    /// Whether nothing is ever done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schedule.is_empty()
    }

    /// Why what becomes of jobs cannot be written down; `None` when it can, as far as is known.
    #[must_use]
    pub fn problem(&self) -> Option<ScheduleProblem> {
        if self.is_empty() {
            return None;
        }
        let unwritten = self.unwritten().as_ref().map(|(_, why)| why.clone());
        // Whoever has written nothing sees what a server will meet.
        let in_the_way = || {
            let kind = files::kind(&self.path).ok().flatten()?;
            (!matches!(kind, Kind::File(_))).then(|| "it is not a file".to_owned())
        };
        let path = self.path.display();
        Some(ScheduleProblem {
            why: format!(
                "what becomes of scheduled jobs cannot be written to `{path}`: {}",
                unwritten.or_else(in_the_way)?
            ),
            hint: format!(
                "make `{path}` and its folder writable, or remove what is in its place; a running server does every job all the same, and forgets when it ends which it did"
            ),
        })
    }

    /// Begins to count time for jobs that are new or were forgotten, and for those whose times lie ahead of the clock.
    /// A server does so at every look: nothing else brings their next time closer. Writes what could not be written.
    pub fn start(&self, now: Timestamp) {
        let before = self.read();
        let mut records = before.clone();
        for job in self.schedule.0.keys() {
            let record = records.entry(job.to_string()).or_default();
            *record = record.as_of(now);
        }
        if records != before || self.unwritten().is_some() {
            self.write(records);
        }
    }

    /// Every job of the schedule.
    #[must_use]
    pub fn jobs(&self, now: Timestamp) -> Vec<JobStatus> {
        let records = self.read();
        let status = |(job, cron): (&ScheduledJob, &Cron)| {
            let record = records.get(job.as_str()).cloned().unwrap_or_default();
            let (began, ended) = (time(record.began.as_ref()), time(record.ended.as_ref()));
            let as_of_now = record.as_of(now);
            JobStatus {
                job: *job,
                expression: cron.as_str().to_owned(),
                due: due(cron, &as_of_now, now),
                ahead: record.times().into_iter().flatten().any(|time| lies_ahead(time, now)),
                missed: record.since.as_ref().and_then(|_| missed(cron, &as_of_now, now)),
                began,
                succeeded: time(record.succeeded.as_ref()),
                duration_ms: began.zip(ended).and_then(|(began, ended)| {
                    u64::try_from(ended.get().duration_since(began.get()).as_millis()).ok()
                }),
                failures: record.failures,
                error: record.error,
            }
        };
        self.schedule.0.iter().map(status).collect()
    }

    /// The job to do now, if one is due.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<ScheduledJob> {
        let is_due = |status: &JobStatus| status.due.is_some_and(|due| due <= now);
        self.jobs(now).into_iter().find(is_due).map(|status| status.job)
    }

    /// Looks for the job to do now, and writes down that it begins; see [`Timetable::start`] and [`Timetable::begin`].
    #[must_use]
    pub fn begin_due(&self, now: Timestamp) -> Option<ScheduledJob> {
        self.start(now);
        let job = self.due(now)?;
        self.begin(job, now);
        Some(job)
    }

    /// Writes down that a job begins. Should the process end meanwhile, that counts as a failure.
    pub fn begin(&self, job: ScheduledJob, now: Timestamp) {
        self.change(job, |record| record.began = Some(now.to_string()));
    }

    /// Writes down how a job ended, and returns how many times in a row it has failed now.
    pub fn end(&self, job: ScheduledJob, now: Timestamp, result: Result<(), String>) -> u32 {
        let mut failures = 0;
        self.change(job, |record| {
            record.ended = Some(now.to_string());
            match result {
                Ok(()) => {
                    record.succeeded = Some(now.to_string());
                    (record.failures, record.error) = (0, None);
                }
                Err(error) => {
                    record.failures = record.failures.saturating_add(1);
                    record.error = Some(error);
                }
            }
            failures = record.failures;
        });
        failures
    }

    fn change(&self, job: ScheduledJob, change: impl FnOnce(&mut ScheduleRecord)) {
        let mut records = self.read();
        change(records.entry(job.to_string()).or_default());
        self.write(records);
    }

    /// What cannot be read is forgotten: the worst that comes of it is a job that is done once more.
    fn read(&self) -> ScheduleRecords {
        if let Some((records, _)) = &*self.unwritten() {
            return records.clone();
        }
        let bytes = files::read_if_present(&self.path).ok().flatten().unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn write(&self, records: ScheduleRecords) {
        let bytes = serde_json::to_vec_pretty(&records).unwrap_or_default();
        let written = files::write_atomic(&self.path, &bytes);
        *self.unwritten() = written.err().map(|error| (records, error.source.to_string()));
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<(ScheduleRecords, String)>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn time(text: Option<&String>) -> Option<Timestamp> {
    Timestamp::parse(text?)
}

/// Whether the clock was wrong when it said so, or is now.
fn lies_ahead(time: Timestamp, now: Timestamp) -> bool {
    time.get().duration_since(now.get()) > AHEAD
}

impl ScheduleRecord {
    fn times(&self) -> [Option<Timestamp>; 4] {
        [&self.since, &self.began, &self.ended, &self.succeeded].map(|text| time(text.as_ref()))
    }

    /// What counts of it now: times that lie ahead are now, and a job of which no time is known begins now.
    fn as_of(&self, now: Timestamp) -> Self {
        let [since, began, ended, succeeded] =
            self.times().map(|known| known.map(|time| if lies_ahead(time, now) { now } else { time }));
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            since: text(since.or(began).or(Some(now))),
            began: text(began),
            ended: text(ended),
            succeeded: text(succeeded),
            ..self.clone()
        }
    }

    /// When it began, if it has not ended since.
    fn open_since(&self) -> Option<Timestamp> {
        let ended = time(self.ended.as_ref());
        time(self.began.as_ref()).filter(|began| ended.is_none_or(|ended| ended < *began))
    }
}

/// The next time of a job after `after`.
fn next(cron: &Cron, after: Timestamp) -> Option<Timestamp> {
    let after = after.get().to_zoned(TimeZone::UTC).datetime();
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(Timestamp::new(next.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// When a job is due, by a record as of now.
fn due(cron: &Cron, record: &ScheduleRecord, now: Timestamp) -> Option<Timestamp> {
    let from = time(record.began.as_ref()).or_else(|| time(record.since.as_ref())).unwrap_or(now);
    let next = next(cron, from)?;
    // It was cut short when nobody wrote down the end.
    let open = record.open_since();
    let failures = record.failures.saturating_add(open.is_some().into());
    if failures == 0 {
        return Some(next);
    }
    let last = open.or_else(|| time(record.ended.as_ref())).unwrap_or(from);
    Some(next.min(Timestamp::new(last.get() + pause(failures))))
}

/// The second time of a job since its last success, when that has gone by without one.
fn missed(cron: &Cron, record: &ScheduleRecord, now: Timestamp) -> Option<Timestamp> {
    let from = time(record.succeeded.as_ref()).or_else(|| time(record.since.as_ref()))?;
    let second = next(cron, next(cron, from)?)?;
    let gone_by = now.get().duration_since(second.get()) > ENDS_WITHIN;
    let runs = |began: Timestamp| now.get().duration_since(began.get()) < RUNS_FOR;
    (gone_by && !record.open_since().is_some_and(runs)).then_some(second)
}

/// How long to wait after so many failures: a minute, two, four, up to an hour.
fn pause(failures: u32) -> SignedDuration {
    let minutes = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX).min(60);
    SignedDuration::try_from(Duration::from_secs(minutes * 60)).unwrap_or(SignedDuration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn nightly() -> (tempfile::TempDir, Timetable) {
        let home = tempfile::tempdir().unwrap();
        files::create_dirs(&home.path().join("data")).unwrap();
        let mut schedule = Schedule::default();
        schedule.add(ScheduledJob::Snapshot, "0 3 * * *").unwrap();
        schedule.add(ScheduledJob::Prune, "0 3 * * *").unwrap();
        let timetable = Timetable::new(&Layout::in_home(home.path()), schedule);
        timetable.start(at("2026-04-06T12:00:00Z"));
        (home, timetable)
    }

    #[test]
    fn a_job_is_due_at_its_time_and_not_before_and_once() {
        let (_home, timetable) = nightly();
        assert_eq!(timetable.due(at("2026-04-07T02:59:59Z")), None);
        let three = at("2026-04-07T03:00:00Z");
        assert_eq!(timetable.due(three), Some(ScheduledJob::Snapshot));
        timetable.begin(ScheduledJob::Snapshot, three);
        timetable.end(ScheduledJob::Snapshot, at("2026-04-07T03:00:05Z"), Ok(()));
        assert_eq!(
            timetable.due(at("2026-04-07T03:00:05Z")),
            Some(ScheduledJob::Prune),
            "one after the other"
        );
        assert_eq!(timetable.jobs(three)[0].duration_ms, Some(5000));
        assert_eq!(timetable.jobs(three)[0].due, Some(at("2026-04-08T03:00:00Z")));
    }

    #[test]
    fn a_time_that_was_missed_is_made_up_for_once() {
        let (_home, timetable) = nightly();
        // No server ran for three nights.
        let back = at("2026-04-10T09:00:00Z");
        assert_eq!(timetable.due(back), Some(ScheduledJob::Snapshot));
        timetable.start(back);
        for job in [ScheduledJob::Snapshot, ScheduledJob::Prune] {
            timetable.begin(job, back);
            timetable.end(job, back, Ok(()));
        }
        assert_eq!(timetable.due(at("2026-04-11T02:59:00Z")), None);
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later_and_a_kill_is_a_failure() {
        let (_home, timetable) = nightly();
        let three = at("2026-04-07T03:00:00Z");
        timetable.begin(ScheduledJob::Snapshot, three);
        // It was killed: nobody wrote down the end.
        assert_ne!(timetable.due(at("2026-04-07T03:00:59Z")), Some(ScheduledJob::Snapshot));
        assert_eq!(timetable.due(at("2026-04-07T03:01:00Z")), Some(ScheduledJob::Snapshot));
        for (failures, minutes) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60)] {
            timetable.begin(ScheduledJob::Snapshot, three);
            assert_eq!(timetable.end(ScheduledJob::Snapshot, three, Err("disk full".to_owned())), failures);
            let due = timetable.jobs(three)[0].due.unwrap();
            assert_eq!(due.get().duration_since(three.get()), SignedDuration::from_mins(minutes));
        }
        assert_eq!(timetable.jobs(three)[0].error.as_deref(), Some("disk full"));
        timetable.end(ScheduledJob::Snapshot, three, Ok(()));
        assert_eq!(timetable.jobs(three)[0].failures, 0);
    }

    /// A schedule of every job, looked at every minute as a server does; what is due is done at once.
    fn done_within(timetable: &Timetable, from: Timestamp, minutes: i64) -> Vec<ScheduledJob> {
        let mut done = Vec::new();
        for minute in 0..=minutes {
            let now = Timestamp::new(from.get() + SignedDuration::from_mins(minute));
            timetable.start(now);
            while let Some(job) = timetable.due(now) {
                timetable.begin(job, now);
                timetable.end(job, now, Ok(()));
                done.push(job);
            }
        }
        done
    }

    fn all_nightly() -> (tempfile::TempDir, Timetable) {
        let (home, timetable) = nightly();
        let mut schedule = Schedule::default();
        ScheduledJob::ALL.into_iter().for_each(|job| schedule.add(job, "0 3 * * *").unwrap());
        let timetable = Timetable { schedule, ..timetable };
        timetable.start(at("2026-04-06T12:00:00Z"));
        (home, timetable)
    }

    #[test]
    fn every_job_comes_after_a_clock_that_was_ahead_in_any_of_its_times() {
        let now = at("2026-04-08T01:00:00Z");
        for ahead in ["since", "began ended", "ended", "succeeded", "since began ended succeeded"] {
            for later in ["2026-04-08T01:02:00Z", "2046-01-01T00:00:00Z", "9998-12-31T00:00:00Z"] {
                let (home, timetable) = all_nightly();
                let record = |job: ScheduledJob| {
                    let times = ["since", "began", "ended", "succeeded"].map(|key| {
                        let known = if ahead.split(' ').any(|one| one == key) {
                            later
                        } else {
                            "2026-04-07T03:00:00Z"
                        };
                        format!("\"{key}\": \"{known}\"")
                    });
                    format!("\"{job}\": {{ {} }}", times.join(", "))
                };
                let text = format!("{{ {} }}", ScheduledJob::ALL.map(record).join(", "));
                files::write_atomic(&home.path().join("data/schedule.json"), text.as_bytes()).unwrap();
                assert!(timetable.jobs(now).iter().all(|job| job.ahead), "{ahead} {later}");
                let done = done_within(&timetable, now, 121);
                assert_eq!(done, ScheduledJob::ALL, "{ahead} {later}: at its time, and once");
                assert!(timetable.jobs(at("2026-04-08T03:01:00Z")).iter().all(|job| !job.ahead));
            }
        }
    }

    #[test]
    fn every_job_comes_after_its_file_was_damaged_or_lost() {
        let now = at("2026-04-08T01:00:00Z");
        for text in [
            "",
            "{ not json",
            "null",
            "[]",
            "{}",
            r#"{"snapshot": {"began": "yesterday", "failures": 4294967295}}"#,
            r#"{"snapshot": {"failures": -1}, "drill": null}"#,
        ] {
            let (home, timetable) = all_nightly();
            files::write_atomic(&home.path().join("data/schedule.json"), text.as_bytes()).unwrap();
            let mut done = done_within(&timetable, now, 121);
            done.dedup();
            assert!(ScheduledJob::ALL.iter().all(|job| done.contains(job)), "{text}: {done:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_makes_no_job_come_twice() {
        let (_home, timetable) = all_nightly();
        let three = at("2026-04-07T03:00:00Z");
        assert_eq!(done_within(&timetable, three, 0), ScheduledJob::ALL);
        assert_eq!(done_within(&timetable, at("2026-04-07T02:59:30Z"), 30), []);
    }

    #[test]
    fn two_times_that_go_by_without_a_success_are_missed() {
        let (_home, timetable) = nightly();
        let missed = |now: &str| timetable.jobs(at(now))[0].missed;
        assert_eq!(missed("2026-04-08T03:00:59Z"), None);
        assert_eq!(missed("2026-04-08T03:02:00Z"), Some(at("2026-04-08T03:00:00Z")));
        // It is at it now; or it was, long ago.
        timetable.begin(ScheduledJob::Snapshot, at("2026-04-08T03:01:30Z"));
        assert_eq!(missed("2026-04-08T03:02:00Z"), None);
        assert_eq!(missed("2026-04-08T05:00:00Z"), Some(at("2026-04-08T03:00:00Z")));
        timetable.end(ScheduledJob::Snapshot, at("2026-04-08T05:00:00Z"), Ok(()));
        assert_eq!(missed("2026-04-09T03:02:00Z"), None);
        // Failing does not count as a success.
        timetable.end(ScheduledJob::Snapshot, at("2026-04-09T03:00:00Z"), Err("full".to_owned()));
        assert_eq!(missed("2026-04-10T03:02:00Z"), Some(at("2026-04-10T03:00:00Z")));
    }

    #[test]
    fn what_is_no_cron_expression_or_never_comes_is_refused() {
        let mut schedule = Schedule::default();
        for wrong in ["", "daily", "* * *", "61 * * * *", "0 0 30 2 *", "0 3 * * * * * *"] {
            assert!(schedule.add(ScheduledJob::Drill, wrong).is_err(), "{wrong}");
        }
        assert!(schedule.is_empty());
    }
}
