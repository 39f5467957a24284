//! A store that is damaged, anywhere: everybody is told, nothing more is written into it, and it is restored in place.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::{
    program::{PROGRAM, Sandbox},
    server::{Response, Server},
};

const DATABASE: &str = "home/data/db/atocore.db";

/// The size of a page of SQLite's.
const PAGE: usize = 4096;

/// Writes over whole pages, as a disk does that loses them; the first page has the header.
fn spoil(database: &Path, pages: impl IntoIterator<Item = usize>, byte: u8) {
    let mut bytes = fs::read(database).unwrap();
    for page in pages {
        let start = page * PAGE;
        if let Some(page) = bytes.get_mut(start..start + PAGE) {
            page.fill(byte);
        }
    }
    fs::write(database, bytes).unwrap();
}

fn pages(database: &Path) -> usize {
    usize::try_from(fs::metadata(database).unwrap().len()).unwrap() / PAGE
}

/// Whichever pages are lost: a restore succeeds, and what was there before is kept as files, or as a snapshot that can be
/// restored.
#[test]
fn a_store_with_any_damaged_pages_is_restored_in_place_and_nothing_is_thrown_away() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    place.ok(&["memory", "add", "knowledge", "newer than the snapshot"]);
    place.ok(&["project", "add", "newer", "--root", "notes/archive"]);
    let database = place.path(DATABASE);
    let (sound, registry) = (fs::read(&database).unwrap(), place.read("home/config/project-registry.json"));
    let all = pages(&database);
    let mut damages: Vec<(Vec<usize>, u8)> = (0..all).map(|page| (vec![page], 0xa5)).collect();
    damages.extend([((0..all).collect(), 0), ((1..all).collect(), 0xff), ((1..20).collect(), 0x5a)]);
    let (mut kept, mut saved) = (0, 0);
    for (pages, byte) in damages {
        fs::write(&database, &sound).unwrap();
        place.write("home/config/project-registry.json", &registry);
        spoil(&database, pages.iter().copied(), byte);
        let damaged = fs::read(&database).unwrap();
        let plan = place.json(&["backup", "restore", &stamp]);
        let done = place.json(&["backup", "restore", &stamp, "--yes"]);
        match done["kept"].as_str() {
            Some(folder) => {
                assert!(plan["store_problem"].is_string(), "pages {pages:?}: {plan}");
                assert_eq!(fs::read(format!("{folder}/atocore.db")).unwrap(), damaged, "pages {pages:?}");
                let file = format!("{folder}/project-registry.json");
                assert_eq!(fs::read_to_string(file).unwrap(), registry, "pages {pages:?}");
                kept += 1;
            }
            None => {
                let safety = done["safety_stamp"].as_str().unwrap();
                let validated = place.json(&["backup", "validate", safety, "--depth", "content"]);
                assert_eq!(validated["valid"], true, "pages {pages:?}");
                saved += 1;
            }
        }
        assert!(place.ok(&["query", "keys rotated"]).contains("spring"), "pages {pages:?}");
        assert_eq!(place.json(&["status"])["store_problem"], Value::Null, "pages {pages:?}");
    }
    println!("{kept} times the files were kept, {saved} times a snapshot was whole");
    assert!(kept > all / 2, "{kept} of {all} pages were found to be damaged");
}

#[test]
fn messages_about_a_damaged_store_are_short_and_lead_out_of_it() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let database = place.path(DATABASE);
    spoil(&database, 2..pages(&database), 0xa5);
    for verb in ["doctor", "status"] {
        let said = place.run(&[verb]);
        assert_eq!(said.code, 2, "{said:?}");
        let told: Vec<_> = said.stdout.lines().filter(|line| line.contains("damaged")).collect();
        assert!(!told.is_empty() && told.iter().all(|line| line.chars().count() < 400), "{said:?}");
        assert!(said.stdout.lines().count() < 30, "{said:?}");
        assert!(said.stdout.contains("atocore backup restore latest"), "{said:?}");
    }
    for writes in [&["memory", "add", "knowledge", "x"][..], &["backup", "create"], &["refresh", "notes"]] {
        let refused = place.run(writes);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("the store is damaged"), "{refused:?}");
        assert!(refused.stderr.contains("atocore backup restore latest"), "{refused:?}");
    }
    // And that works as it stands there.
    let plan = place.ok(&["backup", "restore", "latest"]);
    assert!(plan.contains(&format!("would restore snapshot {stamp}")), "{plan}");
    assert!(plan.contains("its files are kept"), "{plan}");
    place.ok(&["backup", "restore", "latest", "--yes"]);
    place.ok(&["memory", "add", "knowledge", "x"]);
    let undo = place.run(&["backup", "undo"]);
    assert!(undo.stderr.contains("could not be saved"), "{undo:?}");
}

/// An installation with a snapshot, and its store damaged since.
fn damaged(pages_of: impl FnOnce(usize) -> Vec<usize>) -> (Installation, String) {
    let installation = Installation::default();
    let mut server = Server::on(installation);
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("notes", "notes");
    server.refresh("notes");
    let taken = server.post("/admin/backup", &json!({})).json();
    server.stop();
    let installation = std::mem::take(&mut server.installation);
    let database = installation.home().join("data/db/atocore.db");
    spoil(&database, pages_of(pages(&database)), 0xa5);
    let root = taken["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (installation, root)
}

fn gauge(metrics: &Response, name: &str) -> Option<String> {
    let line = metrics.body.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
    line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
}

#[test]
fn a_server_on_a_damaged_store_says_so_everywhere_writes_nothing_and_is_restored() {
    for (which, pages_of) in [
        ("the header", (|_| vec![0]) as fn(usize) -> Vec<usize>),
        ("everything else", |all| (1..all).collect()),
        ("the last half", |all| (all / 2..all).collect()),
    ] {
        let (installation, stamp) = damaged(pages_of);
        let server = Server::on(installation);
        let health = server.get("/health");
        assert_eq!(health.status, 503, "{which}: {health:?}");
        assert_eq!(health.json()["status"], "store_damaged", "{which}");
        assert!(health.json()["store_problem"]["cure"].is_string(), "{which}");
        let metrics = server.get("/metrics");
        assert_eq!(gauge(&metrics, "atocore_store_ok").as_deref(), Some("0.0"), "{which}: {metrics:?}");
        assert_eq!(gauge(&metrics, "atocore_store_documents"), None, "{which}");
        assert_eq!(gauge(&metrics, "atocore_store_generation"), None, "{which}");
        assert_eq!(gauge(&metrics, "atocore_snapshots").as_deref(), Some("1.0"), "{which}");
        let status = server.get("/status");
        assert_eq!((status.status, &status.json()["snapshots"]["count"]), (200, &json!(1)), "{which}");
        let memory = json!({ "memory_type": "knowledge", "content": "x" });
        server.post("/memory", &memory).refused(500, "store_damaged");
        server.post("/query", &json!({ "query": "keys" })).refused(500, "store_damaged");
        server.post("/admin/backup", &json!({})).refused(500, "store_damaged");

        let path = format!("/admin/backup/{stamp}/restore");
        let plan = server.get(&path);
        assert!(plan.json()["store_problem"].is_string(), "{which}: {plan:?}");
        let done = server.send("POST", &path, None);
        assert_eq!(done.status, 200, "{which}: {done:?}");
        assert!(Path::new(done.json()["kept"].as_str().unwrap()).join("atocore.db").exists(), "{which}");
        let health = server.get("/health");
        assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")), "{which}");
        assert_eq!(gauge(&server.get("/metrics"), "atocore_store_ok").as_deref(), Some("1.0"), "{which}");
        assert_eq!(server.post("/memory", &memory).status, 200, "{which}");
        let found = server.post("/query", &json!({ "query": "keys" }));
        assert_eq!(found.json()["results"][0]["source_file"], "keys.md", "{which}");
    }
}

#[test]
fn a_server_that_starts_on_a_damaged_store_says_so_in_its_log_as_an_error() {
    let place = Sandbox::with_notes();
    let database = place.path(DATABASE);
    spoil(&database, 2..pages(&database), 0xa5);
    let mut command = place.bare("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>log", PROGRAM, "--data-dir", "home", "serve", "--port", "0"]);
    let server = Sandbox::serve_by(command);
    assert!(get(&server.address, "/health").starts_with("HTTP/1.1 503"));
    assert_eq!(server.stop(), Some(0));
    let log = fs::read_to_string(place.path("log")).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("store_unusable")).collect();
    let [line] = lines[..] else { panic!("once: {log}") };
    for part in ["ERROR", "code=\"store_damaged\"", "the store is damaged", "backup restore latest"] {
        assert!(line.contains(part), "`{part}` is missing in: {line}");
    }
}

#[test]
fn damage_that_nothing_has_met_yet_is_in_the_status() {
    let place = Sandbox::with_notes();
    let database = place.path(DATABASE);
    let sound = fs::read(&database).unwrap();
    for page in 1..pages(&database) {
        fs::write(&database, &sound).unwrap();
        assert_eq!(place.run(&["status"]).code, 0, "{page}");
        spoil(&database, [page], 0xa5);
        let told = place.run(&["status"]);
        assert!(told.code == 2 && told.stdout.contains("backup restore latest"), "{page}: {told:?}");
    }
}

/// Damage that comes while a server runs, and is met by whoever reads those pages first.
#[test]
fn damage_under_a_running_server_is_known_from_the_first_look_at_it_on() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let server = place.serve();
    assert!(get(&server.address, "/health").starts_with("HTTP/1.1 200"));
    let database = place.path(DATABASE);
    spoil(&database, 2..pages(&database), 0xa5);
    assert_eq!(place.run(&["doctor"]).code, 2);
    assert!(get(&server.address, "/health").starts_with("HTTP/1.1 503"));
    let metrics = get(&server.address, "/metrics");
    assert!(metrics.contains("atocore_store_ok 0.0"), "{metrics}");
    let refused = place.run(&["memory", "add", "knowledge", "x"]);
    assert!(refused.stderr.contains("the store is damaged"), "{refused:?}");
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    assert!(get(&server.address, "/health").starts_with("HTTP/1.1 200"));
    place.ok(&["memory", "add", "knowledge", "x"]);
    assert_eq!(server.stop(), Some(0));
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _size = stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Whatever stands in the place of the database, or is missing there: nothing is begun anew beside it in silence, and the newest
/// snapshot is listed, planned and restored as ever.
#[test]
fn a_store_that_is_gone_or_something_else_is_named_and_restored_in_place() {
    let sql = |statement: &'static str| {
        move |path: &Path| rusqlite::Connection::open(path).unwrap().execute_batch(statement).unwrap()
    };
    let (blank, older, newer, bare) = (
        sql("PRAGMA user_version = 0"),
        sql("PRAGMA user_version = 2"),
        sql("PRAGMA user_version = 99"),
        sql("DELETE FROM store"),
    );
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    let empty = |path: &Path| fs::write(path, "").unwrap();
    let folder = |path: &Path| {
        gone(path);
        fs::create_dir(path).unwrap();
        fs::write(path.join("kept"), "").unwrap();
    };
    let pipe = |path: &Path| {
        gone(path);
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let dangling = |path: &Path| {
        gone(path);
        std::os::unix::fs::symlink("nowhere", path).unwrap();
    };
    type Harm<'h> = (&'h str, &'h dyn Fn(&Path));
    let harms: [Harm<'_>; 9] = [
        ("store_gone", &gone),
        ("store_gone", &empty),
        ("store_gone", &dangling),
        ("store_damaged", &blank),
        ("store_damaged", &older),
        ("store_newer", &newer),
        ("store_damaged", &bare),
        ("store_damaged", &folder),
        ("store_damaged", &pipe),
    ];
    let place = Sandbox::with_notes();
    place.ok(&["state", "set", "notes", "decision", "database", "SQLite"]);
    let stamp = place.snapshot();
    let facts = || place.json(&["state", "list", "notes"])["entries"].clone();
    let before = facts();
    for (at, (code, harm)) in harms.into_iter().enumerate() {
        harm(&place.path(DATABASE));
        for command in [&["memory", "add", "preference", "dates as ISO 8601"][..], &["query", "keys"]] {
            let refused = place.run(&[&["--json"], command].concat());
            let told: Value = serde_json::from_str(&refused.stdout).unwrap();
            assert!(refused.code == 1 && told["code"] == code, "{at}: {refused:?}");
            let way_out = if code == "store_newer" { "version of atocore" } else { "backup restore latest" };
            assert!(told["hint"].as_str().unwrap().contains(way_out), "{at}: {told}");
        }
        assert_eq!((place.run(&["status"]).code, place.run(&["doctor"]).code), (2, 2), "{at}");
        assert!(place.json(&["backup", "list"]).to_string().contains(&stamp), "{at}");
        assert_eq!(place.json(&["backup", "restore", "latest"])["stamp"], *stamp, "{at}");
        let _done = place.json(&["backup", "restore", "latest", "--yes"]);
        assert_eq!(facts(), before, "{at}");
    }
}

/// SQLite passes over what follows a damaged page of its log. That was acknowledged: nothing is written over it before somebody
/// has decided what is to become of it.
#[test]
fn changes_that_a_damaged_log_has_lost_are_told_and_stay_there() {
    let (log, noted) = ("home/data/db/atocore.db-wal", "home/data/db/atocore.db-acknowledged");
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let server = place.serve();
    for number in 0..6 {
        place.ok(&["memory", "add", "knowledge", &format!("fact {number}")]);
    }
    server.kill();
    let facts = || place.json(&["memory", "list"])["memories"].as_array().unwrap().len();
    let (database, sound, told) = (place.path(DATABASE), place.path(log), place.path(noted));
    let parts = [&database, &sound, &told].map(|path| (path.clone(), fs::read(path).unwrap()));
    let frames = (parts[1].1.len() - 32) / (PAGE + 24);
    let flipped = |at: usize| {
        let mut bytes = parts[1].1.clone();
        bytes[at] ^= 1;
        Some(bytes)
    };
    // The first frame, one in the middle, and the last.
    let mut harms: Vec<_> =
        [0, frames / 2, frames - 1].map(|frame| flipped(32 + frame * (PAGE + 24) + 100)).into();
    harms.extend([flipped(20), Some(parts[1].1[..parts[1].1.len() / 2].to_vec()), Some(Vec::new()), None]);
    for (at, harm) in harms.into_iter().enumerate() {
        let put_back = || parts.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        let harmed = || {
            put_back();
            drop(fs::remove_file(place.path("home/data/db/atocore.db-shm")));
            match &harm {
                Some(bytes) => fs::write(&sound, bytes).unwrap(),
                None => fs::remove_file(&sound).unwrap(),
            }
        };
        harmed();
        for command in [&["memory", "add", "preference", "x"][..], &["query", "keys"]] {
            let refused = place.run(&[&["--json"], command].concat());
            let told: Value = serde_json::from_str(&refused.stdout).unwrap();
            assert!(refused.code == 1 && told["code"] == "store_damaged", "{at}: {refused:?}");
            assert!(told["detail"].as_str().unwrap().contains("has lost changes"), "{at}: {told}");
            assert!(told["hint"].as_str().unwrap().contains("-acknowledged"), "{at}: {told}");
        }
        assert_eq!((place.run(&["status"]).code, place.run(&["doctor"]).code), (2, 2), "{at}");
        if let Some(bytes) = harm.as_ref().filter(|bytes| !bytes.is_empty()) {
            assert_eq!(&fs::read(&sound).unwrap(), bytes, "{at}: what is left of the log is untouched");
        }

        put_back();
        assert_eq!(facts(), 6, "{at}: with its log again it is whole");
        harmed();
        fs::remove_file(&told).unwrap();
        assert!(facts() < 6, "{at}: what the database holds counts, once somebody says so");
        place.ok(&["memory", "add", "knowledge", "after it"]);
        harmed();
        let _done = place.json(&["backup", "restore", &stamp, "--yes"]);
        assert_eq!(facts(), 0, "{at}");
        place.ok(&["memory", "add", "knowledge", "after the restore"]);
    }
}

#[test]
fn a_database_that_is_cut_off_under_a_server_takes_no_more_writes() {
    for kept in [0, 1, 3] {
        let place = Sandbox::with_notes();
        let stamp = place.snapshot();
        let server = place.serve();
        atocore_engine::files::shorten(&place.path(DATABASE), kept * 4096).unwrap();
        for command in [&["memory", "add", "knowledge", "x"][..], &["query", "keys"]] {
            let refused = place.run(command);
            assert!(refused.code == 1 && refused.stderr.contains("was cut off"), "{kept}: {refused:?}");
        }
        assert!(get(&server.address, "/health").starts_with("HTTP/1.1 503"), "{kept}");
        place.ok(&["backup", "restore", &stamp, "--yes"]);
        assert!(get(&server.address, "/health").starts_with("HTTP/1.1 200"), "{kept}");
        place.ok(&["memory", "add", "knowledge", "x"]);
    }
}

/// A checkpoint, as one ends every snapshot, leaves older pages in the log that would hide newer ones of the database.
#[test]
fn a_log_that_is_damaged_after_a_snapshot_hides_nothing_in_silence() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    for number in 0..6 {
        place.ok(&["memory", "add", "knowledge", &format!("fact {number}")]);
    }
    let stamp = place.snapshot();
    server.kill();
    let log = place.path("home/data/db/atocore.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    let frames = (bytes.len() - 32) / (PAGE + 24);
    bytes[32 + frames / 2 * (PAGE + 24) + 100] ^= 1;
    fs::write(&log, bytes).unwrap();
    let told = place.run(&["status"]);
    assert!(told.code == 2 && told.stdout.contains("has lost changes"), "{told:?}");
    assert!(place.run(&["memory", "add", "knowledge", "x"]).stderr.contains("has lost changes"));
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    assert_eq!(place.json(&["memory", "list"])["memories"].as_array().unwrap().len(), 6);
}

/// SQLite would throw the log of an empty database away.
#[test]
fn a_database_that_is_gone_after_a_kill_is_told_and_its_log_is_kept() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    place.ok(&["memory", "add", "knowledge", "only in the log"]);
    server.kill();
    let files = ["", "-wal", "-acknowledged"].map(|ending| place.path(&format!("{DATABASE}{ending}")));
    let parts = files.map(|path| (path.clone(), fs::read(path).unwrap()));
    for gone in [true, false] {
        match gone {
            true => fs::remove_file(&parts[0].0).unwrap(),
            false => fs::write(&parts[0].0, "").unwrap(),
        }
        for command in [&["status"][..], &["memory", "add", "knowledge", "x"], &["doctor"]] {
            let told = place.run(command);
            assert!(told.code != 0, "{told:?}");
            assert!(format!("{told:?}").contains("the store is gone"), "{told:?}");
        }
        assert_eq!(fs::read(&parts[1].0).unwrap(), parts[1].1);
        parts.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }
    assert!(place.ok(&["memory", "list"]).contains("only in the log"));
}

#[test]
fn a_log_that_is_cut_off_under_a_server_takes_no_more_writes() {
    // Also where a snapshot has just moved all of it into the database.
    for saved in [false, true] {
        let place = Sandbox::with_notes();
        let mut stamp = place.snapshot();
        let server = place.serve();
        place.ok(&["memory", "add", "knowledge", "before the cut"]);
        if saved {
            stamp = place.snapshot();
        }
        atocore_engine::files::shorten(&place.path("home/data/db/atocore.db-wal"), 0).unwrap();
        let refused = place.run(&["memory", "add", "knowledge", "after the cut"]);
        let told = "log of the database was cut off";
        assert!(refused.code == 1 && refused.stderr.contains(told), "{saved}: {refused:?}");
        assert!(get(&server.address, "/health").starts_with("HTTP/1.1 503"));
        place.ok(&["backup", "restore", &stamp, "--yes"]);
        place.ok(&["memory", "add", "knowledge", "x"]);
    }
}

/// What SQLite keeps beside a database, and something else has the name of.
#[test]
fn what_is_no_file_beside_the_database_is_named_and_stops_no_restore() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    for ending in ["-wal", "-shm", "-journal"] {
        for kind in ["folder", "pipe", "link"] {
            let path = place.path(&format!("{DATABASE}{ending}"));
            drop(fs::remove_file(&path));
            match kind {
                "folder" => {
                    fs::create_dir(&path).unwrap();
                    fs::write(path.join("kept"), "").unwrap();
                }
                "pipe" => {
                    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success())
                }
                _ => std::os::unix::fs::symlink("nowhere", &path).unwrap(),
            }
            for command in [&["memory", "add", "knowledge", "x"][..], &["query", "keys"]] {
                let refused = place.run(command);
                let told = format!("`{}` is not a regular file", path.display());
                assert!(refused.code == 1 && refused.stderr.contains(&told), "{ending} {kind}: {refused:?}");
            }
            assert_eq!(place.run(&["doctor"]).code, 2, "{ending} {kind}");
            place.ok(&["backup", "restore", &stamp, "--yes"]);
            place.ok(&["memory", "add", "knowledge", "x"]);
        }
    }
}
