//! Memories: what is remembered, and proposing what should be.

use atocore_model::fact::{MemoryStatus, MemoryType};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{LIMIT_CHARS, barred, fitting},
    call::Call,
    tools::{Effect, Tool, Words},
};
use crate::{
    cli::{count, plain},
    operations::{self, ApiError},
    wire::{Memory, MemoryList},
};

fn memory_types() -> Vec<&'static str> {
    MemoryType::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// `atocore_memory_list`.
pub(super) struct ListMemories;

/// Which memories.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those about this project, by id or alias. Left out: about every project and about none.
    #[serde(default)]
    project: Option<String>,
    /// Only of this type: `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`.
    #[serde(default)]
    memory_type: Option<String>,
    /// `active` when left out. `candidate` shows what waits for the user; `superseded` and `invalid` what no longer counts.
    #[serde(default)]
    status: Option<String>,
    /// How many at most: 50 when left out. Fewer come back when they are long.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default)]
    after: Option<String>,
}

impl Tool for ListMemories {
    const NAME: &'static str = "atocore_memory_list";
    const TITLE: &'static str = "List memories";
    const DESCRIPTION: &'static str = "Lists what is remembered about the user and their projects: identity, preferences, knowledge. Use it to \
        act as the user wants without asking again. Candidates are proposals that the user has not confirmed: do not rely on them.";
    const EFFECT: Effect = Effect::Reads;
    const WORDS: &'static [(&'static str, Words)] = &[
        ("memory_type", memory_types),
        ("status", || MemoryStatus::ALL.iter().map(|status| status.as_str()).collect()),
    ];
    type Arguments = Which;
    type Answer = MemoryList;

    async fn run(call: &Call, which: Which) -> Result<MemoryList, ApiError> {
        let Which { project, memory_type, status, limit, after } = which;
        let active_only = status.is_none();
        let operation = operations::ListMemories {
            memory_type,
            project,
            status,
            active_only,
            min_confidence: None,
            limit,
            after,
        };
        let mut list = call.run(operation).await?;
        let fits = fitting(&list.memories);
        if fits < list.memories.len() {
            list.memories.truncate(fits);
            list.next = list.memories.last().map(|memory| memory.id.clone());
        }
        Ok(list)
    }

    fn text(list: &MemoryList) -> String {
        let mut text = format!("{}.\n", count(list.memories.len() as u64, "memory"));
        for memory in &list.memories {
            text.push_str(&set(memory));
        }
        if let Some(next) = &list.next {
            text.push_str(&format!(
                "There are more: give after \"{next}\". An answer has at most about {LIMIT_CHARS} characters.\n"
            ));
        }
        text
    }
}

/// `atocore_memory_create`.
pub(super) struct ProposeMemory;

/// What should be remembered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Proposal {
    /// `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`.
    memory_type: String,
    /// What should be remembered, in one or two sentences that can be understood alone; at most 20,000 characters.
    content: String,
    /// The project it is about, by id or alias; left out for none in particular.
    #[serde(default)]
    project: Option<String>,
    /// Where it comes from: a file, an address, or who said it.
    #[serde(default)]
    source: Option<String>,
    /// How sure you are: 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
}

impl Tool for ProposeMemory {
    const NAME: &'static str = "atocore_memory_create";
    const TITLE: &'static str = "Propose a memory";
    const DESCRIPTION: &'static str = "Proposes something to remember about the user or a project. It becomes a candidate, which the user \
        promotes or rejects; until then it counts for nothing. Propose what the user would want to be known next time, not what \
        stands in documents already.";
    const EFFECT: Effect = Effect::Proposes;
    const WORDS: &'static [(&'static str, Words)] = &[("memory_type", memory_types)];
    type Arguments = Proposal;
    type Answer = Memory;

    async fn run(call: &Call, proposal: Proposal) -> Result<Memory, ApiError> {
        let Proposal { memory_type, content, project, source, confidence } = proposal;
        propose(call, memory_type, content, project, source, confidence).await
    }

    fn text(memory: &Memory) -> String {
        let id = &memory.id;
        proposed(memory, &format!("It counts once the user promotes it: `atocore memory promote {id}`."))
    }
}

/// Records a candidate, and never anything else: what counts is decided by a person.
pub(super) async fn propose(
    call: &Call,
    memory_type: String,
    content: String,
    project: Option<String>,
    source: Option<String>,
    confidence: Option<f64>,
) -> Result<Memory, ApiError> {
    let source = source.unwrap_or_default();
    let status = Some("candidate".to_owned());
    call.run(operations::CreateMemory { memory_type, content, project, source, confidence, status }).await
}

/// What came of a proposal, and how it comes to count. The same text may have been recorded, and decided about, before.
pub(super) fn proposed(memory: &Memory, how_it_counts: &str) -> String {
    let what = if memory.status == "candidate" {
        format!("Proposed. {how_it_counts}\n")
    } else {
        format!("There is such a memory already; it is {}.\n", memory.status)
    };
    what + &set(memory)
}

fn set(memory: &Memory) -> String {
    let project = if memory.project.is_empty() { String::new() } else { format!(" · {}", memory.project) };
    let source =
        if memory.source.is_empty() { String::new() } else { format!(" · from {}", plain(&memory.source)) };
    format!(
        "\n{} · {}{project} · confidence {}{source} · {}\n{}",
        memory.memory_type,
        memory.status,
        memory.confidence,
        memory.id,
        barred(&memory.content)
    )
}
