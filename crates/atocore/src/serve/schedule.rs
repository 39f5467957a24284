//! Does what the schedule says, one job after the other, for as long as the server runs.

use std::time::Duration;

use atocore_engine::{
    Caller,
    schedule::{ScheduledJob, Timetable},
};
use atocore_model::{refresh::RefreshStatus, time::Clock};

use super::webhook::{self, Alert};
use crate::{
    app::App,
    operations::{
        ApiError, CreateBackup, DrillBackup, DrillResult, ListBackups, ListProjects, PruneBackups,
        RefreshProject, ValidateBackup,
    },
};

/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub(super) async fn follow(app: &App, timetable: Timetable, clock: &dyn Clock, webhook: Option<String>) {
    if timetable.is_empty() {
        return std::future::pending().await;
    }
    let mut told = None;
    loop {
        let now = clock.now();
        let looked =
            on_disk(&timetable, move |timetable| (timetable.begin_due(now), timetable.problem())).await;
        let (job, problem) = looked.unwrap_or_default();
        if let Some(problem) = problem.as_ref().filter(|_| told != problem) {
            tracing::warn!(problem = problem.why, hint = problem.hint, "schedule_not_written");
        }
        told = problem;
        let Some(job) = job else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        let result = carry_out(app, job).await;
        let (error, now) = (result.as_ref().err().cloned(), clock.now());
        let ended = on_disk(&timetable, move |timetable| timetable.end(job, now, result)).await;
        let failures = ended.unwrap_or_default();
        match error {
            None => tracing::info!(%job, "scheduled_job_done"),
            Some(error) => {
                tracing::error!(%job, error, failures, "scheduled_job_failed");
                if let Some(url) = webhook.clone() {
                    let at = clock.now().to_string();
                    webhook::tell(
                        url,
                        &Alert { event: "job_failed", job: job.as_str(), error: &error, failures, at },
                    )
                    .await;
                }
            }
        }
    }
}

/// Reads and writes the file of the schedule on a thread that may block; `None` when that panicked.
async fn on_disk<T: Send + 'static>(
    timetable: &Timetable,
    work: impl FnOnce(&Timetable) -> T + Send + 'static,
) -> Option<T> {
    let timetable = timetable.clone();
    tokio::task::spawn_blocking(move || work(&timetable)).await.ok()
}

/// Does a job through the same operations as every interface.
async fn carry_out(app: &App, job: ScheduledJob) -> Result<(), String> {
    let done = match job {
        ScheduledJob::Refresh => return refresh(app).await,
        ScheduledJob::Snapshot => app.run(Caller::Local, CreateBackup::default()).await.map(drop),
        ScheduledJob::Validate => return validate(app).await,
        ScheduledJob::Drill => match app.run(Caller::Local, DrillBackup {}).await {
            Ok(DrillResult(Some(found))) if !found.valid => return Err(found.errors.join("; ")),
            Ok(DrillResult(Some(_))) => Ok(()),
            Ok(DrillResult(None)) => return Err("there is no snapshot to restore".to_owned()),
            Err(error) => Err(error),
        },
        ScheduledJob::Prune => {
            app.run(Caller::Local, PruneBackups { apply: true, ..PruneBackups::default() }).await.map(drop)
        }
    };
    done.map_err(in_words)
}

/// Refreshes every project, also when one of them fails.
async fn refresh(app: &App) -> Result<(), String> {
    let projects = app.run(Caller::Local, ListProjects {}).await.map_err(in_words)?.projects;
    let mut failed = Vec::new();
    for project in projects {
        match app.run(Caller::Local, RefreshProject::of(project.id.as_str())).await {
            Ok(result) if result.status == RefreshStatus::Ingested => {}
            Ok(_) => failed.push(format!("{}: a root was skipped", project.id)),
            Err(error) => failed.push(format!("{}: {}", project.id, in_words(error))),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

/// Validates the newest snapshot.
async fn validate(app: &App) -> Result<(), String> {
    let snapshots = app.run(Caller::Local, ListBackups {}).await.map_err(in_words)?;
    let newest = snapshots.0.into_iter().rev().find(|entry| entry.has_metadata);
    let stamp = newest.ok_or("there is no snapshot to validate")?.stamp;
    let validate = ValidateBackup { stamp, depth: Some("content".to_owned()) };
    let validation = app.run(Caller::Local, validate).await.map_err(in_words)?;
    if validation.valid {
        Ok(())
    } else {
        Err(format!("{}: {}", validation.stamp, validation.errors.join("; ")))
    }
}

fn in_words(error: ApiError) -> String {
    format!("{}: {}", error.code.as_str(), error.message)
}
