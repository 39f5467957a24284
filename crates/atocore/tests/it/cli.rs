//! The command line tells whole stories: what is registered is read, what is read is found, what is found comes back.

use std::{
    fs,
    io::BufRead,
    path::Path,
    process::{Child, Stdio},
};

use crate::{
    agent::{Agent, text},
    program::{Sandbox, ran, told_to_stop},
    write_lock::WriteLock,
};

fn hits(answer: &serde_json::Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|hit| hit["source_file"].as_str().unwrap()).collect()
}

#[test]
fn what_is_registered_is_read_and_found_under_every_name() {
    let place = Sandbox::with_notes();
    for name in ["notes", "NOTES", "Field Notes", "field notes"] {
        let answer = place.json(&["query", "keys rotated", "--project", name, "--scope"]);
        assert_eq!(hits(&answer), ["keys.md", "archive/keys.md"], "{name}");
        assert_eq!(answer["project"], "notes");
    }
    let tagged = place.json(&["query", "keys", "--tag", "security"]);
    assert_eq!(hits(&tagged), ["keys.md"]);
    let below = place.json(&["query", "keys", "--path", "archive"]);
    assert_eq!(hits(&below), ["archive/keys.md"]);
    assert_eq!(hits(&place.json(&["query", "keys", "rotated", "--top-k", "1"])), ["keys.md"]);
}

#[test]
fn a_filter_that_fits_no_document_is_named_in_every_interface() {
    let place = Sandbox::with_notes();
    let path = "no document lies at the path `decisions/**` or matches it";
    for (arguments, told) in [
        (&["--path", "decisions/**"][..], path),
        (&["--tag", "seldom"], "no document has the tag `seldom`"),
        (
            &["--path", "keys.md", "--tag", "seldom", "--project", "notes", "--scope"],
            "no document of project `notes` at the path `keys.md` has the tag `seldom`",
        ),
    ] {
        let asked = place.run(&[&["query", "keys"], arguments].concat());
        assert!(asked.code == 0 && asked.stderr.contains(told), "{asked:?}");
        assert!(asked.stdout.contains("fewer conditions"), "{asked:?}");
        let answer = place.json(&[&["query", "keys"], arguments].concat());
        assert_eq!(answer["notices"], serde_json::json!([told]));
    }
    let mut agent = Agent::greeted(&place);
    let found = agent.call("atocore_search", &serde_json::json!({ "query": "keys", "path": "decisions/**" }));
    assert!(text(&found).contains(path), "{found}");
    let pack = place.run(&["context", "keys", "--path", "decisions/**"]);
    assert!(pack.stderr.contains(path), "{pack:?}");
}

#[test]
fn explain_multiplies_to_the_score_on_every_hit() {
    let place = Sandbox::with_notes();
    let answer = place.json(&["query", "keys vault", "--project", "notes", "--explain"]);
    for hit in answer["results"].as_array().unwrap() {
        let explanation = &hit["explanation"];
        let factors =
            explanation["factors"].as_array().unwrap().iter().map(|factor| factor["value"].as_f64().unwrap());
        let product =
            factors.fold(explanation["similarity"].as_f64().unwrap(), |product, factor| product * factor);
        assert_eq!(product, hit["score"].as_f64().unwrap());
    }
    let shown = place.ok(&["query", "keys", "--explain"]);
    for part in [
        "similarity by words: BM25",
        "project: no project was named",
        "path: put aside: archive",
        "keys.md:6 · notes",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
}

#[test]
fn a_snapshot_is_proven_and_its_restored_copy_answers_the_same() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let validated = place.ok(&["backup", "validate", &stamp, "--depth", "content"]);
    assert!(validated.contains("valid, proven to depth `content`"), "{validated}");
    let before = place.json(&["query", "keys rotated", "--explain"]);
    place.write("notes/later.md", "# Keys\n\nKeys rotated never again.\n");
    place.ok(&["refresh", "notes"]);
    let restored = place.json(&["backup", "restore", &stamp, "--to", "again"]);
    assert_eq!(restored["path"], place.path("again").to_str().unwrap());
    let mut again = place.bare(crate::program::PROGRAM);
    let again = ran(again.args(["--data-dir", "again", "--json", "query", "keys rotated", "--explain"]));
    assert_eq!(again.code, 0, "{again:?}");
    let after: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(after["results"], before["results"]);
}

#[test]
fn a_refresh_lists_every_file_and_ends_with_two_when_something_needs_looking_at() {
    let place = Sandbox::with_notes();
    place.write("notes/broken.md", b"# Caf\xc3\xa9 \xe9\n");
    place.write("notes/picture.png", b"\x89PNG");
    fs::remove_file(place.path("notes/backups.md")).unwrap();
    let ran = place.run(&["refresh", "notes"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in
        ["broken.md", "not utf8", "picture.png", "unsupported type", "backups.md", "deleted", "1 failed"]
    {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 2);
    assert!(doctor.stdout.contains("atocore refresh notes"), "{doctor:?}");
}

#[test]
fn one_project_that_cannot_be_read_does_not_keep_the_next_from_it() {
    let place = Sandbox::with_notes();
    place.write("gone/a.md", "# Gone\n");
    place.write("more/b.md", "# More\n");
    place.ok(&["project", "add", "gone", "--root", "gone"]);
    place.ok(&["project", "add", "more", "--root", "more"]);
    fs::remove_file(place.path("gone/a.md")).unwrap();
    fs::remove_dir(place.path("gone")).unwrap();
    let ran = place.run(&["--json", "refresh"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let statuses: Vec<_> =
        all.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ingested", "nothing_to_ingest", "ingested"]);
    let ran = place.run(&["refresh", "nobody", "more"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`nobody`") && ran.stdout.contains("more"), "{ran:?}");
}

#[test]
fn removing_a_project_is_a_plan_until_it_is_said_again() {
    let place = Sandbox::with_notes();
    let before = place.state();
    let plan = place.ok(&["project", "remove", "field notes"]);
    assert!(plan.contains("3 documents") && plan.contains("--yes"), "{plan}");
    assert_eq!(place.state(), before);
    place.ok(&["project", "remove", "field notes", "--yes"]);
    assert_eq!(place.run(&["project", "show", "notes"]).code, 1);
    assert!(hits(&place.json(&["query", "keys"])).is_empty());
    assert!(place.path("notes/keys.md").exists(), "the files stay");
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let place = Sandbox::with_notes();
    place.ok(&["project", "update", "notes", "--description", "What I wrote down"]);
    let project = place.json(&["project", "show", "notes"]);
    assert_eq!(project["aliases"][0], "Field Notes");
    assert_eq!(project["description"], "What I wrote down");
    place.ok(&["project", "update", "notes", "--no-aliases"]);
    assert_eq!(place.json(&["project", "show", "notes"])["aliases"].as_array().unwrap().len(), 0);
    assert_eq!(place.run(&["project", "update", "notes"]).code, 64);
}

#[test]
fn a_root_is_registered_by_its_absolute_path_and_followed_where_its_links_lead_now() {
    let place = Sandbox::new();
    place.write("one/deep/a.md", "# Zebra of one\n");
    place.write("two/deep/a.md", "# Zebra of two\n");
    let point_to = |target: &str| {
        drop(fs::remove_file(place.path("cur")));
        std::os::unix::fs::symlink(target, place.path("cur")).unwrap();
    };
    point_to("one");
    let here = place.path("").canonicalize().unwrap();
    for (given, folder) in [
        ("./cur//", "cur"),
        ("one/../cur", "cur"),
        ("cur/deep/.", "cur/deep"),
        ("cur/../two/deep", "two/deep"),
        ("cur/deep/..", "one"),
        (here.join("cur").to_str().unwrap(), "cur"),
    ] {
        let dry = place.json(&["project", "add", "p", "--root", given, "--dry-run"]);
        let registered = dry["project"]["ingest_roots"][0]["subpath"].as_str().unwrap();
        assert_eq!(registered, here.join(folder).to_str().unwrap(), "{given}");
    }
    assert_eq!(place.json(&["project", "list"])["projects"].as_array().unwrap().len(), 0);
    for missing in ["none", "none/../one", "one/deep/a.md/.."] {
        assert_eq!(place.run(&["project", "add", "p", "--root", missing]).code, 64, "{missing}");
    }
    let project = place.json(&["project", "add", "p", "--root", "./cur/", "--label", "here"]);
    assert_eq!(project["ingest_roots"][0]["label"], "here");
    for root in ["one", "cur/../one", "./cur"] {
        let taken = place.run(&["project", "add", "other", "--root", root]);
        assert!(taken.code == 1 && taken.stderr.contains("`p`"), "{root}: {taken:?}");
    }
    for target in ["one", "two"] {
        point_to(target);
        place.ok(&["refresh", "p"]);
        let hit = &place.json(&["query", "zebra"])["results"][0];
        assert!(hit["content"].as_str().unwrap().contains(target), "{hit}");
        assert_eq!(hit["file_path"], here.join(target).join("deep/a.md").to_str().unwrap(), "{hit}");
    }
}

#[test]
fn answers_are_the_same_with_and_without_a_server() {
    let place = Sandbox::with_notes();
    let before = place.state();
    let server = place.serve();
    assert_eq!(place.state(), before);
    place.write("notes/new.md", "# New\n\nA vault for the keys that are rotated.\n");
    place.ok(&["refresh", "field notes"]);
    let during = place.state();
    assert_ne!(during, before);
    let status = place.ok(&["status"]);
    assert!(status.contains("`serve`"), "{status}");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.state(), during);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Sandbox::with_notes();
    let mut child =
        place.command(&["config", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_document_cannot_command_the_terminal_and_a_pipe_has_no_colour() {
    let place = Sandbox::new();
    place.write("p/a.md", "# \u{1b}[31mRed\u{1b}[0m\n\nkeys \u{1b}]0;owned\u{7} \u{202e}here\n");
    place.ok(&["project", "add", "p", "--root", "p", "--description", "\u{1b}[2Jcleared"]);
    place.ok(&["refresh", "p"]);
    let shown = place.ok(&["query", "keys"]) + &place.ok(&["project", "list"]);
    assert!(shown.contains("keys") && shown.contains("cleared"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
}

#[test]
fn help_and_version_are_answers_and_nothing_is_usage() {
    let place = Sandbox::new();
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["backup", "--help"], 0),
        (&["backup"], 64),
        (&["x"], 64),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert_eq!(ran.stdout.is_empty(), code != 0, "{arguments:?}: {ran:?}");
    }
    assert!(!Path::new(&place.path("home")).exists(), "looking makes nothing");
}

#[test]
fn looking_at_nothing_makes_nothing() {
    let place = Sandbox::new();
    for arguments in [&["status"][..], &["project", "list"], &["backup", "list"], &["config", "show"]] {
        place.ok(arguments);
    }
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 2);
    // Reading every project does nothing as long as there is none.
    assert!(doctor.stdout.contains("atocore project add ID"), "{doctor:?}");
    assert!(!doctor.stdout.contains("refresh --all"), "{doctor:?}");
    assert!(!place.path("home").exists());
}

/// Waits for the end of the program: its exit code and what else it said.
fn ended(mut child: Child, mut stderr: impl BufRead) -> (Option<i32>, String) {
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_cancelled_refresh_fails_and_the_next_one_finishes_it() {
    let place = Sandbox::new().patient();
    let notes = |range: std::ops::Range<u32>| {
        for index in range {
            place.write(&format!("many/{index}.md"), format!("# Note {index}\n\nAbout keys.\n"));
        }
    };
    notes(0..700);
    place.ok(&["project", "add", "many", "--root", "many"]);
    place.ok(&["refresh", "many"]);
    notes(700..1500);
    let lock = WriteLock::hold(&place.path(""));
    let mut refresh = place.command(&["refresh", "many"]);
    refresh.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut refresh = refresh.spawn().unwrap();
    while !place.path("home/data/locks/owner.json").exists() {
        assert!(refresh.try_wait().unwrap().is_none(), "it ended although nothing can be written");
        std::thread::yield_now();
    }
    let stderr = told_to_stop(&mut refresh);
    lock.release();
    let (code, said) = ended(refresh, stderr);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cancelled") && said.contains("run the command again"), "{said}");
    place.ok(&["refresh", "many"]);
    assert_eq!(place.json(&["status"])["projects"][0]["documents"], 1500);
    let doctor = place.run(&["doctor"]).stdout;
    assert!(doctor.contains("finds the store whole") && doctor.contains("shows every document"), "{doctor}");
}

/// Waits until some vectors are made and many are missing, says so, and keeps every writer out until it is told to go.
const HOLD_WHILE_VECTORS_ARE_MADE: &str = "
import sqlite3, sys, time
db = sqlite3.connect('home/data/db/atocore.db', timeout=60, isolation_level=None)
one = lambda sql: db.execute(sql).fetchone()[0]
for _ in range(300_000):
    db.execute('BEGIN IMMEDIATE')
    documents, made = one('SELECT count(*) FROM source_documents'), one('SELECT count(*) FROM embeddings')
    if documents == 300 and made > 0:
        break
    db.execute('ROLLBACK')
    time.sleep(0.001)
else:
    sys.exit('no vector was made')
print(one('SELECT count(*) FROM source_chunks') - made, flush=True)
sys.stdin.readline()
db.execute('ROLLBACK')
";

#[test]
fn cancelled_vectors_are_no_success() {
    let place = Sandbox::new().with_model().patient();
    for index in 0..300 {
        let text = format!("Key {index} is rotated in spring, and its copy lies in the vault. ").repeat(4);
        place.write(&format!("many/{index}.md"), format!("# Note {index}\n\n{text}\n"));
    }
    place.ok(&["project", "add", "many", "--root", "many"]);
    let mut refresh = place.command(&["refresh", "many"]);
    refresh.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut refresh = refresh.spawn().unwrap();
    let (lock, missing) = WriteLock::hold_by(&place.path(""), HOLD_WHILE_VECTORS_ARE_MADE);
    // More than what may be made already and waits to be written: the last vector cannot be there before the signal.
    assert!(missing.trim().parse::<u32>().unwrap() > 128, "{missing} are missing");
    let stderr = told_to_stop(&mut refresh);
    lock.release();
    let (code, said) = ended(refresh, stderr);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("note: cancelled; passages without a vector are found by lexical search only"),
        "{said}"
    );
    place.ok(&["embed"]);
    let doctor = place.run(&["doctor"]).stdout;
    assert!(doctor.contains("every passage has its vector"), "{doctor}");
}
