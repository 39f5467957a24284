//! Facts: what may be recorded, what may become of it, and how a change is taken back.
//!
//! Names of projects are resolved here, through the registry, for every interface. What is recorded under an alias belongs to
//! the id and is read under every name.

use atocore_model::{
    fact::{
        Action, Category, Change, ChangeFilter, Content, FactId, Interaction, InteractionFilter, Memory,
        MemoryEdit, MemoryFilter, MemoryStatus, NewInteraction, NewMemory, NewState, StateEntry, StateKey,
        StateStatus, interaction::InteractionStatus,
    },
    id::{Generation, InteractionId, MemoryId, ProjectId},
    name::ProjectName,
};
use atocore_storage::sqlite::{LoggedOperation, WriteTransaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{caller::Caller, engine::Engine, error::Error, page::Page};

/// What is recorded of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProjectState {
    /// The id of the project.
    pub project: ProjectId,
    /// The entries, by category and key.
    pub entries: Vec<StateEntry>,
    /// The categories there are among them.
    pub categories: Vec<Category>,
    /// The generation that this shows.
    pub generation: Generation,
}

/// What is to become of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Promote,
    Reject,
    Invalidate,
}

impl Engine {
    // Project state.

    /// Records what is true of a project, in place of what its category and key said.
    ///
    /// # Errors
    /// When there is no such project.
    ///
    /// # Durability
    /// The entry and its line in the journal are on disk when this returns `Ok`.
    pub fn set_state(&self, new: &NewState, caller: Caller) -> Result<StateEntry, Error> {
        let project = self.project(&new.project)?.id;
        let content = Content::State {
            value: new.value.clone(),
            source: new.source.clone(),
            confidence: new.confidence,
            status: StateStatus::Active,
        };
        self.change_facts(caller, "state_set", project.as_str(), |write| {
            let id = write.put_state(&project, &new.category, &new.key, &content, Action::Set)?;
            write.state_entry(&id)?.ok_or(Error::FactUnknown(FactId::State(id)))
        })
    }

    /// What is recorded of a project; with `all`, also what no longer holds.
    ///
    /// # Errors
    /// When there is no such project.
    pub fn project_state(
        &self,
        name: &ProjectName,
        category: Option<&Category>,
        all: bool,
    ) -> Result<ProjectState, Error> {
        let project = self.project(name)?.id;
        let (mut entries, generation) = match self.store_if_any()? {
            Some(store) => {
                store.read(|read| Ok::<_, Error>((read.state_of(&project, all)?, read.generation()?)))?
            }
            None => (Vec::new(), Generation::default()),
        };
        entries.retain(|entry| category.is_none_or(|category| entry.category == *category));
        let mut categories: Vec<_> = entries.iter().map(|entry| entry.category.clone()).collect();
        categories.dedup();
        Ok(ProjectState { project, entries, categories, generation })
    }

    /// Says that an entry no longer holds. It stays, with every value it had.
    ///
    /// # Errors
    /// When there is no such project or entry.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn invalidate_state(
        &self,
        name: &ProjectName,
        category: &Category,
        key: &StateKey,
        caller: Caller,
    ) -> Result<StateEntry, Error> {
        let project = self.project(name)?.id;
        self.change_facts(caller, "state_invalidate", project.as_str(), |write| {
            let Some(entry) = write.state_at(&project, category, key)? else {
                return Err(Error::StateUnknown {
                    project: project.clone(),
                    category: category.clone(),
                    key: key.clone(),
                });
            };
            if entry.status == StateStatus::Invalid {
                return Ok(entry);
            }
            let content = Content::State {
                value: entry.value,
                source: entry.source,
                confidence: entry.confidence,
                status: StateStatus::Invalid,
            };
            let id = write.put_state(&project, category, key, &content, Action::Invalidate)?;
            write.state_entry(&id)?.ok_or(Error::FactUnknown(FactId::State(id)))
        })
    }

    // Memories.

    /// Records a memory, or only proposes it. One that says exactly the same already, and is not rejected or replaced, is
    /// returned as it is.
    ///
    /// # Errors
    /// When it is about a project that does not exist.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn record_memory(&self, new: &NewMemory, caller: Caller) -> Result<Memory, Error> {
        let project = self.project_id(new.project.as_ref())?;
        let (status, action, operation) = if new.proposed {
            (MemoryStatus::Candidate, Action::Propose, "memory_propose")
        } else {
            (MemoryStatus::Active, Action::Create, "memory_create")
        };
        let content = Content::Memory {
            memory_type: new.memory_type,
            content: new.content.clone(),
            source: new.source.clone(),
            confidence: new.confidence,
            status,
            superseded_by: None,
        };
        let subject = project.as_ref().map_or("", ProjectId::as_str);
        self.change_facts(caller, operation, subject, |write| {
            let same = write.same_memory(new.memory_type, &new.content, project.as_ref())?;
            let id = match same {
                // Whoever may record it outright says yes to what was proposed.
                Some(known) if known.status == MemoryStatus::Candidate && !new.proposed => {
                    let promoted = with_status(&known, MemoryStatus::Active);
                    let fact = FactId::Memory(known.id.clone());
                    let _found = write.put_content(&fact, &promoted, Action::Promote, None)?;
                    known.id
                }
                Some(known) => known.id,
                None => write.add_memory(None, project.as_ref(), &content, action)?,
            };
            found(write, id)
        })
    }

    /// The memories that a filter lets through, newest first.
    ///
    /// # Errors
    /// When it names a project that does not exist.
    pub fn memories(&self, filter: &MemoryFilter) -> Result<Page<Memory>, Error> {
        let project = self.project_id(filter.project.as_ref())?;
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        store.read(|read| {
            Ok(Page { rows: read.memories(filter, project.as_ref())?, generation: read.generation()? })
        })
    }

    /// The memory with that id.
    ///
    /// # Errors
    /// When there is none.
    pub fn memory(&self, id: &MemoryId) -> Result<Memory, Error> {
        let memory = match self.store_if_any()? {
            Some(store) => store.read(|read| read.memory(id))?,
            None => None,
        };
        memory.ok_or_else(|| Error::FactUnknown(FactId::Memory(id.clone())))
    }

    /// Changes what a memory says, how sure somebody is, or whether it counts.
    ///
    /// # Errors
    /// When there is no such memory, or it cannot become that from what it is.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn edit_memory(&self, id: &MemoryId, edit: &MemoryEdit, caller: Caller) -> Result<Memory, Error> {
        self.change_facts(caller, "memory_update", id.as_str(), |write| {
            let memory = found(write, id.clone())?;
            let next = match (&edit.superseded_by, edit.status) {
                (Some(_), _) => MemoryStatus::Superseded,
                (None, Some(status)) => status,
                (None, None) => memory.status,
            };
            may_become(&memory, next)?;
            if let Some(other) = &edit.superseded_by {
                refuse_circle(write, id, other)?;
            }
            let superseded_by = match next {
                MemoryStatus::Superseded => edit.superseded_by.clone().or(memory.superseded_by.clone()),
                _ => None,
            };
            let content = Content::Memory {
                memory_type: memory.memory_type,
                content: edit.content.clone().unwrap_or_else(|| memory.content.clone()),
                source: memory.source.clone(),
                confidence: edit.confidence.unwrap_or(memory.confidence),
                status: next,
                superseded_by,
            };
            let action = if next == memory.status { Action::Update } else { action_of(memory.status, next) };
            let _found = write.put_content(&FactId::Memory(id.clone()), &content, action, None)?;
            found(write, id.clone())
        })
    }

    /// Makes a candidate count. One that counts already stays as it is.
    ///
    /// # Errors
    /// When there is no such memory, or it was rejected, replaced or invalidated meanwhile.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn promote_memory(&self, id: &MemoryId, caller: Caller) -> Result<Memory, Error> {
        self.move_memory(id, Move::Promote, caller)
    }

    /// Refuses a candidate. One that is invalid already stays as it is.
    ///
    /// # Errors
    /// When there is no such memory, or it is no candidate any more.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn reject_memory(&self, id: &MemoryId, caller: Caller) -> Result<Memory, Error> {
        self.move_memory(id, Move::Reject, caller)
    }

    /// Says that a memory no longer counts. It stays, with everything it said.
    ///
    /// # Errors
    /// When there is no such memory.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn invalidate_memory(&self, id: &MemoryId, caller: Caller) -> Result<Memory, Error> {
        self.move_memory(id, Move::Invalidate, caller)
    }

    fn move_memory(&self, id: &MemoryId, to: Move, caller: Caller) -> Result<Memory, Error> {
        let (next, action, operation) = match to {
            Move::Promote => (MemoryStatus::Active, Action::Promote, "memory_promote"),
            Move::Reject => (MemoryStatus::Invalid, Action::Reject, "memory_reject"),
            Move::Invalidate => (MemoryStatus::Invalid, Action::Invalidate, "memory_invalidate"),
        };
        self.change_facts(caller, operation, id.as_str(), |write| {
            let memory = found(write, id.clone())?;
            if memory.status == next {
                return Ok(memory);
            }
            // Only candidates are promoted and rejected: two people who decide at once must not overrule each other.
            if to != Move::Invalidate && memory.status != MemoryStatus::Candidate {
                return Err(Error::MemoryDecided { id: memory.id, status: memory.status });
            }
            may_become(&memory, next)?;
            let content = with_status(&memory, next);
            let _found = write.put_content(&FactId::Memory(id.clone()), &content, action, None)?;
            found(write, id.clone())
        })
    }

    // Interactions.

    /// Records an exchange with a model.
    ///
    /// # Errors
    /// When it is about a project that does not exist.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn record_interaction(&self, new: &NewInteraction, caller: Caller) -> Result<Interaction, Error> {
        let project = self.project_id(new.project.as_ref())?;
        let subject = project.as_ref().map_or("", ProjectId::as_str);
        self.change_facts(caller, "interaction_record", subject, |write| {
            let id = write.add_interaction(new, project.as_ref())?;
            write.interaction(&id)?.ok_or(Error::FactUnknown(FactId::Interaction(id)))
        })
    }

    /// The interactions that a filter lets through, newest first.
    ///
    /// # Errors
    /// When it names a project that does not exist.
    pub fn interactions(&self, filter: &InteractionFilter) -> Result<Page<Interaction>, Error> {
        let project = self.project_id(filter.project.as_ref())?;
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        store.read(|read| {
            Ok(Page { rows: read.interactions(filter, project.as_ref())?, generation: read.generation()? })
        })
    }

    /// The interaction with that id.
    ///
    /// # Errors
    /// When there is none, or its recording was taken back.
    pub fn interaction(&self, id: &InteractionId) -> Result<Interaction, Error> {
        let interaction = match self.store_if_any()? {
            Some(store) => store.read(|read| read.interaction(id))?,
            None => None,
        };
        interaction.ok_or_else(|| Error::FactUnknown(FactId::Interaction(id.clone())))
    }

    // The journal.

    /// The changes of facts that a filter lets through, newest first.
    ///
    /// # Errors
    /// When it names a project that does not exist.
    pub fn fact_changes(&self, filter: &ChangeFilter) -> Result<Page<Change>, Error> {
        let project = self.project_id(filter.project.as_ref())?;
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        store.read(|read| {
            Ok(Page { rows: read.changes(filter, project.as_ref())?, generation: read.generation()? })
        })
    }

    /// Takes a change back: the fact is again what it was before, and what was recorded for the first time no longer holds.
    /// Only the last change of a fact can be taken back, so that no later one is lost; that itself is a change, which can
    /// be taken back too.
    ///
    /// # Errors
    /// When there is no such change, or the fact was changed since.
    ///
    /// # Durability
    /// As [`Engine::set_state`].
    pub fn reverse_change(&self, number: u64, caller: Caller) -> Result<Change, Error> {
        self.change_facts(caller, "fact_reverse", &number.to_string(), |write| {
            let change = write.change(number)?.ok_or(Error::ChangeUnknown(number))?;
            match write.last_change(&change.fact)? {
                Some(last) if last != number => {
                    return Err(Error::ChangeOvertaken { number, last, fact: change.fact });
                }
                _ => {}
            }
            let before = change.before.unwrap_or_else(|| not_holding(&change.after));
            if let (FactId::Memory(id), Content::Memory { superseded_by: Some(other), .. }) =
                (&change.fact, &before)
            {
                refuse_circle(write, id, other)?;
            }
            let _found = write.put_content(&change.fact, &before, Action::Reverse, Some(number))?;
            let last = write.last_change(&change.fact)?.unwrap_or(number);
            write.change(last)?.ok_or(Error::ChangeUnknown(last))
        })
    }

    // What they share.

    /// Runs a change of facts as one write transaction.
    fn change_facts<T>(
        &self,
        caller: Caller,
        action: &str,
        subject: &str,
        change: impl FnOnce(&WriteTransaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let operation = LoggedOperation { interface: caller.interface(), action, subject };
        let store = self.store_if_any()?.ok_or_else(|| Error::StoreMissing(self.layout().database()))?;
        Ok(store.write(&operation, change)?.value)
    }

    /// The id of a project that may have been named.
    fn project_id(&self, name: Option<&ProjectName>) -> Result<Option<ProjectId>, Error> {
        name.map(|name| Ok(self.project(name)?.id)).transpose()
    }
}

/// Refuses a memory that would take its own place: at once, or through those that took the place of `other`.
fn refuse_circle(write: &WriteTransaction<'_>, id: &MemoryId, other: &MemoryId) -> Result<(), Error> {
    let mut seen = Vec::new();
    let mut next = Some(found(write, other.clone())?);
    while let Some(memory) = next {
        if memory.id == *id {
            return Err(Error::SupersedesItself(id.clone()));
        }
        // A circle that is older than this check ends the walk too.
        let by = memory.superseded_by.filter(|by| !seen.contains(by));
        next = by.as_ref().map_or(Ok(None), |by| write.memory(by))?;
        seen.extend(by);
    }
    Ok(())
}

fn found(write: &WriteTransaction<'_>, id: MemoryId) -> Result<Memory, Error> {
    write.memory(&id)?.ok_or(Error::FactUnknown(FactId::Memory(id)))
}

fn may_become(memory: &Memory, next: MemoryStatus) -> Result<(), Error> {
    if memory.status == next || memory.status.may_become(next) {
        Ok(())
    } else {
        Err(transition(memory, next))
    }
}

fn transition(memory: &Memory, next: MemoryStatus) -> Error {
    Error::MemoryTransition { id: memory.id.clone(), from: memory.status, to: next }
}

/// What an editor did who moved a memory from here to there.
const fn action_of(from: MemoryStatus, to: MemoryStatus) -> Action {
    match (from, to) {
        (MemoryStatus::Candidate, MemoryStatus::Active) => Action::Promote,
        (MemoryStatus::Candidate, MemoryStatus::Invalid) => Action::Reject,
        (_, MemoryStatus::Active) => Action::Reinstate,
        (_, MemoryStatus::Superseded) => Action::Supersede,
        _ => Action::Invalidate,
    }
}

fn with_status(memory: &Memory, status: MemoryStatus) -> Content {
    Content::Memory {
        memory_type: memory.memory_type,
        content: memory.content.clone(),
        source: memory.source.clone(),
        confidence: memory.confidence,
        status,
        superseded_by: None,
    }
}

/// What a fact becomes when recording it is taken back: it stays, and does not hold.
fn not_holding(content: &Content) -> Content {
    let mut content = content.clone();
    match &mut content {
        Content::State { status, .. } => *status = StateStatus::Invalid,
        Content::Memory { status, superseded_by, .. } => {
            (*status, *superseded_by) = (MemoryStatus::Invalid, None);
        }
        Content::Interaction { status } => *status = InteractionStatus::Withdrawn,
    }
    content
}
