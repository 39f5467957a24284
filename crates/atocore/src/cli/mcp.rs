//! `mcp`: serves one client of the Model Context Protocol over the standard streams.

use clap::Args;

use super::exit::Exit;
use crate::{config::Config, mcp, operations::ApiError};

#[derive(Debug, Args)]
pub(super) struct Mcp;

impl Mcp {
    pub(super) fn run(self, config: Config) -> Result<Exit, ApiError> {
        mcp::serve(config)?;
        Ok(Exit::Done)
    }
}
