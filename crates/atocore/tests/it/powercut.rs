//! A power cut at any moment of what must never lose anything leaves the state before or the one after.

use std::path::Path;

use atocore_testkit::soak::{
    failing::{self, FailingOptions},
    power::{self, PowerOptions, Scene},
};

use crate::program::Sandbox;

/// Calls that fail in each piece of work; `cargo xtask soak` lets all of them fail.
const FAULTS: usize = 12;

/// The same work in every run of the tests; `cargo xtask soak` draws another each time.
const SEED: u64 = 20_261_125;

#[test]
fn a_power_cut_at_any_file_operation_loses_nothing_and_lists_nothing_partial() {
    let seed = SEED;
    println!("more of it: cargo xtask soak --only power --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options = PowerOptions {
        program,
        scenes: &Scene::ALL,
        states: 0,
        seed,
        forgotten: &[],
        scratch: scratch.path(),
    };
    match power::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => {
            println!("{counts}");
            let (finished, given_up) = counts.recovered();
            assert!(finished > 3 && given_up > 3, "restores are not cut where they should: {counts}");
        }
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

/// Takes the program for one that forgets to sync something, each time something else.
#[test]
fn a_sync_that_is_missing_is_found_out() {
    let forgotten: [(Scene, &[&str], &str); 9] = [
        (Scene::FirstWrite, &["", "data"], "what was acknowledged is lost"),
        (Scene::Snapshot, &["**/backup-metadata.json"], "a partial snapshot is listed"),
        (Scene::Snapshot, &["**/db/atocore.db"], "a partial snapshot is listed"),
        (Scene::Snapshot, &["backups/snapshots", "backups/.partial"], "what was acknowledged is lost"),
        (
            Scene::FirstSnapshot,
            &["", "backups", "backups/snapshots", "backups/.partial"],
            "what was acknowledged is lost",
        ),
        (Scene::Restore, &["**/atocore.db.restore-incoming"], "the power cut after step"),
        (Scene::Restore, &["data/restore"], "the power cut after step"),
        (Scene::RestoreWithoutRegistry, &["config"], "the power cut after step"),
        (Scene::Undo, &["data/chroma", "**/.restore-placing"], "the power cut after step"),
    ];
    for (scene, forgotten, expected) in forgotten {
        let scratch = tempfile::tempdir().unwrap();
        let options = PowerOptions {
            program: Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned(),
            scenes: &[scene],
            states: 0,
            seed: 1,
            forgotten,
            scratch: scratch.path(),
        };
        let failure = power::run(&options, &mut |_| {}).expect_err(&format!("{forgotten:?}")).to_string();
        println!("{forgotten:?}: {}", failure.lines().next().unwrap());
        assert!(failure.contains(expected), "{forgotten:?}: {failure}");
    }
}

#[test]
fn a_failing_system_call_is_reported_with_a_hint_and_loses_nothing() {
    let seed = SEED;
    println!("all of them: cargo xtask soak --only failing --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options =
        FailingOptions { program, scenes: &Scene::WITH_STORE, faults: FAULTS, seed, scratch: scratch.path() };
    match failing::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => {
            println!("{counts}");
            assert!(counts.refused() > 0 && counts.hit() > counts.refused(), "{counts}");
        }
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

/// The copy of the vector store that a restore makes ready lies in the folder of the vector store, and a snapshot of the
/// present state is taken beside it.
#[test]
fn no_snapshot_holds_what_a_restore_has_made_ready() {
    let place = Sandbox::with_notes();
    place.write("home/data/chroma/list.bin", "first");
    let stamp = place.json(&["backup", "create", "--include-chroma"])["backup_root"].clone();
    let stamp = stamp.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    place.write("home/data/chroma/list.bin", "second");
    let mut safety = place.json(&["backup", "restore", &stamp, "--yes"])["safety_stamp"].clone();
    for vectors in ["second", "first", "second"] {
        let held = place.path(&format!("home/backups/snapshots/{}/chroma", safety.as_str().unwrap()));
        assert_eq!(std::fs::read_dir(held).unwrap().count(), 1, "the list and nothing else");
        safety = place.json(&["backup", "undo", "--yes"])["safety_stamp"].clone();
        assert_eq!(place.read("home/data/chroma/list.bin"), vectors);
        assert_eq!(std::fs::read_dir(place.path("home/data/chroma")).unwrap().count(), 1);
    }
}

/// What cannot be opened cannot be saved as a snapshot before it is replaced; so it must be beyond help.
#[test]
fn a_store_that_cannot_be_opened_for_now_is_not_replaced() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    place.write("notes/new.md", "# Lanterns\n\nLanterns are lit at dusk.\n");
    place.ok(&["refresh", "notes"]);
    let index = place.path("home/data/index");
    std::fs::remove_dir_all(&index).unwrap();
    place.write("home/data/index", "in the way of the lexical index");
    let refused = place.run(&["backup", "restore", &stamp, "--yes"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("hint: "), "{refused:?}");
    std::fs::remove_file(&index).unwrap();
    let plan = place.json(&["backup", "restore", &stamp, "--dry-run"]);
    assert!(plan["lost"]["by_verb"].is_object(), "the store is as it was: {plan}");
    let answer = place.json(&["query", "lanterns dusk"]);
    assert!(answer.to_string().contains("lit at dusk"), "{answer}");
    let done = place.json(&["backup", "restore", &stamp, "--yes"]);
    assert!(done["safety_stamp"].is_string(), "{done}");
}
