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
    type Arguments = O;
    type Answer = O::Reply;

    async fn run(call: &Call, operation: O) -> Result<O::Reply, ApiError> {
        call.run(operation).await
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

/// A value in one line.
fn line(value: &Value) -> String {
    match value {
        Value::Object(keys) => {
            keys.values().map(line).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
        }
        other => cell(other),
    }
}
