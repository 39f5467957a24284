//! A restore under an engine that goes on: what ran before runs afterwards, whatever became of it.

use std::{fs, path::Path, thread, time::Duration};

use atocore_engine::{Caller, Engine, Error, files};
use atocore_model::{
    error::ErrorCode,
    id::SnapshotId,
    monitor::{Monitor, Progress, Silent},
};
use atocore_testkit::installation::{EngineExt, Installation};

/// An engine as a server has it, with documents and a snapshot from before the last of them.
fn with_a_snapshot(place: &Installation) -> (Engine, SnapshotId) {
    place.write("p/car.md", "# Garage\n\nThe automobile would not start because its battery was flat.");
    let mut engine = place.own();
    engine.start_embedding();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    if engine.wants_vectors() {
        let _all = engine.embed(&Silent).unwrap();
    }
    let taken = engine.create_snapshot(atocore_engine::IncludeVectors::No, &Silent).unwrap();
    place.write("p/bread.md", "# Kitchen\n\nKnead the dough for ten minutes and let it rise under a cloth.");
    let _report = engine.fresh("p");
    (engine, taken.id)
}

/// Waits until every passage has its vector, which nobody but the thread of the engine makes.
fn vectors_come(engine: &Engine) {
    loop {
        let status = engine.status().unwrap().embedding;
        if status.missing == 0 {
            return;
        }
        assert_eq!(status.failure, None);
        thread::sleep(Duration::from_millis(10));
    }
}

fn restore(engine: &mut Engine, id: SnapshotId) -> Result<atocore_engine::RestoreOutcome, Error> {
    let prepared = engine.prepare_restore(id, None, &Silent)?;
    engine.carry_out_restore(prepared, Caller::Local, &Silent)
}

#[test]
fn a_restore_that_is_refused_leaves_everything_running_that_ran() {
    let place = Installation::default().with_model();
    let (mut engine, id) = with_a_snapshot(&place);
    let snapshots = || fs::read_dir(place.home().join("backups/snapshots")).unwrap().count();

    // Refused while it is made ready, by a process that goes on reading: nothing is left behind either.
    let reader = place.home().join("data/locks/readers.lock");
    let reading = files::try_lock_shared(&reader).unwrap().unwrap();
    let refused = restore(&mut engine, id).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StoreBusy, "{refused}");
    assert_eq!(snapshots(), 1, "no snapshot of a state that stays");
    place.write("p/tax.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
    let _report = engine.fresh("p");
    vectors_come(&engine);
    drop(reading);

    // Refused because the registry could not be put in its place, whatever is in the way there.
    let registry = place.home().join("config/project-registry.json");
    let kept = fs::read(&registry).unwrap();
    let folder = || fs::create_dir_all(registry.join("in the way")).unwrap();
    let link = || std::os::unix::fs::symlink("../data/locks/owner.lock/registry", &registry).unwrap();
    for obstacle in [&folder as &dyn Fn(), &link] {
        fs::remove_file(&registry).unwrap();
        obstacle();
        let refused = engine.prepare_restore(id, None, &Silent).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Io, "{refused}");
        if files::remove_file(&registry).is_err() {
            files::remove_tree(&registry).unwrap();
        }
        files::write_atomic(&registry, &kept).unwrap();
        assert!(!engine.is_closed());
    }

    // Refused at the swap itself: its note cannot be written.
    let note = place.home().join("data/restore/journal.json");
    let prepared = engine.prepare_restore(id, None, &Silent).unwrap();
    fs::create_dir_all(note.join("in the way")).unwrap();
    let refused = engine.carry_out_restore(prepared, Caller::Local, &Silent);
    files::remove_tree(&note).unwrap();
    let _refused = refused.unwrap_err();
    if engine.is_closed() {
        engine.reopen(&Silent).unwrap();
    }
    assert_eq!(engine.ask("dough").hits[0].source_path.as_str(), "bread.md", "on the state before");
    place.write("p/rain.md", "# Weather\n\nIt will pour all day long.");
    let _report = engine.fresh("p");
    vectors_come(&engine);

    // And one that succeeds.
    let done = restore(&mut engine, id).unwrap();
    assert_eq!(done.unlogged, None);
    let _report = engine.fresh("p");
    vectors_come(&engine);
}

#[test]
fn a_store_that_a_restore_leaves_closed_is_opened_again_and_nobody_takes_it_for_missing() {
    let place = Installation::default();
    let (mut engine, id) = with_a_snapshot(&place);
    let prepared = engine.prepare_restore(id, None, &Silent).unwrap();
    // The swap has begun when it meets this.
    let in_the_way = place.home().join("data/restore/last.json");
    fs::create_dir_all(in_the_way.join("x")).unwrap();
    let _failed = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap_err();
    assert!(engine.is_closed());
    let told = engine.query(&atocore_model::query::QueryRequest::new("dough".parse().unwrap())).unwrap_err();
    assert_eq!(told.code(), ErrorCode::Io, "{told}");
    assert!(engine.health().unwrap().store_problem.is_some());
    let _still = engine.reopen(&Silent).unwrap_err();
    files::remove_tree(&in_the_way).unwrap();
    engine.reopen(&Silent).unwrap();
    assert!(!engine.is_closed());
    assert_eq!(engine.health().unwrap().store_problem, None);
    assert_eq!(engine.ask("battery").hits.len(), 1, "the restore was finished");
    assert!(engine.ask("dough").hits.is_empty());
}

#[test]
fn a_restore_over_a_store_that_is_gone_succeeds_or_leaves_none_in_its_place() {
    let place = Installation::default();
    let (mut engine, id) = with_a_snapshot(&place);
    files::remove_tree(&place.home().join("data/db")).unwrap();
    // Refused at the swap itself: its note cannot be written.
    let note = place.home().join("data/restore/journal.json");
    let prepared = engine.prepare_restore(id, None, &Silent).unwrap();
    fs::create_dir_all(note.join("in the way")).unwrap();
    let _refused = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap_err();
    assert!(!engine.is_closed() && !place.home().join("data/db/atocore.db").exists(), "no empty store");
    assert_eq!(engine.health().unwrap().store_problem.unwrap().code, ErrorCode::StoreGone);
    files::remove_tree(&note).unwrap();
    let done = restore(&mut engine, id).unwrap();
    assert_eq!(done.safety_stamp, None, "no snapshot of what is not there");
    assert_eq!(engine.health().unwrap().store_problem, None);
    assert_eq!(engine.ask("battery").hits.len(), 1);

    // Once the lock is gone another process can own the store.
    files::remove_tree(&place.home().join("data/locks")).unwrap();
    let other = place.own();
    assert_eq!(restore(&mut engine, id).unwrap_err().code(), ErrorCode::StoreGone);
    assert_eq!(other.ask("battery").hits.len(), 1);
}

/// Vectors are being made all the time, and each batch of them moves the store on.
#[test]
fn a_restore_beside_a_busy_embedder_saves_the_present_state_once_and_its_plan_holds() {
    let place = Installation::default().with_model();
    let (mut engine, id) = with_a_snapshot(&place);
    for number in 0..300 {
        let text = format!("# Part {number}\n\nThe {number}. wheel turns {} times an hour.", number * 7);
        place.write(&format!("p/part{number}.md"), text);
    }
    let _report = engine.fresh("p");
    let planned = engine.plan_restore(id, &Silent).unwrap().generation;
    // Until vectors were committed after the plan was made.
    while engine.status().unwrap().generation == planned {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(engine.status().unwrap().embedding.missing > 100, "it is at work still");
    let prepared = engine.prepare_restore(id, Some(planned), &Silent).unwrap();
    let paused = engine.status().unwrap().generation;
    thread::sleep(Duration::from_millis(300));
    assert_eq!(engine.status().unwrap().generation, paused, "nothing moves the store on");
    let done = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap();
    assert_eq!(engine.snapshots().unwrap().len(), 2, "the snapshot, and one of the state before");
    assert!(done.safety_stamp.is_some());

    // Dropped without being carried out, it lets the embedder go on.
    let _report = engine.fresh("p");
    drop(engine.prepare_restore(id, None, &Silent).unwrap());
    vectors_come(&engine);
}

#[test]
fn a_plan_is_refused_once_somebody_has_changed_the_store_since() {
    let place = Installation::default();
    let (mut engine, id) = with_a_snapshot(&place);
    let planned = engine.plan_restore(id, &Silent).unwrap().generation;
    let prepared = engine.prepare_restore(id, Some(planned), &Silent).unwrap();
    place.write("p/tax.md", "# Papers\n\nThe declaration has to be handed in before the end of July.");
    let _report = engine.fresh("p");
    let refused = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PlanOutdated, "{refused}");
    assert_eq!(engine.ask("declaration").hits.len(), 1, "nothing has changed");
    let refused = engine.prepare_restore(id, Some(planned), &Silent).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PlanOutdated, "{refused}");
    let planned = engine.plan_restore(id, &Silent).unwrap().generation;
    let prepared = engine.prepare_restore(id, Some(planned), &Silent).unwrap();
    let done = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap();
    assert_eq!(done.present_generation.0, planned.0 + 1, "its line is in the log, after all that was before");
    // The state that the plan was made for is gone, however few changes there were since.
    let refused = engine.prepare_restore(id, Some(planned), &Silent).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PlanOutdated, "{refused}");
}

/// Who only asks whether it was cancelled.
struct CallsOff;

impl Monitor for CallsOff {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_restore_cancelled_while_it_is_staged_leaves_nothing() {
    let place = Installation::default();
    let (engine, id) = with_a_snapshot(&place);
    let refused = engine.prepare_restore(id, None, &CallsOff).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Cancelled, "{refused}");
    assert!(!Path::new(&place.home().join("data/db/atocore.db.restore-incoming")).exists());
    assert_eq!(engine.snapshots().unwrap().len(), 1);
}
