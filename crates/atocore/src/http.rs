//! The whole HTTP API on one page. Handlers parse, call and render; everything is decided below.

mod backups;
mod changes;
mod context;
mod documents;
mod door;
mod embed;
mod extract;
mod failure;
mod guard;
mod held;
mod index;
mod interactions;
mod jobs;
mod limits;
mod memory;
mod metrics;
mod observe;
mod openapi;
mod projects;
mod prune;
mod query;
mod restore;
mod state;
mod status;

use atocore_engine::Caller;
use axum::{Extension, Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, mcp};

pub(crate) use extract::read_body;
pub use failure::status;
pub(crate) use failure::{Failure, problem};
pub use guard::{Guard, Hosts, Token};
pub(crate) use held::holding;
pub use limits::{BODY_LIMIT_BYTES, HEADERS_LIMIT, HEADERS_LIMIT_BYTES, TARGET_LIMIT_BYTES};
pub use metrics::Metrics;
pub use openapi::document;

/// Every route, in the order in which a newcomer would ask for them.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(status::health)) //                                       /health
        .routes(routes!(status::status)) //                                       /status
        .routes(routes!(status::doctor)) //                                       /doctor
        .routes(routes!(status::sources)) //                                      /sources
        .routes(routes!(projects::list, projects::add)) //                        /projects
        .routes(routes!(projects::template)) //                                   /projects/template
        .routes(routes!(projects::propose)) //                                    /projects/proposal
        .routes(routes!(projects::register)) //                                   /projects/register
        .routes(routes!(projects::show, projects::update, projects::remove)) //   /projects/{name}
        .routes(routes!(projects::plan_removal)) //                               /projects/{name}/removal
        .routes(routes!(projects::refresh)) //                                    /projects/{name}/refresh
        .routes(routes!(query::query)) //                                         /query
        .routes(routes!(state::set, state::invalidate)) //                        /project/state
        .routes(routes!(state::list)) //                                          /project/state/{name}
        .routes(routes!(memory::list, memory::create)) //                         /memory
        .routes(routes!(memory::show, memory::update, memory::invalidate)) //     /memory/{id}
        .routes(routes!(memory::promote)) //                                      /memory/{id}/promote
        .routes(routes!(memory::reject)) //                                       /memory/{id}/reject
        .routes(routes!(interactions::list, interactions::record)) //             /interactions
        .routes(routes!(interactions::show)) //                                   /interactions/{id}
        .routes(routes!(changes::list)) //                                        /facts/changes
        .routes(routes!(changes::reverse)) //                                     /facts/changes/{number}/reverse
        .routes(routes!(documents::read_at)) //                                   /documents
        .routes(routes!(documents::read)) //                                      /documents/{id}
        .routes(routes!(context::build)) //                                       /context/build
        .routes(routes!(context::show)) //                                        /debug/context
        .routes(routes!(embed::embed)) //                                         /embed
        .routes(routes!(index::verify)) //                                        /index/verify
        .routes(routes!(index::rebuild)) //                                       /index/rebuild
        .routes(routes!(backups::list, backups::create)) //                       /admin/backup
        .routes(routes!(backups::validate, backups::start_validation)) //         /admin/backup/{stamp}/validate
        .routes(routes!(backups::validate_all)) //                                /admin/backup/validate
        .routes(routes!(backups::drill)) //                                       /admin/backup/drill
        .routes(routes!(restore::plan, restore::restore)) //                      /admin/backup/{stamp}/restore
        .routes(routes!(restore::plan_undo, restore::undo)) //                    /admin/backup/undo
        .routes(routes!(prune::prune)) //                                         /admin/backup/prune
        .routes(routes!(prune::pin, prune::unpin)) //                             /admin/backup/{stamp}/pin
        .routes(routes!(jobs::list)) //                                           /admin/jobs
        .routes(routes!(jobs::show, jobs::cancel)) //                             /admin/jobs/{id}
        .routes(routes!(metrics::show)) //                                        /metrics
        .routes(routes!(openapi::show)) //                                        /openapi.json
}

/// The API for the local socket: whoever can connect is the owner of this machine.
pub fn local(app: &App) -> Router {
    observed(wrapped(api()), app, Caller::Local)
}

/// The API for the network, and the MCP door: host, origin and token are checked first.
pub fn network(app: &App, guard: Guard) -> Router {
    let mcp = mcp::endpoint(app);
    let doors = wrapped(api().route("/mcp", mcp.clone()).route("/v1/mcp", mcp));
    let guarded = doors.layer(middleware::from_fn_with_state(guard, guard::check));
    observed(guarded, app, Caller::Network).layer(middleware::from_fn(guard::seal))
}

/// For clients of the local socket for whom there is no place: how the server is, and that it is busy.
pub fn local_crowded(app: &App) -> Router {
    observed(wrapped(crowded()), app, Caller::Local)
}

/// The same for the network, behind the same checks.
pub fn network_crowded(app: &App, guard: Guard) -> Router {
    let guarded = wrapped(crowded()).layer(middleware::from_fn_with_state(guard, guard::check));
    observed(guarded, app, Caller::Network).layer(middleware::from_fn(guard::seal))
}

fn crowded() -> Router<App> {
    let (health, _) = OpenApiRouter::new().routes(routes!(status::health)).split_for_parts();
    Router::new().nest("/v1", health.clone()).merge(health).fallback(failure::crowded)
}

/// Every route, and once more below `/v1` for clients of the original.
fn api() -> Router<App> {
    let (routes, _) = routes().split_for_parts();
    Router::new().nest("/v1", routes.clone()).merge(routes).fallback(failure::route_unknown)
}

/// The routes with their limits, and what is said when there is no answer.
fn wrapped(routes: Router<App>) -> Router<App> {
    routes
        .method_not_allowed_fallback(failure::method_unknown)
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(middleware::from_fn_with_state(limits::Limits::default(), limits::check))
}

/// Outermost, so that refusals are counted and logged too.
fn observed(api: Router<App>, app: &App, caller: Caller) -> Router {
    api.layer(Extension(caller))
        .layer(middleware::from_fn_with_state(app.clone(), observe::request))
        .with_state(app.clone())
}
