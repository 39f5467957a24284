//! Circles of imports: files of a crate that all need each other.
//!
//! A file and the files of its own folder are one thing: between them there is no circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, shape};
use crate::repository::Repository;

/// A file that needs another one is not needed by it, however far around.
pub(super) fn rule(repository: &Repository) -> Vec<Finding> {
    let circles = find(&shape::product_sources(repository)).into_iter();
    let finding = |circle: Vec<String>| {
        let others = circle[1..].join(", ");
        Finding::new(&circle[0], format!("is in a circle of imports with {others}: cut it"))
    };
    circles.map(finding).collect()
}

/// The circles among source files, the largest first; each sorted. The strongly connected components by Tarjan (1972).
pub(crate) fn find(files: &BTreeMap<&str, String>) -> Vec<Vec<String>> {
    let paths: Vec<&str> = files.keys().copied().collect();
    let index: BTreeMap<&str, usize> = paths.iter().enumerate().map(|(index, path)| (*path, index)).collect();
    let edges = paths.iter().map(|path| {
        let needed = imports(path, &files[path]).into_iter();
        let meant = needed.filter_map(|module| file_of(path, &module, &index));
        meant.filter(|to| !are_one(path, paths[*to])).collect::<BTreeSet<_>>()
    });
    let mut search = Search { edges: edges.collect(), ..Search::default() };
    search.seen = vec![None; paths.len()];
    search.low = vec![0; paths.len()];
    for start in 0..paths.len() {
        if search.seen[start].is_none() {
            search.visit(start);
        }
    }
    let mut circles: Vec<Vec<String>> = search
        .components
        .into_iter()
        .filter(|component| component.len() > 1)
        .map(|component| component.into_iter().map(|file| paths[file].to_owned()).collect())
        .collect();
    circles.iter_mut().for_each(|circle| circle.sort_unstable());
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

#[derive(Default)]
struct Search {
    edges: Vec<BTreeSet<usize>>,
    seen: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    count: usize,
    components: Vec<Vec<usize>>,
}

impl Search {
    fn visit(&mut self, file: usize) {
        let number = self.count;
        self.count += 1;
        self.seen[file] = Some(number);
        self.low[file] = number;
        self.stack.push(file);
        for to in self.edges[file].clone() {
            match self.seen[to] {
                None => {
                    self.visit(to);
                    self.low[file] = self.low[file].min(self.low[to]);
                }
                Some(seen) if self.stack.contains(&to) => self.low[file] = self.low[file].min(seen),
                Some(_) => {}
            }
        }
        if self.low[file] == number {
            let at = self.stack.iter().position(|on| *on == file).unwrap_or_default();
            self.components.push(self.stack.split_off(at));
        }
    }
}

/// The modules that a file imports from, as paths from the root of its crate.
fn imports(path: &str, text: &str) -> Vec<Vec<String>> {
    let own = module_of(path);
    let mut found = Vec::new();
    for statement in statements(text) {
        let mut names = Vec::new();
        expand(&statement, &mut Vec::new(), &mut names);
        for name in names {
            let absolute = match name.first().map(String::as_str) {
                Some("crate") => name[1..].to_vec(),
                Some("super") => {
                    let up = name.iter().take_while(|part| *part == "super").count();
                    let kept = own.len().saturating_sub(up);
                    own[..kept].iter().chain(&name[up..]).cloned().collect()
                }
                Some("self") => own.iter().chain(&name[1..]).cloned().collect(),
                _ => continue,
            };
            found.push(absolute);
        }
    }
    found
}

/// What follows `use` in each statement, without spaces.
fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        if open.is_none() {
            let begins = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "];
            open = begins.iter().find_map(|begin| line.strip_prefix(begin)).map(str::to_owned);
        } else if let Some(statement) = &mut open {
            statement.push_str(line);
        }
        if let Some(statement) = open.take_if(|statement| statement.contains(';')) {
            found.push(statement.replace(';', "").split_whitespace().collect());
        }
    }
    found
}

/// The paths of a tree of imports.
fn expand(tree: &str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let depth = before.len();
    let mut rest = tree;
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            let inner = inner.strip_suffix('}').unwrap_or(inner);
            split(inner).into_iter().for_each(|part| expand(part, before, found));
            break;
        }
        match rest.split_once("::") {
            Some((part, after)) => {
                before.push(part.to_owned());
                rest = after;
            }
            None => {
                let name = rest.split("as").next().unwrap_or_default();
                found.push(before.iter().cloned().chain([name.to_owned()]).collect());
                break;
            }
        }
    }
    before.truncate(depth);
}

/// The parts between commas that are in no braces.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The module that a file is.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside).trim_end_matches(".rs");
    let parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if parts == ["lib"] || parts == ["main"] { Vec::new() } else { parts }
}

/// The file of the longest beginning of a path that is a module.
fn file_of(from: &str, module: &[String], index: &BTreeMap<&str, usize>) -> Option<usize> {
    let (root, _) = from.split_once("/src/")?;
    (1..=module.len()).rev().find_map(|length| {
        let path = format!("{root}/src/{}.rs", module[..length].join("/"));
        index.get(path.as_str()).copied()
    })
}

/// Whether two files are one thing: one lies in the folder of the other.
fn are_one(one: &str, other: &str) -> bool {
    let lies_in =
        |file: &str, folder: &str| file.starts_with(&format!("{}/", folder.trim_end_matches(".rs")));
    one == other || lies_in(one, other) || lies_in(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&'static str, &str)]) -> Vec<Vec<String>> {
        find(&files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect())
    }

    #[test]
    fn files_that_need_each_other_are_a_circle() {
        let found = circles(&[
            ("crates/a/src/lib.rs", "mod one;\nuse one::One;\n"),
            ("crates/a/src/one.rs", "use crate::{\n    two::{Two, other},\n    Three,\n};\n"),
            ("crates/a/src/two.rs", "use super::three::deep::Deep;\n"),
            ("crates/a/src/three/deep.rs", "pub(crate) use crate::one::One as Other;\n"),
            ("crates/a/src/three.rs", "mod deep;\n"),
        ]);
        let circle = ["crates/a/src/one.rs", "crates/a/src/three/deep.rs", "crates/a/src/two.rs"];
        assert_eq!(found, [circle.map(str::to_owned).to_vec()]);
    }

    #[test]
    fn a_circle_is_a_finding_but_for_tests() {
        let repository = Repository::of_files(&[
            ("crates/a/src/one.rs", "use crate::two::Two;\n"),
            ("crates/a/src/two.rs", "use crate::one::One;\n"),
            ("crates/a/src/tests.rs", "use crate::one::One;\n"),
        ]);
        let found = rule(&repository);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/a/src/one.rs");
        assert!(found[0].message.contains("crates/a/src/two.rs"), "{}", found[0].message);
    }

    #[test]
    fn a_file_and_its_folder_are_one_thing() {
        let found = circles(&[
            ("crates/a/src/one.rs", "mod part;\nuse part::Part;\n"),
            ("crates/a/src/one/part.rs", "use super::One;\nuse std::fmt;\n"),
        ]);
        assert_eq!(found, Vec::<Vec<String>>::new());
    }
}
