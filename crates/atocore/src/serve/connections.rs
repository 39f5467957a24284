//! Taking connections, within limits, and letting them finish.
//!
//! Clients that are slow, or that never read, hold up nobody else: where no slot is free the connection that waits for
//! its client the longest is closed, and where there is none such the newcomer is told so, or how the server is.

mod deadline;
mod departure;
mod limiter;

use std::{
    convert::Infallible,
    net::IpAddr,
    os::fd::AsFd,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, Version, header},
    serve::Listener,
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};

use crate::http::{HEADERS_LIMIT, HEADERS_LIMIT_BYTES, holding};
use deadline::DeadlineStream;
use limiter::{ConnectionLimiter, ConnectionSlot};

/// How long the head of a request may take to arrive; a connection without requests is closed after it too.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may take to read what is written in one piece: at most some hundred kilobytes.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// After so many requests a client has to connect again, and others have their turn.
const REQUESTS_OF_ONE: u64 = 1000;

/// What a connection is answered by.
#[derive(Debug, Clone)]
pub(super) struct Routers {
    /// The whole API.
    pub(super) whole: Router,
    /// How the server is, and that it is busy: for those for whom there is no slot.
    pub(super) overloaded: Router,
}

/// Serves on `listener`, for ever. `peer` is the address of a client, where clients have one.
pub(super) async fn serve<L: Listener<Io: AsFd>>(
    mut listener: L,
    answering: Routers,
    peer: impl Fn(&L::Addr) -> Option<IpAddr>,
    graceful: &GracefulShutdown,
) {
    let limiter = ConnectionLimiter::default();
    let mut http = http1::Builder::new();
    let _http = http
        .timer(TokioTimer::new())
        // The end of what a client sends is not its departure.
        .half_close(true)
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS_LIMIT)
        .max_header_size(HEADERS_LIMIT_BYTES);
    loop {
        let (stream, address) = listener.accept().await;
        let slot = Arc::new(limiter.enter(peer(&address)));
        let router = if slot.is_spare() { &answering.overloaded } else { &answering.whole };
        let service = service(router.clone(), Arc::clone(&slot));
        let socket = Arc::new(Mutex::new(stream));
        let stream = TokioIo::new(DeadlineStream::new(Arc::clone(&socket), Arc::clone(&slot), READ_WITHIN));
        let connection = graceful.watch(http.serve_connection(stream, service));
        drop(tokio::spawn(async move {
            tokio::select! {
                // A client that breaks off is its own matter.
                ended = connection => drop(ended),
                () = slot.given_up() => {}
                () = departure::departed(&socket, &slot) => {}
            }
        }));
    }
}

/// Answers the requests of a connection, and keeps account of when it waits for its client.
fn service(
    router: Router,
    slot: Arc<ConnectionSlot>,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> {
    let router = TowerToHyperService::new(router);
    service_fn(move |request| {
        let at_work = slot.begin(request.version() >= Version::HTTP_11);
        let is_last = at_work.number() >= REQUESTS_OF_ONE || slot.is_spare();
        let answer = router.call(request);
        async move {
            let mut response: Response<Body> = answer.await?;
            at_work.answered();
            if is_last {
                drop(response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close")));
            }
            Ok(holding(response, at_work))
        }
    })
}
