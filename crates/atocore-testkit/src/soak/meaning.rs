//! The same for meaning, with the real model: kills the program while it makes vectors, builds their index, switches
//! models or cuts documents anew.
//!
//! After every kill, a question is asked before anything is repaired, and then the work is finished: nothing that had a
//! vector may be embedded again.

mod counts;
mod operation;
mod questions;
mod vectors;
mod world;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_engine::{
    Access, Caller, Copier, Engine, EngineConfig, Layout, ModelChoice, Precision, RankWeights,
    ingest::ChunkLimits,
};
use atocore_model::{
    monitor::Silent,
    project::{Project, Root, RootLocation},
    ranking::Mode,
};
use atocore_storage::files;

use super::{
    Round, SoakFailure, SoakOptions, Violation,
    facts::{Attempt, Facts},
    in_rounds,
    operation::{Kill, Outcome},
    random::Random,
    subject::{StoreState, Subject, engine_config, words},
    task::Task,
};
use crate::killed::Victims;
use operation::MeaningOperation;
use vectors::Vectors;
use world::World;

pub use counts::MeaningCounts;

/// What is killed, in turn. The shortest, which is missed most often, comes twice.
const TURNS: [MeaningOperation; 9] = [
    MeaningOperation::Refresh,
    MeaningOperation::IndexBuild,
    MeaningOperation::Switch,
    MeaningOperation::ServedRechunk,
    MeaningOperation::Embed,
    MeaningOperation::IndexBuild,
    MeaningOperation::Rechunk,
    MeaningOperation::ServedRefresh,
    MeaningOperation::ServedSwitch,
];

/// Kills come as late as this part of what the work took before, so that its last moments are hit too.
const LATEST: f64 = 1.1;

/// Sizes of passages: with the first, every document is one passage.
const CHUNK_SIZES: [usize; 5] = [800, 110, 150, 190, 240];

/// How much of a passage is said again in the next.
const OVERLAP: usize = 20;

/// Kills the program until `kills` of the kills have hit it at work, and checks after each of them. The model lies
/// below its name in `models`.
///
/// `report` is told each round in one line.
///
/// # Errors
/// At the first thing that was lost, was half done and shows, was done twice, or does not work any more.
pub fn run(
    options: &SoakOptions<'_>,
    models: &Path,
    report: &mut dyn FnMut(String),
) -> Result<MeaningCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |round| soak(options, models, round, report))
}

fn soak(
    options: &SoakOptions<'_>,
    models: &Path,
    round: &mut Round,
    report: &mut dyn FnMut(String),
) -> Result<MeaningCounts, Violation> {
    let mut soak = MeaningSoak::begin(options, models)?;
    report(format!("{} documents, all embedded", soak.facts.content.count()));
    for work in TURNS.iter().cycle() {
        if soak.counts.kills.landed() >= options.kills {
            break;
        }
        *round = (round.0 + 1, work.name());
        if round.0 > 4 * options.kills + 50 {
            return Err(Violation::new(format!("after {} rounds too few kills have hit", round.0)));
        }
        let line = soak.round(*work)?;
        report(format!("{:>4}  {line}", round.0));
    }
    round.1 = "the end";
    soak.compare_with_unharmed()?;
    soak.subject.is_swept()?;
    Ok(soak.counts)
}

/// What vectors are made with, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    precision: Precision,
    chunk_size: usize,
}

impl Settings {
    fn environment(self, models: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("ATOCORE_RETRIEVAL_MODE", "hybrid".to_owned()),
            ("ATOCORE_FOLLOW", "off".to_owned()),
            ("ATOCORE_MODEL_DIR", models.to_string_lossy().into_owned()),
            ("ATOCORE_EMBEDDING_PRECISION", self.precision.to_string()),
            ("ATOCORE_CHUNK_MAX_SIZE", self.chunk_size.to_string()),
            ("ATOCORE_CHUNK_OVERLAP", OVERLAP.to_string()),
        ]
    }

    /// The same settings for an engine of this process.
    fn engine(self, layout: Layout, models: &Path) -> Result<EngineConfig, Violation> {
        let model = ModelChoice {
            precision: self.precision,
            folders: vec![models.to_owned()],
            ..ModelChoice::default()
        };
        let weights = RankWeights { mode: Mode::Hybrid, ..RankWeights::default() };
        let chunks = ChunkLimits::new(self.chunk_size, OVERLAP)?;
        Ok(EngineConfig { model, weights, chunks, ..engine_config(layout, Copier::InProcess) })
    }

    fn precision(self) -> String {
        self.precision.to_string()
    }

    /// What the store says of documents that are cut so.
    fn cut(self) -> String {
        format!(":{}:{OVERLAP}", self.chunk_size)
    }
}

/// A run of it.
#[derive(Debug)]
struct MeaningSoak {
    subject: Subject,
    models: PathBuf,
    scratch: PathBuf,
    world: World,
    settings: Settings,
    facts: Facts,
    random: Random,
    /// How long each kind of work takes.
    paces: BTreeMap<MeaningOperation, Duration>,
    counts: MeaningCounts,
}

/// What a look from outside has shown.
struct Look {
    found: StoreState,
    vectors: Vectors,
}

impl MeaningSoak {
    /// Registers the projects and embeds everything once, which also says how long that takes.
    fn begin(options: &SoakOptions<'_>, models: &Path) -> Result<Self, Violation> {
        files::create_dirs(options.scratch)?;
        let scratch = options.scratch.canonicalize()?;
        let program = options.program.canonicalize()?;
        let mut random = Random::new(options.seed);
        let mut soak = Self {
            subject: Subject::new(&program, &scratch),
            models: models.to_owned(),
            world: World::plant(&scratch.join("documents"), options.scale, &mut random)?,
            scratch,
            settings: Settings { precision: Precision::F32, chunk_size: CHUNK_SIZES[0] },
            facts: Facts::default(),
            random,
            paces: BTreeMap::new(),
            counts: MeaningCounts::default(),
        };
        soak.set(soak.settings);
        for (id, entry) in soak.world.entries() {
            let root = entry.roots.concat();
            let answer = soak.subject.run(&words(&["project", "add", &id, "--root", &root]))?;
            soak.facts.acknowledge(&Attempt::Register(id, entry), &answer)?;
        }
        soak.refresh(&["refresh", "--all", "--allow-empty", "--no-embed"])?;
        let embed = MeaningOperation::Embed.task(Attempt::Embed);
        let outcome = operation::alone(embed, &soak.subject, None, &mut soak.facts)?;
        for work in TURNS {
            let guess = outcome.lasted.unwrap_or_default().mul_f64(work.guess());
            let _before = soak.paces.insert(work, guess);
        }
        soak.finish(&[])?;
        operation::harm_index(&soak.subject, &mut soak.random)?;
        let build = MeaningOperation::IndexBuild.task(Attempt::QueryRequest);
        let outcome = operation::alone(build, &soak.subject, None, &mut soak.facts)?;
        soak.paces.extend(outcome.lasted.map(|lasted| (MeaningOperation::IndexBuild, lasted)));
        Ok(soak)
    }

    fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.subject.set(settings.environment(&self.models));
    }

    /// A refresh that nobody kills.
    fn refresh(&mut self, arguments: &[&str]) -> Result<(), Violation> {
        let answer = self.subject.run(&words(arguments))?;
        self.facts.acknowledge(&Attempt::Refresh(self.world.documents()), &answer)
    }

    /// Starts the work, kills it, looks at what is left, asks, and finishes it. Returns a line about it.
    fn round(&mut self, work: MeaningOperation) -> Result<String, Violation> {
        let settings = self.settings;
        let task = self.prepare(work)?;
        let before = self.look()?;
        let part = self.random.fraction() * LATEST;
        let pace = self.paces.get(&work).copied().unwrap_or_default();
        let victims = if self.random.one_in(2) { Victims::Process } else { Victims::Group };
        let kill = Kill { after: pace.mul_f64(part), victims };
        let outcome = self.perform(work, task, kill)?;
        self.learn(work, kill, &outcome);
        let landed = !outcome.unsure.is_empty();
        self.counts.kills.kill(work.name(), landed.then_some(part / LATEST));

        self.subject.lock_is_free()?;
        let after = self.look()?;
        let unsure: Vec<_> = outcome.unsure.iter().collect();
        self.counts.documents += self.facts.compare(&after.found.content, &unsure)?;
        self.counts.vectors +=
            after.vectors.compare(&before.vectors, &self.settings.precision(), !work.is_served())?;
        if landed {
            self.count_what_is_left(&before, &after)?;
        }
        if settings != self.settings && self.random.one_in(4) {
            // Somebody who has changed their mind.
            self.set(settings);
        }
        self.counts.questions += questions::ask_program(&self.subject, &mut self.random)?;
        self.finish(&outcome.unsure)?;
        let verb = if landed { "killed" } else { "late  " };
        let (after, pace) = (kill.after.as_millis(), pace.as_millis());
        Ok(format!("{:<32} {verb} after {after:>4} ms of {pace:>4}", work.name()))
    }

    /// Changes what the work is to find, and returns the command that does it.
    fn prepare(&mut self, work: MeaningOperation) -> Result<Task, Violation> {
        if work.rewritten() > 0.0 {
            self.world.change(work.rewritten(), &mut self.random)?;
        }
        let mut settings = self.settings;
        // Now and then both at once.
        let (switches, cuts_anew) = match (work.switches(), work.cuts_anew()) {
            (true, false) if work.is_served() => (true, self.random.one_in(3)),
            (false, true) => (self.random.one_in(4), true),
            either => either,
        };
        if switches {
            settings.precision = match settings.precision {
                Precision::F32 => Precision::Int8,
                Precision::Int8 => Precision::F32,
            };
        }
        if cuts_anew {
            let others: Vec<_> =
                CHUNK_SIZES.into_iter().filter(|size| *size != settings.chunk_size).collect();
            settings.chunk_size = self.random.pick(&others).copied().unwrap_or(settings.chunk_size);
        }
        match work {
            MeaningOperation::Embed => self.refresh(&["refresh", "--all", "--allow-empty", "--no-embed"])?,
            MeaningOperation::IndexBuild => operation::harm_index(&self.subject, &mut self.random)?,
            _ => {}
        }
        self.set(settings);
        Ok(work.task(Attempt::Refresh(self.world.documents())))
    }

    fn perform(&mut self, work: MeaningOperation, task: Task, kill: Kill) -> Result<Outcome, Violation> {
        if work.is_served() {
            let precision = self.settings.precision();
            operation::served(task, &self.subject, &precision, kill, &mut self.facts)
        } else {
            operation::alone(task, &self.subject, Some(kill), &mut self.facts)
        }
    }

    /// Learns how long the work takes: from a run that ended, and from one that had not ended by then.
    fn learn(&mut self, work: MeaningOperation, kill: Kill, outcome: &Outcome) {
        let pace = self.paces.entry(work).or_default();
        *pace = outcome.lasted.map_or((*pace).max(kill.after), |lasted| (*pace + lasted) / 2);
    }

    /// Looks at a copy of the store; nobody has changed its history meanwhile.
    fn look(&mut self) -> Result<Look, Violation> {
        let (found, vectors) = self.subject.look_closer(Vectors::read)?;
        self.facts.compare_store(&found.store_id, found.generation)?;
        Ok(Look { found, vectors })
    }

    fn count_what_is_left(&mut self, before: &Look, after: &Look) -> Result<(), Violation> {
        let precision = self.settings.precision();
        let (then, now) = (before.vectors.todo(&precision), after.vectors.todo(&precision));
        self.counts.halves += u64::from(now.missing > 0 && now.embedded > then.embedded);
        self.counts.two_models += u64::from(after.vectors.is_switching());
        self.counts.waiting += u64::from(after.vectors.waiting > 0);
        let config = self.settings.engine(self.subject.layout(), &self.models)?;
        let reader = Engine::open(config, Access::Read, &Silent)?;
        self.counts.index_behind += u64::from(!reader.is_current()?);
        Ok(())
    }

    /// Finishes what was killed, without doing anything twice, and sees that all is as if nothing had happened.
    fn finish(&mut self, unsure: &[Attempt]) -> Result<(), Violation> {
        let before = self.look()?;
        self.embed(&before.vectors)?;
        let mut now = self.look()?;
        let precision = self.settings.precision();
        now.vectors.is_finished(&precision)?;
        self.counts.vectors += now.vectors.compare(&before.vectors, &precision, true)?;
        let stored = !unsure.iter().any(|attempt| matches!(attempt, Attempt::Refresh(_)));
        if !(stored && now.vectors.are_cut(&self.settings.cut())) {
            let embedded = now;
            self.refresh(&["refresh", "--all", "--allow-empty"])?;
            now = self.look()?;
            now.vectors.is_finished(&precision)?;
            self.counts.vectors += now.vectors.compare(&embedded.vectors, &precision, true)?;
        }
        self.counts.documents += self.facts.compare(&now.found.content, &[])?;
        if !now.vectors.are_cut(&self.settings.cut()) {
            return Err(Violation::new("some documents are not cut as the settings say".to_owned()));
        }
        let config = self.settings.engine(self.subject.layout(), &self.models)?;
        self.counts.compared += questions::compare_with_rebuilt(&config)?;
        self.counts.rebuilt += 1;
        Ok(())
    }

    /// Makes the vectors that are missing, and no others.
    fn embed(&self, before: &Vectors) -> Result<(), Violation> {
        let todo = before.todo(&self.settings.precision());
        let answer = self.subject.run(&words(&["embed"]))?;
        let number = |name: &str| answer[name].as_u64().unwrap_or(u64::MAX);
        let (embedded, kept) = (number("embedded"), number("kept"));
        if kept != todo.embedded || embedded > todo.missing || embedded < todo.texts {
            return Err(Violation::new(format!("there was {todo:?} to embed, and `embed` says {answer}")));
        }
        let again = self.subject.run(&words(&["embed"]))?;
        if again["embedded"] != 0 || again["switched"] != false {
            return Err(Violation::new(format!("there was nothing left to embed, and `embed` says {again}")));
        }
        Ok(())
    }

    /// Compares vectors and answers with those of an installation that has ingested the same documents at once.
    fn compare_with_unharmed(&mut self) -> Result<(), Violation> {
        let home = self.scratch.join("unharmed");
        let config = self.settings.engine(Layout::in_home(&home), &self.models)?;
        let engine =
            Engine::open(config.clone(), Access::Own { activity: "soak".to_owned(), socket: None }, &Silent)?;
        for (id, entry) in self.world.entries() {
            let location = RootLocation::Folder(Path::new(&entry.roots.concat()).canonicalize()?);
            let root = Root { location, label: String::new() };
            let project = Project {
                id: id.parse()?,
                aliases: Vec::new(),
                description: String::new(),
                roots: vec![root],
            };
            let _project = engine.add_project(project, Caller::Local)?;
            let _report = engine.refresh(&id.parse()?, Caller::Local, &Silent)?;
        }
        let _report = engine.embed(&Silent)?;
        let expected = questions::seen(&questions::ask_engine(&engine)?);
        drop(engine);
        let unharmed = Vectors::read(&config.layout.database())?;
        self.counts.unharmed = self.look()?.vectors.are_those_of(&unharmed)?;
        let own = self.settings.engine(self.subject.layout(), &self.models)?;
        let survivor = questions::seen(&questions::ask_engine(&questions::own(&own)?)?);
        if survivor != expected {
            let message =
                format!("the questions are answered with\n{survivor:#?}\n  unharmed with\n{expected:#?}");
            return Err(Violation::new(message));
        }
        Ok(())
    }
}
