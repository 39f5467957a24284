//! What is done and killed: one command of the program, or several at a time through a server that is killed.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use atocore_storage::files;

use super::{
    Violation,
    facts::{Attempt, Facts},
    random::Random,
    subject::{Subject, answer_of, words},
    task::Task,
    world::World,
};
use crate::killed::{Ended, Running, Victims};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Refresh,
    ProjectAdd,
    ProjectUpdate,
    ProjectRemove,
    Snapshot,
    SnapshotWithVectors,
    IndexRebuild,
    ServedRefresh,
    ServedSnapshot,
    ServedProjectUpdate,
    ServedAllAtOnce,
    Record,
    ServedRecords,
    FirstStart,
    EmptiedFolder,
}

impl Operation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::ProjectAdd => "project add",
            Self::ProjectUpdate => "project update",
            Self::ProjectRemove => "project remove",
            Self::Snapshot => "backup create",
            Self::SnapshotWithVectors => "backup create --include-chroma",
            Self::IndexRebuild => "rebuilding the lexical index",
            Self::ServedRefresh => "server: refresh",
            Self::ServedSnapshot => "server: backup create",
            Self::ServedProjectUpdate => "server: project update",
            Self::ServedAllAtOnce => "server: all of these at once",
            Self::Record => "recording a fact",
            Self::ServedRecords => "server: recording facts",
            Self::FirstStart => "the first start",
            Self::EmptiedFolder => "refresh of a folder that is not mounted",
        }
    }

    const fn is_served(self) -> bool {
        matches!(
            self,
            Self::ServedRefresh
                | Self::ServedSnapshot
                | Self::ServedProjectUpdate
                | Self::ServedRecords
                | Self::ServedAllAtOnce
        )
    }

    /// Whether it takes a snapshot and does nothing else.
    pub(super) const fn is_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::SnapshotWithVectors | Self::ServedSnapshot)
    }

    pub(super) const fn takes_snapshot(self) -> bool {
        self.is_snapshot() || matches!(self, Self::ServedAllAtOnce)
    }

    /// The commands that it runs, each with what it tries.
    pub(super) fn tasks(self, world: &mut World, random: &mut Random) -> Result<Vec<Task>, Violation> {
        let refresh = |world: &World| {
            Task::new(&["refresh", "--all", "--allow-empty"], Attempt::Refresh(world.documents()))
        };
        let snapshot = || Task::new(&["backup", "create"], Attempt::Snapshot);
        let vectors = || Task::new(&["backup", "create", "--include-chroma"], Attempt::Snapshot);
        Ok(match self {
            Self::Refresh | Self::ServedRefresh => vec![refresh(world)],
            Self::ProjectAdd | Self::FirstStart => vec![world.registration(random)?],
            Self::ProjectUpdate | Self::ServedProjectUpdate => vec![world.change_of_project(random)],
            Self::ProjectRemove => vec![world.removal(random)?],
            Self::Snapshot | Self::ServedSnapshot => vec![snapshot()],
            Self::SnapshotWithVectors => vec![vectors()],
            Self::IndexRebuild | Self::EmptiedFolder => {
                vec![Task::new(&["query", "amber anchor"], Attempt::QueryRequest)]
            }
            Self::Record => vec![world.record(random)],
            Self::ServedRecords => (0..4).map(|_| world.record(random)).collect(),
            Self::ServedAllAtOnce => {
                let (change, record) = (world.change_of_project(random), world.record(random));
                vec![refresh(world), snapshot(), change, record, vectors()]
            }
        })
    }
}

/// When to kill, and whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    pub(super) after: Duration,
    pub(super) victims: Victims,
}

/// How a round of work ended.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What was tried and not acknowledged.
    pub(super) unsure: Vec<Attempt>,
    /// How long it took, when it was not cut short.
    pub(super) lasted: Option<Duration>,
}

/// Does the work, kills it if asked to, and adds what was acknowledged to the facts.
pub(super) fn perform(
    operation: Operation,
    tasks: Vec<Task>,
    subject: &Subject,
    kill: Option<Kill>,
    facts: &mut Facts,
) -> Result<Outcome, Violation> {
    if operation == Operation::IndexRebuild {
        files::remove_tree(&subject.layout().data.join("index"))?;
    }
    if operation.is_served() {
        served(tasks, subject, kill, facts)
    } else {
        alone(tasks, subject, kill, facts)
    }
}

/// Each command owns the store for itself, and is what is killed.
fn alone(
    tasks: Vec<Task>,
    subject: &Subject,
    kill: Option<Kill>,
    facts: &mut Facts,
) -> Result<Outcome, Violation> {
    let mut outcome = Outcome { unsure: Vec::new(), lasted: None };
    for Task { arguments, attempt } in tasks {
        let mut running = subject.start(&arguments)?;
        if let Some(kill) = kill {
            running.let_run(kill.after)?;
            running.kill(kill.victims)?;
        }
        let ended = Subject::wait(running, &arguments)?;
        if ended.was_killed() {
            outcome.unsure.push(attempt);
        } else {
            facts.acknowledge(&attempt, &answer_of(&ended, &arguments)?)?;
            outcome.lasted = Some(ended.lasted);
        }
    }
    Ok(outcome)
}

/// Takes the documents of a project away as an unmounted disk does, refreshes it, and puts them back. The refresh must
/// leave everything as it is and say so.
pub(super) fn without_documents(
    (project, root): (&str, &Path),
    subject: &Subject,
    kill: Option<Kill>,
) -> Result<Outcome, Violation> {
    let away = root.with_extension("away");
    files::rename(root, &away)?;
    files::create_dirs(root)?;
    let arguments = words(&["refresh", project]);
    let mut running = subject.start(&arguments)?;
    if let Some(kill) = kill {
        running.let_run(kill.after)?;
        running.kill(kill.victims)?;
    }
    let ended = Subject::wait(running, &arguments)?;
    files::remove_tree(root)?;
    files::rename(&away, root)?;
    if ended.was_killed() {
        return Ok(Outcome { unsure: vec![Attempt::QueryRequest], lasted: None });
    }
    if ended.status.code() != Some(2) || !ended.stdout.contains("\"documents_gone\"") {
        return Err(Violation::new(format!("an emptied folder was not noticed: {ended:?}")));
    }
    Ok(Outcome { unsure: Vec::new(), lasted: Some(ended.lasted) })
}

/// The commands are handed to a server; the server is what is killed.
fn served(
    tasks: Vec<Task>,
    subject: &Subject,
    kill: Option<Kill>,
    facts: &mut Facts,
) -> Result<Outcome, Violation> {
    let mut server = subject.serve()?;
    let began = Instant::now();
    let mut clients = Vec::new();
    for Task { arguments, attempt } in tasks {
        clients.push((subject.start(&arguments)?, arguments, attempt));
    }
    let limit = kill.map_or(Duration::MAX, |kill| kill.after);
    let mut busy = true;
    while busy && began.elapsed() < limit {
        thread::sleep(Duration::from_millis(1));
        busy = any_running(clients.iter_mut().map(|(client, ..)| client))?;
    }
    let lasted = (!busy).then(|| began.elapsed());
    let mut ended_before = Vec::new();
    for (client, ..) in &mut clients {
        ended_before.push(!client.is_running()?);
    }
    if !server.is_running()? {
        let ended = server.wait(Duration::ZERO)?;
        return Err(Violation::new(format!("the server ended by itself: {ended:?}")));
    }
    server.kill(kill.map_or(Victims::Group, |kill| kill.victims))?;
    let _server = Subject::wait(server, &words(&["serve"]))?;
    let mut outcome = Outcome { unsure: Vec::new(), lasted };
    for ((client, arguments, attempt), before) in clients.into_iter().zip(ended_before) {
        let ended = Subject::wait(client, &arguments)?;
        if ended.status.success() || before {
            facts.acknowledge(&attempt, &answer_of(&ended, &arguments)?)?;
        } else {
            excused(&ended, &arguments)?;
            outcome.unsure.push(attempt);
        }
    }
    Ok(outcome)
}

/// A client whose server died must say just that.
pub(super) fn excused(ended: &Ended, arguments: &[String]) -> Result<(), Violation> {
    let problem: BTreeMap<String, serde_json::Value> = match serde_json::from_str(&ended.stdout) {
        // A refresh of all answers with a list, one entry per project.
        Ok(serde_json::Value::Array(all)) => {
            let failed = all.iter().find(|one| one.get("code").is_some());
            failed.and_then(|one| serde_json::from_value(one.clone()).ok()).unwrap_or_default()
        }
        Ok(value) => serde_json::from_value(value).unwrap_or_default(),
        Err(_) => BTreeMap::new(),
    };
    let code = problem.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
    if matches!(code, "server_unreachable" | "store_busy") {
        return Ok(());
    }
    answer_of(ended, arguments).map(drop)
}

fn any_running<'r>(mut running: impl Iterator<Item = &'r mut Running>) -> Result<bool, Violation> {
    running.try_fold(false, |any, one| Ok(any || one.is_running()?))
}
