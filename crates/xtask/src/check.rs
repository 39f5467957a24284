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
}

const STEPS: &[Step] = &[
    Step { name: "prerequisites", does: "what the tests need beyond cargo", run: prerequisites::run },
    Step { name: "formatting", does: "cargo fmt", run: formatting },
    Step { name: "clippy", does: "every lint of the workspace, as an error", run: clippy },
    Step { name: "model", does: "what tests search by meaning with, fetched once", run: model::run },
    Step { name: "chroma", does: "the vector store that tests start, fetched once", run: fetched::chroma },
    Step { name: "clients", does: "the MCP clients that tests plug in, fetched once", run: fetched::clients },
    Step {
        name: "schemathesis",
        does: "what tests judge the API with, fetched once",
        run: fetched::schemathesis,
    },
    Step { name: "tests", does: "all of them, with those in the documentation", run: testing::run },
    Step { name: "docs", does: "cargo doc without a warning", run: docs },
    Step { name: "licences", does: "every package in use has a licence we may ship", run: licences::run },
    Step {
        name: "advisories",
        does: "no known weakness in a package, by a local copy",
        run: advisories::run,
    },
    Step { name: "tidy", does: "the house rules", run: tidy::run },
];

/// Runs all steps, or with `--only STEP` one.
///
/// # Errors
/// The arguments are wrong, or a step failed.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let steps = chosen(args)?;
    let began = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        run_step(step, index + 1, steps.len())?;
    }
    let noun = if steps.len() == 1 { "step" } else { "steps" };
    terminal::good("check:", &format!("{} {noun} passed in {}", steps.len(), minutes(began.elapsed())));
    Ok(())
}

/// Returns one line per step.
pub(crate) fn describe_steps() -> String {
    STEPS.iter().map(|step| format!("  {:<15}{}", step.name, step.does)).collect::<Vec<_>>().join("\n")
}

fn chosen(args: &[String]) -> Result<Vec<&'static Step>, Failure> {
    let wrong =
        |message: String| Failure::usage(message).with_hint(format!("the steps are:\n{}", describe_steps()));
    match args {
        [] => Ok(STEPS.iter().collect()),
        [flag, name] if flag == "--only" => {
            let step = STEPS.iter().find(|step| step.name == name);
            Ok(vec![step.ok_or_else(|| wrong(format!("check has no step `{name}`")))?])
        }
        [flag] if flag == "--only" => Err(wrong("`--only` needs the name of a step".to_owned())),
        _ => Err(wrong(format!("check does not understand `{}`", args.join(" ")))),
    }
}

fn run_step(step: &Step, number: usize, count: usize) -> Result<(), Failure> {
    let began = Instant::now();
    let result = (step.run)();
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
    Ok("no warnings".to_owned())
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
        let step =
            Step { name: "sample", does: "", run: || Err(Failure::failed("broken").with_hint("mend it")) };
        let failure = run_step(&step, 2, 7).unwrap_err();
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
        assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["tidy"]);
        assert_eq!(chosen(&[]).unwrap().len(), STEPS.len());
    }
}
