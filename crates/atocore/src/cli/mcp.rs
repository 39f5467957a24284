//! `mcp`: serves one client of the Model Context Protocol over the standard streams.

use clap::Args;

use super::exit::Exit;
use crate::{config::Config, mcp, verb::VerbError};

#[derive(Debug, Args)]
pub(super) struct Mcp;

impl Mcp {
    pub(super) fn run(self, config: Config) -> Result<Exit, VerbError> {
        mcp::serve(config)?;
        Ok(Exit::Done)
    }
}
