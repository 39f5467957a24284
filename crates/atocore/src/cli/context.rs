//! `context`: makes a context pack, and compares two.

use std::path::Path;

use atocore_engine::files;
use atocore_model::{digest::Digest, error::ErrorCode};
use clap::{Args, Subcommand};

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    search::QuestionText,
    typeset::{count, excerpt, harmless, plain},
};
use crate::{
    operations::{
        ApiError, BuildContext, ContextPack, ContextPackItem, PackChange, PackDiff, PackPassage, ShowContext,
    },
    packs,
};

/// How much of a hash is shown.
const HASH: usize = 12;
/// How much of a changed item is shown: lines, and characters of each.
const SHOWN: (usize, usize) = (1, 72);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct ContextCommand {
    #[command(flatten)]
    build: Build,
    #[command(subcommand)]
    command: Option<PackCommand>,
}

#[derive(Debug, Subcommand)]
enum PackCommand {
    /// Shows how two packs differ
    Diff {
        /// A file with the JSON of a pack, or the hash of one that the running server remembers
        #[arg(value_name = "A")]
        a: String,
        /// The other one
        #[arg(value_name = "B")]
        b: String,
    },
}

#[derive(Debug, Args)]
struct Build {
    #[command(flatten)]
    prompt: QuestionText,
    #[command(flatten)]
    build: BuildContext,
}

impl ContextCommand {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self.command {
            Some(PackCommand::Diff { a, b }) => {
                let diff = PackDiff::of(&pack(&a, console)?, &pack(&b, console)?);
                console.output.answer(&diff, print_diff);
                Ok(Exit::Done)
            }
            None => {
                let Build { prompt, build } = self.build;
                console.run(BuildContext { prompt: prompt.line(), ..build }, print)
            }
        }
    }
}

/// The pack in a file, or the one that the running server remembers.
fn pack(named: &str, console: &Console<'_>) -> Result<ContextPack, ApiError> {
    let invalid = |message: String| {
        ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("`atocore --json context TEXT > FILE` makes a file, and `hash` in it is the hash")
    };
    let bytes = files::read_named(Path::new(named));
    let bytes = bytes.map_err(|error| invalid(format!("`{named}` cannot be read: {error}")))?;
    match bytes {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| invalid(format!("`{named}` is not the JSON of a context pack: {error}"))),
        None if packs::is_hash(named) => console.ask(ShowContext { hash: Some(named.to_owned()) }),
        None => Err(invalid(format!("`{named}` is neither a file nor a hash"))),
    }
}

/// The text goes to the answer, and what there is to say about it beside it.
fn print(pack: &ContextPack, output: &Output) {
    for line in pack.formatted_context.lines() {
        output.line(harmless(line));
    }
    let used = pack.budget - pack.budget_remaining;
    let (state, memories, chunks) = (pack.project_state_chars, pack.memory_chars, pack.retrieval_chars);
    output.remark(format!(
        "{used} of {} {}: state {state}, memories {memories}, {} {chunks} chars; generation {}, hash {}",
        pack.budget,
        pack.unit,
        count(pack.chunks_used, "passage"),
        pack.generation,
        short(pack.hash)
    ));
    output.notices(&pack.notices);
    for nearly in &pack.nearly {
        let (what, needs, left) = (plain(&nearly.what), nearly.needs, nearly.left);
        output.remark(format!("nearly: {what} takes {needs}, {left} were left"));
    }
}

fn print_diff(diff: &PackDiff, output: &Output) {
    if diff.same && diff.asked.is_empty() && diff.changed.is_empty() {
        output.line(format!("the same: {}", short(diff.a.hash)));
        return;
    }
    for (name, side) in [("a", &diff.a), ("b", &diff.b)] {
        let hash = short(side.hash);
        let (chars, budget, unit, generation) = (side.chars, side.budget, &side.unit, side.generation);
        output.line(format!("{name}  {hash}  {chars} chars of {budget} {unit}, generation {generation}"));
    }
    if !diff.asked.is_empty() {
        output.line(format!("asked with another {}", diff.asked.join(", ")));
    }
    for tier in diff.tiers.iter().filter(|tier| (tier.chars_a, tier.items_a) != (tier.chars_b, tier.items_b))
    {
        let (name, items) = (&tier.tier, format!("{} → {} items", tier.items_a, tier.items_b));
        output.line(format!("{name}: {items}, {} → {} chars", tier.chars_a, tier.chars_b));
    }
    for item in &diff.removed {
        output.line(output.paint(Style::Red, format!("- {}", shown(item))));
    }
    for item in &diff.added {
        output.line(output.paint(Style::Green, format!("+ {}", shown(item))));
    }
    for change in &diff.changed {
        output.line(output.paint(Style::Yellow, format!("~ {}", said(change))));
    }
}

fn shown(item: &ContextPackItem) -> String {
    let place = item.passage.as_ref().map(PackPassage::cited);
    let key =
        item.category.as_ref().zip(item.key.as_ref()).map(|(category, key)| format!("{category} / {key}"));
    let name = place.or(key).or_else(|| item.memory_type.map(|sort| sort.to_string())).unwrap_or_default();
    let text = excerpt(&item.text, SHOWN.0, SHOWN.1).join(" ");
    format!("{} {}: {text}", item.tier, plain(&name))
}

fn said(change: &PackChange) -> String {
    let mut said = Vec::new();
    if let (Some(a), Some(b)) = (change.lines_a, change.lines_b)
        && a != b
    {
        said.push(format!("lines {a} → {b}"));
    }
    if change.text_changed {
        said.push("other words".to_owned());
    }
    if change.place_a != change.place_b {
        said.push(format!("place {} → {}", change.place_a, change.place_b));
    }
    format!("{} {}: {}", change.tier, plain(&change.what), said.join(", "))
}

fn short(hash: Digest) -> String {
    hash.to_string().chars().take(HASH).collect()
}
