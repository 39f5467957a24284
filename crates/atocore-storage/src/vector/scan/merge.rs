//! Which segments of a project are written again as one.
//!
//! Afterwards each segment has at least twice as many vectors as the next: there are at most as many segments as the
//! logarithm of the number of vectors, and a vector is written again about as often.

use std::ops::Range;

/// The size of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentSize {
    /// All entries.
    pub(super) entries: usize,
    /// Those that are not gone.
    pub(super) live: usize,
}

/// Neighbours that become one segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SegmentGroup {
    pub(super) members: Range<usize>,
    live: usize,
    /// Whether it must be written; otherwise it is one segment that stays as it is.
    pub(super) is_rewritten: bool,
}

/// Groups the segments of a project, the oldest first. Segments without vectors should be left out before.
pub(super) fn plan(sizes: &[SegmentSize]) -> Vec<SegmentGroup> {
    let mut groups: Vec<SegmentGroup> = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        let is_rewritten = size.entries - size.live > size.entries / 4;
        let mut group = SegmentGroup { members: at..at + 1, live: size.live, is_rewritten };
        while let Some(before) = groups.pop_if(|before| before.live < 2 * group.live) {
            group = SegmentGroup {
                members: before.members.start..group.members.end,
                live: before.live + group.live,
                is_rewritten: true,
            };
        }
        groups.push(group);
    }
    groups
}

/// All segments of a project as one group: for those that are written for the first time.
///
/// They tend to be of one size. Grouped by [`plan`], the first vector that goes would make two large segments one.
pub(super) fn all_in_one(sizes: &[SegmentSize]) -> Vec<SegmentGroup> {
    let live = sizes.iter().map(|size| size.live).sum();
    vec![SegmentGroup { members: 0..sizes.len(), live, is_rewritten: sizes.len() > 1 }]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan_of(sizes: &[(usize, usize)]) -> Vec<(Range<usize>, bool)> {
        let sizes: Vec<_> =
            sizes.iter().map(|(entries, live)| SegmentSize { entries: *entries, live: *live }).collect();
        plan(&sizes).into_iter().map(|group| (group.members, group.is_rewritten)).collect()
    }

    #[test]
    fn a_small_addition_leaves_large_segments_alone() {
        assert_eq!(
            plan_of(&[(1000, 1000), (100, 90), (3, 3)]),
            [(0..1, false), (1..2, false), (2..3, false)]
        );
        assert_eq!(plan_of(&[(1000, 1000), (5, 5), (3, 3)]), [(0..1, false), (1..3, true)]);
        assert_eq!(plan_of(&[(1000, 1000), (400, 400), (201, 201)]), [(0..3, true)]);
    }

    #[test]
    fn a_segment_with_a_quarter_of_tombstones_is_rewritten() {
        assert_eq!(plan_of(&[(100, 75)]), [(0..1, false)]);
        assert_eq!(plan_of(&[(100, 74)]), [(0..1, true)]);
        assert_eq!(plan_of(&[(2, 1), (1, 1)]), [(0..2, true)]);
        assert_eq!(plan_of(&[]), []);
    }

    proptest! {
        #[test]
        fn each_is_at_least_twice_the_next(
            sizes in prop::collection::vec((1_usize..5000, 0_usize..5000), 0..20),
        ) {
            let sizes: Vec<_> = sizes.into_iter().map(|(live, gone)| SegmentSize { entries: live + gone, live }).collect();
            let groups = plan(&sizes);
            let mut next = 0;
            for group in &groups {
                prop_assert_eq!(group.members.start, next);
                next = group.members.end;
                let live: usize = sizes[group.members.clone()].iter().map(|size| size.live).sum();
                prop_assert_eq!(group.live, live);
                prop_assert!(group.is_rewritten || group.members.len() == 1);
            }
            prop_assert_eq!(next, sizes.len());
            prop_assert!(groups.windows(2).all(|pair| pair[0].live >= 2 * pair[1].live));
        }
    }
}
