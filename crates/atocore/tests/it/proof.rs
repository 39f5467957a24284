//! How deep snapshots are proven: found by validations and drills, written down, and shown through every interface.

use serde_json::{Value, json};

use crate::{
    program::{Sandbox, contents},
    server::Server,
};

/// Changes a file of a snapshot, as a failing disk would.
fn damage(place: &Sandbox, stamp: &str) {
    let registry = format!("home/backups/snapshots/{stamp}/config/project-registry.json");
    let changed = place.read(&registry).replace("Field Notes", "Field Nodes");
    place.write(&registry, changed);
}

/// The depth that every snapshot is listed as proven to, by stamp.
fn listed(place: &Sandbox) -> Vec<Value> {
    let list = place.json(&["backup", "list"]);
    list.as_array().unwrap().iter().map(|entry| entry["atocore"]["proven_depth"].clone()).collect()
}

#[test]
fn every_snapshot_is_validated_and_the_broken_one_is_named() {
    let place = Sandbox::with_notes();
    assert!(place.ok(&["backup", "validate", "--all"]).contains("there is no snapshot"));
    let stamps = [place.snapshot(), place.snapshot(), place.snapshot()];
    damage(&place, &stamps[1]);
    std::fs::create_dir(place.path("home/backups/snapshots/not one of ours")).unwrap();
    let check = |place: &Sandbox| {
        let ran = place.run(&["backup", "validate", "--all", "--depth", "answers"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        for (stamp, verdict) in stamps.iter().zip(["valid, proven", "NOT valid", "valid, proven"]) {
            let line = ran.stdout.lines().find(|line| line.starts_with(stamp.as_str())).unwrap();
            assert!(line.contains(verdict), "{line}");
        }
        assert!(ran.stdout.contains("    digest_mismatch: config/project-registry.json"), "{ran:?}");
        let ran = place.run(&["--json", "backup", "validate", "--all", "--depth", "answers"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        let valid: Vec<_> = found.as_array().unwrap().iter().map(|one| one["valid"].clone()).collect();
        assert_eq!(valid, [json!(true), json!(false), json!(true)]);
        assert_eq!(listed(place), [json!("answers"), json!("structure"), json!("answers"), Value::Null]);
    };
    check(&place);
    let server = place.serve();
    check(&place);
    assert_eq!(server.stop(), Some(0));
    assert!(place.ok(&["backup", "list"]).contains("structure, NOT digests"));
    for arguments in [&["backup", "validate"][..], &["backup", "validate", "--all", &stamps[0]]] {
        assert_eq!(place.run(arguments).code, 64, "{arguments:?}");
    }
}

#[test]
fn a_drill_is_written_down_and_every_page_says_how_old_the_proof_is() {
    let server = Server::start();
    let none = server.send("POST", "/admin/backup/drill", None);
    assert_eq!((none.status, none.json()), (200, Value::Null));
    let proven = |page: &Value| -> Vec<Value> {
        page["proven"].as_array().unwrap().iter().map(|one| one["stamp"].clone()).collect()
    };
    let metric = |name: &str| {
        let metrics = server.get("/metrics").body;
        let line = metrics.lines().find(|line| line.starts_with(name)).map(ToOwned::to_owned);
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(proven(&server.get("/health").json()), vec![Value::Null; 5]);
    assert_eq!(metric("atocore_snapshot_proven_age_seconds{depth=\"answers\"}"), "NaN");
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.");
    server.add("notes", "notes");
    let _report = server.refresh("notes");
    let root = server.send("POST", "/admin/backup", None).json()["backup_root"].clone();
    let stamp = root.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(proven(&server.get("/health").json()), vec![Value::Null; 5], "nobody has looked");
    let drill = server.send("POST", "/admin/backup/drill", None).json();
    assert_eq!((&drill["stamp"], &drill["valid"]), (&json!(stamp), &json!(true)), "{drill}");
    let status = server.get("/status").json()["snapshots"].clone();
    assert_eq!(proven(&status), vec![json!(stamp); 5]);
    assert_eq!(proven(&server.get("/health").json()), vec![json!(stamp); 5]);
    let last = &status["last_validation"];
    assert_eq!(
        (&last["depth"], &last["valid"], &last["stamp"]),
        (&json!("answers"), &json!(true), &json!(stamp))
    );
    assert_ne!(metric("atocore_snapshot_proven_age_seconds{depth=\"answers\"}"), "NaN");
    assert_eq!(metric("atocore_snapshots_failing"), "0.0");

    std::fs::write(format!("{}/config/project-registry.json", root.as_str().unwrap()), "{").unwrap();
    let drill = server.send("POST", "/admin/backup/drill", None).json();
    assert_eq!((&drill["valid"], &drill["atocore"]["depth_asked"]), (&json!(false), &json!("answers")));
    assert_eq!(proven(&server.get("/health").json()), vec![Value::Null; 5]);
    assert_eq!(metric("atocore_snapshots_failing"), "1.0");
}

#[test]
fn what_is_proven_is_a_line_of_the_status() {
    let place = Sandbox::with_notes();
    assert_eq!(place.run(&["backup", "drill"]).code, 2, "there is nothing to drill");
    let old = place.snapshot();
    assert!(place.ok(&["status"]).contains("`atocore backup drill` proves the newest"));
    assert!(place.ok(&["backup", "drill"]).contains("valid, proven to depth `answers`"));
    let new = place.snapshot();
    place.ok(&["backup", "validate", &new, "--depth", "content"]);
    let status = place.ok(&["status"]);
    assert!(status.contains(&format!("to `answers`: {old}, ")), "{status}");
    assert!(status.contains(&format!("to `content`: {new}, ")), "{status}");
    place.write(&format!("home/backups/ledger/{old}.json"), "{");
    assert!(!place.ok(&["status"]).contains("answers"), "a damaged ledger proves nothing");
    assert!(place.ok(&["backup", "list"]).contains("no, ledger damaged"));
    damage(&place, &new);
    assert_eq!(place.run(&["backup", "drill"]).code, 2);
    assert!(place.ok(&["status"]).contains("1 snapshot did not stand the last validation"));
}

#[test]
fn a_drill_that_ends_after_any_file_operation_leaves_nothing_and_claims_nothing() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let snapshot = place.path("home/backups/snapshots").join(&stamp);
    let before = contents(&snapshot);
    let (mut ended, mut cut_short) = (0, 0);
    for last in 1_u64.. {
        let ran = place.run_with(&[("FAULT_AFTER_FILE_OPERATIONS", &last.to_string())], &["backup", "drill"]);
        assert_eq!(contents(&snapshot), before, "ended after operation {last}");
        if ran.code == 0 {
            assert_eq!(listed(&place), ["answers"]);
            break;
        }
        // Once the verdict is on disk it counts, whether it was told or not; before there is none.
        assert!(listed(&place) == [Value::Null] || listed(&place) == ["answers"]);
        ended += 1;
        let scratch = place.path("home/data/tmp");
        cut_short += u32::from(scratch.exists() && !contents(&scratch).is_empty());
        place.ok(&["refresh", "notes"]);
        assert!(!scratch.exists() || std::fs::read_dir(&scratch).unwrap().next().is_none(), "{last}");
    }
    println!("ended after {ended} file operations, {cut_short} times with something to clear");
    assert!(ended > 10 && cut_short > 5, "{ended}, {cut_short}: it does not end where it should");
}
