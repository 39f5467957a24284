//! Retention through the interfaces: a dry run until it is said again, the same by every interface, and killed anywhere.

use std::fs;

use serde_json::{Value, json};

use crate::{
    program::{Sandbox, contents},
    server::Server,
};

const LAST_ONE: [&str; 8] =
    ["--keep-last", "1", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0"];

fn prune<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["backup", "prune"].into_iter().chain(LAST_ONE).chain(more.iter().copied()).collect()
}

fn stamps(place: &Sandbox) -> Vec<String> {
    let list = place.json(&["backup", "list"]);
    list.as_array().unwrap().iter().map(|one| one["stamp"].as_str().unwrap().to_owned()).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn pruning_is_a_plan_until_it_is_said_again() {
    let place = Sandbox::with_notes();
    let taken = [place.snapshot(), place.snapshot(), place.snapshot()];
    fs::create_dir(place.path("home/backups/snapshots/my notes")).unwrap();
    place.ok(&["backup", "pin", &taken[0], "--note", "before the move"]);
    let before = contents(&place.path("home"));
    for arguments in [prune(&[]), prune(&["--dry-run"])] {
        let told = place.ok(&arguments);
        for part in [
            "keeping 1 last",
            "older than the 1 kept by last",
            "keep: pinned",
            "keep: newest, last 1",
            "REMOVE: ",
            "my notes: its name is not a stamp",
            "1 snapshot would be removed",
            "do it with --yes",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert_eq!(contents(&place.path("home")), before);
    }
    let told = place.ok(&prune(&["--yes"]));
    assert!(told.contains("1 snapshot removed"), "{told}");
    assert_eq!(stamps(&place), [taken[0].as_str(), &taken[2], "my notes"]);
    place.ok(&["backup", "validate", &taken[0], "--depth", "content"]);
    place.ok(&["backup", "unpin", &taken[0]]);
    // The validation was written down: it is the newest that is proven, until a newer one is.
    assert!(place.ok(&prune(&["--yes"])).contains("keep: newest proven to `content`"));
    place.ok(&["backup", "validate", &taken[2], "--depth", "content"]);
    let result = place.json(&prune(&["--yes"]));
    assert_eq!(texts(&result["removed"]), [taken[0].as_str()]);
    assert_eq!(place.json(&prune(&["--yes"]))["removed"], json!([]));
    // The rules of the settings keep what those of the flags would not.
    assert_eq!(place.json(&["backup", "prune"])["keep"]["monthly"], 6);
}

#[test]
fn rules_that_keep_nothing_are_refused_with_a_hint() {
    let place = Sandbox::with_notes();
    place.snapshot();
    let none = ["backup", "prune", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0"];
    let ran = place.run(&none);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(
        ran.stderr.contains("every retention rule is 0") && ran.stderr.contains("--keep-last 1"),
        "{ran:?}"
    );
    let ran = place.run(&["backup", "prune", "--keep-last", "10001"]);
    assert!(ran.code == 64 && ran.stderr.contains("10000"), "{ran:?}");

    let zeros = [("ATOCORE_KEEP_DAILY", "0"), ("ATOCORE_KEEP_WEEKLY", "0"), ("ATOCORE_KEEP_MONTHLY", "0")];
    let ran = place.run_with(&zeros, &["status"]);
    assert!(ran.code == 64 && ran.stderr.contains("`KEEP_DAILY` is `0`"), "{ran:?}");
    assert!(ran.stderr.contains("ATOCORE_KEEP_DAILY"), "{ran:?}");
    let ran = place.run_with(&[&zeros[..], &[("ATOCORE_KEEP_LAST", "1")]].concat(), &["backup", "prune"]);
    assert!(ran.code == 0 && ran.stdout.contains("keeping 1 last"), "{ran:?}");
    let ran = place.run_with(&[("ATOCORE_KEEP_LAST", "many")], &["status"]);
    assert!(ran.code == 64 && ran.stderr.contains("`KEEP_LAST` is `many`"), "{ran:?}");
}

#[test]
fn a_running_server_prunes_and_pins_with_the_same_answers() {
    let place = Sandbox::with_notes();
    let taken = [place.snapshot(), place.snapshot()];
    let alone = place.json(&prune(&[]));
    let server = place.serve();
    assert_eq!(place.json(&prune(&[])), alone);
    place.ok(&["backup", "pin", &taken[0]]);
    assert!(place.path("home/backups/pins").join(&taken[0]).exists());
    assert_eq!(place.json(&prune(&["--yes"]))["removed"], json!([]));
    place.ok(&["backup", "unpin", &taken[0]]);
    assert_eq!(place.json(&prune(&["--yes"]))["removed"], json!([taken[0]]));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(stamps(&place), [taken[1].clone()]);
}

#[test]
fn over_http_nothing_is_removed_unless_it_is_said() {
    let server = Server::start();
    let create = || {
        let metadata = server.send("POST", "/admin/backup", None).json();
        metadata["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let taken = [create(), create(), create()];
    let rules = json!({"keep_last": 1, "keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0});
    for body in [None, Some("{}"), Some(r#"{"apply": false}"#)] {
        let answer = server.send("POST", "/admin/backup/prune", body).json();
        assert_eq!((&answer["applied"], answer["keep"]["daily"].as_u64()), (&json!(false), Some(7)));
    }
    let planned = server.post("/admin/backup/prune", &rules).json();
    assert_eq!(texts(&planned["removed"]), [taken[1].as_str(), taken[0].as_str()]);
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 3);

    let pin = format!("/admin/backup/{}/pin", taken[0]);
    assert_eq!(server.post(&pin, &json!({"note": "keep"})).json()["pinned"], true);
    let mut apply = rules;
    apply["apply"] = json!(true);
    let done = server.post("/admin/backup/prune", &apply).json();
    assert_eq!(texts(&done["removed"]), [taken[1].as_str()]);
    assert_eq!(server.send("DELETE", &pin, None).json()["was_pinned"], true);
    assert_eq!(server.send("DELETE", &pin, None).json()["was_pinned"], false);

    server.post("/admin/backup/prune", &json!({"aply": true})).refused(400, "invalid_request");
    server.post("/admin/backup/prune", &json!({"keep_daily": -1})).refused(400, "invalid_request");
    let zeros = json!({"keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0, "apply": true});
    server.post("/admin/backup/prune", &zeros).refused(400, "invalid_request");
    server.send("POST", "/admin/backup/20200101T000000Z/pin", None).refused(404, "snapshot_unknown");
    for stamp in ["..%2F..%2Fx", "x", "20260406T184219Z%2F.."] {
        for method in ["POST", "DELETE"] {
            server.send(method, &format!("/admin/backup/{stamp}/pin"), None).refused(400, "invalid_stamp");
        }
    }
    server.post(&pin, &json!({"note": "a\nb"})).refused(400, "invalid_request");
}

#[test]
fn a_removal_that_ends_after_any_file_operation_leaves_whole_snapshots() {
    let place = Sandbox::with_notes();
    let kept = place.snapshot();
    place.ok(&["backup", "pin", &kept]);
    let (mut ended, mut cut_short) = (0, 0);
    for last in 1_u64.. {
        while stamps(&place).len() < 3 {
            place.snapshot();
        }
        let before = stamps(&place);
        let planned = place.json(&prune(&[]))["removed"].clone();
        let after: Vec<_> =
            before.iter().filter(|stamp| !texts(&planned).contains(&stamp.as_str())).collect();
        assert_eq!(after.len(), 2);
        let ran = place.run_with(&[("FAULT_AFTER_FILE_OPERATIONS", &last.to_string())], &prune(&["--yes"]));
        let listed = stamps(&place);
        // The one that goes is there, whole, or not at all.
        assert!(listed == before || listed.iter().eq(after), "ended after operation {last}: {listed:?}");
        for stamp in &listed {
            place.ok(&["backup", "validate", stamp, "--depth", "digests"]);
        }
        let left = contents(&place.path("home/backups/.partial"));
        cut_short += u32::from(!left.is_empty());
        if ran.code == 0 {
            assert!(left.is_empty() && listed.len() == 2, "acknowledged after operation {last}");
            break;
        }
        ended += 1;
        // The next run clears up, and removes what is still to be removed.
        place.ok(&prune(&["--yes"]));
        assert!(contents(&place.path("home/backups/.partial")).is_empty(), "ended after operation {last}");
        assert_eq!(stamps(&place).len(), 2);
    }
    println!("ended after {ended} file operations, {cut_short} times with something to clear");
    assert!(ended > 15 && cut_short > 2, "{ended}, {cut_short}: it does not end where it should");
}
