//! The chores of this repository, as `cargo xtask TASK`: no other tool has to be installed to work on it.
//!
//! Light on purpose. What needs the product itself is behind the feature `measure`, see [`measured`].

mod check;
mod failure;
mod fuzz;
mod licences;
#[cfg(feature = "measure")]
mod measure;
mod process;
mod repository;
mod size;
mod terminal;
mod tidy;

use std::process::ExitCode;

use failure::Failure;

/// One thing that `cargo xtask` can do.
struct Task {
    name: &'static str,
    does: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[
    Task {
        name: "check",
        does: "everything that CI runs; `--quick` what needs no other tools, `--only STEP` one step",
        run: check::run,
    },
    Task {
        name: "bench",
        does: "speed and size, each against its baseline",
        run: |args| measured("bench", args),
    },
    Task {
        name: "soak",
        does: "kills the program at random moments and looks for losses",
        run: |args| measured("soak", args),
    },
    Task { name: "size", does: "lines, names used twice, circles of imports", run: size::run },
    Task { name: "fuzz", does: "goes on for long with the fuzzed tests of the check", run: fuzz::run },
    Task {
        name: "eval",
        does: "quality of retrieval on queries with judged answers",
        run: |args| measured("eval", args),
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::show_failure(&failure);
            ExitCode::from(failure.exit)
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        return Err(Failure::usage("no task was named").with_hint(usage()));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        terminal::line(&usage());
        return Ok(());
    }
    #[cfg(feature = "measure")]
    if let Some(done) = measure::run_child(name, rest) {
        return done;
    }
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(rest),
        None => Err(Failure::usage(format!("there is no task `{name}`")).with_hint(usage())),
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK [ARGUMENT]…\n\ntasks:");
    for task in TASKS {
        text.push_str(&format!("\n  {:<7}{}", task.name, task.does));
    }
    text.push_str("\n\nsteps of check:\n");
    text.push_str(&check::describe_steps());
    text
}

/// Runs a measurement. This build carries them.
#[cfg(feature = "measure")]
fn measured(task: &str, args: &[String]) -> Result<(), Failure> {
    measure::run(task, args)
}

/// Runs a measurement in a build that carries them: this same program, optimised, with the feature `measure`.
#[cfg(not(feature = "measure"))]
fn measured(task: &str, args: &[String]) -> Result<(), Failure> {
    let mut command =
        process::cargo(&["run", "--quiet", "--release", "-p", "xtask", "--features", "measure", "--"]);
    command.arg(task).args(args);
    process::hand_over(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_of(args: &[&str]) -> u8 {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        dispatch(&args).map_or_else(|failure| failure.exit, |()| 0)
    }

    #[test]
    fn wrong_usage_ends_with_64() {
        assert_eq!(exit_of(&[]), 64);
        assert_eq!(exit_of(&["chekc"]), 64);
        assert_eq!(exit_of(&["check", "--only", "nothing"]), 64);
        assert_eq!(exit_of(&["check", "--only"]), 64);
        assert_eq!(exit_of(&["check", "fast"]), 64);
        assert_eq!(exit_of(&["fuzz", "--minutes", "few"]), 64);
        assert_eq!(exit_of(&["--help"]), 0);
    }

    #[test]
    fn the_usage_names_every_task_and_step() {
        let text = usage();
        for word in ["check", "bench", "soak", "fuzz", "eval", "prerequisites", "clippy", "tidy"] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }
}
