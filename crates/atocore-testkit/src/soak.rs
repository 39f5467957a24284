//! Kills the program at random moments, over and over, and looks each time whether anything was lost.
//!
//! A run is determined by its seed, except for what the machine does to the moments: documents, commands, victims and
//! the part of a command after which it dies are drawn from it. Looks at everything from outside, as the next user.

mod answers;
mod counts;
mod facts;
pub mod failing;
pub mod following;
pub mod meaning;
pub mod mutants;
mod operation;
pub mod points;
pub mod power;
pub mod questions;
mod random;
pub mod recovery;
mod snapshots;
mod subject;
mod task;
mod tree;
mod world;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_engine::Layout;
use atocore_model::error::with_causes;
use atocore_storage::{files, registry::Registry};

use crate::killed::Victims;
use facts::{Attempt, Content, Facts};
use operation::{Kill, Operation, Outcome, perform, without_documents};
use random::Random;
use subject::{Subject, examine_store, projects_of, words};
use world::World;

pub use counts::{KillCounts, Kills, SoakCounts};

/// What to do to which program.
#[derive(Debug, Clone)]
pub struct SoakOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// How many kills must hit a command at work.
    pub kills: u64,
    /// Determines everything that is drawn by lot.
    pub seed: u64,
    /// How many times the smallest number of documents there are; more of them make longer work.
    pub scale: usize,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// Something that must never happen, or a step that could not be taken at all.
#[derive(Debug, thiserror::Error)]
#[error("round {round} (`{operation}`), seed {seed}: {violation}; everything is kept in `{}`", scratch.display())]
pub struct SoakFailure {
    /// The seed of the run.
    pub seed: u64,
    /// The round, counted from 1; 0 before the first kill.
    pub round: u64,
    /// What was killed in it.
    pub operation: &'static str,
    /// What was seen.
    pub violation: Violation,
    /// Where to look.
    pub scratch: PathBuf,
}

/// The number of a round, counted from 1, and what is done in it.
type Round = (u64, &'static str);

/// Does a soak that says which round it is in; what it finds is a failure of that round.
fn in_rounds<T>(
    seed: u64,
    scratch: &Path,
    soak: impl FnOnce(&mut Round) -> Result<T, Violation>,
) -> Result<T, SoakFailure> {
    let mut at = (0, "the beginning");
    soak(&mut at).map_err(|violation| SoakFailure {
        seed,
        round: at.0,
        operation: at.1,
        violation,
        scratch: scratch.to_owned(),
    })
}

/// What was seen, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(String);

/// What it was made of is a text.
impl atocore_storage::sqlite::ReadError for Violation {
    fn damage(&self) -> Option<String> {
        None
    }
}

/// It is told as it is.
impl atocore_storage::sqlite::WriteError for Violation {
    fn at(self, _: &Path) -> Self {
        self
    }
}

impl Violation {
    const fn new(what: String) -> Self {
        Self(what)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whatever fails here fails after a kill that the program must bear.
impl<E: std::error::Error> From<E> for Violation {
    fn from(error: E) -> Self {
        Self(with_causes(&error))
    }
}

/// What is killed, in turn. What has the most to lose comes twice.
const TURNS: [Operation; 18] = [
    Operation::Refresh,
    Operation::Snapshot,
    Operation::ServedAllAtOnce,
    Operation::ProjectAdd,
    Operation::IndexRebuild,
    Operation::ServedSnapshot,
    Operation::ProjectUpdate,
    Operation::ServedRefresh,
    Operation::Record,
    Operation::SnapshotWithVectors,
    Operation::ProjectRemove,
    Operation::ServedProjectUpdate,
    Operation::ServedRecords,
    Operation::FirstStart,
    Operation::EmptiedFolder,
    Operation::Refresh,
    Operation::Snapshot,
    Operation::ServedAllAtOnce,
];

/// After so many kills the lexical index is compared with one built from scratch.
const COMPARE_EVERY: u64 = 5;

/// Kills come as late as this part of what the command took before, so that its last moments are hit too.
const LATEST: f64 = 1.1;

/// Kills the program until `kills` of the kills have hit a command at work, and checks after each of them.
///
/// `report` is told each round in one line.
///
/// # Errors
/// At the first thing that was lost, was half done and shows, or does not work any more.
pub fn run(options: &SoakOptions<'_>, report: &mut dyn FnMut(String)) -> Result<SoakCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |round| soak(options, round, report))
}

fn soak(
    options: &SoakOptions<'_>,
    round: &mut Round,
    report: &mut dyn FnMut(String),
) -> Result<SoakCounts, Violation> {
    let mut soak = Soak::begin(options)?;
    report(format!("{} documents, every command measured", soak.facts.content.count()));
    for turn in TURNS.iter().cycle() {
        if soak.counts.kills.landed() >= options.kills {
            break;
        }
        let operation = soak.suited(*turn);
        *round = (round.0 + 1, operation.name());
        if round.0 > 4 * options.kills + 50 {
            return Err(Violation::new(format!("after {} rounds too few kills have hit", round.0)));
        }
        let line = soak.round(operation)?;
        report(format!("{:>4}  {line}", round.0));
    }
    round.1 = "the end";
    soak.end()?;
    Ok(soak.counts)
}

/// A run of it.
#[derive(Debug)]
struct Soak {
    subject: Subject,
    scratch: PathBuf,
    world: World,
    facts: Facts,
    random: Random,
    /// How long each kind of work takes.
    paces: BTreeMap<Operation, Duration>,
    counts: SoakCounts,
}

impl Soak {
    /// Registers the first projects and does everything once without a kill.
    fn begin(options: &SoakOptions<'_>) -> Result<Self, Violation> {
        files::create_dirs(options.scratch)?;
        let scratch = options.scratch.canonicalize()?;
        let program = options.program.canonicalize()?;
        let mut soak = Self {
            subject: Subject::new(&program, &scratch),
            world: World::new(scratch.join("documents"), options.scale),
            scratch,
            facts: Facts::default(),
            random: Random::new(options.seed),
            paces: BTreeMap::new(),
            counts: SoakCounts::default(),
        };
        let tasks = soak.world.begin(&mut soak.random)?;
        let _outcome = perform(Operation::ProjectAdd, tasks, &soak.subject, None, &mut soak.facts)?;
        soak.plant_vectors()?;
        for operation in TURNS {
            if soak.paces.contains_key(&operation) {
                continue;
            }
            soak.world.change_documents(&mut soak.random)?;
            let before = soak.facts.clone();
            let Performed { attempts, outcome } = soak.perform(operation, None)?;
            soak.learn(operation, None, &outcome);
            soak.examine(&before, &attempts, &outcome.unsure)?;
        }
        soak.go_on()?;
        Ok(soak)
    }

    /// A folder as a vector store on this machine would leave it.
    fn plant_vectors(&mut self) -> Result<(), Violation> {
        let folder = self.subject.layout().vector_store();
        for number in 0..40 {
            let place = folder.join(format!("segment-{}", number % 4));
            files::create_dirs(&place)?;
            let bytes: Vec<u8> =
                std::iter::repeat_with(|| self.random.next().to_le_bytes()).take(4096).flatten().collect();
            files::write_synced(&place.join(format!("part-{number}.bin")), &bytes)?;
        }
        Ok(())
    }

    /// The turn, or what is to be done first.
    fn suited(&self, turn: Operation) -> Operation {
        match turn {
            Operation::ProjectAdd if self.world.is_crowded() => Operation::ProjectRemove,
            turn => turn,
        }
    }

    /// Changes documents, starts the work, kills it, and looks at what is left. Returns a line about it.
    fn round(&mut self, operation: Operation) -> Result<String, Violation> {
        self.world.change_documents(&mut self.random)?;
        let part = self.random.fraction() * LATEST;
        let pace = self.paces.get(&operation).copied().unwrap_or_default();
        let victims = if self.random.one_in(2) { Victims::Process } else { Victims::Group };
        let kill = Kill { after: pace.mul_f64(part), victims };
        let before = self.facts.clone();
        let Performed { mut attempts, outcome } = self.perform(operation, Some(kill))?;
        self.learn(operation, Some(kill), &outcome);
        if operation.is_snapshot() && self.random.one_in(2) {
            // At once, while what the dead process has started may still be at work.
            let _stamp = snapshots::take(&self.subject, &mut self.facts)?;
            attempts.push(Attempt::Snapshot);
        }
        let landed = !outcome.unsure.is_empty();
        self.counts.kills.kill(operation.name(), landed.then_some(part / LATEST));

        self.examine(&before, &attempts, &outcome.unsure)?;
        self.go_on()?;
        if operation.takes_snapshot() {
            let _stamp = snapshots::take(&self.subject, &mut self.facts)?;
            self.counts.snapshots += 1;
        }
        let verb = if landed { "killed" } else { "late  " };
        let (after, pace) = (kill.after.as_millis(), pace.as_millis());
        let mut line = format!("{:<32} {verb} after {after:>4} ms of {pace:>4}", operation.name());
        if landed && self.counts.kills.landed().is_multiple_of(COMPARE_EVERY) {
            self.counts.questions +=
                answers::compare_with_rebuilt(&self.subject, &self.world, &mut self.random)?;
            self.counts.rebuilt += 1;
            line.push_str(", index compared");
        }
        Ok(line)
    }

    /// Does the work. The first start of an installation is that of one of its own, which must be as good after it.
    fn perform(&mut self, operation: Operation, kill: Option<Kill>) -> Result<Performed, Violation> {
        if operation == Operation::FirstStart {
            let outcome = first_start(&self.subject, &self.scratch, kill, &mut self.random)?;
            return Ok(Performed { attempts: Vec::new(), outcome });
        }
        if operation == Operation::EmptiedFolder {
            let outcome = without_documents(self.world.lasting(), &self.subject, kill)?;
            return Ok(Performed { attempts: vec![Attempt::QueryRequest], outcome });
        }
        let tasks = operation.tasks(&mut self.world, &mut self.random)?;
        let attempts = tasks.iter().map(|task| task.attempt.clone()).collect();
        let outcome = perform(operation, tasks, &self.subject, kill, &mut self.facts)?;
        Ok(Performed { attempts, outcome })
    }

    /// Learns how long the work takes: from a run that ended, and from one that had not ended by then.
    fn learn(&mut self, operation: Operation, kill: Option<Kill>, outcome: &Outcome) {
        let known = self.paces.get(&operation).copied();
        let pace = match (known, outcome.lasted, kill) {
            (Some(known), Some(lasted), Some(_)) => (known + lasted) / 2,
            (_, Some(lasted), _) => lasted,
            (Some(known), None, Some(kill)) => known.max(kill.after),
            (known, None, _) => known.unwrap_or_default(),
        };
        let _before = self.paces.insert(operation, pace);
    }

    /// What a look from outside must show right after a kill.
    fn examine(&mut self, before: &Facts, attempts: &[Attempt], unsure: &[Attempt]) -> Result<(), Violation> {
        self.subject.lock_is_free()?;
        let found = self.subject.look()?;
        self.facts.compare_store(&found.store_id, found.generation)?;
        let unsure: Vec<_> = unsure.iter().collect();
        if unsure.iter().any(|attempt| cut_in_the_middle(attempt, &before.content, &found.content)) {
            self.counts.halves += 1;
        }
        let partial = self.subject.layout().backups.join(".partial");
        if unsure.contains(&&Attempt::Snapshot) && !files::is_absent_or_empty(&partial)? {
            self.counts.partials += 1;
        }
        self.counts.facts += self.facts.compare(&found.content, &unsure)?;
        self.world.agree_with(&self.facts.content.projects);
        self.counts.snapshots +=
            snapshots::examine(&self.subject, &mut self.facts, before, attempts, &mut self.random)?;
        self.counts.facts += self.facts.snapshots.len() as u64;
        Ok(())
    }

    /// The next owner opens the store and reads everything; then the store holds what lies on the disk.
    fn go_on(&mut self) -> Result<(), Violation> {
        let attempt = Attempt::Refresh(self.world.documents());
        let answer = self.subject.run(&words(&["refresh", "--all", "--allow-empty"]))?;
        self.facts.acknowledge(&attempt, &answer)?;
        let found = self.subject.look()?;
        self.facts.compare_store(&found.store_id, found.generation)?;
        self.counts.facts += self.facts.compare(&found.content, &[])?;
        Ok(())
    }

    /// The last look: answers against those of installations that were never harmed, and a snapshot brought back.
    fn end(&mut self) -> Result<(), Violation> {
        self.counts.questions += answers::compare_with_rebuilt(&self.subject, &self.world, &mut self.random)?;
        self.counts.rebuilt += 1;
        let unharmed = self.scratch.join("unharmed");
        self.counts.questions +=
            answers::compare_with_unharmed(&self.subject, &self.world, &unharmed, &mut self.random)?;
        let newest = snapshots::take(&self.subject, &mut self.facts)?;
        self.counts.snapshots += 1;
        let target = self.scratch.join("restored");
        let place = target.to_string_lossy();
        let _answer = self.subject.run(&words(&["backup", "restore", &newest, "--to", &place]))?;
        let layout = Layout::in_home(&target);
        let mut restored = examine_store(&layout.database())?;
        restored.content.projects = projects_of(&Registry::load(&layout.registry)?);
        self.counts.facts += self.facts.compare(&restored.content, &[])?;
        self.subject.is_swept()
    }
}

/// What was tried in a round, and how it ended.
struct Performed {
    attempts: Vec<Attempt>,
    outcome: Outcome,
}

/// Begins an installation of its own, kills that, and sees that it can be begun again.
fn first_start(
    subject: &Subject,
    scratch: &Path,
    kill: Option<Kill>,
    random: &mut Random,
) -> Result<Outcome, Violation> {
    let scratch = scratch.join("first-start");
    files::remove_tree(&scratch)?;
    files::create_dirs(&scratch)?;
    let subject = subject.elsewhere(&scratch);
    let mut world = World::new(scratch.join("documents"), 1);
    let mut facts = Facts::default();
    let tasks = vec![world.registration(random)?];
    let outcome = perform(Operation::ProjectAdd, tasks, &subject, kill, &mut facts)?;
    subject.lock_is_free()?;
    let found = projects_of(&Registry::load(&subject.layout().registry)?);
    let unsure: Vec<_> = outcome.unsure.iter().collect();
    let _facts = facts.compare(&Content { projects: found, ..Content::default() }, &unsure)?;
    world.agree_with(&facts.content.projects);
    let tasks = vec![world.registration(random)?];
    let _again = perform(Operation::ProjectAdd, tasks, &subject, None, &mut facts)?;
    let attempt = Attempt::Refresh(world.documents());
    facts.acknowledge(&attempt, &subject.run(&words(&["refresh", "--all", "--allow-empty"]))?)?;
    let _facts = facts.compare(&subject.look()?.content, &[])?;
    let _stamp = snapshots::take(&subject, &mut facts)?;
    Ok(outcome)
}

/// Whether a refresh had done some of its work and not all.
fn cut_in_the_middle(attempt: &Attempt, before: &Content, found: &Content) -> bool {
    let Attempt::Refresh(documents) = attempt else { return false };
    let mut after = before.clone();
    for (project, documents) in documents {
        after.hold(project, documents.clone());
    }
    found.documents != before.documents && found.documents != after.documents
}
