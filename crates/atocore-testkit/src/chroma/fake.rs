//! A server that stands before another one, or before none, and does to each request what it is told.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::tls::Identity;

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
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
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
    closing: AtomicBool,
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.unwrap_or_else(|error| panic!("no server for tests: {error}"));
        let closing = AtomicBool::new(false);
        let shared = Arc::new(Shared {
            behind,
            identity,
            rule: Mutex::new(rule),
            head_rule: Mutex::default(),
            seen: Mutex::default(),
            closing,
        });
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    if shared.closing.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    // A caller that goes away is no failure of the test.
                    thread::spawn(move || drop(shared.serve(stream)));
                }
            })
        };
        Self { address, shared, thread: Some(thread) }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The port of it.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
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

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // So that it looks up from waiting.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
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

/// Reads one request: its head without the empty line, and its body.
pub(crate) fn read_request(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let mut body = bytes.split_off(end + 4);
        let missing = length.unwrap_or(0_usize).saturating_sub(body.len());
        let mut rest = vec![0; missing];
        stream.read_exact(&mut rest)?;
        body.append(&mut rest);
        return Ok((head, body));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
