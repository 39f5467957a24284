//! Records the commit that the program is built from, so that `/health` shows whether new code really runs.

use std::process::Command;

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    // `cargo run` hands the variable on to the program, which refuses unknown names that begin with its own.
    println!("cargo::rustc-env=SOURCE_COMMIT={commit}");
    // Written by every commit and checkout. A path that does not exist would mean a build every time.
    let log = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]);
    match log.filter(|path| std::path::Path::new(path).exists()) {
        Some(log) => println!("cargo::rerun-if-changed={log}"),
        None => println!("cargo::rerun-if-changed=build.rs"),
    }
}

/// What git prints; `None` outside of a checkout.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
