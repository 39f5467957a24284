//! One name, one thing: a type has a name that no other type of the product has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, shape, shipped_crate};
use crate::repository::Repository;

/// Names that every module may have for itself: its path says whose they are.
const OWN_NAMES: [&str; 3] = ["Error", "Options", "Result"];

/// No type of the product is called as another one.
pub(super) fn rule(repository: &Repository) -> Vec<Finding> {
    let mut files = shape::product_sources(repository);
    files.retain(|path, _| shipped_crate(path).is_some());
    let finding = |(name, places): (String, BTreeSet<String>)| {
        let places: Vec<_> = places.into_iter().collect();
        let others = places[1..].join(", ");
        Finding::new(&places[0], format!("declares `{name}`, as {others} does: rename one"))
    };
    used_twice(&files).into_iter().map(finding).collect()
}

/// The types that are declared under one name in several files.
pub(crate) fn used_twice(files: &BTreeMap<&str, String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut places = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, text) in files {
        for name in text.lines().filter_map(declared).filter(|name| !OWN_NAMES.contains(name)) {
            let _new = places.entry(name.to_owned()).or_default().insert((*path).to_owned());
        }
    }
    places.retain(|_, places| places.len() > 1);
    places
}

/// The type that a line declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let kinds = ["struct ", "enum ", "trait ", "union "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_two_files_is_found_and_one_of_a_test_is_not() {
        let repository = Repository::of_files(&[
            ("crates/a/src/lib.rs", "mod b;\npub struct One;\npub enum Error {}\n"),
            (
                "crates/a/src/b.rs",
                "pub(crate) struct One<'a>(&'a str);\nenum Error {}\n\n#[cfg(test)]\nmod tests {\n    struct Two;\n}\n",
            ),
            ("crates/b/src/lib.rs", "trait Two {}\n"),
            ("crates/xtask/src/main.rs", "struct Two;\n"),
        ]);
        let found = rule(&repository);
        let told: Vec<_> = found.iter().map(|found| (found.place.as_str(), found.message.as_str())).collect();
        assert_eq!(told, [("crates/a/src/b.rs", "declares `One`, as crates/a/src/lib.rs does: rename one")]);
    }
}
