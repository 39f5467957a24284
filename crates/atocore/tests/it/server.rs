//! A real server in this process, on a port of its own and a scratch installation, and a client that sends any bytes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use atocore::{
    config::Token,
    operations::{ApiError, Problem},
    serve::{NetworkSettings, Ready, ServeSettings, serve_until},
};
use atocore_model::monitor::Silent;
use atocore_testkit::installation::Installation;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::write_lock::{FOR_EVER_MS, MANY, WriteLock};

/// A server that is stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) installation: Installation,
    pub(crate) ready: Ready,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ApiError>>>,
}

/// The settings of a server on the loopback.
pub(crate) fn settings() -> ServeSettings {
    settings_on(network())
}

/// The settings of a server on a network.
pub(crate) fn settings_on(network: NetworkSettings) -> ServeSettings {
    ServeSettings {
        activity: "serve",
        network: Some(network),
        webhook: None,
        follow: None,
        runtime_dir: None,
        on_refresh: None,
    }
}

/// The loopback, any port, no token.
pub(crate) fn network() -> NetworkSettings {
    NetworkSettings { host: "127.0.0.1".to_owned(), port: 0, token: None }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::on(Installation::default())
    }

    pub(crate) fn on(installation: Installation) -> Self {
        Self::with(installation, settings()).expect("the server starts")
    }

    /// A server with a project of many documents that have not been read, which waits for the store as long as that takes.
    pub(crate) fn with_many_documents() -> Self {
        let patience = Duration::from_millis(FOR_EVER_MS.into());
        let installation = Installation::default().with_busy_timeout(patience);
        for number in 0..MANY {
            installation.write(&format!("many/{number}.md"), format!("# Note {number}\n\nAbout keys.\n"));
        }
        let server = Self::on(installation);
        server.add("many", "many");
        server
    }

    /// Keeps everybody from writing to the store of this server.
    pub(crate) fn hold_write_lock(&self) -> WriteLock {
        WriteLock::hold(self.installation.path())
    }

    /// The newest job, once it is as `is` says.
    pub(crate) fn newest_job(&self, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            let job = self.get("/admin/jobs").json()["jobs"][0].clone();
            if job.is_object() && is(&job) {
                return job;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn with_token(token: &str) -> Self {
        let token = Some(Token::new(token).expect("a token"));
        Self::with(Installation::default(), settings_on(NetworkSettings { token, ..network() }))
            .expect("the server starts")
    }

    pub(crate) fn with(installation: Installation, settings: ServeSettings) -> Result<Self, ApiError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let config = installation.config();
        let thread = thread::spawn(move || {
            let stop = async { drop(stopped.await) };
            serve_until(
                config,
                &settings,
                stop,
                |ready| tell.send(ready.clone()).expect("it is awaited"),
                &Silent,
            )
        });
        match told.recv() {
            Ok(ready) => Ok(Self { installation, ready, stop: Some(stop), thread: Some(thread) }),
            Err(_) => Err(thread.join().expect("the server does not panic").expect_err("it never was ready")),
        }
    }

    /// Stops the server and waits until it has given everything back.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic").expect("the server ends well");
        }
    }

    pub(crate) fn host(&self) -> String {
        self.ready.address.unwrap().to_string()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, Some(&body.to_string()))
    }

    /// Sends JSON text as it is.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let headers = if body.is_some() { "Content-Type: application/json\r\n" } else { "" };
        self.send_with(method, path, headers, body.unwrap_or_default().as_bytes())
    }

    /// Sends whatever headers and body there are; `Host` and the length are added.
    pub(crate) fn send_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
        let host = self.host();
        self.raw(&request(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}"), body))
    }

    /// Sends bytes and reads what comes back.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Response {
        let stream = TcpStream::connect(self.ready.address.unwrap()).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        exchange(stream, bytes)
    }

    /// The same over the local socket.
    pub(crate) fn local(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let stream = UnixStream::connect(&self.ready.socket).expect("the socket listens");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
        exchange(stream, &request(&head, body.unwrap_or_default().as_bytes()))
    }

    /// Registers a project with one root in the vault.
    pub(crate) fn add(&self, id: &str, subpath: &str) {
        let root = serde_json::json!({ "source": "vault", "subpath": subpath });
        let added = self.post("/projects", &serde_json::json!({ "id": id, "ingest_roots": [root] }));
        assert_eq!(added.status, 201, "{added:?}");
    }

    /// Refreshes a project and returns the answer.
    pub(crate) fn refresh(&self, name: &str) -> Value {
        let refreshed = self.send("POST", &format!("/projects/{name}/refresh"), None);
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        refreshed.json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        Some(self.headers.lines().find(named)?.split_once(':')?.1.trim())
    }

    /// Problem details that agree with the status line.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some(Problem::MEDIA_TYPE), "{self:?}");
        let problem: Problem = serde_json::from_str(&self.body).expect("problem details");
        assert_eq!(problem.status, self.status, "{self:?}");
        assert_eq!(problem.type_uri, format!("urn:atocore:error:{}", problem.code));
        problem
    }

    /// Expects problem details with this status and code.
    pub(crate) fn refused(&self, status: u16, code: &str) -> Problem {
        let problem = self.problem();
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{self:?}");
        problem
    }
}

fn request(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> Response {
    stream.write_all(bytes).expect("the request is sent");
    let mut answer = Vec::new();
    let _size = stream.read_to_end(&mut answer).expect("the answer comes");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (headers, body) = (headers.to_owned(), body.to_owned());
    Response { status: status.unwrap_or_else(|| panic!("no status: {text:?}")), headers, body }
}

/// Whether a job is at work.
pub(crate) fn is_running(job: &Value) -> bool {
    job["state"] == "running"
}

/// Whether a job has been told to stop. It may have ended by then: whoever cancels it does not know how far it is.
pub(crate) fn is_cancelled(job: &Value) -> bool {
    job["cancelling"] == true || has_ended(job)
}

/// Whether nothing comes of a job any more.
pub(crate) fn has_ended(job: &Value) -> bool {
    !job["ended_at"].is_null()
}

/// Every path below `folder`, for tests that nothing was read or written where it should not be.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            found.push(path.display().to_string());
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}
