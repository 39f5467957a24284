//! What a server says when the files of its store are not where it opened them any more, or locked by another program.

use std::fs;

use serde_json::{Value, json};

use crate::{
    program::{PROGRAM, Sandbox, ran},
    server::Server,
};

/// What `/health` says while the store is gone: the same object as ever.
fn unhealthy(server: &Server) -> Value {
    let answer = server.get("/health");
    let health = answer.json();
    assert_eq!((answer.status, &health["status"]), (503, &json!("store_gone")), "{health}");
    assert_eq!((&health["store"], &health["store_problem"]["code"]), (&json!(false), &json!("store_gone")));
    health
}

#[test]
fn a_server_whose_data_folder_is_gone_says_so_everywhere() {
    let mut server = Server::start();
    server.installation.write("p/a.md", "zebra");
    server.add("p", "p");
    let _report = server.refresh("p");
    let (data, away) = (server.installation.home().join("data"), server.installation.path().join("away"));
    fs::rename(&data, &away).unwrap();
    let memory = json!({ "memory_type": "knowledge", "content": "zebras have stripes" });
    let fact = json!({ "project": "p", "category": "decision", "key": "colour", "value": "grey" });
    let writes = [
        ("/memory", Some(&memory)),
        ("/project/state", Some(&fact)),
        ("/projects/p/refresh", None),
        ("/admin/backup", None),
    ];
    for (path, body) in writes {
        let refused = server.send("POST", path, body.map(ToString::to_string).as_deref());
        assert!(refused.refused(503, "store_gone").hint.unwrap().contains("put the folder back"), "{path}");
    }
    let problem = server.get("/status").refused(503, "store_gone");
    assert!(problem.detail.contains("was removed while this process has it open"), "{problem:?}");
    let health = unhealthy(&server);
    let why = health["store_problem"]["message"].as_str().unwrap();
    assert!(why.contains("was removed while this process has it open"), "{health}");
    let doctor = server.get("/doctor").json();
    let store = doctor["checks"].as_array().unwrap().iter().find(|check| check["check"] == "store").unwrap();
    assert_eq!((&doctor["ok"], &store["level"]), (&json!(false), &json!("problem")), "{doctor}");
    assert!(!data.join("db").exists(), "nothing is made anew in its place");

    // Put back, it is the store that it was.
    drop(fs::remove_dir_all(&data));
    fs::rename(&away, &data).unwrap();
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.post("/memory", &memory).status, 200);
    server.stop();
}

#[test]
fn a_server_that_has_its_lock_restores_a_store_whose_files_are_gone() {
    for gone in ["data/db", "data/db/atocore.db"] {
        let server = Server::start();
        server.installation.write("p/a.md", "zebra");
        server.add("p", "p");
        let _report = server.refresh("p");
        let snapshot = server.post("/admin/backup", &json!({})).json();
        let stamp = snapshot["backup_root"].as_str().unwrap().rsplit('/').next().unwrap();
        let gone = server.installation.home().join(gone);
        fs::rename(&gone, server.installation.path().join("away")).unwrap();
        let _health = unhealthy(&server);
        let plan = server.get(&format!("/admin/backup/{stamp}/restore")).json();
        assert!(plan["store_problem"].as_str().unwrap().contains("is gone"), "{plan}");
        assert_eq!(plan["present"], json!(null), "{plan}");
        assert!(!gone.exists(), "a plan makes nothing anew in its place");
        let restored = server.send("POST", &format!("/admin/backup/{stamp}/restore"), None);
        assert_eq!(restored.status, 200, "{restored:?}");
        assert_eq!(server.get("/health").status, 200);
        let found = server.post("/query", &json!({ "query": "zebra" })).json();
        assert_eq!(found["results"][0]["source_file"], "a.md", "{found}");
        server.installation.write("p/b.md", "okapi");
        assert_eq!(server.refresh("p")["counts"]["ingested"], 1);
    }
}

#[test]
fn a_data_folder_that_is_gone_comes_back_by_a_restore_once_its_server_is_stopped() {
    let mut server = Server::start();
    server.installation.write("p/a.md", "zebra");
    server.add("p", "p");
    let _report = server.refresh("p");
    let snapshot = server.post("/admin/backup", &json!({})).json();
    let stamp = snapshot["backup_root"].as_str().unwrap().rsplit('/').next().unwrap();
    let home = server.installation.home();
    fs::remove_dir_all(home.join("data")).unwrap();
    for method in ["GET", "POST"] {
        let refused = server.send(method, &format!("/admin/backup/{stamp}/restore"), None);
        let hint = refused.refused(503, "store_gone").hint.unwrap();
        assert!(hint.contains("stop it, and `atocore backup restore latest`"), "{method}: {hint}");
    }
    assert!(!home.join("data").exists(), "nothing is made anew in its place");
    server.stop();
    let place = Sandbox::new();
    let run = |arguments: &[&str]| {
        let ran = ran(place.bare(PROGRAM).arg("--data-dir").arg(&home).args(arguments));
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    };
    let _restored = run(&["backup", "restore", "latest", "--yes"]);
    assert!(run(&["query", "zebra"]).contains("a.md"));
}

#[test]
fn an_older_copy_of_the_data_in_its_place_is_told_and_a_restored_older_state_is_not() {
    let place = Sandbox::with_notes();
    assert_eq!(ran(place.bare("cp").args(["-r", "home/data", "older"])).code, 0);
    let first = place.snapshot();
    place.ok(&["memory", "add", "knowledge", "newer"]);
    let newest = place.snapshot();
    let told = || place.run(&["doctor"]).stdout.contains("an older copy of the data");
    assert!(!told());
    fs::rename(place.path("home/data"), place.path("away")).unwrap();
    fs::rename(place.path("older"), place.path("home/data")).unwrap();
    assert!(told());
    place.ok(&["backup", "restore", &newest, "--yes"]);
    assert!(!told());
    place.ok(&["backup", "restore", &first, "--yes"]);
    assert!(!told());
}

/// Where the disk of the data is not mounted there is an empty folder, or none: facts would go into a new store in it, and
/// the newest snapshot would be one of nothing.
#[test]
fn an_empty_data_folder_where_there_was_a_store_begins_no_new_one() {
    let place = Sandbox::with_notes();
    place.ok(&["memory", "add", "knowledge", "kept"]);
    let stamp = place.snapshot();
    let (data, away) = (place.path("home/data"), place.path("away"));
    for empty in [false, true] {
        fs::rename(&data, &away).unwrap();
        if empty {
            fs::create_dir(&data).unwrap();
        }
        let commands: [&[&str]; 4] = [
            &["memory", "add", "knowledge", "lost"],
            &["query", "keys"],
            &["refresh", "--all"],
            &["backup", "create"],
        ];
        for command in commands {
            let refused = place.run(command);
            assert!(
                refused.code == 1 && refused.stderr.contains("the store is gone"),
                "{command:?}: {refused:?}"
            );
            assert!(refused.stderr.contains("mount its disk"), "{refused:?}");
        }
        let elsewhere = place.path("elsewhere");
        drop(std::os::unix::fs::symlink(place.path("home"), &elsewhere));
        for spelled in ["home/../home", "elsewhere"] {
            let refused =
                ran(place.bare(PROGRAM).args(["--data-dir", spelled, "memory", "add", "knowledge", "x"]));
            assert!(
                refused.code == 1 && refused.stderr.contains("the store is gone"),
                "{spelled}: {refused:?}"
            );
        }
        for command in ["status", "doctor"] {
            let told = place.run(&[command]);
            assert!(told.code == 2 && told.stdout.contains("the store is gone"), "{told:?}");
        }
        assert!(place.json(&["backup", "list"]).to_string().contains(&stamp));
        drop(fs::remove_dir_all(&data));
        fs::rename(&away, &data).unwrap();
        assert_eq!(place.json(&["memory", "list"])["memories"].as_array().unwrap().len(), 1);
    }

    // Gone for good: from the newest snapshot, or, once somebody says so, from nothing.
    fs::remove_dir_all(&data).unwrap();
    place.ok(&["backup", "restore", "latest", "--yes"]);
    assert_eq!(place.json(&["memory", "list"])["memories"].as_array().unwrap().len(), 1);
    fs::remove_dir_all(&data).unwrap();
    fs::remove_file(place.path("home/config/known-stores.json")).unwrap();
    place.ok(&["memory", "add", "knowledge", "anew"]);
}

/// Where nothing was ever saved, no hint names a snapshot that is not there, or the taking of one from what is gone.
#[test]
fn a_lost_store_without_a_snapshot_has_hints_that_lead_out() {
    let place = Sandbox::with_notes();
    place.ok(&["memory", "add", "knowledge", "kept"]);
    fs::remove_file(place.path("home/data/db/atocore.db")).unwrap();
    let refused = place.run(&["backup", "create"]);
    assert!(refused.code == 1 && refused.stderr.contains("backup list` shows one"), "{refused:?}");
    let listed = place.ok(&["backup", "list"]);
    assert!(listed.contains("backup import ARCHIVE"), "{listed}");
    let refused = place.run(&["backup", "restore", "latest"]);
    assert!(refused.code == 1 && refused.stderr.contains("backup import ARCHIVE"), "{refused:?}");
    for command in ["status", "doctor"] {
        let told = place.run(&[command]);
        assert!(told.code == 2 && !told.stdout.contains("backup create"), "{told:?}");
    }
    // The last of what the hints name: to begin anew.
    fs::remove_dir_all(place.path("home/data/index/lexical")).unwrap();
    fs::remove_file(place.path("home/config/known-stores.json")).unwrap();
    place.ok(&["memory", "add", "knowledge", "anew"]);
}
