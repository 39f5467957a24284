//! What an operating system leaves in a folder that it shows does no harm to a snapshot, and is no part of one.

use std::{fs, path::Path};

use atocore_backup::{
    archive::{export, import},
    restore::restore_into,
    retention::{KeepCounts, RetentionRules, prune},
    snapshot_directory::SnapshotDirectory,
    verify::prove,
};
use atocore_model::{monitor::Silent, snapshot::Depth, time::Clock};
use atocore_storage::files::FileReader;

use crate::home::{Home, tree};

/// Where they were put.
const LEFT: [&str; 15] = [
    ".DS_Store",
    ".directory",
    "db/.nfs000000000034a1c700000012",
    "config/.AppleDouble/project-registry.json",
    "@eaDir/backup-metadata.json@SynoEAStream",
    "chroma/@EADIR/deep/er/file",
    "chroma/6f1c/.AppleDouble/.Parent",
    "lost+found/#123",
    ".fuse_hidden0000001200000001",
    "chroma/.localized",
    "db/._atocore.db",
    "config/Thumbs.db",
    "chroma/desktop.ini",
    "chroma/6f1c/.DS_Store",
    "chroma/6f1c/empty/thumbs.db",
];

fn litter(snapshot: &Path) {
    for left in LEFT {
        fs::create_dir_all(snapshot.join(left).parent().unwrap()).unwrap();
        fs::write(snapshot.join(left), "left").unwrap();
    }
}

fn holds_any(folder: &Path) -> bool {
    tree(folder).keys().any(|path| LEFT.iter().any(|left| path.ends_with(left)))
}

#[test]
fn a_snapshot_stays_good_and_everything_goes_on_without_them() {
    let home = Home::new();
    let taken = home.take();
    litter(&taken.path);
    let validation = home.validate(taken.id, Depth::Content);
    assert_eq!(validation.errors(), [""; 0]);
    assert!(validation.valid() && validation.db_ok && validation.chroma_ok == Some(true));
    let mut named = validation.leavings;
    named.sort();
    let mut left = LEFT;
    left.sort_unstable();
    assert_eq!(named, left);

    let target = home.root.path().join("restored");
    let verified = prove(&home.directory, taken.id, &*home.clock, &Silent).unwrap();
    let _report = restore_into(&verified, &target, &Silent).unwrap();
    assert!(target.join("data/chroma/6f1c/empty").is_dir() && !holds_any(&target));
    drop(verified);

    let archive = home.root.path().join("archive");
    let _exported = export(&home.directory, taken.id, &archive, &*home.clock, &Silent).unwrap();
    let elsewhere = SnapshotDirectory::new(&home.root.path().join("elsewhere"));
    let imported = import(&elsewhere, FileReader::open(&archive).unwrap(), &*home.clock, &Silent).unwrap();
    assert!(!holds_any(&imported.path));

    // Beside the snapshots they are none.
    for (folder, in_it) in [("@eaDir", "x"), ("lost+found", "y")] {
        fs::create_dir(home.directory.snapshots().join(folder)).unwrap();
        fs::write(home.directory.snapshots().join(folder).join(in_it), "").unwrap();
    }
    assert_eq!(home.directory.list().unwrap().len(), 1);

    // It is removed like any other, and what was left in it goes with it.
    let _newer = home.take();
    let keep = KeepCounts { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    let policy = RetentionRules::new(keep).unwrap();
    home.clock.add_seconds(60);
    let pruned = prune(&home.directory, &home.layout, &policy, home.clock.now(), &Silent).unwrap();
    assert_eq!((pruned.removed, pruned.plan.untouched), (vec![taken.id], Vec::new()));
    assert!(!taken.path.exists());
}

#[test]
fn what_lies_in_the_vector_store_is_not_copied_into_a_snapshot() {
    let home = Home::new();
    let left = [".DS_Store", "6f1c/._header.bin", ".directory", "@eaDir/x/y", "6f1c/.nfs00000012"];
    for left in left {
        let folder = home.layout.vector_store().join(left);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        fs::write(home.layout.vector_store().join(left), "left").unwrap();
    }
    let taken = home.take();
    assert!(left.iter().all(|left| !taken.path.join("chroma").join(left).exists()));
    assert!(!taken.path.join("chroma/@eaDir").exists());
    assert!(home.validate(taken.id, Depth::Content).valid());
}

#[test]
fn anything_else_is_still_unexpected() {
    let home = Home::new();
    let taken = home.take();
    for (name, folder) in [
        (".DS_Store.db", false),
        ("Thumbs.dbx", false),
        ("_.x", false),
        ("._folder", true),
        (".nfs", true),
        ("@eaDir2", true),
        ("lost", false),
    ] {
        let path = taken.path.join("chroma").join(name);
        if folder {
            fs::create_dir(&path).unwrap();
            fs::write(path.join("file"), "").unwrap();
        } else {
            fs::write(&path, "").unwrap();
        }
        let validation = home.validate(taken.id, Depth::Digests);
        assert!(!validation.valid(), "{name}");
        drop(fs::remove_dir_all(&path));
        drop(fs::remove_file(&path));
    }
}
