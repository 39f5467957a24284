//! What an upgrade of the program leaves as it was: a server that runs on, and the store of the version before.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::Value;

use crate::program::{PROGRAM, Sandbox, ran};

#[test]
fn a_server_whose_program_file_was_replaced_goes_on_taking_snapshots() {
    let place = Sandbox::with_notes();
    let installed = place.path("atocore");
    // By another process: one that another test starts meanwhile would have the file open for writing, too.
    assert!(Command::new("cp").arg(PROGRAM).arg(&installed).status().unwrap().success());
    let mut command = place.bare(&installed);
    command.args(["--data-dir", "home", "serve", "--port", "0"]);
    let server = Sandbox::serve_by(command);
    // As a package manager does: another file under the name.
    fs::remove_file(&installed).unwrap();
    fs::write(&installed, "#!/bin/sh\nexit 9\n").unwrap();
    fs::set_permissions(&installed, fs::Permissions::from_mode(0o755)).unwrap();
    let stamp = place.snapshot();
    let validation: Value = place.json(&["backup", "validate", &stamp]);
    assert_eq!(validation["valid"], true, "{validation}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_store_before_an_upgrade_is_kept_and_reported() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/snapshots");
    let place = Sandbox::new();
    let archive = fixtures.join("format-1-schema-3.tar.zst");
    let imported = place.json(&["backup", "import", archive.to_str().unwrap()]);
    let stamp = imported["stamp"].as_str().unwrap();
    let _restored = place.ok(&["backup", "restore", stamp, "--to", "older"]);
    let older = |arguments: &[&str]| ran(place.bare(PROGRAM).args(["--data-dir", "older"]).args(arguments));
    // SQLite keeps the number that the program gave its schema in the last byte of these four.
    let schema = |path: &Path| fs::read(path).unwrap()[60..64].to_vec();
    let database = place.path("older/data/db/atocore.db");
    assert_eq!(schema(&database), [0, 0, 0, 3]);

    let first = older(&["status"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stderr.contains("older/data/before-upgrade/schema-3.db"), "{first:?}");
    let kept = place.path("older/data/before-upgrade/schema-3.db");
    assert_eq!(schema(&kept), [0, 0, 0, 3]);
    assert!(schema(&database) > schema(&kept));
    let second = older(&["doctor"]);
    assert!(second.stdout.contains("before-upgrade/schema-3.db"), "{second:?}");
    assert!(!older(&["status"]).stderr.contains("before-upgrade"), "it is said once");

    // A drill of an old snapshot keeps nothing, and proves it.
    let drilled = place.json(&["backup", "validate", stamp, "--depth", "restore"]);
    assert_eq!(drilled["valid"], true, "{drilled}");
    assert!(!place.path("home/data/before-upgrade").exists());
}
