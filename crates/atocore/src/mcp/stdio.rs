//! The protocol over standard input and output: one message a line. Standard output carries nothing else.

use std::{future::Future, io, sync::Arc, time::Duration};

use atocore_engine::{Caller, Reach};
use atocore_model::error::ErrorCode;
use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    service::{ServerInitializeError, serve_server},
    transport::Transport,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    runtime::Runtime,
    sync::Mutex,
};

use super::{Server, backend::Backend, calls::Calls, machine::Machine, message};
use crate::{config::Config, verb::VerbError, wire::json::mend_surrogates};

/// The longest line that is read. Longer ones are thrown away while they come in, and an error answers them.
const LINE_LIMIT_BYTES: usize = 4 << 20;

/// How long work that was called off may take to stop when the client has gone.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Serves the client at the standard streams until it closes them.
///
/// # Errors
/// `io` when there is no runtime, or the streams fail before the client has said what it speaks.
pub(crate) fn serve(config: Config) -> Result<(), VerbError> {
    let failed = |error: &dyn std::fmt::Display| {
        VerbError::new(ErrorCode::Io, format!("the client cannot be served: {error}"))
    };
    let runtime = Runtime::new().map_err(|error| failed(&error))?;
    let server = Server {
        backend: Backend::Machine(Arc::new(Machine::new(config))),
        caller: Caller::Agent(Reach::Machine),
        calls: Calls::default(),
    };
    let ended = runtime.block_on(async {
        let lines = Lines::new(BufReader::new(tokio::io::stdin()), tokio::io::stdout());
        match serve_server(server, lines).await {
            Ok(running) => running.waiting().await.map(drop).map_err(|error| failed(&error)),
            // A client that only looked in, or never began.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(failed(&error)),
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
    output: Arc<Mutex<W>>,
}

impl<R: AsyncBufRead + Unpin + Send, W: AsyncWrite + Unpin + Send> Lines<R, W> {
    fn new(input: R, output: W) -> Self {
        Self { input, line: Vec::new(), too_large: false, output: Arc::new(Mutex::new(output)) }
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

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let whole = self.line().await?;
            let mut line = std::mem::take(&mut self.line);
            mend_surrogates(&mut line);
            if whole && line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let refusal = match whole {
                true => match message::read(&line) {
                    Ok(message) => return Some(message),
                    Err(refusal) => refusal,
                },
                false => Some(message::too_large(LINE_LIMIT_BYTES)),
            };
            if let Some(refusal) = refusal {
                // Dropped before it is sent only when the service ends.
                drop(tokio::spawn(self.send(*refusal)));
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.lock().await.flush().await
    }
}
