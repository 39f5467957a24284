//! Where a request enters: the application and who asks.

use std::convert::Infallible;

use atocore_engine::{Caller, Reach};
use axum::{Json, extract::FromRequestParts, http::request::Parts};

use super::failure::Failure;
use crate::{
    app::App,
    verb::{
        Restore, Verb,
        remote::{DOOR_HEADER, JOB_HEADER},
    },
    wire::{Job, RestoreOutcome},
};

/// What a handler gives back.
pub(super) type Reply<T> = Result<Json<T>, Failure>;

/// The application, as the caller of this request may use it.
pub(super) struct Door {
    app: App,
    caller: Caller,
    /// The id that the client wants its job to have.
    job: Option<String>,
}

impl Door {
    /// Runs a verb for the caller.
    pub(super) async fn run<V: Verb>(&self, verb: V) -> Reply<V::Reply> {
        Ok(Json(self.app.run_as(self.caller, verb, self.job.clone()).await?))
    }

    /// Starts a verb for the caller, who does not wait for it.
    pub(super) fn start<V: Verb>(&self, verb: V) -> Result<Job, Failure> {
        Ok(self.app.start(self.caller, verb)?)
    }

    /// Goes back to an earlier state.
    pub(super) async fn restore(&self, restore: Restore) -> Reply<RestoreOutcome> {
        Ok(Json(self.app.restore_as(self.caller, restore, self.job.clone()).await?))
    }

    /// The application itself.
    pub(super) const fn app(&self) -> &App {
        &self.app
    }
}

impl FromRequestParts<App> for Door {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        // A request that nobody vouched for has the rights of the network.
        let mut caller = parts.extensions.get::<Caller>().copied().unwrap_or(Caller::Network);
        let agent = Caller::Agent(Reach::Machine);
        if caller == Caller::Local && parts.headers.get(DOOR_HEADER).is_some_and(|door| door == agent.door())
        {
            caller = agent;
        }
        let job = parts.headers.get(JOB_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Self { app: app.clone(), caller, job })
    }
}
