//! One owner, many readers; whoever is refused is told why.

use std::path::Path;

use atocore_engine::{Access, Caller, Engine, Error};
use atocore_model::{error::ErrorCode, monitor::Silent, query::QueryRequest};
use atocore_storage::{files, locks::LockError};
use atocore_testkit::installation::{EngineExt, Installation};

#[test]
fn a_second_owner_is_told_who_has_the_store() {
    let place = Installation::default();
    let engine = place.own();
    let access = Access::Own { activity: "refresh p".to_owned(), socket: None };
    let refused = Engine::open(place.config(), access, &Silent).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StoreBusy);
    assert!(matches!(&refused, Error::Lock(LockError::Held(owner)) if owner.activity == "test"), "{refused}");
    let owner = Engine::owner(&place.config().layout).unwrap().unwrap();
    assert_eq!(owner.pid, std::process::id());
    drop(engine);
    assert_eq!(Engine::owner(&place.config().layout).unwrap(), None);
    drop(place.own());
}

#[test]
fn reading_creates_nothing() {
    let place = Installation::default();
    let reader = place.read();
    let refused = reader.query(&QueryRequest::new("zebra".parse().unwrap())).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StoreMissing);
    assert!(reader.projects().unwrap().is_empty());
    assert!(reader.snapshots().unwrap().is_empty());
    assert!(!reader.health().unwrap().store);
    assert!(!place.home().exists());
}

#[test]
fn status_and_doctor_say_what_is_there_and_what_to_do() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    place.write("p/b.md", b"caf\xc3\xa9 \xff");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    let status = engine.status().unwrap();
    assert_eq!((status.projects[0].documents, status.projects[0].chunks), (1, 1));
    assert_eq!((status.generation, status.index_generation), (report.generation, Some(report.generation)));
    assert_eq!(status.owner.unwrap().activity, "test");
    let worst = |check: &str| {
        engine.doctor().into_iter().filter(|finding| finding.check == check).max_by_key(|f| f.level)
    };
    assert_eq!(worst("store").unwrap().level.as_str(), "ok");
    let unread = worst("files").unwrap();
    assert_eq!(unread.message, "`b.md` of project `p` could not be read: the byte at offset 6 is not UTF-8");
    assert_eq!(
        unread.hint.unwrap(),
        "correct the file or leave it out in `.atocoreignore`, then `atocore refresh p`"
    );
    assert_eq!(worst("snapshots").unwrap().hint.unwrap(), "atocore backup create");
}

/// What somebody does to the files of a store that is open, and how it is brought back.
fn meddle(what: &str, path: &Path, meanwhile: impl FnOnce()) {
    let away = path.with_extension("away");
    files::rename(path, &away).unwrap();
    if what == "replaced" {
        if away.is_dir() {
            files::create_dirs(path).unwrap();
        } else {
            let _size = files::copy_synced(&away, path).unwrap();
        }
    }
    meanwhile();
    files::remove_tree(path).or_else(|_| files::remove_file(path)).unwrap();
    files::rename(&away, path).unwrap();
}

#[test]
fn nothing_is_acknowledged_once_a_file_of_the_store_is_removed_or_replaced() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let before = engine.health().unwrap().generation;
    for what in ["removed", "replaced"] {
        for path in [
            "data",
            "data/db",
            "data/db/atocore.db",
            "data/db/atocore.db-wal",
            "data/db/atocore.db-shm",
            "data/locks",
            "data/locks/owner.lock",
        ] {
            let shown = format!("{path} {what}");
            meddle(what, &place.home().join(path), || {
                let gone = |error: Error| {
                    assert_eq!(error.code(), ErrorCode::StoreGone, "{shown}: {error}");
                    assert!(error.hint().unwrap().contains("put the folder back"), "{shown}");
                    error.to_string()
                };
                let refresh = engine.refresh(&"p".parse().unwrap(), Caller::Local, &Silent);
                let said = gone(refresh.unwrap_err());
                assert!(said.contains("`") && said.contains("while this process has it open"), "{said}");
                let health = engine.health().unwrap().store_problem.unwrap();
                assert_eq!((health.code, health.why), (ErrorCode::StoreGone, said.clone()), "{shown}");
                let _said = gone(engine.status().unwrap_err());
                let no_vectors = atocore_engine::IncludeVectors::No;
                let _said = gone(engine.create_snapshot(no_vectors, &Silent).unwrap_err());
                let finding = engine.doctor().into_iter().find(|finding| finding.check == "store").unwrap();
                assert_eq!((finding.level.as_str(), finding.message), ("problem", said), "{shown}");
            });
            assert_eq!(engine.health().unwrap().generation, before, "{shown}: what was put back works again");
        }
    }
    place.write("p/b.md", "zebra too");
    assert_eq!(engine.fresh("p").generation.0, before.0 + 1);
}

#[test]
fn after_the_lock_files_were_deleted_two_owners_never_both_acknowledge() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    let first = place.own();
    first.add("p", "p");
    files::remove_tree(&place.home().join("data/locks")).unwrap();
    let second = place.own();
    let refresh = |engine: &Engine| engine.refresh(&"p".parse().unwrap(), Caller::Local, &Silent);
    let report = refresh(&second).unwrap();
    assert_eq!(refresh(&first).unwrap_err().code(), ErrorCode::StoreGone);
    drop(first);
    assert_eq!(second.query(&QueryRequest::new("zebra".parse().unwrap())).unwrap().hits.len(), 1);
    assert_eq!(Engine::owner(&place.config().layout).unwrap().unwrap().activity, "test");
    drop(second);
    assert_eq!(place.own().health().unwrap().generation, report.generation);
}

#[test]
fn the_lock_files_of_the_indexes_may_be_deleted_under_their_owner() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for lock in walk_locks(&place.home().join("data/index")) {
        files::remove_file(&lock).unwrap();
    }
    place.write("p/b.md", "zebra too");
    let _report = engine.fresh("p");
    assert_eq!(engine.query(&QueryRequest::new("zebra".parse().unwrap())).unwrap().hits.len(), 2);
}

fn walk_locks(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut locks = Vec::new();
    for path in files::list(dir).unwrap() {
        if path.is_dir() {
            locks.extend(walk_locks(&path));
        } else if path.extension().is_some_and(|end| end == "lock") {
            locks.push(path);
        }
    }
    assert!(!dir.ends_with("index") || !locks.is_empty(), "there are none to delete");
    locks
}
