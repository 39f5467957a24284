//! What fits a question too little to be shown, and what is said when nothing fits it well.

use atocore_model::{
    fit::Fit,
    query::{Hit, Notice},
};

/// Leaves out the hits that fit less than `floor`, and says when nothing fits well. Returns how many were left out. What is
/// left out makes no room for others: a higher floor never adds a hit.
pub(super) fn keep_fitting(hits: &mut Vec<Hit>, floor: Fit, notices: &mut Vec<Notice>) -> usize {
    let nearest = hits.iter().reduce(|nearest, hit| if hit.fit > nearest.fit { hit } else { nearest });
    let Some(nearest) = nearest else { return 0 };
    let (fit, place, project) = (nearest.fit, nearest.cited(), nearest.project.clone());
    let found = hits.len();
    hits.retain(|hit| hit.fit >= floor);
    if fit < Fit::WELL || hits.is_empty() {
        let floor = hits.is_empty().then_some(floor);
        notices.push(Notice::NothingFits { place, project, fit, floor });
    }
    found - hits.len()
}
