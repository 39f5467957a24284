//! `backup prune`, `pin` and `unpin`: which snapshots stay.

use atocore_model::monitor::Silent;
use clap::Args;

use super::{
    Terminal,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, count, plain, second, size},
};
use crate::{
    config::Config,
    operations::{ApiError, PinBackup, PruneBackups, UnpinBackup},
    session::Session,
    wire::{PinResult, PruneDecision, PruneResult, RetentionPolicy},
};

#[derive(Debug, Args)]
pub(super) struct Prune {
    /// Only says what would be removed, as without --yes
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Does it
    #[arg(long)]
    yes: bool,
    /// Keep that many of the newest (`ATOCORE_KEEP_LAST`)
    #[arg(long, value_name = "N")]
    keep_last: Option<u32>,
    /// Keep the newest of that many hours (`ATOCORE_KEEP_HOURLY`)
    #[arg(long, value_name = "N")]
    keep_hourly: Option<u32>,
    /// Keep the newest of that many days (`ATOCORE_KEEP_DAILY`)
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Keep the newest of that many weeks (`ATOCORE_KEEP_WEEKLY`)
    #[arg(long, value_name = "N")]
    keep_weekly: Option<u32>,
    /// Keep the newest of that many months (`ATOCORE_KEEP_MONTHLY`)
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
    /// Keep the newest of that many years (`ATOCORE_KEEP_YEARLY`)
    #[arg(long, value_name = "N")]
    keep_yearly: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Pin {
    /// Its name, as `backup list` shows it, or `latest`
    stamp: String,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

#[derive(Debug, Args)]
pub(super) struct Unpin {
    /// Its name, as `backup list` shows it, or `latest`
    stamp: String,
}

impl Prune {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let operation = PruneBackups {
            apply: self.yes,
            keep_last: self.keep_last,
            keep_hourly: self.keep_hourly,
            keep_daily: self.keep_daily,
            keep_weekly: self.keep_weekly,
            keep_monthly: self.keep_monthly,
            keep_yearly: self.keep_yearly,
        };
        let monitor = Terminal::watch(output.form());
        let result = Session::looking(config)?.run(operation, &monitor)?;
        drop(monitor);
        match output.form() {
            Form::Json => output.json(&result),
            Form::Human => print(&result, output),
        }
        Ok(if result.failed.is_empty() { Exit::Done } else { Exit::Problems })
    }
}

impl Pin {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let operation = PinBackup { stamp: self.stamp, note: self.note };
        let result = Session::looking(config)?.run(operation, &Silent)?;
        print_pin(&result, output);
        Ok(Exit::Done)
    }
}

impl Unpin {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let result = Session::looking(config)?.run(UnpinBackup { stamp: self.stamp }, &Silent)?;
        print_pin(&result, output);
        Ok(Exit::Done)
    }
}

fn print_pin(result: &PinResult, output: &Output) {
    if output.form() == Form::Json {
        return output.json(result);
    }
    let stamp = output.paint(Style::Bold, plain(&result.stamp));
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
    for (index, line) in
        table.lines(output.width()).iter().enumerate().take_while(|_| !result.snapshots.is_empty())
    {
        output.line(if index == 0 { output.paint(Style::Dim, line) } else { line.clone() });
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
        let stamp = output.paint(Style::Red, plain(&failure.stamp));
        output.line(format!("\n{stamp} {state}: {}", plain(&failure.reason)));
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
    let reasons = format!("{verdict}: {}", plain(&decision.reasons.join(", ")));
    [plain(&decision.stamp), second(&plain(&decision.taken_at)), size(decision.bytes), reasons]
}

fn rules(keep: &RetentionPolicy) -> String {
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
