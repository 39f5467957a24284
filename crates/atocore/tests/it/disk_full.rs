//! A disk that is full is told as that, costs nothing that was committed, and the same command goes on once there is
//! room.

use std::path::PathBuf;

use atocore_testkit::full_disk::{Ran, SmallDisk};
use serde_json::Value;

const MIB: u64 = 1 << 20;

/// An installation of which parts lie on a small disk.
struct Small {
    disk: SmallDisk,
    scratch: tempfile::TempDir,
}

impl Small {
    /// A disk of `bytes` at the folder `home/part`, or at the home itself when that is empty.
    fn new(part: &str, bytes: u64) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().join("home").join(part);
        for folder in [place.as_path(), &scratch.path().join("documents")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let disk = SmallDisk::mount(&place, bytes, scratch.path()).unwrap();
        Self { disk, scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Writes `count` documents of about `size` bytes each, none like another.
    fn write(&self, folder: &str, count: usize, size: usize) {
        let folder = self.path("documents").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            let words = (0..size / 8)
                .map(|place| format!("w{:06x} ", (number * 7_919 + place * 104_729) % 0xff_ffff));
            let lines: Vec<String> = words.collect::<Vec<_>>().chunks(12).map(<[String]>::concat).collect();
            let text = format!("# {} {number}\n\n{}\n", folder.display(), lines.join("\n\n"));
            std::fs::write(folder.join(format!("{number}.md")), text).unwrap();
        }
    }

    fn run(&mut self, arguments: &[&str]) -> Ran {
        let home = self.path("home").to_string_lossy().into_owned();
        let program = env!("CARGO_BIN_EXE_atocore");
        let words: Vec<_> =
            [program, "--data-dir", &home, "--json"].iter().chain(arguments).copied().collect();
        self.disk.run(&words).unwrap()
    }

    /// The answer of a command that must succeed.
    fn must(&mut self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The problem of a command that must fail because the disk is full, with its cure.
    fn refused(&mut self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}: {ran:?}");
        let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(problem["code"], "disk_full", "{arguments:?}: {ran:?}");
        assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("room")), "{problem}");
        problem
    }

    fn add(&mut self, id: &str) {
        let root = self.path("documents").join(id);
        std::fs::create_dir_all(&root).unwrap();
        let _project = self.must(&["project", "add", id, "--root", &root.to_string_lossy()]);
    }

    /// The number of stored documents of a project.
    fn documents(&mut self, project: &str) -> u64 {
        let plan = self.must(&["project", "remove", project]);
        plan["documents"].as_u64().unwrap()
    }
}

#[test]
fn ingestion_on_a_full_disk_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let mut small = Small::new("", 6 * MIB);
    small.write("first", 20, 2_000);
    small.add("first");
    let _done = small.must(&["refresh", "first"]);
    small.write("second", 1_500, 8_000);
    small.add("second");

    let _problem = small.refused(&["refresh", "second"]);
    assert_eq!(small.documents("first"), 20);
    let half = small.documents("second");
    assert!(half < 1_500, "all {half} fitted: the disk is not small enough");

    small.disk.resize(256 * MIB).unwrap();
    let result = small.must(&["refresh", "second"]);
    assert_eq!(result["counts"]["ingested"], 1_500 - half, "what was committed is not read again");
    assert_eq!(small.documents("second"), 1_500);
    assert_eq!(small.documents("first"), 20);
}

#[test]
fn ingestion_that_can_make_no_file_more_is_refused_at_every_one_of_them() {
    let mut small = Small::new("", 64 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);

    let mut failures = 0;
    loop {
        small.write("notes", 11, 2_000 + usize::try_from(failures).unwrap());
        small.disk.allow_more_files(failures).unwrap();
        let ran = small.run(&["refresh", "notes"]);
        if ran.code == 0 {
            break;
        }
        let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(problem["code"], "disk_full", "with room for {failures} files: {problem}");
        failures += 1;
    }
    assert!(failures >= 3, "only {failures} failures: files were not missed one by one");
    assert_eq!(small.documents("notes"), 11);
    let answer = small.must(&["query", "notes", "10"]);
    assert_eq!(answer["generation"], answer["store_generation"]);
}

#[test]
fn a_disk_without_a_free_byte_refuses_writes_and_still_answers() {
    let mut small = Small::new("", 16 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    let before = small.must(&["project", "list"]);
    small.disk.fill("filler").unwrap();

    let root = small.path("documents/more");
    std::fs::create_dir_all(&root).unwrap();
    let add = ["project", "add", "more", "--root", &root.to_string_lossy()];
    let _problem = small.refused(&add);
    let _problem = small.refused(&["project", "update", "notes", "--alias", "Field Notes"]);
    let _problem = small.refused(&["refresh", "notes"]);
    assert_eq!(small.must(&["project", "list"]), before);
    let answer = small.must(&["query", "notes"]);
    assert!(!answer["results"].as_array().unwrap().is_empty(), "{answer}");

    small.disk.remove("filler").unwrap();
    let _project = small.must(&add);
    assert_eq!(small.must(&["project", "list"])["projects"].as_array().unwrap().len(), 2);
}

#[test]
fn a_snapshot_that_will_not_fit_is_refused_with_the_numbers() {
    let mut small = Small::new("backups", 8 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);

    let problem = small.refused(&["backup", "create"]);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&(8 * MIB).to_string()), "the free bytes are not named: {detail}");
    assert!(detail.contains("are needed") && detail.contains("backups"), "{detail}");
    assert_eq!(small.must(&["backup", "list"]), Value::Array(Vec::new()));
    assert_eq!(small.disk.must(&["ls", "-A", &small.path("home/backups").to_string_lossy()]).unwrap(), "");

    small.disk.resize(64 * MIB).unwrap();
    let _snapshot = small.must(&["backup", "create"]);
}

#[test]
fn a_disk_that_fills_up_during_a_snapshot_leaves_nothing_of_it() {
    let mut small = Small::new("backups", 64 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    let vectors = small.path("home/data/chroma");
    std::fs::create_dir_all(&vectors).unwrap();
    for number in 0..5 {
        std::fs::write(vectors.join(number.to_string()), "vectors").unwrap();
    }
    let create = ["backup", "create", "--include-chroma"];
    let _first = small.must(&create);
    let listed = small.must(&["backup", "list"]);
    let partial = small.path("home/backups/.partial").to_string_lossy().into_owned();

    // The free bytes suffice every time, so the check lets it begin; then the disk has no room for one more file.
    let mut failures = 0;
    loop {
        small.disk.allow_more_files(failures).unwrap();
        let ran = small.run(&create);
        if ran.code == 0 {
            break;
        }
        let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(problem["code"], "disk_full", "with room for {failures} files: {problem}");
        assert_eq!(small.must(&["backup", "list"]), listed, "with room for {failures} files");
        assert_eq!(small.disk.must(&["ls", "-A", &partial]).unwrap(), "", "with room for {failures} files");
        failures += 1;
    }
    assert!(failures >= 10, "only {failures} failures: files were not missed one by one");
    let listed = small.must(&["backup", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    for entry in listed.as_array().unwrap() {
        let _valid =
            small.must(&["backup", "validate", entry["stamp"].as_str().unwrap(), "--depth", "content"]);
    }
}
