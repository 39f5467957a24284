//! Lets every call that opens, writes, syncs, renames or removes a file fail, one at a time, while snapshots are taken
//! and restored.
//!
//! `strace` does it, so calls of SQLite and of the process that copies fail too. What cannot be written ends the work
//! with a reason and a hint, or does not matter; nothing is lost, nothing partial is listed, and the next attempt
//! succeeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Round, SoakFailure, Violation, in_rounds,
    power::{
        Scene,
        promises::{Look, Promise, look},
        scene::Stage,
    },
    random::Random,
};
use crate::powercut::{Call, Fault, Image, record, record_with};

/// Which calls fail, in the course of what.
#[derive(Debug, Clone)]
pub struct FailingOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// In the course of which work; all of [`Scene::WITH_STORE`] can be.
    pub scenes: &'a [Scene],
    /// How many calls fail in each; 0 for all.
    pub faults: usize,
    /// Determines which ones.
    pub seed: u64,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// What failed, and how it was borne.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailingCounts {
    scenes: BTreeMap<Scene, SceneCounts>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SceneCounts {
    /// Faults that hit.
    hit: u64,
    /// How often the work ended with an error.
    refused: u64,
    /// How often it was done all the same.
    done: u64,
    /// By the call that failed.
    calls: BTreeMap<String, u64>,
    /// By the code of the error.
    codes: BTreeMap<String, u64>,
}

impl FailingCounts {
    /// How many calls were made to fail.
    #[must_use]
    pub fn hit(&self) -> u64 {
        self.scenes.values().map(|scene| scene.hit).sum()
    }

    /// How often the work ended with an error for it.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.scenes.values().map(|scene| scene.refused).sum()
    }
}

impl fmt::Display for FailingCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |of: &BTreeMap<String, u64>| {
            of.iter().map(|(name, times)| format!("{name} {times}")).collect::<Vec<_>>().join(", ")
        };
        for (scene, counts) in &self.scenes {
            let SceneCounts { hit, refused, done, calls, codes } = counts;
            writeln!(f, "{:<16} {hit} calls failed: {}", scene.name(), list(calls))?;
            writeln!(f, "  {done} times it was done all the same, {refused} times refused: {}", list(codes))?;
        }
        write!(
            f,
            "{} calls failed, nothing lost, nothing partial listed, every next attempt succeeded",
            self.hit()
        )
    }
}

/// Lets one call after the other fail, and checks each time what became of it.
///
/// `report` is told each piece of work in one line.
///
/// # Errors
/// At the first fault that breaks a promise; and when the work cannot be recorded.
pub fn run(
    options: &FailingOptions<'_>,
    report: &mut dyn FnMut(String),
) -> Result<FailingCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| soak(options, at, report))
}

fn soak(
    options: &FailingOptions<'_>,
    at: &mut Round,
    report: &mut dyn FnMut(String),
) -> Result<FailingCounts, Violation> {
    let stage = Stage::build(&options.program, options.scratch)?;
    let mut counts = FailingCounts::default();
    let mut random = Random::new(options.seed);
    for scene in options.scenes {
        *at = (0, scene.name());
        let work = FailingScene::prepare(&stage, *scene)?;
        let mut faults = work.faults.clone();
        while options.faults > 0 && faults.len() > options.faults {
            let _spared = faults.swap_remove(random.below(faults.len()));
        }
        let mut found = SceneCounts::default();
        for fault in &faults {
            at.0 += 1;
            let in_words = |violation| {
                let Fault { name, turn, error } = fault;
                Violation::new(format!("{error} in call {turn} of `{name}`: {violation}"))
            };
            work.fail(&stage, fault, &mut found).map_err(in_words)?;
        }
        report(format!("{:<16} {} calls failed", scene.name(), found.hit));
        let _before = counts.scenes.insert(*scene, found);
    }
    Ok(counts)
}

/// A piece of work, the installation that it begins with, and what can fail in it.
struct FailingScene {
    scene: Scene,
    begin: Image,
    promise: Promise,
    faults: Vec<Fault>,
}

impl FailingScene {
    fn prepare(stage: &Stage, scene: Scene) -> Result<Self, Violation> {
        let begin = stage.prepare(scene)?;
        let before = look(stage.home())?.seen;
        stage.put(&begin)?;
        let restored = stage.restored(scene)?;
        let command = stage.subject.command(&stage.arguments(scene));
        let recording = record(&command, stage.home(), &stage.log())?;
        if !recording.output.status.success() {
            return Err(Violation::new(format!("the work fails without a fault: {:?}", recording.output)));
        }
        let after = look(stage.home())?.seen;
        let faults = faults(&recording.calls);
        Ok(Self { scene, begin, promise: Promise { before, after, is_first: false, restored }, faults })
    }

    fn fail(&self, stage: &Stage, fault: &Fault, counts: &mut SceneCounts) -> Result<(), Violation> {
        stage.put(&self.begin)?;
        let arguments = stage.arguments(self.scene);
        let command = stage.subject.command(&arguments);
        let failed = record_with(&command, stage.home(), &stage.log(), Some(fault))?;
        let Some(call) = failed.calls.iter().find(|call| call.injected) else { return Ok(()) };
        let in_words = |violation| Violation::new(format!("on `{}`: {violation}", call.path.display()));
        let (stdout, stderr) =
            (String::from_utf8_lossy(&failed.output.stdout), String::from_utf8_lossy(&failed.output.stderr));
        if stderr.contains("panicked") {
            return Err(in_words(Violation::new(format!("the program panicked: {stderr}"))));
        }
        let is_lost = stderr.contains(ANSWER_LOST);
        let succeeded = failed.output.status.success();
        counts.hit += 1;
        *counts.calls.entry(format!("{} {}", call.name, fault.error)).or_default() += 1;
        if succeeded {
            counts.done += 1;
        } else if is_lost {
            counts.refused += 1;
            *counts.codes.entry("answer lost".to_owned()).or_default() += 1;
        } else {
            counts.refused += 1;
            let code = told(failed.output.status.code(), &stdout, &stderr).map_err(in_words)?;
            *counts.codes.entry(code).or_default() += 1;
        }
        let found = look(stage.home()).map_err(in_words)?;
        let done = succeeded || is_lost && self.seems_done(&found);
        self.holds(&found, done).map_err(in_words)?;
        let _answer = stage.subject.run(&arguments).map_err(in_words)?;
        let _again = look(stage.home()).map_err(in_words)?;
        Ok(())
    }

    /// Whether the work was done, where its answer does not tell.
    fn seems_done(&self, found: &Look) -> bool {
        let Promise { before, .. } = &self.promise;
        match self.scene {
            Scene::FirstSnapshot | Scene::Snapshot | Scene::Import => {
                !found.seen.stamps.is_subset(&before.stamps)
            }
            _ => self.promise.is_after(&found.seen.state),
        }
    }

    /// Whether what is seen is what must be after the work was done, or was refused.
    fn holds(&self, found: &Look, done: bool) -> Result<(), Violation> {
        let Promise { before, after, .. } = &self.promise;
        let seen = &found.seen;
        let kept = |stamp| seen.stamps.contains(stamp) || !after.stamps.contains(stamp);
        if let Some(lost) = before.stamps.iter().find(|stamp| !kept(stamp)) {
            return Err(Violation::new(format!("the snapshot {lost} is gone")));
        }
        let goes_back = matches!(self.scene, Scene::Restore | Scene::RestoreWithoutRegistry | Scene::Undo);
        // A restore whose line in the log cannot be written is done, and says so.
        let is_after = self.promise.is_after(&seen.state);
        let is_before = seen.state.resembles(&before.state);
        if !(is_after || is_before && !(done && goes_back)) {
            return Err(Violation::new(format!(
                "the state is neither the one before nor the one after: {}",
                seen.state.differences(if done { &after.state } else { &before.state })
            )));
        }
        let new: BTreeSet<_> = seen.stamps.difference(&before.stamps).collect();
        let expected = match self.scene {
            Scene::FirstSnapshot | Scene::Snapshot | Scene::Import => new.len() == usize::from(done),
            Scene::Restore | Scene::RestoreWithoutRegistry | Scene::Undo => new.len() <= 1,
            // What cannot be looked at when snapshots are removed is left alone and named.
            Scene::FirstWrite | Scene::Prune => new.is_empty(),
        };
        if expected {
            Ok(())
        } else {
            Err(Violation::new(format!(
                "it ended with {}, and new in the list are {new:?}",
                if done { "success" } else { "an error" }
            )))
        }
    }
}

/// What the program says when its output fails. A fault fails that call of every thread, and of one of them it may be that
/// which writes the answer.
const ANSWER_LOST: &str = "the answer could not be printed";

/// The error that was told, which must name a cause and a hint.
fn told(exit: Option<i32>, stdout: &str, stderr: &str) -> Result<String, Violation> {
    let unclear = |what: &str| Violation::new(format!("the error {what} ({exit:?}): {stdout} {stderr}"));
    let problem: Value = serde_json::from_str(stdout).map_err(|_| unclear("is no problem as JSON"))?;
    if exit == Some(2) {
        // Finished with problems: what could not be done is listed with its reason.
        let failed = problem.get("failed").and_then(Value::as_array);
        let reason =
            |one: &Value| one.get("reason").and_then(Value::as_str).is_some_and(|reason| !reason.is_empty());
        return match failed {
            Some(failed) if !failed.is_empty() && failed.iter().all(reason) => Ok("in part".to_owned()),
            _ => Err(unclear("does not say what was left undone, and why")),
        };
    }
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("code").is_empty() || text("detail").is_empty() {
        return Err(unclear("has no code or no detail"));
    }
    if text("hint").is_empty() {
        return Err(unclear("names no hint"));
    }
    Ok(text("code").to_owned())
}

/// Every call that can fail, once for each way in which it does.
fn faults(calls: &[Call]) -> Vec<Fault> {
    let mut known = BTreeSet::new();
    let mut faults = Vec::new();
    for Call { name, turn, .. } in calls {
        if !known.insert((name, turn)) {
            continue;
        }
        let errors: &[&str] = match name.as_str() {
            "unlink" | "unlinkat" | "rmdir" => &["EIO"],
            _ => &["EIO", "ENOSPC"],
        };
        faults.extend(errors.iter().map(|error| Fault { name: name.clone(), turn: *turn, error }));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_hint_is_noticed() {
        let with =
            |hint: &str| format!("{{\"code\":\"disk_full\",\"detail\":\"no room\",\"hint\":\"{hint}\"}}");
        assert_eq!(told(Some(1), &with("make room"), "").unwrap(), "disk_full");
        assert!(told(Some(1), &with(""), "").is_err());
        assert!(told(Some(1), "", "No space left").is_err());
        assert!(told(Some(2), "{\"failed\":[]}", "").is_err());
        assert_eq!(told(Some(2), "{\"failed\":[{\"reason\":\"busy\"}]}", "").unwrap(), "in part");
    }

    #[test]
    fn every_call_fails_once_in_each_way() {
        let call =
            |name: &str, turn| Call { name: name.to_owned(), turn, path: PathBuf::new(), injected: false };
        let faults = faults(&[call("fsync", 1), call("fsync", 1), call("unlink", 2)]);
        let named: Vec<_> =
            faults.iter().map(|fault| (fault.name.as_str(), fault.turn, fault.error)).collect();
        assert_eq!(named, [("fsync", 1, "EIO"), ("fsync", 1, "ENOSPC"), ("unlink", 2, "EIO")]);
    }
}
