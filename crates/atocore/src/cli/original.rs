//! `import-original`: takes over an installation of the original.

use std::path::{Path, PathBuf};

use atocore_engine::{Caller, ImportReport, OriginalInstallation};
use clap::Args;
use serde::Serialize;

use super::{
    Terminal,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{count, plain},
};
use crate::{config::Config, operations::ApiError, session::Session};

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
struct Imported {
    projects: u64,
    documents: u64,
    chunks: u64,
    project_state: u64,
    memories: u64,
    interactions: u64,
    unregistered_projects: Vec<String>,
    vectors_left: Option<u64>,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    what: &'static str,
    name: String,
    why: String,
}

impl ImportOriginal {
    pub(super) fn run(self, config: &Config, current_dir: &Path, output: &Output) -> Result<Exit, ApiError> {
        let original = OriginalInstallation {
            data: current_dir.join(&self.data),
            registry: self.registry.as_ref().map(|registry| current_dir.join(registry)),
        };
        let monitor = Terminal::watch(output.form());
        let engine = Session::owning(config, "import an original installation", &monitor)?;
        let report = engine.import_original(&original, Caller::Local, &monitor)?;
        drop(monitor);
        let exit = if report.left_out.is_empty() { Exit::Done } else { Exit::Problems };
        match output.form() {
            Form::Json => output.json(&Imported::from(report)),
            Form::Human => print(&report, output),
        }
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
        plain(&count(report.memories, "memory")),
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

impl From<ImportReport> for Imported {
    fn from(report: ImportReport) -> Self {
        let left =
            |left: atocore_engine::LeftOut| LeftOut { what: left.what, name: left.name, why: left.why };
        Self {
            projects: report.projects,
            documents: report.documents,
            chunks: report.chunks,
            project_state: report.project_state,
            memories: report.memories,
            interactions: report.interactions,
            unregistered_projects: report.unregistered,
            vectors_left: report.vectors_left,
            left_out: report.left_out.into_iter().map(left).collect(),
        }
    }
}
