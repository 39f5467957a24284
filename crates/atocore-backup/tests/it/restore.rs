//! Restoring: only what is proven, only into an empty place, and only whole.

use std::path::Path;

use atocore_backup::{
    BackupError,
    restore::{RestoreReport, restore_into},
    take::take_with,
    verify::{VerifiedSnapshot, prove},
};
use atocore_model::{
    error::ErrorCode,
    id::{Generation, SnapshotId},
    monitor::Silent,
    snapshot::Depth,
};
use atocore_storage::{
    files,
    layout::Layout,
    sqlite::{Store, StoreOptions, StoreRecord, inspect},
};

use crate::{
    crash::CancelAt,
    home::{Home, REGISTRY, Victim, tree},
};

fn proven(home: &Home) -> VerifiedSnapshot {
    let taken = home.take();
    prove(&home.directory, taken.id, &*home.clock, &Silent).unwrap()
}

fn restore(verified: &VerifiedSnapshot, target: &Path) -> Result<RestoreReport, BackupError> {
    restore_into(verified, target, &Silent)
}

#[test]
fn a_restored_installation_opens_and_is_what_was_saved() {
    let home = Home::new();
    let verified = proven(&home);
    let _later = home.put("later.md", &["not in the snapshot"]);
    let target = home.root.path().join("new/place");
    let report = restore(&verified, &target).unwrap();
    let layout = Layout::in_home(&target);
    assert_eq!(std::fs::read(&layout.registry).unwrap(), REGISTRY);
    assert_eq!(tree(&layout.vector_store()), tree(&verified.path().join("chroma")));
    assert!(layout.vector_store().join("6f1c/empty").is_dir());
    assert_eq!(
        std::fs::read(layout.database()).unwrap(),
        std::fs::read(verified.path().join("db/atocore.db")).unwrap()
    );
    let record = inspect::record(&layout.database()).unwrap();
    assert_eq!((record.generation, record.documents), (Generation(3), 3));

    assert_eq!((report.generation, report.proven), (Some(Generation(3)), Depth::Content));
    assert_eq!(report.target, target);
    let on_disk = tree(&target).into_iter().filter(|(name, _)| !name.ends_with('/'));
    let on_disk: Vec<_> = on_disk.map(|(name, bytes)| (name, bytes.len() as u64)).collect();
    let mut reported: Vec<_> =
        report.files.iter().map(|file| (file.path.to_str().unwrap().to_owned(), file.size_bytes)).collect();
    reported.sort();
    assert_eq!(reported, on_disk, "nothing else is left, no staging folder either");
    assert_eq!(report.bytes, on_disk.iter().map(|(_, size)| size).sum::<u64>());

    let options = StoreOptions { busy_timeout: std::time::Duration::from_secs(5), clock: home.clock.clone() };
    let store = Store::open(&layout.database(), options).unwrap();
    assert_eq!(store.generation().unwrap(), Generation(3));
}

#[test]
fn a_folder_that_holds_anything_is_left_alone() {
    let home = Home::new();
    let verified = proven(&home);
    let target = home.root.path().join("taken");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join(".hidden"), "mine").unwrap();
    let error = restore(&verified, &target).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TargetNotEmpty);
    assert!(error.to_string().contains(".hidden"), "{error}");
    assert_eq!(tree(&target).into_keys().collect::<Vec<_>>(), [".hidden"]);
    std::fs::remove_file(target.join(".hidden")).unwrap();
    let _report = restore(&verified, &target).unwrap();
    assert_eq!(restore(&verified, &target).unwrap_err().code(), ErrorCode::TargetNotEmpty);
}

#[test]
fn only_leftovers_of_a_killed_restore_are_removed() {
    let home = Home::new();
    let verified = proven(&home);
    let target = home.root.path().join("half");
    let leave = |files: &[&str]| {
        for file in files {
            let path = target.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, if file.ends_with(".lock") { "" } else { "half a file" }).unwrap();
        }
    };
    // As this program leaves it, and as earlier ones did; killed early and late.
    leave(&[".restore-77/data/db/atocore.db", ".restore-77.lock", ".restore-9/config/x", ".restore-5.lock"]);
    std::fs::create_dir(target.join(".restore-78")).unwrap();
    let _report = restore(&verified, &target).unwrap();
    let names: Vec<_> = files_list(&target);
    assert_eq!(names, ["config", "data"]);

    // One that is alive, and what no restore made, stay as they are.
    for (file, living) in [
        (".restore-77.lock", true),
        (".restore-77/data/db/atocore.db", true),
        (".restore-77/precious", false),
        (".restore-x/data/y", false),
        (".restore-77", false),
        (".restore-", false),
    ] {
        std::fs::remove_dir_all(&target).unwrap();
        leave(&[".restore-12/data/x", file]);
        let lock = living.then(|| files::try_lock(&target.join(".restore-77.lock")).unwrap().unwrap());
        let before = tree(&target);
        let error = restore(&verified, &target).unwrap_err();
        assert_eq!(error.code(), ErrorCode::TargetNotEmpty, "{file}: {error}");
        assert!(error.hint().unwrap().contains("another folder"), "{file}: {error}");
        let gone = |path: &&String| living && path.starts_with(".restore-12");
        assert!(
            before.iter().all(|(path, bytes)| gone(&path) || tree(&target).get(path) == Some(bytes)),
            "{file}"
        );
        drop(lock);
    }
}

#[test]
fn a_restore_that_was_ready_when_it_was_killed_is_finished_and_no_other() {
    let home = Home::new();
    let verified = proven(&home);
    let target = home.root.path().join("half");
    let whole = home.root.path().join("whole");
    let _report = restore(&verified, &whole).unwrap();
    // As it is between the two renames: the registry has its name, the database is on its way.
    let between = |ready: bool| {
        drop(std::fs::remove_dir_all(&target));
        let _report = restore(&verified, &target).unwrap();
        std::fs::create_dir(target.join(".restore-77")).unwrap();
        std::fs::rename(target.join("data"), target.join(".restore-77/data")).unwrap();
        std::fs::write(target.join(".restore-77.lock"), "").unwrap();
        if ready {
            std::fs::write(target.join(".restore-77/ready"), "").unwrap();
        }
    };
    between(true);
    let error = restore(&verified, &target).unwrap_err();
    assert!(matches!(error, BackupError::RestoreFinished(_)), "{error}");
    assert_eq!(tree(&target), tree(&whole));
    assert!(matches!(restore(&verified, &target), Err(BackupError::TargetNotEmpty { .. })), "once");

    // Not when it was not ready, its process is alive, or somebody has put something in its way.
    let refused = |ready: bool, prepare: &dyn Fn()| {
        between(ready);
        prepare();
        let before = tree(&target);
        let error = restore(&verified, &target).unwrap_err();
        assert!(matches!(error, BackupError::TargetNotEmpty { .. }), "{error}");
        assert_eq!(tree(&target), before);
    };
    refused(false, &|| {});
    refused(true, &|| std::fs::create_dir(target.join("data")).unwrap());
    refused(true, &|| std::fs::write(target.join("mine"), "").unwrap());
    refused(true, &|| std::fs::create_dir(target.join(".restore-78")).unwrap());
    let alive = std::cell::RefCell::new(None);
    refused(true, &|| {
        *alive.borrow_mut() = files::try_lock(&target.join(".restore-77.lock")).unwrap();
    });
}

fn files_list(folder: &Path) -> Vec<String> {
    let list = files::list(folder).unwrap();
    list.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_file_is_no_place_to_restore_to_and_neither_is_the_vault() {
    let home = Home::new();
    let verified = proven(&home);
    let file = home.root.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(restore(&verified, &file).unwrap_err().code(), ErrorCode::Io);
    for inside in ["snapshots/20300101T000000Z", ".partial/x", "snapshots/../snapshots/x"] {
        let error = restore(&verified, &home.directory.dir().join(inside)).unwrap_err();
        assert!(matches!(error, BackupError::TargetAmongSnapshots(_)), "{inside}: {error}");
    }
    assert_eq!(home.directory.list().unwrap().len(), 1);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn cancelled_at_any_moment_it_leaves_an_empty_folder() {
    let home = Home::new();
    let verified = proven(&home);
    let never = CancelAt::call(usize::MAX);
    let _report = restore_into(&verified, &home.root.path().join("whole"), &never).unwrap();
    assert!(never.asked() >= 5);
    let target = home.root.path().join("cancelled");
    for at in 0..never.asked() {
        let error = restore_into(&verified, &target, &CancelAt::call(at)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert!(tree(&target).is_empty(), "{at}");
    }
}

#[test]
fn a_damaged_or_unknown_snapshot_cannot_be_proven_and_so_not_restored() {
    let home = Home::new();
    let taken = home.take();
    let victim = Victim::of(&taken);
    let path = victim.dir.join("chroma/6f1c/data_level0.bin");
    std::fs::write(&path, [8; 3000]).unwrap();
    let error = prove(&victim.directory, victim.id, &*home.clock, &Silent).unwrap_err();
    assert_eq!(error.code(), ErrorCode::SnapshotDamaged);
    assert!(error.to_string().contains("digest_mismatch: chroma/6f1c/data_level0.bin"), "{error}");

    let unknown: SnapshotId = "20010101T000000Z".parse().unwrap();
    assert_eq!(
        prove(&home.directory, unknown, &*home.clock, &Silent).unwrap_err().code(),
        ErrorCode::SnapshotUnknown
    );

    let newer = Victim::of(&taken);
    newer.edit_metadata(|value| value["atocore"]["format_version"] = 9.into());
    let error = prove(&newer.directory, newer.id, &*home.clock, &Silent).unwrap_err();
    assert_eq!(error.code(), ErrorCode::StoreNewer);
}

#[test]
fn damage_that_happens_after_the_proof_is_found_while_copying() {
    let home = Home::new();
    for file in ["db/atocore.db", "config/project-registry.json", "chroma/6f1c/data_level0.bin"] {
        let victim = Victim::of(&home.take());
        let verified = prove(&victim.directory, victim.id, &*home.clock, &Silent).unwrap();
        let mut bytes = std::fs::read(victim.dir.join(file)).unwrap();
        bytes[9] ^= 1;
        std::fs::write(victim.dir.join(file), bytes).unwrap();
        let target = home.root.path().join("target");
        let error = restore(&verified, &target).unwrap_err();
        assert!(matches!(&error, BackupError::CopyDiffers(name) if name == file), "{error}");
        assert!(tree(&target).is_empty());
    }
}

#[cfg(unix)]
#[test]
fn copies_of_read_only_files_can_be_written_again() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let verified = proven(&home);
    let locked = std::fs::Permissions::from_mode(0o444);
    std::fs::set_permissions(verified.path().join("db/atocore.db"), locked).unwrap();
    let target = home.root.path().join("target");
    let _report = restore(&verified, &target).unwrap();
    let mode = std::fs::metadata(Layout::in_home(&target).database()).unwrap().permissions().mode();
    assert_ne!(mode & 0o200, 0);
}

#[test]
fn golden_queries_are_verified_with_the_snapshot_and_are_not_restored() {
    let home = Home::new();
    let told = std::sync::Mutex::new(None);
    let golden_queries = |record: &StoreRecord| {
        *told.lock().unwrap() = Some(record.generation);
        Some(b"{}\n".to_vec())
    };
    let taken =
        take_with(&home.directory, &home.source(), &home.options(), &golden_queries, &Silent).unwrap();
    let record = taken.manifest.atocore.as_ref().unwrap();
    assert_eq!(*told.lock().unwrap(), Some(Generation(record.generation)));
    assert!(home.validate(taken.id, Depth::Content).valid());
    let target = home.root.path().join("restored");
    let verified = prove(&home.directory, taken.id, &*home.clock, &Silent).unwrap();
    let report = restore_into(&verified, &target, &Silent).unwrap();
    assert_eq!(report.files.len() + 1, record.files.len());
    assert!(!tree(&target).keys().any(|path| path.contains("canaries")));

    std::fs::write(taken.path.join("canaries.json"), "[]\n").unwrap();
    let validation = home.validate(taken.id, Depth::Content);
    assert_eq!(validation.errors(), ["digest_mismatch: canaries.json"]);
    assert_eq!(validation.depth_reached, Some(Depth::Structure));
}
