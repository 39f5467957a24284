//! What the doctor says about snapshots: each trouble with the command that fixes it, and nothing when all is well.

use atocore_engine::{
    Engine, IncludeVectors, Level,
    schedule::{Schedule, ScheduledJob, Timetable},
};
use atocore_model::{monitor::Silent, snapshot::Depth, time::Clock};
use atocore_testkit::installation::{EngineExt, Installation};

const A_DAY: i64 = 24 * 3600;

/// The worst that is said: how bad, what, and the hint.
fn worst(engine: &Engine, check: &str) -> (Level, String, Option<String>) {
    let findings = engine.doctor().into_iter().filter(|finding| finding.check == check);
    let worst = findings.max_by_key(|finding| finding.level).unwrap();
    (worst.level, worst.message, worst.hint)
}

fn with_documents(place: &Installation) -> Engine {
    place.write("p/a.md", "zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    engine
}

#[test]
fn an_unproven_snapshot_an_old_proof_and_a_broken_snapshot_are_findings_with_a_hint() {
    let place = Installation::default();
    let engine = with_documents(&place);
    assert!(engine.doctor().iter().all(|finding| finding.check != "proof"), "there is nothing to prove");
    let first = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap().id;
    let (level, message, hint) = worst(&engine, "proof");
    assert_eq!(level, Level::Warning);
    assert!(message.contains("is not proven to depth `content`; no snapshot is"), "{message}");
    assert_eq!(hint.unwrap(), format!("atocore backup validate {first} --depth answers"));
    // A shallow look is no proof; the hint is.
    engine.validate_snapshot(first, Depth::Digests, &Silent).unwrap();
    assert_eq!(worst(&engine, "proof").0, Level::Warning);
    engine.validate_snapshot(first, Depth::Answers, &Silent).unwrap();
    assert_eq!(worst(&engine, "proof").0, Level::Ok);

    place.clock.advance(A_DAY);
    let second = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap().id;
    let (level, message, _cure) = worst(&engine, "proof");
    assert_eq!(level, Level::Warning);
    assert!(
        message.contains(&second.to_string()) && message.contains(&format!("proven is {first}")),
        "{message}"
    );
    assert!(engine.drill(&Silent).unwrap().unwrap().valid());
    assert_eq!(worst(&engine, "proof").0, Level::Ok);

    place.clock.advance(31 * A_DAY);
    let (level, message, hint) = worst(&engine, "proof");
    assert_eq!((level, hint.unwrap().as_str()), (Level::Warning, "atocore backup drill"));
    assert!(message.contains("was proven 31 days ago"), "{message}");
    assert!(engine.drill(&Silent).unwrap().unwrap().valid());
    assert_eq!(worst(&engine, "proof").0, Level::Ok);

    let folder = place.home().join("backups/snapshots").join(first.to_string());
    atocore_engine::files::write_synced(&folder.join("surplus"), b"not recorded").unwrap();
    engine.validate_snapshot(first, Depth::Content, &Silent).unwrap();
    let (level, message, hint) = worst(&engine, "proof");
    assert_eq!((level, hint.unwrap().as_str()), (Level::Problem, "atocore backup list"));
    assert!(message.contains("1 snapshot did not stand"), "{message}");
}

#[test]
fn a_schedule_that_is_off_fails_or_waits_for_a_server_is_a_finding_with_a_hint() {
    let place = Installation::default();
    let engine = with_documents(&place);
    let (level, message, hint) = worst(&engine, "schedule");
    assert_eq!(level, Level::Warning);
    assert!(message.contains("not scheduled: `snapshot` and `drill`"), "{message}");
    assert!(hint.unwrap().contains("ATOCORE_SCHEDULE_SNAPSHOT"));
    // Somebody else sees to it.
    let _taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    assert_eq!(worst(&engine, "schedule").0, Level::Ok);
    drop(engine);

    let mut schedule = Schedule::default();
    for job in [ScheduledJob::Snapshot, ScheduledJob::Drill] {
        schedule.add(job, "0 3 * * *").unwrap();
    }
    let place = place.with_schedule(schedule.clone());
    let timetable = Timetable::new(&place.config().layout, schedule);
    timetable.start(place.clock.now());
    assert_eq!(worst(&place.read(), "schedule").0, Level::Ok);
    place.clock.advance(A_DAY);
    let (level, message, hint) = worst(&place.read(), "schedule");
    assert_eq!((level, hint.unwrap().as_str()), (Level::Warning, "atocore serve"));
    assert!(message.contains("no server runs"), "{message}");
    // The one who has the store is there to do it.
    assert_eq!(worst(&place.own(), "schedule").0, Level::Ok);

    timetable.begin(ScheduledJob::Drill, place.clock.now());
    let _failures = timetable.end(ScheduledJob::Drill, place.clock.now(), Err("the disk is full".to_owned()));
    let (level, message, hint) = worst(&place.read(), "schedule");
    assert_eq!((level, hint.unwrap().as_str()), (Level::Problem, "atocore backup drill"));
    assert!(message.contains("`drill` has failed 1 time on schedule: the disk is full"), "{message}");
    let health = place.read().health().unwrap();
    assert_eq!(health.schedule.iter().map(|job| job.failures).collect::<Vec<_>>(), [0, 1]);
    assert!(health.schedule.iter().all(|job| job.due.is_some()));
}

#[test]
fn a_schedule_whose_times_lie_ahead_or_that_nothing_came_of_twice_is_a_problem() {
    for job in ScheduledJob::ALL {
        let mut schedule = Schedule::default();
        schedule.add(job, "0 3 * * *").unwrap();
        let place = Installation::default().with_schedule(schedule.clone());
        drop(with_documents(&place));
        let timetable = Timetable::new(&place.config().layout, schedule);
        timetable.start(place.clock.now());
        place.clock.advance(2 * A_DAY);
        let (level, message, hint) = worst(&place.read(), "schedule");
        assert_eq!((level, hint.unwrap().as_str()), (Level::Problem, "atocore serve"));
        assert!(message.contains("never ended well") && message.contains("due twice"), "{message}");
        // A server that is there and does nothing is no comfort.
        let (level, _, hint) = worst(&place.own(), "schedule");
        assert_eq!(level, Level::Problem);
        let by_hand = match job {
            ScheduledJob::Refresh => "atocore refresh".to_owned(),
            ScheduledJob::Snapshot => "atocore backup create".to_owned(),
            other => format!("atocore backup {other}"),
        };
        assert!(hint.unwrap().contains(&by_hand));

        place.clock.advance(365 * A_DAY);
        timetable.begin(job, place.clock.now());
        let _failures = timetable.end(job, place.clock.now(), Ok(()));
        assert_ne!(worst(&place.read(), "schedule").0, Level::Problem);
        place.clock.advance(-365 * A_DAY);
        let (level, message, hint) = worst(&place.read(), "schedule");
        assert_eq!(level, Level::Problem);
        assert!(message.contains("ahead of the clock") && hint.unwrap().contains("clock"), "{message}");
        // What a server does at its next look.
        timetable.start(place.clock.now());
        assert_ne!(worst(&place.read(), "schedule").0, Level::Problem);
    }
}
