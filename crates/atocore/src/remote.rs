//! Sending an operation to the process that owns the store, over its local socket.

mod request;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use atocore_engine::{Caller, SystemClock, files};
use atocore_model::{error::ErrorCode, monitor::Monitor, time::Clock};
use axum::http::{self, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::operations::{ApiError, JobReport, Operation, Problem, sentence};

pub use request::Request;

/// The header in which a client says which id the job of its request shall have, so that it can look at it meanwhile.
pub const JOB_HEADER: &str = "atocore-job";

/// The header in which a process of this machine names the interface that a request came through.
///
/// It is the word for the operation log, and heard on the local socket only.
pub const CLIENT_HEADER: &str = "atocore-door";

/// How often a monitor is asked whether the caller cancelled it, and told where the work stands.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How long to wait for a server to take the connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a server may take to say anything at all.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Where the server of a store listens, and as whom it runs if it is that server: who could put something else there is
/// told nothing.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    socket: &'a Path,
    user: u32,
}

impl<'a> Address<'a> {
    /// The server of the store whose locks belong to `user`.
    #[must_use]
    pub const fn new(socket: &'a Path, user: u32) -> Self {
        Self { socket, user }
    }

    /// Whether a server that runs as `user` is the one to talk to: that of this user, of the store's, or of the
    /// administrator.
    fn is_of(&self, user: u32) -> bool {
        user == 0 || user == self.user || user == files::user()
    }
}

impl<'a> From<&'a PathBuf> for Address<'a> {
    /// A server of this user.
    fn from(socket: &'a PathBuf) -> Self {
        Self::new(socket, files::user())
    }
}

/// Sends `operation` to the server that listens on `socket` and waits for its reply.
///
/// # Errors
/// What the server answered, with its code; `server_unreachable` when there is no answer.
///
/// # Cancellation
/// Closes the connection, upon which the server cancels the operation.
pub fn send<'a, O: Operation>(
    operation: &O,
    socket: impl Into<Address<'a>>,
    monitor: &dyn Monitor,
) -> Result<O::Reply, ApiError> {
    send_as(Caller::Local, operation, socket, monitor)
}

/// As [`send`], for a caller who came through another interface of this process than the command line.
///
/// # Errors
/// As [`send`].
///
/// # Cancellation
/// As [`send`].
pub fn send_as<'a, O: Operation>(
    caller: Caller,
    operation: &O,
    socket: impl Into<Address<'a>>,
    monitor: &dyn Monitor,
) -> Result<O::Reply, ApiError> {
    request_as(caller, &Request::of(operation), socket.into(), monitor)
}

/// Sends a request and waits for its reply.
///
/// # Errors
/// As [`send`].
///
/// # Cancellation
/// As [`send`].
pub fn request<'a, R: serde::de::DeserializeOwned>(
    request: &Request,
    socket: impl Into<Address<'a>>,
    monitor: &dyn Monitor,
) -> Result<R, ApiError> {
    request_as(Caller::Local, request, socket.into(), monitor)
}

/// Insists on a server that answers, whatever it says: one that hangs would carry out later what it was sent. It is asked
/// for a job that there is not, for which nobody waits in a server that is busy.
///
/// # Errors
/// `server_unreachable` when nothing was said `within` that time. That nobody listens is left to the request itself.
///
/// # Cancellation
/// Ends the waiting.
pub(crate) fn must_answer(
    address: Address<'_>,
    within: Duration,
    monitor: &dyn Monitor,
) -> Result<(), ApiError> {
    let look = Request::new(Method::GET, format!("/admin/jobs/{}", job_id()));
    let asked = async { Ok(tokio::time::timeout(within, exchange(&look, address, &[])).await) };
    match wait_for(asked, async || {}, monitor)? {
        Err(late) => Err(unreachable(address, &late)),
        Ok(_) => Ok(()),
    }
}

fn request_as<R: serde::de::DeserializeOwned>(
    caller: Caller,
    request: &Request,
    socket: Address<'_>,
    monitor: &dyn Monitor,
) -> Result<R, ApiError> {
    let job = job_id();
    let headers = [(JOB_HEADER, job.as_str()), (CLIENT_HEADER, caller.interface())];
    let answer =
        wait_for(exchange(request, socket, &headers), async || show(&job, socket, monitor).await, monitor)?;
    read(&answer)
}

/// Waits for what a server answers, unless the caller cancels; looks how far it is meanwhile.
fn wait_for<T>(
    answer: impl Future<Output = Result<T, ApiError>>,
    look: impl AsyncFn(),
    monitor: &dyn Monitor,
) -> Result<T, ApiError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ApiError::new(ErrorCode::Io, sentence(&error)))?;
    runtime.block_on(async {
        tokio::pin!(answer);
        loop {
            let wait = async {
                tokio::time::sleep(ASK_EVERY).await;
                if !monitor.cancelled() {
                    look().await;
                }
            };
            tokio::select! {
                answer = &mut answer => return answer,
                () = wait => {}
            }
            if monitor.cancelled() {
                return Err(ApiError::new(ErrorCode::Cancelled, "cancelled"));
            }
        }
    })
}

/// An id for the job that the server makes of a request, which no other request has.
fn job_id() -> String {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let sent = SENT.fetch_add(1, Ordering::Relaxed);
    format!("client-{}-{:x}-{sent}", std::process::id(), SystemClock.now().get().as_microsecond())
}

/// Passes on where the job stands. A server that cannot say so is asked again later.
async fn show(job: &str, socket: Address<'_>, monitor: &dyn Monitor) {
    let request = Request::new(Method::GET, format!("/admin/jobs/{job}"));
    let asked = tokio::time::timeout(CONNECT_WITHIN, exchange(&request, socket, &[])).await;
    let Ok(Ok(answer)) = asked else { return };
    // A server that says more than a few plain words is not believed.
    let is_plain = |phase: &str| phase.len() <= 64 && !phase.contains(char::is_control);
    if let Ok(JobReport { progress: Some(progress), .. }) = read(&answer)
        && is_plain(&progress.phase)
    {
        monitor.progress(progress);
    }
}

/// An answer, whatever it says.
struct RawAnswer {
    status: StatusCode,
    is_problem: bool,
    body: Bytes,
}

fn read<R: serde::de::DeserializeOwned>(answer: &RawAnswer) -> Result<R, ApiError> {
    let not_understood = |error| {
        let status = answer.status;
        let message = format!("the running server gave an unexpected answer (HTTP {status})");
        ApiError::new(ErrorCode::Internal, format!("{message}: {error}"))
            .with_hint("it may be of another version: restart it with this one")
    };
    if answer.is_problem {
        let problem: Problem = serde_json::from_slice(&answer.body).map_err(not_understood)?;
        return Err(problem.into());
    }
    serde_json::from_slice(&answer.body).map_err(not_understood)
}

fn unreachable(address: Address<'_>, error: &dyn std::error::Error) -> ApiError {
    let message = format!("the running server does not answer on `{}`", address.socket.display());
    ApiError::new(ErrorCode::ServerUnreachable, format!("{message}: {}", sentence(error)))
        .with_hint("`atocore status` shows which process owns the store; try again, or restart it")
}

async fn exchange(
    request: &Request,
    address: Address<'_>,
    headers: &[(&str, &str)],
) -> Result<RawAnswer, ApiError> {
    let socket = address.socket;
    let unreachable = |error: &dyn std::error::Error| unreachable(address, error);
    let stream = tokio::time::timeout(CONNECT_WITHIN, UnixStream::connect(socket))
        .await
        .map_err(|late| unreachable(&late))?
        .map_err(|error| unreachable(&error))?;
    let peer = stream.peer_cred().map_err(|error| unreachable(&error))?.uid();
    if !address.is_of(peer) {
        let message = format!("what listens on `{}` is run by another user, number {peer}", socket.display());
        return Err(ApiError::new(ErrorCode::ServerUnreachable, message)
            .with_hint("it was told nothing; restart the server, and look who could write to that folder"));
    }
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    let answer = async {
        let answer =
            sender.send_request(to_http(request, headers)?).await.map_err(|error| unreachable(&error))?;
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

fn to_http(request: &Request, headers: &[(&str, &str)]) -> Result<http::Request<Full<Bytes>>, ApiError> {
    let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
    let mut http = http::Request::builder()
        .method(request.method.clone())
        .uri(&request.path)
        .header(header::HOST, "localhost");
    if request.body.is_some() {
        http = http.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        http = http.header(*name, *value);
    }
    http.body(body).map_err(|error| ApiError::new(ErrorCode::Internal, sentence(&error)))
}

async fn collect(answer: http::Response<Incoming>) -> Result<RawAnswer, hyper::Error> {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    let is_problem =
        media_type.is_some_and(|value| value.as_bytes().starts_with(Problem::MEDIA_TYPE.as_bytes()));
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(RawAnswer { status, is_problem, body })
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::net::UnixListener};

    use atocore_model::monitor::Silent;

    use super::*;

    #[test]
    fn a_server_that_takes_the_connection_and_says_nothing_does_not_answer() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("server.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let within = Duration::from_millis(300);
        let error = must_answer(Address::from(&socket), within, &Silent).unwrap_err();
        assert_eq!(error.code, ErrorCode::ServerUnreachable, "{error}");
        // What lies in its queue does nothing when it is read later.
        let mut sent = String::new();
        let (mut stream, _) = listener.accept().unwrap();
        let _read = stream.read_to_string(&mut sent).unwrap();
        assert!(sent.starts_with("GET /admin/jobs/"), "{sent}");
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nothing else was sent");
    }
}
