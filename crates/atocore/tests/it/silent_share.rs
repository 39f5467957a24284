//! A folder whose file system does not answer, as of a share whose server is gone, holds up nothing but itself.

use std::thread;

use serde_json::{Value, json};

use crate::program::{PROGRAM, Ran, Sandbox, ran};

/// The calls by which a path is looked at; on each architecture there are some of them.
const LOOKS: &str = "?readlink,readlinkat,?newfstatat,?stat,?lstat,statx,openat,?openat2";

/// Runs the program while `share` leaves everybody who asks about it waiting, for longer than the program does.
fn beside_silent(share: &str, place: &Sandbox, arguments: &[&str]) -> Ran {
    let path = place.path(share).canonicalize().unwrap();
    let mut traced = place.bare("strace");
    traced.args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &format!("trace={LOOKS}"), "-P"]);
    traced.arg(path).args(["-e", &format!("inject={LOOKS}:delay_enter=25000000")]);
    ran(traced.args([PROGRAM, "--data-dir", "home"]).args(arguments))
}

#[test]
fn a_share_that_does_not_answer_stops_neither_its_documents_nor_other_projects() {
    let place = Sandbox::with_notes();
    place.write("share/ocelot.md", "# Ocelot\n\nSpotted.\n");
    place.ok(&["project", "add", "far", "--root", "share"]);
    place.ok(&["refresh", "far"]);
    place.write("notes/tapir.md", "# Tapir\n\nStriped when young.\n");
    place.write("share/margay.md", "# Margay\n");
    let run = |arguments: &'static [&'static str]| {
        let place = &place;
        move || beside_silent("share", place, arguments)
    };
    let [near, status, doctor] = thread::scope(|scope| {
        let others: [&[&str]; 3] = [&["--json", "refresh", "notes"], &["status"], &["doctor"]];
        others.map(|arguments| scope.spawn(run(arguments))).map(|other| other.join().unwrap())
    });
    let refreshed: Value = serde_json::from_str(&near.stdout).unwrap();
    assert_eq!((near.code, &refreshed["counts"]["ingested"]), (0, &json!(1)), "{near:?}");
    assert_eq!(status.code, 0, "{status:?}");
    assert!(doctor.stdout.contains("its file system does not answer"), "{doctor:?}");

    let far = beside_silent("share", &place, &["refresh", "far"]);
    assert_eq!(far.code, 2, "{far:?}");
    assert!(far.stdout.contains("its file system does not answer; nothing of it was changed"), "{far:?}");
    let found = place.json(&["query", "spotted", "--project", "far", "--scope"]);
    assert_eq!(found["results"][0]["source_file"], "ocelot.md", "{found}");
    // It answers again.
    assert!(place.ok(&["refresh", "far"]).contains("1 ingested"));
}
