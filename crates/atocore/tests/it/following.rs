//! A server follows the files of its projects: what changes is found a moment later, whatever changed it, and what is
//! followed equals what is read anew.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use atocore_testkit::{
    model,
    soak::{
        following::{self, FollowOptions},
        questions::{self, QuestionOptions},
    },
};
use serde_json::{Value, json};

use crate::program::{PROGRAM, Sandbox, Server, interrupt};

/// Longer than anything here takes on a machine that does other things as well.
const AT_MOST: Duration = Duration::from_secs(120);

fn followed() -> Sandbox {
    let place = Sandbox::new().variable("ATOCORE_FOLLOW", "on").patient();
    place.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < AT_MOST, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The paths of the documents that have a word.
fn found(place: &Sandbox, word: &str) -> Vec<String> {
    let answer = place.json(&["query", word, "--top-k", "200"]);
    let hits = answer["results"].as_array().unwrap().iter();
    let mut paths: Vec<String> = hits.map(|hit| hit["source_file"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// How a project is followed.
fn status(place: &Sandbox, project: &str) -> Value {
    let status = place.json(&["status"]);
    let projects = status["projects"].as_array().unwrap();
    projects.iter().find(|one| one["id"] == project).map(|one| one["followed"].clone()).unwrap_or_default()
}

fn until_followed(place: &Sandbox) {
    until("it follows", || {
        let status = status(place, "notes");
        status["state"] == "following" && status["waiting_since"].is_null()
    });
}

/// Everything that is stored of the documents: paths, titles, passages and where they stand.
fn stored(place: &Sandbox, home: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(place.path(home).join("data/db/atocore.db")).unwrap();
    let mut rows = database
        .prepare(
            "SELECT d.source_path, d.title, d.file_hash, c.chunk_index, c.heading_path, c.content, c.first_line, c.last_line
             FROM source_documents d JOIN source_chunks c ON c.document_id = d.id ORDER BY d.source_path, c.chunk_index",
        )
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        (0..8).map(|at| row.get_ref(at).map(|value| format!("{value:?}"))).collect::<Result<Vec<_>, _>>()
    };
    rows.query_map([], row).unwrap().map(|row| row.unwrap().join("\t")).collect()
}

/// Insists that a home which followed has what one has that reads everything anew.
fn equals_a_fresh_one(place: &Sandbox) {
    let fresh = place.path("fresh");
    drop(fs::remove_dir_all(&fresh));
    let fresh_home = |arguments: &[&str]| {
        let mut command = place.bare(PROGRAM);
        command.args(["--data-dir", "fresh"]).args(arguments);
        let ran = crate::program::ran(&mut command);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    fresh_home(&["project", "add", "notes", "--root", "notes"]);
    fresh_home(&["refresh", "notes"]);
    let (mut followed, fresh) = (stored(place, "home"), stored(place, "fresh"));
    let began = Instant::now();
    while followed != fresh {
        let of = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|row| !other.contains(row)).take(5).cloned().collect()
        };
        let (more, less) = (of(&followed, &fresh), of(&fresh, &followed));
        assert!(
            began.elapsed() < AT_MOST,
            "too much: {more:#?}\nmissing: {less:#?}\n{}",
            status(place, "notes")
        );
        thread::sleep(Duration::from_millis(100));
        followed = stored(place, "home");
    }
    until("the index shows it", || {
        let status = place.json(&["status"]);
        status["index_generation"] == status["generation"]
    });
}

/// Saves a text that has a word.
type Save<'s> = &'s dyn Fn(&str);

#[test]
fn whatever_a_program_does_to_save_a_file_it_is_found_and_what_was_there_is_not() {
    let place = followed();
    let server = place.serve();
    until_followed(&place);
    let file = place.path("notes/draft.md");
    let text = |word: &str| format!("# Draft\n\nAbout the {word}.\n");
    let beside = |name: &str| place.path(&format!("notes/{name}"));
    let ways: [(&str, Save<'_>); 7] = [
        ("written anew", &|word| fs::write(&file, text(word)).unwrap()),
        ("in the same place", &|word| {
            for part in (1..=4).map(|parts| text(word).split_inclusive(' ').take(parts).collect::<String>()) {
                fs::write(&file, part).unwrap();
            }
        }),
        ("renamed over it", &|word| {
            fs::write(beside(".draft.md.swp"), text(word)).unwrap();
            fs::rename(beside(".draft.md.swp"), &file).unwrap();
        }),
        ("with a backup", &|word| {
            fs::rename(&file, beside("draft.md~")).unwrap();
            fs::write(&file, text(word)).unwrap();
            fs::remove_file(beside("draft.md~")).unwrap();
        }),
        ("removed first", &|word| {
            fs::remove_file(&file).unwrap();
            fs::write(&file, text(word)).unwrap();
        }),
        ("from another folder", &|word| {
            let other = place.write("outside/draft.md", text(word));
            fs::rename(other, &file).unwrap();
        }),
        ("linked into place", &|word| {
            fs::write(beside(".new"), text(word)).unwrap();
            fs::remove_file(&file).unwrap();
            fs::hard_link(beside(".new"), &file).unwrap();
            fs::remove_file(beside(".new")).unwrap();
        }),
    ];
    let mut before: Option<String> = None;
    for (number, (way, save)) in ways.iter().enumerate() {
        let word = format!("animal{number}");
        save(&word);
        until(way, || found(&place, &word) == ["draft.md"]);
        if let Some(before) = before.replace(word) {
            assert_eq!(found(&place, &before), Vec::<String>::new(), "{way}");
        }
    }
    fs::remove_file(&file).unwrap();
    until("it is gone", || found(&place, "animal6").is_empty());
    equals_a_fresh_one(&place);
    drop(server);
}

#[test]
fn folders_that_come_move_and_go_are_followed_with_all_that_is_in_them() {
    let place = followed();
    let server = place.serve();
    until_followed(&place);
    place.write("notes/new/deep/er/okapi.md", "# Okapi\n\nAn okapi.\n");
    until("a new folder", || found(&place, "okapi") == ["new/deep/er/okapi.md"]);
    fs::rename(place.path("notes/new"), place.path("notes/moved")).unwrap();
    until("a moved folder", || found(&place, "okapi") == ["moved/deep/er/okapi.md"]);
    place.write("notes/moved/deep/er/gnu.md", "# Gnu\n\nA gnu.\n");
    until("a file in a moved folder", || found(&place, "gnu") == ["moved/deep/er/gnu.md"]);
    // Another folder takes its name, and one that was removed comes again.
    place.write("notes/new/deep/tapir.md", "# Tapir\n\nA tapir.\n");
    until("a folder of the same name", || found(&place, "tapir") == ["new/deep/tapir.md"]);
    for word in ["quagga", "zebra", "kudu"] {
        fs::remove_dir_all(place.path("notes/new")).unwrap();
        place.write("notes/new/deep/again.md", format!("# Again\n\nA {word}.\n"));
        until("a folder that comes again", || found(&place, word) == ["new/deep/again.md"]);
    }
    fs::rename(place.path("notes/moved"), place.path("outside")).unwrap();
    until("a folder that left", || found(&place, "gnu").is_empty());
    fs::rename(place.path("outside"), place.path("notes/back")).unwrap();
    until("a folder that came in", || found(&place, "gnu") == ["back/deep/er/gnu.md"]);
    place.write("notes/back/deep/er/gnu.md", "# Gnu\n\nAn eland.\n");
    until("a file in it", || found(&place, "eland") == ["back/deep/er/gnu.md"]);
    // What an ignore file says counts from then on, and no longer than it is there.
    place.write("notes/back/.ignore", "deep/\n");
    until("it is ignored", || found(&place, "eland").is_empty());
    fs::remove_file(place.path("notes/back/.ignore")).unwrap();
    until("it is not ignored", || found(&place, "eland") == ["back/deep/er/gnu.md"]);
    symlink(place.path("notes/back"), place.path("notes/link")).unwrap();
    equals_a_fresh_one(&place);
    drop(server);
}

#[test]
fn whatever_changes_and_whenever_the_server_dies_what_is_followed_is_what_is_read_anew() {
    let place = Sandbox::new();
    let scratch = place.path("followed");
    fs::create_dir(&scratch).unwrap();
    let program = PROGRAM.into();
    let options =
        FollowOptions { program, rounds: 12, files: 300, seed: 15, models: None, scratch: &scratch };
    let counts = following::run(&options, &mut |_| {}).unwrap();
    assert!(counts.kills() > 0, "{counts}");
}

#[test]
fn the_vectors_of_what_is_followed_are_those_of_what_is_read_anew() {
    let place = Sandbox::new();
    let scratch = place.path("followed");
    fs::create_dir(&scratch).unwrap();
    let (program, models) = (PROGRAM.into(), model::folder());
    let options =
        FollowOptions { program, rounds: 6, files: 40, seed: 16, models: Some(&models), scratch: &scratch };
    let counts = following::run(&options, &mut |_| {}).unwrap();
    assert!(counts.kills() > 0, "{counts}");
}

#[test]
fn what_was_saved_before_a_question_that_waits_for_it_is_in_the_answer() {
    let place = followed();
    let server = place.serve();
    for number in 0..10 {
        place.write(&format!("notes/{number}.md"), format!("# Note\n\nAnimal{number}.\n"));
        let answer = place.json(&["query", &format!("animal{number}"), "--wait-fresh"]);
        assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{number}: {answer}");
        assert!(answer["fresh_as_of"].is_string(), "{answer}");
    }
    drop(server);
}

#[test]
fn a_root_that_vanishes_keeps_its_documents_and_is_followed_again_when_it_is_back() {
    let place = followed().variable("ATOCORE_FOLLOW_POLL_SECONDS", "3600");
    let server = place.serve();
    until_followed(&place);
    fs::rename(place.path("notes"), place.path("away")).unwrap();
    until("it is looked for", || status(&place, "notes")["state"] == "polling");
    let told = status(&place, "notes");
    assert!(told["reason"].as_str().unwrap().contains("missing"), "{told}");
    assert_eq!(told["every_seconds"], 3600);
    let answer = place.json(&["query", "rotated"]);
    assert_eq!(
        (&answer["results"][0]["state"], answer["notices"].as_array().unwrap().len()),
        (&json!("gone"), 1)
    );
    place.write("away/new.md", "# New\n\nA quagga.\n");
    fs::rename(place.path("away"), place.path("notes")).unwrap();
    until("it is back", || found(&place, "quagga") == ["new.md"]);
    until_followed(&place);
    place.write("notes/more.md", "# More\n\nA zebra.\n");
    until("it is followed", || found(&place, "zebra") == ["more.md"]);
    drop(server);
}

#[test]
fn a_registry_that_is_a_link_is_followed() {
    let place = followed();
    let registry = place.path("home/config/project-registry.json");
    fs::rename(&registry, place.path("elsewhere.json")).unwrap();
    symlink(place.path("elsewhere.json"), &registry).unwrap();
    let server = place.serve();
    until_followed(&place);
    place.write("other/a.md", "# A\n\nA quagga.\n");
    place.ok(&["project", "add", "other", "--root", "other"]);
    until("a new project", || found(&place, "quagga") == ["a.md"]);
    drop(server);
}

#[test]
fn a_root_that_is_a_link_is_followed_to_where_it_leads_now() {
    let place = followed();
    for (folder, word) in [("first", "quagga"), ("second", "zebra")] {
        place.write(&format!("{folder}/a.md"), format!("# A\n\nA {word}.\n"));
    }
    symlink(place.path("first"), place.path("link")).unwrap();
    place.ok(&["project", "add", "linked", "--root", "link"]);
    let server = place.serve();
    until("where it leads", || found(&place, "quagga") == ["a.md"]);
    fs::remove_file(place.path("link")).unwrap();
    symlink(place.path("second"), place.path("link")).unwrap();
    until("where it leads now", || found(&place, "zebra") == ["a.md"] && found(&place, "quagga").is_empty());
    place.write("second/b.md", "# B\n\nA kudu.\n");
    until("what is saved there", || found(&place, "kudu") == ["b.md"]);
    drop(server);
}

#[test]
fn after_a_restore_the_files_are_read_again() {
    let place = followed();
    let server = place.serve();
    until_followed(&place);
    place.snapshot();
    place.write("notes/new.md", "# New\n\nA quagga.\n");
    fs::remove_file(place.path("notes/keys.md")).unwrap();
    until("it is found", || found(&place, "quagga") == ["new.md"]);
    place.ok(&["backup", "restore", "latest", "--yes"]);
    until("it is found again", || found(&place, "quagga") == ["new.md"]);
    equals_a_fresh_one(&place);
    drop(server);
}

#[test]
fn projects_that_are_added_and_taken_out_are_followed_and_no_longer() {
    let place = followed();
    let server = place.serve();
    until_followed(&place);
    place.write("other/a.md", "# A\n\nA quagga.\n");
    place.ok(&["project", "add", "other", "--root", "other"]);
    until("a new project", || found(&place, "quagga") == ["a.md"]);
    // By hand in the file of the registry.
    let registry = place.path("home/config/project-registry.json");
    let mut projects: Value = serde_json::from_slice(&fs::read(&registry).unwrap()).unwrap();
    projects["projects"].as_array_mut().unwrap().retain(|project| project["id"] != "other");
    fs::write(&registry, projects.to_string()).unwrap();
    until("it is out", || status(&place, "other").is_null());
    place.write("other/b.md", "# B\n\nA zebra.\n");
    let answer = place.json(&["query", "zebra", "--wait-fresh"]);
    assert_eq!(answer["results"], json!([]));
    drop(server);
}

#[test]
fn where_no_more_folders_can_be_watched_all_are_looked_through_again_and_again() {
    let place = followed().variable("ATOCORE_FOLLOW_POLL_SECONDS", "1");
    for number in 0..20 {
        place.write(&format!("notes/folder{number}/a.md"), "# A\n\nText.\n");
    }
    let script = format!(
        "echo 8 > /proc/sys/user/max_inotify_watches && exec {PROGRAM} --data-dir home serve --port 0"
    );
    let mut command = place.bare("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", &script]);
    let server: Server = Sandbox::serve_by(command);
    until("it says so", || {
        status(&place, "notes")["reason"].as_str().is_some_and(|why| why.contains("max_user_watches"))
    });
    assert_eq!(status(&place, "notes")["folders"], 6, "two are left to other programs");
    for number in [3, 19] {
        place.write(&format!("notes/folder{number}/new.md"), format!("# New\n\nThe quagga{number}.\n"));
        until("it is found", || found(&place, &format!("quagga{number}")).len() == 1);
    }
    drop(server);
}

#[test]
fn a_refresh_by_hand_is_not_kept_waiting_and_reads_all() {
    let place = followed();
    for number in 0..400 {
        place.write(&format!("notes/{number}.md"), format!("# Note {number}\n\nAbout keys {number}.\n"));
    }
    let server = place.serve();
    let result = place.json(&["refresh", "notes"]);
    let counts = &result["counts"];
    let all = counts["ingested"].as_u64().unwrap() + counts["unchanged"].as_u64().unwrap();
    assert_eq!(all, 401, "{result}");
    drop(server);
}

#[test]
fn what_a_server_writes_itself_within_a_root_does_not_keep_it_busy() {
    let place = Sandbox::new().variable("ATOCORE_FOLLOW", "on");
    place.write("a.md", "# A\n\nA quagga.\n");
    place.ok(&["project", "add", "all", "--root", "."]);
    // Its home by way of a link, and its log in the middle of the documents.
    symlink(place.path("home"), place.path("link")).unwrap();
    let mut command = place.bare("sh");
    command.args(["-c", &format!("exec {PROGRAM} --data-dir link serve --port 0 2>> server.log")]);
    let server = Sandbox::serve_by(command);
    let refreshed = || place.json(&["status"])["projects"][0]["refreshed"]["at"].clone();
    until("it has been read", || {
        let status = status(&place, "all");
        status["state"] == "following" && status["waiting_since"].is_null()
    });
    let before = refreshed();
    // Reading the status writes nothing; a refresh would have come of what the last one wrote.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(refreshed(), before);
    drop(server);
}

#[test]
fn without_following_nothing_is_read_by_itself() {
    let place = Sandbox::with_notes().variable("ATOCORE_FOLLOW", "off");
    let server = place.serve();
    place.write("notes/new.md", "# New\n\nA quagga.\n");
    assert_eq!(status(&place, "notes"), Value::Null);
    let answer = place.json(&["query", "quagga", "--wait-fresh"]);
    assert_eq!((&answer["results"], answer.get("fresh_as_of")), (&json!([]), None));
    drop(server);
}

/// `atocore watch`, and what it has printed so far.
struct Watching {
    child: Child,
    printed: PathBuf,
}

impl Watching {
    fn start(place: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = place.bare("sh");
        let script = format!("exec {PROGRAM} --data-dir home {} > printed 2>&1", arguments.join(" "));
        command.args(["-c", &script]);
        place.write("printed", "");
        Self { child: command.spawn().unwrap(), printed: place.path("printed") }
    }

    fn printed(&self) -> String {
        fs::read_to_string(&self.printed).unwrap()
    }

    /// Ends it as Ctrl-C does.
    fn stop(mut self) -> String {
        interrupt(&self.child);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.printed()
    }
}

#[test]
fn watching_reads_what_changes_and_says_so_while_other_commands_have_the_store() {
    let place = followed();
    let watching = Watching::start(&place, &["watch"]);
    until("the first document is read", || watching.printed().contains("keys.md"));
    place.write("notes/new.md", "# New\n\nA quagga.\n");
    until("the new one is read", || watching.printed().contains("new.md"));
    assert_eq!(found(&place, "quagga"), ["new.md"]);
    place.ok(&["memory", "add", "knowledge", "the mast is 12 m high"]);
    let owner = place.json(&["status"])["owner"].clone();
    assert_eq!((&owner["activity"], &owner["pid"]), (&json!("watch"), &json!(watching.child.id())));
    let again = place.run(&["watch"]);
    assert!(again.code == 0 && again.stdout.contains("notes  followed"), "{again:?}");
    fs::remove_file(place.path("notes/new.md")).unwrap();
    until("the removal is told", || watching.printed().contains("1 removed"));
    let printed = watching.stop();
    assert!(printed.starts_with("following the files of all projects; Ctrl-C stops it\n"), "{printed}");
    assert_eq!(printed.matches("notes  ingested").count(), 3, "{printed}");
    assert_eq!(found(&place, "quagga"), [""; 0]);

    let watching = Watching::start(&place, &["--json", "watch"]);
    place.write("notes/two.md", "# Two\n\nTwo quaggas.\n");
    until("it is told", || watching.printed().contains("two.md"));
    for line in watching.stop().lines() {
        let result: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&result["project"], &result["status"]), (&json!("notes"), &json!("ingested")));
    }
}

#[test]
fn watching_is_refused_where_the_settings_say_that_nothing_is_followed() {
    let place = Sandbox::with_notes();
    let refused = place.run(&["watch"]);
    assert!(refused.code == 64 && refused.stderr.contains("FOLLOW"), "{refused:?}");
    let server = place.serve();
    let refused = place.run(&["watch"]);
    assert!(refused.code == 64 && refused.stderr.contains("FOLLOW"), "{refused:?}");
    drop(server);
}

#[test]
fn a_question_that_comes_while_the_first_index_is_made_waits_for_it() {
    for _ in 0..5 {
        let place = followed();
        let server = place.serve();
        // No question fails, whatever has been read by then.
        until("it is found", || found(&place, "spring") == ["keys.md"]);
        drop(server);
    }
}

#[test]
fn no_answer_has_a_file_that_was_gone_when_it_was_asked_or_gives_out_as_current_what_is_not() {
    let place = Sandbox::new();
    let scratch = place.path("asked");
    fs::create_dir(&scratch).unwrap();
    println!("more of it: cargo xtask soak --only questions");
    let options = QuestionOptions { program: PROGRAM.into(), questions: 1_500, seed: 15, scratch: &scratch };
    let counts = questions::run(&options).unwrap();
    assert!(counts.hits() > 0, "{counts}");
}
