//! The measurements, in an optimised build. `cargo xtask bench` starts this same program again with the feature that
//! brings this module; a measurement is one more file below it and one more arm here.

mod bench;
mod eval;
mod random;
mod soak;

use std::path::Path;

use crate::failure::Failure;

/// The task that copies a file for a snapshot, as a child process of a measurement; nobody calls it by hand.
const COPY_PAGES: &str = "__copy-pages";

/// Runs what measurements start as a child process; `None` when that is not a name of it.
pub(crate) fn run_child(task: &str, args: &[String]) -> Option<Result<(), Failure>> {
    match task {
        COPY_PAGES => Some(copy_pages(args)),
        bench::READER => Some(bench::read_documents()),
        bench::FIRST_ANSWER => Some(bench::first_answer(args)),
        _ => None,
    }
}

/// Runs the measurement of that name.
///
/// # Errors
/// There is none of that name yet, or it failed.
pub(crate) fn run(task: &str, args: &[String]) -> Result<(), Failure> {
    match task {
        "bench" => bench::run(args),
        "eval" => eval::run(args),
        "soak" => soak::run(args),
        _ => Err(Failure::failed(format!("`cargo xtask {task}` is not built yet"))),
    }
}

/// Copies one file to another for the process that started this one.
fn copy_pages(args: &[String]) -> Result<(), Failure> {
    let [from, to] = args else { return Err(Failure::usage("two files are needed")) };
    let copied = atocore_engine::copy_pages(Path::new(from), Path::new(to));
    copied.map(|_bytes| ()).map_err(|error| Failure::failed(error.to_string()))
}
