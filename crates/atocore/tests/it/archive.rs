//! A snapshot as one file, through the command line.

use crate::program::Place;

#[test]
fn a_snapshot_is_exported_imported_elsewhere_and_restored() {
    let place = Place::with_notes();
    let stamp = place.snapshot();
    let exported = place.json(&["backup", "export", &stamp, "carried.tar.zst"]);
    assert_eq!(exported["archive_bytes"], place.path("carried.tar.zst").metadata().unwrap().len());
    let ran = place.run(&["backup", "export", &stamp, "carried.tar.zst"]);
    assert!(ran.code == 1 && ran.stderr.contains("name a file that does not exist yet"), "{ran:?}");

    let other = Place::new();
    std::fs::copy(place.path("carried.tar.zst"), other.path("carried.tar.zst")).unwrap();
    let told = other.ok(&["backup", "import", "carried.tar.zst"]);
    assert!(told.contains("taken in") && told.contains("proven to depth `digests`"), "{told}");
    assert_eq!(other.json(&["backup", "import", "carried.tar.zst"])["was_there"], true);
    other.ok(&["backup", "restore", &stamp, "--yes"]);
    assert_eq!(
        other.json(&["query", "keys rotated"])["results"],
        place.json(&["query", "keys rotated"])["results"]
    );

    other.write("text.tar.zst", "no archive");
    let ran = other.run(&["backup", "import", "text.tar.zst"]);
    assert!(ran.code == 64 && ran.stderr.contains("no archive of a whole snapshot"), "{ran:?}");
    let ran = other.run(&["backup", "import", "missing.tar.zst"]);
    assert!(ran.code == 1 && ran.stderr.contains("missing.tar.zst"), "{ran:?}");
}
