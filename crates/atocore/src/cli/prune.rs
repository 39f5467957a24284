//! `backup prune`, `pin` and `unpin`: which snapshots stay.

use atocore_engine::retention::KeepCounts;
use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{Table, count, plain, second, size},
};
use crate::operations::{ApiError, PinResult, PruneBackups, PruneDecision, PruneResult};

#[derive(Debug, Args)]
pub(super) struct Prune {
    #[command(flatten)]
    prune: PruneBackups,
    /// Only says what would be removed, as without --yes
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
}

impl Prune {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let exit = |result: &PruneResult| if result.failed.is_empty() { Exit::Done } else { Exit::Problems };
        console.judge(self.prune, print, exit)
    }
}

pub(super) fn print_pin(result: &PinResult, output: &Output) {
    let stamp = output.paint(Style::Bold, result.stamp);
    output.line(match result.was_pinned {
        None => format!("snapshot {stamp} is pinned: `backup prune` never removes it"),
        Some(true) => format!("snapshot {stamp} is not pinned any more"),
        Some(false) => format!("snapshot {stamp} was not pinned"),
    });
}

fn print(result: &PruneResult, output: &Output) {
    output.line(format!("keeping {}", rules(&result.keep)));
    let mut table = Table::new(&["STAMP", "TAKEN", "SIZE", "DECISION"]);
    for decision in &result.snapshots {
        table.row(row(decision));
    }
    if !result.snapshots.is_empty() {
        output.table(&table);
    }
    if !result.untouched.is_empty() {
        output.line(format!(
            "\nleft alone: {} not provably a whole snapshot; remove by hand what is not needed",
            count(result.untouched.len() as u64, "entry").replace("entrys", "entries")
        ));
        for untouched in &result.untouched {
            output.line(format!("  {}: {}", plain(&untouched.path), plain(&untouched.reason)));
        }
    }
    for failure in &result.failed {
        let state =
            if failure.still_listed { "was NOT removed" } else { "is not listed any more, but is not gone" };
        let stamp = output.paint(Style::Red, failure.stamp);
        output.line(format!("\n{stamp} {state}: {}", plain(&failure.why)));
    }
    let (removed, bytes) = (count(result.removed.len() as u64, "snapshot"), size(result.bytes));
    output.line(match (result.applied, result.removed.is_empty()) {
        (true, _) => format!("\n{removed} removed, {bytes}"),
        (false, true) => "\nnothing would be removed".to_owned(),
        (false, false) => {
            format!("\n{removed} would be removed, {bytes}; nothing was changed: do it with --yes")
        }
    });
}

fn row(decision: &PruneDecision) -> [String; 4] {
    let verdict = if decision.keep { "keep" } else { "REMOVE" };
    let reasons = format!("{verdict}: {}", plain(decision.reasons.join(", ")));
    [decision.stamp.to_string(), second(decision.taken_at), size(decision.bytes), reasons]
}

fn rules(keep: &KeepCounts) -> String {
    let rules = [
        ("last", keep.last),
        ("hourly", keep.hourly),
        ("daily", keep.daily),
        ("weekly", keep.weekly),
        ("monthly", keep.monthly),
        ("yearly", keep.yearly),
    ];
    let on = rules.into_iter().filter(|(_, number)| *number > 0);
    on.map(|(rule, number)| format!("{number} {rule}")).collect::<Vec<_>>().join(", ")
}
