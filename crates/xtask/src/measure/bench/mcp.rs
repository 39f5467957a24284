//! Many MCP clients at once on one server, while nothing else runs and while every file is read again; beside the same
//! questions at `/query`, and beside one client alone.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Bench,
    home::Home,
    server::{Client, served},
    snapshot,
    table::Table,
    timing::percentile,
};
use crate::failure::Failure;

/// How many clients ask at once, each one question after the other.
const CLIENTS: usize = 32;

/// How long they ask while nothing else runs.
const TIME: Duration = Duration::from_secs(12);

const AT_QUERY: &str = "the same clients at /query";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.large_with_vectors()?;
    let questions = Questions::new(bench, home)?;
    served(home.stock(snapshot::child()?), None, |address| {
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
                let _answer = Client::connect(address)?.post(&format!("/projects/{project}/refresh"), "")?;
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
            let _answer = client.post(path, body)?;
            times.push(started.elapsed());
        }
        Ok(times)
    }
}
