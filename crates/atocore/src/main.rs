//! The `atocore` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    atocore::logging::hide_texts_of_panics(atocore::cli::note);
    atocore::cli::run(std::env::args_os())
}
