//! A context pack as JSON.

mod diff;

use std::time::Duration;

use atocore_model::{
    digest::Digest,
    document::{HeadingPath, LineSpan, Location, cited},
    fact::{Category, Confidence, MemoryType, StateKey},
    id::{ChunkId, DocumentId, Generation, ProjectId},
    pack::{Flag, NearMiss, Origin, Pack, PackItem, PackNotice, PackRequest, Tier, TierUse, Unit},
    path::SourcePath,
    query::{Hit, ProjectHint},
    ranking::Mode,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use diff::{PackChange, PackDiff};

/// A context pack. But for `duration_ms` and `fresh_as_of` the same request at the same generation, of files
/// that did not change, has the same answer, to the byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContextPack {
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
    pub unit: Unit,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The passages in it, in the order of the text.
    pub chunks: Vec<Hit>,
    /// Everything in it, in the order of the text.
    pub items: Vec<ContextPackItem>,
    /// What each wanted tier took, the most trusted first.
    pub tiers: Vec<TierUse>,
    /// What nearly was in it, best first.
    pub nearly: Vec<NearMiss>,
    /// What a person should know about it: tiers that are empty, what did not fit, how the search went.
    pub notices: Vec<String>,
    /// BLAKE3 of `formatted_context`.
    pub hash: Digest,
    /// The word in the pack's own tags; no text in it has it.
    pub mark: String,
    /// The prompt.
    pub prompt: String,
    /// The id of the project it is about; null when none was named.
    pub project: Option<ProjectId>,
    /// Whether no passage of another project could be in it.
    pub scope: bool,
    /// How passages were found; null when none were wanted.
    pub mode: Option<Mode>,
    /// The generation that it shows.
    pub generation: Generation,
    /// The generation of the store; later than `generation` while the lexical index catches up.
    pub store_generation: Generation,
    /// Every change of files before this is in it, of the one project that was searched or of all. Left out where no server
    /// follows the files, and while it reads them for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_as_of: Option<Timestamp>,
}

/// One thing in a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContextPackItem {
    /// Its tier.
    pub tier: Tier,
    /// The id of the fact, or of the first passage.
    pub id: String,
    /// Its text without what the pack sets around it.
    pub text: String,
    /// What it takes of the budget, with what is set around it.
    pub used: u64,
    /// Whether its end was cut off, because nothing at all would have fitted otherwise.
    pub cut: bool,
    /// What to be careful about.
    pub flags: Vec<Flag>,
    /// The id of the project it belongs to; null for a memory about every one.
    pub project: Option<ProjectId>,
    /// Date of the document, or of the last change of the fact. ISO 8601 with offset.
    pub date: String,
    /// How sure somebody was of a fact: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Where a fact comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Category of an entry of project state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Key of an entry of project state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StateKey>,
    /// Type of a memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_type: Option<MemoryType>,
    /// Where a passage stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passage: Option<PackPassage>,
}

/// Where the passages of one item stand. Every line of the item's text stands in these lines, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackPassage {
    /// The document.
    pub document_id: DocumentId,
    /// BLAKE3 of the bytes of its file as it was read.
    pub document_hash: Option<Digest>,
    /// Path of the document below its root.
    #[serde(rename = "source_file")]
    pub source_path: SourcePath,
    /// Absolute path of the document.
    pub file_path: String,
    /// Title of the document.
    pub title: String,
    /// The headings above, outermost first, with ` > ` between them; may be empty.
    pub heading_path: HeadingPath,
    /// The lines of the file, or, with a `location`, of the text that was extracted from it.
    pub lines: LineSpan,
    /// Where the text is found in a file whose lines nobody sees, in words: `page 3`, `slide 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The score of the best passage.
    pub score: f64,
    /// Path of the document whose link has led here, below its root; left out of what the question itself has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_from: Option<SourcePath>,
    /// The passages, in the order of the document.
    pub chunk_ids: Vec<ChunkId>,
}

impl PackPassage {
    /// How a person is told where it is.
    #[must_use]
    pub fn cited(&self) -> String {
        cited(self.source_path.as_str(), self.lines, self.location.as_ref())
    }
}

impl ContextPack {
    /// The JSON of `pack`, which was made for `request` in `took`.
    #[must_use]
    pub fn new(pack: Pack, request: &PackRequest, took: Duration) -> Self {
        let chars =
            |tier| pack.tiers.iter().find(|used| used.tier == tier).map_or(0, |used| used.chars as u64);
        let prompt = request.prompt.as_str();
        let between = if pack.text.is_empty() { "" } else { "\n" };
        let hits = |item: &PackItem| match &item.origin {
            Origin::Chunk(passage) => passage.hits.clone(),
            _ => Vec::new(),
        };
        let mut chunks: Vec<Hit> = pack.items.iter().flat_map(hits).collect();
        chunks.iter_mut().for_each(Hit::hide_explanation);
        Self {
            full_prompt: [&pack.text, between, prompt].concat(),
            chunks_used: chunks.len() as u64,
            project_state_chars: chars(Tier::State),
            memory_chars: chars(Tier::Memories),
            retrieval_chars: chars(Tier::Chunks),
            total_chars: pack.text.chars().count() as u64,
            budget: pack.budget.amount() as u64,
            budget_remaining: (pack.budget.amount() - pack.used.min(pack.budget.amount())) as u64,
            unit: pack.budget.unit(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            chunks,
            notices: pack.notices.iter().map(|notice| said(notice, pack.budget.unit())).collect(),
            items: pack.items.into_iter().map(ContextPackItem::from).collect(),
            tiers: pack.tiers,
            nearly: pack.near_misses,
            formatted_context: pack.text,
            hash: pack.hash,
            mark: pack.mark,
            prompt: prompt.to_owned(),
            project: pack.project,
            scope: matches!(request.project, ProjectHint::Scope(_)),
            mode: pack.mode,
            generation: pack.generation,
            store_generation: pack.store_generation,
            fresh_as_of: None,
        }
    }
}

/// What a notice says to a person.
fn said(notice: &PackNotice, unit: Unit) -> String {
    match notice {
        PackNotice::NoProject => "no project was named, so there is no project state".to_owned(),
        PackNotice::NoState(project) => format!("no trusted state is recorded for project {project}"),
        PackNotice::NoMemories => "no memory applies".to_owned(),
        PackNotice::NoChunks => "no passage was found".to_owned(),
        PackNotice::NoFittingChunks => "no passage was taken".to_owned(),
        PackNotice::LittleFit { count } => {
            format!("{} fit the prompt too little and were left out", of_tier(Tier::Chunks, *count))
        }
        PackNotice::LeftOut { tier, count } => {
            format!("{} did not fit", of_tier(*tier, *count))
        }
        PackNotice::NearDuplicates { tier, count } => {
            let say = if *count == 1 { "says" } else { "say" };
            format!("{} {say} the same as another one", of_tier(*tier, *count))
        }
        PackNotice::BudgetTooSmall => format!("the budget is too small for any pack; try 3000 {unit}"),
        PackNotice::PromptCut { searched } => {
            format!("passages were searched with the first {searched} characters of the prompt")
        }
        PackNotice::Search(of_search) => of_search.to_string(),
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

impl From<PackItem> for ContextPackItem {
    fn from(item: PackItem) -> Self {
        let empty = Self {
            tier: item.origin.tier(),
            id: String::new(),
            text: item.text,
            used: item.size as u64,
            cut: item.cut,
            flags: item.flags,
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
                project: Some(entry.project),
                date: entry.updated_at.to_string(),
                confidence: Some(entry.confidence),
                source: Some(entry.source.to_string()),
                category: Some(entry.category),
                key: Some(entry.key),
                ..empty
            },
            Origin::Memory(memory) => Self {
                id: memory.id.to_string(),
                project: memory.project,
                date: memory.updated_at.to_string(),
                confidence: Some(memory.confidence),
                source: Some(memory.source.to_string()),
                memory_type: Some(memory.memory_type),
                ..empty
            },
            Origin::Chunk(passage) => {
                let Some(first) = passage.hits.first() else { return empty };
                Self {
                    id: first.chunk_id.to_string(),
                    project: Some(first.project.clone()),
                    date: first.date.to_string(),
                    passage: Some(PackPassage {
                        document_id: first.document_id.clone(),
                        document_hash: first.document_digest,
                        source_path: first.source_path.clone(),
                        file_path: first.file_path.clone(),
                        title: first.title.clone(),
                        heading_path: first.heading_path.clone(),
                        lines: passage.lines,
                        location: passage.location,
                        score: passage.score,
                        linked_from: first.linked_from.clone(),
                        chunk_ids: passage.hits.iter().map(|hit| hit.chunk_id.clone()).collect(),
                    }),
                    ..empty
                }
            }
        }
    }
}
