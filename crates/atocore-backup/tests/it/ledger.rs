//! A verdict counts for the snapshot it was made of, until a later one contradicts it, and never beyond.

use std::{collections::BTreeMap, time::Duration};

use atocore_backup::{
    ledger::{Ledger, VerifiedDepth},
    verify::Validation,
};
use atocore_model::{
    id::SnapshotId,
    snapshot::Depth,
    time::{Clock, Timestamp},
};

use crate::home::{Home, copy_tree};

const TOOK: Duration = Duration::from_millis(7);

fn record(home: &Home, id: SnapshotId, depth: Depth) -> Validation {
    let validation = home.validate(id, depth);
    Ledger::of(&home.directory).record(id, &validation, TOOK).unwrap();
    validation
}

fn proven_to_each(home: &Home) -> BTreeMap<Depth, (SnapshotId, VerifiedDepth)> {
    let newest_first = home.directory.newest_first(home.clock.now()).unwrap();
    Ledger::of(&home.directory).newest_proven_to_each(&newest_first)
}

fn depth(home: &Home, id: SnapshotId) -> Option<Depth> {
    Ledger::of(&home.directory).proven(id).map(|proven| proven.depth)
}

#[test]
fn what_was_proven_stays_proven_until_a_later_verdict_contradicts_it() {
    let home = Home::new();
    let taken = home.take();
    assert_eq!(depth(&home, taken.id), None, "nobody has looked");
    let validation = record(&home, taken.id, Depth::Content);
    let proven = VerifiedDepth { depth: Depth::Content, at: validation.verified_at };
    assert_eq!(Ledger::of(&home.directory).proven(taken.id), Some(proven));
    let _shallow = record(&home, taken.id, Depth::Structure);
    assert_eq!(depth(&home, taken.id), Some(Depth::Content), "a shallower look takes nothing away");

    let registry = taken.path.join("config/project-registry.json");
    let whole = std::fs::read(&registry).unwrap();
    std::fs::write(&registry, b"{}").unwrap();
    assert!(!record(&home, taken.id, Depth::Content).valid());
    assert_eq!(depth(&home, taken.id), Some(Depth::Structure), "the digests do not hold any more");
    let standing = Ledger::of(&home.directory).verdicts(taken.id);
    let bad = standing.verdicts.iter().find(|verdict| !verdict.valid).unwrap();
    assert_eq!((bad.depth, bad.duration_ms, standing.problem.as_deref()), (Depth::Digests, 7, None));
    assert!(bad.errors.iter().any(|error| error.contains("config/project-registry.json")), "{bad:?}");

    std::fs::write(&registry, whole).unwrap();
    let _good = record(&home, taken.id, Depth::Structure);
    assert_eq!(depth(&home, taken.id), Some(Depth::Structure), "a shallower look gives nothing back");
    let _good = record(&home, taken.id, Depth::Digests);
    assert_eq!(depth(&home, taken.id), Some(Depth::Digests));
    let _good = record(&home, taken.id, Depth::Content);
    assert_eq!(depth(&home, taken.id), Some(Depth::Content));
}

#[test]
fn the_order_of_the_verdicts_counts_and_not_the_clock() {
    let home = Home::new();
    let taken = home.take();
    let mut good = home.validate(taken.id, Depth::Content);
    let mut bad = good.clone();
    bad.depth_reached = None;
    good.verified_at = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    bad.verified_at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let ledger = Ledger::of(&home.directory);
    ledger.record(taken.id, &good, TOOK).unwrap();
    ledger.record(taken.id, &bad, TOOK).unwrap();
    assert_eq!(ledger.proven(taken.id), None);
}

#[test]
fn a_snapshot_that_was_swapped_for_another_is_unproven() {
    let home = Home::new();
    let first = home.take();
    let _more = home.put("d.md", &["seven"]);
    let second = home.take();
    let _good = record(&home, first.id, Depth::Content);
    std::fs::remove_dir_all(&first.path).unwrap();
    copy_tree(&second.path, &first.path);
    assert_eq!(depth(&home, first.id), None, "the verdict was about another one");
    let _good = record(&home, first.id, Depth::Structure);
    assert_eq!(depth(&home, first.id), Some(Depth::Structure), "the old verdict is not mixed with the new");
    std::fs::remove_dir_all(&first.path).unwrap();
    assert_eq!(depth(&home, first.id), None, "it is gone");
}

#[test]
fn a_damaged_ledger_proves_nothing_and_is_written_anew() {
    let home = Home::new();
    let taken = home.take();
    let _good = record(&home, taken.id, Depth::Content);
    let ledger = Ledger::of(&home.directory);
    let file = ledger.file(taken.id);
    let whole = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
    let other = taken.id.next().to_string();
    let damages = [
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        whole.replace("\"content\"", "\"everything\""),
        whole.replace(&taken.id.to_string(), &other),
        whole.replace("\"format_version\": 1", "\"format_version\": 2"),
        "[".repeat(100_000),
        " ".repeat(2 << 20),
    ];
    for damaged in damages {
        assert_ne!(damaged, whole);
        std::fs::write(&file, damaged).unwrap();
        assert_eq!(ledger.proven(taken.id), None);
        assert!(ledger.verdicts(taken.id).problem.is_some());
        assert!(proven_to_each(&home).is_empty());
        assert_eq!(home.directory.list().unwrap().len(), 1);
    }
    let _good = record(&home, taken.id, Depth::Digests);
    assert_eq!(depth(&home, taken.id), Some(Depth::Digests));
    std::fs::remove_file(&file).unwrap();
    assert_eq!((ledger.proven(taken.id), ledger.verdicts(taken.id).problem), (None, None));
}

#[test]
fn what_a_wrong_clock_left_is_the_newest_only_when_there_is_no_other() {
    let home = Home::new();
    home.clock.add_seconds(400 * 86_400);
    let future = home.take();
    home.clock.add_seconds(-400 * 86_400);
    let now = || home.clock.now();
    assert_eq!(home.directory.newest_first(now()).unwrap(), [future.id]);
    let [one, two] = [home.take(), home.take()];
    assert_eq!(home.directory.newest_first(now()).unwrap(), [two.id, one.id, future.id]);
    for stamp in [future.id, one.id] {
        let _good = record(&home, stamp, Depth::Content);
    }
    let newest = proven_to_each(&home);
    assert_eq!(newest.get(&Depth::Content).map(|(id, _)| *id), Some(one.id));
    home.clock.add_seconds(401 * 86_400);
    assert_eq!(home.directory.newest_first(now()).unwrap(), [future.id, two.id, one.id]);
}

#[test]
fn the_newest_proven_one_is_named_for_every_depth() {
    let home = Home::new();
    let [old, middle, new] = [home.take(), home.take(), home.take()];
    let ledger = Ledger::of(&home.directory);
    assert!(proven_to_each(&home).is_empty());
    let _good = record(&home, old.id, Depth::Content);
    let _good = record(&home, middle.id, Depth::Digests);
    std::fs::remove_file(new.path.join("db/atocore.db")).unwrap();
    let _bad = record(&home, new.id, Depth::Content);
    let newest = |depth| proven_to_each(&home).get(&depth).map(|(id, _)| *id);
    assert_eq!(newest(Depth::Structure), Some(middle.id));
    assert_eq!(newest(Depth::Digests), Some(middle.id));
    assert_eq!(newest(Depth::Content), Some(old.id));
    let overview = ledger.overview(&home.directory.newest_first(home.clock.now()).unwrap());
    assert_eq!(overview.newest, proven_to_each(&home));
    assert_eq!(overview.failing, 1);
    assert!(overview.last.is_some());
    ledger.forget(old.id).unwrap();
    ledger.forget(old.id).unwrap();
    assert_eq!(newest(Depth::Content), None);
}

#[test]
fn a_snapshot_that_is_not_there_leaves_no_trace_in_the_ledger() {
    let home = Home::empty();
    let id: SnapshotId = crate::home::STAMP.parse().unwrap();
    assert!(!record(&home, id, Depth::Content).exists);
    assert!(!home.directory.dir().exists());
}
