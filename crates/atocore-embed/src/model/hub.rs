//! The cache of the Hugging Face hub, as other programs fill it: `models--OWNER--NAME/snapshots/COMMIT/`, with the
//! newest commit in `refs/main`. Only ever read.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What the folder of a model begins with.
const MODEL: &str = "models--";

/// Name (`OWNER/NAME`) and folder of every model in a cache of the hub, by name; none when the folder is no such cache.
#[must_use]
pub fn in_hub_cache(cache: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_str()?.strip_prefix(MODEL)?.replacen("--", "/", 1);
            Some((name, snapshot(&entry.path())?))
        })
        .collect();
    found.sort();
    found
}

/// The files of the commit that counts: the one of the main branch, else the first there is.
fn snapshot(model: &Path) -> Option<PathBuf> {
    let snapshots = model.join("snapshots");
    let main = fs::read_to_string(model.join("refs").join("main")).unwrap_or_default();
    let main = main.trim();
    // What is read from a file becomes a path only when it is the name of a commit.
    if !main.is_empty() && main.bytes().all(|byte| byte.is_ascii_hexdigit()) && snapshots.join(main).is_dir()
    {
        return Some(snapshots.join(main));
    }
    let entries = fs::read_dir(snapshots).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_of_the_main_branch_counts_and_nothing_outside_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: Option<&str>| {
            let path = dir.path().join(path);
            fs::create_dir_all(if text.is_some() { path.parent().unwrap() } else { &path }).unwrap();
            #[expect(clippy::disallowed_methods, reason = "a test fills a folder of its own")]
            text.map_or(Ok(()), |text| fs::write(&path, text)).unwrap();
        };
        put("models--b--two--parts/snapshots/aaa", None);
        put("models--b--two--parts/snapshots/bbb", None);
        put("models--b--two--parts/refs/main", Some("bbb\n"));
        put("models--a--x/snapshots/ccc", None);
        put("models--a--x/refs/main", Some("../.."));
        put("models--c--empty/refs/main", Some("ddd"));
        put("datasets--a--x/snapshots/ccc", None);
        let at = |path: &str| dir.path().join(path);
        let expected = [
            ("a/x".to_owned(), at("models--a--x/snapshots/ccc")),
            ("b/two--parts".to_owned(), at("models--b--two--parts/snapshots/bbb")),
        ];
        assert_eq!(in_hub_cache(dir.path()), expected);
        assert_eq!(in_hub_cache(&at("missing")), []);
    }
}
