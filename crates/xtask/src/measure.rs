//! The measurements, in an optimised build. `cargo xtask bench` starts this same program again with the feature that
//! brings this module; a measurement is one more file below it and one more arm here.

use crate::failure::Failure;

/// Runs the measurement of that name.
///
/// # Errors
/// There is none of that name yet, or it failed.
pub(crate) fn run(task: &str, _args: &[String]) -> Result<(), Failure> {
    Err(Failure::failed(format!("`cargo xtask {task}` is not built yet")))
}
