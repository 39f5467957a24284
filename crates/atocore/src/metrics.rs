//! What is measured, as Prometheus reads it.

mod process;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use atocore_engine::{InstallationStatus, ProjectStatus, SnapshotStatus};
use atocore_model::{error::ErrorCode, time::Timestamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, text},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::operations::ApiError;

/// What OpenMetrics says its text is.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the classes of request durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0];

/// What is measured; clones are the same measurements.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    refreshes: Family<OutcomeLabels, Counter>,
    store: StoreGauges,
}

/// What is stored; set whenever somebody looks, and absent while it is not known.
#[derive(Debug, Clone, Default)]
struct StoreGauges {
    ok: Known,
    generation: Known,
    documents: Known,
    chunks: Known,
    snapshots: Known,
    snapshot_age: Known,
    snapshot_bytes: Known,
    proven_age: Family<ProvenTo, Number>,
    failing: Known,
    validation_seconds: Known,
    job_failures: Family<Scheduled, Number>,
    job_seconds: Family<Scheduled, Number>,
    job_succeeded: Family<Scheduled, Number>,
    job_due: Family<Scheduled, Number>,
    vectors_missing: Known,
    failed_files: Known,
    worker_failures: Family<OfWorker, Number>,
    worker_panics: Family<OfWorker, Number>,
    behind: Family<OfProject, Number>,
}

type Number = Gauge<f64, AtomicU64>;

/// A number without labels that is absent while it is not known.
#[derive(Debug, Clone, Default)]
struct Known(Arc<Mutex<Option<f64>>>);

impl Known {
    fn set(&self, number: Option<f64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = number;
    }
}

impl EncodeMetric for Known {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let number = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        number.map_or(Ok(()), |number| encoder.encode_gauge(&number))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProvenTo {
    depth: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Scheduled {
    job: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWorker {
    worker: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProject {
    project: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The measurements as OpenMetrics text, with what `status` says of the store. Without a status there are still the
    /// requests.
    ///
    /// # Errors
    /// `internal` when they cannot be written as text.
    pub(crate) fn text(&self, status: Result<InstallationStatus, ApiError>) -> Result<String, ApiError> {
        match status {
            Ok(status) => self.store.set(&status),
            Err(error) => {
                self.store.clear();
                // What keeps it from being told may be the store.
                let of_store = matches!(error.code, ErrorCode::StoreGone | ErrorCode::StoreDamaged);
                self.store.ok.set(of_store.then_some(0.0));
            }
        }
        let mut text = String::new();
        let encoded = text::encode_registry(&mut text, &process::registry());
        encoded.and_then(|()| text::encode(&mut text, &self.registry)).map_err(|_| ApiError::fault())?;
        Ok(text)
    }

    /// Nothing measured yet.
    pub(crate) fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let (requests, refreshes, store) = (Family::default(), Family::default(), StoreGauges::default());
        let durations = Family::new_with_constructor(histogram);
        let mut registry = Registry::with_prefix("atocore");
        registry.register("http_requests", "Requests that were answered", requests.clone());
        registry.register("http_request_duration_seconds", "How long requests took", durations.clone());
        registry.register("refreshes", "Refreshes of a project by how they ended", refreshes.clone());
        let ok = "1 while the store can be used, 0 when it is damaged or not open";
        registry.register("store_ok", ok, store.ok.clone());
        registry.register("store_generation", "Generation of the store", store.generation.clone());
        registry.register("store_documents", "Documents in the store", store.documents.clone());
        registry.register("store_chunks", "Passages in the store", store.chunks.clone());
        registry.register("snapshots", "Snapshots in the backup directory", store.snapshots.clone());
        let age = "Age of the newest snapshot, NaN without one";
        registry.register("snapshot_age_seconds", age, store.snapshot_age.clone());
        let size = "Size of the newest snapshot, NaN without one";
        registry.register("snapshot_size_bytes", size, store.snapshot_bytes.clone());
        let proven = "Age of the newest snapshot that is proven to a depth, NaN without one";
        registry.register("snapshot_proven_age_seconds", proven, store.proven_age.clone());
        let failing = "Snapshots that did not stand their last validation";
        registry.register("snapshots_failing", failing, store.failing.clone());
        let took = "How long the last validation of a snapshot took, NaN before there was one";
        registry.register("snapshot_validation_seconds", took, store.validation_seconds.clone());
        let failed = "How many times in a row a scheduled job has failed";
        registry.register("scheduled_job_failures", failed, store.job_failures.clone());
        let took = "How long a scheduled job last took, NaN before it ended once";
        registry.register("scheduled_job_seconds", took, store.job_seconds.clone());
        let succeeded = "When a scheduled job last ended well, in seconds since 1970, NaN before it did once";
        registry.register("scheduled_job_succeeded_seconds", succeeded, store.job_succeeded.clone());
        let due = "When a scheduled job is due next, in seconds since 1970";
        registry.register("scheduled_job_due_seconds", due, store.job_due.clone());
        let missing = "Passages whose vectors are still to be made";
        registry.register("vectors_missing", missing, store.vectors_missing.clone());
        let failed = "Files that the last refresh of their project could not read";
        registry.register("files_failed", failed, store.failed_files.clone());
        let failed = "How many times in a row the work of a worker has failed";
        registry.register("worker_failures", failed, store.worker_failures.clone());
        let panicked = "How many times a worker has panicked since the start";
        registry.register("worker_panics", panicked, store.worker_panics.clone());
        let behind =
            "How long ago every change of the files of a project had been read, NaN before the first time";
        registry.register("following_behind_seconds", behind, store.behind.clone());
        Self { registry: Arc::new(registry), requests, durations, refreshes, store }
    }

    /// Counts an answered request.
    pub(super) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Any word can be a method; only those that some route takes become a label.
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
        let method = if known.contains(&method) { method } else { "other" }.to_owned();
        let route = route.to_owned();
        self.durations
            .get_or_create(&RouteLabels { method: method.clone(), route: route.clone() })
            .observe(took.as_secs_f64());
        let _count = self.requests.get_or_create(&Answered { method, route, status }).inc();
    }

    /// Counts a refresh by its status or error code.
    pub(crate) fn refreshed(&self, outcome: &str) {
        let _count = self.refreshes.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }
}

impl StoreGauges {
    /// Takes up what is known; what is not known any more is absent, because 0 would be a statement.
    fn set(&self, status: &InstallationStatus) {
        self.clear();
        let is_sound = status.store_problem.is_none();
        self.ok.set(Some(f64::from(u8::from(is_sound))));
        let of_store = |number: u64| is_sound.then(|| number_of(number));
        let sum = |count: fn(&ProjectStatus) -> u64| status.projects.iter().map(count).sum::<u64>();
        self.generation.set(of_store(status.generation.0));
        self.documents.set(of_store(sum(|project| project.documents)));
        self.chunks.set(of_store(sum(|project| project.chunks)));
        self.vectors_missing.set(of_store(status.embedding.missing));
        let failed =
            |project: &ProjectStatus| project.refreshed.as_ref().map_or(0, |last| last.counts.failed);
        self.failed_files.set(of_store(sum(failed)));
        self.set_snapshots(&status.snapshots);
        self.set_followed(status);
        for job in &status.schedule {
            let of = Scheduled { job: job.job.to_string() };
            let _before = self.job_failures.get_or_create(&of).set(f64::from(job.failures));
            let took = job.duration_ms.map_or(f64::NAN, |took| number_of(took) / 1000.0);
            let _before = self.job_seconds.get_or_create(&of).set(took);
            let _before = self.job_succeeded.get_or_create(&of).set(moment(job.succeeded));
            let _before = self.job_due.get_or_create(&of).set(moment(job.due));
        }
        for worker in &status.workers {
            let of = OfWorker { worker: worker.worker.to_string() };
            let _before = self.worker_failures.get_or_create(&of).set(f64::from(worker.failures));
            let _before = self.worker_panics.get_or_create(&of).set(number_of(worker.panics));
        }
    }

    fn set_followed(&self, status: &InstallationStatus) {
        for project in &status.projects {
            if let Some(followed) = &project.followed {
                let of = OfProject { project: project.id.clone() };
                let age = |fresh: Timestamp| status.at.get().duration_since(fresh.get()).as_secs_f64();
                let _before = self.behind.get_or_create(&of).set(followed.fresh_as_of.map_or(f64::NAN, age));
            }
        }
    }

    fn set_snapshots(&self, snapshots: &SnapshotStatus) {
        if snapshots.problem.is_some() {
            return;
        }
        let or_nan = |number: Option<u64>| Some(number.map_or(f64::NAN, number_of));
        self.snapshots.set(Some(number_of(snapshots.count)));
        self.snapshot_age.set(or_nan(snapshots.newest_age_seconds));
        self.snapshot_bytes.set(or_nan(snapshots.newest_size_bytes));
        for proven in &snapshots.proven {
            let to = ProvenTo { depth: proven.depth.to_string() };
            let age = proven.age_seconds.map_or(f64::NAN, number_of);
            let _before = self.proven_age.get_or_create(&to).set(age);
        }
        self.failing.set(Some(number_of(snapshots.failing)));
        let took = snapshots.last_validation.as_ref().map(|last| last.verdict.duration_ms);
        self.validation_seconds.set(Some(took.map_or(f64::NAN, |took| number_of(took) / 1000.0)));
    }

    fn clear(&self) {
        let Self {
            ok, generation, documents, chunks, snapshots, snapshot_age, snapshot_bytes, failing, ..
        } = self;
        for known in [ok, generation, documents, chunks, snapshots, snapshot_age, snapshot_bytes, failing] {
            known.set(None);
        }
        self.validation_seconds.set(None);
        self.proven_age.clear();
        self.job_failures.clear();
        self.job_seconds.clear();
        self.job_succeeded.clear();
        self.job_due.clear();
        self.vectors_missing.set(None);
        self.failed_files.set(None);
        self.worker_failures.clear();
        self.worker_panics.clear();
        self.behind.clear();
    }
}

/// A point in time as Prometheus has it; not a number when there is none.
fn moment(time: Option<Timestamp>) -> f64 {
    time.map_or(f64::NAN, |time| time.get().as_second() as f64)
}

/// Prometheus knows numbers of this kind only; beyond 2^53 they are rounded.
const fn number_of(count: u64) -> f64 {
    count as f64
}
