//! A folder that lost its documents is left alone until somebody says otherwise, in every interface; and what a refresh tells
//! a person.

use std::{fs, thread};

use atocore_testkit::full_disk::{Ran, SmallDisk};
use serde_json::{Value, json};

use crate::{
    agent::Agent,
    program::{PROGRAM, Sandbox, contents},
    server::Server,
};

/// Takes the documents of `notes` away, as an unmounted disk does.
fn unmount(place: &Sandbox) {
    #[expect(clippy::disallowed_methods, reason = "as a disk is unplugged")]
    fs::rename(place.path("notes"), place.path("away")).unwrap();
    fs::create_dir(place.path("notes")).unwrap();
}

#[test]
fn an_emptied_folder_is_skipped_until_any_interface_confirms_it() {
    let place = Sandbox::with_notes();
    unmount(&place);
    let before = contents(&place.path("notes"));
    let ran = place.run(&["refresh", "notes"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in ["3 of the 3 documents", "`atocore refresh notes --allow-empty`", "nothing to ingest"] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    let result = place.run(&["refresh", "notes", "--json"]);
    let result: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!((&result["status"], &result["roots_skipped"]), (&json!("nothing_to_ingest"), &json!(1)));
    assert_eq!(result["roots"][0]["reason"], "documents_gone");
    let status = place.ok(&["status"]);
    assert!(status.contains("every root was skipped"), "{status}");
    let doctor = place.run(&["doctor"]);
    assert!(doctor.stdout.contains("--allow-empty"), "{doctor:?}");
    let mut agent = Agent::greeted(&place);
    let told = agent.call("atocore_refresh", &json!({ "project": "notes" }));
    assert_eq!(told["structuredContent"]["status"], "nothing_to_ingest", "{told}");
    assert!(told["structuredContent"]["notices"][0].as_str().unwrap().contains("`allow_empty`"), "{told}");
    assert_eq!(place.json(&["status"])["projects"][0]["documents"], 3);
    let done =
        agent.call("atocore_refresh", &json!({ "project": "notes", "allow_empty": true, "reread": null }));
    assert_eq!(done["structuredContent"]["counts"]["removed"], 3, "{done}");
    assert_eq!(agent.end().0, Some(0));
    assert_eq!(contents(&place.path("notes")), before);

    let place = Sandbox::with_notes();
    unmount(&place);
    let done = place.ok(&["refresh", "notes", "--allow-empty"]);
    assert!(done.contains("3 removed"), "{done}");
}

/// Runs the program where the disk can be seen.
fn beside(disk: &mut SmallDisk, place: &Sandbox, arguments: &[&str]) -> Ran {
    let (home, lexical) = (place.path("home").display().to_string(), "ATOCORE_RETRIEVAL_MODE=lexical");
    let program = ["env", lexical, PROGRAM, "--data-dir", &home];
    disk.run(&[&program, arguments].concat()).unwrap()
}

/// A project of twelve documents, three of which are on a disk of their own.
fn with_a_disk() -> (Sandbox, SmallDisk) {
    let place = Sandbox::new();
    for number in 0..9 {
        place.write(&format!("notes/{number}.md"), format!("# Note {number}\n"));
    }
    fs::create_dir_all(place.path("notes/sub/disk")).unwrap();
    let mut disk = SmallDisk::mount(&place.path("notes/sub/disk"), 1 << 20, &place.path("")).unwrap();
    for name in ["zebra", "okapi", "tapir"] {
        let write = ["sh", "-c", "echo \"# $2\" >\"$1/$2.md\"", "sh"];
        let folder = disk.place().display().to_string();
        disk.must(&[&write[..], &[&folder, name]].concat()).unwrap();
    }
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    (place, disk)
}

fn documents(place: &Sandbox) -> Value {
    place.json(&["status"])["projects"][0]["documents"].clone()
}

#[test]
fn a_folder_keeps_its_documents_while_its_disk_is_not_mounted() {
    let (place, mut disk) = with_a_disk();
    let refreshed = beside(&mut disk, &place, &["refresh", "notes"]);
    assert!(refreshed.code == 0 && refreshed.stdout.contains("12 ingested"), "{refreshed:?}");
    // Outside its namespace the disk is not there, and its folder is empty, has other files, or is gone.
    for (step, gone) in [(0, 3), (1, 3), (2, 3), (3, 4)] {
        match step {
            0 | 2 => {}
            1 => drop(place.write("notes/sub/disk/not-mounted.md", "# Not mounted\n")),
            _ => fs::remove_dir_all(place.path("notes/sub")).unwrap(),
        }
        place.write("notes/0.md", format!("# Changed {step}\n"));
        let ran = place.run(&["refresh", "notes"]);
        assert_eq!(ran.code, 2, "{step}: {ran:?}");
        for part in [
            "sub/disk/",
            "documents gone",
            &format!("{gone} documents below it are gone"),
            "refresh notes --allow-empty",
        ] {
            assert!(ran.stdout.contains(part), "{step}: `{part}` is missing in:\n{}", ran.stdout);
        }
        assert!(!ran.stdout.contains(".atocoreignore"), "{step}: {}", ran.stdout);
        let found = place.json(&["query", &format!("changed {step}")]);
        assert_eq!(found["results"][0]["source_file"], "0.md", "{step}: the rest is up to date");
        assert_eq!(documents(&place), if step == 0 { 12 } else { 13 }, "{step}");
    }
    let doctor = place.run(&["doctor"]).stdout;
    assert!(doctor.contains("sub/disk/") && doctor.contains("--allow-empty"), "{doctor}");
    let mut agent = Agent::greeted(&place);
    let told = agent.call("atocore_refresh", &json!({ "project": "notes" }));
    let notice = told["structuredContent"]["notices"][0].as_str().unwrap();
    assert!(notice.contains("sub/disk/") && notice.contains("`allow_empty`"), "{told}");
    assert_eq!(agent.end().0, Some(0));

    // Confirmed, they go and it is an ordinary folder, which may be emptied.
    assert!(place.ok(&["refresh", "notes", "--allow-empty"]).contains("4 removed"));
    place.write("notes/sub/disk/emu.md", "# Emu\n");
    place.ok(&["refresh", "notes"]);
    fs::remove_file(place.path("notes/sub/disk/emu.md")).unwrap();
    assert!(place.ok(&["refresh", "notes"]).contains("1 removed"));
}

#[test]
fn a_folder_keeps_its_documents_while_another_disk_is_mounted_there() {
    let (place, mut disk) = with_a_disk();
    let refresh = |disk: &mut SmallDisk, arguments: &[&str]| {
        let ran = beside(disk, &place, &[&["--json", "refresh", "notes"], arguments].concat());
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        let counts = ["ingested", "unchanged", "removed", "failed"];
        (ran.code, counts.map(|state| result["counts"][state].as_u64().unwrap()))
    };
    assert_eq!(refresh(&mut disk, &[]), (0, [12, 0, 0, 0]));
    let folder = disk.place().display().to_string();
    disk.must(&["mount", "-t", "tmpfs", "tmpfs", &folder]).unwrap();
    assert_eq!(refresh(&mut disk, &[]), (2, [0, 9, 0, 1]), "it is empty");
    disk.must(&["sh", "-c", "echo '# Lion' >\"$1/lion.md\"", "sh", &folder]).unwrap();
    for _ in 0..2 {
        assert_eq!(refresh(&mut disk, &[]), (2, [0, 9, 0, 1]), "it has other documents");
    }
    assert!(place.run(&["doctor"]).stdout.contains("`sub/disk/`"));
    disk.must(&["umount", &folder]).unwrap();
    assert_eq!(refresh(&mut disk, &[]), (0, [0, 12, 0, 0]));
    disk.must(&["mount", "-t", "tmpfs", "tmpfs", &folder]).unwrap();
    assert_eq!(refresh(&mut disk, &["--allow-empty"]), (0, [0, 9, 3, 0]));

    // The first disk to be mounted over a folder with documents hides them.
    disk.must(&["mount", "-t", "tmpfs", "tmpfs", &place.path("notes/sub").display().to_string()]).unwrap();
    disk.must(&["mkdir", "-p", &folder]).unwrap();
    place.write("notes/sub/a.md", "# A\n");
    place.write("notes/sub/b.md", "# B\n");
    assert!(place.ok(&["refresh", "notes"]).contains("2 ingested"));
    assert_eq!(refresh(&mut disk, &[]), (2, [0, 9, 0, 1]));
}

#[test]
fn an_ordinary_folder_that_is_there_and_empty_keeps_more_than_a_few_documents() {
    let place = Sandbox::new();
    let write = |folder: &str, count: usize| {
        for number in 0..count {
            place.write(&format!("notes/{folder}/{number}.md"), format!("# {folder} {number}\n"));
        }
    };
    let remove = |folder: &str| fs::remove_dir_all(place.path(&format!("notes/{folder}"))).unwrap();
    for (folder, count) in [("stays", 20), ("deleted", 5), ("few", 4), ("photos", 5), ("synced", 3)] {
        write(folder, count);
    }
    write("synced/deep/er", 4);
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes"]);

    // What a person does to a folder is no question.
    for folder in ["deleted", "few", "photos"] {
        remove(folder);
    }
    fs::create_dir(place.path("notes/few")).unwrap();
    place.write("notes/photos/1.png", b"\x89PNG");
    assert!(place.ok(&["refresh", "notes"]).contains("14 removed"));

    // A folder that is there as it would be without its disk is one.
    remove("synced");
    fs::create_dir_all(place.path("notes/synced/deep")).unwrap();
    place.write("notes/synced/.stfolder", "");
    place.write("notes/synced/@eaDir/thumbnails", "");
    for (step, kept) in [(0, 27), (1, 28), (2, 28)] {
        match step {
            0 => {}
            1 => drop(place.write("notes/synced/new.md", "# New\n")),
            _ => remove("synced"),
        }
        let ran = place.run(&["refresh", "notes"]);
        let gone = format!("{} documents below it are gone", kept - if step == 1 { 21 } else { 20 });
        assert!(ran.code == 2 && ran.stdout.contains("synced/") && ran.stdout.contains(&gone), "{ran:?}");
        assert_eq!(documents(&place), kept);
    }
    assert!(place.ok(&["refresh", "notes", "--allow-empty"]).contains("8 removed"));
}

#[test]
fn a_server_keeps_the_documents_of_a_disk_that_is_unmounted_under_it() {
    let (place, mut disk) = with_a_disk();
    let home = place.path("home").display().to_string();
    // What is read is read here, and when this says so.
    let alone = ["env", "ATOCORE_FOLLOW=off", "timeout", "300", PROGRAM];
    let serve = [&["sh", "-c", "\"$@\" >/dev/null 2>&1 & echo $!", "sh"][..], &alone].concat();
    let process = disk.must(&[&serve[..], &["--data-dir", &home, "serve", "--port", "0"]].concat()).unwrap();
    while place.json(&["status"])["owner"]["activity"] != "serve" {
        thread::yield_now();
    }
    let refresh = || {
        let ran = place.run(&["--json", "refresh", "notes"]);
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        let counts = &result["counts"];
        (
            ran.code,
            ["ingested", "unchanged", "removed", "failed"].map(|state| counts[state].as_u64().unwrap()),
        )
    };
    assert_eq!(refresh(), (0, [12, 0, 0, 0]));
    let folder = disk.place().display().to_string();
    // Somebody still works on it, so that it goes lazily.
    let holder = disk.must(&["sh", "-c", "sleep 300 <\"$1\" >/dev/null 2>&1 & echo $!", "sh", &folder]);
    disk.must(&["mount", "--bind", &folder, &folder]).unwrap();
    assert_eq!(refresh(), (0, [0, 12, 0, 0]), "as long as one disk is mounted there");
    for _ in 0..2 {
        disk.must(&["umount", "--lazy", &folder]).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(refresh(), (2, [0, 9, 0, 1]));
    }
    let answer = place.json(&["query", "okapi"]);
    assert_eq!(answer["results"][0]["source_file"], "sub/disk/okapi.md", "{answer}");
    disk.must(&["mount", "-t", "tmpfs", "tmpfs", &folder]).unwrap();
    disk.must(&["sh", "-c", "echo '# zebra' >\"$1/zebra.md\"", "sh", &folder]).unwrap();
    assert_eq!(refresh(), (0, [0, 10, 2, 0]), "a disk that is mounted has lost what it lacks");
    for process in [process, holder.unwrap()] {
        let _ended = disk.must(&["kill", process.trim()]).unwrap();
    }
}

#[test]
fn the_network_confirms_in_the_body_or_in_the_query_string() {
    for (path, body) in [
        ("/projects/notes/refresh?allow_empty=true", None),
        ("/projects/notes/refresh", Some(json!({ "allow_empty": true }))),
    ] {
        let server = Server::start();
        server.installation.write("notes/a.md", "# Zebra");
        let root = json!([{ "source": "vault", "subpath": "notes" }]);
        let added = server.post("/projects", &json!({ "id": "notes", "ingest_roots": root }));
        assert_eq!(added.status, 201, "{added:?}");
        assert_eq!(server.refresh("notes")["counts"]["ingested"], 1);
        server.installation.remove("notes/a.md");
        let skipped = server.refresh("notes");
        assert_eq!(skipped["roots"][0]["reason"], "documents_gone");
        let done = server.post(path, &body.unwrap_or_else(|| json!({})));
        assert_eq!((done.status, &done.json()["counts"]["removed"]), (200, &json!(1)), "{done:?}");
        let refused = server.post("/projects/notes/refresh", &json!({ "allow_empty": "maybe" }));
        assert!((400..500).contains(&refused.status), "{refused:?}");
    }
}

#[test]
fn what_is_left_out_is_listed_while_it_is_news_and_when_it_is_asked_for() {
    let place = Sandbox::with_notes();
    place.write("notes/photo.png", b"\x89PNG");
    place.write("notes/.hidden.md", "# Hidden\n");
    let first = place.ok(&["refresh", "notes"]);
    assert!(first.contains("photo.png") && first.contains(".hidden.md"), "{first}");
    let second = place.ok(&["refresh", "notes"]);
    assert!(!second.contains("photo.png"), "{second}");
    assert!(second.contains("1 hidden · 1 unsupported type; --skipped lists all"), "{second}");
    let all = place.ok(&["refresh", "notes", "--skipped"]);
    assert!(all.contains("photo.png") && all.contains(".hidden.md"), "{all}");
    assert_eq!(place.ok(&["refresh", "notes", "--quiet"]), "");
    place.write("notes/broken.md", b"caf\xe9 \x00");
    place.write("notes/.gitignore", b"[z-a]\n");
    place.write("notes/new.md", "# New\n");
    let ran = place.run(&["refresh", "notes"]);
    let (new, line) = (ran.stdout.find("new.md").unwrap(), ran.stdout.find(".gitignore").unwrap());
    assert!(new < line && ran.stdout.contains("line 1"), "{ran:?}");
}

#[test]
fn every_file_is_read_again_when_that_is_asked_for() {
    let place = Sandbox::with_notes();
    let same = |arguments: &[&str]| {
        let result = place.json(arguments);
        let files = result["roots"][0]["files"].as_array().unwrap();
        files.iter().filter(|file| file["reason"] == "same_bytes").count()
    };
    let _settled = same(&["refresh", "notes"]);
    assert_eq!(same(&["refresh", "notes", "--reread"]), 3);
    let server = place.serve();
    assert_eq!(same(&["refresh", "notes", "--reread"]), 3);
    assert_eq!(server.stop(), Some(0));
}
