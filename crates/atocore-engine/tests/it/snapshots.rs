//! From a store in use to a snapshot, and from a snapshot to a store that gives the same answers.

use atocore_engine::{Access, Engine, IncludeVectors, Layout, restore};
use atocore_model::{monitor::Silent, snapshot::Depth};
use atocore_testkit::installation::{EngineExt, Installation};

#[test]
fn a_restored_installation_gives_the_same_answers() {
    let place = Installation::default();
    for i in 0..20 {
        place.write(&format!("p/{i}.md"), format!("# Doc {i}\n\nzebra lion{}", i % 3));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let before = engine.ask("zebra lion1");
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    place.write("p/later.md", "zebra zebra zebra");
    let _report = engine.fresh("p");
    assert_eq!(engine.ask("zebra lion1").hits.len(), before.hits.len().max(10));

    let validation = engine.validate_snapshot(taken.id, Depth::Content, &Silent).unwrap();
    assert!(validation.valid(), "{:?}", validation.errors());
    assert_eq!(engine.snapshots().unwrap().len(), 1);

    let target = place.path().join("restored");
    let config = place.config();
    let _report = restore(&config.layout, taken.id, &target, &*config.clock, &Silent).unwrap();
    let config = atocore_engine::EngineConfig { layout: Layout::in_home(&target), ..config };
    let access = Access::Own { activity: "test".to_owned(), socket: None };
    let restored = Engine::open(config, access, &Silent).unwrap();
    assert_eq!(restored.ask("zebra lion1").hits, before.hits);
    assert_eq!(restored.projects().unwrap(), engine.projects().unwrap());
}
