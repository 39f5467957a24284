//! A folder that lost its documents is left alone until somebody says otherwise, at every door; and what a refresh tells
//! a person.

use std::fs;

use serde_json::json;

use crate::{
    agent::Agent,
    program::{Place, contents},
    server::Server,
};

/// Takes the documents of `notes` away, as an unmounted disk does.
fn unmount(place: &Place) {
    #[expect(clippy::disallowed_methods, reason = "as a disk is unplugged")]
    fs::rename(place.path("notes"), place.path("away")).unwrap();
    fs::create_dir(place.path("notes")).unwrap();
}

#[test]
fn an_emptied_folder_is_skipped_until_every_door_is_told_otherwise() {
    let place = Place::with_notes();
    unmount(&place);
    let before = contents(&place.path("notes"));
    let ran = place.run(&["refresh", "notes"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in ["3 of the 3 documents", "`atocore refresh notes --allow-empty`", "nothing to ingest"] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    let result = place.run(&["refresh", "notes", "--json"]);
    let result: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
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

    let place = Place::with_notes();
    unmount(&place);
    let done = place.ok(&["refresh", "notes", "--allow-empty"]);
    assert!(done.contains("3 removed"), "{done}");
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
    let place = Place::with_notes();
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
    let place = Place::with_notes();
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
