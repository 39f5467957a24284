//! The house rules that no compiler checks, as a step of the check and as tests.
//!
//! A rule looks at the files git knows and at the packages cargo knows, never at the disk. An exception is an entry
//! beside its rule, with a reason; an entry that is no longer needed is a finding too.

mod circles;
mod documents;
mod layers;
mod names;
mod shape;
mod vocabulary;
mod words;

pub(crate) use circles::find as circles_of;
pub(crate) use names::used_twice as names_used_twice;
pub(crate) use shape::{is_test, product_sources, production_lines};

use crate::failure::Failure;
use crate::repository::Repository;

/// Crates that are not shipped.
const NOT_SHIPPED: [&str; 2] = ["atocore-testkit", "xtask"];

/// The crate of a source file that is shipped.
pub(crate) fn shipped_crate(path: &str) -> Option<&str> {
    let (name, _) = path.strip_prefix("crates/")?.split_once('/')?;
    (!NOT_SHIPPED.contains(&name)).then_some(name)
}

/// One thing that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The file, or the package.
    place: String,
    /// What is wrong with it and how it should be.
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// One house rule.
struct Rule {
    name: &'static str,
    find: fn(&Repository) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule { name: "crates depend downwards", find: layers::direction },
    Rule { name: "libraries stay behind their crate", find: layers::boundaries },
    Rule { name: "every crate takes the lints of the workspace", find: layers::lints },
    Rule { name: "no `mod.rs`", find: shape::mod_files },
    Rule { name: "files are short", find: shape::length },
    Rule { name: "every source file is part of its crate", find: shape::unlisted },
    Rule { name: "no circles of imports inside a crate", find: circles::rule },
    Rule { name: "documents name files that exist", find: documents::paths },
    Rule { name: "the index of the architecture leads somewhere", find: documents::index },
    Rule { name: "every error code is documented", find: documents::error_codes },
    Rule { name: "every guard of a promise is there", find: documents::guards },
    Rule { name: "every dependency is accounted for", find: documents::dependencies },
    Rule { name: "names use the words of the field", find: vocabulary::names },
    Rule { name: "one name, one thing", find: names::rule },
    Rule { name: "nothing is left unfinished", find: words::unfinished },
    Rule { name: "no folder of one person's machine", find: words::home_folders },
];

/// Holds every rule against this repository.
///
/// # Errors
/// The repository cannot be read, or something breaks a rule.
pub(crate) fn run() -> Result<String, Failure> {
    let repository = Repository::open()?;
    let findings = findings(&repository);
    if findings.is_empty() {
        return Ok(format!("{} rules hold for {} files", RULES.len(), repository.files.len()));
    }
    Err(Failure::failed(format!("{} findings:\n  {}", findings.len(), findings.join("\n  "))))
}

fn findings(repository: &Repository) -> Vec<String> {
    let lines = |rule: &Rule| -> Vec<String> {
        let found = (rule.find)(repository);
        found.into_iter().map(|found| format!("{}: {} ({})", found.place, found.message, rule.name)).collect()
    };
    RULES.iter().flat_map(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let found = findings(&Repository::open().unwrap());
        assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    }

    #[test]
    fn a_finding_names_its_place_and_its_rule() {
        let repository = Repository::of_files(&[("crates/sample/src/deep/mod.rs", "")]);
        let found = findings(&repository).join("\n");
        assert!(
            found.contains("crates/sample/src/deep/mod.rs: ") && found.contains("(no `mod.rs`)"),
            "{found}"
        );
    }
}
