//! `cargo xtask fuzz`: the targets that the check tries for seconds, for as many minutes of processor time as are asked for.

use crate::{
    failure::Failure,
    process::{cargo, run as run_process},
};

/// Minutes of processor time for each target.
const MINUTES: u64 = 30;

/// Runs every target, or the tests whose name has `--only TEXT` in it, for `--minutes N`.
///
/// # Errors
/// The arguments are wrong, or an input was found that breaks a promise: it is printed.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (mut minutes, mut only) = (MINUTES, "fuzzed");
    for pair in args.chunks(2) {
        match pair {
            [flag, number] if flag == "--minutes" => {
                minutes = number
                    .parse()
                    .map_err(|_| Failure::usage(format!("`{number}` is not a number of minutes")))?;
            }
            [flag, name] if flag == "--only" => only = name,
            _ => return Err(Failure::usage(format!("fuzz does not understand `{}`", pair.join(" ")))),
        }
    }
    let mut command = cargo(&["test", "--workspace", "--all-features", "--lib", "--test", "it", only]);
    run_process(command.args(["--", "--nocapture"]).env("ATOCORE_FUZZ_MINUTES", minutes.to_string()))
}
