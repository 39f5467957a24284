//! `cargo xtask check`: what must be true of every commit. CI runs this and nothing else.
//!
//! The steps run in order and the first failure ends the run. Nothing is ever skipped: what a test needs and does
//! not find is a failure of the first step.

mod advisories;
mod fetched;
mod model;
mod prerequisites;
mod testing;

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process::{cargo, run as run_process};
use crate::{licences, terminal, tidy};

/// One step; returns what it found, in a few words.
struct Step {
    name: &'static str,
    does: &'static str,
    run: fn() -> Result<String, Failure>,
    /// What `--quick` runs instead; `None` where it leaves the step out.
    quick: Option<fn() -> Result<String, Failure>>,
}

const STEPS: &[Step] = &[
    Step {
        name: "prerequisites",
        does: "what the tests need beyond cargo",
        run: prerequisites::run,
        quick: None,
    },
    Step { name: "formatting", does: "cargo fmt", run: formatting, quick: Some(formatting) },
    Step {
        name: "clippy",
        does: "every lint of the workspace, as an error",
        run: clippy,
        quick: Some(clippy),
    },
    Step {
        name: "model",
        does: "what tests search by meaning with, fetched once",
        run: model::run,
        quick: None,
    },
    Step {
        name: "chroma",
        does: "the vector store that tests start, fetched once",
        run: fetched::chroma,
        quick: None,
    },
    Step {
        name: "clients",
        does: "the MCP clients that tests plug in, fetched once",
        run: fetched::clients,
        quick: None,
    },
    Step {
        name: "schemathesis",
        does: "what tests judge the API with, fetched once",
        run: fetched::schemathesis,
        quick: None,
    },
    Step {
        name: "tests",
        does: "all of them, with those in the documentation",
        run: testing::run,
        quick: Some(testing::quick),
    },
    Step { name: "docs", does: "cargo doc without a warning", run: docs, quick: None },
    Step {
        name: "licences",
        does: "every package in use has a licence we may ship",
        run: licences::run,
        quick: Some(licences::run),
    },
    Step {
        name: "advisories",
        does: "no known weakness in a package, by a local copy",
        run: advisories::run,
        quick: None,
    },
    Step { name: "tidy", does: "the house rules", run: tidy::run, quick: Some(tidy::run) },
];

/// Runs all steps, or with `--only STEP` one. With `--quick` those that need nothing but cargo and git and end in minutes.
///
/// # Errors
/// The arguments are wrong, or a step failed.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let steps = chosen(args)?;
    let began = Instant::now();
    for (index, (step, run)) in steps.iter().enumerate() {
        run_step(step, *run, index + 1, steps.len())?;
    }
    let noun = if steps.len() == 1 { "step" } else { "steps" };
    terminal::good("check:", &format!("{} {noun} passed in {}", steps.len(), minutes(began.elapsed())));
    Ok(())
}

/// Returns one line per step.
pub(crate) fn describe_steps() -> String {
    STEPS.iter().map(|step| format!("  {:<15}{}", step.name, step.does)).collect::<Vec<_>>().join("\n")
}

/// A step and what runs it.
type Chosen = (&'static Step, fn() -> Result<String, Failure>);

fn chosen(args: &[String]) -> Result<Vec<Chosen>, Failure> {
    let wrong =
        |message: String| Failure::usage(message).with_hint(format!("the steps are:\n{}", describe_steps()));
    match args {
        [] => Ok(STEPS.iter().map(|step| (step, step.run)).collect()),
        [flag] if flag == "--quick" => {
            Ok(STEPS.iter().filter_map(|step| Some((step, step.quick?))).collect())
        }
        [flag, name] if flag == "--only" => {
            let step = STEPS.iter().find(|step| step.name == name);
            let step = step.ok_or_else(|| wrong(format!("check has no step `{name}`")))?;
            Ok(vec![(step, step.run)])
        }
        [flag] if flag == "--only" => Err(wrong("`--only` needs the name of a step".to_owned())),
        _ => Err(wrong(format!("check does not understand `{}`", args.join(" ")))),
    }
}

fn run_step(
    step: &Step,
    run: fn() -> Result<String, Failure>,
    number: usize,
    count: usize,
) -> Result<(), Failure> {
    let began = Instant::now();
    let result = run();
    let seconds = began.elapsed().as_secs_f64();
    match result {
        Ok(found) => {
            terminal::good(
                &format!("check {number}/{count} {}:", step.name),
                &format!("{found} ({seconds:.1} s)"),
            );
            Ok(())
        }
        Err(failure) => {
            let rerun = format!("rerun just this step: cargo xtask check --only {}", step.name);
            let hint = failure.hint.map_or_else(|| rerun.clone(), |hint| format!("{hint}\n        {rerun}"));
            let message = format!(
                "check {number}/{count} {} failed after {seconds:.1} s: {}",
                step.name, failure.message
            );
            Err(Failure { exit: failure.exit, message, hint: Some(hint) })
        }
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn formatting() -> Result<String, Failure> {
    let mut command = cargo(&["fmt", "--all", "--check"]);
    if !terminal::is_watched() {
        // Unlike cargo, rustfmt does not look whether its output goes to a terminal.
        command.args(["--", "--color", "never"]);
    }
    run_process(&mut command).map_err(|failure| failure.with_hint("`cargo fmt --all` puts it right"))?;
    Ok("as rustfmt writes it".to_owned())
}

fn clippy() -> Result<String, Failure> {
    let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    run_process(&mut cargo(&args))?;
    // The product without what can be left out of it.
    let bare = ["clippy", "--package", "atocore", "--no-default-features", "--", "-D", "warnings"];
    run_process(&mut cargo(&bare))?;
    Ok("no warnings, nor in the product without its optional features".to_owned())
}

fn docs() -> Result<String, Failure> {
    run_process(
        cargo(&["doc", "--workspace", "--all-features", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok("no warnings".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_says_how_to_rerun_it() {
        let run = || Err(Failure::failed("broken").with_hint("mend it"));
        let step = Step { name: "sample", does: "", run, quick: None };
        let failure = run_step(&step, run, 2, 7).unwrap_err();
        assert!(
            failure.message.starts_with("check 2/7 sample failed after 0.0 s: broken"),
            "{}",
            failure.message
        );
        let hint = failure.hint.unwrap();
        assert!(hint.contains("mend it") && hint.contains("cargo xtask check --only sample"), "{hint}");
        assert_eq!(failure.exit, 1);
    }

    #[test]
    fn durations_read_as_minutes_and_seconds() {
        assert_eq!(minutes(Duration::from_millis(65_900)), "1:05");
        assert_eq!(minutes(Duration::from_secs(3_600)), "60:00");
    }

    #[test]
    fn one_step_can_be_chosen() {
        let steps = chosen(&["--only".to_owned(), "tidy".to_owned()]).unwrap();
        assert_eq!(names(&steps), ["tidy"]);
        assert_eq!(chosen(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn the_quick_check_needs_no_foreign_tool() {
        let steps = chosen(&["--quick".to_owned()]).unwrap();
        assert_eq!(names(&steps), ["formatting", "clippy", "tests", "licences", "tidy"]);
    }

    fn names(steps: &[Chosen]) -> Vec<&'static str> {
        steps.iter().map(|(step, _)| step.name).collect()
    }
}
