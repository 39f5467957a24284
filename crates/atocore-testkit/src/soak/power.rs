//! Cuts the power at every step of what must never lose anything: the first write, taking a snapshot, restoring one
//! and undoing that, taking one in from an archive, and removing some.
//!
//! The real program does the work once and is recorded; see [`crate::powercut`]. Every state in which the disk can then
//! be found is opened by the engine, in a folder of its own.

pub(super) mod promises;
pub(super) mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use atocore_engine::RecoveryOutcome;
use atocore_storage::files;

use super::{Round, SoakFailure, Violation, in_rounds, random::Random};
use crate::powercut::{Disk, Loss, Step, record};
use promises::{Promise, go_on, is_told, look};
use scene::Stage;

pub use scene::Scene;

/// In a small run, so many states are opened for each in which another snapshot is taken.
const WORRIED_EVERY: u64 = 5;

/// Where the power is cut, and how.
#[derive(Debug, Clone)]
pub struct PowerOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// In the course of which work.
    pub scenes: &'a [Scene],
    /// How many states are drawn by lot for each step; 0 for one state each, of a kind that changes from step to step.
    pub states: u64,
    /// Determines what is drawn by lot.
    pub seed: u64,
    /// The program is taken for one that never syncs what lies at one of these paths; `**/a` is an `a` in any folder. For
    /// tests of this test.
    pub forgotten: &'a [&'a str],
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// What was cut short, and found good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PowerCounts {
    scenes: BTreeMap<Scene, SceneCounts>,
}

/// The same for one piece of work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SceneCounts {
    /// Steps that change something, each followed by a cut.
    steps: u64,
    /// Different states of the disk that were opened.
    states: u64,
    /// How many of them showed the state before, and the one after.
    before: u64,
    after: u64,
    /// How often a restore was finished, or given up.
    finished: u64,
    given_up: u64,
}

impl PowerCounts {
    /// How many different states of the disk were opened.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.scenes.values().map(|scene| scene.states).sum()
    }

    /// How many restores were finished, and how many given up.
    #[must_use]
    pub fn recovered(&self) -> (u64, u64) {
        let sum = |of: fn(&SceneCounts) -> u64| self.scenes.values().map(of).sum();
        (sum(|scene| scene.finished), sum(|scene| scene.given_up))
    }
}

impl fmt::Display for PowerCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [steps, states, before, after, finished, given_up] =
            ["steps", "states", "before", "after", "finished", "given up"];
        writeln!(
            f,
            "{:<16} {steps:>6} {states:>7} {before:>7} {after:>7} {finished:>9} {given_up:>9}",
            "power cut"
        )?;
        for (scene, counts) in &self.scenes {
            let SceneCounts { steps, states, before, after, finished, given_up } = counts;
            let name = scene.name();
            writeln!(
                f,
                "  {name:<14} {steps:>6} {states:>7} {before:>7} {after:>7} {finished:>9} {given_up:>9}"
            )?;
        }
        write!(f, "{} states of the disk opened, nothing lost, nothing partial listed", self.states())
    }
}

/// Cuts the power after every step, and checks what is left each time.
///
/// `report` is told each piece of work in one line.
///
/// # Errors
/// At the first state that breaks a promise; and when the work cannot be recorded.
pub fn run(options: &PowerOptions<'_>, report: &mut dyn FnMut(String)) -> Result<PowerCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| soak(options, at, report))
}

fn soak(
    options: &PowerOptions<'_>,
    at: &mut Round,
    report: &mut dyn FnMut(String),
) -> Result<PowerCounts, Violation> {
    let stage = Stage::build(&options.program, options.scratch)?;
    let mut counts = PowerCounts::default();
    let mut random = Random::new(options.seed);
    for scene in options.scenes {
        *at = (0, scene.name());
        let work = RecordedScene::record(&stage, *scene, options.forgotten)?;
        let found = work.cut_everywhere(&stage, options.states, &mut random, &mut at.0)?;
        report(format!("{:<16} {} steps, {} states", scene.name(), found.steps, found.states));
        let _before = counts.scenes.insert(*scene, found);
    }
    Ok(counts)
}

/// A piece of work, recorded.
struct RecordedScene {
    scene: Scene,
    disk: Disk,
    /// The step from which on it counts as acknowledged.
    said: usize,
    promise: Promise,
}

impl RecordedScene {
    fn record(stage: &Stage, scene: Scene, forgotten: &[&str]) -> Result<Self, Violation> {
        let before = stage.prepare(scene)?;
        let (mut disk, mut forgetful) = (Disk::of(stage.home())?, Disk::of(stage.home())?);
        let restored = stage.restored(scene)?;
        let command = stage.subject.command(&stage.arguments(scene));
        let recording = record(&command, stage.home(), &stage.log())?;
        if !recording.output.status.success() {
            return Err(Violation::new(format!("the work fails without a cut: {:?}", recording.output)));
        }
        for step in &recording.steps {
            disk.apply(step)?;
            let is = |path: &Path, named: &str| {
                named.strip_prefix("**/").map_or(path == Path::new(named), |end| path.ends_with(end))
            };
            let forgot = |path: &Path| forgotten.iter().any(|named| is(path, named));
            match step {
                Step::Sync(path) if forgot(path) => forgetful.apply(&Step::Said)?,
                _ => forgetful.apply(step)?,
            }
        }
        let after = crate::powercut::Image::read(stage.home())?;
        if let Some(path) = disk.now().difference(&after) {
            let what = format!("the recording is not what has happened: `{}` differs", path.display());
            return Err(Violation::new(what));
        }
        let said = recording.steps.iter().position(|step| *step == Step::Said);
        let said = said.ok_or_else(|| Violation::new("the work was never acknowledged".to_owned()))?;
        let seen = |image: &crate::powercut::Image| {
            let place = stage.scratch().join("state");
            files::remove_tree(&place)?;
            image.write_to(&place)?;
            Ok::<_, Violation>(look(&place)?.seen)
        };
        let is_first = scene == Scene::FirstWrite;
        let promise = Promise { before: seen(&before)?, after: seen(&after)?, is_first, restored };
        Ok(Self { scene, disk: forgetful, said, promise })
    }

    fn cut_everywhere(
        &self,
        stage: &Stage,
        states: u64,
        random: &mut Random,
        at: &mut u64,
    ) -> Result<SceneCounts, Violation> {
        let fixed = [Loss::Everything, Loss::Content, Loss::Names, Loss::Bytes, Loss::Nothing];
        let mut counts = SceneCounts::default();
        let mut known = BTreeSet::new();
        let place = stage.scratch().join("state");
        for cut in 0..=self.disk.steps() {
            *at = cut as u64;
            counts.steps += 1;
            let mut losses: Vec<Loss> = (0..states.max(1)).map(|_| Loss::Some(random.next())).collect();
            if states == 0 {
                let turn = cut % (fixed.len() + 1);
                losses = fixed.get(turn).map_or(losses, |loss| vec![*loss]);
                losses.push(Loss::Everything);
            } else {
                losses.extend(fixed);
            }
            for loss in losses {
                let image = self.disk.after_cut(cut, loss);
                // The same state before and after the acknowledgement is two promises.
                let acknowledged = cut > self.said;
                if !known.insert((image.digest(), acknowledged)) {
                    continue;
                }
                files::remove_tree(&place)?;
                image.write_to(&place)?;
                let in_words = |violation: Violation| {
                    Violation::new(format!(
                        "the power cut after step {cut} of {} ({loss:?}): {violation}",
                        self.disk.steps()
                    ))
                };
                let found = look(&place).map_err(in_words)?;
                self.promise.holds(&found.seen, acknowledged).map_err(in_words)?;
                is_told(&image, &found.recovered).map_err(in_words)?;
                if states > 0 || counts.states.is_multiple_of(WORRIED_EVERY) {
                    go_on(&place).map_err(in_words)?;
                }
                counts.states += 1;
                counts.before += u64::from(self.promise.is_before(&found.seen));
                counts.after += u64::from(found.seen == self.promise.after);
                counts.finished += u64::from(matches!(found.recovered, RecoveryOutcome::Finished(_)));
                counts.given_up += u64::from(found.recovered == RecoveryOutcome::RolledBack);
            }
        }
        if counts.before == 0 || counts.after == 0 {
            let what = format!("`{}` was never cut before its end, or never after it", self.scene.name());
            return Err(Violation::new(what));
        }
        Ok(counts)
    }
}
