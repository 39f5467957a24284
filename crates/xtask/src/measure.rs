//! The measurements, in an optimised build. `cargo xtask bench` starts this same program again with the feature that
//! brings this module; a measurement is one more file below it and one more arm here.

mod bench;
mod eval;
mod soak;

use std::path::Path;

use crate::failure::Failure;

/// The task that copies a file for a snapshot, as a child process of a measurement; nobody calls it by hand.
pub(crate) const COPY_PAGES: &str = "__copy-pages";

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
///
/// # Errors
/// There are not two files, or the copy cannot be made.
pub(crate) fn copy_pages(args: &[String]) -> Result<(), Failure> {
    let [from, to] = args else { return Err(Failure::usage("two files are needed")) };
    let copied = atocore_engine::copy_pages(Path::new(from), Path::new(to));
    copied.map(|_bytes| ()).map_err(|error| Failure::failed(error.to_string()))
}
