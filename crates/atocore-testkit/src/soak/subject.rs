//! The installation that is put to the test, from outside: commands of the real program, and a look at its files.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Access, Copier, Engine, EngineConfig, Layout, RankWeights, SystemClock};
use atocore_model::{
    fact::{ChangeFilter, Content as FactContent, PageSize},
    monitor::Silent,
    ranking::Mode,
};
use atocore_storage::{
    files, locks,
    registry::Registry,
    sqlite::{ReadTransaction, Store, StoreOptions, inspect},
};
use serde_json::Value;

use super::{
    Violation,
    facts::{Content, Entry},
};
use crate::{
    killed::{Ended, Running, Victims},
    rights,
};

/// A command that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// So many changes of facts are read at a time.
const PAGE: PageSize = PageSize::DEFAULT;

/// How soon a dead owner's lock must be free.
const FREE_WITHIN: Duration = Duration::from_secs(2);

/// An installation and the program that works on it.
#[derive(Debug)]
pub(super) struct Subject {
    program: PathBuf,
    home: PathBuf,
    scratch: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// What starts it, when it does not start by itself.
    launcher: &'static [&'static str],
}

/// What a look at a store has shown.
#[derive(Debug)]
pub(super) struct StoreState {
    pub(super) content: Content,
    pub(super) store_id: String,
    pub(super) generation: u64,
}

impl Subject {
    pub(super) fn new(program: &Path, scratch: &Path) -> Self {
        Self {
            program: program.to_owned(),
            home: scratch.join("home"),
            scratch: scratch.to_owned(),
            environment: vec![
                ("ATOCORE_RETRIEVAL_MODE", "lexical".to_owned()),
                ("ATOCORE_FOLLOW", "off".to_owned()),
            ],
            launcher: &[],
        }
    }

    /// Takes from the program the right to read what is closed to its user, should that be root.
    pub(super) fn bound(&mut self) {
        self.launcher = rights::launcher();
    }

    /// Gives the program other settings from its next call on.
    pub(super) fn set(&mut self, environment: Vec<(&'static str, String)>) {
        self.environment = environment;
    }

    /// The same program on another installation.
    pub(super) fn elsewhere(&self, scratch: &Path) -> Self {
        Self::new(&self.program, scratch)
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::in_home(&self.home)
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A call of the program that knows nothing but its home and its settings: at first, that words are enough.
    pub(super) fn command(&self, arguments: &[String]) -> Command {
        let mut words = self.launcher.iter().map(OsStr::new).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        let _command = command.args(words);
        let _command = command.env_clear().current_dir(&self.scratch).arg("--data-dir").arg(&self.home);
        let _command = command.arg("--json").args(arguments).envs(self.environment.iter().cloned());
        command
    }

    pub(super) fn start(&self, arguments: &[String]) -> Result<Running, Violation> {
        Ok(Running::start(&mut self.command(arguments))?)
    }

    /// Waits for a command; no program of ours may panic, whatever happens around it.
    pub(super) fn wait(running: Running, arguments: &[String]) -> Result<Ended, Violation> {
        let ended = running.wait(LIMIT)?;
        if ended.stderr.contains("panicked") {
            return Err(Violation::new(format!("`{}` panicked: {}", arguments.join(" "), ended.stderr)));
        }
        Ok(ended)
    }

    /// Runs a command that must succeed and returns its answer.
    pub(super) fn run(&self, arguments: &[String]) -> Result<Value, Violation> {
        let ended = Self::wait(self.start(arguments)?, arguments)?;
        answer_of(&ended, arguments)
    }

    /// Starts the server and waits until it takes requests.
    pub(super) fn serve(&self) -> Result<Running, Violation> {
        let arguments = words(&["serve", "--port", "0"]);
        let mut server = self.start(&arguments)?;
        let started = Instant::now();
        loop {
            let owner = locks::current_owner(&self.layout().locks())?;
            let socket = owner.filter(|owner| owner.pid == server.id()).and_then(|owner| owner.socket);
            if socket.is_some_and(|socket| UnixStream::connect(socket).is_ok()) {
                return Ok(server);
            }
            if !server.is_running()? || started.elapsed() > LIMIT {
                server.kill(Victims::Group)?;
                let ended = server.wait(LIMIT)?;
                return Err(Violation::new(format!("the server does not start: {ended:?}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sees that nobody owns the store any more.
    pub(super) fn lock_is_free(&self) -> Result<(), Violation> {
        let started = Instant::now();
        while let Some(owner) = locks::current_owner(&self.layout().locks())? {
            if started.elapsed() > FREE_WITHIN {
                return Err(Violation::new(format!("a dead owner still has the store: {owner:?}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sees that no dead process has left a file that nobody will ever clear away.
    pub(super) fn is_swept(&self) -> Result<(), Violation> {
        let layout = self.layout();
        let config = layout.registry.parent().map(Path::to_owned);
        for folder in [Some(layout.locks()), config].into_iter().flatten() {
            let mut left = files::list(&folder)?;
            left.retain(|path| path.extension().is_some_and(|ending| ending == "tmp"));
            if !left.is_empty() {
                return Err(Violation::new(format!("dead processes have left {left:?}")));
            }
        }
        Ok(())
    }

    /// What the installation holds, found without touching it: the store is opened as a copy, with its log.
    pub(super) fn look(&self) -> Result<StoreState, Violation> {
        self.look_closer(|_| Ok(())).map(|(found, ())| found)
    }

    /// The same, and what else there is to see in the copy.
    pub(super) fn look_closer<T>(
        &self,
        closer: impl FnOnce(&Path) -> Result<T, Violation>,
    ) -> Result<(StoreState, T), Violation> {
        let database = self.layout().database();
        let folder = self.scratch.join("look");
        files::remove_tree(&folder)?;
        files::create_dirs(&folder)?;
        let copy = folder.join("copy.db");
        if database.exists() {
            let _bytes = files::copy_synced(&database, &copy)?;
        }
        let log = files::with_ending(&database, "-wal");
        if log.exists() {
            let _bytes = files::copy_synced(&log, &files::with_ending(&copy, "-wal"))?;
        }
        // Opening it plays the log back, closing it checkpoints the log.
        drop(Store::open(&copy, store_options())?);
        let mut found = examine_store(&copy)?;
        found.content.projects = projects_of(&Registry::load(&self.layout().registry)?);
        Ok((found, closer(&copy)?))
    }

    /// An engine of this process on the installation.
    pub(super) fn engine(&self, access: Access) -> Result<Engine, Violation> {
        Ok(Engine::open(engine_config(self.layout(), Copier::InProcess), access, &Silent)?)
    }
}

/// The settings that the program has when words are enough.
pub(super) fn engine_config(layout: Layout, copier: Copier) -> EngineConfig {
    EngineConfig {
        copier,
        weights: RankWeights { mode: Mode::Lexical, ..RankWeights::default() },
        ..EngineConfig::new(layout)
    }
}

pub(super) fn store_options() -> StoreOptions {
    StoreOptions { busy_timeout: Duration::from_secs(5), clock: Arc::new(SystemClock) }
}

/// Looks through a database file that nobody has open: is it whole, and what is in it.
pub(super) fn examine_store(database: &Path) -> Result<StoreState, Violation> {
    let complaints = [
        inspect::integrity(database)?,
        inspect::foreign_keys(database)?,
        inspect::vectors(database)?,
        inspect::facts(database)?,
    ]
    .concat();
    if !complaints.is_empty() {
        return Err(Violation::new(format!("the store is damaged: {}", complaints.join("; "))));
    }
    let record = inspect::record(database)?;
    let mut content = Content::default();
    let store = Store::open_read_only(database, store_options())?;
    store.read(|read| {
        for (project, ..) in read.counts()? {
            let rows = read.documents_of(&project.parse()?)?;
            content.hold(&project, rows.into_iter().map(|row| (row.file_path, row.digest)).collect());
        }
        content.recorded = recorded(read)?;
        Ok::<_, Violation>(())
    })?;
    Ok(StoreState { content, store_id: record.store_id, generation: record.generation.0 })
}

/// Every fact that holds, by the names that [`super::world::World::record`] gives them.
fn recorded(read: &ReadTransaction<'_>) -> Result<BTreeMap<String, String>, Violation> {
    let mut recorded = BTreeMap::new();
    let mut changes =
        ChangeFilter { project: None, kind: None, fact: None, since: None, limit: PAGE, after: None };
    loop {
        let page = read.changes(&changes, None)?;
        for change in &page {
            let (name, value) = match read.content_of(&change.fact)? {
                Some((FactContent::State { value, .. }, _)) => {
                    let key = change.subject.rsplit(" / ").next().unwrap_or_default();
                    (format!("state {key}"), value.to_string())
                }
                Some((FactContent::Memory { content, status, .. }, _)) => {
                    (format!("memory {content}"), status.to_string())
                }
                Some((FactContent::Interaction { .. }, _)) => {
                    (format!("interaction {}", change.subject), "because".to_owned())
                }
                None => return Err(Violation::new(format!("{} is in the journal only", change.fact))),
            };
            let _same = recorded.insert(name, value);
        }
        match page.last().filter(|_| page.len() == PAGE.get()) {
            Some(last) => changes.after = Some(last.number),
            None => return Ok(recorded),
        }
    }
}

pub(super) fn projects_of(registry: &Registry) -> super::facts::Projects {
    registry.projects().iter().map(|project| (project.id.to_string(), Entry::of(project))).collect()
}

/// The answer of a command that must have succeeded.
pub(super) fn answer_of(ended: &Ended, arguments: &[String]) -> Result<Value, Violation> {
    let command = arguments.join(" ");
    if !ended.status.success() {
        let (status, stdout, stderr) = (ended.status, ended.stdout.trim(), ended.stderr.trim());
        return Err(Violation::new(format!("`{command}` failed ({status}): {stdout} {stderr}")));
    }
    let unreadable =
        |error| Violation::new(format!("`{command}` answered no JSON ({error}): {}", ended.stdout));
    serde_json::from_str(&ended.stdout).map_err(unreadable)
}

/// The arguments of a call.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
