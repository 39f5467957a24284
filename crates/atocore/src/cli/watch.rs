//! `watch`: reads what changes in the files of all projects, until it is told to stop. It is a server of this machine alone, so
//! that other commands and agents have the store meanwhile.

use std::{panic::resume_unwind, sync::mpsc, thread};

use atocore_model::{error::ErrorCode, monitor::Silent, refresh::FileState};
use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    ingest,
    output::{Form, Output},
};
use crate::{
    operations::{ApiError, RefreshResult, Status},
    runner::{Runner, engine_config},
    serve::{OnRefresh, Ready, ServeSettings, serve},
};

#[derive(Debug, Args)]
pub(super) struct WatchCommand {}

/// What is printed as it happens.
enum WatchEvent {
    Ready,
    Refreshed(Box<RefreshResult>),
}

impl WatchCommand {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Console { config, output, .. } = *console;
        if let Some(server) = Runner::served(config)? {
            return followed_already(&server, output);
        }
        if config.follow.is_none() {
            return Err(
                not_followed("the setting FOLLOW is off: no files are followed").with_hint("set it to `on`")
            );
        }
        let (tell, told) = mpsc::channel();
        let tell_ready = tell.clone();
        let settings = ServeSettings {
            activity: "watch",
            network: None,
            webhook: config.webhook.clone(),
            follow: config.follow,
            runtime_dir: config.runtime_dir.clone(),
            on_refresh: Some(OnRefresh::new(move |result| {
                drop(tell.send(WatchEvent::Refreshed(Box::new(result.clone()))));
            })),
        };
        let engine = engine_config(config);
        thread::scope(|scope| {
            let serving = scope.spawn(move || {
                let on_ready = |_: &Ready| drop(tell_ready.send(WatchEvent::Ready));
                serve(engine, &settings, on_ready, &Silent)
            });
            // They end with the server, which has the only senders.
            for told in told {
                match told {
                    WatchEvent::Ready if output.form() == Form::Human => {
                        output.line("following the files of all projects; Ctrl-C stops it");
                    }
                    WatchEvent::Ready => {}
                    WatchEvent::Refreshed(result) if has_news(&result) => {
                        output.answer(&*result, ingest::print_news);
                    }
                    WatchEvent::Refreshed(_) => {}
                }
            }
            serving.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        Ok(Exit::Done)
    }
}

/// Whether a refresh came to something that the one before did not say.
fn has_news(result: &RefreshResult) -> bool {
    let files = result.roots.iter().flat_map(|root| &root.files);
    files.into_iter().any(|file| file.is_new && file.state != FileState::Unchanged)
}

/// Says how a server follows that runs already.
fn followed_already(server: &Runner, output: &Output) -> Result<Exit, ApiError> {
    let status = server.run(Status {}, &Silent)?;
    if !status.projects.is_empty() && status.projects.iter().all(|project| project.followed.is_none()) {
        return Err(not_followed("the server that runs does not follow files")
            .with_hint("start it without the setting FOLLOW=off"));
    }
    output.answer(&status, |status, output| {
        output.line("the server that runs follows the files of all projects:");
        for project in &status.projects {
            let how = project.followed.as_ref().map(|followed| followed.in_words()).unwrap_or_default();
            output.line(format!("  {}  {how}", project.id));
        }
    });
    Ok(Exit::Done)
}

fn not_followed(why: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidSetting, why)
}
