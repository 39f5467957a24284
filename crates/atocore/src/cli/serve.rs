//! `serve`: answers over HTTP until it is told to stop.

use atocore_engine::files;
use atocore_model::{error::ErrorCode, monitor::Silent};
use clap::Args;
use serde::Serialize;

use super::{
    console::Console,
    exit::Exit,
    output::{Form, Output},
};
use crate::{
    config::{Config, Flags, Token},
    operations::ApiError,
    runner::engine_config,
    serve::{NetworkSettings, Ready, ServeSettings, serve},
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on (`ATOCORE_HOST`, 127.0.0.1)
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on; 0 for any that is free (`ATOCORE_PORT`, 8100)
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Make a token that every program must show, unless one is set: it stays in the file `api-token` of the home
    #[arg(long)]
    make_token: bool,
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

    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Console { config, output, .. } = *console;
        let made =
            if self.make_token && config.api_token.is_none() { Some(make_token(config)?) } else { None };
        let mut engine = engine_config(config);
        if made.is_some() {
            engine.settings.secrets.push(config.token_file.clone());
        }
        let settings = ServeSettings {
            activity: "serve",
            network: Some(NetworkSettings {
                host: config.host.clone(),
                port: config.port,
                token: made.or_else(|| config.api_token.clone()),
            }),
            webhook: config.webhook.clone(),
            follow: config.follow,
            runtime_dir: config.runtime_dir.clone(),
            on_refresh: None,
        };
        let is_open = settings.network.as_ref().is_some_and(|network| network.token.is_none());
        let announce = |ready: &Ready| {
            announce(ready, output);
            if is_open && output.form() == Form::Human {
                output.remark(
                    "every user of this machine can ask this server and change what is stored: \
                     `atocore serve --make-token` lets in only who has a token",
                );
            }
        };
        serve(engine, &settings, announce, &Silent)?;
        Ok(Exit::Done)
    }
}

/// Makes a token and keeps it in the home, for this user alone. It is printed nowhere.
fn make_token(config: &Config) -> Result<Token, ApiError> {
    if config.home_was_found() {
        let message =
            "a token is kept only in a home that was named, and this one was found from the current folder";
        return Err(ApiError::new(ErrorCode::InvalidSetting, message)
            .with_hint(format!("`atocore --data-dir {} serve --make-token`", config.home.display())));
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("the system has no randomness: {error}"))
    })?;
    let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let token = Token::new(&secret)?;
    let kept = files::create_dirs_synced(&config.home)
        .and_then(|()| files::write_atomic(&config.token_file, format!("{secret}\n").as_bytes()));
    kept.map_err(atocore_engine::Error::from)?;
    Ok(token)
}

fn announce(ready: &Ready, output: &Output) {
    let address = ready.address.map(|address| address.to_string()).unwrap_or_default();
    let socket = ready.socket.display().to_string();
    output.answer(&Listening { address, socket }, |listening, output| {
        output.line(format!("listening on http://{}; Ctrl-C stops it", listening.address));
    });
}
