//! Who may depend on whom. Cargo refuses cycles; these rules refuse the shortcuts.

use super::{Finding, NOT_SHIPPED};
use crate::repository::Repository;

/// A crate of ours, and those of ours that it may name. See `ARCHITECTURE.md` for the picture.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { name: "atocore-model", may_use: &[] },
    Layer { name: "atocore-storage", may_use: &["atocore-model"] },
    Layer { name: "atocore-chroma", may_use: &["atocore-model", "atocore-storage"] },
    Layer { name: "atocore-embed", may_use: &["atocore-model"] },
    Layer { name: "atocore-extract", may_use: &[] },
    Layer { name: "atocore-backup", may_use: &["atocore-model", "atocore-storage", "atocore-chroma"] },
    Layer {
        name: "atocore-engine",
        may_use: &[
            "atocore-model",
            "atocore-storage",
            "atocore-chroma",
            "atocore-embed",
            "atocore-extract",
            "atocore-backup",
        ],
    },
    Layer { name: "atocore", may_use: &["atocore-model", "atocore-engine"] },
    Layer { name: "atocore-testkit", may_use: EVERYTHING },
    Layer { name: "xtask", may_use: EVERYTHING },
];

/// For crates that are never shipped.
const EVERYTHING: &[&str] = &[
    "atocore-model",
    "atocore-storage",
    "atocore-chroma",
    "atocore-backup",
    "atocore-engine",
    "atocore",
    "atocore-testkit",
];

/// What any crate may use in its tests.
const TESTKIT: &str = "atocore-testkit";

/// Libraries that one crate exists to keep out of the others.
struct Boundary {
    owner: &'static str,
    libraries: &'static [&'static str],
}

const BOUNDARIES: &[Boundary] = &[
    Boundary { owner: "atocore-embed", libraries: &["safetensors", "tokenizers"] },
    Boundary {
        owner: "atocore-extract",
        libraries: &[
            "calamine",
            "csv",
            "htmd",
            "mail-parser",
            "pdf-inspector",
            "quick-xml",
            "rbook",
            "undoc",
        ],
    },
    Boundary { owner: "atocore-storage", libraries: &["rusqlite", "libsqlite3-sys", "tantivy"] },
    Boundary {
        owner: "atocore",
        libraries: &[
            "axum",
            "clap",
            "hyper",
            "hyper-util",
            "rmcp",
            "tokio",
            "tokio-util",
            "tower",
            "tower-http",
        ],
    },
];

/// Crates depend only on those below them, and the interfaces not on what lies behind the engine.
pub(super) fn direction(repository: &Repository) -> Vec<Finding> {
    let ours: Vec<_> = repository.members().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in repository.members() {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
            findings.push(Finding::new(&package.name, "has no entry in `LAYERS`: say what it may use"));
            continue;
        };
        for dependency in
            package.dependencies.iter().filter(|dependency| ours.contains(&dependency.name.as_str()))
        {
            let in_tests = dependency.is_dev && dependency.name == TESTKIT;
            if !in_tests && !layer.may_use.contains(&dependency.name.as_str()) {
                let message = format!("must not depend on `{}`", dependency.name);
                findings.push(Finding::new(&package.name, message));
            }
        }
    }
    findings
}

/// A library with a boundary is named by its owner alone. Dev-dependencies are free: they do not ship. So are the crates
/// that are not shipped: the test kit damages stores and plays clients, xtask measures against the bare libraries.
pub(super) fn boundaries(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in repository.members().filter(|package| !NOT_SHIPPED.contains(&package.name.as_str())) {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_dev) {
            let boundary =
                BOUNDARIES.iter().find(|boundary| boundary.libraries.contains(&dependency.name.as_str()));
            if let Some(boundary) = boundary.filter(|boundary| boundary.owner != package.name) {
                let message = format!("only `{}` may depend on `{}`", boundary.owner, dependency.name);
                findings.push(Finding::new(&package.name, message));
            }
        }
    }
    findings
}

/// Every manifest of ours asks for the lint tables of the workspace.
pub(super) fn lints(repository: &Repository) -> Vec<Finding> {
    let manifests = repository.texts("/Cargo.toml").filter(|(path, _)| path.starts_with("crates/"));
    manifests
        .filter(|(path, text)| {
            let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
            let takes_them = lines.next() == Some("workspace = true");
            !(takes_them || MAY_EXPECT_UNSAFE.contains(path) && repeats_the_lints(repository, text))
        })
        .map(|(path, _)| Finding::new(path, "must have `[lints]` with `workspace = true`"))
        .collect()
}

/// The crates of which one file needs `unsafe`, for arithmetic and to call a library that is measured: they deny it
/// where the others forbid it, which cargo cannot inherit.
const MAY_EXPECT_UNSAFE: &[&str] = &["crates/atocore-embed/Cargo.toml", "crates/xtask/Cargo.toml"];

/// Whether a manifest has every lint of the workspace, `unsafe_code` as denied.
fn repeats_the_lints(repository: &Repository, manifest: &str) -> bool {
    let Some(root) = repository.text("Cargo.toml") else { return false };
    let table = |line: &&str| line.starts_with("[workspace.lints.");
    let mut inside = false;
    let wanted = root.lines().filter(|line| {
        if line.starts_with('[') {
            inside = table(line);
            return false;
        }
        inside && !line.trim().is_empty() && !line.starts_with('#')
    });
    let as_denied = |line: &str| line.replace("unsafe_code = \"forbid\"", "unsafe_code = \"deny\"");
    let mut wanted = wanted.map(as_denied).peekable();
    wanted.peek().is_some() && wanted.all(|lint| manifest.lines().any(|line| line == lint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, dependencies: &[&str]) -> Repository {
        let all = EVERYTHING.iter().filter(|other| **other != name);
        let repository =
            all.fold(Repository::default(), |repository, other| repository.with_member(other, &[]));
        repository.with_member(name, dependencies)
    }

    #[test]
    fn upward_edges_and_shortcuts_are_found() {
        for (name, dependency) in [
            ("atocore-model", "atocore-storage"),
            ("atocore-storage", "atocore-engine"),
            ("atocore-backup", "atocore-engine"),
            ("atocore", "atocore-storage"),
            ("atocore", "atocore-backup"),
            ("atocore", "dev:atocore-storage"),
            ("atocore-engine", "atocore-testkit"),
        ] {
            assert_eq!(direction(&with(name, &[dependency])).len(), 1, "{name} -> {dependency}");
        }
    }

    #[test]
    fn downward_edges_and_the_testkit_in_tests_are_fine() {
        assert_eq!(
            direction(&with("atocore", &["atocore-engine", "atocore-model", "dev:atocore-testkit"])),
            []
        );
        assert_eq!(direction(&with("atocore-testkit", &["atocore-storage", "atocore"])), []);
    }

    #[test]
    fn a_crate_without_an_entry_is_found() {
        assert_eq!(direction(&with("atocore-surprise", &[])).len(), 1);
    }

    #[test]
    fn a_library_outside_its_crate_is_found() {
        assert_eq!(boundaries(&with("atocore-engine", &["rusqlite", "tokio", "jiff"])).len(), 2);
        assert_eq!(boundaries(&with("atocore-storage", &["rusqlite", "tantivy"])), []);
        assert_eq!(boundaries(&with("xtask", &["tantivy"])), []);
        assert_eq!(boundaries(&with("atocore-backup", &["dev:rusqlite"])), []);
    }

    #[test]
    fn the_one_exception_still_has_every_lint() {
        let root = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n\n[profile.dev]\nx = 1\n";
        let whole = "[lints.rust]\nunsafe_code = \"deny\"\nmissing_docs = \"warn\"\n";
        let found = |path, text| lints(&Repository::of_files(&[("Cargo.toml", root), (path, text)])).len();
        assert_eq!(found(MAY_EXPECT_UNSAFE[0], whole), 0);
        assert_eq!(found(MAY_EXPECT_UNSAFE[0], "[lints.rust]\nunsafe_code = \"deny\"\n"), 1);
        assert_eq!(found("crates/other/Cargo.toml", whole), 1);
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let good = ("crates/good/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n");
        let bad = ("crates/bad/Cargo.toml", "[package]\n\n[dependencies]\nworkspace = true\n");
        let found = lints(&Repository::of_files(&[good, bad]));
        assert_eq!(
            found.iter().map(|found| found.place.as_str()).collect::<Vec<_>>(),
            ["crates/bad/Cargo.toml"]
        );
    }
}
