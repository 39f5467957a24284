//! The step that reads the licence of every package in use on this platform.

mod expression;

use crate::failure::Failure;
use crate::repository::{Package, Repository};

/// Licences we may ship under. MPL-2.0 asks only that changes to its own files stay open, and we make none.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// A package that is accepted although its stated licence is not in the list.
struct Exception {
    package: &'static str,
    /// Exactly what the package states, so that a change of licence is seen.
    licence: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[Exception {
    package: "webpki-roots",
    licence: "CDLA-Permissive-2.0",
    reason: "no program but a list of certificates, which may be used and passed on with its licence text",
}];

/// Checks every package of the dependency graph.
///
/// # Errors
/// The graph cannot be read, or a package has no licence we may use or comes from an unusual place.
pub(crate) fn run() -> Result<String, Failure> {
    let repository = Repository::open()?;
    let findings = findings(&repository.packages, EXCEPTIONS);
    if findings.is_empty() {
        return Ok(format!("{} packages, all free to ship", repository.packages.len()));
    }
    Err(Failure::failed(format!("{} findings:\n  {}", findings.len(), findings.join("\n  "))).with_hint(
        "replace the package, or add an exception with a reason in `crates/xtask/src/licences.rs`",
    ))
}

fn findings(packages: &[Package], exceptions: &[Exception]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let named = format!("`{} {}`", package.name, package.version);
        if let Some(trouble) = licence_trouble(package, exceptions) {
            findings.push(format!("{named}: {trouble}"));
        }
        if let Some(trouble) = source_trouble(package) {
            findings.push(format!("{named}: {trouble}"));
        }
    }
    let mut registries: Vec<_> = packages.iter().filter_map(|package| package.source.as_deref()).collect();
    registries.sort_unstable();
    registries.dedup();
    if registries.len() > 1 {
        findings.push(format!(
            "packages come from {} places instead of one: {}",
            registries.len(),
            registries.join(", ")
        ));
    }
    for exception in exceptions {
        if !packages.iter().any(|package| package.name == exception.package) {
            findings.push(format!(
                "`{}`: the exception is no longer needed ({})",
                exception.package, exception.reason
            ));
        }
    }
    findings
}

fn licence_trouble(package: &Package, exceptions: &[Exception]) -> Option<String> {
    let stated = package.licence.as_deref().unwrap_or_default();
    if exceptions.iter().any(|known| known.package == package.name && known.licence == stated) {
        return None;
    }
    if stated.is_empty() {
        return Some("states no licence".to_owned());
    }
    match expression::satisfiable(stated, |licence| ALLOWED.contains(&licence)) {
        Ok(true) => None,
        Ok(false) => Some(format!("`{stated}` cannot be met with the allowed licences")),
        Err(reason) => Some(format!("`{stated}` is not a licence expression: {reason}")),
    }
}

fn source_trouble(package: &Package) -> Option<String> {
    match package.source.as_deref() {
        None if package.is_member => None,
        None => Some("lies in a folder that is not part of this workspace".to_owned()),
        Some(source) if source.starts_with("registry+") => None,
        Some(source) => Some(format!("comes from `{source}`, not from the registry")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(licence: &str, source: Option<&str>) -> Package {
        Package {
            name: "sample".to_owned(),
            version: "1.0.0".to_owned(),
            licence: Some(licence.to_owned()).filter(|licence| !licence.is_empty()),
            source: source.map(str::to_owned),
            is_member: source.is_none(),
            dependencies: Vec::new(),
        }
    }

    #[test]
    fn a_licence_outside_the_list_is_found() {
        assert!(findings(&[package("MIT OR GPL-3.0-only", Some("registry+x"))], &[]).is_empty());
        for licence in
            ["GPL-3.0-only", "MIT AND GPL-3.0-only", "", "MIT OR", "Apache-2.0 WITH Unheard-exception"]
        {
            let found = findings(&[package(licence, Some("registry+x"))], &[]);
            assert_eq!(found.len(), 1, "{licence}: {found:?}");
        }
    }

    #[test]
    fn only_the_registry_and_this_workspace_are_sources() {
        assert!(findings(&[package("MIT", None)], &[]).is_empty());
        assert_eq!(findings(&[package("MIT", Some("git+x"))], &[]).len(), 1);
        assert_eq!(findings(&[Package { is_member: false, ..package("MIT", None) }], &[]).len(), 1);
        let two = [package("MIT", Some("registry+x")), package("MIT", Some("registry+y"))];
        assert_eq!(findings(&two, &[]).len(), 1);
    }

    #[test]
    fn an_exception_holds_for_one_licence_and_must_be_in_use() {
        let known = [Exception { package: "sample", licence: "Odd-1.0", reason: "read by a person" }];
        assert!(findings(&[package("Odd-1.0", Some("registry+x"))], &known).is_empty());
        assert_eq!(findings(&[package("Odder-1.0", Some("registry+x"))], &known).len(), 1);
        assert_eq!(findings(&[], &known).len(), 1);
    }
}
