//! The thirteen defects of the original that the contract lists, each by its number.

use std::{
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use atocore_backup::{
    BackupError,
    restore::restore_into,
    snapshot_directory::SnapshotDirectory,
    take::{TakeOptions, VectorStoreCopy, take},
    verify::prove,
};
use atocore_model::{
    id::SnapshotId,
    monitor::{Monitor, Progress, Silent},
    snapshot::Depth,
};
use atocore_storage::{
    layout::Layout,
    locks::{Owner, OwnerLock},
    sqlite::{copy::Copier, inspect},
};

use crate::{
    child,
    home::{Home, REGISTRY, STAMP, Victim, tree, validate},
};

#[test]
fn defect_01_two_snapshots_of_one_second_do_not_share_a_directory() {
    let home = Home::new();
    let first = home.take();
    let before = tree(&first.path);
    let second = home.take();
    assert_eq!((first.id.to_string().as_str(), second.id), (STAMP, first.id.next()));
    assert_eq!(tree(&first.path), before);
    home.clock.add_seconds(-60);
    assert!(home.take().id < first.id, "a clock that was set back does no harm");
    assert_eq!(home.directory.list().unwrap().len(), 3);
}

/// Looks at the list every time the snapshot under way asks whether to go on.
struct Watcher<'a> {
    directory: &'a SnapshotDirectory,
}

impl Monitor for Watcher<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        assert!(self.directory.list().unwrap().is_empty());
        false
    }
}

#[test]
fn defect_02_nothing_is_visible_until_it_is_complete() {
    let home = Home::new();
    let taken = home.take_watched(&Watcher { directory: &home.directory }).unwrap();
    assert_eq!(home.directory.list().unwrap().len(), 1);
    assert!(home.validate(taken.id, Depth::Content).valid());
}

#[test]
fn defect_03_a_moved_snapshot_is_validated_where_it_lies() {
    let home = Home::new();
    let victim = Victim::of(&home.take());
    // The old place still holds the whole snapshot, and must not stand in for the damaged one.
    std::fs::remove_file(victim.dir.join("db/atocore.db")).unwrap();
    assert_eq!(victim.validate(Depth::Structure).errors(), ["db_snapshot_missing"]);
}

#[test]
fn defect_04_a_stamp_that_is_a_path_is_refused_before_any_file_access() {
    for hostile in ["../../x", "..", "/etc", "20260406T184219Z/../../x", "..%2f..%2fx", "snapshots"] {
        assert!(hostile.parse::<SnapshotId>().is_err(), "{hostile}");
    }
}

#[test]
fn defect_05_the_verdict_is_there_however_early_the_look_ends() {
    let root = tempfile::tempdir().unwrap();
    let (directory, id) = (SnapshotDirectory::new(root.path()), STAMP.parse().unwrap());
    let check = |error: &str, exists: bool| {
        let validation = validate(&directory, id, Depth::Structure);
        assert_eq!((validation.valid(), validation.exists, validation.depth_reached), (false, exists, None));
        assert!(validation.errors()[0].starts_with(error), "{:?}", validation.errors());
        assert_eq!((validation.db_ok, validation.registry_ok, validation.chroma_ok), (false, None, None));
        assert_eq!((validation.stamp, validation.path), (id, directory.snapshot(id)));
    };
    check("snapshot_directory_missing", false);
    std::fs::create_dir_all(directory.snapshot(id)).unwrap();
    check("metadata_missing", true);
    std::fs::write(directory.snapshot(id).join("backup-metadata.json"), "{").unwrap();
    check("metadata_invalid_json: ", true);
}

#[test]
fn defect_06_a_vector_store_counts_as_included_only_when_it_is_there() {
    let home = Home::new();
    std::fs::remove_dir_all(home.layout.vector_store()).unwrap();
    assert!(!home.take().manifest.chroma_snapshot_included);
    crate::home::vector_store(&home.layout.vector_store());
    assert!(home.take().manifest.chroma_snapshot_included);
    let options = TakeOptions { vector_store: VectorStoreCopy::LeaveOut, ..home.options() };
    assert!(
        !take(&home.directory, &home.source(), &options, &Silent).unwrap().manifest.chroma_snapshot_included
    );
}

#[test]
fn defect_07_a_vector_store_is_counted_hashed_and_opened() {
    let home = Home::new();
    let taken = home.take();
    let counted = Victim::of(&taken);
    std::fs::remove_dir_all(counted.dir.join("chroma/6f1c")).unwrap();
    let validation = counted.validate(Depth::Structure);
    assert_eq!(validation.chroma_ok, Some(false));
    assert!(
        validation.errors()[0].starts_with("count_mismatch: chroma has 1 files"),
        "{:?}",
        validation.errors()
    );

    let hashed = Victim::of(&taken);
    std::fs::write(hashed.dir.join("chroma/6f1c/data_level0.bin"), [8; 3000]).unwrap();
    assert_eq!(hashed.validate(Depth::Structure).chroma_ok, Some(true));
    assert_eq!(hashed.validate(Depth::Digests).chroma_ok, Some(false));

    let opened = Victim::of(&taken);
    let path = opened.dir.join("chroma/chroma.sqlite3");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..200].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let errors = opened.validate(Depth::Content).errors();
    assert!(errors.iter().any(|error| error.starts_with("chroma_integrity_check_failed: ")), "{errors:?}");
}

#[test]
fn defect_08_one_flipped_bit_anywhere_is_found() {
    let home = Home::new();
    let victim = Victim::of(&home.take());
    let in_a_word = REGISTRY.windows(3).position(|bytes| bytes == b"caf").unwrap();
    for (file, position) in
        [("config/project-registry.json", in_a_word), ("chroma/6f1c/data_level0.bin", 2999)]
    {
        let path = victim.dir.join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[position] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(victim.validate(Depth::Structure).valid(), "{file}: it is still well formed");
        assert_eq!(victim.validate(Depth::Digests).errors(), [format!("digest_mismatch: {file}")]);
        bytes[position] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
    }
    assert!(victim.validate(Depth::Digests).valid());
}

fn owner(activity: &str) -> Owner {
    let since = "2026-04-06T18:42:19.000000+00:00".to_owned();
    Owner { pid: std::process::id(), activity: activity.to_owned(), since, socket: None }
}

#[test]
fn defect_09_one_lock_holds_across_processes() {
    if let Some(root) = child::folder() {
        return child_that_wants_the_store(&root);
    }
    let root = tempfile::tempdir().unwrap();
    let serving = OwnerLock::acquire(root.path(), &owner("serve"), Duration::ZERO).unwrap();
    let try_as_another_process = || {
        let child = child::of("defects::defect_09_one_lock_holds_across_processes", root.path())
            .env("TMPDIR", root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        child.unwrap().success()
    };
    assert!(!try_as_another_process());
    drop(serving);
    assert!(try_as_another_process());
}

fn child_that_wants_the_store(root: &Path) {
    drop(OwnerLock::acquire(root, &owner("backup create"), Duration::ZERO).unwrap());
}

#[cfg(unix)]
#[test]
fn defect_10_validation_reads_only_and_leaves_no_trace() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let victim = Victim::of(&home.take());
    let folders = ["", "db", "config", "chroma", "chroma/6f1c", "chroma/6f1c/empty"];
    let set = |mode| {
        for folder in folders {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(victim.dir.join(folder), permissions).unwrap();
        }
    };
    let times = || -> Vec<_> {
        let paths = tree(&victim.dir).into_keys().chain([String::new()]);
        paths.map(|path| std::fs::metadata(victim.dir.join(path)).unwrap().modified().unwrap()).collect()
    };
    let before = (tree(victim.directory.dir()), times());
    set(0o555);
    let valid = Depth::ALL.map(|depth| victim.validate(depth).valid());
    set(0o755);
    assert_eq!(valid, [true; 5]);
    assert_eq!((tree(victim.directory.dir()), times()), before);
}

/// Writes to the store and the registry as soon as the copy has begun.
struct Intruder<'a> {
    home: &'a Home,
    done: AtomicBool,
}

impl Monitor for Intruder<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        // The first time is before the copy begins, and already after the recovery point.
        if !self.done.swap(true, Ordering::SeqCst) {
            let _stored = self.home.put("late.md", &["written", "while", "it copies"]);
            std::fs::write(&self.home.layout.registry, "{}").unwrap();
        }
        false
    }
}

#[test]
fn defect_11_a_snapshot_is_one_instant_and_names_it() {
    let child = Copier::Child { program: "cp".into(), arguments: vec!["--".to_owned()] };
    for copier in [Copier::InProcess, child] {
        let home = Home::new();
        let intruder = Intruder { home: &home, done: AtomicBool::new(false) };
        let options = TakeOptions { copier, ..home.options() };
        let taken = take(&home.directory, &home.source(), &options, &intruder).unwrap();
        assert_eq!(home.store.generation().unwrap().0, 4);
        let record = taken.manifest.atocore.as_ref().unwrap();
        assert_eq!((record.generation, record.counts.documents), (3, 3));
        assert_eq!(inspect::record(&taken.path.join("db/atocore.db")).unwrap().generation.0, 3);
        assert_eq!(std::fs::read(taken.path.join("config/project-registry.json")).unwrap(), REGISTRY);
        assert!(home.validate(taken.id, Depth::Content).valid());
    }
}

#[test]
fn defect_12_there_is_a_restore_and_a_look_at_the_free_space() {
    let home = Home::new();
    let verified = prove(&home.directory, home.take().id, &*home.clock, &Silent).unwrap();
    let target = home.root.path().join("restored");
    let _report = restore_into(&verified, &target, &Silent).unwrap();
    assert!(Layout::in_home(&target).database().is_file());
    let mut options = home.options();
    options.free_bytes = |_| Ok(0);
    let refused = take(&home.directory, &home.source(), &options, &Silent).unwrap_err();
    assert!(matches!(refused, BackupError::NotEnoughSpace { available_bytes: 0, .. }), "{refused}");
}

#[test]
fn defect_13_the_registry_is_copied_as_bytes() {
    let home = Home::new();
    for bytes in [REGISTRY, b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"", b"{}\r\n\r\n"] {
        std::fs::write(&home.layout.registry, bytes).unwrap();
        let taken = home.take();
        assert_eq!(std::fs::read(taken.path.join("config/project-registry.json")).unwrap(), bytes);
    }
}
