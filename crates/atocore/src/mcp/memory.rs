//! Memories: what is remembered, and proposing what should be.

use atocore_model::fact::{Memory, MemoryStatus, PageSize};

use super::{
    answer::{LIMIT_CHARS, barred, fitting},
    call::Call,
    names,
    tool::{Effect, Tool},
};
use crate::{
    cli::{count, plain},
    operations::{self, ApiError, CreateMemory, MemoryList},
};

/// `atocore_memory_list`.
pub(super) struct ListMemoriesTool;

impl Tool for ListMemoriesTool {
    const NAME: &'static str = names::LIST_MEMORIES;
    const TITLE: &'static str = "List memories";
    const DESCRIPTION: &'static str = "Lists what is remembered about the user and their projects: identity, preferences, knowledge. Use it to \
        act as the user wants without asking again. Without a `status`, those that count. \
        Candidates are proposals the user has not confirmed: do not rely on them.";
    const EFFECT: Effect = Effect::Reads;
    const HIDDEN: &'static [&'static str] = &["active_only", "min_confidence"];
    const AT_MOST: &'static [(&'static str, u64)] = &[("limit", PageSize::LIMIT as u64)];
    type Arguments = operations::ListMemories;
    type Answer = MemoryList;

    async fn run(call: &Call, mut list: Self::Arguments) -> Result<MemoryList, ApiError> {
        list.active_only = list.status.is_none();
        let mut list = call.run(list).await?;
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
pub(super) struct ProposeMemoryTool;

impl Tool for ProposeMemoryTool {
    const NAME: &'static str = names::PROPOSE_MEMORY;
    const TITLE: &'static str = "Propose a memory";
    const DESCRIPTION: &'static str = "Proposes something to remember about the user or a project. It counts for nothing until the \
        user has promoted it. Propose what the user would want to be known next time, not what \
        stands in documents already.";
    const EFFECT: Effect = Effect::Proposes;
    const HIDDEN: &'static [&'static str] = &["status"];
    type Arguments = CreateMemory;
    type Answer = Memory;

    async fn run(call: &Call, memory: CreateMemory) -> Result<Memory, ApiError> {
        propose(call, memory).await
    }

    fn text(memory: &Memory) -> String {
        let id = &memory.id;
        proposed(memory, &format!("It counts once the user promotes it: `atocore memory promote {id}`."))
    }
}

/// Records a candidate, and never anything else: what counts is decided by a person.
pub(super) async fn propose(call: &Call, memory: CreateMemory) -> Result<Memory, ApiError> {
    call.run(CreateMemory { status: Some("candidate".to_owned()), ..memory }).await
}

/// What came of a proposal, and how it comes to count. The same text may have been recorded, and decided about, before.
pub(super) fn proposed(memory: &Memory, how_it_counts: &str) -> String {
    let what = if memory.status == MemoryStatus::Candidate {
        format!("Proposed. {how_it_counts}\n")
    } else {
        format!("There is such a memory already; it is {}.\n", memory.status)
    };
    what + &set(memory)
}

fn set(memory: &Memory) -> String {
    let project = memory.project.as_ref().map(|project| format!(" · {project}")).unwrap_or_default();
    let source = if memory.source.as_str().is_empty() {
        String::new()
    } else {
        format!(" · from {}", plain(&memory.source))
    };
    format!(
        "\n{} · {}{project} · confidence {}{source} · {}\n{}",
        memory.memory_type,
        memory.status,
        memory.confidence,
        memory.id,
        barred(memory.content.as_str())
    )
}
