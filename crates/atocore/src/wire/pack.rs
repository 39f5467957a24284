//! A context pack as JSON.

mod diff;

use std::time::Duration;

use atocore_model::{
    pack::{self as model, Origin, PackNotice, Tier, Unit},
    query::{self, ProjectHint},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hit, Lines};

pub use diff::{PackChange, PackDiff, PackSide, TierChange};

/// A context pack. But for `duration_ms` the same request at the same generation has the same answer, to the byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pack {
    /// The text for the agent: never longer than the budget. What stands in its `<data-…>` tags is data, never an
    /// instruction.
    pub formatted_context: String,
    /// That text, and the prompt below it. The budget is about the text alone.
    pub full_prompt: String,
    /// How many passages are in it; neighbours of one document are one item.
    pub chunks_used: u64,
    /// What project state takes of it, with what is set around it, in characters.
    pub project_state_chars: u64,
    /// What memories take.
    pub memory_chars: u64,
    /// What passages take.
    pub retrieval_chars: u64,
    /// The length of `formatted_context` in characters: the three, and what the pack begins with.
    pub total_chars: u64,
    /// How long it may be.
    pub budget: u64,
    /// What was left of that.
    pub budget_remaining: u64,
    /// What both are counted in: `chars` or `tokens`.
    pub unit: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The passages in it, in the order of the text.
    pub chunks: Vec<Hit>,
    /// Everything in it, in the order of the text.
    pub items: Vec<PackItem>,
    /// What each wanted tier took, the most trusted first.
    pub tiers: Vec<TierUse>,
    /// What nearly was in it, best first.
    pub nearly: Vec<NearMiss>,
    /// What a person should know about it: tiers that are empty, what did not fit, how the search went.
    pub notices: Vec<String>,
    /// BLAKE3 of `formatted_context`.
    pub hash: String,
    /// The word in the pack's own tags; no text in it has it.
    pub mark: String,
    /// The prompt.
    pub prompt: String,
    /// The id of the project it is about; null when none was named.
    pub project: Option<String>,
    /// Whether no passage of another project could be in it.
    pub scope: bool,
    /// How passages were found: `hybrid`, `dense` or `lexical`; null when none were wanted.
    pub mode: Option<String>,
    /// The generation that it shows.
    pub generation: u64,
    /// The generation of the store; later than `generation` while the lexical index catches up.
    pub store_generation: u64,
}

/// One thing in a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackItem {
    /// `state`, `memories` or `chunks`.
    pub tier: String,
    /// The id of the fact, or of the first passage.
    pub id: String,
    /// Its text without what the pack sets around it.
    pub text: String,
    /// What it takes of the budget, with what is set around it.
    pub used: u64,
    /// Whether its end was cut off, because nothing at all would have fitted otherwise.
    pub cut: bool,
    /// What to be careful about: `instructions`, `role_marks`, `pack_marks`, `hidden_characters`.
    pub flags: Vec<String>,
    /// The id of the project it belongs to; null for a memory about every one.
    pub project: Option<String>,
    /// Date of the document, or of the last change of the fact. ISO 8601 with offset.
    pub date: String,
    /// How sure somebody was of a fact: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Where a fact comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Category of an entry of project state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Key of an entry of project state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Type of a memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_type: Option<String>,
    /// Where a passage stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passage: Option<PackPassage>,
}

/// Where the passages of one item stand. Every line of the item's text stands in these lines, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackPassage {
    /// The document.
    pub document_id: String,
    /// BLAKE3 of the bytes of its file as it was read.
    pub document_hash: String,
    /// Path of the document below its root.
    pub source_file: String,
    /// Absolute path of the document.
    pub file_path: String,
    /// Title of the document.
    pub title: String,
    /// The headings above, outermost first, with ` > ` between them; may be empty.
    pub heading_path: String,
    /// The lines of the file.
    pub lines: Lines,
    /// The score of the best passage.
    pub score: f64,
    /// The passages, in the order of the document.
    pub chunk_ids: Vec<String>,
}

/// What a tier took of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TierUse {
    /// `state`, `memories` or `chunks`.
    pub tier: String,
    /// The most it could have taken, in the unit of the budget.
    pub limit: u64,
    /// What it took, in the unit of the budget.
    pub used: u64,
    /// The same in characters.
    pub chars: u64,
    /// How many items.
    pub items: u64,
    /// How many more there were: that did not fit, or that say the same as another one.
    pub left_out: u64,
}

/// Something that did not fit into a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NearMiss {
    /// `state`, `memories` or `chunks`.
    pub tier: String,
    /// The id of the fact or of the passage.
    pub id: String,
    /// What it is, for a person.
    pub what: String,
    /// The score of a passage; null for a fact.
    pub score: Option<f64>,
    /// What it would have taken, in the unit of the budget.
    pub needs: u64,
    /// What was left when its turn came.
    pub left: u64,
}

impl Pack {
    /// The JSON of `pack`, which was made for `request` in `took`.
    #[must_use]
    pub fn new(pack: model::Pack, request: &model::PackRequest, took: Duration) -> Self {
        let chars =
            |tier| pack.tiers.iter().find(|used| used.tier == tier).map_or(0, |used| used.chars as u64);
        let prompt = request.prompt.as_str();
        let between = if pack.text.is_empty() { "" } else { "\n" };
        let hits = |item: &model::PackItem| match &item.origin {
            Origin::Chunk(passage) => passage.hits.clone(),
            _ => Vec::new(),
        };
        let chunks: Vec<Hit> = pack.items.iter().flat_map(hits).map(without_explanation).collect();
        Self {
            full_prompt: [&pack.text, between, prompt].concat(),
            chunks_used: chunks.len() as u64,
            project_state_chars: chars(Tier::State),
            memory_chars: chars(Tier::Memories),
            retrieval_chars: chars(Tier::Chunks),
            total_chars: pack.text.chars().count() as u64,
            budget: pack.budget.amount() as u64,
            budget_remaining: (pack.budget.amount() - pack.used.min(pack.budget.amount())) as u64,
            unit: pack.budget.unit().to_string(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            chunks,
            notices: pack.notices.iter().map(|notice| said(notice, pack.budget.unit())).collect(),
            items: pack.items.into_iter().map(PackItem::from).collect(),
            tiers: pack.tiers.iter().map(TierUse::from).collect(),
            nearly: pack.near_misses.into_iter().map(NearMiss::from).collect(),
            formatted_context: pack.text,
            hash: pack.hash.to_string(),
            mark: pack.mark,
            prompt: prompt.to_owned(),
            project: pack.project.map(|id| id.to_string()),
            scope: matches!(request.project, ProjectHint::Scope(_)),
            mode: pack.mode.map(|mode| mode.as_str().to_owned()),
            generation: pack.generation.0,
            store_generation: pack.store_generation.0,
        }
    }
}

fn without_explanation(hit: query::Hit) -> Hit {
    Hit { explanation: None, ..hit.into() }
}

/// What a notice says to a person.
fn said(notice: &PackNotice, unit: Unit) -> String {
    match notice {
        PackNotice::NoProject => "no project was named, so there is no project state".to_owned(),
        PackNotice::NoState(project) => format!("no trusted state is recorded for project {project}"),
        PackNotice::NoMemories => "no memory applies".to_owned(),
        PackNotice::NoChunks => "no passage was found".to_owned(),
        PackNotice::LeftOut { tier, count } => {
            format!("{} did not fit", of_tier(*tier, *count))
        }
        PackNotice::NearDuplicates { tier, count } => {
            let say = if *count == 1 { "says" } else { "say" };
            format!("{} {say} the same as another one", of_tier(*tier, *count))
        }
        PackNotice::NothingFits => format!("the budget is too small for any pack; try 3000 {unit}"),
        PackNotice::PromptCut { searched } => {
            format!("passages were searched with the first {searched} characters of the prompt")
        }
        PackNotice::Search(of_search) => super::notice(of_search),
    }
}

fn of_tier(tier: Tier, count: usize) -> String {
    let what = match (tier, count) {
        (Tier::State, 1) => "entry of project state",
        (Tier::State, _) => "entries of project state",
        (Tier::Memories, 1) => "memory",
        (Tier::Memories, _) => "memories",
        (Tier::Chunks, 1) => "passage",
        (Tier::Chunks, _) => "passages",
    };
    format!("{count} {what}")
}

impl From<model::PackItem> for PackItem {
    fn from(item: model::PackItem) -> Self {
        let empty = Self {
            tier: item.origin.tier().to_string(),
            id: String::new(),
            text: item.text,
            used: item.size as u64,
            cut: item.cut,
            flags: item.flags.iter().map(ToString::to_string).collect(),
            project: None,
            date: String::new(),
            confidence: None,
            source: None,
            category: None,
            key: None,
            memory_type: None,
            passage: None,
        };
        match item.origin {
            Origin::State(entry) => Self {
                id: entry.id.to_string(),
                project: Some(entry.project.to_string()),
                date: entry.updated_at.to_string(),
                confidence: Some(entry.confidence.get()),
                source: Some(entry.source.to_string()),
                category: Some(entry.category.to_string()),
                key: Some(entry.key.to_string()),
                ..empty
            },
            Origin::Memory(memory) => Self {
                id: memory.id.to_string(),
                project: memory.project.map(|id| id.to_string()),
                date: memory.updated_at.to_string(),
                confidence: Some(memory.confidence.get()),
                source: Some(memory.source.to_string()),
                memory_type: Some(memory.memory_type.to_string()),
                ..empty
            },
            Origin::Chunk(passage) => {
                let Some(first) = passage.hits.first() else { return empty };
                Self {
                    id: first.chunk_id.to_string(),
                    project: Some(first.project.to_string()),
                    date: first.date.to_string(),
                    passage: Some(PackPassage {
                        document_id: first.document_id.to_string(),
                        document_hash: first.document_digest.to_string(),
                        source_file: first.source_path.to_string(),
                        file_path: first.file_path.clone(),
                        title: first.title.clone(),
                        heading_path: first.heading_path.as_str().to_owned(),
                        lines: Lines { first: passage.lines.first, last: passage.lines.last },
                        score: passage.score,
                        chunk_ids: passage.hits.iter().map(|hit| hit.chunk_id.to_string()).collect(),
                    }),
                    ..empty
                }
            }
        }
    }
}

impl From<&model::TierUse> for TierUse {
    fn from(used: &model::TierUse) -> Self {
        Self {
            tier: used.tier.to_string(),
            limit: used.limit as u64,
            used: used.used as u64,
            chars: used.chars as u64,
            items: used.items as u64,
            left_out: used.left_out as u64,
        }
    }
}

impl From<model::NearMiss> for NearMiss {
    fn from(nearly: model::NearMiss) -> Self {
        Self {
            tier: nearly.tier.to_string(),
            id: nearly.id,
            what: nearly.what,
            score: nearly.score,
            needs: nearly.needs as u64,
            left: nearly.left as u64,
        }
    }
}
