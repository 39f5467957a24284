//! A real Chroma server for tests, and one that only behaves badly.
//!
//! The real one is fetched once for the whole build from the Python package index, see `chroma/install.py`.

#![expect(clippy::panic, reason = "only tests use it, and without a server they fail")]

mod fake;
mod port;
mod tls;

use std::{
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

pub use fake::{FakeServer, Reply};
pub use port::ClaimedPort;
use serde_json::{Value, json};
pub use tls::Identity;

use crate::{install, request::request};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is tried.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Where the collections are.
const COLLECTIONS: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";
/// Starts a server and ends it when this process is gone: then there is no one left to write to its input.
const GUARD: &str = r#""$@" >/dev/null 2>&1 </dev/null & echo $!; read -r _; kill -9 $! 2>/dev/null"#;

/// A server on a free port of this machine, which keeps its data in a folder. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    port: ClaimedPort,
    running: Option<Process>,
}

#[derive(Debug)]
struct Process {
    guard: Child,
    server: Pid,
}

impl Server {
    /// Starts a server on the data in a folder, which is made when it is missing.
    ///
    /// # Panics
    /// When it cannot be had or does not start; the message says why.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        let mut server = Self { data: data.to_owned(), port: ClaimedPort::claim(), running: None };
        server.restart();
        server
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// The folder of its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Kills it as a power switch would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.running.take() {
            process.end();
            // It is not our child: it is gone when its port is.
            let began = Instant::now();
            while self.listens() && began.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Starts it again on the same port and data, unless it runs.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        if self.running.is_some() {
            return;
        }
        let mut process = Process::start(&self.data, self.port.number());
        let started = Instant::now();
        while !self.answers() {
            let ended = !matches!(process.guard.try_wait(), Ok(None));
            if ended || started.elapsed() > PATIENCE {
                process.end();
                panic!("the Chroma server on {} did not start", self.data.display());
            }
            thread::sleep(LOOK_AGAIN);
        }
        self.running = Some(process);
    }

    /// Lets it stand still, with its port open, until [`Server::go_on`].
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// The id that the server gave to a collection.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn collection_id(&self, collection: &str) -> String {
        let found = self.ask("GET", &format!("{COLLECTIONS}/{collection}"), None);
        let id = found["id"].as_str().unwrap_or_else(|| panic!("no collection {collection}: {found}"));
        id.to_owned()
    }

    /// Removes a collection.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove_collection(&self, collection: &str) {
        drop(self.ask("DELETE", &format!("{COLLECTIONS}/{collection}"), None));
    }

    /// Exchanges the vector of one record in a collection for another one.
    ///
    /// # Panics
    /// When the collection or the record is not there.
    pub fn spoil_a_record(&self, collection: &str) {
        let (collections, id) = (COLLECTIONS, self.collection_id(collection));
        let one = json!({"limit": 1, "include": ["embeddings"]});
        let got = self.ask("POST", &format!("{collections}/{id}/get"), Some(&one));
        let length = got["embeddings"][0].as_array().map_or(0, Vec::len);
        let other: Vec<f32> = (0..length).map(|at| if at == 0 { 1.0 } else { 0.0 }).collect();
        let update = json!({"ids": got["ids"], "embeddings": [other]});
        drop(self.ask("POST", &format!("{collections}/{id}/update"), Some(&update)));
    }

    /// A plain request; what comes back as JSON.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = self.exchange(method, path, &body);
        let answer = answer.unwrap_or_else(|error| panic!("the Chroma server does not answer: {error}"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap_or_default()
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        request(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port.number()))?, method, path, body)
    }

    fn listens(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port.number())).is_ok()
    }

    /// Whether it answers a request, and not only the system in its place.
    fn answers(&self) -> bool {
        self.exchange("GET", "/api/v2/heartbeat", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.running {
            let _sent = kill_process(process.server, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    fn start(data: &Path, port: u16) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh"]).arg(program());
        command.args(["run", "--host", "127.0.0.1", "--port", &port.to_string(), "--path"]).arg(data);
        command.env("ANONYMIZED_TELEMETRY", "False").stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.process_group(0).spawn();
        let mut guard = started.unwrap_or_else(|error| panic!("the Chroma server did not start: {error}"));
        let mut said = String::new();
        if let Some(output) = guard.stdout.take() {
            drop(BufReader::new(output).read_line(&mut said));
        }
        let pid = said.trim().parse().ok().and_then(Pid::from_raw);
        let server = pid.unwrap_or_else(|| panic!("the Chroma server did not start: {said:?}"));
        Self { guard, server }
    }

    fn end(&mut self) {
        let _sent = kill_process_group(Pid::from_child(&self.guard), Signal::KILL);
        drop(self.guard.wait());
    }
}

/// The program that runs a server; fetches it when it is not here.
///
/// # Panics
/// When it cannot be had; the message says why.
#[must_use]
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PROGRAM.get_or_init(|| install::run("chroma/install.py")) {
        Ok(program) => program,
        Err(why) => panic!("this test needs a Chroma server, which could not be had: {why}"),
    }
}
