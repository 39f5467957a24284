//! The whole HTTP API on one page. Handlers parse, call and render; everything is decided below.

mod backups;
mod door;
mod extract;
mod failure;
mod guard;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod projects;
mod query;
mod status;

use atocore_engine::Caller;
use axum::{Extension, Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub use failure::status;
pub use guard::{Guard, Hosts, Token};
pub use limits::{BODY_LIMIT_BYTES, HEADERS_LIMIT, HEADERS_LIMIT_BYTES, TARGET_LIMIT_BYTES};
pub use metrics::Metrics;
pub use openapi::document;

/// Every route, in the order in which a newcomer would ask for them.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(status::health)) //                          GET    /health
        .routes(routes!(status::status)) //                          GET    /status
        .routes(routes!(status::doctor)) //                          GET    /doctor
        .routes(routes!(status::sources)) //                         GET    /sources
        .routes(routes!(projects::list, projects::add)) //           GET    /projects            POST
        .routes(routes!(projects::show, projects::update, projects::remove)) //  /projects/{name} GET PUT DELETE
        .routes(routes!(projects::plan_removal)) //                  GET    /projects/{name}/removal
        .routes(routes!(projects::refresh)) //                       POST   /projects/{name}/refresh
        .routes(routes!(query::query)) //                            POST   /query
        .routes(routes!(backups::list, backups::create)) //          GET    /admin/backup        POST
        .routes(routes!(backups::validate)) //                       GET    /admin/backup/{stamp}/validate
        .routes(routes!(metrics::show)) //                           GET    /metrics
        .routes(routes!(openapi::show)) //                           GET    /openapi.json
}

/// The API for the local socket: whoever can connect is the owner of this machine.
#[must_use]
pub fn local(app: &App) -> Router {
    observed(api(), app, Caller::Local)
}

/// The API for the network: host, origin and token are checked first.
#[must_use]
pub fn network(app: &App, guard: Guard) -> Router {
    observed(api().layer(middleware::from_fn_with_state(guard, guard::check)), app, Caller::Network)
}

/// The routes, their limits, and what is said when there is no answer.
fn api() -> Router<App> {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(failure::route_unknown)
        .method_not_allowed_fallback(failure::method_unknown)
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(middleware::from_fn(limits::check))
}

/// Outermost, so that refusals are counted and logged too.
fn observed(api: Router<App>, app: &App, caller: Caller) -> Router {
    api.layer(Extension(caller))
        .layer(middleware::from_fn_with_state(app.clone(), observe::request))
        .with_state(app.clone())
}
