//! Sending a verb to the process that owns the store, over its local socket.

use std::{path::Path, time::Duration};

use atocore_model::{error::ErrorCode, monitor::Monitor};
use axum::http::{self, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{Request, Verb, VerbError, error::sentence};
use crate::wire::Problem;

/// How often a monitor is asked whether the caller called it off.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How long to wait for a server to take the connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Sends `verb` to the server that listens on `socket` and waits for its reply.
///
/// # Errors
/// What the server answered, with its code; `server_unreachable` when there is no answer.
///
/// # Cancellation
/// Closes the connection, upon which the server calls the verb off.
pub fn send<V: Verb>(verb: &V, socket: &Path, monitor: &dyn Monitor) -> Result<V::Reply, VerbError> {
    request(&verb.request(), socket, monitor)
}

/// Sends a request that is no verb, and waits for its reply.
///
/// # Errors
/// As [`send`].
///
/// # Cancellation
/// As [`send`].
pub fn request<R: serde::de::DeserializeOwned>(
    request: &Request,
    socket: &Path,
    monitor: &dyn Monitor,
) -> Result<R, VerbError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| VerbError::new(ErrorCode::Io, sentence(&error)))?;
    let answer = runtime.block_on(async {
        let exchange = exchange(request, socket);
        tokio::pin!(exchange);
        loop {
            match tokio::time::timeout(ASK_EVERY, &mut exchange).await {
                Ok(answer) => return answer,
                Err(_) if monitor.cancelled() => {
                    return Err(VerbError::new(ErrorCode::Cancelled, "cancelled"));
                }
                Err(_) => {}
            }
        }
    })?;
    read(&answer)
}

/// An answer, whatever it says.
struct Answer {
    status: StatusCode,
    is_problem: bool,
    body: Bytes,
}

fn read<R: serde::de::DeserializeOwned>(answer: &Answer) -> Result<R, VerbError> {
    let not_understood = |error| {
        let status = answer.status;
        let message = format!("the running server gave an answer that is not understood (HTTP {status})");
        VerbError::new(ErrorCode::Internal, format!("{message}: {error}"))
            .with_hint("it may be of another version: restart it with this one")
    };
    if answer.is_problem {
        let problem: Problem = serde_json::from_slice(&answer.body).map_err(not_understood)?;
        return Err(problem.into());
    }
    serde_json::from_slice(&answer.body).map_err(not_understood)
}

async fn exchange(request: &Request, socket: &Path) -> Result<Answer, VerbError> {
    let unreachable = |error: &dyn std::error::Error| {
        let message = format!("the running server does not answer on `{}`", socket.display());
        VerbError::new(ErrorCode::ServerUnreachable, format!("{message}: {}", sentence(error)))
            .with_hint("`atocore status` shows which process owns the store; try again, or restart it")
    };
    let stream = tokio::time::timeout(CONNECT_WITHIN, UnixStream::connect(socket))
        .await
        .map_err(|late| unreachable(&late))?
        .map_err(|error| unreachable(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    let answer = async {
        let answer = sender.send_request(to_http(request)?).await.map_err(|error| unreachable(&error))?;
        collect(answer).await.map_err(|error| unreachable(&error))
    };
    tokio::pin!(answer, connection);
    // The connection carries the answer and must be driven; it may end before the answer is taken out of it.
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            ended = &mut connection, if open => {
                open = false;
                ended.map_err(|error| unreachable(&error))?;
            }
        }
    }
}

fn to_http(request: &Request) -> Result<http::Request<Full<Bytes>>, VerbError> {
    let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
    let mut http = http::Request::builder()
        .method(request.method.clone())
        .uri(&request.path)
        .header(header::HOST, "localhost");
    if request.body.is_some() {
        http = http.header(header::CONTENT_TYPE, "application/json");
    }
    http.body(body).map_err(|error| VerbError::new(ErrorCode::Internal, sentence(&error)))
}

async fn collect(answer: http::Response<Incoming>) -> Result<Answer, hyper::Error> {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    let is_problem =
        media_type.is_some_and(|value| value.as_bytes().starts_with(Problem::MEDIA_TYPE.as_bytes()));
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(Answer { status, is_problem, body })
}
