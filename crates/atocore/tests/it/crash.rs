//! A process that is killed at a random moment loses nothing that it has acknowledged and leaves nothing half done.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use atocore::runner::COPY_COMMAND;
use atocore_engine::{Copier, SystemClock};
use atocore_model::time::Clock;
use atocore_testkit::{
    model,
    soak::{
        self, SoakOptions, meaning,
        points::{self, PointOptions},
        recovery,
    },
};

use crate::program::Sandbox;

/// The daily number; `cargo xtask soak` kills more often.
const KILLS: u64 = 12;

/// The same while vectors are made: each kind of work about once.
const KILLS_OF_MEANING: u64 = 9;

/// Recovery points that are taken beside writers; `cargo xtask soak` takes more.
const POINTS: u64 = 40;

/// The same for each kind of work on snapshots, about three times.
const KILLS_OF_RECOVERY: u64 = 20;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    // Another one every time, so that each run looks at other moments.
    let seed = 20_260_406 + SystemClock.now().get().as_second().unsigned_abs();
    println!("to repeat it: cargo xtask soak --kills {KILLS} --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options = SoakOptions { program, kills: KILLS, seed, scale: 1, scratch: scratch.path() };
    match soak::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => println!("{counts}"),
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

#[test]
fn no_vector_is_lost_or_made_twice_when_the_process_is_killed() {
    let seed = 20_261_123 + SystemClock.now().get().as_second().unsigned_abs();
    println!("to repeat it: cargo xtask soak --only meaning --kills {KILLS_OF_MEANING} --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options = SoakOptions { program, kills: KILLS_OF_MEANING, seed, scale: 1, scratch: scratch.path() };
    match meaning::run(&options, &model::folder(), &mut |line| println!("{line}")) {
        Ok(counts) => println!("{counts}"),
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

#[test]
fn recovery_points_beside_writers_are_each_one_step_of_database_registry_and_vectors() {
    let seed = 20_261_124 + SystemClock.now().get().as_second().unsigned_abs();
    println!("more of it: cargo xtask soak --only points --points 2000 --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let copier = Copier::Child {
        program: env!("CARGO_BIN_EXE_atocore").into(),
        arguments: vec![COPY_COMMAND.to_owned()],
    };
    let options = PointOptions { copier, points: POINTS, seed, scratch: scratch.path() };
    match points::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => println!("{counts}"),
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

#[test]
fn nothing_is_lost_by_a_restore_when_the_process_is_killed() {
    let seed = 20_261_124 + SystemClock.now().get().as_second().unsigned_abs();
    println!("to repeat it: cargo xtask soak --only recovery --kills {KILLS_OF_RECOVERY} --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options = SoakOptions { program, kills: KILLS_OF_RECOVERY, seed, scale: 1, scratch: scratch.path() };
    match recovery::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => println!("{counts}"),
        Err(failure) => {
            let _kept = scratch.keep();
            panic!("{failure}");
        }
    }
}

#[test]
fn a_program_that_forgets_what_it_acknowledged_is_found_out() {
    let partial = "mkdir -p \"$2/backups/snapshots/20200101T000000Z\"".to_owned();
    let faults = [
        ("refresh --all", kept("data/db"), put_back("data/db"), "the store is at generation"),
        ("project update", kept("config"), put_back("config"), "the registry is not as it was left"),
        ("backup create", "true".to_owned(), partial, "a partial snapshot is listed"),
        (
            "backup create",
            "true".to_owned(),
            "rm -rf kept; mv \"$2/backups\" kept".to_owned(),
            "was acknowledged and is gone",
        ),
    ];
    for (command, before, after, expected) in faults {
        let scratch = tempfile::tempdir().unwrap();
        let program = faulty(scratch.path(), command, &before, &after);
        let options =
            SoakOptions { program, kills: 1, seed: 1, scale: 1, scratch: &scratch.path().join("soak") };
        let failure = soak::run(&options, &mut |_| {}).unwrap_err();
        assert!(failure.to_string().contains(expected), "{command}: {failure}");
    }
}

#[test]
fn a_program_that_forgets_vectors_is_found_out() {
    let anew = |real: &str| format!("ATOCORE_EMBEDDING_PRECISION=int8 '{real}' \"$@\" >/dev/null");
    let nothing = "true".to_owned();
    let faults = [
        // It says that it has made them, and has not kept them.
        ("--json embed", kept("data/db"), put_back("data/db"), "there was nothing left to embed"),
        // It makes them all again.
        ("--json embed", anew(env!("CARGO_BIN_EXE_atocore")), nothing.clone(), "to embed, and `embed` says"),
        // It does not use them.
        ("--mode hybrid", "export ATOCORE_MODEL_DIR=/nowhere".to_owned(), nothing, "is answered in mode"),
    ];
    for (command, before, after, expected) in faults {
        let scratch = tempfile::tempdir().unwrap();
        let program = faulty(scratch.path(), command, &before, &after);
        let options =
            SoakOptions { program, kills: 1, seed: 1, scale: 1, scratch: &scratch.path().join("soak") };
        let failure = meaning::run(&options, &model::folder(), &mut |_| {}).unwrap_err();
        assert!(failure.to_string().contains(expected), "{command}: {failure}");
    }
}

/// Keeps a folder of the home as it is.
fn kept(folder: &str) -> String {
    format!("rm -rf kept; cp -r \"$2/{folder}\" kept")
}

/// Puts it back in one step: whenever the program is killed, the folder is as it was or as it is.
fn put_back(folder: &str) -> String {
    let exchange =
        "import ctypes, sys; ctypes.CDLL(None).renameat2(-100, b\"kept\", -100, sys.argv[1].encode(), 2)";
    format!("python3 -c '{exchange}' \"$2/{folder}\"")
}

/// A program that does something before and after one command of the real one.
fn faulty(folder: &Path, command: &str, before: &str, after: &str) -> PathBuf {
    let real = env!("CARGO_BIN_EXE_atocore");
    let script = format!(
        "#!/bin/sh
case \"$*\" in
*'{command}'*) {before}; '{real}' \"$@\"; code=$?; {after}; exit $code;;
*) exec '{real}' \"$@\";;
esac
"
    );
    let program = folder.join("atocore");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Whether a process has a connection open and sleeps. With none of its threads at work, it has sent what it wanted.
fn waits_for_an_answer(process: u32) -> bool {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let connected = fs::read_dir(folder.join("fd")).unwrap().any(|file| {
        fs::read_link(file.unwrap().path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    });
    let sleeps = |thread: fs::DirEntry| {
        let told = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        told.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
    };
    connected && fs::read_dir(folder.join("task")).unwrap().all(|thread| sleeps(thread.unwrap()))
}

#[test]
fn a_question_to_a_server_that_is_killed_meanwhile_is_answered_without_it() {
    let place = Sandbox::with_notes();
    let mut server = place.command(&["serve", "--port", "0"]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut listening = String::new();
    let stdout = server.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut listening).unwrap();
    // It takes the connection, as one does that is just being killed, and will not answer any more.
    let stopped = Command::new("kill").args(["-STOP", &server.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let asks = |arguments: &[&str]| {
        place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let asking = [asks(&["status"]), asks(&["query", "keys"])];
    let writing = asks(&["memory", "add", "knowledge", "the mast is 12 m high"]);
    // They have found the server, so they wait for its answer.
    for child in asking.iter().chain([&writing]) {
        while !waits_for_an_answer(child.id()) {
            thread::sleep(Duration::from_millis(10));
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    for child in asking {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    // Whether that was done is not known, so it is not done again.
    let output = writing.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not answer"), "{output:?}");
}
