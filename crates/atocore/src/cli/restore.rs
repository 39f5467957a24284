//! `backup restore` and `backup undo`: over the present state, or a snapshot into an empty folder.

use std::path::PathBuf;

use atocore_engine::{LostChanges, RestoreOutcome, RestorePlan, RestoreReport, StoreCounts, SystemClock};
use atocore_model::{error::ErrorCode, time::Clock};
use clap::Args;
use serde::Serialize;

use super::{
    changes,
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{Table, count, plain, second, shell, size},
};
use crate::{
    operations::{ApiError, Operation, PlanRestore, PlanUndo, RestoreBackup, UndoRestore, stamp},
    runner::Runner,
};

/// How many of the facts that would be lost are shown to a person.
const FACTS_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    plan: PlanRestore,
    /// Restore into this folder instead, which is empty or does not exist; afterwards it is used with --data-dir
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dry_run", "yes"])]
    to: Option<PathBuf>,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, Args)]
pub(super) struct Undo {
    #[command(flatten)]
    plan: PlanUndo,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, Args)]
struct Consent {
    /// Only says what would change, as without --yes
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Does it
    #[arg(long)]
    yes: bool,
}

/// What a restore into a folder has put in place, as JSON.
#[derive(Serialize)]
struct Restored {
    stamp: String,
    path: String,
    proven_depth: String,
    generation: Option<u64>,
    total_bytes: u64,
    files: Vec<RestoredPath>,
}

#[derive(Serialize)]
struct RestoredPath {
    path: String,
    size_bytes: u64,
    blake3: String,
}

impl Restore {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Self { plan, to, consent } = self;
        let Some(to) = to else {
            let command = format!("atocore backup restore {}", plan.stamp);
            plan.check()?;
            let restore = RestoreBackup { stamp: plan.stamp.clone(), generation: None };
            return over_the_present(plan, restore, &consent, &command, console);
        };
        let (config, output) = (console.config, console.output);
        let stamp = stamp(&plan.stamp, || atocore_engine::latest(&config.engine.layout, SystemClock.now()))?;
        let monitor = console.watch();
        let folder = console.path(&to);
        if folder.exists() && !folder.is_dir() {
            let message = format!("`{}` is not a folder", to.display());
            return Err(ApiError::new(ErrorCode::TargetNotEmpty, message)
                .with_hint("name an empty folder, or one that does not exist yet"));
        }
        let report = atocore_engine::restore(&config.engine.layout, stamp, &folder, &SystemClock, &monitor)?;
        drop(monitor);
        tracing::info!(stamp = %report.stamp, target = %report.target.display(), "runtime_backup_restored");
        output.answer(&Restored::from(&report), |_, output| {
            print_restored(&report, output);
            let folder = shell(&report.target.to_string_lossy());
            output.advise(format!("\nuse it: `atocore --data-dir {folder} status`"));
        });
        Ok(Exit::Done)
    }
}

impl Undo {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let undo = UndoRestore { generation: None };
        over_the_present(self.plan, undo, &self.consent, "atocore backup undo", console)
    }
}

fn over_the_present(
    plan: impl Operation<Reply = RestorePlan>,
    restore: impl Operation<Reply = RestoreOutcome>,
    consent: &Consent,
    command: &str,
    console: &Console<'_>,
) -> Result<Exit, ApiError> {
    if !consent.yes {
        return console.run(plan, |plan, output| {
            print_plan(plan, "would restore", output);
            output.advise(format!("\nnothing was changed; `{command} --yes` does it"));
        });
    }
    let monitor = console.watch();
    let runner = Runner::for_operation(console.config, &restore, &monitor)?;
    let served = matches!(runner, Runner::Remote(_));
    let outcome = runner.run(restore, &monitor)?;
    drop(monitor);
    console.output.answer(&outcome, |outcome, output| print_outcome(outcome, served, output));
    Ok(Exit::Done)
}

fn print_plan(plan: &RestorePlan, does: &str, output: &Output) {
    output.line(format!(
        "{does} snapshot {} of {}, proven to depth `{}`:",
        output.paint(Style::Bold, plan.stamp),
        second(plain(&plan.taken_at)),
        plan.proven_depth
    ));
    let mut table = Table::bare();
    let holds = |counts: &StoreCounts| {
        let StoreCounts { generation, documents, chunks, vectors, .. } = counts;
        let facts = counts.project_state + counts.memories + counts.interactions;
        let (documents, chunks) = (count(*documents, "document"), count(*chunks, "passage"));
        let (vectors, facts) = (count(*vectors, "vector"), count(facts, "fact"));
        format!("{documents} · {chunks} · {vectors} · {facts} · generation {generation}")
    };
    let present = plan.present.as_ref().map_or_else(|| "no store that can be read".to_owned(), holds);
    table.row(["  from".to_owned(), present]);
    if let Some(problem) = &plan.store_problem {
        let told = format!("{}; no snapshot can be taken of it, its files are kept", plain(problem));
        table.row(["  damaged".to_owned(), told]);
    }
    table.row(["  to".to_owned(), holds(&plan.restored)]);
    for (word, projects) in [
        ("  projects back", &plan.projects_gained),
        ("  projects gone", &plan.projects_lost),
        ("  projects changed", &plan.projects_changed),
    ] {
        if !projects.is_empty() {
            table.row([word.to_owned(), plain(projects.join(", "))]);
        }
    }
    if let Some(problem) = &plan.registry_problem {
        let told = format!("comes back as it was, and was broken then: {}", plain(problem));
        table.row(["  registry".to_owned(), told]);
    }
    table.row(["  lost".to_owned(), lost(plan)]);
    if plan.replaces_vector_store {
        table.row(["  vectors".to_owned(), "the directory of the vector store is replaced too".to_owned()]);
    }
    output.table(&table);
    print_lost_facts(&plan.lost, output);
}

/// Facts stand in no document: what is lost of them is named, one by one.
fn print_lost_facts(lost: &LostChanges, output: &Output) {
    if lost.facts.is_empty() {
        return;
    }
    output.line(format!("  {} of facts among them:", count(lost.fact_changes, "change")));
    for change in lost.facts.iter().take(FACTS_SHOWN) {
        output.line(format!("    {}", changes::line(change)));
    }
    let more = lost.fact_changes.saturating_sub(FACTS_SHOWN as u64);
    if more > 0 {
        // There the newest ones are named, up to a limit.
        let named = match lost.facts.len() as u64 {
            named if named >= lost.fact_changes => "all of them".to_owned(),
            named => format!("the newest {named} of them"),
        };
        output.line(format!("    and {more} more; `--json` names {named}"));
    }
}

fn lost(plan: &RestorePlan) -> String {
    let lost = &plan.lost;
    match lost.what.as_str() {
        "since" if lost.changes == 0 => "nothing: no change since".to_owned(),
        "since" => {
            let verbs: Vec<_> =
                lost.by_verb.iter().map(|(verb, times)| format!("{times} × {verb}")).collect();
            format!("{} made since: {}", count(lost.changes, "change"), plain(verbs.join(", ")))
        }
        // A store that was made for this very restore.
        "everything" if lost.changes == 0 && plan.store_problem.is_none() => {
            "nothing: there is nothing in the store".to_owned()
        }
        "everything" => "everything: the snapshot is of another store".to_owned(),
        _ if plan.store_problem.is_some() => "what is newer than the snapshot cannot be told".to_owned(),
        _ => "nothing: there is no store that could be read".to_owned(),
    }
}

/// `served` says whether there was a server, and with it somebody who could have waited for an answer.
fn print_outcome(outcome: &RestoreOutcome, served: bool, output: &Output) {
    print_plan(&outcome.plan, "restored", output);
    let (restored, present) = (outcome.generation, outcome.present_generation.max(outcome.generation));
    let outage =
        if served { format!("; requests waited for {:.0} ms", outcome.outage_ms) } else { String::new() };
    output.line(format!(
        "\n{}: generation {restored} of the snapshot is generation {present} now{outage}",
        output.paint(Style::Green, "done")
    ));
    if let Some(kept) = &outcome.kept {
        output.line(format!("the files of the store before are kept in {}", plain(kept)));
    }
    if let Some(safety) = &outcome.safety_stamp {
        output.advise(format!(
            "the state before is snapshot {safety}; `atocore backup undo --yes` restores it"
        ));
    }
}

/// Sets what a restore into a folder did for a person.
pub(crate) fn print_restored(report: &RestoreReport, output: &Output) {
    output.line(format!(
        "snapshot {} restored into {}",
        output.paint(Style::Bold, report.stamp),
        report.target.display()
    ));
    let files = count(report.files.len() as u64, "file");
    output.line(format!(
        "  {files}, {}, proven to depth `{}` before, compared with the record after",
        size(report.bytes),
        report.proven
    ));
}

impl From<&RestoreReport> for Restored {
    fn from(report: &RestoreReport) -> Self {
        let file = |file: &atocore_engine::RestoredFile| RestoredPath {
            path: file.path.to_string_lossy().into_owned(),
            size_bytes: file.size_bytes,
            blake3: file.digest.to_string(),
        };
        Self {
            stamp: report.stamp.to_string(),
            path: report.target.to_string_lossy().into_owned(),
            proven_depth: report.proven.to_string(),
            generation: report.generation.map(|generation| generation.0),
            total_bytes: report.bytes,
            files: report.files.iter().map(file).collect(),
        }
    }
}
