//! Many MCP clients at once on one server, while nothing else runs and while every file is read again; beside the same
//! questions at `/query`, and beside one client alone.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use atocore::{
    operations::ApiError,
    serve::{Ready, ServeSettings, serve_until},
};
use atocore_model::monitor::Silent;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Bench, cannot, home::Home, snapshot, table::Table, timing::percentile};
use crate::failure::Failure;

/// How many clients ask at once, each one question after the other.
const CLIENTS: usize = 32;

/// How long they ask while nothing else runs.
const TIME: Duration = Duration::from_secs(12);

const AT_QUERY: &str = "the same clients at /query";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.large_with_vectors()?;
    let questions = Questions::new(bench, home)?;
    served(home, |address| {
        let asked = |endpoint, clients| LoadTest { address, endpoint, clients, questions: &questions };
        let rest = || {
            thread::sleep(TIME);
            Ok(())
        };
        let _warm = asked(Endpoint::Mcp, CLIENTS).during(rest)?;
        let alone = asked(Endpoint::Mcp, 1).during(rest)?;
        let plain = asked(Endpoint::QueryRequest, CLIENTS).during(rest)?;
        let many = asked(Endpoint::Mcp, CLIENTS).during(rest)?;
        home.edit_every_file(&bench.corpus, 1)?;
        let refresh = || {
            for project in home.projects()? {
                Client::connect(address)?.post(&format!("/projects/{project}/refresh"), "")?;
            }
            Ok(())
        };
        let ingesting = asked(Endpoint::Mcp, CLIENTS).during(refresh)?;
        print(home, &alone, &plain, &many, &ingesting);
        Ok(())
    })
}

fn print(home: &Home, alone: &Times, plain: &Times, many: &Times, ingesting: &Times) {
    let mut table =
        Table::new(format!("mcp: {CLIENTS} clients at once, project as hint, {} files", home.files()));
    let rows = [
        ("one client", alone, plain, AT_QUERY),
        ("all clients", many, plain, AT_QUERY),
        ("all clients, every file read again meanwhile", ingesting, many, "while nothing else runs"),
    ];
    for (what, figure, baseline, baseline_is) in rows {
        for percent in [50, 99] {
            let of = |times: &Times| percentile(times.answers.iter().copied(), percent);
            let what = format!("{what}, p{percent} of {}", figure.answers.len());
            table.compare(&what, of(figure), of(baseline), baseline_is, None);
        }
        let what = format!("{what}, from one answer to the next");
        table.compare(&what, figure.apart(), baseline.apart(), baseline_is, None);
    }
    table.print();
}

/// Runs `body` beside a server on a home.
fn served(home: &Home, body: impl FnOnce(SocketAddr) -> Result<(), Failure>) -> Result<(), Failure> {
    let config = home.stock(snapshot::child()?);
    let settings = ServeSettings {
        host: "127.0.0.1".to_owned(),
        port: 0,
        token: None,
        webhook: None,
        follow: None,
        runtime_dir: None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        // It has the only sender: one that ends before it is ready is heard.
        let server = scope.spawn(move || -> Result<(), ApiError> {
            let stop = async { drop(stopped.await) };
            let on_ready = |ready: &Ready| {
                let _sent = tell.send(ready.address);
            };
            serve_until(config, &settings, stop, on_ready, &Silent)
        });
        let result = match told.recv() {
            Ok(address) => body(address),
            Err(error) => Err(cannot("start a server")(error)),
        };
        drop(stop);
        let ended = server.join().map_err(|_| Failure::failed("the server panicked"))?;
        result.and(ended.map_err(cannot("run a server")))
    })
}

/// Which way the questions go.
#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Mcp,
    QueryRequest,
}

/// What is asked, as each interface takes it.
struct Questions {
    mcp: Vec<String>,
    query: Vec<String>,
}

impl Questions {
    fn new(bench: &Bench, home: &Home) -> Result<Self, Failure> {
        let projects = home.projects()?;
        let questions = bench.corpus.questions(bench.scale.questions);
        let asked: Vec<Value> = questions
            .iter()
            .enumerate()
            .map(|(number, question)| {
                json!({ "query": question, "project": projects[number % projects.len()].as_str() })
            })
            .collect();
        let call = |arguments: &Value| {
            let params = json!({ "name": "atocore_search", "arguments": arguments });
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
        };
        Ok(Self {
            mcp: asked.iter().map(call).collect(),
            query: asked.iter().map(ToString::to_string).collect(),
        })
    }
}

/// Clients that ask again and again.
struct LoadTest<'a> {
    address: SocketAddr,
    endpoint: Endpoint,
    clients: usize,
    questions: &'a Questions,
}

/// How long the answers took, and how long all of it was.
struct Times {
    answers: Vec<Duration>,
    whole: Duration,
}

impl Times {
    fn apart(&self) -> Duration {
        self.whole / u32::try_from(self.answers.len().max(1)).unwrap_or(u32::MAX)
    }
}

impl LoadTest<'_> {
    fn during(&self, work: impl FnOnce() -> Result<(), Failure> + Send) -> Result<Times, Failure> {
        let (done, next) = (AtomicBool::new(false), AtomicUsize::new(0));
        let started = Instant::now();
        let answers = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..self.clients).map(|_| scope.spawn(|| self.ask_until(&done, &next))).collect();
            let worked = work();
            done.store(true, Ordering::SeqCst);
            let mut all = Vec::new();
            for client in clients {
                all.extend(client.join().map_err(|_| Failure::failed("a client panicked"))??);
            }
            worked.map(|()| all)
        })?;
        Ok(Times { answers, whole: started.elapsed() })
    }

    fn ask_until(&self, done: &AtomicBool, next: &AtomicUsize) -> Result<Vec<Duration>, Failure> {
        let mut client = Client::connect(self.address)?;
        let (path, bodies) = match self.endpoint {
            Endpoint::Mcp => ("/mcp", &self.questions.mcp),
            Endpoint::QueryRequest => ("/query", &self.questions.query),
        };
        let mut times = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let body = &bodies[next.fetch_add(1, Ordering::Relaxed) % bodies.len()];
            let started = Instant::now();
            client.post(path, body)?;
            times.push(started.elapsed());
        }
        Ok(times)
    }
}

/// A connection that stays open.
struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).map_err(cannot("reach the server"))?;
        stream.set_nodelay(true).map_err(cannot("reach the server"))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends JSON and reads the whole answer, which must be a good one.
    fn post(&mut self, path: &str, body: &str) -> Result<(), Failure> {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{kind}Accept: application/json, text/event-stream\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(cannot("ask the server"))?;
        let mut status = String::new();
        let _size = self.stream.read_line(&mut status).map_err(cannot("hear the server"))?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            let _size = self.stream.read_line(&mut line).map_err(cannot("hear the server"))?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(cannot("understand the server"))?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).map_err(cannot("hear the server"))?;
        let good = status.starts_with("HTTP/1.1 200")
            && !String::from_utf8_lossy(&answer).contains("\"isError\":true");
        if good { Ok(()) } else { Err(Failure::failed(format!("the server said {status}"))) }
    }
}
