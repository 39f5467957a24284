//! Finding passages.

use atocore_engine::{caution_said, cautions_of};
use atocore_model::ranking::Mode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{DATA_NOTE, LIMIT_CHARS, fitting, notices, quoted},
    call::Call,
    tools::{Effect, Tool, Words},
};
use crate::{
    cli::{count, heading, place},
    operations::{self, ApiError},
    wire,
};

/// `atocore_search`.
pub(super) struct Search;

/// What to look for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// What to look for, as a question or as words; at most 10,000 characters.
    query: String,
    /// The project it is about, by id or alias. Its passages are ranked higher; with `scope` nothing else is searched.
    #[serde(default)]
    project: Option<String>,
    /// Search nothing but `project`.
    #[serde(default)]
    scope: Option<bool>,
    /// Only documents with every one of these tags; `project` stands for `project/alpha` too.
    #[serde(default)]
    filter_tags: Option<Vec<String>>,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    #[serde(default)]
    path: Option<String>,
    /// How many passages at most: 10 when left out. Fewer come back when they are long.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200, default = 10)]
    top_k: Option<u64>,
    /// `hybrid`, by words and meaning; `dense`, by meaning alone; `lexical`, by words alone, for exact names.
    #[serde(default)]
    mode: Option<String>,
}

impl Tool for Search {
    const NAME: &'static str = "atocore_search";
    const TITLE: &'static str = "Search documents";
    const DESCRIPTION: &'static str = "Finds passages in the user's documents by words and by meaning, best first, each with its file, \
        lines, date and score. Use it before answering anything that the user's notes, specifications, logs or decisions may say. \
        Read more around a passage with atocore_get.";
    const EFFECT: Effect = Effect::Reads;
    const WORDS: &'static [(&'static str, Words)] =
        &[("mode", || Mode::ALL.into_iter().map(Mode::as_str).collect())];
    type Arguments = Arguments;
    type Answer = wire::Answer;

    async fn run(call: &Call, asked: Arguments) -> Result<wire::Answer, ApiError> {
        let query = operations::Query {
            query: asked.query,
            top_k: asked.top_k,
            filter_tags: asked.filter_tags,
            project: asked.project,
            scope: asked.scope.unwrap_or_default(),
            path: asked.path,
            mode: asked.mode,
            ..operations::Query::default()
        };
        let mut answer = call.run(query).await?;
        let fits = fitting(&answer.results);
        let left_out = answer.results.len() - fits;
        if left_out > 0 {
            answer.results.truncate(fits);
            answer.notices.push(format!(
                "{} left out: an answer here has at most about {LIMIT_CHARS} characters; ask for fewer, or more narrowly",
                count(left_out as u64, "more passage")
            ));
        }
        Ok(answer)
    }

    fn text(answer: &wire::Answer) -> String {
        let found = count(answer.results.len() as u64, "passage");
        let mut text = format!(
            "{found} of {} ranked ({}, generation {}).\n",
            answer.candidates, answer.mode, answer.generation
        );
        text.push_str(&notices(&answer.notices));
        if answer.results.is_empty() {
            text.push_str("Nothing was found. Try other words, or without project, tags and path.\n");
            return text;
        }
        text.push_str(DATA_NOTE);
        text.push('\n');
        for (rank, hit) in (1..).zip(&answer.results) {
            let (heading, place) = (heading(hit), place(hit));
            text.push_str(&format!(
                "\n{rank}. {heading}\n   {place} · score {:.4} · {}\n",
                hit.score, hit.chunk_id
            ));
            let flags =
                cautions_of(&[&hit.content, &hit.title, &hit.heading_path].map(String::as_str).join("\n"));
            if !flags.is_empty() {
                let said: Vec<_> = flags.into_iter().map(caution_said).collect();
                text.push_str(&format!("   caution: {}\n", said.join(", ")));
            }
            text.push_str(&quoted(hit.lines.first, &hit.content));
            if hit.copy_count > 0 {
                text.push_str(&format!("   the same stands in {}\n", count(hit.copy_count, "other place")));
            }
        }
        text
    }
}
