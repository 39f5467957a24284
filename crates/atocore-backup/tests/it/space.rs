//! Free space is looked at before anything is written.

use atocore_backup::{BackupError, take::take};
use atocore_model::{error::ErrorCode, monitor::Silent, snapshot::Depth};
use atocore_storage::sqlite::copy::Copier;

use crate::home::{Home, tree};

#[test]
fn a_full_disk_is_refused_with_both_sizes_and_nothing_is_written() {
    let home = Home::new();
    let mut options = home.options();
    options.free_bytes = |_| Ok(16 << 20);
    let error = take(&home.directory, &home.source(), &options, &Silent).unwrap_err();
    let BackupError::NotEnoughSpace { needed_bytes, available_bytes, .. } = &error else {
        panic!("{error}");
    };
    let copied = std::fs::metadata(home.layout.database()).unwrap().len()
        + tree(&home.layout.vector_store()).values().map(|bytes| bytes.len() as u64).sum::<u64>();
    assert!(*needed_bytes >= copied + *available_bytes);
    assert!(
        error.to_string().contains(&needed_bytes.to_string()) && error.to_string().contains("16777216"),
        "{error}"
    );
    assert_eq!(error.code(), ErrorCode::DiskFull);
    assert!(error.hint().unwrap().contains("ATOCORE_BACKUP_DIR"));
    assert!(!home.directory.dir().exists());
}

#[test]
fn with_just_enough_room_it_goes_on() {
    let home = Home::new();
    let mut options = home.options();
    options.free_bytes = |_| Ok(18 << 20);
    let _taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_meanwhile_leaves_nothing_behind() {
    let home = Home::new();
    let mut options = home.options();
    // Stands for the process that copies pages, on a disk that has no room for the last of them.
    let script = "cp \"$1\" \"$2\"; echo 'no room, in whatever language' >&2; exit 28";
    options.copier = Copier::Child {
        program: "sh".into(),
        arguments: ["-c", script, "copier"].map(str::to_owned).to_vec(),
    };
    let error = take(&home.directory, &home.source(), &options, &Silent).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DiskFull, "{error}");
    assert!(home.directory.list().unwrap().is_empty());
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn a_copier_that_cannot_be_started_costs_no_snapshot() {
    let home = Home::new();
    let mut options = home.options();
    options.copier = Copier::Child { program: "/no/such/program".into(), arguments: Vec::new() };
    let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
    assert!(home.validate(taken.id, Depth::Content).valid());
    // With pages that are in the log only.
    let reader = rusqlite::Connection::open(home.layout.database()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM store").unwrap();
    let _stored = home.put("d.md", &["seven"]);
    let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
    assert!(home.validate(taken.id, Depth::Content).valid());
}
