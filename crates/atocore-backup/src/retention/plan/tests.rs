use proptest::prelude::*;

use super::*;
use crate::retention::KeepCounts;

/// A year of seconds before `NOW`, and an hour after it.
const SPAN: std::ops::Range<i64> = -366 * 86_400..3600;
const NOW: i64 = 1_795_410_000;

fn time(second: i64) -> Timestamp {
    Timestamp::new(jiff::Timestamp::from_second(second).unwrap())
}

fn facts(text: &str) -> SnapshotFacts {
    let taken_at = Timestamp::parse(text).unwrap();
    let stamp = SnapshotId::at(taken_at.get());
    SnapshotFacts {
        stamp,
        taken_at,
        store: None,
        generation: None,
        proven: None,
        pinned: false,
        undo_point: false,
        bytes: 1,
    }
}

fn only(rule: RetentionRule, number: u32) -> RetentionRules {
    let mut keep = KeepCounts { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    match rule {
        RetentionRule::Last => keep.last = number,
        RetentionRule::Hourly => keep.hourly = number,
        RetentionRule::Daily => keep.daily = number,
        RetentionRule::Weekly => keep.weekly = number,
        RetentionRule::Monthly => keep.monthly = number,
        RetentionRule::Yearly => keep.yearly = number,
    }
    RetentionRules::new(keep).unwrap()
}

/// One line per snapshot: its time, and why it is kept or, after a minus, why not.
fn told(snapshots: &[SnapshotFacts], policy: &RetentionRules, now: &str) -> Vec<String> {
    let line = |decision: &Decision| {
        let kept: Vec<_> = decision.kept.iter().map(ToString::to_string).collect();
        let not: Vec<_> = decision.passed_over.iter().map(ToString::to_string).collect();
        let why = if decision.removes() { format!("- {}", not.join(", ")) } else { kept.join(", ") };
        format!("{}: {why}", decision.facts.stamp)
    };
    decide(snapshots, policy, Timestamp::parse(now).unwrap()).iter().map(line).collect()
}

#[test]
fn the_newest_of_each_period_is_kept_and_periods_without_a_snapshot_do_not_count() {
    let snapshots = [
        facts("2026-11-23T23:00:00Z"),
        facts("2026-11-23T01:00:00Z"),
        // Nothing for a week.
        facts("2026-11-16T12:00:00Z"),
        facts("2026-11-15T12:00:00Z"),
        facts("2026-11-14T12:00:00Z"),
    ];
    let now = "2026-11-24T00:00:00Z";
    assert_eq!(
        told(&snapshots, &only(RetentionRule::Daily, 3), now),
        [
            "20261123T230000Z: newest, daily 2026-11-23",
            "20261123T010000Z: - daily 2026-11-23 is 20261123T230000Z",
            "20261116T120000Z: daily 2026-11-16",
            "20261115T120000Z: daily 2026-11-15",
            "20261114T120000Z: - older than the 3 kept by daily",
        ]
    );
    assert_eq!(
        told(&snapshots, &only(RetentionRule::Weekly, 2), now),
        [
            "20261123T230000Z: newest, weekly 2026-W48",
            "20261123T010000Z: - weekly 2026-W48 is 20261123T230000Z",
            "20261116T120000Z: weekly 2026-W47",
            "20261115T120000Z: - older than the 2 kept by weekly",
            "20261114T120000Z: - older than the 2 kept by weekly",
        ]
    );
    assert_eq!(
        told(&snapshots[..3], &only(RetentionRule::Last, 2), now),
        [
            "20261123T230000Z: newest, last 1",
            "20261123T010000Z: last 2",
            "20261116T120000Z: - older than the 2 kept by last",
        ]
    );
}

#[test]
fn protected_snapshots_are_kept_under_any_rules() {
    let mut snapshots: Vec<_> = (1..=9).map(|day| facts(&format!("2026-11-0{day}T12:00:00Z"))).collect();
    snapshots[7].proven = Some(Depth::Digests);
    snapshots[5].proven = Some(Depth::Content);
    snapshots[4].proven = Some(Depth::Content);
    snapshots[3].pinned = true;
    snapshots[2].undo_point = true;
    assert_eq!(
        told(&snapshots, &only(RetentionRule::Last, 1), "2026-11-08T12:00:00Z"),
        [
            "20261109T120000Z: taken in the future: a clock is wrong",
            "20261108T120000Z: newest, last 1",
            "20261107T120000Z: - older than the 1 kept by last",
            "20261106T120000Z: newest proven to `content`",
            "20261105T120000Z: - older than the 1 kept by last",
            "20261104T120000Z: pinned",
            "20261103T120000Z: undo point: the safety snapshot of the last restore",
            "20261102T120000Z: - older than the 1 kept by last",
            "20261101T120000Z: - older than the 1 kept by last",
        ]
    );
}

#[test]
fn snapshots_of_the_future_stand_for_nothing_else() {
    let mut future = facts("2030-01-01T00:00:00Z");
    future.proven = Some(Depth::Content);
    let mut present = facts("2026-11-23T12:00:00Z");
    present.proven = Some(Depth::Content);
    assert_eq!(
        told(&[future, present], &only(RetentionRule::Yearly, 1), "2026-11-23T12:00:00Z"),
        [
            "20300101T000000Z: taken in the future: a clock is wrong",
            "20261123T120000Z: newest, newest proven to `content`, yearly 2026",
        ]
    );
}

#[test]
fn the_newest_state_is_kept_under_any_clock() {
    let of = |text: &str, generation| SnapshotFacts { generation: Some(generation), ..facts(text) };
    let mut snapshots = [
        of("2026-03-27T12:00:00Z", 1),
        of("2026-03-28T12:00:00Z", 2),
        // The clock was put back before the next ones.
        of("1970-01-01T00:01:00Z", 3),
        of("1970-01-01T00:02:00Z", 4),
    ];
    let now = "2026-03-29T12:00:00Z";
    assert_eq!(
        told(&snapshots, &only(RetentionRule::Last, 1), now),
        [
            "20260328T120000Z: newest, last 1",
            "20260327T120000Z: - older than the 1 kept by last",
            "19700101T000200Z: newest by generation, last 1 by generation",
            "19700101T000100Z: - older than the 1 kept by last",
        ]
    );
    let kept = |policy| told(&snapshots, &policy, now).iter().filter(|line| !line.contains(": - ")).count();
    assert_eq!(kept(only(RetentionRule::Last, 2)), 4, "the last two states and the last two by the clock");
    assert_eq!(kept(only(RetentionRule::Daily, 1)), 2);
    snapshots[2].proven = Some(Depth::Content);
    snapshots[0].proven = Some(Depth::Content);
    assert_eq!(
        told(&snapshots, &only(RetentionRule::Daily, 1), now),
        [
            "20260328T120000Z: newest, daily 2026-03-28",
            "20260327T120000Z: newest proven to `content`",
            "19700101T000200Z: newest by generation",
            "19700101T000100Z: newest proven to `content`",
        ]
    );
    // After a restore the present state has the lower generation.
    let restored = [of("2026-03-27T12:00:00Z", 900), of("2026-03-28T12:00:00Z", 5)];
    assert!(told(&restored, &only(RetentionRule::Last, 1), now).iter().all(|line| !line.contains(": - ")));
}

#[test]
fn snapshots_of_one_store_never_stand_for_those_of_another() {
    let mine = facts("2026-11-23T12:00:00Z");
    let theirs = SnapshotFacts { store: Some("b".to_owned()), ..facts("2026-11-23T11:00:00Z") };
    let decisions = decide(&[mine, theirs], &only(RetentionRule::Daily, 1), time(NOW));
    assert!(decisions.iter().all(|decision| !decision.removes()), "{decisions:?}");
}

fn snapshots() -> impl Strategy<Value = Vec<SnapshotFacts>> {
    let depth = prop_oneof![
        Just(None),
        Just(Some(Depth::Structure)),
        Just(Some(Depth::Digests)),
        Just(Some(Depth::Content))
    ];
    let one = (0_u64..9, depth, prop::bool::weighted(0.1), prop::bool::weighted(0.05), 0_u8..2);
    prop::collection::btree_map(SPAN, one, 0..60).prop_map(|all| {
        let made =
            all.into_iter().map(|(second, (generation, proven, pinned, undo_point, store))| SnapshotFacts {
                stamp: SnapshotId::at(time(NOW + second).get()),
                taken_at: time(NOW + second),
                store: (store == 1).then(|| "b".to_owned()),
                generation: (generation > 0).then_some(generation),
                proven,
                pinned,
                undo_point,
                bytes: 1,
            });
        made.collect()
    })
}

fn keeps() -> impl Strategy<Value = KeepCounts> {
    [0_u32..4, 0_u32..6, 0_u32..8, 0_u32..5, 0_u32..7, 0_u32..3].prop_map(
        |[last, hourly, daily, weekly, monthly, yearly]| KeepCounts {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
        },
    )
}

/// A policy, or the default where the numbers are none.
fn policy(keep: KeepCounts) -> RetentionRules {
    RetentionRules::new(keep).unwrap_or_default()
}

fn kept(decisions: &[Decision]) -> Vec<SnapshotFacts> {
    decisions.iter().filter(|decision| !decision.removes()).map(|decision| decision.facts.clone()).collect()
}

proptest! {
    #[test]
    fn protected_snapshots_are_kept_by_every_policy(all in snapshots(), keep in keeps()) {
        let decisions = decide(&all, &policy(keep), time(NOW));
        prop_assert_eq!(decisions.len(), all.len());
        let kept = kept(&decisions);
        for facts in &all {
            let is_newest = |which: &dyn Fn(&SnapshotFacts) -> bool| {
                let of_store = all.iter().filter(|other| other.store == facts.store && which(other));
                of_store.max_by_key(|other| other.taken_at) == Some(facts)
            };
            let deep = |facts: &SnapshotFacts| facts.proven >= Some(Depth::Content);
            let precious = facts.pinned || facts.undo_point || facts.taken_at > time(NOW)
                || is_newest(&|_| true) || is_newest(&deep)
                || is_newest(&|facts| deep(facts) && facts.taken_at <= time(NOW));
            prop_assert!(!precious || kept.contains(facts), "{:?}", facts);
        }
    }

    #[test]
    fn a_larger_number_never_removes_more(all in snapshots(), keep in keeps(), more in keeps()) {
        let smaller = policy(keep);
        let keep = smaller.keep();
        let larger = policy(KeepCounts {
            last: keep.last + more.last,
            hourly: keep.hourly + more.hourly,
            daily: keep.daily + more.daily,
            weekly: keep.weekly + more.weekly,
            monthly: keep.monthly + more.monthly,
            yearly: keep.yearly + more.yearly,
        });
        let with_more = kept(&decide(&all, &larger, time(NOW)));
        for facts in kept(&decide(&all, &smaller, time(NOW))) {
            prop_assert!(with_more.contains(&facts), "{:?}", facts);
        }
    }

    #[test]
    fn a_second_run_removes_nothing_more(all in snapshots(), keep in keeps()) {
        let left = kept(&decide(&all, &policy(keep), time(NOW)));
        prop_assert_eq!(&kept(&decide(&left, &policy(keep), time(NOW))), &left);
    }

    #[test]
    fn the_order_in_which_they_are_found_does_not_matter(
        (sorted, shuffled) in snapshots().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        keep in keeps(),
    ) {
        prop_assert_eq!(decide(&sorted, &policy(keep), time(NOW)), decide(&shuffled, &policy(keep), time(NOW)));
    }

    #[test]
    fn a_removal_says_why_for_every_rule_that_is_on(all in snapshots(), keep in keeps()) {
        let policy = policy(keep);
        let on = RetentionRule::ALL.into_iter().filter(|rule| policy.keep().by(*rule) > 0).count();
        for decision in decide(&all, &policy, time(NOW)) {
            let expected = if decision.removes() { on } else { 0 };
            prop_assert_eq!(decision.passed_over.len(), expected, "{:?}", decision);
        }
    }
}
