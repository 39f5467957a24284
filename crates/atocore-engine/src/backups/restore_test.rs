//! A Chroma server on a restored copy of its folder: started on a free port of this machine, asked, and ended.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use atocore_backup::{manifest::CollectionRecord, take};
use atocore_chroma::{ChromaIndex, ChromaServer, ServerIndex};
use atocore_model::{error::with_causes, id::StoreVersion, monitor::Monitor};
use atocore_storage::{
    files::{self, stream},
    sqlite::{Store, StoreVectors},
    vector::{IndexAccess, VectorError, VectorFilter, VectorIndex, VectorQuery, VectorSource},
};

use crate::{config::EngineConfig, error::Error};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is tried.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long one of its answers may take.
const ANSWER: Duration = Duration::from_secs(60);
/// A server that finds its port taken is started on another one so many times.
const STARTS: usize = 3;
/// So much of what it said is shown when it fails.
const MOST_SAID_BYTES: u64 = 400;
/// How many passages are looked for by their own vectors.
const QUESTIONS: usize = 5;
/// How near a passage is to its own vector, at least.
const ITSELF: f32 = 0.999;
/// Starts the program, and ends it with all that it has started when the input is closed: the system does that for a
/// process that is killed.
const GUARD: &str = r#"exec 3<&0; log="$1"; shift; "$@" </dev/null >"$log" 2>&1 3<&- & server=$!
(read -r _ <&3; kill -9 0) & wait "$server""#;

/// What is wrong with a restored folder: a server is started on it, must hold what is recorded and a record for every
/// vector of the restored store, and find passages by their vectors. It is a copy: the server may write to it.
pub(super) fn problems(
    config: &EngineConfig,
    folder: &Path,
    recorded: &CollectionRecord,
    store: &Store,
    monitor: &dyn Monitor,
) -> Result<Vec<String>, Error> {
    let program = &config.chroma_program;
    let running = match ChromaProcess::start(program, folder, monitor) {
        Ok(running) => running,
        Err(NotStarted::Cancelled) => return Err(Error::Cancelled),
        Err(NotStarted::NoProgram) => {
            let shown = program.display();
            return Ok(vec![format!(
                "chroma_not_proven: there is no program `{shown}` here to start a Chroma server on the copy with; name it by ATOCORE_CHROMA_PROGRAM"
            )]);
        }
        Err(NotStarted::Failed(why)) => return Ok(vec![format!("chroma_start_failed: {why}")]),
    };
    let server = ChromaServer {
        url: format!("http://127.0.0.1:{}", running.port),
        tenant: recorded.tenant.clone(),
        database: recorded.database.clone(),
        collection: recorded.name.clone(),
        token: None,
        authorities: None,
        timeout: ANSWER,
    };
    let index = ChromaIndex::new(server, IndexAccess::Write, Arc::clone(&config.clock));
    match look(&index, recorded, store, monitor) {
        Ok(problems) => Ok(problems),
        Err(VectorError::Cancelled) => Err(Error::Cancelled),
        Err(error) => Ok(vec![format!("chroma_server_failed: {}", with_causes(&error))]),
    }
}

fn look(
    index: &ChromaIndex,
    recorded: &CollectionRecord,
    store: &Store,
    monitor: &dyn Monitor,
) -> Result<Vec<String>, VectorError> {
    let name = &recorded.name;
    let Some(told) = index.collection()? else {
        return Ok(vec![format!("chroma_collection_missing: a server on the copy has no `{name}`")]);
    };
    let state = |generation: u64, token: &str, records: u64| {
        format!("generation {generation}, token {token}, {records} records")
    };
    let found = state(told.version.generation.0, &take::token_text(told.version.token), told.records);
    let expected = state(recorded.generation, &recorded.token, recorded.records);
    if found != expected {
        return Ok(vec![format!(
            "chroma_server_differs: a server on the copy tells {found}; recorded is {expected}"
        )]);
    }
    let Some(row) = store.read(|read| read.serving_space())? else { return Ok(Vec::new()) };
    let source = StoreVectors::new(store, &row);
    if told.open || !is_shown(store, told.version)? {
        // What it has not got yet it gets as after every restore.
        let _mark = index.catch_up(&source, monitor)?;
    }
    let compared = index.compare(&source, monitor)?;
    if !compared.is_same() {
        return Ok(vec![format!(
            "chroma_records_differ: of {} vectors a server on the copy lacks {}, has {} otherwise, and {} more",
            compared.expected, compared.missing, compared.wrong, compared.extra
        )]);
    }
    questions(index, &source)
}

/// Whether a state of the store has all vectors of the present one.
fn is_shown(store: &Store, version: StoreVersion) -> Result<bool, VectorError> {
    Ok(store.read(|read| {
        let changed = read.last_document_change()?.max(read.last_vector_change()?);
        Ok::<_, atocore_storage::sqlite::StorageError>(read.has(version)? && changed <= version.generation)
    })?)
}

/// Looks for the first passages by their own vectors.
fn questions(index: &ChromaIndex, source: &StoreVectors<'_>) -> Result<Vec<String>, VectorError> {
    let mut asked: Vec<(u64, Vec<f32>)> = Vec::new();
    let read = source.changes(None, &mut |document| {
        let vectors =
            document.vectors.iter().filter(|passage| passage.vector.iter().any(|part| *part != 0.0));
        asked.extend(vectors.take(1).map(|passage| (passage.chunk_key, passage.vector.to_vec())));
        if asked.len() < QUESTIONS { Ok(()) } else { Err(VectorError::Cancelled) }
    });
    match read {
        Ok(_) | Err(VectorError::Cancelled) => {}
        Err(error) => return Err(error),
    }
    let _mark = index.refresh()?;
    let mut problems = Vec::new();
    for (passage, vector) in &asked {
        let query = VectorQuery { vector, filter: &VectorFilter::default(), limit: 1 };
        let found = index.search(&query)?.matches;
        if found.first().is_none_or(|best| best.similarity < ITSELF) {
            problems.push(format!(
                "chroma_answers_differ: a server on the copy does not find passage {passage} by its own vector"
            ));
        }
    }
    Ok(problems)
}

/// Why there is no server.
enum NotStarted {
    NoProgram,
    Failed(String),
    Cancelled,
}

/// A server that is ended when this is dropped.
struct ChromaProcess {
    guard: Child,
    port: u16,
}

impl ChromaProcess {
    fn start(program: &Path, folder: &Path, monitor: &dyn Monitor) -> Result<Self, NotStarted> {
        let failed = |error: &dyn std::error::Error| NotStarted::Failed(with_causes(error));
        // The program must not depend on where somebody stands: what it finds in its current folder it may run.
        let folder = &std::path::absolute(folder).map_err(|error| failed(&error))?;
        let place = folder.with_file_name("chroma-program");
        files::remove_tree(&place)
            .and_then(|()| files::create_new_dir(&place))
            .map_err(|error| failed(&error))?;
        is_there(program, &place)?;
        let log = folder.with_file_name("chroma.log");
        let mut last = NotStarted::Failed(String::new());
        for _ in 0..STARTS {
            let port = free_port().map_err(|error| NotStarted::Failed(error.to_string()))?;
            let mut command = Command::new("/bin/sh");
            command.current_dir(&place).args(["-c", GUARD, "sh"]).arg(&log).arg(program);
            command.args(["run", "--host", "127.0.0.1", "--port", &port.to_string(), "--path"]).arg(folder);
            command.env("ANONYMIZED_TELEMETRY", "False").env("DO_NOT_TRACK", "1");
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            // A group of its own, which is what is ended.
            let guard =
                command.process_group(0).spawn().map_err(|error| NotStarted::Failed(error.to_string()))?;
            match (Self { guard, port }).wait(&log, monitor) {
                Err(failed @ NotStarted::Failed(_)) => last = failed,
                other => return other,
            }
        }
        Err(last)
    }

    /// Waits until it answers.
    fn wait(mut self, log: &Path, monitor: &dyn Monitor) -> Result<Self, NotStarted> {
        let began = Instant::now();
        let said = || {
            let said = stream::head(log, MOST_SAID_BYTES).unwrap_or_default();
            String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if monitor.cancelled() {
                return Err(NotStarted::Cancelled);
            }
            if let Ok(Some(status)) = self.guard.try_wait() {
                return Err(NotStarted::Failed(format!("the program ended with {status}: {}", said())));
            }
            if began.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(NotStarted::Failed(format!("no answer within {seconds} seconds: {}", said())));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(self)
    }
}

impl Drop for ChromaProcess {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _status = self.guard.wait();
    }
}

/// Whether the program can be started at all, in `place`: what starts it in the end would not say.
fn is_there(program: &Path, place: &Path) -> Result<(), NotStarted> {
    let mut command = Command::new(program);
    command.current_dir(place).arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            Err(NotStarted::NoProgram)
        }
        Err(error) => Err(NotStarted::Failed(error.to_string())),
    }
}

/// A port that nobody listens on now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
