//! Taking connections, within limits, and letting them finish.

use std::{sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::sync::Semaphore;

use crate::http::{HEADERS_LIMIT, HEADERS_LIMIT_BYTES};

/// How many connections a listener has open at once; more wait in the queue of the system.
const CONNECTIONS_AT_ONCE: usize = 512;

/// How long the head of a request may take to arrive; a connection without requests is closed after it too.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Serves `router` on `listener`, for ever.
pub(super) async fn serve<L: Listener>(mut listener: L, router: Router, graceful: &GracefulShutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_AT_ONCE));
    let mut http = http1::Builder::new();
    let _http = http
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS_LIMIT)
        .max_header_size(HEADERS_LIMIT_BYTES);
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let (stream, _) = listener.accept().await;
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        drop(tokio::spawn(async move {
            // A client that breaks off is its own matter.
            drop(connection.await);
            drop(place);
        }));
    }
}
