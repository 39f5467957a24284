//! The figures of merit of one ranking, with the conventions of `trec_eval`: the grade itself is the gain, and the
//! gain of rank r counts 1 / log2(r + 1).
//!
//! Source: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.

/// The rank down to which nDCG and the reciprocal rank look.
pub const DEPTH: usize = 10;

/// A ranking that somebody has judged.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'g> {
    /// The grade at each rank, best rank first; 0 for what is no answer.
    pub ranking: &'g [f64],
    /// The grades of everything that is an answer, found or not, in any order; each above 0.
    pub answers: &'g [f64],
}

impl Judged<'_> {
    /// Discounted gain down to `depth`, as a part of what the best possible ranking has: 0 to 1, and 0 when nothing
    /// is an answer.
    #[must_use]
    pub fn ndcg(&self, depth: usize) -> f64 {
        let mut ideal = self.answers.to_vec();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let best = gain(&ideal, depth);
        if best > 0.0 { gain(self.ranking, depth) / best } else { 0.0 }
    }

    /// The part of all answers that is found down to `depth`: 0 to 1, and 0 when nothing is an answer.
    #[must_use]
    pub fn recall(&self, depth: usize) -> f64 {
        let found = self.ranking.iter().take(depth).filter(|grade| **grade > 0.0).count();
        if self.answers.is_empty() { 0.0 } else { found as f64 / self.answers.len() as f64 }
    }

    /// 1 / the rank of the first answer; 0 when there is none down to `depth`.
    #[must_use]
    pub fn reciprocal_rank(&self, depth: usize) -> f64 {
        let first = self.ranking.iter().take(depth).position(|grade| *grade > 0.0);
        first.map_or(0.0, |index| 1.0 / (index + 1) as f64)
    }
}

/// Discounted cumulative gain.
fn gain(grades: &[f64], depth: usize) -> f64 {
    let discounted = |(index, grade): (usize, &f64)| grade / ((index + 2) as f64).log2();
    grades.iter().take(depth).enumerate().map(discounted).sum()
}

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn a_ranking_worked_out_by_hand() {
        // Grades 3, 0, 2 are shown; an answer of grade 1 is missing.
        let judged = Judged { ranking: &[3.0, 0.0, 2.0], answers: &[1.0, 3.0, 2.0] };
        let dcg = 3.0 + 2.0 / 2.0;
        let ideal = 3.0 + 2.0 / 3_f64.log2() + 1.0 / 2.0;
        assert!(close(judged.ndcg(10), dcg / ideal));
        assert!(close(judged.ndcg(1), 1.0), "the best answer stands first");
        assert!(close(judged.recall(10), 2.0 / 3.0) && close(judged.recall(2), 1.0 / 3.0));
        assert!(close(judged.reciprocal_rank(10), 1.0));
    }

    #[test]
    fn the_first_answer_counts_down_to_the_depth() {
        let judged = Judged { ranking: &[0.0, 0.0, 0.0, 1.0], answers: &[1.0] };
        assert!(close(judged.reciprocal_rank(10), 0.25) && close(judged.reciprocal_rank(3), 0.0));
        assert!(close(judged.ndcg(10), 1.0 / 5_f64.log2()) && close(judged.ndcg(3), 0.0));
    }

    #[test]
    fn nothing_to_find_is_nothing_found() {
        let judged = Judged { ranking: &[0.0], answers: &[] };
        assert_eq!([judged.ndcg(10), judged.recall(10), judged.reciprocal_rank(10)], [0.0; 3]);
        assert_eq!((mean([]), mean([1.0, 2.0])), (None, Some(1.5)));
    }

    proptest! {
        #[test]
        fn every_order_of_the_answers_is_between_nothing_and_the_best(
            mut grades in prop::collection::vec(1_u8..5, 1..15),
            order in any::<u64>(),
            depth in 1_usize..12,
        ) {
            let mut ranking: Vec<f64> = grades.iter().map(|grade| f64::from(*grade)).collect();
            let answers = ranking.clone();
            let turn = order as usize % ranking.len();
            ranking.rotate_left(turn);
            let judged = Judged { ranking: &ranking, answers: &answers };
            prop_assert!((0.0..=1.0 + 1e-12).contains(&judged.ndcg(depth)));
            grades.sort_unstable_by(|a, b| b.cmp(a));
            let best: Vec<f64> = grades.iter().map(|grade| f64::from(*grade)).collect();
            let best = Judged { ranking: &best, answers: &answers };
            prop_assert!((best.ndcg(depth) - 1.0).abs() < 1e-12);
        }
    }
}
