//! A backup directory as it can be found: with what others put there, with links that go round, read-only, shared by two
//! installations, half deleted. What is whole in it stays usable, and nothing else is touched.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, thread};

use crate::program::{PROGRAM, Ran, Sandbox, contents, ran};

/// No snapshot that is taken in a test is as new as this.
const FUTURE: &str = "29000101T000000Z";

const VERBS: [&[&str]; 4] = [
    &["backup", "validate", "--all", "--depth", "content"],
    &["backup", "prune", "--keep-last", "100", "--yes"],
    &["backup", "drill"],
    &["status"],
];

fn listed(place: &Sandbox) -> Vec<String> {
    let list = place.json(&["backup", "list"]);
    list.as_array().unwrap().iter().map(|one| one["stamp"].as_str().unwrap().to_owned()).collect()
}

/// The digest of everything except what the program writes about snapshots of its own, which are as new as `whole`.
fn foreign(place: &Sandbox, whole: &str) -> Vec<(String, String)> {
    let backups = place.path("home/backups");
    let own = |path: &str| {
        let stamp = path.strip_prefix("snapshots/").and_then(|path| path.split('/').next());
        ["ledger", ".lock", ".partial"].iter().any(|own| path.starts_with(own))
            || stamp.is_some_and(|stamp| (whole..FUTURE).contains(&stamp) && !stamp.contains(' '))
    };
    let below = |path: &Path| path.strip_prefix(&backups).unwrap().to_str().unwrap().to_owned();
    let files = contents(&backups).into_iter();
    files
        .map(|(path, bytes)| (below(&path), format!("{} bytes", bytes.len())))
        .filter(|(path, _)| !own(path))
        .collect()
}

/// No operation panics or hangs, the whole snapshot stays what it is, and nothing of the rest is touched.
fn assert_survived(place: &Sandbox, whole: &str) {
    let before = foreign(place, whole);
    for verb in VERBS {
        let ran = place.run(verb);
        assert!([0, 2].contains(&ran.code), "{verb:?}: {ran:?}");
    }
    assert_eq!(foreign(place, whole), before);
    assert!(listed(place).contains(&whole.to_owned()));
    place.ok(&["backup", "validate", whole, "--depth", "answers"]);
    let later = place.snapshot();
    assert!(listed(place).contains(&later));
    place.ok(&["backup", "restore", whole, "--yes"]);
}

#[test]
fn links_that_go_round_or_lead_out_are_never_followed() {
    let place = Sandbox::with_notes();
    let whole = place.snapshot();
    let snapshots = place.path("home/backups/snapshots");
    for (name, target) in [
        ("20260101T000000Z", ".."),
        ("20260102T000000Z", "20260102T000000Z"),
        ("20260103T000000Z", whole.as_str()),
        ("20260104T000000Z", "/"),
        ("around", "."),
    ] {
        symlink(target, snapshots.join(name)).unwrap();
    }
    let half = snapshots.join("20260105T000000Z");
    fs::create_dir(&half).unwrap();
    symlink("..", half.join("db")).unwrap();
    symlink("../..", half.join("config")).unwrap();
    assert_survived(&place, &whole);
    for name in ["20260101T000000Z", "20260102T000000Z", "20260104T000000Z", "20260105T000000Z"] {
        let ran = place.run(&["backup", "restore", name, "--yes"]);
        assert_ne!(ran.code, 0, "{ran:?}");
    }

    fs::rename(place.path("home/backups"), place.path("aside")).unwrap();
    symlink("backups", place.path("home/backups")).unwrap();
    for verb in [&["backup", "list"][..], &["backup", "create"], &["backup", "prune"]] {
        let ran = place.run(verb);
        assert!(ran.code != 0 && ran.stderr.contains("backups"), "{verb:?}: {ran:?}");
    }
    let status = place.ok(&["status"]);
    assert!(status.contains("cannot be looked at"), "{status}");
    let doctor = place.run(&["doctor"]);
    assert!(doctor.stdout.contains("cannot be looked at"), "{doctor:?}");
    fs::remove_file(place.path("home/backups")).unwrap();
    fs::rename(place.path("aside"), place.path("home/backups")).unwrap();
    place.ok(&["backup", "validate", &whole, "--depth", "content"]);
}

#[test]
fn thousands_of_foreign_things_and_files_of_any_size_are_named_and_left_alone() {
    let place = Sandbox::with_notes();
    let whole = place.snapshot();
    for number in 0..2_000 {
        fs::create_dir(place.path(&format!("home/backups/snapshots/mine {number}"))).unwrap();
    }
    for number in 0..2_000 {
        place.write(&format!("home/backups/snapshots/20260101T000000Z/db/{number}.db"), "");
    }
    // Of 200 GB, nearly all of it a hole.
    let metadata = place.path("home/backups/snapshots/20260102T000000Z/backup-metadata.json");
    fs::create_dir(metadata.parent().unwrap()).unwrap();
    truncate(&metadata, "200G");
    let ran = place.run(&["backup", "validate", "20260102T000000Z", "--depth", "digests"]);
    assert!(ran.code == 2 && ran.stdout.contains("metadata"), "{ran:?}");
    truncate(&metadata, "3");
    assert_survived(&place, &whole);
}

#[test]
fn half_deleted_and_out_of_place_it_is_mended_or_named() {
    let place = Sandbox::with_notes();
    let whole = place.snapshot();
    place.ok(&["backup", "validate", &whole]);
    let backups = place.path("home/backups");
    for own in fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap()) {
        if own.file_name() == "snapshots" {
            continue;
        }
        let (path, aside) = (own.path(), place.path("aside"));
        fs::rename(&path, &aside).unwrap();
        assert_survived(&place, &whole);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        // A file where a folder is meant to be, and the other way round.
        if aside.is_dir() {
            fs::remove_dir_all(&aside).unwrap();
            fs::write(&path, "not a folder").unwrap();
        } else {
            fs::remove_file(&aside).unwrap();
            fs::create_dir(&path).unwrap();
        }
        for verb in VERBS {
            let ran = place.run(verb);
            assert!(
                [0, 1, 2, 74].contains(&ran.code) && !ran.stderr.contains("panicked"),
                "{path:?}: {ran:?}"
            );
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let ran = place.run(&["backup", "create"]);
        assert!(ran.code == 0 || ran.stderr.contains(&name), "{name}: {ran:?}");
        if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) }.unwrap();
        assert_survived(&place, &whole);
    }
    fs::remove_dir_all(&backups).unwrap();
    assert_eq!(listed(&place), [""; 0]);
    let ran = place.run(&["backup", "restore", &whole, "--yes"]);
    assert!(ran.code != 0 && ran.stderr.contains(&whole), "{ran:?}");
    let again = place.snapshot();
    assert_survived(&place, &again);
}

#[test]
fn a_read_only_backup_directory_is_read_and_writing_to_it_is_refused() {
    let place = Sandbox::with_notes();
    let whole = place.snapshot();
    // Read-only for everybody, the administrator too.
    let in_it = |arguments: &str| -> Ran {
        let script = format!(
            "mount --bind home/backups home/backups && mount -o remount,bind,ro home/backups && \
             {PROGRAM} --data-dir home {arguments}"
        );
        let own = ["--user", "--map-root-user", "--mount", "sh", "-c", &script];
        ran(place.bare("unshare").args(own))
    };
    let listed = in_it("backup list");
    assert!(listed.code == 0 && listed.stdout.contains(&whole), "{listed:?}");
    for verb in
        ["create", "pin STAMP", "prune --keep-last 1 --yes", "drill", "validate STAMP --depth content"]
    {
        let told = in_it(&format!("backup {}", verb.replace("STAMP", &whole)));
        assert!(!told.stderr.contains("panicked"), "{verb}: {told:?}");
        if ["create", "pin STAMP"].contains(&verb) {
            assert!(told.code != 0 && told.stderr.contains("Read-only file system"), "{verb}: {told:?}");
        }
    }
    // A restore needs a snapshot of the present state first, which cannot be written: nothing changes.
    place.write("notes/new.md", "# New\n\nLanterns are lit at dusk.\n");
    place.ok(&["refresh", "notes"]);
    let before = place.state();
    let told = in_it(&format!("backup restore {whole} --yes"));
    assert!(told.code != 0 && told.stderr.contains("Read-only file system"), "{told:?}");
    assert_eq!(place.state(), before);
    let elsewhere = in_it(&format!("backup restore {whole} --to elsewhere"));
    assert_eq!(elsewhere.code, 0, "{elsewhere:?}");
    assert_survived(&place, &whole);
}

#[test]
fn two_installations_with_one_backup_directory_keep_their_own() {
    let places = [Sandbox::with_notes(), Sandbox::with_notes()];
    let shared = tempfile::tempdir().unwrap();
    let command = |place: &Sandbox, arguments: &[&str]| -> Command {
        let mut command = place.bare(PROGRAM);
        command.env("ATOCORE_DATA_DIR", place.path("home/data"));
        command.env("ATOCORE_PROJECT_REGISTRY_PATH", place.path("home/config/project-registry.json"));
        command.env("ATOCORE_BACKUP_DIR", shared.path()).args(arguments);
        command
    };
    let done = |place: &Sandbox, arguments: &[&str]| {
        let ran = ran(&mut command(place, arguments));
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    };
    let create = |place: &Sandbox| {
        let told = done(place, &["--json", "backup", "create"]);
        let metadata: serde_json::Value = serde_json::from_str(&told).unwrap();
        let root = metadata["backup_root"].as_str().unwrap().to_owned();
        root.rsplit('/').next().unwrap().to_owned()
    };
    // Both at once, each with a server where one of them has to wait for nobody.
    let taken: Vec<Vec<String>> = thread::scope(|scope| {
        let create = &create;
        let both =
            places.each_ref().map(|place| scope.spawn(move || (0..4).map(|_| create(place)).collect()));
        both.map(|one| one.join().unwrap()).into()
    });
    let mut all: Vec<&String> = taken.iter().flatten().collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8, "no stamp is given twice: {taken:?}");
    for place in &places {
        done(place, &["backup", "validate", "--all", "--depth", "content"]);
        done(
            place,
            &[
                "backup",
                "prune",
                "--keep-last",
                "1",
                "--keep-daily",
                "0",
                "--keep-weekly",
                "0",
                "--keep-monthly",
                "0",
                "--yes",
            ],
        );
    }
    for (place, taken) in places.iter().zip(&taken) {
        // The newest of each is kept, whoever removed.
        done(place, &["backup", "validate", taken.last().unwrap(), "--depth", "answers"]);
    }
    // What the plan says of the snapshot of the other.
    let plan = done(&places[0], &["backup", "restore", taken[1].last().unwrap(), "--dry-run"]);
    assert!(plan.contains("of another store"), "{plan}");
}

#[test]
fn a_snapshot_of_the_future_is_one_among_others() {
    let place = Sandbox::with_notes();
    let whole = place.snapshot();
    let snapshots = place.path("home/backups/snapshots");
    for (future, from) in [("99991231T235959Z", &whole), ("29990101T000000Z", &whole)] {
        let copied =
            Command::new("cp").arg("-r").arg(snapshots.join(from)).arg(snapshots.join(future)).status();
        assert!(copied.unwrap().success());
    }
    // As long as there are others, they are not the newest.
    let drilled = place.json(&["backup", "drill"]);
    assert_eq!(drilled["stamp"], whole.as_str(), "{drilled}");
    assert_survived(&place, &whole);
    assert!(listed(&place).contains(&"99991231T235959Z".to_owned()));
}

/// Gives a file a size; what it grows by is a hole.
fn truncate(path: &Path, size: &str) {
    assert!(Command::new("truncate").args(["-s", size]).arg(path).status().unwrap().success());
}

/// All that is said of the snapshots is of one moment, and a directory on a slow disk is not read more often than needed.
#[test]
fn a_status_looks_at_the_backup_directory_once_and_names_it_once() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let mut traced = place.bare("strace");
    traced.args(["-f", "-qq", "-e", "trace=openat", "-o", "trace", PROGRAM, "--data-dir", "home", "status"]);
    let status = ran(&mut traced);
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.stdout.contains(&stamp), "{status:?}");
    let trace = place.read("trace");
    let looks = trace.lines().filter(|call| call.contains("/snapshots\"") && call.contains("O_DIRECTORY"));
    assert_eq!(looks.count(), 1, "{trace}");

    fs::rename(place.path("home/backups/snapshots"), place.path("home/backups/aside")).unwrap();
    place.write("home/backups/snapshots", "no folder");
    let backups = place.path("home/backups");
    for status in [status.stdout, place.ok(&["status"])] {
        assert_eq!(status.matches(backups.to_str().unwrap()).count(), 1, "{status}");
    }
}
