//! `serve`: answers over HTTP until it is told to stop.

use atocore_model::monitor::Silent;
use clap::Args;
use serde::Serialize;

use super::{
    exit::Exit,
    output::{Form, Output},
};
use crate::{
    config::{Config, Flags},
    serve::{Ready, ServeSettings, serve},
    session::engine_config,
    verb::VerbError,
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on (`ATOCORE_HOST`, 127.0.0.1)
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on; 0 for any that is free (`ATOCORE_PORT`, 8100)
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
}

/// Where the server listens, as JSON.
#[derive(Serialize)]
struct Listening {
    address: String,
    socket: String,
}

impl Serve {
    /// Adds what was said on the command line to the other flags.
    pub(super) fn add_to(&self, flags: &mut Flags) {
        flags.host.clone_from(&self.host);
        flags.port.clone_from(&self.port);
    }

    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, VerbError> {
        let settings = ServeSettings {
            host: config.host.clone(),
            port: config.port,
            token: config.api_token.clone(),
            webhook: config.webhook.clone(),
        };
        serve(engine_config(config), &settings, |ready| announce(ready, output), &Silent)?;
        Ok(Exit::Done)
    }
}

fn announce(ready: &Ready, output: &Output) {
    match output.form() {
        Form::Json => output.json(&Listening {
            address: ready.address.to_string(),
            socket: ready.socket.display().to_string(),
        }),
        Form::Human => output.line(format!("listening on http://{}; Ctrl-C stops it", ready.address)),
    }
}
