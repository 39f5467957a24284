//! `demo`: everything at work on real documents.

use std::path::PathBuf;

use clap::Args;

use super::{console::Console, exit::Exit};
use crate::{demo, operations::ApiError};

#[derive(Debug, Args)]
pub(super) struct DemoCommand {
    /// A folder of your own documents; without it, AtoCore reads its own documentation
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl DemoCommand {
    /// The home of the demo: the folder that the user named for everything, else one of its own beside them.
    pub(super) fn home(&self, data_dir: Option<PathBuf>) -> PathBuf {
        data_dir.unwrap_or_else(|| PathBuf::from(demo::FOLDER))
    }

    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let folder = self.folder.as_ref().map(|folder| console.path(folder));
        let Console { program, config, environment, output, .. } = console;
        let monitor = console.watch();
        let same =
            demo::Demo { program, config, current_dir: &environment.current_dir, output, monitor: &monitor }
                .tell(folder.as_deref())?;
        Ok(if same { Exit::Done } else { Exit::Failed })
    }
}
