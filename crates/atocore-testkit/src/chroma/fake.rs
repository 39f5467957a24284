//! A server that stands before another one, or before none, and does to each request what it is told.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::tls::Identity;
use crate::loopback::{Loopback, lock, read_request};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is handed on to the server behind, whose answer comes back.
    Pass,
    /// It is handed on, and the answer is lost on the way.
    PassAndLose,
    /// It is answered like this, without the server behind.
    Status(u16, String),
    /// It is answered with bytes that are no HTTP.
    Nonsense,
    /// The connection is closed without an answer.
    Close,
    /// Nothing comes for so long, then the connection is closed.
    Silence(Duration),
}

/// A server for tests of failures. Dropping it closes its port.
#[derive(Debug)]
pub struct FakeServer {
    port: Loopback,
    shared: Arc<Shared>,
}

type Rule = Box<dyn FnMut(&str) -> Reply + Send>;

struct Shared {
    behind: Option<SocketAddr>,
    identity: Option<Identity>,
    rule: Mutex<Rule>,
    /// Asked instead, when there is one.
    head_rule: Mutex<Option<Rule>>,
    /// The first line of each request, in order.
    seen: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("behind", &self.behind).finish_non_exhaustive()
    }
}

impl FakeServer {
    /// Starts one that hands everything on to the server at `behind`, an address like `http://127.0.0.1:8000`.
    ///
    /// # Panics
    /// When this machine has no free port.
    #[must_use]
    pub fn before(behind: &str) -> Self {
        let behind = behind.trim_start_matches("http://").parse().ok();
        Self::start(behind, None, Box::new(|_| Reply::Pass))
    }

    /// As [`FakeServer::before`], speaking TLS to whoever asks it.
    ///
    /// # Panics
    /// When this machine has no free port.
    #[must_use]
    pub fn with_tls(behind: &str, identity: Identity) -> Self {
        let behind = behind.trim_start_matches("http://").parse().ok();
        Self::start(behind, Some(identity), Box::new(|_| Reply::Pass))
    }

    /// Starts one that answers every request like this.
    ///
    /// # Panics
    /// When this machine has no free port.
    #[must_use]
    pub fn always(reply: Reply) -> Self {
        Self::start(None, None, Box::new(move |_| reply.clone()))
    }

    fn start(behind: Option<SocketAddr>, identity: Option<Identity>, rule: Rule) -> Self {
        let (rule, head_rule, seen) = (Mutex::new(rule), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { behind, identity, rule, head_rule, seen });
        let serving = Arc::clone(&shared);
        Self { port: Loopback::serve(move |stream| serving.serve(stream)), shared }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.port.address)
    }

    /// The port of it.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port.address.port()
    }

    /// From now on, what becomes of a request is said by `rule`, which gets its first line and its body as text.
    pub fn rule(&self, rule: impl FnMut(&str) -> Reply + Send + 'static) {
        *lock(&self.shared.rule) = Box::new(rule);
    }

    /// As [`FakeServer::rule`], with all headers instead of the body.
    pub fn rule_with_head(&self, rule: impl FnMut(&str) -> Reply + Send + 'static) {
        *lock(&self.shared.head_rule) = Some(Box::new(rule));
    }

    /// The first lines of all requests so far, such as `GET /api/v2/heartbeat HTTP/1.1`.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.shared.seen).clone()
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(identity) = &self.identity else { return self.answer(&mut stream) };
        let mut stream = identity.accept(stream)?;
        self.answer(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn answer(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let (head, body) = read_request(stream)?;
        let first = head.lines().next().unwrap_or_default().to_owned();
        lock(&self.seen).push(first.clone());
        let by_head = lock(&self.head_rule).as_mut().map(|rule| rule(&head));
        let by_body = || (*lock(&self.rule))(&format!("{first}\n{}", String::from_utf8_lossy(&body)));
        let reply = by_head.unwrap_or_else(by_body);
        match reply {
            Reply::Pass => stream.write_all(&self.ask_behind(&head, &body)?),
            Reply::PassAndLose => self.ask_behind(&head, &body).map(drop),
            Reply::Status(status, text) => {
                let length = text.len();
                write!(stream, "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\n")?;
                write!(stream, "connection: close\r\ncontent-length: {length}\r\n\r\n{text}")
            }
            Reply::Nonsense => stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n\x00\xff"),
            Reply::Close => Ok(()),
            Reply::Silence(time) => {
                thread::sleep(time);
                Ok(())
            }
        }
    }

    /// Hands a request on and returns all of the answer.
    fn ask_behind(&self, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        let behind = self.behind.ok_or(io::ErrorKind::NotConnected)?;
        let mut upstream = TcpStream::connect(behind)?;
        let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        write!(upstream, "{first}\r\nconnection: close\r\n")?;
        for header in headers.lines().filter(|line| !line.to_lowercase().starts_with("connection:")) {
            write!(upstream, "{header}\r\n")?;
        }
        write!(upstream, "\r\n")?;
        upstream.write_all(body)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}
