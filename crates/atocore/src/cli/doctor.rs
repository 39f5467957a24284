//! `status` and `doctor`: how things stand, what is wrong, and the command that fixes it.

use atocore_engine::{
    self as engine, EmbeddingStatus, FactCounts, Finding, Level, ProjectStatus, SnapshotStatus,
    schedule::JobStatus,
};
use atocore_model::id::Generation;

use super::{
    console::Console,
    exit::Exit,
    ingest::counts,
    output::{Output, Style},
    typeset::{Table, count, plain, second, size, unbroken},
};
use crate::operations::{ApiError, Diagnosis, Doctor, Status};

pub(super) fn status(status: Status, console: &Console<'_>) -> Result<Exit, ApiError> {
    console.judge(status, print, |status| {
        let is_broken = status.registry_problem.is_some() || status.store_problem.is_some();
        if is_broken { Exit::Problems } else { Exit::Done }
    })
}

pub(super) fn doctor(doctor: Doctor, console: &Console<'_>) -> Result<Exit, ApiError> {
    let is_fine = |found: &Diagnosis| found.checks.iter().all(|check| check.level == Level::Ok);
    let print = |doctor: &Diagnosis, output: &Output| {
        for check in &doctor.checks {
            print_check(check, output);
        }
        let is_fine = is_fine(doctor);
        output.line(if is_fine { "\nnothing is wrong" } else { "\nthe lines with an arrow say what to do" });
    };
    console.judge(doctor, print, |doctor| if is_fine(doctor) { Exit::Done } else { Exit::Problems })
}

fn print(status: &engine::InstallationStatus, output: &Output) {
    let mut table = Table::bare();
    let mut part = |name: &str, value: String| table.row([name.to_owned(), value]);
    part("data", status.paths.data.clone());
    part("registry", status.paths.registry.clone());
    // What keeps it from being looked at names it already.
    if status.snapshots.problem.is_none() {
        part("backups", status.paths.backups.clone());
    }
    part("store", if status.store_problem.is_some() { "damaged".to_owned() } else { generations(status) });
    for behind in &status.indexes_behind {
        part("behind", format!("{}; {}", plain(&behind.why), output.aimed(plain(&behind.hint))));
    }
    for worker in &status.workers {
        let Some(failure) = &worker.failure else { continue };
        let times = count(worker.failures.into(), "time");
        part("failing", format!("`{}`, {times} in a row: {}", worker.worker, plain(failure)));
    }
    if let Some(owner) = &status.owner {
        part(
            "owner",
            format!("process {} (`{}`) since {}", owner.pid, plain(&owner.activity), second(&owner.since)),
        );
    }
    if let Some(running) = &status.running {
        let at = running.progress.as_ref().map(|progress| match progress.total {
            Some(total) => format!(", {} {} of {total}", progress.phase, progress.done),
            None => format!(", {} {}", progress.phase, progress.done),
        });
        let at = at.unwrap_or_default();
        part("running", format!("{} since {}{at}", plain(&running.activity), second(running.since)));
    }
    if status.embedding.wanted && status.store_problem.is_none() {
        part("model", model(&status.embedding, output));
        part("vectors", vectors(&status.embedding));
    }
    if status.store_problem.is_none() {
        part("facts", output.aimed(facts(&status.facts)));
    }
    if status.snapshots.problem.is_none() {
        part("snapshots", output.aimed(snapshots(&status.snapshots, status.store_problem.is_none())));
    }
    for proven in proven(&status.snapshots) {
        part("proven", output.aimed(proven));
    }
    for job in &status.schedule {
        part("by itself", scheduled(job));
    }
    output.table(&table);
    output.line("");
    if let Some(problem) = &status.snapshots.problem {
        let message = format!("the backup directory cannot be looked at: {problem}");
        print_problem(&message, status.snapshots.hint.as_deref().unwrap_or_default(), output);
        output.line("");
    }
    if let Some(problem) = &status.schedule_problem {
        print_problem(&problem.why, &problem.hint, output);
        output.line("");
    }
    if let Some(problem) = &status.store_problem {
        return print_problem(&problem.why, &problem.hint, output);
    }
    if let Some(problem) = &status.registry_problem {
        print_problem(&problem.why, &problem.hint, output);
        output.line("");
    } else if status.projects.is_empty() {
        return output
            .advise("no project is registered; `atocore project add ID --root FOLDER` registers one");
    }
    print_projects(&status.projects, output);
}

fn print_problem(message: &str, hint: &str, output: &Output) {
    output.line(format!("{}  {}", output.paint(Style::Red, "problem"), plain(message)));
    output.advise(format!("         → {}", plain(hint)));
}

fn print_projects(projects: &[ProjectStatus], output: &Output) {
    let mut table = Table::new(&["PROJECT", "DOCUMENTS", "PASSAGES", "LAST REFRESH"]);
    for project in projects {
        let mut refreshed = match &project.refreshed {
            Some(last) => {
                let (at, counts) = (second(&last.at), counts(&last.counts));
                match last.status.as_str() {
                    "ingested" => format!("{at} · {counts}"),
                    "nothing_to_ingest" => format!("{at} · every root was skipped"),
                    _ => format!("{at} · some roots were skipped · {counts}"),
                }
            }
            None => output.aimed(format!("never; `atocore refresh {}` reads it", project.id)),
        };
        if !project.registered {
            refreshed = "not in the registry any more".to_owned();
        }
        table.row([project.id.clone(), project.documents.to_string(), project.chunks.to_string(), refreshed]);
    }
    output.table(&table);
    for project in projects {
        if let Some(followed) = &project.followed {
            output.line(format!("{}: {}", project.id, plain(followed.in_words())));
        }
    }
}

fn generations(status: &engine::InstallationStatus) -> String {
    match status.index_generation {
        Some(shown) if shown >= status.generation => {
            format!("generation {}, all of it in the lexical index", status.generation)
        }
        Some(shown) => format!("generation {}, the lexical index shows {shown}", status.generation),
        None if status.generation == Generation::default() => "empty".to_owned(),
        None => format!("generation {}, there is no lexical index yet", status.generation),
    }
}

fn facts(facts: &FactCounts) -> String {
    let waiting = match facts.candidates {
        0 => String::new(),
        waiting => {
            format!(" · {} for you: `atocore memory list --status candidate`", count(waiting, "proposal"))
        }
    };
    let (state, memories) = (count(facts.project_state, "entry"), count(facts.memories, "memory"));
    format!("{state} of project state · {memories} · {}{waiting}", count(facts.interactions, "interaction"))
}

fn model(embedding: &EmbeddingStatus, output: &Output) -> String {
    match (&embedding.problem, &embedding.hint) {
        (Some(problem), Some(hint)) => {
            let hint = output.aimed(plain(hint));
            format!("{}: {}; `{hint}` helps", embedding.model, plain(problem))
        }
        (Some(problem), None) => format!("{}: {}", embedding.model, plain(problem)),
        (None, _) => format!("{}, {}", embedding.model, embedding.precision),
    }
}

fn vectors(embedding: &EmbeddingStatus) -> String {
    let mut text = match embedding.missing {
        0 => format!("all of {}", count(embedding.passages, "passage")),
        missing => format!("{} of {} still to come", missing, count(embedding.passages, "passage")),
    };
    // The rest is made, and waits for the index.
    let unmade = embedding.passages.saturating_sub(embedding.embedded);
    if unmade < embedding.missing {
        text.push_str(&format!(", {unmade} of them to be made"));
    }
    if let (true, Some(serving)) = (embedding.switching, &embedding.serving) {
        text.push_str(&format!("; answers use those of `{}` until others are made", plain(serving)));
    }
    if let Some(making) = &embedding.making {
        let time = making.seconds_left.map(|seconds| format!(", about {} left", age(seconds)));
        text.push_str(&format!("; {:.0} a second{}", making.per_second, time.unwrap_or_default()));
    }
    if let Some(failure) = &embedding.failure {
        text.push_str(&format!("; the last attempt failed: {}", plain(failure)));
    }
    text
}

/// One line for every snapshot that is the newest proven to a depth, the deepest depth first.
fn proven(snapshots: &SnapshotStatus) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut named = Vec::new();
    for proven in snapshots.proven.iter().rev() {
        let (Some(stamp), Some(seconds)) = (proven.stamp, proven.age_seconds) else { continue };
        if !named.contains(&stamp) {
            named.push(stamp);
            lines.push(format!("to `{}`: {stamp}, {} old", proven.depth, age(seconds)));
        }
    }
    if snapshots.failing > 0 {
        lines.push(format!(
            "{} did not stand the last validation; `atocore backup list` names them",
            count(snapshots.failing, "snapshot")
        ));
    }
    if lines.is_empty() && snapshots.count > 0 {
        lines.push("no snapshot is; `atocore backup drill` proves the newest".to_owned());
    }
    lines
}

/// A line for a job that a server does by itself.
fn scheduled(job: &JobStatus) -> String {
    let mut text = format!("{} at `{}` UTC", job.job, plain(&job.expression));
    if let Some(succeeded) = &job.succeeded {
        text.push_str(&format!(", last done {}", second(succeeded)));
    }
    if let Some(error) = &job.error {
        text.push_str(&format!("; failed {}: {}", count(job.failures.into(), "time"), plain(error)));
    }
    if let Some(due) = &job.due {
        text.push_str(&format!("; next {} while a server runs", second(due)));
    }
    text
}

/// What there is of snapshots; of a store that cannot be read none can be taken.
fn snapshots(snapshots: &SnapshotStatus, store_is_readable: bool) -> String {
    let Some(newest) = &snapshots.newest else {
        let hint = if store_is_readable { "; `atocore backup create` takes one" } else { "" };
        return format!("none{hint}");
    };
    let mut parts = vec![count(snapshots.count, "snapshot"), format!("the newest is {newest}")];
    parts.extend(snapshots.newest_age_seconds.map(|seconds| format!("{} old", age(seconds))));
    parts.extend(snapshots.newest_size_bytes.map(size));
    parts.join(", ")
}

fn print_check(check: &Finding, output: &Output) {
    let (style, mark) = match check.level {
        Level::Ok => (Style::Green, "ok     "),
        Level::Warning => (Style::Yellow, "warning"),
        _ => (Style::Red, "problem"),
    };
    let set = |text: String, indent: usize| match output.width() {
        Some(width) => unbroken(&text, width.saturating_sub(indent).max(20)),
        None => vec![text],
    };
    let mut start = format!("{}  {:<10}  ", output.paint(style, mark), check.check);
    for line in set(plain(&check.message), 21) {
        output.line(format!("{start}{line}"));
        start = " ".repeat(21);
    }
    if let Some(hint) = &check.hint {
        let mut start = format!("         {:<10}  → ", "");
        for line in set(output.aimed(plain(hint)), 23) {
            output.line(format!("{start}{line}"));
            start = " ".repeat(23);
        }
    }
}

/// A span of time in the largest unit that fits.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => count(seconds, "second"),
        60..3600 => count(seconds / 60, "minute"),
        3600..172_800 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}
