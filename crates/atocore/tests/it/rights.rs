//! What this user may not read or write is said to be so, with its owner; it is never taken for damaged or for missing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{damage::bounded, program::Sandbox};

/// Every file and folder below a folder, itself included.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Takes all rights from everybody, until it is dropped.
struct Closed<'p>(&'p Path, fs::Permissions);

impl<'p> Closed<'p> {
    fn new(path: &'p Path) -> Self {
        let before = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        Self(path, before)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        fs::set_permissions(self.0, self.1.clone()).unwrap();
    }
}

#[test]
fn what_may_not_be_read_is_named_with_its_owner_and_is_not_taken_for_damaged_or_missing() {
    let place = Sandbox::with_notes();
    let before = place.state();
    // Nothing can be done without these; the rest is only needed now and then.
    let needed = ["home", "home/data", "home/data/db", "home/data/db/atocore.db", "home/data/index/lexical"];
    let mut refused = 0;
    let mut paths = everything(&place.path("home/data"));
    paths.insert(0, place.path("home"));
    for path in &paths {
        let is_needed = needed.iter().any(|needed| *path == place.path(needed));
        for verb in [&["status"][..], &["query", "keys"], &["memory", "list"], &["refresh", "notes"]] {
            println!("{} {verb:?}", path.display());
            let ran = {
                let _closed = Closed::new(path);
                bounded(&place, &[&["--json"], verb].concat())
            };
            if ran.code == 0 && !is_needed {
                continue;
            }
            refused += 1;
            assert_eq!(ran.code, 1, "{ran:?}");
            let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
            let (detail, hint) = (problem["detail"].as_str().unwrap(), problem["hint"].as_str().unwrap());
            assert_eq!(problem["code"], "io", "{problem}");
            assert!(detail.to_lowercase().contains("permission denied"), "{problem}");
            let named = format!("`{}` belongs to user `", path.display());
            assert!(
                hint.starts_with(&named) && hint.contains("has mode 000: run the command as"),
                "{problem}"
            );
        }
    }
    assert!(refused > 20, "{refused}");
    assert_eq!(place.state(), before);
}

#[test]
fn a_registry_or_backup_directory_that_may_not_be_read_hides_nothing_else() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    let look = |verb| {
        let ran = bounded(&place, &["--json", verb]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    };
    for (folder, check) in [("home/config", "registry"), ("home/backups", "snapshots")] {
        let path = place.path(folder);
        let _closed = Closed::new(&path);
        let whose = format!("`{}` belongs to user `", path.display());
        let (status, doctor) = (look("status"), look("doctor"));
        assert_eq!(status["projects"][0]["documents"], 3, "{status}");
        let said = if check == "registry" {
            &status["registry_problem"]["message"]
        } else {
            &status["snapshots"]["problem"]
        };
        assert!(said.as_str().unwrap().contains("Permission denied"), "{status}");
        let checks = doctor["checks"].as_array().unwrap();
        let broken: Vec<_> = checks.iter().filter(|check| check["level"] == "problem").collect();
        assert_eq!(broken.len(), 1, "{doctor}");
        assert_eq!(broken[0]["check"], check);
        assert!(broken[0]["cure"].as_str().unwrap().starts_with(&whose), "{doctor}");
    }
}

#[test]
fn a_snapshot_that_may_not_be_read_is_not_taken_for_damaged_and_keeps_its_proof() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let snapshot = place.path(&format!("home/backups/snapshots/{stamp}"));
    let _proven = place.ok(&["backup", "validate", &stamp, "--depth", "content"]);
    let listed = place.ok(&["backup", "list", "--json"]);
    for path in everything(&snapshot) {
        for verb in [&["validate"][..], &["restore"], &["drill"]] {
            let arguments = if verb == ["drill"] { verb.to_vec() } else { [verb, &[&stamp]].concat() };
            let ran = {
                let _closed = Closed::new(&path);
                bounded(&place, &[&["--json", "backup"], &arguments[..]].concat())
            };
            assert_eq!(ran.code, 1, "{ran:?}");
            let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(problem["code"], "io", "{problem}");
            let named = format!("`{}` belongs to user `", path.display());
            assert!(problem["hint"].as_str().unwrap().starts_with(&named), "{problem}");
        }
    }
    assert_eq!(place.ok(&["backup", "list", "--json"]), listed);
}

#[test]
fn documents_that_may_not_be_read_do_not_stand_for_what_is_left_of_a_root() {
    for by_file in [false, true] {
        let place = Sandbox::new();
        let note = |folder: &str, number| format!("notes/{folder}{number}.md");
        (0..10).for_each(|number| drop(place.write(&note("x/", number), format!("# Closed {number}\n"))));
        (0..9).for_each(|number| drop(place.write(&note("", number), format!("# Open {number}\n"))));
        place.ok(&["project", "add", "notes", "--root", "notes"]);
        place.ok(&["refresh", "notes"]);
        let files = (0..10).map(|number| place.path(&note("x/", number))).collect();
        let paths = if by_file { files } else { vec![place.path("notes/x")] };
        let _closed: Vec<_> = paths.iter().map(|path| Closed::new(path)).collect();
        let kept = bounded(&place, &["refresh", "notes"]);
        assert!(kept.code == 2 && kept.stdout.contains("9 unchanged"), "{kept:?}");
        (0..9).for_each(|number| fs::remove_file(place.path(&note("", number))).unwrap());
        for _ in 0..2 {
            let ran = bounded(&place, &["refresh", "notes"]);
            assert!(ran.code == 2 && ran.stdout.contains("9 of the 9 documents"), "{ran:?}");
        }
        assert_eq!(place.json(&["status"])["projects"][0]["documents"], 19);
    }
}

#[test]
fn what_a_refresh_cannot_read_is_said_with_what_helps() {
    let place = Sandbox::with_notes();
    place.write("notes/x/a.md", "# Closed\n");
    let (file, ignore) = (place.write("notes/b.md", "# Closed\n"), place.path("notes/.gitignore"));
    let folder = place.path("notes/x");
    let said = |hint: &str, others: &[&str]| {
        let ran = bounded(&place, &["refresh", "notes"]);
        assert!(ran.code == 2 && ran.stdout.contains(hint), "{ran:?}");
        assert!(others.iter().all(|other| !ran.stdout.contains(other)), "{ran:?}");
        let doctor = bounded(&place, &["doctor"]).stdout;
        assert!(doctor.contains(&format!("{hint}, then `atocore")), "{doctor}");
    };
    let (read, shorten, ignored) = ("let this user read it (owner, mode)", "shorten it", ".atocoreignore");
    for path in [&folder, &file] {
        let _closed = Closed::new(path);
        said(&format!("{read} or leave it out in `{ignored}`"), &[shorten, "correct"]);
    }
    fs::write(&ignore, "x*\n").unwrap();
    {
        let _closed = Closed::new(&ignore);
        said(read, &[shorten, ignored]);
    }
    let allowed = "shorten it, or make it a regular file: 256 KiB and 5000 patterns are allowed";
    for lines in ["# comment\n".repeat(30_000), "x*\n".repeat(6000)] {
        fs::write(&ignore, lines).unwrap();
        said(allowed, &[read, ignored]);
    }
    fs::write(&ignore, "[\n".repeat(30)).unwrap();
    said("correct its lines", &[shorten, ignored]);
    fs::remove_file(&ignore).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("notes/link.md")).unwrap();
    said("mend or remove the link or leave it out in `.atocoreignore`", &[read]);
    fs::remove_file(place.path("notes/link.md")).unwrap();
    place.write("notes/c.md", b"caf\xc3\xa9 \xff");
    said("correct the file or leave it out in `.atocoreignore`", &[read]);
}
