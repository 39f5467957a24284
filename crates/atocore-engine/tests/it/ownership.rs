//! One owner, many readers; whoever is refused is told why.

use atocore_engine::{Access, Engine, Error};
use atocore_model::{error::ErrorCode, monitor::Silent, query::Query};
use atocore_storage::locks::LockError;
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
    let refused = reader.query(&Query::new("zebra".parse().unwrap())).unwrap_err();
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
    place.write("p/b.md", b"\xff");
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
    assert_eq!(unread.message, "`b.md` of project `p` could not be read: the byte at offset 0 is not UTF-8");
    assert_eq!(unread.cure.unwrap(), "correct the file, then `atocore refresh p`");
    assert_eq!(worst("snapshots").unwrap().cure.unwrap(), "atocore backup create");
}
