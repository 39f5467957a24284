//! `import-original`: takes over an installation of the original.

use std::path::PathBuf;

use atocore_engine::{Caller, ImportReport, OriginalInstallation};
use clap::Args;
use serde::Serialize;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{count, plain},
};
use crate::{operations::ApiError, runner::Runner};

#[derive(Debug, Args)]
pub(super) struct ImportOriginal {
    /// The data folder of the original, with `db/atocore.db`; it is only read
    #[arg(value_name = "DATA_DIR")]
    data: PathBuf,
    /// Its registry, when that is not `config/project-registry.json` beside the data folder
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
}

/// What was taken over, as JSON.
#[derive(Debug, Serialize)]
struct ImportedInstallation<'a> {
    projects: u64,
    documents: u64,
    chunks: u64,
    project_state: u64,
    memories: u64,
    interactions: u64,
    unregistered_projects: &'a [String],
    vectors_left: Option<u64>,
    left_out: Vec<LeftOutItem<'a>>,
}

#[derive(Debug, Serialize)]
struct LeftOutItem<'a> {
    what: &'static str,
    name: &'a str,
    why: &'a str,
}

impl ImportOriginal {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let original = OriginalInstallation {
            data: console.path(&self.data),
            registry: self.registry.as_ref().map(|registry| console.path(registry)),
        };
        let monitor = console.watch();
        let engine = Runner::owning(console.config, "import an original installation", &monitor)?;
        let report = engine.import_original(&original, Caller::Local, &monitor)?;
        drop(monitor);
        let exit = if report.left_out.is_empty() { Exit::Done } else { Exit::Problems };
        console.output.answer(&ImportedInstallation::from(&report), |_, output| print(&report, output));
        Ok(exit)
    }
}

fn print(report: &ImportReport, output: &Output) {
    output.line(format!(
        "{}: {}, {} with {}, {} of project state, {}, {}",
        output.paint(Style::Bold, "taken over"),
        count(report.projects, "project"),
        count(report.documents, "document"),
        count(report.chunks, "passage"),
        count(report.project_state, "entry"),
        plain(count(report.memories, "memory")),
        count(report.interactions, "interaction")
    ));
    for id in &report.unregistered {
        output.advise(format!(
            "facts of a project that is not registered are kept: `atocore project add {id} --root FOLDER` shows them"
        ));
    }
    if let Some(vectors) = report.vectors_left {
        output.advise(format!(
            "{} of the original's model were left: `atocore embed` makes new ones from the texts",
            count(vectors, "vector")
        ));
    }
    for left in &report.left_out {
        output.line(format!("left out: {} {}: {}", left.what, plain(&left.name), plain(&left.why)));
    }
    output.advise(
        "\nthe original was only read; `atocore refresh --all` reads what has changed in its documents since",
    );
}

impl<'a> From<&'a ImportReport> for ImportedInstallation<'a> {
    fn from(report: &'a ImportReport) -> Self {
        let left = |left: &'a atocore_engine::SkippedItem| LeftOutItem {
            what: left.what,
            name: &left.name,
            why: &left.why,
        };
        Self {
            projects: report.projects,
            documents: report.documents,
            chunks: report.chunks,
            project_state: report.project_state,
            memories: report.memories,
            interactions: report.interactions,
            unregistered_projects: &report.unregistered,
            vectors_left: report.vectors_left,
            left_out: report.left_out.iter().map(left).collect(),
        }
    }
}
