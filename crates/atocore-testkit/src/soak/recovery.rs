//! Kills the program while it takes, validates, drills, restores, undoes and prunes snapshots, alone and through a server
//! with a writer beside it.
//!
//! Now and then a restore through a server is refused, after which everything goes on.
//!
//! Every write says a number that grows. What was acknowledged is there afterwards: in the present state, or, when a
//! restore went over to another state meanwhile, in the snapshot of the state before.

use std::{
    fmt, fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use atocore_storage::{files, sqlite::inspect};
use serde_json::Value;

use super::{
    Round, SoakFailure, SoakOptions, Violation, in_rounds,
    random::Random,
    subject::{Subject, words},
};
use crate::killed::Victims;

/// The project that is written to.
const PROJECT: &str = "notes";

/// So often a server has to refuse a restore before it is killed in another one.
const REFUSED: f64 = 0.3;

/// What is killed, in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecoveryOperation {
    Create,
    Validate,
    Undo,
    Drill,
    Prune,
    LiveUndo,
    LiveRestore,
}

impl RecoveryOperation {
    const ALL: [Self; 7] = [
        Self::Create,
        Self::Undo,
        Self::LiveUndo,
        Self::Validate,
        Self::LiveRestore,
        Self::Drill,
        Self::Prune,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Validate => "validate",
            Self::Undo => "undo",
            Self::Drill => "drill",
            Self::Prune => "prune",
            Self::LiveUndo => "undo through a server",
            Self::LiveRestore => "restore through a server",
        }
    }

    const fn is_live(self) -> bool {
        matches!(self, Self::LiveUndo | Self::LiveRestore)
    }
}

/// What a run has done and seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryCounts {
    /// Kills that hit each kind of work, in the order of the turns.
    landed: [u64; RecoveryOperation::ALL.len()],
    /// Kills that came when the work was done.
    late: u64,
    /// How often the store had gone over to another state.
    switched: u64,
    /// Writes that were acknowledged.
    writes: u64,
    /// Restores that a server had to refuse.
    refused: u64,
    /// Snapshots that were validated after a kill.
    validated: u64,
}

impl RecoveryCounts {
    /// How many kills hit something at work.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.landed.iter().sum()
    }
}

impl fmt::Display for RecoveryCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_turn: Vec<_> = RecoveryOperation::ALL
            .iter()
            .zip(self.landed)
            .map(|(turn, times)| format!("{} {times}", turn.name()))
            .collect();
        write!(
            f,
            "{} kills landed ({}), {} came late; {} times the state had changed; {} acknowledged writes all found \
             again; {} restores refused, after which all went on; {} snapshots validated, none partial",
            self.landed(),
            by_turn.join(", "),
            self.late,
            self.switched,
            self.writes,
            self.refused,
            self.validated
        )
    }
}

/// Kills the program until `kills` of the kills have hit it at work, and checks after each of them.
///
/// # Errors
/// At the first thing that was lost, was half done and shows, or does not work any more.
pub fn run(options: &SoakOptions<'_>, report: &mut dyn FnMut(String)) -> Result<RecoveryCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| soak(options, at, report))
}

fn soak(
    options: &SoakOptions<'_>,
    at: &mut Round,
    report: &mut dyn FnMut(String),
) -> Result<RecoveryCounts, Violation> {
    let mut soak = Soak::begin(options)?;
    for (index, turn) in RecoveryOperation::ALL.into_iter().enumerate().cycle() {
        if soak.counts.landed() >= options.kills {
            break;
        }
        *at = (at.0 + 1, turn.name());
        if at.0 > 6 * options.kills + 50 {
            return Err(Violation::new(format!("after {} rounds too few kills have hit", at.0)));
        }
        let landed = soak.round(turn)?;
        soak.counts.landed[index] += u64::from(landed);
        soak.counts.late += u64::from(!landed);
        report(format!("{:>4}  {:<26} {}", at.0, turn.name(), if landed { "killed" } else { "was done" }));
    }
    Ok(soak.counts)
}

/// A run of it.
#[derive(Debug)]
struct Soak {
    subject: Subject,
    random: Random,
    /// How long each turn takes.
    paces: [Duration; RecoveryOperation::ALL.len()],
    /// The number of the last write that was acknowledged.
    acknowledged: u64,
    /// The number of the last write that was tried.
    tried: AtomicU64,
    /// The undo point that was seen last.
    undo_point: Option<String>,
    counts: RecoveryCounts,
}

impl Soak {
    fn begin(options: &SoakOptions<'_>) -> Result<Self, Violation> {
        files::create_dirs(options.scratch)?;
        let scratch = options.scratch.canonicalize()?;
        let subject = Subject::new(&options.program.canonicalize()?, &scratch);
        let documents = scratch.join("documents");
        files::create_dirs(&documents)?;
        for number in 0..40 * options.scale {
            let text = format!("# Page {number}\n\nWhat page {number} says about lanterns and keys.\n");
            files::write_synced(&documents.join(format!("{number}.md")), text.as_bytes())?;
        }
        let root = documents.to_string_lossy().into_owned();
        subject.run(&words(&["project", "add", PROJECT, "--description", "0", "--root", &root]))?;
        subject.run(&words(&["refresh", PROJECT]))?;
        let stamp = stamp_of(&subject.run(&words(&["backup", "create"]))?)?;
        subject.run(&words(&["backup", "pin", &stamp]))?;
        let mut soak = Self {
            subject,
            random: Random::new(options.seed),
            paces: [Duration::ZERO; RecoveryOperation::ALL.len()],
            acknowledged: 0,
            tried: AtomicU64::new(0),
            undo_point: None,
            counts: RecoveryCounts::default(),
        };
        soak.write()?;
        soak.subject.run(&words(&["backup", "restore", &stamp, "--yes"]))?;
        soak.look()?;
        for (index, turn) in RecoveryOperation::ALL.into_iter().enumerate() {
            let server = turn.is_live().then(|| soak.subject.serve()).transpose()?;
            let arguments = soak.arguments(turn)?;
            let ended = Subject::wait(soak.subject.start(&arguments)?, &arguments)?;
            if !ended.status.success() {
                return Err(Violation::new(format!("`{}` does not work: {ended:?}", arguments.join(" "))));
            }
            soak.paces[index] = ended.lasted;
            drop(server);
            soak.look()?;
        }
        Ok(soak)
    }

    fn arguments(&self, turn: RecoveryOperation) -> Result<Vec<String>, Violation> {
        Ok(match turn {
            RecoveryOperation::Create => words(&["backup", "create"]),
            RecoveryOperation::Validate => words(&["backup", "validate", "--all", "--depth", "content"]),
            RecoveryOperation::Drill => words(&["backup", "drill"]),
            RecoveryOperation::Prune => {
                words(&["backup", "prune", "--yes", "--keep-last", "3", "--keep-daily", "0"])
            }
            RecoveryOperation::Undo | RecoveryOperation::LiveUndo => words(&["backup", "undo", "--yes"]),
            RecoveryOperation::LiveRestore => {
                let stamps = self.stamps()?;
                let newest =
                    stamps.last().ok_or_else(|| Violation::new("there is no snapshot".to_owned()))?;
                words(&["backup", "restore", newest, "--yes"])
            }
        })
    }

    /// Kills one piece of work and looks at what is left; returns whether the kill hit it.
    fn round(&mut self, turn: RecoveryOperation) -> Result<bool, Violation> {
        if !turn.is_live() {
            self.write()?;
        }
        let index = RecoveryOperation::ALL.iter().position(|one| *one == turn).unwrap_or_default();
        let after = self.paces[index].mul_f64(self.random.fraction() * 1.1);
        let arguments = self.arguments(turn)?;
        let landed = if turn.is_live() {
            self.kill_server(&arguments, after)?
        } else {
            let mut running = self.subject.start(&arguments)?;
            running.let_run(after)?;
            running.kill(Victims::Group)?;
            Subject::wait(running, &arguments)?.was_killed()
        };
        self.subject.lock_is_free()?;
        self.look()?;
        Ok(landed)
    }

    /// Sends the work to a server, beside a writer that goes on, and kills the server.
    fn kill_server(&mut self, arguments: &[String], after: Duration) -> Result<bool, Violation> {
        let mut server = self.subject.serve()?;
        if self.random.fraction() < REFUSED {
            self.refuse(arguments)?;
        }
        let stop = AtomicBool::new(false);
        let (subject, tried) = (&self.subject, &self.tried);
        let (landed, acknowledged) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut acknowledged = None;
                while !stop.load(Ordering::Relaxed) {
                    let number = tried.fetch_add(1, Ordering::SeqCst) + 1;
                    let update = update(number);
                    let ended = Subject::wait(subject.start(&update)?, &update)?;
                    if !ended.status.success() {
                        // The server is gone, or nearly.
                        thread::sleep(Duration::from_millis(2));
                        continue;
                    }
                    acknowledged = Some(number);
                }
                Ok::<_, Violation>(acknowledged)
            });
            let mut work = || {
                let mut client = subject.start(arguments)?;
                client.let_run(after)?;
                let at_work = client.is_running()?;
                server.kill(Victims::Group)?;
                drop(Subject::wait(client, arguments)?);
                Ok::<_, Violation>(at_work)
            };
            let landed = work();
            stop.store(true, Ordering::Relaxed);
            let acknowledged = match writer.join() {
                Ok(acknowledged) => acknowledged,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            (landed, acknowledged)
        });
        drop(server);
        if let Some(number) = acknowledged? {
            self.counts.writes += 1;
            self.acknowledged = self.acknowledged.max(number);
        }
        landed
    }

    /// Has a server refuse a restore, because somebody goes on reading, and sees that it goes on as before.
    fn refuse(&mut self, arguments: &[String]) -> Result<(), Violation> {
        let before = self.stamps()?;
        let reading = files::try_lock_shared(&self.subject.layout().locks().join("readers.lock"))?;
        let ended = Subject::wait(self.subject.start(arguments)?, arguments)?;
        if reading.is_none() || ended.status.success() {
            return Err(Violation::new(format!("it was not refused beside a reader: {ended:?}")));
        }
        drop(reading);
        if self.stamps()? != before {
            return Err(Violation::new("a restore that was refused left a snapshot".to_owned()));
        }
        self.write()?;
        let status = self.subject.run(&words(&["status"]))?;
        let failing = |worker: &Value| worker["state"] != "running" || !worker["failure"].is_null();
        if status["workers"].as_array().is_none_or(|workers| workers.iter().any(failing)) {
            return Err(Violation::new(format!("not everything goes on: {}", status["workers"])));
        }
        self.counts.refused += 1;
        Ok(())
    }

    /// Writes the next number.
    fn write(&mut self) -> Result<(), Violation> {
        let number = self.tried.fetch_add(1, Ordering::SeqCst) + 1;
        self.subject.run(&update(number))?;
        self.acknowledged = number;
        self.counts.writes += 1;
        Ok(())
    }

    /// Opens the installation as the next user, and looks for what must not be.
    fn look(&mut self) -> Result<(), Violation> {
        let list = self.subject.run(&words(&["project", "list"]))?;
        let present = number_in(&list);
        let undo_point = self.last_safety()?;
        let switched = undo_point != self.undo_point;
        let saved = undo_point.as_ref().map(|stamp| self.saved_number(stamp)).transpose()?.flatten();
        let newest = if switched { present.max(saved) } else { present };
        if newest < Some(self.acknowledged) {
            return Err(Violation::new(format!(
                "write {} was acknowledged; the present state has {present:?}, the undo point {undo_point:?} {saved:?}",
                self.acknowledged
            )));
        }
        if switched {
            self.counts.switched += 1;
            self.undo_point = undo_point;
        }
        // From here on what is present counts: what is older was left on purpose.
        self.acknowledged = present.unwrap_or_default();
        self.whole()
    }

    /// Sees that store and snapshots are whole.
    fn whole(&mut self) -> Result<(), Violation> {
        let layout = self.subject.layout();
        if let Some(complaint) = inspect::integrity(&layout.database())?.into_iter().next() {
            return Err(Violation::new(format!("the store is damaged: {complaint}")));
        }
        let found = self.subject.run(&words(&["query", "lanterns keys"]))?;
        if found.get("results").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return Err(Violation::new(format!("a question is not answered: {found}")));
        }
        let stamps = self.stamps()?;
        for stamp in stamps.iter().rev().take(3) {
            self.subject.run(&words(&["backup", "validate", stamp, "--depth", "content"]))?;
            self.counts.validated += 1;
        }
        for folder in fs::read_dir(layout.backups.join("snapshots"))? {
            let folder = folder?.path();
            if !folder.join("backup-metadata.json").exists() {
                return Err(Violation::new(format!("`{}` is a partial snapshot", folder.display())));
            }
        }
        Ok(())
    }

    fn stamps(&self) -> Result<Vec<String>, Violation> {
        let list = self.subject.run(&words(&["backup", "list"]))?;
        let stamp = |entry: &Value| Some(entry.get("stamp")?.as_str()?.to_owned());
        Ok(list.as_array().map(|list| list.iter().filter_map(stamp).collect()).unwrap_or_default())
    }

    /// The snapshot of the state before the last restore.
    fn last_safety(&self) -> Result<Option<String>, Violation> {
        let last = self.subject.layout().restores().join("last.json");
        let Some(bytes) = files::read_if_present(&last)? else { return Ok(None) };
        let last: Value = serde_json::from_slice(&bytes)?;
        Ok(last.get("safety").and_then(Value::as_str).map(str::to_owned))
    }

    /// The number that a snapshot holds; `None` when it was pruned meanwhile.
    fn saved_number(&self, stamp: &str) -> Result<Option<u64>, Violation> {
        let snapshot = self.subject.layout().backups.join("snapshots").join(stamp);
        let registry = files::read_if_present(&snapshot.join("config/project-registry.json"))?;
        let Some(bytes) = registry else {
            return Err(Violation::new(format!("the undo point {stamp} is gone")));
        };
        Ok(number_in(&serde_json::from_slice(&bytes)?))
    }
}

fn update(number: u64) -> Vec<String> {
    words(&["project", "update", PROJECT, "--description", &number.to_string()])
}

/// The number in the description of the project, in a list of projects or a registry.
fn number_in(projects: &Value) -> Option<u64> {
    projects
        .get("projects")?
        .as_array()?
        .iter()
        .find(|project| project.get("id").and_then(Value::as_str) == Some(PROJECT))?
        .get("description")?
        .as_str()?
        .parse()
        .ok()
}

fn stamp_of(metadata: &Value) -> Result<String, Violation> {
    let path = metadata.get("backup_root").and_then(Value::as_str);
    let stamp = path.and_then(|path| path.rsplit('/').next());
    stamp.map(str::to_owned).ok_or_else(|| Violation::new(format!("no snapshot was taken: {metadata}")))
}
