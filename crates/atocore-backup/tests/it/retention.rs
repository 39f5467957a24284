//! Retention: what is precious or not ours is never removed, and a removal leaves whole snapshots or none.

use std::{collections::BTreeSet, path::Path};

use atocore_backup::{
    BackupError, in_place,
    ledger::Ledger,
    retention::{self, KeepCounts, PrunePlan, Pruned, RetentionRules, SnapshotFacts, is_pinned, pin, unpin},
    snapshot_directory::SnapshotDirectory,
    take::TakenSnapshot,
    verify::prove,
};
use atocore_model::{
    id::SnapshotId,
    monitor::{Monitor, Progress, Silent},
    snapshot::Depth,
    time::{Clock, Timestamp},
};
use atocore_storage::layout::Layout;

use crate::{
    child,
    home::{Home, STAMP, copy_tree, tree, validate},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const NOTHING: KeepCounts = KeepCounts { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

fn last(number: u32) -> RetentionRules {
    RetentionRules::new(KeepCounts { last: number, ..NOTHING }).unwrap()
}

impl Home {
    /// Takes that many snapshots, a day apart; the oldest first.
    fn take_daily(&self, number: usize) -> Vec<TakenSnapshot> {
        let one = |_| {
            self.clock.add_seconds(DAY);
            self.take()
        };
        (0..number).map(one).collect()
    }

    fn plan(&self, policy: RetentionRules) -> PrunePlan {
        retention::plan(&self.directory, &self.layout, &policy, self.clock.now(), &Silent).unwrap()
    }

    fn prune(&self, policy: RetentionRules) -> Pruned {
        retention::prune(&self.directory, &self.layout, &policy, self.clock.now(), &Silent).unwrap()
    }

    /// Writes down that a snapshot is proven.
    fn proves(&self, id: SnapshotId) {
        let validation = self.validate(id, Depth::Content);
        assert!(validation.valid());
        Ledger::of(&self.directory).record(id, &validation, std::time::Duration::ZERO).unwrap();
    }

    fn listed(&self) -> Vec<SnapshotId> {
        self.directory.stamps().unwrap()
    }

    fn remembers_undo_point(&self, id: SnapshotId) {
        let text = format!(
            r#"{{"format": 1, "stamp": "{STAMP}", "safety": "{id}", "at": "2026-04-06T18:42:19.000000+00:00"}}"#
        );
        std::fs::create_dir_all(self.layout.restores()).unwrap();
        std::fs::write(self.layout.restores().join("last.json"), text).unwrap();
        assert_eq!(in_place::last(&self.layout).unwrap().unwrap().safety, Some(id));
    }
}

fn ids(taken: &[TakenSnapshot]) -> Vec<SnapshotId> {
    taken.iter().map(|taken| taken.id).collect()
}

#[test]
fn a_plan_changes_nothing_and_the_removal_does_what_it_says() {
    let home = Home::new();
    let taken = ids(&home.take_daily(12));
    home.clock.add_seconds(HOUR);
    let before = tree(home.root.path());
    let plan = home.plan(RetentionRules::default());
    assert_eq!(tree(home.root.path()), before);
    let planned: Vec<_> = plan
        .decisions
        .iter()
        .filter(|decision| decision.removes())
        .map(|decision| decision.facts.stamp)
        .collect();
    // Seven days reach back to the newest of the week before, and there is one month.
    assert_eq!(planned, [taken[4], taken[3], taken[2], taken[1], taken[0]]);
    let pruned = home.prune(RetentionRules::default());
    assert_eq!((pruned.plan, pruned.removed.clone(), pruned.failed), (plan, planned.clone(), Vec::new()));
    let expected: Vec<_> = taken.into_iter().filter(|id| !planned.contains(id)).collect();
    assert_eq!(home.listed(), expected);
    let size = |home: &Home| tree(home.root.path()).values().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(before.values().map(Vec::len).sum::<usize>() as u64 - size(&home), pruned.freed_bytes);
    assert_eq!(home.leftovers(), [""; 0]);
    for id in expected {
        assert!(home.validate(id, Depth::Content).valid());
    }
    assert!(home.prune(RetentionRules::default()).removed.is_empty());
}

#[test]
fn the_newest_proven_the_pinned_and_the_undo_point_outlive_every_policy() {
    let home = Home::new();
    let taken = ids(&home.take_daily(8));
    for proven in [2, 4] {
        home.proves(taken[proven]);
    }
    pin(&home.directory, taken[1], "the day before the move").unwrap();
    home.remembers_undo_point(taken[3]);
    let pruned = home.prune(last(1));
    assert_eq!(home.listed(), [taken[1], taken[3], taken[4], taken[7]]);
    assert_eq!(pruned.removed, [taken[6], taken[5], taken[2], taken[0]]);
    let ledger = Ledger::of(&home.directory);
    assert!(ledger.file(taken[4]).exists() && !ledger.file(taken[2]).exists());
    // A later restore makes another undo point, and the pin is taken off.
    home.remembers_undo_point(taken[7]);
    assert!(unpin(&home.directory, taken[1]).unwrap());
    assert!(!unpin(&home.directory, taken[1]).unwrap());
    let _pruned = home.prune(last(1));
    assert_eq!(home.listed(), [taken[4], taken[7]]);
}

#[test]
fn an_undo_point_that_cannot_be_read_stops_the_removal() {
    let home = Home::new();
    let _taken = home.take_daily(3);
    std::fs::create_dir_all(home.layout.restores()).unwrap();
    std::fs::write(home.layout.restores().join("last.json"), "{").unwrap();
    let error =
        retention::prune(&home.directory, &home.layout, &last(1), home.clock.now(), &Silent).unwrap_err();
    assert!(matches!(error, BackupError::JournalUnreadable { .. }), "{error}");
    assert_eq!(home.listed().len(), 3);
}

#[test]
fn pins_are_of_snapshots_that_are_there_and_can_be_made_by_hand() {
    let home = Home::new();
    let unknown = STAMP.parse().unwrap();
    assert!(matches!(pin(&home.directory, unknown, ""), Err(BackupError::Unknown(id)) if id == unknown));
    let taken = ids(&home.take_daily(3));
    pin(&home.directory, taken[0], "one").unwrap();
    pin(&home.directory, taken[0], "two").unwrap();
    let file = |id: SnapshotId| home.directory.dir().join("pins").join(id.to_string());
    assert_eq!(std::fs::read_to_string(file(taken[0])).unwrap(), "two");
    std::fs::write(file(taken[1]), "").unwrap();
    assert!(is_pinned(&home.directory, taken[1]).unwrap());
    assert!(home.prune(last(1)).removed.is_empty());

    // On a disk that is not mounted, or something else altogether: which are pinned is not known.
    let pins = home.directory.dir().join("pins");
    std::fs::remove_dir_all(&pins).unwrap();
    let link = || std::os::unix::fs::symlink("nowhere", &pins).unwrap();
    let file = || std::fs::write(&pins, "").unwrap();
    for obstacle in [&link as &dyn Fn(), &file] {
        obstacle();
        assert!(is_pinned(&home.directory, taken[0]).is_err());
        std::fs::remove_file(&pins).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn entries_that_are_not_our_snapshots_are_kept_and_listed() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    let taken = home.take_daily(12);
    let snapshots = home.directory.snapshots();
    std::fs::write(snapshots.join("notes.txt"), "x").unwrap();
    std::fs::create_dir(snapshots.join("old")).unwrap();
    std::fs::create_dir(snapshots.join("20260101T000000Z")).unwrap();
    copy_tree(&taken[0].path, &snapshots.join("20260103T000000Z"));
    std::fs::write(taken[1].path.join("backup-metadata.json"), "{").unwrap();
    std::fs::write(taken[2].path.join("backup-metadata.json"), "{}").unwrap();
    let metadata = std::fs::read_to_string(taken[3].path.join("backup-metadata.json")).unwrap();
    let newer = metadata.replace(r#""format_version": 1"#, r#""format_version": 9"#);
    std::fs::write(taken[3].path.join("backup-metadata.json"), newer).unwrap();
    let other = metadata.replace("The vector store", "the vector store").replace("A copy", "a copy");
    std::fs::write(taken[4].path.join("backup-metadata.json"), other).unwrap();
    std::fs::remove_file(taken[5].path.join("config/project-registry.json")).unwrap();
    std::fs::write(taken[6].path.join("chroma/6f1c/header.bin"), "more").unwrap();
    std::fs::write(taken[7].path.join("remember.txt"), "to buy milk").unwrap();
    symlink(snapshots.join("notes.txt"), taken[8].path.join("chroma/link")).unwrap();
    std::fs::write(taken[9].path.join("db/atocore.db"), vec![0; taken[9].manifest.db_size_bytes as usize])
        .unwrap();
    let damage = home.validate(taken[9].id, Depth::Digests);
    Ledger::of(&home.directory).record(taken[9].id, &damage, std::time::Duration::ZERO).unwrap();

    let before = tree(home.directory.dir());
    let link = snapshots.join("20260102T000000Z");
    symlink(&taken[11].path, &link).unwrap();
    let pruned = home.prune(last(1));
    std::fs::remove_file(&link).unwrap();
    let expected = [
        ("20260101T000000Z", "it has no `backup-metadata.json`"),
        ("20260102T000000Z", "it is a symbolic link"),
        ("20260103T000000Z", "its metadata is that of another snapshot, taken at "),
        (&taken[1].id.to_string(), "its metadata is not JSON: "),
        (&taken[2].id.to_string(), "its metadata does not say when it was taken"),
        (&taken[3].id.to_string(), "its metadata cannot be read: format_newer"),
        (&taken[4].id.to_string(), "it is damaged: its metadata is not what was written"),
        (&taken[5].id.to_string(), "it is damaged: `config/project-registry.json` is missing"),
        (&taken[6].id.to_string(), "it is damaged: `chroma/6f1c/header.bin` has 4 bytes, 0 are recorded"),
        (&taken[7].id.to_string(), "it holds `remember.txt`, which is not part of the snapshot"),
        (&taken[8].id.to_string(), "it holds `chroma/link`, which is a symbolic link"),
        (&taken[9].id.to_string(), "it is damaged, as its validation of "),
        ("notes.txt", "its name is not a stamp"),
        ("old", "its name is not a stamp"),
    ];
    let untouched = &pruned.plan.untouched;
    for (found, (name, why)) in untouched.iter().zip(expected) {
        assert_eq!(found.name, name, "{found:?}");
        assert!(found.why.starts_with(why), "{found:?}");
    }
    assert_eq!(untouched.len(), expected.len(), "{untouched:?}");
    assert_eq!(pruned.removed, [taken[10].id, taken[0].id]);
    let after = tree(home.directory.dir());
    for (path, bytes) in before {
        let is_removed = pruned.removed.iter().any(|id| path.contains(&format!("snapshots/{id}")));
        assert_eq!(after.get(&path), (!is_removed).then_some(&bytes), "{path}");
    }
}

#[test]
fn a_snapshot_of_the_original_is_removed_like_ours_and_stands_for_no_store() {
    let home = Home::new();
    let taken = home.take_daily(3);
    for taken in &taken[..2] {
        let path = taken.path.join("backup-metadata.json");
        let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let _ours = value.as_object_mut().unwrap().remove("atocore");
        std::fs::write(&path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    }
    // At a depth at which those of the original cannot be proven; that is no damage.
    let validation = home.validate(taken[0].id, Depth::Digests);
    Ledger::of(&home.directory).record(taken[0].id, &validation, std::time::Duration::ZERO).unwrap();
    let pruned = home.prune(last(1));
    assert_eq!(pruned.removed, [taken[0].id], "{pruned:?}");
    assert_eq!(home.listed(), [taken[1].id, taken[2].id]);
}

#[test]
fn after_the_clock_jumped_back_the_snapshots_of_the_future_stay() {
    let home = Home::new();
    let taken = ids(&home.take_daily(4));
    home.clock.add_seconds(-2 * DAY + HOUR);
    let pruned = home.prune(last(1));
    assert_eq!(pruned.removed, [taken[0]]);
    assert_eq!(home.listed(), taken[1..]);
}

#[test]
fn a_snapshot_that_is_being_restored_stays_and_goes_afterwards() {
    let home = Home::new();
    let taken = ids(&home.take_daily(3));
    let held = prove(&home.directory, taken[0], &*home.clock, &Silent).unwrap();
    let pruned = home.prune(last(1));
    assert_eq!(pruned.removed, [taken[1]]);
    assert_eq!(pruned.failed.len(), 1);
    assert!(pruned.failed[0].still_listed && pruned.failed[0].why.contains("in use"), "{pruned:?}");
    assert!(home.validate(taken[0], Depth::Content).valid());
    drop(held);
    assert_eq!(home.prune(last(1)).removed, [taken[0]]);
    assert_eq!(home.leftovers(), [""; 0]);
}

/// Does something at the n-th time it is asked whether to go on.
struct At<F: Fn()> {
    at: usize,
    asked: std::sync::atomic::AtomicUsize,
    then: F,
}

impl<F: Fn()> At<F> {
    fn call(at: usize, then: F) -> Self {
        Self { at, asked: 0.into(), then }
    }
}

impl<F: Fn()> std::fmt::Debug for At<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("At")
    }
}

impl<F: Fn() + Send + Sync> Monitor for At<F> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        if self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == self.at {
            (self.then)();
        }
        false
    }
}

/// What somebody else does meanwhile.
type Change = fn(&Home, &[SnapshotId]);

#[test]
fn what_changes_between_the_decision_and_the_removal_counts() {
    // Asked once for every snapshot while it plans, and once before every removal.
    let after_plan = 4;
    let changes: [(&str, Change); 4] = [
        ("pinned", |home, taken| pin(&home.directory, taken[1], "").unwrap()),
        ("undo point", |home, taken| home.remembers_undo_point(taken[1])),
        ("proven", |home, taken| home.proves(taken[1])),
        ("the newer proof is gone", |home, taken| Ledger::of(&home.directory).forget(taken[2]).unwrap()),
    ];
    for (name, change) in changes {
        let home = Home::new();
        let taken = ids(&home.take_daily(4));
        if name.contains("newer") {
            home.proves(taken[1]);
            home.proves(taken[2]);
        }
        let monitor = At::call(after_plan, || change(&home, &taken));
        let pruned =
            retention::prune(&home.directory, &home.layout, &last(1), home.clock.now(), &monitor).unwrap();
        assert!(pruned.failed.iter().any(|failed| failed.stamp == taken[1] && failed.still_listed), "{name}");
        assert!(home.listed().contains(&taken[1]), "{name}: {pruned:?}");
        assert!(pruned.removed.contains(&taken[0]), "{name}: the rest goes on");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_snapshot_is_named_and_the_rest_goes_on() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let taken = home.take_daily(4);
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&taken[0].path, 0o555);
    mode(&taken[1].path.join("db"), 0o555);
    let pruned = home.prune(last(1));
    mode(&taken[0].path, 0o755);
    mode(&taken[1].path.join("db"), 0o755);
    assert_eq!(pruned.removed, [taken[2].id]);
    let why: Vec<_> = pruned.failed.iter().map(|failed| failed.why.as_str()).collect();
    assert!(why[0].starts_with("`db` in it is read-only") && why[1].starts_with("its folder is read-only"));
    for id in [taken[0].id, taken[1].id, taken[3].id] {
        assert!(home.validate(id, Depth::Content).valid());
    }
}

#[test]
fn a_missing_snapshot_directory_is_empty_and_a_removal_can_be_cancelled() {
    let home = Home::new();
    assert!(home.plan(last(1)).decisions.is_empty());
    assert!(home.prune(last(1)).removed.is_empty());
    assert!(!home.directory.dir().exists(), "a look makes nothing");
    let _taken = home.take_daily(3);
    let never = crate::crash::CancelAt::call(usize::MAX);
    let now = home.clock.now();
    let _plan = retention::plan(&home.directory, &home.layout, &last(1), now, &never).unwrap();
    let cancel = crate::crash::CancelAt::call(0);
    let error = retention::prune(&home.directory, &home.layout, &last(1), now, &cancel).unwrap_err();
    assert!(matches!(error, BackupError::Cancelled));
    // Cancelled after the plan, nothing more is removed, and it says so.
    let late = crate::crash::CancelAt::call(never.asked());
    let pruned = retention::prune(&home.directory, &home.layout, &last(1), now, &late).unwrap();
    assert!(pruned.removed.is_empty() && pruned.failed.len() == 2, "{pruned:?}");
    assert_eq!(home.listed().len(), 3);
}

/// How many snapshots lie there when a killed removal begins, and how many of them it keeps.
const ALL: usize = 24;
const KEPT: u32 = 4;
/// How often the removal is killed.
const KILLS: usize = 12;

#[test]
fn a_prune_killed_at_any_instant_leaves_complete_snapshots_and_is_finished_by_the_next() {
    if let Some(root) = child::folder() {
        let (directory, layout) = (SnapshotDirectory::new(&root.join("backups")), Layout::in_home(&root));
        let now = Timestamp::parse("2026-12-31T00:00:00Z").unwrap();
        let _pruned = retention::prune(&directory, &layout, &last(KEPT), now, &Silent).unwrap();
        return;
    }
    let home = Home::new();
    let taken = ids(&home.take_daily(ALL));
    let kept: BTreeSet<_> = taken[ALL - KEPT as usize..].iter().copied().collect();
    let (mut killed_within, mut with_leftovers) = (0, 0);
    for round in 0..KILLS {
        let copy = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(&copy.path().join("backups"));
        copy_tree(&home.directory.snapshots(), &directory.snapshots());
        let name =
            "retention::a_prune_killed_at_any_instant_leaves_complete_snapshots_and_is_finished_by_the_next";
        let mut child = child::of(name, copy.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere after that many have gone; the rest of the chance is in the scheduling.
        let left = ALL - round * (ALL - KEPT as usize) / KILLS;
        while directory.stamps().unwrap().len() >= left.max(KEPT as usize + 1)
            && child.try_wait().unwrap().is_none()
        {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        let _status = child.wait().unwrap();

        let listed: BTreeSet<_> = directory.stamps().unwrap().into_iter().collect();
        killed_within += usize::from(listed.len() > KEPT as usize && listed.len() < ALL);
        assert!(listed.is_superset(&kept), "{listed:?}");
        for id in &listed {
            assert!(validate(&directory, *id, Depth::Digests).valid(), "{id}");
        }
        let leftovers =
            || tree(directory.dir()).into_keys().filter(|path| path.starts_with(".partial/")).count();
        with_leftovers += usize::from(leftovers() > 0);
        let now = Timestamp::parse("2026-12-31T00:00:00Z").unwrap();
        let layout = Layout::in_home(copy.path());
        let pruned = retention::prune(&directory, &layout, &last(KEPT), now, &Silent).unwrap();
        assert_eq!(pruned.removed.len(), listed.len() - KEPT as usize);
        assert_eq!(directory.stamps().unwrap().into_iter().collect::<BTreeSet<_>>(), kept);
        assert_eq!(leftovers(), 0);
    }
    println!("{KILLS} kills, {killed_within} half-way, {with_leftovers} with something to clear");
    assert!(killed_within > 0, "no removal was killed half-way");
}

#[test]
fn two_removals_at_once_remove_each_snapshot_once() {
    let home = Home::new();
    let taken = ids(&home.take_daily(10));
    let run = || home.prune(last(2)).removed;
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(run);
        (run(), other.join().unwrap())
    });
    let mut removed = [first, second].concat();
    removed.sort();
    assert_eq!(removed, taken[..8]);
    assert_eq!(home.listed(), taken[8..]);
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn facts_are_those_of_the_recovery_point() {
    let home = Home::new();
    let taken = &home.take_daily(1)[0];
    let second = home.take();
    home.proves(second.id);
    let found: Vec<SnapshotFacts> =
        home.plan(last(5)).decisions.into_iter().map(|decision| decision.facts).collect();
    let store = taken.manifest.atocore.as_ref().map(|record| record.store_id.clone());
    assert_eq!([found[0].stamp, found[1].stamp], [second.id, taken.id]);
    assert_eq!([found[0].proven, found[1].proven], [Some(Depth::Content), None]);
    // The second one has a stamp of the next second, and is not of the future because of it.
    assert!(found.iter().all(|facts| facts.taken_at == home.clock.now() && facts.store == store));
}
