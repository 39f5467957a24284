//! A restore: in place, on a running server, after a crash, and back again.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use atocore_testkit::{
    full_disk::SmallDisk,
    killed::{Running, Victims},
};
use serde_json::{Value, json};

use crate::{
    program::{PROGRAM, Sandbox, ran},
    server::Server,
};

/// A place with a snapshot, and a document and a project that are newer than it.
fn moved_on() -> (Sandbox, String) {
    let place = Sandbox::with_notes();
    let stamp = stamp_of(&place.json(&["backup", "create"]));
    place.write("notes/new.md", "# Lanterns\n\nLanterns are lit at dusk.\n");
    place.ok(&["refresh", "notes"]);
    place.write("extra/one.md", "# Extra\n\nAn extra page.\n");
    place.ok(&["project", "add", "extra", "--root", "extra"]);
    (place, stamp)
}

fn stamp_of(metadata: &Value) -> String {
    metadata["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn finds_lanterns(place: &Sandbox) -> bool {
    let answer = place.json(&["query", "lanterns dusk"]);
    answer["results"].as_array().unwrap().iter().any(|hit| hit["content"].as_str().unwrap().contains("dusk"))
}

fn project_ids(place: &Sandbox) -> Vec<String> {
    let list = place.json(&["project", "list"]);
    list["projects"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_restore_brings_back_store_and_registry_and_undo_goes_the_way_back() {
    let (place, stamp) = moved_on();
    assert!(finds_lanterns(&place));
    let plan = place.json(&["backup", "restore", &stamp, "--dry-run"]);
    assert_eq!(plan["projects_lost"], json!(["extra"]));
    assert_eq!(plan["lost"]["what"], "since");
    assert_eq!(plan["lost"]["by_verb"], json!({ "project_add": 1, "refresh": 1 }));
    assert!(finds_lanterns(&place), "a dry run changes nothing");

    let done = place.json(&["backup", "restore", &stamp, "--yes"]);
    assert!(!finds_lanterns(&place));
    assert_eq!(project_ids(&place), ["notes"]);
    assert_eq!(done["generation"], plan["restored"]["generation"]);
    // That it was done is the first line after what came back, and the store is there now.
    assert_eq!(done["present_generation"], place.json(&["status"])["generation"]);
    let before = done["generation"].as_u64().unwrap() + 2;
    assert_eq!(done["present_generation"], before + 1, "later than any before the restore");
    assert_eq!(last_operation(&place), format!("cli restore {stamp}"));
    let again = place.json(&["backup", "restore", &stamp, "--dry-run"]);
    assert_eq!(again["lost"]["by_verb"], json!({ "restore": 1 }));
    assert_eq!(again["present"]["documents"], plan["restored"]["documents"]);
    let safety = done["safety_stamp"].as_str().unwrap().to_owned();
    assert_eq!(place.json(&["backup", "validate", &safety, "--depth", "content"])["valid"], true);

    // Both states grew from the snapshot: a restore loses what was done since on this side.
    let undoing = place.json(&["backup", "undo", "--dry-run"]);
    assert_eq!(undoing["lost"]["by_verb"], json!({ "restore": 1 }));
    let undone = place.ok(&["backup", "undo", "--yes"]);
    let shown = format!("is generation {} now", place.json(&["status"])["generation"]);
    assert!(undone.contains(&shown), "`{shown}` is missing in {undone}");
    assert!(finds_lanterns(&place), "undo brings back what was newer");
    assert_eq!(project_ids(&place), ["notes", "extra"]);
    place.ok(&["backup", "undo", "--yes"]);
    assert!(!finds_lanterns(&place), "undoing the undo goes forward again");
    // And it is an installation like any other: what is missing is read again.
    place.ok(&["refresh", "notes"]);
    assert!(finds_lanterns(&place));
}

/// Interface, operation and subject of the last line of the operation log.
fn last_operation(place: &Sandbox) -> String {
    let script = "import sqlite3; print(*sqlite3.connect('file:home/data/db/atocore.db?mode=ro', uri=True).execute(\
                  'SELECT interface, action, subject FROM operations ORDER BY generation DESC LIMIT 1').fetchone())";
    let read = ran(place.bare("python3").args(["-c", script]));
    assert_eq!(read.code, 0, "{read:?}");
    read.stdout.trim().to_owned()
}

#[test]
fn without_yes_nothing_changes_and_without_a_restore_there_is_nothing_to_undo() {
    let (place, stamp) = moved_on();
    let before = place.json(&["status"])["generation"].clone();
    let said = place.ok(&["backup", "restore", &stamp]);
    assert!(said.contains(&format!("`atocore backup restore {stamp} --yes` does it")), "{said}");
    assert_eq!(place.json(&["status"])["generation"], before);
    let refused = place.run(&["backup", "undo", "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("there is no restore to undo"), "{refused:?}");
}

#[test]
fn what_a_restore_plan_states_is_true_before_and_after() {
    let (place, stamp) = moved_on();
    for number in 0..13 {
        place.ok(&["memory", "add", "knowledge", &format!("the mast is {number} m high")]);
    }
    place.ok(&["backup", "export", &stamp, "x.tar.zst"]);
    let done = place.ok(&["backup", "restore", &stamp, "--yes"]);
    assert!(done.contains("and 3 more; `--json` names all of them"), "{done}");
    assert!(!done.contains("requests waited"), "nobody could have asked: {done}");

    let other = |arguments: &[&str]| {
        let ran = ran(place.bare(PROGRAM).args(["--data-dir", "other"]).args(arguments));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    other(&["backup", "import", "x.tar.zst"]);
    for consent in ["--dry-run", "--yes"] {
        let said = other(&["backup", "restore", &stamp, consent]);
        let lost = said.lines().find(|line| line.starts_with("  lost")).unwrap();
        assert!(lost.contains("nothing: "), "{consent}: {said}");
    }
}

#[test]
fn a_snapshot_that_is_damaged_or_unknown_is_refused_and_nothing_changes() {
    let (place, stamp) = moved_on();
    let database = place.path(&format!("home/backups/snapshots/{stamp}/db/atocore.db"));
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&database, bytes).unwrap();
    for (stamp, word) in [(stamp.as_str(), "failed verification"), ("20200101T000000Z", "not found")] {
        for consent in ["--dry-run", "--yes"] {
            let refused = place.run(&["backup", "restore", stamp, consent]);
            assert_eq!(refused.code, 1);
            assert!(refused.stderr.contains(word), "{refused:?}");
        }
    }
    assert_eq!(place.run(&["backup", "restore", "../../x", "--yes"]).code, 64);
    assert!(finds_lanterns(&place));
    assert_eq!(place.json(&["backup", "list"]).as_array().unwrap().len(), 1, "not even a safety snapshot");
}

#[test]
fn a_store_that_cannot_be_opened_is_replaced_and_its_files_are_kept() {
    let (place, stamp) = moved_on();
    let database = place.path("home/data/db/atocore.db");
    fs::write(&database, b"this is no database, and yet somebody may want it back").unwrap();
    assert_ne!(place.run(&["query", "keys"]).code, 0);
    let done = place.json(&["backup", "restore", &stamp, "--yes"]);
    assert_eq!(done["safety_stamp"], Value::Null);
    let kept = fs::read(format!("{}/atocore.db", done["kept"].as_str().unwrap())).unwrap();
    assert!(kept.starts_with(b"this is no database"));
    assert_eq!(project_ids(&place), ["notes"]);
    assert!(place.ok(&["query", "keys rotated"]).contains("spring"));
}

#[test]
fn a_process_that_reads_the_store_is_waited_for_and_then_named() {
    let (place, stamp) = moved_on();
    let lock = place.path("home/data/locks/readers.lock");
    let reader = atocore_engine::files::try_lock_shared(&lock).unwrap().unwrap();
    let busy = [("ATOCORE_DB_BUSY_TIMEOUT_MS", "200")];
    let refused = place.run_with(&busy, &["backup", "restore", &stamp, "--yes"]);
    assert_eq!(refused.code, 1);
    let myself = format!("the store is being read by process {}", std::process::id());
    assert!(refused.stderr.contains(&myself), "{refused:?}");
    assert!(finds_lanterns(&place), "it goes on with the state before");
    drop(reader);
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    assert!(!finds_lanterns(&place));
}

/// As in a container, where single files and folders of the installation are mounted from outside.
#[test]
fn parts_that_are_mount_points_are_replaced_where_they_are() {
    let (place, stamp) = moved_on();
    let mounted = ["home/config/project-registry.json", "home/data/db/atocore.db", "home/data/db"];
    let mounts: String = mounted.iter().map(|path| format!("mount --bind {path} {path} && ")).collect();
    let script = format!("{mounts} {PROGRAM} --data-dir home backup restore {stamp} --yes");
    let ran = ran(place.bare("unshare").args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!finds_lanterns(&place));
    assert_eq!(project_ids(&place), ["notes"]);
}

#[test]
fn a_registry_that_is_mounted_read_only_refuses_a_restore_before_it_begins() {
    let (place, stamp) = moved_on();
    let registry = "home/config/project-registry.json";
    let script = format!(
        "mount --bind {registry} {registry} && mount -o remount,ro,bind {registry} && \
         {PROGRAM} --data-dir home backup restore {stamp} --yes"
    );
    let refused = ran(place.bare("unshare").args(["--mount", "sh", "-c", &script]));
    assert!(refused.code == 1 && refused.stderr.contains("registry.json"), "{refused:?}");
    assert!(finds_lanterns(&place));
    assert_eq!(project_ids(&place), ["notes", "extra"]);
}

#[test]
fn what_has_the_name_of_a_file_of_a_restore_refuses_it_before_it_begins_or_is_replaced() {
    let (place, stamp) = moved_on();
    let restores = place.path("home/data/restore");
    let clear = |path: &Path| match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    };
    let restore = || place.run(&["backup", "restore", &stamp, "--yes"]);
    let goes_on = || {
        for command in [&["status"][..], &["memory", "list"], &["backup", "list"]] {
            let ran = place.run(command);
            assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
        }
    };
    for name in ["last.json", "journal.json"] {
        let path = restores.join(name);
        fs::create_dir_all(path.join("x")).unwrap();
        goes_on();
        let refused = restore();
        assert!(refused.code == 1 && refused.stderr.contains(&format!("{name}`")), "{refused:?}");
        goes_on();
        assert!(finds_lanterns(&place), "nothing has changed");
        assert_eq!(project_ids(&place), ["notes", "extra"]);
        clear(&path);
    }
    // Not a folder at all.
    clear(&restores);
    fs::write(&restores, "").unwrap();
    let refused = restore();
    assert!(refused.code == 1 && refused.stderr.contains("data/restore`"), "{refused:?}");
    goes_on();
    assert!(finds_lanterns(&place), "nothing has changed");
    clear(&restores);

    let pipe = |path: &Path| drop(ran(place.bare("mkfifo").arg(path)));
    let socket = |path: &Path| drop(UnixListener::bind(path).unwrap());
    let link = |path: &Path| symlink("nowhere", path).unwrap();
    let folder = |path: &Path| fs::create_dir_all(path).unwrap();
    for put in [&pipe as &dyn Fn(&Path), &socket, &link, &folder] {
        for name in ["last.json", "journal.json"] {
            fs::create_dir_all(&restores).unwrap();
            let path = restores.join(name);
            clear(&path);
            put(&path);
            goes_on();
            let restored = restore();
            assert_eq!(restored.code, 0, "{name}: {restored:?}");
            goes_on();
            place.ok(&["backup", "undo", "--yes"]);
            assert!(finds_lanterns(&place));
        }
    }
    let beside = place.path("home/data/db/atocore.db-acknowledged");
    fs::create_dir_all(beside.join("x")).unwrap();
    let restored = restore();
    assert!(restored.code == 0 && !beside.join("x").exists(), "{restored:?}");
    goes_on();
}

/// A restore that was cut short, and what it had laid ready is not what it was: another one helps.
#[test]
fn a_restore_that_was_cut_short_and_cannot_be_finished_is_done_again() {
    let registry = "home/config/project-registry.json";
    let cut_short = |place: &Sandbox, stamp: &str| {
        // It ends before its note is closed, whose place is a mount point.
        let last = "home/data/restore/last.json";
        let script = format!(
            "mkdir -p home/data/restore && echo > {last} && mount --bind {last} {last} && \
             {PROGRAM} --data-dir home backup restore {stamp} --yes"
        );
        let ended = ran(place.bare("unshare").args(["--mount", "sh", "-c", &script]));
        assert!(ended.code == 1 && ended.stderr.contains("last.json"), "{ended:?}");
        fs::remove_file(place.path(last)).unwrap();
        assert!(place.path("home/data/restore/journal.json").exists());
    };
    let harm = |place: &Sandbox, path: &str| {
        let mut bytes = fs::read(place.path(path)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(place.path(path), bytes).unwrap();
    };
    for harmed in ["home/data/db/atocore.db", registry, "home/data/restore/journal.json"] {
        let (place, stamp) = moved_on();
        cut_short(&place, &stamp);
        harm(&place, harmed);
        let refused = place.run(&["query", "keys"]);
        assert!(
            refused.code == 1 && refused.stderr.contains("backup restore latest"),
            "{harmed}: {refused:?}"
        );
        for command in ["status", "doctor"] {
            assert_eq!(place.run(&[command]).code, 2, "{harmed}");
        }
        assert!(place.ok(&["backup", "list"]).contains(&stamp), "{harmed}");
        place.ok(&["backup", "restore", &stamp, "--yes"]);
        assert!(!finds_lanterns(&place), "{harmed}");
        assert_eq!(project_ids(&place), ["notes"], "{harmed}");
    }
}

#[test]
fn latest_is_the_newest_snapshot_of_this_store_in_a_directory_that_several_share() {
    let (one, other) = (Sandbox::with_notes(), Sandbox::with_notes());
    let run = |place: &Sandbox, arguments: &[&str]| {
        let mut command = place.bare(PROGRAM);
        command.env("ATOCORE_HOME", place.path("home"));
        command.env("ATOCORE_BACKUP_DIR", one.path("shared"));
        ran(command.args(arguments))
    };
    assert_eq!(run(&one, &["memory", "add", "knowledge", "of the first"]).code, 0);
    assert_eq!(run(&one, &["backup", "create"]).code, 0);
    // What protects a neighbour protects nothing here.
    assert_eq!(run(&one, &["backup", "drill"]).code, 0);
    assert!(run(&other, &["doctor"]).stdout.contains("there is no snapshot"));
    let status: Value = serde_json::from_str(&run(&other, &["--json", "status"]).stdout).unwrap();
    assert_eq!((&status["snapshots"]["count"], &status["snapshots"]["newest"]), (&json!(0), &Value::Null));
    let drilled = run(&other, &["backup", "drill"]);
    assert!(drilled.stdout.contains("there is no snapshot"), "{drilled:?}");
    assert_eq!(run(&other, &["backup", "create"]).code, 0);
    fs::remove_file(one.path("home/data/db/atocore.db")).unwrap();
    assert_eq!(run(&one, &["backup", "restore", "latest", "--yes"]).code, 0);
    assert!(run(&one, &["memory", "list"]).stdout.contains("of the first"));

    // That of another one has to be named, and the plan says so.
    let listed = run(&other, &["--json", "backup", "list"]).stdout;
    let all: Value = serde_json::from_str(&listed).unwrap();
    let first = all[0]["stamp"].as_str().unwrap();
    fs::remove_file(other.path("home/data/db/atocore.db")).unwrap();
    let plan = run(&other, &["backup", "restore", first]);
    assert!(plan.stdout.contains("the snapshot is of another store"), "{plan:?}");
}

#[test]
fn a_registry_on_a_disk_of_its_own_is_replaced_at_once_or_when_there_is_room() {
    let (place, stamp) = moved_on();
    let [config, home] = ["home/config", "home"].map(|path| place.path(path).display().to_string());
    let registry = format!("{config}/project-registry.json");
    let newer = fs::read_to_string(&registry).unwrap();
    let older = place.path(&format!("home/backups/snapshots/{stamp}/config/project-registry.json"));
    let older = fs::read_to_string(older).unwrap();
    let copy = place.write("registry", &newer).display().to_string();
    let mut disk = SmallDisk::mount(&place.path("home/config"), 64 << 10, &place.path("")).unwrap();
    disk.must(&["cp", &copy, &registry]).unwrap();
    let run = |disk: &mut SmallDisk, arguments: &[&str]| {
        let program = ["env", "ATOCORE_RETRIEVAL_MODE=lexical", PROGRAM, "--data-dir", &home];
        disk.run(&[&program, arguments].concat()).unwrap()
    };
    let found = |disk: &mut SmallDisk| {
        let [names, mode] = [&["ls", "-A", &config][..], &["stat", "-c", "%a", &registry]];
        let told = [names, mode].map(|command| disk.must(command).unwrap().trim().to_owned());
        (told, disk.must(&["cat", &registry]).unwrap())
    };
    let whole = ["known-stores.json\nproject-registry.json", "600"].map(str::to_owned);
    let restored = run(&mut disk, &["backup", "restore", &stamp, "--yes"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(found(&mut disk), (whole.clone(), older.clone()));

    disk.fill("filler").unwrap();
    let failed = run(&mut disk, &["backup", "undo", "--yes"]);
    assert!(failed.code != 0 && failed.stderr.contains("No space left"), "{failed:?}");
    let (_, kept) = found(&mut disk);
    assert_eq!(kept, older, "as it was, whole");
    disk.remove("filler").unwrap();
    let finished = run(&mut disk, &["refresh", "notes"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(found(&mut disk), (whole, newer));
}

#[test]
fn a_running_server_restores_without_dropping_a_question() {
    let server = Server::start();
    let write = |path: &str, text: &str| server.installation.write(path, text);
    write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("notes", "notes");
    server.refresh("notes");
    let stamp = stamp_of(&server.post("/admin/backup", &json!({})).json());
    write("notes/new.md", "# Lanterns\n\nLanterns are lit at dusk.\n");
    server.refresh("notes");
    let ask = |text: &str| server.post("/query", &json!({ "query": text }));
    assert_eq!(ask("lanterns").json()["results"].as_array().unwrap().len(), 1);

    let plan = server.get(&format!("/admin/backup/{stamp}/restore"));
    assert_eq!(plan.json()["lost"]["by_verb"], json!({ "refresh": 1 }), "{plan:?}");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut answers = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let answer = ask("keys rotated");
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.json()["results"][0]["source_file"], "keys.md", "{answer:?}");
                answers += 1;
            }
            answers
        });
        let outcome = server.send("POST", &format!("/admin/backup/{stamp}/restore"), None);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
        outcome
    });
    assert_eq!(outcome.status, 200, "{outcome:?}");
    assert!(outcome.json()["outage_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(ask("lanterns").json()["results"], json!([]));
    let undone = server.send("POST", "/admin/backup/undo", None);
    assert_eq!(undone.status, 200, "{undone:?}");
    assert_eq!(ask("lanterns").json()["results"].as_array().unwrap().len(), 1);
    // Writers go on as well.
    server.refresh("notes");
}

#[test]
fn a_restore_over_http_is_refused_when_the_store_has_moved_on_from_its_plan() {
    let server = Server::start();
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("notes", "notes");
    server.refresh("notes");
    let stamp = stamp_of(&server.post("/admin/backup", &json!({})).json());
    let planned = || server.get(&format!("/admin/backup/{stamp}/restore")).json()["generation"].clone();
    let restore = |generation: &Value| {
        server.send("POST", &format!("/admin/backup/{stamp}/restore?generation={generation}"), None)
    };
    let before = planned();
    let memory = json!({ "memory_type": "knowledge", "content": "the mast is 12 m high" });
    assert_eq!(server.post("/memory", &memory).status, 200);
    let refused = restore(&before).refused(409, "plan_outdated");
    assert!(refused.detail.contains("moved on"), "{refused:?}");
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 1, "not even a snapshot");
    assert_eq!(server.get("/memory").json()["memories"].as_array().unwrap().len(), 1);
    assert_eq!(server.send("POST", "/admin/backup/undo?generation=x", None).status, 400);

    assert_eq!(restore(&planned()).status, 200);
    assert_eq!(server.get("/memory").json()["memories"], json!([]));
    let undo = server.get("/admin/backup/undo").json()["generation"].clone();
    assert_eq!(server.send("POST", &format!("/admin/backup/undo?generation={undo}"), None).status, 200);
    server.send("POST", &format!("/admin/backup/undo?generation={undo}"), None).refused(409, "plan_outdated");
    assert_eq!(server.get("/memory").json()["memories"].as_array().unwrap().len(), 1);
}

/// Otherwise what was done to the restored store would stand under the generation of a plan that has not seen it.
#[test]
fn no_generation_of_the_store_before_a_restore_is_given_again_after_it() {
    let server = Server::start();
    let stamp = stamp_of(&server.post("/admin/backup", &json!({})).json());
    let planned = || server.get(&format!("/admin/backup/{stamp}/restore")).json()["generation"].clone();
    let restore = |generation: &Value| {
        server.send("POST", &format!("/admin/backup/{stamp}/restore?generation={generation}"), None)
    };
    let remember = |content: &str| {
        let memory = json!({ "memory_type": "knowledge", "content": content });
        assert_eq!(server.post("/memory", &memory).status, 200);
    };
    ["one", "two", "three"].into_iter().for_each(remember);
    let before = planned();
    assert_eq!(restore(&before).status, 200);
    for content in ["after the plan", "after the plan too", "and this", "and that"] {
        restore(&before).refused(409, "plan_outdated");
        remember(content);
    }
    assert_eq!(server.get("/memory").json()["memories"].as_array().unwrap().len(), 4);
}

/// Kills `backup restore` and `backup undo` at any moment: whoever comes next finds the one state or the other, whole.
#[test]
fn a_restore_that_is_killed_leaves_the_state_before_or_the_one_after() {
    let (place, stamp) = moved_on();
    let whole = |place: &Sandbox| {
        let lanterns = finds_lanterns(place);
        let expected: &[&str] = if lanterns { &["notes", "extra"] } else { &["notes"] };
        assert_eq!(project_ids(place), expected, "store and registry belong together");
        lanterns
    };
    let started = Instant::now();
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    let takes = started.elapsed();
    let mut newer = whole(&place);
    assert!(!newer);
    let (mut rounds, mut killed, mut changed, mut moment) = (0, 0, 0, Duration::ZERO);
    while rounds < 24 || killed == 0 || changed == 0 {
        rounds += 1;
        let mut command = place.command(&["backup", "undo", "--yes"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running::start(&mut command).unwrap();
        process.let_run(moment).unwrap();
        process.kill(Victims::Group).unwrap();
        if process.wait(Duration::from_secs(60)).unwrap().was_killed() {
            killed += 1;
        }
        let now = whole(&place);
        changed += u32::from(now != newer);
        // Later each time, and sooner again once it was too late: however busy the machine is by now.
        moment = if now == newer { moment * 5 / 4 + takes / 20 } else { moment / 2 };
        newer = now;
        assert!(!place.path("home/data/restore/journal.json").exists(), "it was finished or given up");
    }
    println!("{killed} of {rounds} killed, {changed} had gone over to the other state");
    place.ok(&["backup", "undo", "--yes"]);
    assert!(!place.path("home/data/db/atocore.db.restore-incoming").exists(), "nothing stays behind");
    for snapshot in place.json(&["backup", "list"]).as_array().unwrap() {
        place.ok(&["backup", "validate", snapshot["stamp"].as_str().unwrap(), "--depth", "content"]);
    }
}

/// Ends the program after each of its file operations in turn, while it goes from one state to the other and back.
#[test]
fn a_restore_that_ends_after_any_file_operation_leaves_the_state_before_or_the_one_after() {
    let (place, stamp) = moved_on();
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    let mut newer = false;
    let (mut ended, mut before, mut after) = (0, 0, 0);
    for last in 1_u64.. {
        let last = last.to_string();
        let ran = place.run_with(&[("FAULT_AFTER_FILE_OPERATIONS", &last)], &["backup", "undo", "--yes"]);
        let lanterns = finds_lanterns(&place);
        let expected: &[&str] = if lanterns { &["notes", "extra"] } else { &["notes"] };
        assert_eq!(project_ids(&place), expected, "ended after operation {last}: {ran:?}");
        if ran.code == 0 {
            assert_ne!(lanterns, newer, "acknowledged after operation {last}");
            break;
        }
        ended += 1;
        before += u32::from(lanterns == newer);
        after += u32::from(lanterns != newer);
        newer = lanterns;
        let status = place.json(&["status"]);
        assert!(status["generation"].as_u64().unwrap() > 0, "{status}");
    }
    println!(
        "ended after {ended} file operations: {before} times the state before, {after} times the one after"
    );
    assert!(before > 3 && after > 3, "{before} before, {after} after: it does not end where it should");
}

/// The same while a snapshot is taken, and while one is restored into a folder.
#[test]
fn a_snapshot_that_ends_after_any_file_operation_is_whole_or_is_not_listed() {
    let place = Sandbox::with_notes();
    let stamps = || -> Vec<String> {
        let list = place.json(&["backup", "list"]);
        list.as_array().unwrap().iter().map(|one| one["stamp"].as_str().unwrap().to_owned()).collect()
    };
    let mut known = stamps();
    let mut visible_before_the_end = 0;
    for last in 1_u64.. {
        let ran =
            place.run_with(&[("FAULT_AFTER_FILE_OPERATIONS", &last.to_string())], &["backup", "create"]);
        let listed = stamps();
        let new: Vec<_> = listed.iter().filter(|stamp| !known.contains(stamp)).collect();
        assert!(new.len() <= 1, "ended after operation {last}: {new:?}");
        for stamp in &new {
            place.ok(&["backup", "validate", stamp, "--depth", "content"]);
        }
        if ran.code == 0 {
            assert_eq!(new.len(), 1, "acknowledged after operation {last}");
            println!(
                "ended after {} file operations, {visible_before_the_end} times with the snapshot whole",
                last - 1
            );
            assert!(last > 20, "it does not end where it should");
            return;
        }
        visible_before_the_end += new.len();
        known = listed;
    }
}

/// The same while a snapshot is restored into a folder: the next attempt finds it empty, or finishes what was ready.
#[test]
fn a_restore_into_a_folder_that_ends_after_any_file_operation_is_whole_or_made_by_the_next() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let expected = place.json(&["query", "keys rotated"])["results"].clone();
    let (mut empty, mut cleared, mut whole, mut finished) = (0, 0, 0, 0);
    for last in 1_u64.. {
        let target = format!("aside{last}");
        let restore = ["backup", "restore", stamp.as_str(), "--to", target.as_str()];
        let ended = place.run_with(&[("FAULT_AFTER_FILE_OPERATIONS", &last.to_string())], &restore);
        let holds = |name: &str| place.path(&target).join(name).exists();
        let left = place.path(&target).read_dir().map_or(0, Iterator::count);
        if !holds("data") {
            let again = place.run(&restore);
            if again.code == 0 {
                empty += u32::from(left == 0);
                cleared += u32::from(left > 0);
            } else {
                assert!(again.stderr.contains("was cut short and has been finished now"), "{again:?}");
                finished += 1;
            }
            assert_eq!(place.path(&target).read_dir().unwrap().count(), 2, "ended after operation {last}");
        } else if ended.code != 0 {
            whole += 1;
        }
        let asked = ran(place.bare(PROGRAM).args(["--json", "--data-dir", &target, "query", "keys rotated"]));
        let answer: Value = serde_json::from_str(&asked.stdout).unwrap_or_else(|_| panic!("{asked:?}"));
        assert_eq!(answer["results"], expected, "ended after operation {last}");
        if ended.code == 0 {
            break;
        }
    }
    println!("{empty} times empty, {cleared} times cleared, {finished} times finished, {whole} times whole");
    assert!(empty > 0 && cleared > 3 && whole > 0 && finished > 0, "it does not end where it should");
}

/// A restore is the natural fix for a registry that somebody broke, and it must be possible to come back from it.
#[test]
fn a_broken_registry_prevents_neither_a_restore_nor_its_undo() {
    for broken in ["{\"projects\": [", "{\"projects\": [{\"id\": \"No Tes!\"}]}"] {
        let place = Sandbox::with_notes();
        let registry = "home/config/project-registry.json";
        let sound = place.read(registry);
        let good = place.snapshot();
        place.ok(&["state", "set", "notes", "decision", "after", "precious"]);
        place.write(registry, broken);
        let taken = place.run(&["backup", "create"]);
        assert_eq!(taken.code, 2, "{taken:?}");
        assert!(taken.stderr.contains("the registry was copied as it is, and it is broken"), "{taken:?}");

        let outcome = place.json(&["backup", "restore", &good, "--yes"]);
        assert_eq!(place.read(registry), sound);
        assert_eq!(place.json(&["state", "list", "notes"])["entries"], serde_json::json!([]));
        // What was proven for it is written down, so that no removal takes it for unproven.
        let listed = place.json(&["backup", "list"]);
        let proven = listed.as_array().unwrap().iter().find(|one| one["stamp"] == good.as_str()).unwrap();
        assert_eq!(proven["atocore"]["proven_depth"], "content", "{proven}");

        let safety = outcome["safety_stamp"].as_str().unwrap().to_owned();
        let plan = place.ok(&["backup", "restore", &safety]);
        assert!(plan.contains("comes back as it was, and was broken then"), "{plan}");
        place.ok(&["backup", "undo", "--yes"]);
        assert_eq!(place.read(registry), broken, "byte for byte");
        place.write(registry, &sound);
        assert_eq!(place.json(&["state", "list", "notes"])["entries"][0]["value"], "precious");
        place.ok(&["backup", "restore", &safety, "--to", "aside"]);
        assert_eq!(place.read("aside/config/project-registry.json"), broken);
    }
}

/// What is restored into the data of the installation would be cleared away with what else is left there.
#[test]
fn nothing_is_restored_into_the_data_of_the_installation() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    symlink(place.path("home/data"), place.path("link")).unwrap();
    for inside in ["home/data/tmp/mine", "home/data/index/incoming", "home/data", "link/new/deep"] {
        let refused = place.run(&["backup", "restore", "latest", "--to", inside]);
        assert!(
            refused.code == 64 && refused.stderr.contains("in the data of this installation"),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("name a folder elsewhere"), "{refused:?}");
    }
    place.ok(&["backup", "restore", "latest", "--to", "home/restored"]);
}
