//! `cargo xtask size`: how large the product is, and how tangled: the figures that a rebuild is held against.

use std::collections::BTreeMap;

use crate::{
    failure::Failure,
    repository::Repository,
    terminal,
    tidy::{circles_of, is_test, names_used_twice, product_sources, production_lines, shipped_crate},
};

/// The lines of one crate.
#[derive(Debug, Default, Clone)]
struct Size {
    /// Lines of each source file, without its tests.
    files: Vec<usize>,
    tests: usize,
}

/// Prints the figures.
///
/// # Errors
/// The repository cannot be read, or an argument was given.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if !args.is_empty() {
        return Err(Failure::usage(format!("size does not understand `{}`", args.join(" "))));
    }
    let repository = Repository::open()?;
    let sizes = sizes(&repository);
    terminal::line(&format!("{:<18}{:>7}{:>9}{:>9}", "crate", "files", "product", "tests"));
    for (name, size) in &sizes {
        terminal::line(&row(name, size));
    }
    let mut all = Size::default();
    for size in sizes.into_values() {
        all.files.extend(size.files);
        all.tests += size.tests;
    }
    terminal::line(&row("all", &all));
    all.files.sort_unstable();
    let (median, largest) = (all.files.get(all.files.len() / 2), all.files.last());
    let product: usize = all.files.iter().sum();
    terminal::line(&format!(
        "\nfiles: median {} lines, largest {}; tests {:.2} of the product",
        median.unwrap_or(&0),
        largest.unwrap_or(&0),
        all.tests as f64 / product.max(1) as f64,
    ));
    let shipped = shipped(&repository);
    let twice = names_used_twice(&shipped);
    terminal::line(&format!("type names for two things: {}", twice.len()));
    for (name, places) in twice {
        terminal::line(&format!("  {name}: {}", places.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let circles = circles_of(&shipped);
    terminal::line(&format!("circles of imports: {}", circles.len()));
    for circle in circles {
        terminal::line(&format!("  {} files: {}", circle.len(), circle.join(", ")));
    }
    Ok(())
}

fn row(name: &str, size: &Size) -> String {
    let product: usize = size.files.iter().sum();
    format!("{name:<18}{:>7}{product:>9}{:>9}", size.files.len(), size.tests)
}

/// Every source file that is shipped, without its tests.
fn shipped(repository: &Repository) -> BTreeMap<&str, String> {
    let mut files = product_sources(repository);
    files.retain(|path, _| shipped_crate(path).is_some());
    files
}

fn sizes(repository: &Repository) -> BTreeMap<String, Size> {
    let mut sizes = BTreeMap::<String, Size>::new();
    for (path, text) in repository.texts(".rs") {
        let Some(name) = shipped_crate(path) else { continue };
        let size = sizes.entry(name.to_owned()).or_default();
        let lines = text.lines().count();
        if is_test(repository, path) {
            size.tests += lines;
        } else {
            let product = production_lines(text);
            size.files.push(product);
            size.tests += lines - product;
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_and_tests_are_told_apart() {
        let repository = Repository::of_files(&[
            ("crates/a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod c;\npub struct One;\n"),
            ("crates/a/src/b.rs", "pub(crate) struct One<'a>(&'a str);\n\n#[cfg(test)]\nmod tests {\n}\n"),
            ("crates/a/src/c.rs", "struct Two;\n"),
            ("crates/a/tests/it/main.rs", "struct Two;\nstruct Three;\n"),
            ("crates/xtask/src/main.rs", "struct One;\n"),
        ]);
        let sizes = sizes(&repository);
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!((sizes["a"].files.clone(), sizes["a"].tests), (vec![2, 4], 3 + 1 + 2));
    }
}
