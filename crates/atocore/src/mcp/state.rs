//! Project state: reading it, and proposing an entry.

use atocore_engine::ProjectState;
use atocore_model::{fact::Memory, id::ProjectId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{LIMIT_CHARS, barred, fitting, notices},
    call::Call,
    memory, names,
    tool::{Effect, Tool},
};
use crate::{
    cli::{count, plain},
    operations::{ApiError, CreateMemory, ListState, SetState},
};

/// `atocore_project_state`.
pub(super) struct StateTool;

/// What is recorded of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateAnswer {
    #[serde(flatten)]
    state: ProjectState,
    /// What a person should know about the answer; usually empty.
    notices: Vec<String>,
}

impl Tool for StateTool {
    const NAME: &'static str = names::STATE;
    const TITLE: &'static str = "Read project state";
    const DESCRIPTION: &'static str = "Reads what the user has recorded as true of a project: decisions, requirements, status, contacts. It \
        is trusted more than memories and documents: where they disagree, this holds. Read it before working on a project.";
    const EFFECT: Effect = Effect::Reads;
    const HIDDEN: &'static [&'static str] = &["all"];
    type Arguments = ListState;
    type Answer = StateAnswer;

    async fn run(call: &Call, list: ListState) -> Result<StateAnswer, ApiError> {
        let category = list.category.clone();
        let mut state = call.run(list).await?;
        let left_out = state.entries.len() - fitting(&state.entries);
        state.entries.truncate(state.entries.len() - left_out);
        let notices = (left_out > 0).then(|| {
            let entries = if left_out == 1 { "1 more entry".to_owned() } else { format!("{left_out} more entries") };
            format!("{entries} left out: an answer has at most about {LIMIT_CHARS} characters; ask for one category")
        });
        let nothing = category.filter(|_| state.entries.is_empty()).map(|category| {
            format!("nothing is recorded in the category `{category}`; without a category all is listed")
        });
        Ok(StateAnswer { state, notices: notices.into_iter().chain(nothing).collect() })
    }

    fn text(answer: &StateAnswer) -> String {
        let mut text = notices(&answer.notices);
        let is_all = answer.notices.is_empty();
        let answer = &answer.state;
        if answer.entries.is_empty() {
            if !is_all {
                return text;
            }
            text.push_str(&format!("No trusted state is recorded for {}.\n", answer.project));
            return text;
        }
        let entries = count(answer.entries.len() as u64, "entry");
        text.push_str(&format!("{entries} of trusted state for {}.\n", answer.project));
        for entry in &answer.entries {
            let source = if entry.source.as_str().is_empty() {
                String::new()
            } else {
                format!(" · from {}", plain(&entry.source))
            };
            text.push_str(&format!(
                "\n{} · {} · confidence {} · {}{source}\n{}",
                entry.category,
                plain(&entry.key),
                entry.confidence,
                entry.updated_at,
                barred(entry.value.as_str())
            ));
        }
        text
    }
}

/// `atocore_project_state_propose`.
pub(super) struct ProposeStateTool;

impl Tool for ProposeStateTool {
    const NAME: &'static str = names::PROPOSE_STATE;
    const TITLE: &'static str = "Propose project state";
    const DESCRIPTION: &'static str = "Proposes an entry of a project's trusted state, such as a decision that was just made. It is kept \
        as a candidate memory of the type `project` until the user records it with `atocore state set` or rejects it.";
    const EFFECT: Effect = Effect::Proposes;
    type Arguments = SetState;
    type Answer = Memory;

    async fn run(call: &Call, entry: SetState) -> Result<Memory, ApiError> {
        let (category, key) = entry.name()?;
        let content = format!("Proposed for the project state, {category} / {key}:\n{}", entry.value);
        let SetState { project, source, confidence, .. } = entry;
        let memory_type = "project".to_owned();
        let project = Some(project);
        memory::propose(
            call,
            CreateMemory { memory_type, content, project, source, confidence, status: None },
        )
        .await
    }

    fn text(memory: &Memory) -> String {
        let project = memory.project.as_ref().map_or("PROJECT", ProjectId::as_str);
        let how = format!(
            "The user records it with `atocore state set {project} CATEGORY KEY \"…\"`; to promote it only makes it a memory."
        );
        memory::proposed(memory, &how)
    }
}
