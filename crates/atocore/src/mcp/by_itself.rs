//! Tools that operations are by themselves.

use std::marker::PhantomData;

use serde_json::Value;

use super::{
    answer::barred,
    call::Call,
    tool::{Effect, Tool},
};
use crate::{
    cli::cell,
    operations::{ApiError, Operation, ToolWords},
};

/// The parameter that says how many rows are wanted of a list.
const LIMIT: &str = "limit";
/// How many rows an answer has at most: it is for the window of a model, which asks for the next page when it needs it.
const MOST_ROWS: u64 = 100;

/// An operation as a tool: its parameters are the arguments, and its reply is the answer.
pub(super) struct ByItself<O>(PhantomData<O>);

impl<O: Operation> ByItself<O> {
    const WORDS: ToolWords = match O::SPEC.tool {
        Some(words) => words,
        None => ToolWords { name: "", title: "", description: "" },
    };
}

impl<O: Operation> Tool for ByItself<O> {
    const NAME: &'static str = Self::WORDS.name;
    const TITLE: &'static str = Self::WORDS.title;
    const DESCRIPTION: &'static str = Self::WORDS.description;
    const EFFECT: Effect = Effect::Reads;
    const AT_MOST: &'static [(&'static str, u64)] = &[(LIMIT, MOST_ROWS)];
    type Arguments = O;
    type Answer = O::Reply;

    async fn run(call: &Call, operation: O) -> Result<O::Reply, ApiError> {
        call.run(with_few_rows(operation)?).await
    }

    fn text(reply: &O::Reply) -> String {
        let reply = serde_json::to_value(reply).unwrap_or_default();
        let mut text = String::new();
        for (name, value) in reply.as_object().into_iter().flatten() {
            match value {
                Value::Array(records) => {
                    text.push_str(&format!("{name}: {}\n", records.len()));
                    records.iter().for_each(|record| text.push_str(&barred(&line(record))));
                }
                Value::Null => {}
                alone => text.push_str(&format!("{name}: {}\n", line(alone))),
            }
        }
        text
    }
}

/// The operation, of which no more rows are wanted than an answer has.
fn with_few_rows<O: Operation>(operation: O) -> Result<O, ApiError> {
    let mut parameters = serde_json::to_value(&operation).map_err(|_| ApiError::fault())?;
    match parameters.get_mut(LIMIT) {
        Some(limit) if limit.as_u64().is_some_and(|limit| limit > MOST_ROWS) => *limit = MOST_ROWS.into(),
        _ => return Ok(operation),
    }
    serde_json::from_value(parameters).map_err(|_| ApiError::fault())
}

/// A value in one line.
fn line(value: &Value) -> String {
    match value {
        Value::Object(keys) => {
            keys.values().map(line).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
        }
        other => cell(other),
    }
}
