//! Finding passages.

use atocore_engine::{caution_said, cautions_of};
use atocore_model::query::{Answer, Notice};

use super::{
    answer::{DATA_NOTE, LIMIT_CHARS, fitting, notices, quoted},
    call::Call,
    names,
    tool::{Effect, Tool},
};
use crate::{
    cli::{count, heading, place},
    operations::{ApiError, Query},
};

/// `atocore_search`.
pub(super) struct SearchTool;

impl Tool for SearchTool {
    const NAME: &'static str = names::SEARCH;
    const TITLE: &'static str = "Search documents";
    const DESCRIPTION: &'static str = "Finds passages in the user's documents, best first, each with its file, \
        lines, date, score and fit (from 0.5 on about what was asked). Use it before answering anything that the user's notes, specifications, logs or decisions may say.";
    const EFFECT: Effect = Effect::Reads;
    const HIDDEN: &'static [&'static str] =
        &["format", "title", "all_copies", "explain", "wait_generation", "wait_fresh"];
    type Arguments = Query;
    type Answer = Answer;

    async fn run(call: &Call, query: Query) -> Result<Answer, ApiError> {
        let mut answer = call.run(query).await?;
        let fits = fitting(&answer.hits);
        let left_out = answer.hits.len() - fits;
        if left_out > 0 {
            answer.hits.truncate(fits);
            answer.notices.push(Notice::Said(format!(
                "{} left out: an answer here has at most about {LIMIT_CHARS} characters; ask for fewer, or more narrowly",
                count(left_out as u64, "more passage")
            )));
        }
        Ok(answer)
    }

    fn text(answer: &Answer) -> String {
        let found = count(answer.hits.len() as u64, "passage");
        let mut text = format!(
            "{found} of {} ranked ({}, generation {}).\n",
            answer.candidates, answer.mode, answer.generation
        );
        text.push_str(&notices(&answer.notices));
        if answer.hits.is_empty() {
            text.push_str(match answer.left_out {
                0 => "Nothing was found. Try other words, or fewer conditions.\n",
                _ => "Nothing fits. Try other words; `min_fit` 0 shows what was found all the same.\n",
            });
            return text;
        }
        text.push_str(DATA_NOTE);
        text.push('\n');
        for (rank, hit) in (1..).zip(&answer.hits) {
            let (heading, place) = (heading(hit), place(hit));
            text.push_str(&format!(
                "\n{rank}. {heading}\n   {place} · score {:.4} · fit {} · {}\n",
                hit.score, hit.fit, hit.chunk_id
            ));
            let flags = cautions_of(&[&hit.content, &hit.title, hit.heading_path.as_str()].join("\n"));
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
