//! Why a file is missing: every reason there can be, and nothing is changed by asking.

use atocore_testkit::documents;
use serde_json::json;

use crate::program::Sandbox;

/// What is said of a file below the sandbox: how it stands, and the word for it.
fn said(place: &Sandbox, path: &str) -> (String, String) {
    let told = place.json(&["why", path]);
    let word = |key: &str| told[key].as_str().unwrap().to_owned();
    (word("standing"), word("reason"))
}

#[test]
fn every_reason_for_which_a_file_is_missing_is_told() {
    let place = Sandbox::new().variable("ATOCORE_MAX_FILE_BYTES", "100000");
    let folder = place.path("notes");
    std::fs::create_dir(&folder).unwrap();
    documents::write(&folder).unwrap();
    for name in ["changed.md", "gone.md", "other/theirs.md", ".hidden.md", "drafts/a.md", ".git/config"] {
        place.write(&format!("notes/{name}"), "A note.\n");
    }
    place.write("notes/.ignore", "drafts/\n");
    place.write("notes/large.md", vec![b'x'; 200_000]);
    std::os::unix::fs::symlink("notes.md", folder.join("link.md")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.join("away.md")).unwrap();
    place.ok(&["project", "add", "other", "--root", "notes/other"]);
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    let _problems = place.run(&["refresh", "notes"]);
    place.write("notes/changed.md", "Another note.\n");
    place.write("notes/new.md", "A new note.\n");
    std::fs::remove_file(folder.join("gone.md")).unwrap();
    let before = place.json(&["status"])["generation"].clone();
    for (path, standing, reason) in [
        ("notes/notes.md", "found", "same_bytes"),
        ("notes/report.pdf", "found", "same_bytes"),
        ("notes/changed.md", "waiting", "changed"),
        ("notes/new.md", "waiting", "new"),
        ("notes/other/theirs.md", "waiting", "new"),
        ("notes/.hidden.md", "skipped", "hidden"),
        ("notes/.git/config", "skipped", "hidden"),
        ("notes/drafts/a.md", "skipped", "ignored"),
        ("notes/photo.png", "skipped", "unsupported_type"),
        ("notes/unknown.blob", "skipped", "binary"),
        ("notes/large.md", "skipped", "too_large"),
        ("notes/link.md", "skipped", "link"),
        ("notes/away.md", "skipped", "link_leaves_root"),
        ("notes/secret.pdf", "skipped", "encrypted"),
        ("notes/scan.pdf", "skipped", "no_text"),
        ("notes/broken.docx", "failed", "parser_failed"),
        ("notes/gone.md", "gone", "deleted"),
        ("notes/never/was.md", "missing", ""),
        ("notes/other", "folder", ""),
        ("notes", "folder", ""),
        ("elsewhere.md", "outside", ""),
    ] {
        assert_eq!(said(&place, path), (standing.to_owned(), reason.to_owned()), "{path}");
    }
    assert_eq!(place.json(&["status"])["generation"], before, "asking changes nothing");
    let shown = place.ok(&["why", "notes/drafts/a.md"]);
    assert!(shown.contains("ignored") && shown.contains("begins with `!`"), "{shown}");

    std::fs::rename(&folder, place.path("moved")).unwrap();
    assert_eq!(said(&place, "notes/notes.md"), ("failed".to_owned(), "missing".to_owned()));
}

#[test]
fn a_server_that_runs_says_the_same() {
    let place = Sandbox::with_notes();
    place.write("notes/new.md", "A new note.\n");
    let by_hand = place.json(&["why", "notes/new.md"]);
    assert_eq!(
        (&by_hand["standing"], &by_hand["project"]),
        (&json!("waiting"), &json!("notes")),
        "{by_hand}"
    );
    assert_eq!(by_hand["hint"], "`atocore refresh notes`");
    let server = place.serve();
    assert_eq!(place.json(&["why", "notes/new.md"]), by_hand, "the server is asked");
    assert_eq!(server.stop(), Some(0));
}
