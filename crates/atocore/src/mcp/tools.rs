//! The table of the tools: how a client is told of them, and how one is called. What a tool is called for and what it
//! answers is in the file of its noun.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use atocore_model::error::ErrorCode;
use rmcp::model::{CallToolResult, JsonObject, ToolAnnotations};
use serde_json::Value;

use super::{
    answer,
    by_itself::ByItself,
    call::Call,
    context::ContextTool,
    documents::GetTool,
    memory::{ListMemoriesTool, ProposeMemoryTool},
    projects::{ProjectsTool, RefreshTool},
    schema,
    search::SearchTool,
    state::{ProposeStateTool, StateTool},
    status::{HealthTool, StatusTool},
    tool::{Effect, Tool},
};
use crate::operations::{ApiError, Operation, Visitor, named, visit_all};

/// A tool of any type.
#[derive(Clone, Copy)]
pub(super) struct ToolEntry {
    name: &'static str,
    describe: fn() -> rmcp::model::Tool,
    /// Runs it. A failure is an answer too: one that says so.
    pub(super) call: fn(Call, JsonObject) -> Running,
}

/// A tool at work.
pub(super) type Running = Pin<Box<dyn Future<Output = CallToolResult> + Send>>;

/// The tools with a file of their own, in the order in which a model would use them.
const OF_THEIR_OWN: &[ToolEntry] = &[
    entry::<ContextTool>(),       // atocore_context
    entry::<SearchTool>(),        // atocore_search
    entry::<GetTool>(),           // atocore_get
    entry::<StateTool>(),         // atocore_project_state
    entry::<ProposeStateTool>(),  // atocore_project_state_propose
    entry::<ListMemoriesTool>(),  // atocore_memory_list
    entry::<ProposeMemoryTool>(), // atocore_memory_create
    entry::<ProjectsTool>(),      // atocore_projects
    entry::<RefreshTool>(),       // atocore_refresh
    entry::<StatusTool>(),        // atocore_status
    entry::<HealthTool>(),        // atocore_health
];

const fn entry<T: Tool>() -> ToolEntry {
    ToolEntry { name: T::NAME, describe: described_as::<T>, call: called::<T> }
}

/// Every tool: behind those of their own, the operations that are tools by themselves.
fn tools() -> &'static [ToolEntry] {
    static TOOLS: OnceLock<Vec<ToolEntry>> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let mut all = All(OF_THEIR_OWN.to_vec());
        visit_all(&mut all);
        all.0
    })
}

struct All(Vec<ToolEntry>);

impl Visitor for All {
    fn visit<O: Operation>(&mut self) {
        self.0.extend(O::SPEC.tool.map(|_| entry::<ByItself<O>>()));
    }
}

/// The tool of a name.
pub(super) fn find(name: &str) -> Option<&'static ToolEntry> {
    tools().iter().find(|tool| tool.name == name)
}

/// Every tool as a client is told of it.
pub(super) fn described() -> &'static [rmcp::model::Tool] {
    static DESCRIBED: OnceLock<Vec<rmcp::model::Tool>> = OnceLock::new();
    DESCRIBED.get_or_init(|| tools().iter().map(|tool| (tool.describe)()).collect())
}

fn described_as<T: Tool>() -> rmcp::model::Tool {
    let hints = ToolAnnotations::with_title(T::TITLE).open_world(false);
    let hints = match T::EFFECT {
        Effect::Reads => hints.read_only(true).destructive(false).idempotent(true),
        Effect::Updates | Effect::Proposes => hints.read_only(false).destructive(false).idempotent(true),
    };
    let arguments = schema::of_arguments::<T::Arguments>(T::HIDDEN, T::AT_MOST);
    rmcp::model::Tool::new(T::NAME, T::DESCRIPTION, Arc::new(arguments))
        .with_title(T::TITLE)
        .with_annotations(hints)
        .with_raw_output_schema(Arc::new(schema::of_answer::<T::Answer>()))
}

fn called<T: Tool>(call: Call, mut arguments: JsonObject) -> Running {
    Box::pin(async move {
        let refused = |why: &dyn fmt::Display| {
            let message = format!("the arguments of `{}` cannot be used: {why}", T::NAME);
            let error = ApiError::new(ErrorCode::InvalidRequest, message);
            answer::failed(&error.with_hint("`tools/list` has the schema of the arguments"))
        };
        let tool = described().iter().find(|tool| tool.name == T::NAME);
        let schema = tool.map(|tool| Arc::clone(&tool.input_schema)).unwrap_or_default();
        schema::into_form(&mut arguments, &schema);
        if let Some(hidden) = T::HIDDEN.iter().find(|name| arguments.contains_key(**name)) {
            return refused(&schema::unknown(&format!("`{hidden}`"), &schema));
        }
        let arguments = match serde_path_to_error::deserialize(Value::Object(arguments)) {
            Ok(arguments) => arguments,
            Err(error) => {
                let why = error.inner().to_string();
                // It would name those that are hidden, too.
                let unknown = why.strip_prefix("unknown field ").and_then(|rest| rest.split(", ").next());
                return refused(&unknown.map_or_else(
                    || named(error.path(), error.inner()),
                    |name| schema::unknown(name, &schema),
                ));
            }
        };
        match T::run(&call, arguments).await {
            Ok(answer) => answer::given(&answer, T::text(&answer)),
            Err(error) => answer::failed(&error),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_described_as_the_protocol_wants_it() {
        let mut names: Vec<_> = tools().iter().map(|tool| tool.name).collect();
        for tool in described() {
            assert!(tool.name.starts_with("atocore_") && tool.title.is_some(), "{}", tool.name);
            let words = tool.description.as_ref().unwrap();
            assert!((60..800).contains(&words.len()), "{}: {} bytes", tool.name, words.len());
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            let answers = tool.output_schema.as_ref().unwrap();
            assert_eq!(answers["type"], "object", "{}", tool.name);
            let hints = tool.annotations.as_ref().unwrap();
            assert!(hints.read_only_hint.is_some() && hints.destructive_hint.is_some(), "{}", tool.name);
        }
        let size = serde_json::to_string(described()).unwrap().len();
        assert!(size <= 17 << 10, "clients hand {size} bytes to their models with every conversation");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), tools().len());
    }
}
