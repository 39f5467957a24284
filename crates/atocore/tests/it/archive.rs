//! A snapshot as one file, through the command line.

use std::path::Path;

use crate::program::{Sandbox, contents, ran};

#[test]
fn a_snapshot_is_exported_imported_elsewhere_and_restored() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let told = place.ok(&["backup", "export", &stamp, "shown.tar.zst"]);
    assert!(told.contains("packed, not encrypted"), "{told}");
    let exported = place.json(&["backup", "export", &stamp, "carried.tar.zst"]);
    assert_eq!(exported["archive_bytes"], place.path("carried.tar.zst").metadata().unwrap().len());
    let ran = place.run(&["backup", "export", &stamp, "carried.tar.zst"]);
    assert!(ran.code == 1 && ran.stderr.contains("name a file that does not exist yet"), "{ran:?}");

    let other = Sandbox::new();
    std::fs::copy(place.path("carried.tar.zst"), other.path("carried.tar.zst")).unwrap();
    let told = other.ok(&["backup", "import", "carried.tar.zst"]);
    assert!(told.contains("imported") && told.contains("proven to depth `digests`"), "{told}");
    assert_eq!(other.json(&["backup", "import", "carried.tar.zst"])["was_there"], true);
    other.ok(&["backup", "restore", &stamp, "--yes"]);
    assert_eq!(
        other.json(&["query", "keys rotated"])["results"],
        place.json(&["query", "keys rotated"])["results"]
    );

    other.write("text.tar.zst", "no archive");
    let ran = other.run(&["backup", "import", "text.tar.zst"]);
    assert!(ran.code == 64 && ran.stderr.contains("not a complete snapshot archive"), "{ran:?}");
    assert!(ran.stderr.contains("text.tar.zst` was not imported"), "{ran:?}");
    let ran = other.run(&["backup", "import", "missing.tar.zst"]);
    assert!(ran.code == 1 && ran.stderr.contains("missing.tar.zst"), "{ran:?}");
}

/// The lines of `docs/backup-format.md` that unpack an archive by hand, with this stamp in them.
fn by_hand(stamp: &str) -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/backup-format.md");
    let text = std::fs::read_to_string(document).unwrap();
    let lines = text.lines().filter(|line| line.ends_with("| tar -x"));
    lines.map(|line| line.replace("20260406T184219Z", stamp)).collect()
}

/// The blocks of commands of `docs/backup-format.md` below a heading, with this stamp in them.
fn blocks(heading: &str, stamp: &str) -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/backup-format.md");
    let text = std::fs::read_to_string(document).unwrap();
    let below = text.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = below.split("```sh\n").skip(1);
    let text_of = |block: &str| block.split("```").next().unwrap().replace("20260406T184219Z", stamp);
    blocks.map(text_of).collect()
}

#[test]
fn a_snapshot_is_restored_and_compared_by_hand_as_the_document_says() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    std::os::unix::fs::symlink("home/backups", place.path("backups")).unwrap();
    let blocks = blocks("## Restoring by hand", &stamp);
    assert_eq!(blocks.len(), 2, "restoring, and comparing: {blocks:?}");
    let by_hand = |script: String| ran(place.bare("bash").args(["-euo", "pipefail", "-c", &script]));

    let restored = by_hand(blocks[0].clone());
    let generation = place.json(&["backup", "list"])[0]["metadata"]["atocore"]["generation"].clone();
    assert_eq!((restored.code, restored.stdout), (0, format!("ok\n{generation}\n")), "{}", restored.stderr);
    let answers = |home: &str| {
        let told = ran(place.bare(crate::program::PROGRAM).args([
            "--data-dir",
            home,
            "--json",
            "query",
            "keys rotated",
        ]));
        let answer: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        answer["results"].clone()
    };
    assert_eq!(answers("restored"), answers("home"));
    assert!(!answers("restored").as_array().unwrap().is_empty());

    let compare = || by_hand(format!("{}\n{}", blocks[0].lines().next().unwrap(), blocks[1]));
    let compared = compare();
    assert_eq!(compared.code, 0, "{compared:?}");
    assert!(compared.stdout.contains("db/atocore.db: OK"), "{compared:?}");
    let metadata = place.read(&format!("backups/snapshots/{stamp}/backup-metadata.json"));
    let own = compared.stdout.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    assert!(own.len() == 64 && metadata.contains(&format!("\"metadata_blake3\": \"{own}\"")), "{compared:?}");

    place.write(&format!("backups/snapshots/{stamp}/db/atocore.db"), "another");
    let compared = compare();
    assert!(compared.code != 0 && compared.stdout.contains("db/atocore.db: FAILED"), "{compared:?}");
}

#[test]
fn errors_call_a_pipe_what_it_is() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    place.write("junk", "no archive");
    place.write("encrypted", "age-encryption.org/v1\n");
    place.write("empty", "");
    for (script, named) in [
        ("atocore backup import - < junk", "standard input was not imported"),
        ("atocore backup import - < encrypted", "standard input was not imported"),
        ("atocore backup import - < empty", "standard input was not imported"),
        ("atocore backup export latest - > /dev/full", "`standard output`"),
    ] {
        let script = script.replace("atocore ", &format!("{} ", program(&place)));
        let ran = ran(place.bare("bash").args(["-euo", "pipefail", "-c", &script]));
        let said = ran.stderr.lines().next().unwrap_or_default();
        assert!(ran.code != 0 && said.contains(named) && !said.contains("/-`"), "{ran:?}");
    }
}

#[test]
fn an_archive_for_a_standard_output_that_is_closed_is_refused() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    let export = |to: &str| {
        let script = format!("{} backup export latest - {to}", program(&place));
        ran(place.bare("bash").args(["-c", &script]))
    };
    for closed in [">&-", "<&- >&-"] {
        let refused = export(closed);
        assert_eq!(refused.code, 64, "{refused:?}");
        assert!(refused.stderr.contains("standard output is closed"), "{refused:?}");
    }
    // Whoever throws it away has asked for that.
    for elsewhere in ["> /dev/null", "<&- > /dev/null", "> archive", "| cat > archive"] {
        let exported = export(elsewhere);
        assert!(exported.code == 0 && exported.stderr.contains("exported"), "{elsewhere}: {exported:?}");
    }
}

#[test]
fn an_archive_is_encrypted_and_decrypted_on_its_way_through_age() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let bash = |place: &Sandbox, line: &str| {
        let line = line.replace("atocore ", &format!("{} ", program(place)));
        ran(place.bare("bash").args(["-euo", "pipefail", "-c", &line]))
    };
    let made = ran(place.bare("age-keygen").args(["-o", "key.txt"]));
    assert_eq!(made.code, 0, "`cargo xtask check --only prerequisites` installs age: {made:?}");
    let archive = format!("{stamp}.tar.zst.age");
    let export = format!(
        "atocore backup export {stamp} - | age --encrypt --recipient $(age-keygen -y key.txt) --output {archive}"
    );
    let exported = bash(&place, &export);
    assert_eq!((exported.code, exported.stdout.as_str()), (0, ""), "{exported:?}");
    assert!(exported.stderr.contains(&format!("snapshot {stamp} exported: ")), "{exported:?}");
    assert!(std::fs::read(place.path(&archive)).unwrap().starts_with(b"age-encryption.org/v1\n"));

    // As the document says, by hand.
    let lines = by_hand(&stamp);
    assert_eq!(lines.len(), 2, "{lines:?}");
    place.json(&["backup", "export", &stamp, &format!("{stamp}.tar.zst")]);
    for line in &lines {
        let unpacked = bash(&place, line);
        assert_eq!(unpacked.code, 0, "{line}: {unpacked:?}");
        let relative = |folder: &Path| {
            let files = contents(folder).into_iter();
            files
                .map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes))
                .collect::<Vec<_>>()
        };
        let snapshot = place.path("home/backups/snapshots").join(&stamp);
        assert_eq!(relative(&place.path(&stamp)), relative(&snapshot), "{line}");
        std::fs::remove_dir_all(place.path(&stamp)).unwrap();
    }

    let other = Sandbox::new();
    for file in [&archive, "key.txt"] {
        std::fs::copy(place.path(file), other.path(file)).unwrap();
    }
    let refused = other.run(&["backup", "import", &archive]);
    assert!(refused.code == 64 && refused.stderr.contains("age -d -i KEY"), "{refused:?}");
    // Half of it is refused, and leaves nothing.
    let cut = format!("(age -d -i key.txt {archive} || true) | head -c 5000 | atocore backup import -");
    let refused = bash(&other, &cut);
    assert!(refused.code == 64 && refused.stderr.contains("was not imported"), "{refused:?}");
    assert_eq!(other.json(&["backup", "list"]), serde_json::json!([]));
    let imported = bash(&other, &format!("age -d -i key.txt {archive} | atocore --json backup import -"));
    assert_eq!(imported.code, 0, "{imported:?}");
    other.ok(&["backup", "restore", &stamp, "--yes"]);
    let answers = |place: &Sandbox| place.json(&["query", "keys rotated"])["results"].clone();
    assert_eq!(answers(&other), answers(&place));
}

/// The program with the home of a place, as a shell calls it.
fn program(place: &Sandbox) -> String {
    format!("{} --data-dir {}", crate::program::PROGRAM, place.path("home").display())
}

#[test]
fn what_is_not_encrypted_is_not_written_into_a_file_that_says_so() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    for name in ["a.tar.zst.age", "a.AGE"] {
        let refused = place.run(&["backup", "export", &stamp, name]);
        assert!(refused.code == 64 && refused.stderr.contains("| age -r age1…"), "{refused:?}");
        assert!(!place.path(name).exists());
    }
}
