//! `index verify` and `index rebuild`: whether passages are found by the vectors that the store has.

use clap::Subcommand;

use super::{
    Terminal,
    exit::Exit,
    output::{Form, Output},
    typeset::count,
};
use crate::{
    config::Config,
    operations::{ApiError, RebuildIndex, VerifyIndex},
    session::Session,
    wire::IndexComparison,
};

#[derive(Debug, Subcommand)]
pub(super) enum Index {
    /// Compares every vector of the index with the store
    Verify,
    /// Builds the index anew from the store; nothing is embedded again
    Rebuild,
}

impl Index {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self {
            Self::Verify => verify(config, output),
            Self::Rebuild => rebuild(config, output),
        }
    }
}

fn verify(config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let monitor = Terminal::watch(output.form());
    let session = Session::writing(config, "index verify", &monitor)?;
    let found = session.run(VerifyIndex {}, &monitor)?;
    drop(monitor);
    match output.form() {
        Form::Json => output.json(&found),
        Form::Human => output.advise(sentence(&found)),
    }
    Ok(if found.same { Exit::Done } else { Exit::Problems })
}

fn sentence(found: &IndexComparison) -> String {
    let vectors = count(found.vectors, "vector");
    if found.same {
        return format!("the index has the {vectors} of the store and nothing else");
    }
    let IndexComparison { missing, wrong, extra, .. } = found;
    format!(
        "of the {vectors} of the store the index lacks {missing} and has {wrong} otherwise, and it has {extra} besides; \
         `atocore index rebuild` mends it"
    )
}

fn rebuild(config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let monitor = Terminal::watch(output.form());
    let session = Session::writing(config, "index rebuild", &monitor)?;
    let built = session.run(RebuildIndex {}, &monitor)?;
    drop(monitor);
    match output.form() {
        Form::Json => output.json(&built),
        Form::Human => output.line(format!("the index was built anew: {}", count(built.vectors, "vector"))),
    }
    Ok(Exit::Done)
}
