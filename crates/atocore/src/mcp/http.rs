//! The protocol over HTTP: one path, to which every message is sent as a request of its own.

use std::sync::Arc;

use atocore_engine::{Caller, Reach};
use atocore_model::error::ErrorCode;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
    routing::{MethodRouter, post},
};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Bytes;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientNotification, ClientRequest, ProtocolVersion, ServerJsonRpcMessage},
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::never::NeverSessionManager,
    },
};

use super::{
    Server,
    calls::{Calls, SESSION_HEADER},
    message,
};
use crate::{
    app::App,
    http::{BODY_LIMIT_BYTES, Failure, read_body},
    operations::ApiError,
};

/// What answers at `/mcp`. Host, origin and token have been checked, and who asks is known.
pub(crate) fn endpoint(app: &App) -> MethodRouter<App> {
    let calls = Calls::default();
    let server = Server {
        app: app.clone(),
        caller: Caller::Agent(Reach::Network),
        calls: calls.clone(),
        session: None,
    };
    // Every request stands alone; a plain answer is plain JSON, one with progress a stream. Who may ask is checked
    // for all paths in one place, and not here again.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_LIMIT_BYTES)
        .with_cancellation_token(app.stopped())
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    post(move |request: Request| answer(service, calls, request))
}

type Service = StreamableHttpService<Server, NeverSessionManager>;

async fn answer(service: Service, calls: Calls, request: Request) -> Result<Response<Body>, Failure> {
    let (mut parts, body) = request.into_parts();
    let accepts = Accepts::of(&parts.headers);
    if !accepts.json {
        let error = ApiError::new(
            ErrorCode::NotAcceptable,
            "the client does not accept JSON, the form of every answer",
        );
        return Err(error.with_hint("send `Accept: application/json, text/event-stream`").into());
    }
    // The library insists on both, whichever it sends.
    drop(parts.headers.insert(header::ACCEPT, BOTH));
    let bytes = read_body(&parts.headers, body).await?;
    // It was seen to be JSON; the library knows one name of it only.
    drop(parts.headers.insert(header::CONTENT_TYPE, JSON));
    let message = match message::read(&bytes) {
        Ok(message) => message,
        Err(refusal) => return Ok(refused(refusal.as_deref())),
    };
    match &message {
        ClientJsonRpcMessage::Notification(notice) => {
            if let ClientNotification::CancelledNotification(cancelled) = &notice.notification
                && let Some(id) = &cancelled.params.request_id
            {
                calls.call_off(&parts.headers, id);
            }
        }
        ClientJsonRpcMessage::Request(_)
        | ClientJsonRpcMessage::Response(_)
        | ClientJsonRpcMessage::Error(_) => {}
    }
    let begins = matches!(&message, ClientJsonRpcMessage::Request(request)
        if matches!(request.request, ClientRequest::InitializeRequest(_)));
    // The library reads it once more.
    drop(message);
    let unspoken = unspoken_version(&parts.headers);
    let request = Request::from_parts(parts, Full::new(Bytes::from(bytes)));
    let mut response = service.handle(request).await.map(Body::new);
    if let Some(error) = unspoken
        && response.status() == StatusCode::BAD_REQUEST
        && !response.headers().contains_key(header::CONTENT_TYPE)
    {
        return Err(error.into());
    }
    if !accepts.stream {
        response = last_of_stream(response).await;
    }
    if begins && response.status().is_success() {
        // The id names a client to itself: nothing is kept under it, so nothing of it can be lost.
        if let Some(id) = session_id() {
            drop(response.headers_mut().insert(SESSION_HEADER, id));
        }
    }
    Ok(response)
}

/// What to say of a version of the protocol that is not spoken, where the library refuses it outside the protocol.
fn unspoken_version(headers: &HeaderMap) -> Option<ApiError> {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str);
    let given = headers.get(VERSION_HEADER)?.as_bytes();
    if known.clone().any(|version| version.as_bytes() == given) {
        return None;
    }
    let given = String::from_utf8_lossy(given);
    let message = format!("the MCP protocol version `{}` is not spoken", given.escape_debug());
    let hint = format!(
        "send the header `MCP-Protocol-Version` with one of {}",
        known.collect::<Vec<_>>().join(", ")
    );
    Some(ApiError::new(ErrorCode::InvalidRequest, message).with_hint(hint))
}

/// The header with the version of the protocol.
const VERSION_HEADER: &str = "mcp-protocol-version";
/// The content type of a message.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What can be an answer here.
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// What a client can read.
#[derive(Debug, Clone, Copy)]
struct Accepts {
    json: bool,
    stream: bool,
}

impl Accepts {
    /// A client that does not say, or says nothing, takes JSON.
    fn of(headers: &HeaderMap) -> Self {
        let values =
            headers.get_all(header::ACCEPT).iter().filter(|value| !value.as_bytes().trim_ascii().is_empty());
        let values: Vec<_> = values.map(HeaderValue::to_str).collect();
        if values.is_empty() {
            return Self { json: true, stream: false };
        }
        let types: Vec<String> = values
            .into_iter()
            .flatten()
            .flat_map(|value| value.split(','))
            .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .collect();
        let has = |wanted: &[&str]| types.iter().any(|kind| wanted.contains(&kind.as_str()));
        Self {
            json: has(&["application/json", "application/*", "*/*"]),
            stream: has(&["text/event-stream", "text/*", "*/*"]),
        }
    }
}

/// A stream as its last message, which is the answer, for a client that reads no streams.
async fn last_of_stream(response: Response<Body>) -> Response<Body> {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !is_stream {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let message =
        bytes.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:")).next_back();
    let message = message.unwrap_or_default().trim_ascii().to_vec();
    drop(parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    Response::from_parts(parts, Body::from(message))
}

/// The answer to what is no message.
fn refused(refusal: Option<&ServerJsonRpcMessage>) -> Response<Body> {
    let body = refusal.and_then(|refusal| serde_json::to_vec(refusal).ok()).unwrap_or_default();
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An id that nobody guesses; `None` without a source of random numbers, and then nothing can be cancelled by it.
fn session_id() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&digits).ok()
}
