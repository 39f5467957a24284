//! What the rules look at: the files that belong to the repository, and its packages as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::process;

/// The files of the repository and the packages it is built from on this platform.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// Every file that git tracks or would track, by its path with `/`; `None` when it is not UTF-8 text.
    pub(crate) files: BTreeMap<String, Option<String>>,
    /// Every package in the dependency graph of this platform.
    pub(crate) packages: Vec<Package>,
}

/// One package of the dependency graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The licence expression it states.
    pub(crate) licence: Option<String>,
    /// Where cargo gets it; `None` for a folder on this machine.
    pub(crate) source: Option<String>,
    /// Whether it is one of ours.
    pub(crate) is_member: bool,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One entry of a manifest's dependency tables.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The package asked for.
    pub(crate) name: String,
    /// Whether only tests, examples and benches see it.
    pub(crate) is_dev: bool,
}

impl Repository {
    /// Reads the repository that the current folder is part of.
    ///
    /// # Errors
    /// Cargo or git cannot be run here, or a file cannot be read.
    pub(crate) fn open() -> Result<Self, Failure> {
        let metadata = metadata()?;
        let root = metadata["workspace_root"].as_str().unwrap_or(".").to_owned();
        Ok(Self { files: read_files(Path::new(&root))?, packages: packages(&metadata) })
    }

    /// The packages of this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_member)
    }

    /// The text files whose path ends in `ending`.
    pub(crate) fn texts<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter_map(move |(path, text)| {
            path.ends_with(ending).then_some(())?;
            Some((path.as_str(), text.as_deref()?))
        })
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether `path` is a file, or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(file, _)| file.starts_with(&folder))
    }
}

#[cfg(test)]
impl Repository {
    /// Makes a repository of text files, for trying a rule on.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self { files, packages: Vec::new() }
    }

    /// Adds a package of ours with its dependencies; a name that starts with `dev:` is a dev-dependency.
    pub(crate) fn with_member(mut self, name: &str, dependencies: &[&str]) -> Self {
        let dependencies = dependencies
            .iter()
            .map(|name| match name.strip_prefix("dev:") {
                Some(name) => Dependency { name: name.to_owned(), is_dev: true },
                None => Dependency { name: (*name).to_owned(), is_dev: false },
            })
            .collect();
        self.packages.push(Package {
            name: name.to_owned(),
            is_member: true,
            dependencies,
            ..Package::default()
        });
        self
    }
}

/// Asks cargo for the packages that this platform needs, without changing the lock file.
fn metadata() -> Result<Value, Failure> {
    let about = process::output_of(&mut process::program("rustc", &["-vV"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let mut command = process::cargo(&["metadata", "--format-version", "1", "--locked"]);
    command.args(["--filter-platform", host]);
    let text = process::output_of(&mut command)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::failed(format!("`cargo metadata` wrote no JSON: {error}")))
}

fn packages(metadata: &Value) -> Vec<Package> {
    let ids = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_owned())).collect()
    };
    let members = ids(&metadata["workspace_members"]);
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let used: BTreeSet<_> = nodes.filter_map(|node| node["id"].as_str()).collect();
    let all = metadata["packages"].as_array().into_iter().flatten();
    all.filter_map(|package| {
        let id = package["id"].as_str().filter(|id| used.contains(id))?;
        Some(Package {
            name: text_at(package, "name")?,
            version: text_at(package, "version")?,
            licence: text_at(package, "license"),
            source: text_at(package, "source"),
            is_member: members.contains(id),
            dependencies: dependencies(package),
        })
    })
    .collect()
}

fn dependencies(package: &Value) -> Vec<Dependency> {
    let entries = package["dependencies"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| {
            Some(Dependency { name: text_at(entry, "name")?, is_dev: entry["kind"].as_str() == Some("dev") })
        })
        .collect()
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    Some(value[key].as_str()?.to_owned())
}

fn read_files(root: &Path) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let mut git = process::program("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = process::output_of(git.current_dir(root))
        .map_err(|failure| failure.with_hint("the rules need a git checkout: clone the repository"))?;
    let mut files = BTreeMap::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        match std::fs::read(root.join(path)) {
            Ok(bytes) => {
                files.insert(path.to_owned(), String::from_utf8(bytes).ok());
            }
            // Deleted, but not yet in the index.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::failed(format!("`{path}` cannot be read: {error}"))),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_can_be_read() {
        let repository = Repository::open().unwrap();
        assert!(repository.text("Cargo.toml").unwrap().contains("[workspace]"));
        assert!(repository.members().any(|package| package.name == "xtask"));
        assert!(repository.packages.iter().any(|package| package.name == "serde_json" && !package.is_member));
        assert!(repository.has("crates/xtask") && repository.has("crates/xtask/src/"));
        assert!(!repository.has("crates/xtas") && !repository.has("target"));
    }
}
