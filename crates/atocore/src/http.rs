//! The HTTP API: a loop over the operations. How a request is read and answered is decided below, once.

mod extract;
mod failure;
mod guard;
mod guarded_body;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod reference;
mod schemas;
mod serve;

use atocore_engine::Caller;
use axum::{Extension, Router, middleware, routing::get};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    app::App,
    mcp,
    operations::{self, Operation, Visitor},
};

pub use extract::BODY_LIMIT_BYTES;
pub(crate) use extract::read_body;
pub(crate) use failure::Failure;
pub use guard::{Guard, Hosts};
pub(crate) use guarded_body::holding;
pub use limits::{HEADERS_LIMIT, HEADERS_LIMIT_BYTES, TARGET_LIMIT_BYTES};
pub use openapi::document;
pub use reference::reference;

/// Answered when there is no place for anything else.
const HEALTH: &str = "/health";

/// The routes of operations: of all, or of those that are answered when there is no place for others.
struct Routes {
    only_health: bool,
    router: Router<App>,
}

impl Visitor for Routes {
    fn visit<O: Operation>(&mut self) {
        for route in O::SPEC.routes().filter(|route| !self.only_health || route.path == HEALTH) {
            let router = std::mem::take(&mut self.router);
            self.router = router.route(route.path, serve::serve::<O>(route));
        }
    }
}

fn routes(only_health: bool) -> Router<App> {
    let mut routes = Routes { only_health, router: Router::new() };
    operations::visit_all(&mut routes);
    routes.router
}

/// The API for the local socket: whoever can connect is the owner of this machine.
pub fn local(app: &App) -> Router {
    observed(wrapped(api()), app, Caller::Local)
}

/// The API for the network, and MCP: host, origin and token are checked first.
pub fn network(app: &App, guard: Guard) -> Router {
    let mcp = mcp::endpoint(app);
    let interfaces = wrapped(api().route("/mcp", mcp.clone()).route("/v1/mcp", mcp));
    let guarded = interfaces.layer(middleware::from_fn_with_state(guard, guard::check));
    observed(guarded, app, Caller::Network).layer(middleware::from_fn(guard::seal))
}

/// For clients of the local socket for whom there is no place: how the server is, and that it is busy.
pub fn local_overloaded(app: &App) -> Router {
    observed(wrapped(overloaded()), app, Caller::Local)
}

/// The same for the network, behind the same checks.
pub fn network_overloaded(app: &App, guard: Guard) -> Router {
    let guarded = wrapped(overloaded()).layer(middleware::from_fn_with_state(guard, guard::check));
    observed(guarded, app, Caller::Network).layer(middleware::from_fn(guard::seal))
}

fn overloaded() -> Router<App> {
    both(routes(true)).fallback(failure::overloaded)
}

fn api() -> Router<App> {
    both(routes(false).route("/metrics", get(metrics::show)).route("/openapi.json", get(openapi::show)))
        .fallback(failure::route_unknown)
}

/// The routes, and once more below `/v1` for clients of the original.
fn both(routes: Router<App>) -> Router<App> {
    Router::new().nest("/v1", routes.clone()).merge(routes)
}

/// The routes with their limits, and what is said when there is no answer.
fn wrapped(routes: Router<App>) -> Router<App> {
    routes
        .method_not_allowed_fallback(failure::method_unknown)
        .layer(middleware::map_response(failure::in_json))
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(middleware::from_fn_with_state(limits::Limits::default(), limits::check))
}

/// Outermost, so that refusals are counted and logged too.
fn observed(api: Router<App>, app: &App, caller: Caller) -> Router {
    api.layer(Extension(caller))
        .layer(middleware::from_fn_with_state(app.clone(), observe::request))
        .with_state(app.clone())
}
