//! Long work of a server: each is a job that can be looked at and cancelled, whether somebody waits for it or not.
//!
//! Jobs live as long as the server: the last ones that ended are remembered, with what came of those that were started
//! in the background.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atocore_engine::SystemClock;
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress},
    time::{Clock, Timestamp},
};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::operations::{ApiError, JobReport, Problem};

/// How many jobs that ended are remembered.
pub const KEPT: usize = 50;

/// How many jobs wait or run in the background at once.
pub const BACKGROUND_AT_ONCE: usize = 16;

/// How often it is looked whether work that is to end has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The jobs of a server; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Arc<Mutex<JobTable>>);

#[derive(Debug, Default)]
struct JobTable {
    begun: u64,
    /// The oldest first.
    jobs: VecDeque<Arc<Job>>,
}

/// One piece of long work.
#[derive(Debug)]
struct Job {
    id: String,
    operation: &'static str,
    subject: Option<String>,
    background: bool,
    cancelled: CancellationToken,
    state: Mutex<JobState>,
}

#[derive(Debug)]
struct JobState {
    queued_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    progress: Option<Progress>,
    result: Option<Value>,
    error: Option<ApiError>,
}

/// A job from the inside, held by whoever does the work: it has ended when this is dropped, at the latest.
#[derive(Debug)]
pub(crate) struct JobHandle {
    job: Arc<Job>,
    jobs: Jobs,
}

impl Jobs {
    /// Begins a job that somebody waits for. `wanted` is the id that the client would like it to have.
    pub(crate) fn begin(
        &self,
        operation: &'static str,
        subject: Option<&str>,
        wanted: Option<String>,
    ) -> JobHandle {
        JobHandle { job: self.table().add(operation, subject, wanted, false), jobs: self.clone() }
    }

    /// Begins a job that nobody waits for.
    ///
    /// # Errors
    /// `ingestion_busy` when too many are at work already.
    pub(crate) fn begin_in_background(
        &self,
        operation: &'static str,
        subject: Option<&str>,
    ) -> Result<JobHandle, ApiError> {
        let mut table = self.table();
        if table.jobs.iter().filter(|job| job.background && !job.has_ended()).count() >= BACKGROUND_AT_ONCE {
            let message = format!("{BACKGROUND_AT_ONCE} background jobs are already waiting or running");
            let error = ApiError::new(ErrorCode::IngestionBusy, message);
            return Err(
                error.with_hint("`GET /admin/jobs` shows them; `DELETE /admin/jobs/{id}` cancels one")
            );
        }
        Ok(JobHandle { job: table.add(operation, subject, None, true), jobs: self.clone() })
    }

    /// Every job, the newest first, without results.
    #[must_use]
    pub fn list(&self) -> Vec<JobReport> {
        let brief = |job: &Arc<Job>| JobReport { result: None, ..job.show() };
        self.table().jobs.iter().rev().map(brief).collect()
    }

    /// One job, with its result.
    ///
    /// # Errors
    /// `job_unknown`.
    pub fn show(&self, id: &str) -> Result<JobReport, ApiError> {
        Ok(self.find(id)?.show())
    }

    /// Asks a job to stop at the next safe place. One that has ended stays as it is.
    ///
    /// # Errors
    /// `job_unknown`.
    pub fn cancel(&self, id: &str) -> Result<JobReport, ApiError> {
        let job = self.find(id)?;
        job.cancelled.cancel();
        Ok(job.show())
    }

    /// Asks every job to stop, and returns how many have not ended.
    pub(crate) fn cancel_all(&self) -> usize {
        let table = self.table();
        let open = table.jobs.iter().filter(|job| !job.has_ended());
        open.map(|job| job.cancelled.cancel()).count()
    }

    /// Waits until no job is at work.
    pub(crate) async fn ended(&self) {
        while self.table().jobs.iter().any(|job| !job.has_ended()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn find(&self, id: &str) -> Result<Arc<Job>, ApiError> {
        let found = self.table().jobs.iter().find(|job| job.id == id).cloned();
        found.ok_or_else(|| {
            let message = format!("there is no job `{}`", id.escape_debug());
            let hint =
                format!("`GET /admin/jobs` shows every job; the last {KEPT} that ended are remembered");
            ApiError::new(ErrorCode::JobUnknown, message).with_hint(hint)
        })
    }

    fn table(&self) -> MutexGuard<'_, JobTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobTable {
    fn add(
        &mut self,
        operation: &'static str,
        subject: Option<&str>,
        wanted: Option<String>,
        background: bool,
    ) -> Arc<Job> {
        let now = SystemClock.now();
        self.begun += 1;
        let free = |id: &String| is_id(id) && self.jobs.iter().all(|job| job.id != *id);
        // The time is in it so that no job of an earlier server is taken for one of this.
        let id =
            wanted.filter(free).unwrap_or_else(|| format!("{:x}-{}", now.get().as_microsecond(), self.begun));
        let state = JobState {
            queued_at: now,
            started_at: None,
            ended_at: None,
            progress: None,
            result: None,
            error: None,
        };
        let cancelled = CancellationToken::new();
        let subject = subject.map(str::to_owned);
        let job = Arc::new(Job { id, operation, subject, background, cancelled, state: Mutex::new(state) });
        self.jobs.push_back(Arc::clone(&job));
        job
    }

    /// Forgets the oldest of those that ended, beyond the number that is remembered.
    fn forget(&mut self) {
        let mut excess = self.jobs.iter().filter(|job| job.has_ended()).count().saturating_sub(KEPT);
        self.jobs.retain(|job| {
            let goes = excess > 0 && job.has_ended();
            excess -= usize::from(goes);
            !goes
        });
    }
}

/// Whether a client may choose it: nothing but letters, digits and dashes, and long enough not to be guessed by chance.
fn is_id(id: &str) -> bool {
    (12..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Job {
    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.state().ended_at.is_some()
    }

    fn show(&self) -> JobReport {
        let state = self.state();
        let word = match (&state.error, state.ended_at, state.started_at) {
            (Some(error), ..) if error.code == ErrorCode::Cancelled => "cancelled",
            (Some(_), ..) => "failed",
            (None, Some(_), _) => "done",
            (None, None, Some(_)) => "running",
            (None, None, None) => "queued",
        };
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        JobReport {
            id: self.id.clone(),
            verb: self.operation.to_owned(),
            subject: self.subject.clone(),
            state: word.to_owned(),
            background: self.background,
            cancelling: state.ended_at.is_none() && self.cancelled.is_cancelled(),
            queued_at: state.queued_at.to_string(),
            started_at: text(state.started_at),
            ended_at: text(state.ended_at),
            progress: state.progress.clone(),
            result: state.result.clone(),
            error: state.error.as_ref().map(Problem::new),
        }
    }
}

impl JobHandle {
    /// The job as others see it.
    pub(crate) fn show(&self) -> JobReport {
        self.job.show()
    }

    /// Waits until it is asked to stop.
    pub(crate) async fn cancelled(&self) {
        self.job.cancelled.cancelled().await;
    }

    /// Asks it to stop, as whoever cancels the job does.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.job.cancelled.clone()
    }

    /// The waiting is over.
    pub(crate) fn start(&self) {
        self.job.state().started_at = Some(SystemClock.now());
    }

    /// Writes down how it ended. What came of it is kept only where nobody waits for it.
    pub(crate) fn end<T: Serialize>(&self, result: &Result<T, ApiError>) {
        let value = match result {
            Ok(reply) if self.job.background => Ok(serde_json::to_value(reply).ok()),
            Ok(_) => Ok(None),
            Err(error) => Err(error.clone()),
        };
        self.end_with(value);
    }

    fn end_with(&self, outcome: Result<Option<Value>, ApiError>) {
        let mut state = self.job.state();
        if state.ended_at.is_some() {
            return;
        }
        state.ended_at = Some(SystemClock.now());
        match outcome {
            Ok(value) => state.result = value,
            Err(error) => state.error = Some(error),
        }
        drop(state);
        self.jobs.table().forget();
        if self.job.background {
            let job = self.show();
            let code = job.error.as_ref().map(|problem| problem.code.as_str());
            tracing::info!(
                job = job.id,
                verb = job.verb,
                subject = job.subject,
                state = job.state,
                code,
                "job_ended"
            );
        }
    }
}

impl Monitor for JobHandle {
    fn progress(&self, progress: Progress) {
        self.job.state().progress = Some(progress);
    }

    fn cancelled(&self) -> bool {
        self.job.cancelled.is_cancelled()
    }
}

/// Work that ends without a word panicked, or was never begun because nobody waited any more.
impl Drop for JobHandle {
    fn drop(&mut self) {
        let error = if std::thread::panicking() { ApiError::fault() } else { cancelled() };
        self.end_with(Err(error));
    }
}

/// What is said about a job that was cancelled.
pub(crate) fn cancelled() -> ApiError {
    ApiError::new(ErrorCode::Cancelled, "cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(jobs: &Jobs) -> Vec<String> {
        jobs.list().into_iter().map(|job| job.state).collect()
    }

    #[test]
    fn a_job_says_where_it_stands_from_beginning_to_end() {
        let jobs = Jobs::default();
        let work = jobs.begin_in_background("validate", Some("x")).unwrap();
        let id = work.show().id;
        assert_eq!((work.show().state.as_str(), work.show().progress), ("queued", None));
        work.start();
        work.progress(Progress { phase: "reading".into(), done: 1, total: Some(2) });
        let shown = jobs.show(&id).unwrap();
        assert_eq!((shown.state.as_str(), shown.progress.unwrap().total), ("running", Some(2)));
        assert!(!Monitor::cancelled(&work));
        assert!(jobs.cancel(&id).unwrap().cancelling);
        assert!(Monitor::cancelled(&work));
        work.end(&Ok("result"));
        let shown = jobs.show(&id).unwrap();
        assert_eq!((shown.state.as_str(), shown.result), ("done", Some(Value::from("result"))));
        assert!(!jobs.cancel(&id).unwrap().cancelling, "it has ended");
        assert_eq!(jobs.list()[0].result, None);
        assert_eq!(jobs.show("nothing").unwrap_err().code, ErrorCode::JobUnknown);
    }

    #[test]
    fn work_that_is_dropped_is_cancelled_and_work_that_panics_failed() {
        let jobs = Jobs::default();
        drop(jobs.begin("drill", None, None));
        let work = jobs.begin("drill", None, None);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _work = work;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(states(&jobs), ["failed", "cancelled"]);
    }

    #[test]
    fn the_last_ones_that_ended_are_remembered_and_none_at_work_is_forgotten() {
        let jobs = Jobs::default();
        let open = jobs.begin("refresh", None, None);
        for _ in 0..3 * KEPT {
            jobs.begin("refresh", None, None).end(&Ok(()));
        }
        assert_eq!(jobs.list().len(), KEPT + 1);
        assert_eq!(jobs.show(&open.show().id).unwrap().state, "queued");
        assert_eq!(jobs.cancel_all(), 1);
    }

    #[test]
    fn no_more_than_that_are_remembered_when_many_end_at_once() {
        let jobs = Jobs::default();
        let open: Vec<_> = (0..4 * KEPT).map(|_| jobs.begin("refresh", None, None)).collect();
        let last = open.last().unwrap().show().id;
        drop(open);
        assert_eq!((jobs.list().len(), jobs.list()[0].id.as_str()), (KEPT, last.as_str()));
    }

    #[test]
    fn only_so_many_wait_in_the_background() {
        let jobs = Jobs::default();
        let begun: Vec<_> =
            (0..BACKGROUND_AT_ONCE).map(|_| jobs.begin_in_background("drill", None).unwrap()).collect();
        assert_eq!(jobs.begin_in_background("drill", None).unwrap_err().code, ErrorCode::IngestionBusy);
        drop(begun);
        drop(jobs.begin_in_background("drill", None).unwrap());
    }

    #[test]
    fn a_client_chooses_an_id_that_is_free_and_nothing_else() {
        let jobs = Jobs::default();
        let id = |wanted: &str| jobs.begin("drill", None, Some(wanted.to_owned())).show().id;
        assert_eq!(id("client-0123456789"), "client-0123456789");
        for refused in ["client-0123456789", "short", "../../../../etc", "client 0123456789", &"x".repeat(65)]
        {
            assert_ne!(id(refused), refused);
        }
    }
}
