//! A snapshot as one file, through the command line.

use std::path::Path;

use crate::program::{Place, contents, ran};

#[test]
fn a_snapshot_is_exported_imported_elsewhere_and_restored() {
    let place = Place::with_notes();
    let stamp = place.snapshot();
    let told = place.ok(&["backup", "export", &stamp, "shown.tar.zst"]);
    assert!(told.contains("packed, not encrypted"), "{told}");
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
    assert!(ran.stderr.contains("text.tar.zst` was not taken in"), "{ran:?}");
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
    let place = Place::with_notes();
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
fn what_is_exported_for_a_key_is_opened_by_age_and_what_age_encrypts_is_imported() {
    let place = Place::with_notes();
    let stamp = place.snapshot();
    let make_key = |name: &str| {
        let made = ran(place.bare("age-keygen").args(["-o", name]));
        assert_eq!(made.code, 0, "`cargo xtask check --only prerequisites` installs age: {made:?}");
        ran(place.bare("age-keygen").args(["-y", name])).stdout.trim().to_owned()
    };
    let (mine, theirs) = (make_key("key.txt"), make_key("theirs.txt"));
    let _lost = make_key("lost.txt");
    place.write("recipients.txt", format!("# a colleague\n{theirs}\n"));
    let archive = format!("{stamp}.tar.zst.age");
    let told = place.json(&[
        "backup",
        "export",
        &stamp,
        &archive,
        "--recipient",
        &mine,
        "--recipients-file",
        "recipients.txt",
    ]);
    assert_eq!(told["encrypted"], true);
    place.json(&["backup", "export", &stamp, &format!("{stamp}.tar.zst")]);

    // As the document says, for both archives and both keys.
    let lines = by_hand(&stamp);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let of_theirs = lines[0].replace("key.txt", "theirs.txt");
    assert_ne!(of_theirs, lines[0]);
    for line in lines.iter().chain([&of_theirs]) {
        let unpacked = ran(place.bare("bash").args(["-euo", "pipefail", "-c", line]));
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

    // What age encrypted is taken in, as bytes and as text.
    for (name, armor) in [("bytes.age", &[][..]), ("text", &["--armor"][..])] {
        let plain = format!("{stamp}.tar.zst");
        let encrypted =
            ran(place.bare("age").args(armor).args(["--recipient", &mine, "--output", name, &plain]));
        assert_eq!(encrypted.code, 0, "{encrypted:?}");
    }
    for name in [archive.as_str(), "bytes.age", "text"] {
        let other = Place::new();
        for file in [name, "key.txt", "lost.txt"] {
            std::fs::copy(place.path(file), other.path(file)).unwrap();
        }
        for arguments in [&["backup", "import", name][..], &["backup", "import", name, "-i", "lost.txt"]] {
            let refused = other.run(arguments);
            assert!(refused.code == 64 && refused.stderr.contains("`--identity FILE`"), "{refused:?}");
            assert_eq!(other.json(&["backup", "list"]), serde_json::json!([]));
        }
        let told = other.json(&["backup", "import", name, "-i", "lost.txt", "-i", "key.txt"]);
        assert_eq!((&told["encrypted"], &told["was_there"]), (&true.into(), &false.into()));
        other.ok(&["backup", "restore", &stamp, "--yes"]);
        let answers = |place: &Place| place.json(&["query", "keys rotated"])["results"].clone();
        assert_eq!(answers(&other), answers(&place));
    }
}

#[test]
fn a_key_that_is_none_is_refused_before_anything_is_written() {
    let place = Place::with_notes();
    let stamp = place.snapshot();
    place.write("empty.txt", "# no key\n");
    for (arguments, words) in [
        (["--recipient", "age1nothing"], "`age1nothing` cannot be used as a key"),
        (["--recipients-file", "empty.txt"], "there is no key in it"),
        (["--recipients-file", "missing.txt"], "missing.txt"),
    ] {
        let refused = place.run(&[&["backup", "export", &stamp, "a.tar.zst.age"], &arguments[..]].concat());
        assert!(refused.code != 0 && refused.stderr.contains(words), "{refused:?}");
        assert!(!place.path("a.tar.zst.age").exists());
    }
    let refused = place.run(&["backup", "import", "empty.txt", "--identity", "empty.txt"]);
    assert!(refused.code == 64 && refused.stderr.contains("`age-keygen -o FILE` makes a key"), "{refused:?}");
}

#[test]
fn what_is_not_encrypted_is_not_written_into_a_file_that_says_so() {
    let place = Place::with_notes();
    let stamp = place.snapshot();
    for name in ["a.tar.zst.age", "a.AGE"] {
        let refused = place.run(&["backup", "export", &stamp, name]);
        assert!(refused.code == 64 && refused.stderr.contains("no key was given"), "{refused:?}");
        assert!(refused.stderr.contains("--recipient"), "{refused:?}");
        assert!(!place.path(name).exists());
    }
}
