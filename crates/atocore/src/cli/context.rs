//! `context`: makes a context pack, and compares two.

use std::path::Path;

use atocore_engine::files;
use atocore_model::{error::ErrorCode, monitor::Silent};
use clap::{Args, Subcommand};

use super::{
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{count, excerpt, harmless, plain},
};
use crate::{
    config::Config,
    operations::{ApiError, BuildContext, ShowContext},
    packs,
    session::Session,
    wire::{Lines, Pack, PackChange, PackDiff, PackItem},
};

/// How much of a hash is shown.
const HASH: usize = 12;
/// How much of a changed item is shown: lines, and characters of each.
const SHOWN: (usize, usize) = (1, 72);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Context {
    #[command(flatten)]
    build: Build,
    #[command(subcommand)]
    command: Option<ContextCommand>,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
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
    /// What the agent was asked
    #[arg(value_name = "TEXT", required = true, num_args = 1..)]
    text: Vec<String>,
    /// The project it is about, by id or alias
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Take no passage of another project
    #[arg(long)]
    scope: bool,
    /// How long the pack may be: 1 to 1000000, else 3000
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    budget: Option<u64>,
    /// What the budget is counted in: characters, or tokens of the embedding model
    #[arg(long, value_name = "UNIT", value_parser = ["chars", "tokens"])]
    unit: Option<String>,
    /// Only this part: state, memories or chunks; can be given several times
    #[arg(long = "tier", value_name = "TIER", value_parser = ["state", "memories", "chunks"])]
    tiers: Vec<String>,
    /// How many passages are looked at, at most: 1 to 200
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    top_k: Option<u64>,
    /// Only documents with this tag or one below it; can be given several times
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<String>,
    /// Only documents whose path below their root matches this glob, or lies below this folder
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// By words and meaning (hybrid), by meaning alone (dense), or by words alone (lexical)
    #[arg(long, value_name = "MODE", value_parser = ["hybrid", "dense", "lexical"])]
    mode: Option<String>,
    /// Answer only once this generation can be seen
    #[arg(long, value_name = "GENERATION")]
    wait: Option<u64>,
}

impl Context {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self.command {
            Some(ContextCommand::Diff { a, b }) => {
                let diff = PackDiff::of(&pack(&a, config)?, &pack(&b, config)?);
                if output.form() == Form::Json {
                    output.json(&diff);
                } else {
                    print_diff(&diff, output);
                }
            }
            None => {
                let pack = Session::reading(config, &Silent)?.run(self.build.operation(), &Silent)?;
                if output.form() == Form::Json {
                    output.json(&pack);
                } else {
                    print(&pack, output);
                }
            }
        }
        Ok(Exit::Done)
    }
}

impl Build {
    fn operation(self) -> BuildContext {
        BuildContext {
            prompt: self.text.join(" "),
            project: self.project,
            scope: self.scope,
            budget: self.budget,
            unit: self.unit,
            tiers: (!self.tiers.is_empty()).then_some(self.tiers),
            top_k: self.top_k,
            filter_tags: (!self.tags.is_empty()).then_some(self.tags),
            path: self.path,
            mode: self.mode,
            wait_generation: self.wait,
        }
    }
}

/// The pack in a file, or the one that the running server remembers.
fn pack(named: &str, config: &Config) -> Result<Pack, ApiError> {
    let invalid = |message: String| {
        ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("`atocore --json context TEXT > FILE` makes a file, and `hash` in it is the hash")
    };
    let bytes = files::read_if_present(Path::new(named));
    let bytes = bytes.map_err(|error| invalid(format!("`{named}` cannot be read: {error}")))?;
    match bytes {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| invalid(format!("`{named}` is not the JSON of a context pack: {error}"))),
        None if packs::is_hash(named) => {
            Session::looking(config)?.run(ShowContext { hash: Some(named.to_owned()) }, &Silent)
        }
        None => Err(invalid(format!("`{named}` is neither a file nor a hash"))),
    }
}

/// The text goes to the answer, and what there is to say about it beside it.
fn print(pack: &Pack, output: &Output) {
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
        short(&pack.hash)
    ));
    for notice in &pack.notices {
        output.remark(output.aimed(format!("note: {}", plain(notice))));
    }
    for nearly in &pack.nearly {
        let (what, needs, left) = (plain(&nearly.what), nearly.needs, nearly.left);
        output.remark(format!("nearly: {what} takes {needs}, {left} were left"));
    }
}

fn print_diff(diff: &PackDiff, output: &Output) {
    if diff.same && diff.asked.is_empty() && diff.changed.is_empty() {
        output.line(format!("the same: {}", short(&diff.a.hash)));
        return;
    }
    for (name, side) in [("a", &diff.a), ("b", &diff.b)] {
        let hash = short(&side.hash);
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

fn shown(item: &PackItem) -> String {
    let place =
        item.passage.as_ref().map(|passage| format!("{}:{}", passage.source_file, lines(passage.lines)));
    let key =
        item.category.as_ref().zip(item.key.as_ref()).map(|(category, key)| format!("{category} / {key}"));
    let name = place.or(key).or_else(|| item.memory_type.clone()).unwrap_or_default();
    let text = excerpt(&item.text, SHOWN.0, SHOWN.1).join(" ");
    format!("{} {}: {text}", item.tier, plain(&name))
}

fn said(change: &PackChange) -> String {
    let mut said = Vec::new();
    if let (Some(a), Some(b)) = (change.lines_a, change.lines_b)
        && a != b
    {
        said.push(format!("lines {} → {}", lines(a), lines(b)));
    }
    if change.text_changed {
        said.push("other words".to_owned());
    }
    if change.place_a != change.place_b {
        said.push(format!("place {} → {}", change.place_a, change.place_b));
    }
    format!("{} {}: {}", change.tier, plain(&change.what), said.join(", "))
}

fn lines(lines: Lines) -> String {
    if lines.first == lines.last {
        lines.first.to_string()
    } else {
        format!("{}-{}", lines.first, lines.last)
    }
}

fn short(hash: &str) -> &str {
    hash.get(..HASH).unwrap_or(hash)
}
