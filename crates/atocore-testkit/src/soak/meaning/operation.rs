//! What is killed while it makes vectors or builds their index: a command of the program, or a server that makes them
//! behind the commits.

use std::{
    thread,
    time::{Duration, Instant},
};

use atocore_storage::{files, sqlite::Store};

use super::vectors;
use crate::{
    killed::Running,
    soak::{
        Violation,
        facts::{Attempt, Facts},
        operation::{Kill, Outcome, excused},
        random::Random,
        subject::{Subject, answer_of, store_options, words},
        task::Task,
    },
};

/// A server that makes vectors for longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// How often a server is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MeaningOperation {
    /// Documents that have changed are stored, then embedded, by one command.
    Refresh,
    /// Documents that were stored before are embedded.
    Embed,
    /// The vector index is gone or damaged, and the first question builds it.
    IndexBuild,
    /// Another precision, which is another model: all vectors are made, then answers use them.
    Switch,
    /// Other limits of passages: all documents are rechunked, embedded, then put in their place.
    Rechunk,
    /// A server does it behind a refresh that it was asked for.
    ServedRefresh,
    /// The same while it makes the vectors of another model.
    ServedSwitch,
    /// The same when all documents are rechunked.
    ServedRechunk,
}

impl MeaningOperation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Refresh => "refresh and its vectors",
            Self::Embed => "embed",
            Self::IndexBuild => "building the vector index",
            Self::Switch => "switching the model",
            Self::Rechunk => "rechunking",
            Self::ServedRefresh => "server: refresh and its vectors",
            Self::ServedSwitch => "server: switching the model",
            Self::ServedRechunk => "server: rechunking",
        }
    }

    pub(super) const fn is_served(self) -> bool {
        matches!(self, Self::ServedRefresh | Self::ServedSwitch | Self::ServedRechunk)
    }

    pub(super) const fn switches(self) -> bool {
        matches!(self, Self::Switch | Self::ServedSwitch)
    }

    pub(super) const fn cuts_anew(self) -> bool {
        matches!(self, Self::Rechunk | Self::ServedRechunk)
    }

    /// Which part of the documents is rewritten before it.
    pub(super) const fn rewritten(self) -> f64 {
        match self {
            Self::Refresh | Self::Embed => 0.8,
            Self::ServedRefresh => 0.6,
            Self::Rechunk | Self::ServedSwitch | Self::ServedRechunk => 0.15,
            Self::IndexBuild | Self::Switch => 0.0,
        }
    }

    /// How long it takes at first guess, in times of embedding everything.
    pub(super) const fn guess(self) -> f64 {
        match self {
            Self::Switch | Self::ServedSwitch => 0.7,
            _ => 0.9,
        }
    }

    /// The command that does it.
    pub(super) fn task(self, refresh: Attempt) -> Task {
        match self {
            Self::Embed | Self::Switch => Task::new(&["embed"], Attempt::Embed),
            // By its words, so that the index is most of the work.
            Self::IndexBuild => Task::new(&["query", "amber", "--mode", "lexical"], Attempt::QueryRequest),
            _ => Task::new(&["refresh", "--all", "--allow-empty"], refresh),
        }
    }
}

/// Each command owns the store for itself, and is what is killed.
pub(super) fn alone(
    task: Task,
    subject: &Subject,
    kill: Option<Kill>,
    facts: &mut Facts,
) -> Result<Outcome, Violation> {
    let Task { arguments, attempt } = task;
    let mut running = subject.start(&arguments)?;
    if let Some(kill) = kill {
        running.let_run(kill.after)?;
        running.kill(kill.victims)?;
    }
    let ended = Subject::wait(running, &arguments)?;
    if ended.was_killed() {
        return Ok(Outcome { unsure: vec![attempt], lasted: None });
    }
    facts.acknowledge(&attempt, &answer_of(&ended, &arguments)?)?;
    Ok(Outcome { unsure: Vec::new(), lasted: Some(ended.lasted) })
}

/// The refresh is handed to a server, which goes on with its vectors; the server is what is killed.
pub(super) fn served(
    task: Task,
    subject: &Subject,
    precision: &str,
    kill: Kill,
    facts: &mut Facts,
) -> Result<Outcome, Violation> {
    let Task { arguments, attempt } = task;
    let mut server = subject.serve()?;
    let began = Instant::now();
    let mut client = subject.start(&arguments)?;
    let store = Store::open_read_only(&subject.layout().database(), store_options())?;
    let limit = kill.after.min(LIMIT);
    let mut idle = false;
    while !idle && began.elapsed() < limit {
        thread::sleep(LOOK_AGAIN.min(limit.saturating_sub(began.elapsed())));
        idle = is_running(&mut server)? && !client.is_running()? && vectors::is_idle(&store, precision)?;
    }
    let lasted = idle.then(|| began.elapsed());
    let ended_before = !client.is_running()?;
    server.kill(kill.victims)?;
    drop(store);
    let _server = Subject::wait(server, &words(&["serve"]))?;
    let ended = Subject::wait(client, &arguments)?;
    let mut unsure = Vec::new();
    if ended.status.success() || ended_before {
        facts.acknowledge(&attempt, &answer_of(&ended, &arguments)?)?;
        if !idle {
            unsure.push(Attempt::Embed);
        }
    } else {
        excused(&ended, &arguments)?;
        unsure.push(attempt);
    }
    Ok(Outcome { unsure, lasted })
}

fn is_running(server: &mut Running) -> Result<bool, Violation> {
    if server.is_running()? {
        return Ok(true);
    }
    Err(Violation::new("the server ended by itself".to_owned()))
}

/// Deletes the vector index, or one file of it, or damages one.
pub(super) fn harm_index(subject: &Subject, random: &mut Random) -> Result<(), Violation> {
    let folder = subject.layout().vector_index();
    let files = files::list(&folder)?;
    match (random.below(3), random.pick(&files)) {
        (1, Some(file)) => files::remove_file(file)?,
        (2, Some(file)) => {
            let mut bytes = files::read_if_present(file)?.unwrap_or_default();
            let place = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 0x55;
            }
            files::write_synced(file, &bytes)?;
        }
        _ => files::remove_tree(&folder)?,
    }
    Ok(())
}
