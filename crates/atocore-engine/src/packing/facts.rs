//! The first two tiers: what people recorded. Which facts apply, which go first, and how they are rendered.

use std::{
    cmp::{Ordering, Reverse},
    collections::HashSet,
};

use atocore_model::{
    fact::{Memory, MemoryStatus, MemoryType, StateEntry, StateStatus},
    id::ProjectId,
    pack::{NearMiss, Origin, PackItem, PackNotice, PackRequest},
    text::caseless,
};

use super::{
    Meter, PackFacts,
    frame::{Frame, one_line},
    passages::longest,
    prompt_words::PromptWords,
    section::{MissLimit, RenderedItem, Section},
};
use crate::error::Error;

/// How much of a memory is shown where it only is named, in characters.
const SHOWN: usize = 80;

/// The facts that apply to a request.
#[derive(Debug)]
pub(super) struct Choice {
    /// In the order in which they are rendered: by category and key.
    pub(super) state: Vec<StateEntry>,
    /// Those that go first, first; what several of them say, once.
    pub(super) memories: Vec<Memory>,
    /// How many more say what one of these says.
    pub(super) copies: usize,
    asked: PromptWords,
}

impl Choice {
    /// Takes what holds and is about the project or about every one. Of memories that are neither identity nor
    /// preference, those that share words with the prompt.
    pub(super) fn new(request: &PackRequest, project: Option<&ProjectId>, facts: PackFacts) -> Self {
        let asked = PromptWords::of(request.prompt.as_str());
        let (mut state, mut memories) = (facts.state, facts.memories);
        state.retain(|entry| entry.status == StateStatus::Active && Some(&entry.project) == project);
        state.sort_by(|a, b| (&a.category, &a.key, &a.id).cmp(&(&b.category, &b.key, &b.id)));
        memories.retain(|memory| {
            memory.status == MemoryStatus::Active
                && memory.project.as_ref().is_none_or(|id| Some(id) == project)
        });
        let mut ranked: Vec<(u8, usize, Memory)> = Vec::new();
        for memory in memories {
            let shared = asked.shared_with(memory.content.as_str());
            let class = match memory.memory_type {
                MemoryType::Identity => 0,
                MemoryType::Preference => 1,
                _ if shared > 0 => 2,
                _ => continue,
            };
            ranked.push((class, shared, memory));
        }
        ranked.sort_by(|(class, shared, memory), (other_class, other_shared, other)| {
            (class, Reverse(shared))
                .cmp(&(other_class, Reverse(other_shared)))
                .then_with(|| by_trust(memory, other))
        });
        let found = ranked.len();
        let mut said = HashSet::new();
        ranked.retain(|(.., memory)| said.insert(without_manner(memory.content.as_str())));
        let copies = found - ranked.len();
        Self { state, memories: ranked.into_iter().map(|(.., memory)| memory).collect(), copies, asked }
    }
}

/// The project's own before those about every one, the surest first, the newest first.
fn by_trust(memory: &Memory, other: &Memory) -> Ordering {
    (memory.project.is_none().cmp(&other.project.is_none()))
        .then_with(|| other.confidence.get().total_cmp(&memory.confidence.get()))
        .then_with(|| (other.updated_at, &memory.id).cmp(&(memory.updated_at, &other.id)))
}

/// What is left of a memory without capitals, line ends, and a full stop at its end. No more is passed over: facts
/// that differ in one word or sign, `not` or `C++`, are different facts.
fn without_manner(content: &str) -> String {
    caseless(&one_line(content)).trim_end_matches(['.', '!']).to_owned()
}

/// Sets project state: all of it when it fits, else what shares most words with the prompt, the newest first.
pub(super) fn state(
    choice: &Choice,
    frame: &Frame<'_>,
    meter: &dyn Meter,
    limit: usize,
) -> Result<Section, Error> {
    let Some(project) = frame.project else {
        let line = "No project was named, so there is no project state.\n".to_owned();
        return Section::nothing(PackNotice::NoProject, line, limit, meter);
    };
    if choice.state.is_empty() {
        let line = format!("No trusted state is recorded for project {project}.\n");
        return Section::nothing(PackNotice::NoState(project.clone()), line, limit, meter);
    }
    let open = Section { open: frame.state_open(), close: frame.state_close(), ..Section::default() };
    let room = limit.saturating_sub(open.size(meter)?);
    let rendered = |at: usize| {
        let entry = &choice.state[at];
        set_entry(entry, entry.value.as_str(), false, frame, meter)
    };
    let mut order: Vec<usize> = (0..choice.state.len()).collect();
    if !all_fit(&order, room, rendered)? {
        order.sort_by_key(|at| {
            let entry = &choice.state[*at];
            let words = [entry.category.as_str(), entry.key.as_str(), entry.value.as_str()].join(" ");
            (Reverse(choice.asked.shared_with(&words)), Reverse(entry.updated_at), *at)
        });
    }
    let mut section = fitted(open, &order, room, rendered)?;
    if section.items.is_empty() {
        let entry = &choice.state[order[0]];
        let beginning = |end: usize| {
            let value = entry.value.as_str()[..end].trim_end();
            set_entry(entry, value, true, frame, meter)
        };
        let end = longest(entry.value.as_str(), |end| Ok(beginning(end)?.item.size <= room))?;
        let rendered = beginning(end)?;
        if end > 0 && rendered.item.size <= room {
            section.open = frame.state_open();
            section.close = frame.state_close();
            section.left_out -= 1;
            section.nearly.retain(|nearly| nearly.id != entry.id.as_str());
            section.items.push(rendered);
        }
    }
    Ok(section)
}

/// Sets memories: identity, then preferences, then the others that apply.
pub(super) fn memories(
    choice: &Choice,
    frame: &Frame<'_>,
    meter: &dyn Meter,
    limit: usize,
) -> Result<Section, Error> {
    if choice.memories.is_empty() {
        return Section::nothing(PackNotice::NoMemories, "No memory applies.\n".to_owned(), limit, meter);
    }
    let open = Section { open: frame.memories_open(), close: frame.memories_close(), ..Section::default() };
    let room = limit.saturating_sub(open.size(meter)?);
    let rendered = |at: usize| {
        let memory = &choice.memories[at];
        let block = frame.memory(memory);
        let item = PackItem {
            origin: Origin::Memory(memory.clone()),
            text: memory.content.as_str().to_owned(),
            size: meter.size(&block)?,
            cut: false,
            flags: Vec::new(),
        };
        Ok(RenderedItem { item, block })
    };
    let order: Vec<usize> = (0..choice.memories.len()).collect();
    Ok(Section { copies: choice.copies, ..fitted(open, &order, room, rendered)? })
}

fn set_entry(
    entry: &StateEntry,
    value: &str,
    cut: bool,
    frame: &Frame<'_>,
    meter: &dyn Meter,
) -> Result<RenderedItem, Error> {
    let block = frame.entry(entry, value, cut);
    let item = PackItem {
        origin: Origin::State(entry.clone()),
        text: value.to_owned(),
        size: meter.size(&block)?,
        cut,
        flags: Vec::new(),
    };
    Ok(RenderedItem { item, block })
}

/// Whether there is room for all of them.
fn all_fit(
    order: &[usize],
    room: usize,
    rendered: impl Fn(usize) -> Result<RenderedItem, Error>,
) -> Result<bool, Error> {
    let mut left = room;
    for at in order {
        match left.checked_sub(rendered(*at)?.item.size) {
            Some(rest) => left = rest,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Takes what fits, in the given order, and sets it by its number; nothing around nothing.
fn fitted(
    open: Section,
    order: &[usize],
    room: usize,
    rendered: impl Fn(usize) -> Result<RenderedItem, Error>,
) -> Result<Section, Error> {
    let mut section = open;
    let (mut left, mut misses, mut taken) = (room, MissLimit::default(), Vec::new());
    for (tried, at) in order.iter().enumerate() {
        if misses.is_reached() {
            section.left_out += order.len() - tried;
            break;
        }
        let rendered = rendered(*at)?;
        let size = rendered.item.size;
        if size > left {
            misses.missed();
            section.leave_out(nearly(&rendered.item, left));
        } else {
            misses.fitted();
            left -= size;
            taken.push((*at, rendered));
        }
    }
    taken.sort_by_key(|(at, _)| *at);
    section.items = taken.into_iter().map(|(_, rendered)| rendered).collect();
    if section.items.is_empty() {
        section.open.clear();
        section.close.clear();
    }
    Ok(section)
}

fn nearly(item: &PackItem, left: usize) -> NearMiss {
    let (id, what) = match &item.origin {
        Origin::State(entry) => (entry.id.as_str(), format!("{} / {}", entry.category, entry.key)),
        Origin::Memory(memory) => (memory.id.as_str(), format!("{}: {}", memory.memory_type, memory.content)),
        Origin::Chunk(_) => ("", String::new()),
    };
    let what: String = one_line(&what).chars().take(SHOWN).collect();
    NearMiss { tier: item.origin.tier(), id: id.to_owned(), what, score: None, needs: item.size, left }
}
