//! Whatever happens to any file of a snapshot, the depth `digests` finds it.

use std::path::Path;

use atocore_backup::take::TakenSnapshot;
use atocore_model::snapshot::Depth;
use proptest::{
    prelude::{Just, Strategy, any},
    prop_assert, prop_oneof,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use crate::home::{Home, Victim, tree};

/// What is done to a file, with places in it chosen by the test runner.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Truncate(Index),
    Empty,
    Remove,
    Append(Vec<u8>),
    Overwrite(Index, Vec<u8>),
    SwapWith(Index),
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), 1_u8..).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        2 => any::<Index>().prop_map(Damage::Truncate),
        1 => Just(Damage::Empty),
        1 => Just(Damage::Remove),
        1 => proptest::collection::vec(any::<u8>(), 1..5000).prop_map(Damage::Append),
        2 => (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..200))
            .prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        1 => any::<Index>().prop_map(Damage::SwapWith),
    ]
}

/// Does it, and says whether the bytes of the snapshot are other ones now.
fn apply(dir: &Path, files: &[String], file: &str, damage: &Damage) -> bool {
    let path = dir.join(file);
    let before = std::fs::read(&path).unwrap();
    let mut bytes = before.clone();
    match damage {
        Damage::Flip(..) | Damage::Truncate(_) | Damage::Empty if before.is_empty() => return false,
        Damage::Flip(at, mask) => bytes[at.index(before.len())] ^= mask,
        Damage::Truncate(at) => bytes.truncate(at.index(before.len())),
        Damage::Empty => bytes.clear(),
        Damage::Remove => {
            std::fs::remove_file(&path).unwrap();
            return true;
        }
        Damage::Append(more) => bytes.extend(more),
        Damage::Overwrite(at, new) => {
            for (byte, new) in bytes.iter_mut().skip(at.index(before.len() + 1)).zip(new) {
                *byte = *new;
            }
        }
        Damage::SwapWith(other) => {
            let other = dir.join(&files[other.index(files.len())]);
            bytes = std::fs::read(&other).unwrap();
            std::fs::write(&other, &before).unwrap();
        }
    }
    std::fs::write(&path, &bytes).unwrap();
    bytes != before
}

fn snapshot() -> (Home, TakenSnapshot, Vec<String>) {
    let home = Home::new();
    let taken = home.take();
    let files: Vec<String> = tree(&taken.path).into_keys().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(
        files,
        [
            "backup-metadata.json",
            "chroma/6f1c/data_level0.bin",
            "chroma/6f1c/header.bin",
            "chroma/chroma.sqlite3",
            "config/project-registry.json",
            "db/atocore.db",
        ]
    );
    assert!(home.validate(taken.id, Depth::Content).valid());
    (home, taken, files)
}

#[test]
fn any_damage_to_any_file_is_found() {
    let (_home, taken, files) = snapshot();
    for file in &files {
        let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&damages(), |damage| {
            let victim = Victim::of(&taken);
            if apply(&victim.dir, &files, file, &damage) {
                let validation = victim.validate(Depth::Digests);
                prop_assert!(!validation.valid(), "{file}: {damage:?} was not found");
                prop_assert!(!validation.errors().is_empty());
            } else {
                prop_assert!(victim.validate(Depth::Digests).valid());
            }
            Ok(())
        });
        outcome.unwrap();
    }
}

#[test]
fn every_byte_of_the_small_files_is_guarded() {
    let (_home, taken, _) = snapshot();
    let victim = Victim::of(&taken);
    for file in ["config/project-registry.json", "backup-metadata.json"] {
        let path = victim.dir.join(file);
        let whole = std::fs::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << (position % 8);
            std::fs::write(&path, &bytes).unwrap();
            assert!(!victim.validate(Depth::Digests).valid(), "{file}, byte {position} flipped");
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(victim.validate(Depth::Content).valid());
}

#[test]
fn what_is_damaged_is_named() {
    type Case = (&'static str, fn(&Path), &'static str);
    let (_home, taken, _) = snapshot();
    let cases: [Case; 6] = [
        ("chroma/6f1c/data_level0.bin", |path| flip(path, 5), "digest_mismatch: chroma/6f1c/data_level0.bin"),
        (
            "config/project-registry.json",
            |path| flip(path, 3),
            "digest_mismatch: config/project-registry.json",
        ),
        (
            "chroma/6f1c/header.bin",
            |path| std::fs::remove_file(path).unwrap(),
            "file_missing: chroma/6f1c/header.bin",
        ),
        ("chroma/extra.bin", |path| std::fs::write(path, "x").unwrap(), "file_unexpected: chroma/extra.bin"),
        ("extra", |path| std::fs::create_dir(path).unwrap(), "file_unexpected: extra is a folder"),
        (
            "db/atocore.db",
            |path| std::fs::write(path, std::fs::read(path).unwrap().repeat(2)).unwrap(),
            "size_mismatch: db/atocore.db has ",
        ),
    ];
    for (file, damage, expected) in cases {
        let victim = Victim::of(&taken);
        damage(&victim.dir.join(file));
        let validation = victim.validate(Depth::Digests);
        let errors = validation.errors();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{file}: {errors:?}");
        assert!(validation.findings.iter().any(|finding| finding.file == file), "{:?}", validation.findings);
        assert_eq!(validation.db_ok, !file.starts_with("db"));
        assert_eq!(validation.registry_ok, Some(!file.starts_with("config")));
        assert_eq!(validation.chroma_ok, Some(!file.starts_with("chroma")));
    }
}

fn flip(path: &Path, position: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[position] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[cfg(unix)]
#[test]
fn links_and_special_files_are_findings_and_never_followed() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let (_home, taken, files) = snapshot();
    for file in &files {
        let victim = Victim::of(&taken);
        let (path, moved) = (victim.dir.join(file), victim.directory.dir().join("moved"));
        std::fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(!victim.validate(Depth::Digests).valid(), "{file} is a link to its own bytes");
        std::fs::remove_file(&path).unwrap();
        let _socket = UnixListener::bind(&path).unwrap();
        assert!(!victim.validate(Depth::Content).valid(), "{file} is a socket");
    }
    for folder in ["db", "config", "chroma"] {
        let victim = Victim::of(&taken);
        let moved = victim.directory.dir().join("moved");
        std::fs::rename(victim.dir.join(folder), &moved).unwrap();
        symlink(&moved, victim.dir.join(folder)).unwrap();
        let validation = victim.validate(Depth::Structure);
        assert!(!validation.valid(), "{folder} is a link to its own files");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, taken, files) = snapshot();
    for file in &files {
        let victim = Victim::of(&taken);
        let path = victim.dir.join(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything: then there is nothing to find.
        let readable = std::fs::read(&path).is_ok();
        assert_eq!(victim.validate(Depth::Digests).valid(), readable, "{file}");
    }
}

#[test]
fn an_unknown_key_of_ours_is_refused_and_one_beside_it_breaks_the_seal() {
    let (_home, taken, _) = snapshot();
    let victim = Victim::of(&taken);
    victim.edit_metadata(|value| value["added_later"] = 1.into());
    assert!(victim.validate(Depth::Structure).valid());
    assert_eq!(victim.validate(Depth::Digests).errors(), ["digest_mismatch: backup-metadata.json"]);
    victim.edit_metadata(|value| value["atocore"]["added_later"] = 1.into());
    let errors = victim.validate(Depth::Structure).errors();
    assert!(errors[0].starts_with("metadata_shape: ") && errors[0].contains("added_later"), "{errors:?}");
}

#[test]
fn a_newer_format_lists_and_is_refused_by_name() {
    let (_home, taken, _) = snapshot();
    let victim = Victim::of(&taken);
    victim.edit_metadata(|value| {
        value["atocore"] = serde_json::json!({"format_version": 2, "packs": []});
    });
    let listed = victim.directory.list().unwrap();
    assert_eq!(listed[0].metadata.as_ref().unwrap()["atocore"]["format_version"], 2);
    for depth in Depth::ALL {
        let validation = victim.validate(depth);
        assert_eq!(validation.depth_reached, None);
        assert_eq!(
            validation.errors(),
            ["format_newer: the snapshot has format 2, this program reads up to 1"]
        );
    }
}
