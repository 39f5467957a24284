//! The context pack: facts and passages in order of trust, rendered into one text that is never longer than its budget.
//!
//! Project state comes first, then memories, then passages of documents. A tier takes at most its share of the budget;
//! what it does not take is left to those after it, and the last one may take all that is left. Nothing here reads a
//! store, a clock or a file: the same input gives the same bytes.

mod cautions;
mod delimiter;
mod facts;
mod frame;
mod merge;
mod meter;
mod passages;
mod prompt_words;
mod section;
#[cfg(test)]
mod tests;

use atocore_model::{
    digest::Digest,
    fact::{Memory, StateEntry},
    fit::Fit,
    id::{Generation, ProjectId},
    name::QueryText,
    pack::{Pack, PackNotice, PackRequest, Tier, TierUse, Unit},
    query::{Answer, Hit, Notice, ProjectHint, QueryRequest, TopK},
    ranking::Mode,
};

use crate::error::Error;
pub use cautions::{of as cautions_of, said_of as caution_said};
use facts::Choice;
use frame::Frame;
pub(crate) use meter::{Chars, Meter, Tokens};
use section::Section;

/// How much of a budget the facts may take. Both are between 0 and 1, and so is their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PackShares {
    /// The part for project state.
    pub state: f64,
    /// The part for memories.
    pub memories: f64,
}

impl Default for PackShares {
    fn default() -> Self {
        Self { state: 0.2, memories: 0.1 }
    }
}

impl PackShares {
    /// What a tier may take of a budget; passages have no share of their own.
    fn limit(self, tier: Tier, budget: usize) -> usize {
        let share = match tier {
            Tier::State => self.state,
            Tier::Memories => self.memories,
            Tier::Chunks => 1.0,
        };
        // A fifth of 3,000 is 600, whatever the last bit of a fifth is.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a budget is at most a million, a share between 0 and 1"
        )]
        let limit = (budget as f64 * share + 1e-6).floor() as usize;
        limit.min(budget)
    }
}

/// The facts that a pack is made of, as one transaction has read them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackFacts {
    pub(crate) state: Vec<StateEntry>,
    pub(crate) memories: Vec<Memory>,
}

/// All that a pack is made of.
#[derive(Debug)]
pub(crate) struct PackInput<'m> {
    pub(crate) request: &'m PackRequest,
    /// The project it is about.
    pub(crate) project: Option<&'m ProjectId>,
    pub(crate) facts: PackFacts,
    /// The passages that were found; `None` when none were looked for.
    pub(crate) answer: Option<Answer>,
    pub(crate) generation: Generation,
    pub(crate) store_generation: Generation,
    /// The id of the store, which makes the delimiter of a pack unpredictable.
    pub(crate) store_id: String,
}

/// How it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackOptions<'m> {
    pub(crate) shares: PackShares,
    /// The most characters that a passage repeats of the one before it.
    pub(crate) longest_overlap: usize,
    pub(crate) meter: &'m dyn Meter,
}

/// How long a short passage is, with what is rendered around it.
const CHARS_PER_PASSAGE: usize = 150;
/// How many passages are taken where none fits the prompt well.
const NEAREST: usize = 3;
/// Characters per token, about.
const CHARS_PER_TOKEN: usize = 4;

/// The question that finds the passages for a pack; `None` when none are wanted.
pub(crate) fn question(request: &PackRequest) -> Option<QueryRequest> {
    let asked = prompt_words::without_controls(request.prompt.as_str());
    let text = QueryText::beginning_of(&asked).filter(|_| request.tiers.has(Tier::Chunks))?;
    Some(QueryRequest {
        top_k: request.top_k.unwrap_or_else(|| enough(request)),
        project: request.project.clone(),
        conditions: request.conditions.clone(),
        path: request.path.clone(),
        passages: request.passages.clone(),
        alternatives: request.alternatives.clone(),
        hypothetical: request.hypothetical.clone(),
        mode: request.mode,
        min_fit: request.min_fit,
        wait_for: request.wait_for,
        ..QueryRequest::new(text)
    })
}

/// Some more passages than will fit.
fn enough(request: &PackRequest) -> TopK {
    let chars = match request.budget.unit() {
        Unit::Chars => request.budget.amount(),
        Unit::Tokens => request.budget.amount() * CHARS_PER_TOKEN,
    };
    let count = (chars / CHARS_PER_PASSAGE).clamp(TopK::DEFAULT.get(), TopK::LIMIT);
    TopK::new(count as u64).unwrap_or(TopK::DEFAULT)
}

/// Makes the pack.
pub(crate) fn assemble(input: PackInput<'_>, options: PackOptions<'_>) -> Result<Pack, Error> {
    let PackInput { request, project, facts, answer, generation, store_generation, store_id } = input;
    let meter = options.meter;
    let choice = Choice::new(request, project, facts);
    let (mut hits, mut little_fit, search, mode) = match answer {
        Some(answer) => (answer.hits, answer.left_out, answer.notices, Some(answer.mode)),
        None => (Vec::new(), 0, Vec::new(), None),
    };
    let is_unfit = search.iter().any(Notice::says_nothing_fits);
    if is_unfit && request.min_fit.is_none() {
        little_fit += keep_nearest(&mut hits, mode);
    }
    // The search keeps to a scope by itself. That another project must not be read is worth looking twice.
    if matches!(request.project, ProjectHint::Scope(_)) {
        hits.retain(|hit| Some(&hit.project) == project);
    }
    let frame =
        Frame { delimiter: delimiter::choose(&store_id, &texts(request, project, &choice, &hits)), project };
    let budget = request.budget.amount();
    let mut head = frame.head();
    let needed = meter.base() + meter.size(&head)?;
    let mut left = budget.saturating_sub(needed);
    let mut notices = Vec::new();
    if needed > budget {
        head.clear();
        notices.push(PackNotice::BudgetTooSmall);
    }
    let mut sections = Vec::new();
    for tier in Tier::ALL.iter().copied().filter(|tier| request.tiers.has(*tier)) {
        let share = if request.tiers.last() == tier { budget } else { options.shares.limit(tier, budget) };
        let limit = share.min(left);
        let section = match tier {
            Tier::State => facts::state(&choice, &frame, meter, limit)?,
            Tier::Memories => facts::memories(&choice, &frame, meter, limit)?,
            Tier::Chunks => passages::fill(&hits, is_unfit, &frame, options, limit)?,
        };
        left -= section.size(meter)?.min(left);
        sections.push(TierSection { tier, limit, section });
    }
    let (text, used) = shorten(budget, head, &mut sections, meter)?;
    for part in &sections {
        notices.extend(part.section.nothing.clone());
        if part.section.left_out > 0 {
            notices.push(PackNotice::LeftOut { tier: part.tier, count: part.section.left_out });
        }
        if part.section.copies > 0 {
            notices.push(PackNotice::NearDuplicates { tier: part.tier, count: part.section.copies });
        }
    }
    if little_fit > 0 {
        notices.push(PackNotice::LittleFit { count: little_fit });
    }
    let asked = prompt_words::without_controls(request.prompt.as_str());
    if request.tiers.has(Tier::Chunks) && asked.trim().chars().count() > QueryText::LIMIT {
        notices.push(PackNotice::PromptCut { searched: QueryText::LIMIT });
    }
    notices.extend(search.into_iter().map(PackNotice::Search));
    Ok(Pack {
        hash: Digest::from_bytes(*blake3::hash(text.as_bytes()).as_bytes()),
        used,
        text,
        mark: frame.delimiter,
        project: project.cloned(),
        budget: request.budget,
        tiers: sections.iter().map(|part| part.taken(meter)).collect::<Result<_, _>>()?,
        near_misses: sections.iter_mut().flat_map(|part| part.section.nearly.drain(..)).collect(),
        items: sections
            .into_iter()
            .flat_map(|part| part.section.items)
            .map(|rendered| rendered.item)
            .collect(),
        notices,
        generation,
        store_generation,
        mode,
    })
}

/// Leaves the hits that fit best, and at least a little as far as that is known without their meaning; returns how many
/// went.
fn keep_nearest(hits: &mut Vec<Hit>, mode: Option<Mode>) -> usize {
    let found = hits.len();
    if mode != Some(Mode::Lexical) {
        hits.retain(|hit| hit.fit >= Fit::NEAR);
    }
    let mut fits: Vec<Fit> = hits.iter().map(|hit| hit.fit).collect();
    fits.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(least) = fits.get(NEAREST - 1) {
        hits.retain(|hit| hit.fit >= *least);
        hits.truncate(NEAREST);
    }
    found - hits.len()
}

/// A tier and what became of it.
#[derive(Debug)]
struct TierSection {
    tier: Tier,
    limit: usize,
    section: Section,
}

impl TierSection {
    fn taken(&self, meter: &dyn Meter) -> Result<TierUse, Error> {
        Ok(TierUse {
            tier: self.tier,
            limit: self.limit,
            used: self.section.size(meter)?,
            chars: self.section.text().chars().count(),
            items: self.section.items.len(),
            left_out: self.section.left_out + self.section.copies,
        })
    }
}

/// The whole text, and what it takes. The pieces of a text can have fewer tokens than the text itself, so it is counted
/// once more, and what is trusted least goes first.
fn shorten(
    budget: usize,
    mut head: String,
    parts: &mut [TierSection],
    meter: &dyn Meter,
) -> Result<(String, usize), Error> {
    loop {
        let sections: String = parts.iter().map(|part| part.section.text()).collect();
        let text = [head.as_str(), &sections].concat();
        let used = meter.whole(&text)?;
        if used <= budget {
            return Ok((text, used));
        }
        match parts.iter_mut().rev().find(|part| !part.section.is_empty()) {
            Some(part) => part.section.drop_last(),
            None => head.clear(),
        }
    }
}

/// Every text that can come into the pack, and the prompt that goes with it.
fn texts<'t>(
    request: &'t PackRequest,
    project: Option<&'t ProjectId>,
    choice: &'t Choice,
    hits: &'t [Hit],
) -> Vec<&'t str> {
    let mut texts = vec![request.prompt.as_str()];
    texts.extend(project.map(ProjectId::as_str));
    for entry in &choice.state {
        texts.extend([entry.category.as_str(), entry.key.as_str(), entry.value.as_str()]);
    }
    texts.extend(choice.memories.iter().map(|memory| memory.content.as_str()));
    for hit in hits {
        texts.extend([
            hit.project.as_str(),
            hit.source_path.as_str(),
            &hit.title,
            hit.heading_path.as_str(),
            &hit.content,
        ]);
    }
    texts
}
