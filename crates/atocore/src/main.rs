//! The `atocore` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    atocore::cli::run(std::env::args_os())
}
