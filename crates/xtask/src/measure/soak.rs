//! `cargo xtask soak`: kills the release binary at random moments and looks for losses.

use std::{io, path::PathBuf};

use atocore_engine::SystemClock;
use atocore_model::time::Clock;
use atocore_testkit::soak::{self, SoakOptions};
use serde_json::Value;

use crate::{
    failure::Failure,
    process::{cargo, output_of},
    terminal,
};

const USAGE: &str = "usage: cargo xtask soak [--kills N] [--seed S]";

/// What the issue of the first release asks for.
const KILLS: u64 = 200;

/// Some thousand documents: long enough work for kills to hit its middle.
const SCALE: usize = 5;

/// Runs it with `[--kills N] [--seed S]`.
///
/// # Errors
/// The arguments are wrong, the program cannot be built, or something was lost.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let (kills, seed) = numbers(args)?;
    let program = build()?;
    let scratch = tempfile::tempdir().map_err(|error| no_scratch(&error))?;
    terminal::note(&format!(
        "{kills} kills of {}; to repeat it: --kills {kills} --seed {seed}",
        program.display()
    ));
    let options = SoakOptions { program, kills, seed, scale: SCALE, scratch: scratch.path() };
    match soak::run(&options, &mut |line| terminal::line(&line)) {
        Ok(counts) => {
            terminal::line(&counts.to_string());
            terminal::good("soak:", "nothing acknowledged was lost");
            Ok(())
        }
        Err(failure) => {
            let _kept = scratch.keep();
            let hint =
                format!("the same seed draws the same work: cargo xtask soak --kills {kills} --seed {seed}");
            Err(Failure::failed(failure.to_string()).with_hint(hint))
        }
    }
}

fn numbers(args: &[String]) -> Result<(u64, u64), Failure> {
    let (mut kills, mut seed) = (KILLS, SystemClock.now().get().as_second().unsigned_abs());
    let mut rest = args.iter();
    while let Some(flag) = rest.next() {
        let place = match flag.as_str() {
            "--kills" => &mut kills,
            "--seed" => &mut seed,
            other => {
                return Err(Failure::usage(format!("soak does not understand `{other}`")).with_hint(USAGE));
            }
        };
        let number = rest.next().and_then(|number| number.parse().ok());
        *place = number.ok_or_else(|| Failure::usage(format!("`{flag}` needs a number")).with_hint(USAGE))?;
    }
    Ok((kills, seed))
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

    fn given(args: &[&str]) -> Result<(u64, u64), Failure> {
        numbers(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn kills_and_seed_can_be_given() {
        assert_eq!(given(&["--seed", "7", "--kills", "3"]).unwrap(), (3, 7));
        assert_eq!(given(&[]).unwrap().0, KILLS);
        for wrong in [&["--kills"][..], &["--kills", "many"], &["--often"]] {
            assert_eq!(given(wrong).unwrap_err().exit, 64, "{wrong:?}");
        }
    }
}
