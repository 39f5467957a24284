//! The step that compares every locked package with the `RustSec` advisories, where a copy of them is on this machine.
//!
//! Nothing is fetched: the check must give the same answer without a network. Where there is no copy, it says that it
//! did not look.

use std::{
    fs,
    path::{Path, PathBuf},
};

use semver::{Version, VersionReq};
use toml::Table;

use crate::failure::Failure;

/// An advisory that we live with.
struct Accepted {
    id: &'static str,
    reason: &'static str,
}

const ACCEPTED: &[Accepted] = &[Accepted {
    id: "RUSTSEC-2024-0436",
    reason: "`paste` is unmaintained, does nothing at run time, and comes with `tokenizers`",
}];

/// Looks for an advisory about any package in `Cargo.lock`.
///
/// # Errors
/// One is found that nobody has accepted, or the copy cannot be read.
pub(super) fn run() -> Result<String, Failure> {
    let Some(database) = database().filter(|folder| folder.join("crates").is_dir()) else {
        return Ok(
            "NOT RUN: this machine has no copy of the RustSec advisories in `advisory-db` of cargo's home; \
                   `cargo audit` gets one"
                .to_owned(),
        );
    };
    let locked = read(Path::new("Cargo.lock"))?;
    let packages = packages(&locked);
    let advisories = advisories(&database)?;
    let newest = advisories.iter().map(|advisory| advisory.date.as_str()).max().unwrap_or("none").to_owned();
    let findings = findings(&packages, &advisories, ACCEPTED);
    if findings.is_empty() {
        let (count, of) = (packages.len(), advisories.len());
        return Ok(format!("{count} packages, {of} advisories, the newest of {newest}: none applies"));
    }
    Err(Failure::failed(format!("{} findings:\n  {}", findings.len(), findings.join("\n  "))).with_hint(
        "update or replace the package, or accept the advisory with a reason in `crates/xtask/src/check/advisories.rs`",
    ))
}

/// Where `cargo audit` keeps its copy.
fn database() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "cargo's own variables; no setting of the product")]
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("advisory-db"))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::failed(format!("`{}`: {error}", path.display())))
}

/// What one advisory says.
#[derive(Debug)]
struct Advisory {
    id: String,
    package: String,
    date: String,
    /// A version that meets one of these is not concerned.
    safe: Vec<VersionReq>,
}

/// Name and version of every package in a lock file.
fn packages(locked: &str) -> Vec<(String, Version)> {
    let table: Table = locked.parse().unwrap_or_default();
    let packages = table.get("package").and_then(|packages| packages.as_array()).cloned().unwrap_or_default();
    let package = |entry: &toml::Value| {
        let text = |key: &str| entry.get(key)?.as_str().map(str::to_owned);
        Some((text("name")?, Version::parse(&text("version")?).ok()?))
    };
    packages.iter().filter_map(package).collect()
}

fn advisories(database: &Path) -> Result<Vec<Advisory>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("the copy of the advisories: {error}"));
    let mut advisories = Vec::new();
    for package in fs::read_dir(database.join("crates")).map_err(failed)? {
        for file in fs::read_dir(package.map_err(failed)?.path()).map_err(failed)? {
            let text = read(&file.map_err(failed)?.path())?;
            advisories.extend(Advisory::parse(&text));
        }
    }
    if advisories.is_empty() {
        return Err(Failure::failed("the copy of the advisories holds none: has it changed its form?"));
    }
    Ok(advisories)
}

impl Advisory {
    /// Reads the TOML at the head of an advisory; `None` for what is none, or was withdrawn.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("```toml")?;
        let table: Table = rest.split_once("```")?.0.parse().ok()?;
        let about = table.get("advisory")?.as_table()?;
        if about.contains_key("withdrawn") {
            return None;
        }
        let text = |key: &str| about.get(key)?.as_str().map(str::to_owned);
        let versions = |key: &str| table.get("versions")?.get(key)?.as_array().cloned();
        let safe = ["patched", "unaffected"].into_iter().filter_map(versions).flatten();
        let safe = safe.filter_map(|wanted| VersionReq::parse(wanted.as_str()?).ok()).collect();
        Some(Self { id: text("id")?, package: text("package")?, date: text("date")?, safe })
    }

    fn concerns(&self, name: &str, version: &Version) -> bool {
        self.package == name && !self.safe.iter().any(|safe| safe.matches(version))
    }
}

fn findings(packages: &[(String, Version)], advisories: &[Advisory], accepted: &[Accepted]) -> Vec<String> {
    let (mut findings, mut met) = (Vec::new(), Vec::new());
    for (name, version) in packages {
        for advisory in advisories.iter().filter(|advisory| advisory.concerns(name, version)) {
            met.push(advisory.id.as_str());
            if !accepted.iter().any(|known| known.id == advisory.id) {
                findings.push(format!("`{name} {version}`: {} of {}", advisory.id, advisory.date));
            }
        }
    }
    let unneeded = accepted.iter().filter(|known| !met.contains(&known.id));
    findings.extend(
        unneeded.map(|known| format!("{} is accepted and not met any more ({})", known.id, known.reason)),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(patched: &str) -> Advisory {
        let head = "[advisory]\nid = \"RUSTSEC-1\"\npackage = \"sample\"\ndate = \"2026-01-01\"";
        Advisory::parse(&format!("```toml\n{head}\n[versions]\npatched = [{patched}]\n```\n\n# Title\n"))
            .unwrap()
    }

    #[test]
    fn a_locked_version_that_is_not_patched_is_found() {
        let packages = packages("[[package]]\nname = \"sample\"\nversion = \"1.2.3\"\n");
        assert_eq!(findings(&packages, &[advisory("\">= 1.2.4\"")], &[]).len(), 1);
        assert_eq!(findings(&packages, &[advisory("")], &[]).len(), 1);
        assert!(findings(&packages, &[advisory("\"^1.1.9\", \">= 2\"")], &[]).is_empty());
    }

    #[test]
    fn an_accepted_advisory_must_still_be_met() {
        let accepted = [Accepted { id: "RUSTSEC-1", reason: "read by a person" }];
        let packages = packages("[[package]]\nname = \"sample\"\nversion = \"1.2.3\"\n");
        assert!(findings(&packages, &[advisory("")], &accepted).is_empty());
        assert_eq!(findings(&[], &[advisory("")], &accepted).len(), 1);
    }
}
