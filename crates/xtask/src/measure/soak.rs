//! `cargo xtask soak`: kills the release binary at random moments and looks for losses, first with documents and
//! snapshots, then while vectors are made; takes recovery points beside writers that change everything in step; and cuts
//! the power and lets calls fail while snapshots are taken and restored.

use std::{fmt, io, path::PathBuf};

use atocore_engine::{Copier, SystemClock};
use atocore_model::time::Clock;
use atocore_testkit::{
    model,
    soak::{
        self, SoakFailure, SoakOptions,
        failing::{self, FailingOptions},
        following::{self, FollowOptions},
        meaning,
        mutants::{self, MutantOptions},
        points::{self, PointOptions},
        power::{self, PowerOptions, Scene},
        questions::{self, QuestionOptions},
        recovery,
    },
};
use serde_json::Value;

use crate::{
    failure::Failure,
    process::{cargo, output_of},
    terminal,
};

const USAGE: &str = "usage: cargo xtask soak [--only documents|meaning|recovery|points|power|failing|mutants|following|questions] [--kills N] [--points N] [--states N] [--faults N] [--mutants N] [--rounds N] [--questions N] [--seed S] [--program FILE]";

/// The soaks, one after the other: three that kill, one that takes recovery points, one that cuts the power, one that lets
/// calls fail, one that damages documents, one that changes files under a server that follows them, and one that asks meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SoakKind {
    Documents,
    Meaning,
    Recovery,
    Points,
    Power,
    Failing,
    Mutants,
    Following,
    Questions,
}

impl SoakKind {
    const ALL: [Self; 9] = [
        Self::Documents,
        Self::Meaning,
        Self::Recovery,
        Self::Points,
        Self::Power,
        Self::Failing,
        Self::Mutants,
        Self::Following,
        Self::Questions,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Meaning => "meaning",
            Self::Recovery => "recovery",
            Self::Points => "points",
            Self::Power => "power",
            Self::Failing => "failing",
            Self::Mutants => "mutants",
            Self::Following => "following",
            Self::Questions => "questions",
        }
    }

    /// Kills, recovery points, states that are drawn for each step, or calls that fail in each piece of work (0 for all of
    /// them): what the issues ask for. A kill of the second takes some seconds more.
    const fn times(self) -> u64 {
        match self {
            Self::Documents => 200,
            Self::Meaning => 60,
            Self::Recovery => 1000,
            Self::Points => 2000,
            Self::Power => 8,
            Self::Failing => 0,
            Self::Mutants => 200,
            Self::Following => 100,
            Self::Questions => 100_000,
        }
    }

    /// Long enough work for kills to hit its middle: some thousand documents, or some hundred that are embedded.
    const fn scale(self) -> usize {
        match self {
            Self::Documents => 5,
            Self::Meaning => 2,
            Self::Following => 3_000,
            Self::Recovery | Self::Points | Self::Power | Self::Failing | Self::Mutants | Self::Questions => {
                1
            }
        }
    }

    /// The flag that says how many times.
    const fn flag(self) -> &'static str {
        match self {
            Self::Documents | Self::Meaning | Self::Recovery => "--kills",
            Self::Points => "--points",
            Self::Power => "--states",
            Self::Failing => "--faults",
            Self::Mutants => "--mutants",
            Self::Following => "--rounds",
            Self::Questions => "--questions",
        }
    }

    /// What is true when it has found nothing.
    const fn verdict(self) -> &'static str {
        match self {
            Self::Documents => "nothing acknowledged was lost",
            Self::Meaning => "no vector was lost or made twice",
            Self::Recovery => {
                "nothing acknowledged was lost by a restore, and no snapshot was left half done"
            }
            Self::Points => "database, registry and vectors agree in every recovery point",
            Self::Power => "no power cut lost anything or left anything partial in the list",
            Self::Failing => "every failing call was tolerated, or reported with a hint",
            Self::Mutants => "every damaged document cost itself at most",
            Self::Following => "what was followed is what is read anew",
            Self::Questions => "no answer had a file that was gone, or gave out as current what was not",
        }
    }

    /// What is done how many times.
    const fn what(self) -> &'static str {
        match self {
            Self::Documents | Self::Meaning | Self::Recovery => "kills",
            Self::Points => "recovery points",
            Self::Power => "drawn states for each step",
            Self::Failing => "failing calls in each piece of work (0: all)",
            Self::Mutants => "mutants of each document",
            Self::Following => "rounds of changes",
            Self::Questions => "questions",
        }
    }

    /// What was asked for, or else what the issues ask for.
    fn times_of(self, wanted: &Wanted) -> u64 {
        let asked = match self {
            Self::Documents | Self::Meaning | Self::Recovery => wanted.kills,
            Self::Points => wanted.points,
            Self::Power => wanted.states,
            Self::Failing => wanted.faults,
            Self::Mutants => wanted.mutants,
            Self::Following => wanted.rounds,
            Self::Questions => wanted.questions,
        };
        asked.unwrap_or_else(|| self.times())
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    parts: Vec<SoakKind>,
    kills: Option<u64>,
    points: Option<u64>,
    states: Option<u64>,
    faults: Option<u64>,
    mutants: Option<u64>,
    rounds: Option<u64>,
    questions: Option<u64>,
    seed: Option<u64>,
    program: Option<PathBuf>,
}

/// Runs it with `[--only PART] [--kills N] [--points N] [--states N] [--faults N] [--mutants N] [--seed S] [--program FILE]`.
///
/// # Errors
/// The arguments are wrong, the program cannot be built, or something was lost.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let seed = wanted.seed.unwrap_or_else(|| SystemClock.now().get().as_second().unsigned_abs());
    let mut program = wanted.program.clone();
    for part in wanted.parts.iter().copied() {
        let times = part.times_of(&wanted);
        if part == SoakKind::Points {
            // Nothing is killed, so this process does it; what copies is this program too.
            let own = std::env::current_exe().map_err(|error| no_scratch(&error))?;
            soak(part, times, seed, own)?;
            continue;
        }
        let program = match &program {
            Some(program) => program,
            None => program.insert(build()?),
        };
        soak(part, times, seed, program.clone())?;
    }
    Ok(())
}

fn soak(part: SoakKind, times: u64, seed: u64, program: PathBuf) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(|error| no_scratch(&error))?;
    let again = format!("--only {} {} {times} --seed {seed}", part.name(), part.flag());
    terminal::note(&format!("{times} {} of {}; to repeat it: {again}", part.what(), program.display()));
    let report = &mut |line: String| terminal::line(&line);
    let copier = Copier::Child { program: program.clone(), arguments: vec![super::COPY_PAGES.to_owned()] };
    let (scratch_dir, tested) = (scratch.path(), program.clone());
    let options = SoakOptions { program, kills: times, seed, scale: part.scale(), scratch: scratch.path() };
    let done = match part {
        SoakKind::Documents => said(soak::run(&options, report)),
        SoakKind::Meaning => said(meaning::run(&options, &model::folder(), report)),
        SoakKind::Recovery => said(recovery::run(&options, report)),
        SoakKind::Points => {
            let options = PointOptions { copier, points: times, seed, scratch: scratch.path() };
            said(points::run(&options, report))
        }
        SoakKind::Power => {
            let (program, scratch) = (tested, scratch_dir);
            let scenes = &Scene::ALL;
            let options = PowerOptions { program, scenes, states: times, seed, forgotten: &[], scratch };
            said(power::run(&options, report))
        }
        SoakKind::Failing => {
            let (program, scratch) = (tested, scratch_dir);
            let faults = usize::try_from(times).unwrap_or(usize::MAX);
            let options = FailingOptions { program, scenes: &Scene::WITH_STORE, faults, seed, scratch };
            said(failing::run(&options, report))
        }
        SoakKind::Mutants => {
            let (program, scratch) = (tested, scratch_dir);
            said(mutants::run(&MutantOptions { program, mutants: times, seed, scratch }, report))
        }
        SoakKind::Following => {
            // Once with many files, and once with fewer for which vectors are made too.
            let models = model::folder();
            let mut run = |folder: &str, files, models| {
                let scratch = &scratch_dir.join(folder);
                let program = tested.clone();
                let options = FollowOptions { program, rounds: times, files, seed, models, scratch };
                said(following::run(&options, report))
            };
            let many = run("many", part.scale(), None);
            many.and_then(|many| {
                Ok(format!("{many}; with vectors: {}", run("vectors", part.scale() / 10, Some(&models))?))
            })
        }
        SoakKind::Questions => {
            let (program, scratch) = (tested, scratch_dir);
            said(questions::run(&QuestionOptions { program, questions: times, seed, scratch }))
        }
    };
    match done {
        Ok(counts) => {
            terminal::line(&counts);
            terminal::good("soak:", part.verdict());
            Ok(())
        }
        Err(failure) => {
            let _kept = scratch.keep();
            let hint = format!("the same seed draws the same work: cargo xtask soak {again}");
            Err(Failure::failed(failure.to_string()).with_hint(hint))
        }
    }
}

fn said(done: Result<impl fmt::Display, SoakFailure>) -> Result<String, SoakFailure> {
    done.map(|counts| counts.to_string())
}

fn wanted(args: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted {
        parts: SoakKind::ALL.to_vec(),
        kills: None,
        points: None,
        states: None,
        faults: None,
        mutants: None,
        rounds: None,
        questions: None,
        seed: None,
        program: None,
    };
    let mut rest = args.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next();
        let number = || {
            let number = value.and_then(|value| value.parse().ok());
            number.ok_or_else(|| Failure::usage(format!("`{flag}` needs a number")).with_hint(USAGE))
        };
        match flag.as_str() {
            "--kills" => wanted.kills = Some(number()?),
            "--points" => wanted.points = Some(number()?),
            "--states" => wanted.states = Some(number()?),
            "--faults" => wanted.faults = Some(number()?),
            "--mutants" => wanted.mutants = Some(number()?),
            "--rounds" => wanted.rounds = Some(number()?),
            "--questions" => wanted.questions = Some(number()?),
            "--seed" => wanted.seed = Some(number()?),
            "--only" => {
                let part =
                    SoakKind::ALL.into_iter().find(|part| value.is_some_and(|value| value == part.name()));
                let unknown = || {
                    let names = SoakKind::ALL.map(|part| format!("`{}`", part.name())).join(", ");
                    Failure::usage(format!("`--only` needs one of {names}")).with_hint(USAGE)
                };
                wanted.parts = vec![part.ok_or_else(unknown)?];
            }
            "--program" => {
                let missing = || Failure::usage("`--program` needs a file").with_hint(USAGE);
                wanted.program = Some(value.ok_or_else(missing)?.into());
            }
            other => {
                return Err(Failure::usage(format!("soak does not understand `{other}`")).with_hint(USAGE));
            }
        }
    }
    Ok(wanted)
}

/// Builds the optimised program and returns where it lies.
fn build() -> Result<PathBuf, Failure> {
    let arguments = ["build", "--release", "-p", "atocore", "--bin", "atocore", "--message-format=json"];
    let said = output_of(&mut cargo(&arguments))?;
    let mut programs = said.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    programs.next_back().ok_or_else(|| Failure::failed("cargo does not say where it has built `atocore`"))
}

fn no_scratch(error: &io::Error) -> Failure {
    Failure::failed(format!("there is no scratch folder: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(args: &[&str]) -> Result<Wanted, Failure> {
        wanted(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn parts_kills_and_seed_can_be_given() {
        let all = Wanted {
            parts: SoakKind::ALL.to_vec(),
            kills: None,
            points: None,
            states: None,
            faults: None,
            mutants: None,
            rounds: None,
            questions: None,
            seed: None,
            program: None,
        };
        assert_eq!(given(&[]).unwrap(), all);
        let some = Wanted { parts: vec![SoakKind::Meaning], kills: Some(3), seed: Some(7), ..all };
        assert_eq!(given(&["--seed", "7", "--only", "meaning", "--kills", "3"]).unwrap(), some);
        let points = given(&["--only", "points", "--points", "40"]).unwrap();
        assert_eq!((points.parts, points.points), (vec![SoakKind::Points], Some(40)));
        let failing = given(&["--only", "failing", "--faults", "7", "--states", "3"]).unwrap();
        assert_eq!((failing.parts[0].times_of(&failing), SoakKind::Power.times_of(&failing)), (7, 3));
        let other = given(&["--program", "/p/atocore"]).unwrap();
        assert_eq!(other.program, Some(PathBuf::from("/p/atocore")));
        for wrong in
            [&["--kills"][..], &["--kills", "many"], &["--often"], &["--only", "words"], &["--program"]]
        {
            assert_eq!(given(wrong).unwrap_err().exit, 64, "{wrong:?}");
        }
    }
}
