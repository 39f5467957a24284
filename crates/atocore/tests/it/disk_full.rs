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

    /// The problem of a command that must fail because the disk is full, with a hint.
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

    /// Starts a server, which follows files or does not, and returns its process.
    fn serve(&mut self, follow: &str) -> String {
        let home = self.path("home").to_string_lossy().into_owned();
        let serve = "\"$@\" >/dev/null 2>&1 & echo $!";
        let (follow, program) = (format!("ATOCORE_FOLLOW={follow}"), env!("CARGO_BIN_EXE_atocore"));
        // It ends in any case, should this test end before it.
        let alone = ["env", &follow, "timeout", "300", program];
        let started =
            [&["sh", "-c", serve, "sh"][..], &alone, &["--data-dir", &home, "serve", "--port", "0"]];
        let process = self.disk.must(&started.concat()).unwrap().trim().to_owned();
        while self.must(&["status"])["owner"]["activity"] != "serve" {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        process
    }

    /// Waits until something is so, for as long as its server runs.
    fn until(&mut self, is_so: impl Fn(&mut Self) -> bool) {
        while !is_so(self) {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
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
    // Not even what was kept back.
    small.disk.remove("data/reserve").unwrap();
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

/// An installation whose indexes lie on a disk of their own, with ten notes that are shown, a full disk, and ten more
/// that were read and are not.
fn behind() -> Small {
    let mut small = Small::new("data/index", 4 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    small.disk.fill("filler").unwrap();
    small.write("notes", 20, 2_000);
    let problem = small.refused(&["refresh", "notes"]);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("word index") && detail.contains("data/index/lexical"), "{problem}");
    assert_eq!(small.documents("notes"), 20, "what was read is stored");
    small
}

/// The notices of an answer that name the index and its folder.
fn named(answer: &Value) -> usize {
    let notices = answer["notices"].as_array().unwrap().iter();
    notices
        .filter_map(Value::as_str)
        .filter(|notice| notice.contains("the word index in") && notice.contains("data/index/lexical"))
        .filter(|notice| notice.contains("the disk is full, 0 bytes are free") && notice.contains("room"))
        .count()
}

#[test]
fn an_index_that_has_no_room_holds_up_nothing_else_and_everything_says_that_it_is_behind() {
    let mut small = behind();
    let _fact = small.must(&["state", "set", "notes", "decision", "database", "SQLite"]);
    let _project = small.must(&["project", "update", "notes", "--alias", "Field Notes"]);

    let answer = small.must(&["query", "notes"]);
    assert!(!answer["results"].as_array().unwrap().is_empty(), "{answer}");
    assert!(answer["generation"].as_u64() < answer["store_generation"].as_u64(), "{answer}");
    assert_eq!(named(&answer), 1, "{answer}");
    let pack = small.must(&["context", "notes", "--project", "notes"]);
    assert_eq!(named(&pack), 1, "{pack}");
    let wanted = answer["store_generation"].to_string();
    let ran = small.run(&["query", "notes", "--wait", &wanted]);
    let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(problem["code"], "generation_not_reached", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("0 bytes are free"), "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("data/index/lexical"), "{problem}");

    let status = small.must(&["status"]);
    assert_eq!(status["indexes_behind"][0]["index"], "word index", "{status}");
    assert_eq!(status["indexes_behind"][0]["free_bytes"], 0, "{status}");
    let missing = status["embedding"]["missing"].as_u64().unwrap();
    let same = format!("{missing} of {missing} passages are not found by meaning");
    let notices = answer["notices"].to_string();
    assert!(notices.contains(&same) || notices.contains("lexical search only"), "{notices} {status}");
    let ran = small.run(&["doctor"]);
    let doctor: Value = serde_json::from_str(&ran.stdout).unwrap();
    for (check, place) in [("word index", "data/index/lexical"), ("disk", "data/index")] {
        let named = |found: &&Value| {
            found["check"] == check
                && found["level"] == "problem"
                && found["message"].to_string().contains(place)
        };
        let found = doctor["checks"].as_array().unwrap().iter().find(named);
        assert!(found.is_some_and(|found| found["cure"].to_string().contains("room")), "{check}: {doctor}");
    }

    small.disk.remove("filler").unwrap();
    let answer = small.must(&["query", "notes"]);
    assert_eq!(answer["generation"], answer["store_generation"], "{answer}");
    assert_eq!(named(&answer), 0, "{answer}");
    assert_eq!(small.must(&["status"])["indexes_behind"], Value::Array(Vec::new()));
}

#[test]
fn what_is_removed_beside_an_index_that_has_no_room_is_not_found_any_more() {
    let mut small = behind();
    let _removed = small.must(&["project", "remove", "notes", "--yes"]);
    let answer = small.must(&["query", "notes"]);
    assert_eq!(answer["results"], Value::Array(Vec::new()), "{answer}");
    assert_eq!(named(&answer), 1, "{answer}");
}

#[test]
fn a_snapshot_beside_an_index_that_has_no_room_is_whole_and_records_no_answer_of_a_state_that_is_not_its_own()
{
    let mut small = behind();
    let taken = small.must(&["backup", "create"]);
    let notices = taken["atocore"]["notices"].to_string();
    assert!(notices.contains("were not asked") && notices.contains("data/index/lexical"), "{taken}");
    assert_eq!(taken["atocore"]["counts"]["documents"], 20);
    let stamp = taken["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let validate = |depth: &'static str| ["backup", "validate", &stamp, "--depth", depth].map(str::to_owned);
    let words = validate("restore");
    let valid = small.must(&words.each_ref().map(String::as_str));
    assert_eq!(valid["valid"], true, "{valid}");
    let words = validate("answers");
    let ran = small.run(&words.each_ref().map(String::as_str));
    assert_eq!(ran.code, 2, "{ran:?}");
    let unproven: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(unproven["atocore"]["depth_reached"], "restore", "{unproven}");
    assert!(unproven["errors"][0].as_str().unwrap().starts_with("golden_queries_not_answered"), "{unproven}");

    small.disk.remove("filler").unwrap();
    let taken = small.must(&["backup", "create"]);
    assert!(taken["atocore"]["notices"].is_null(), "{taken}");
    let drilled = small.must(&["backup", "drill"]);
    assert_eq!(drilled["atocore"]["depth_reached"], "answers", "{drilled}");
}

#[test]
fn a_server_that_follows_files_beside_a_full_disk_says_so_and_catches_up_by_itself() {
    let mut small = Small::new("data", 16 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    let process = small.serve("on");
    // What was kept back is not enough for all that comes.
    small.disk.fill("filler").unwrap();
    small.write("notes", 600, 8_000);
    let followed = |small: &mut Small| {
        let status = small.must(&["status"]);
        assert_eq!(status["owner"]["activity"], "serve", "it has ended");
        status["projects"][0]["followed"].clone()
    };
    small.until(|small| followed(small)["failure"].to_string().contains("disk_full"));
    let told = followed(&mut small);
    assert!(told["waiting_since"].is_string(), "{told}");
    let doctor: Value = serde_json::from_str(&small.run(&["doctor"]).stdout).unwrap();
    let said = doctor["checks"].as_array().unwrap().iter().find(|found| found["check"] == "following");
    assert!(said.is_some_and(|said| said["message"].to_string().contains("disk_full")), "{doctor}");

    small.disk.remove("filler").unwrap();
    small.disk.resize(64 * MIB).unwrap();
    small.until(|small| followed(small)["failure"].is_null() && small.documents("notes") == 600);
    let answer = small.must(&["query", "notes 599", "--wait-fresh"]);
    assert_eq!(answer["generation"], answer["store_generation"], "{answer}");
    let _ended = small.disk.must(&["kill", &process]).unwrap();
}

#[test]
fn a_server_whose_index_has_no_room_answers_writes_and_catches_up_by_itself() {
    let mut small = behind();
    let process = small.serve("off");
    let _fact = small.must(&["state", "set", "notes", "decision", "database", "SQLite"]);
    let answer = small.must(&["query", "notes"]);
    assert_eq!(named(&answer), 1, "{answer}");
    assert!(small.must(&["backup", "create"])["atocore"]["notices"].is_array());

    small.disk.remove("filler").unwrap();
    // Nobody writes, nobody waits: it looks again by itself.
    small.until(|small| {
        let status = small.must(&["status"]);
        assert_eq!(status["owner"]["activity"], "serve", "it never did");
        status["indexes_behind"] == Value::Array(Vec::new())
    });
    let answer = small.must(&["query", "notes"]);
    assert_eq!((named(&answer), &answer["generation"]), (0, &answer["store_generation"]), "{answer}");
    let _ended = small.disk.must(&["kill", &process]).unwrap();
}

#[test]
fn indexes_that_may_not_be_written_hold_up_nothing_else() {
    let mut small = Small::new("data/index", 4 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    small.disk.read_only(true).unwrap();

    // While they show everything, nothing is missing.
    let _fact = small.must(&["state", "set", "notes", "decision", "database", "SQLite"]);
    assert!(!small.must(&["query", "notes"])["results"].as_array().unwrap().is_empty());
    small.write("notes", 12, 2_000);
    let ran = small.run(&["refresh", "notes"]);
    let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(problem["code"], "index_unavailable", "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("data/index/lexical"), "{problem}");
    let taken = small.must(&["backup", "create"]);
    assert!(taken["atocore"]["notices"].to_string().contains("Read-only"), "{taken}");
    let answer = small.must(&["query", "notes"]);
    assert_ne!(answer["generation"], answer["store_generation"], "what they lack is said: {answer}");

    small.disk.read_only(false).unwrap();
    let answer = small.must(&["query", "notes"]);
    assert!(!answer["results"].as_array().unwrap().is_empty(), "{answer}");
    assert_eq!(small.must(&["backup", "create"])["atocore"]["notices"], Value::Null);
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_can_be_looked_at_and_saved_elsewhere() {
    let mut small = Small::new("data", 16 * MIB);
    small.write("notes", 10, 2_000);
    small.add("notes");
    let _done = small.must(&["refresh", "notes"]);
    let _fact = small.must(&["state", "set", "notes", "decision", "database", "SQLite"]);
    small.disk.fill("filler").unwrap();

    // More often than room was kept back for: what a command needs to open the store it gives back.
    for count in 1..=10 {
        let _snapshot = small.must(&["backup", "create"]);
        assert_eq!(small.must(&["backup", "list"]).as_array().unwrap().len(), count);
    }
    let answer = small.must(&["query", "notes"]);
    assert!(!answer["results"].as_array().unwrap().is_empty(), "{answer}");
    let ran = small.run(&["doctor"]);
    assert!(ran.stdout.contains("the disk of the store"), "{ran:?}");
    // A fact goes in as long as there are pages for it, and is then refused by the name of what is full.
    let mut recorded = 0;
    let problem = loop {
        let text = format!("{recorded} {}", "x".repeat(8_000));
        let ran = small.run(&["state", "set", "notes", "decision", "database", &text]);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        if ran.code != 0 {
            break told;
        }
        recorded += 1;
    };
    assert_eq!(problem["code"], "disk_full", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("data/db/atocore"), "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("room"), "{problem}");
    let state = small.must(&["state", "list", "notes"]).to_string();
    let last = if recorded == 0 { "SQLite".to_owned() } else { format!("{} xxx", recorded - 1) };
    assert!(state.contains(&last), "what was acknowledged is there: {state}");

    small.disk.remove("filler").unwrap();
    let _fact = small.must(&["state", "set", "notes", "decision", "database", "as before"]);
    let drilled = small.must(&["backup", "validate", "--all", "--depth", "content"]);
    assert!(!drilled.as_array().unwrap().is_empty());
}
