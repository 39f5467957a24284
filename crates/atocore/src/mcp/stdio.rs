//! The protocol over standard input and output: one message a line. Standard output carries nothing else.

use std::{future::Future, io, sync::Arc, time::Duration};

use atocore_engine::{Caller, Reach};
use atocore_model::error::ErrorCode;
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientRequest, GetExtensions, GetMeta, ProtocolVersion, ServerJsonRpcMessage,
    },
    service::{ServerInitializeError, serve_server},
    transport::Transport,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    runtime::Runtime,
    sync::{Mutex, Semaphore},
    task::JoinHandle,
};

use super::{
    Server,
    calls::Calls,
    message::{self, Refusal},
    subscriptions::SessionSubscriptions,
};
use crate::{
    app::App,
    config::Config,
    operations::{ApiError, json_text::mend},
};

/// The longest line that is read. Longer ones are thrown away while they come in, and an error answers them.
const LINE_LIMIT_BYTES: usize = 4 << 20;

/// The most bytes of requests in work: one becomes many times its bytes when it is parsed. The largest that is read leaves
/// room for as much beside it.
const IN_WORK_BYTES: usize = 2 * LINE_LIMIT_BYTES;

/// What a request costs beside its bytes, so that small ones are bounded too.
const EACH_BYTES: usize = 1 << 10;

/// How long work that was cancelled may take to stop when the client has gone.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Serves the client at the standard streams until it closes them.
///
/// # Errors
/// `io` when there is no runtime, or the streams fail before the client has said what it speaks.
pub(crate) fn serve(config: Config) -> Result<(), ApiError> {
    let failed = |error: &dyn std::fmt::Display| {
        ApiError::new(ErrorCode::Io, format!("the client cannot be served: {error}"))
    };
    let runtime = Runtime::new().map_err(|error| failed(&error))?;
    let server = Server {
        app: App::beside_others(config),
        caller: Caller::Agent(Reach::Machine),
        calls: Calls::default(),
        session: Some(SessionSubscriptions::default()),
    };
    let ended = runtime.block_on(async {
        let lines = Lines::new(BufReader::new(tokio::io::stdin()), tokio::io::stdout());
        match serve_server(server, lines).await {
            Ok(running) => running.waiting().await.map(drop).map_err(|error| failed(&error)),
            // A client that only looked in, or never began.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(ServerInitializeError::TransportError { error, .. }) => Err(failed(&error.error)),
            // The library prints its own records in the others.
            Err(_) => Err(failed(&"it did not begin with an initialize request")),
        }
    });
    runtime.shutdown_timeout(FINISH_WITHIN);
    ended
}

/// Messages as lines. What is no message is answered here, as the protocol says.
struct Lines<R, W> {
    input: R,
    /// What came of the present line so far.
    line: Vec<u8>,
    /// Whether the rest of the line is thrown away.
    too_large: bool,
    /// A line that waits for room, and whether it is whole.
    read: Option<bool>,
    /// Whether a request has begun the session. Nothing but requests is given to the library before.
    begun: bool,
    /// An answer that is being written: nothing is read before it is out, and so all are out at the end of the input.
    refusing: Option<JoinHandle<io::Result<()>>>,
    /// Room for requests in work.
    room: Arc<Semaphore>,
    output: Arc<Mutex<W>>,
}

impl<R: AsyncBufRead + Unpin + Send, W: AsyncWrite + Unpin + Send> Lines<R, W> {
    fn new(input: R, output: W) -> Self {
        Self {
            input,
            line: Vec::new(),
            too_large: false,
            read: None,
            begun: false,
            refusing: None,
            room: Arc::new(Semaphore::new(IN_WORK_BYTES)),
            output: Arc::new(Mutex::new(output)),
        }
    }

    /// Keeps from the library what it would end the session for, or refuse with what helps nobody.
    fn admitted(&mut self, message: ClientJsonRpcMessage) -> Result<ClientJsonRpcMessage, Refusal> {
        if self.begun {
            return Ok(message);
        }
        let ClientJsonRpcMessage::Request(asked) = &message else { return Err(None) };
        self.begun = begins(&asked.request);
        let is_probe =
            matches!(asked.request, ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_));
        let names_version = asked.request.get_meta().protocol_version().is_some();
        if self.begun || is_probe || names_version {
            return Ok(message);
        }
        Err(Some(message::not_begun(&asked.request, &asked.id)))
    }

    /// Reads to the end of a line, or of the input, which ends a line too: `None` after that, `Some(false)` for one that
    /// is too long. May be called again after it was dropped: what was read is kept.
    async fn line(&mut self) -> Option<bool> {
        loop {
            let Some(read) = self.input.fill_buf().await.ok().filter(|read| !read.is_empty()) else {
                let begun = self.too_large || !self.line.is_empty();
                return begun.then(|| !std::mem::take(&mut self.too_large));
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(read.len());
            if self.line.len() + taken > LINE_LIMIT_BYTES {
                self.too_large = true;
                self.line = Vec::new();
            }
            if !self.too_large {
                self.line.extend_from_slice(&read[..taken]);
            }
            self.input.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Some(!std::mem::take(&mut self.too_large));
            }
        }
    }
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncBufRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = Arc::clone(&self.output);
        async move {
            let mut bytes = serde_json::to_vec(&message)?;
            bytes.push(b'\n');
            let mut output = output.lock().await;
            output.write_all(&bytes).await?;
            output.flush().await
        }
    }

    /// Reads no further while too much is in work.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                // Where it cannot be written there is nobody to tell.
                drop(refusing.await);
                self.refusing = None;
            }
            if self.read.is_none() {
                self.read = Some(self.line().await?);
            }
            let cost = u32::try_from(self.line.len() + EACH_BYTES).unwrap_or(u32::MAX);
            // Goes where the request goes, and is given back with it.
            let room = Arc::clone(&self.room).acquire_many_owned(cost).await.ok()?;
            let whole = self.read.take().unwrap_or_default();
            let mut line = std::mem::take(&mut self.line);
            mend(&mut line);
            if whole && line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let refusal = match whole {
                true => match message::read(&line).and_then(|message| self.admitted(message)) {
                    Ok(mut message) => {
                        if let ClientJsonRpcMessage::Request(asked) = &mut message {
                            drop(asked.request.extensions_mut().insert(Arc::new(room)));
                        }
                        return Some(message);
                    }
                    Err(refusal) => refusal,
                },
                false => Some(message::too_large(LINE_LIMIT_BYTES)),
            };
            if let Some(refusal) = refusal {
                // A task of its own: whoever waits here may be dropped, and would leave half a line.
                self.refusing = Some(tokio::spawn(self.send(*refusal)));
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.lock().await.flush().await
    }
}

/// Whether the library begins a session with this request rather than answering it and waiting for another.
fn begins(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => {
            let meta = other.get_meta();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                && meta
                    .protocol_version()
                    .is_some_and(|asked| ProtocolVersion::KNOWN_VERSIONS.contains(&asked))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::ready, io::Cursor};

    use super::*;

    #[test]
    fn every_bad_message_is_answered_in_order_before_the_input_ends() {
        let mut lines = Lines::new(Cursor::new("hello\n{\"id\":2}\n[]\n{\"id\":4}"), Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(lines.receive()).is_none());
        let written = String::from_utf8(lines.output.blocking_lock().clone()).unwrap();
        let ids: Vec<_> = written
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
            .collect();
        assert_eq!(serde_json::json!(ids), serde_json::json!([null, 2, null, 4]), "{written}");
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for_and_nothing_is_lost() {
        const CALLS: usize = 30;
        let padding = "x".repeat(1 << 20);
        let call = |id| {
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\",\"params\":{{\"p\":\"{padding}\"}}}}\n"
            )
        };
        let input: String = (0..CALLS).map(call).collect();
        let mut lines = Lines::new(Cursor::new(input), Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // What is there at once; nothing when it waits for room, or at the end.
        let mut next = || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    message = lines.receive() => message,
                    () = ready(()) => None,
                }
            })
        };
        let mut in_work: Vec<_> = std::iter::from_fn(&mut next).collect();
        assert_eq!(in_work.len(), IN_WORK_BYTES / ((1 << 20) + EACH_BYTES));
        let mut seen = Vec::new();
        while !in_work.is_empty() {
            let ClientJsonRpcMessage::Request(ended) = in_work.remove(0) else { panic!("no request") };
            seen.push(ended.id.to_string());
            drop(ended);
            in_work.extend(next());
        }
        let all: Vec<_> = (0..CALLS).map(|id| id.to_string()).collect();
        assert_eq!(seen, all);
    }
}
