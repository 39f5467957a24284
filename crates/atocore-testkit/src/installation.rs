//! A scratch installation: a folder of its own, documents, and an engine on both.

#![expect(
    clippy::expect_used,
    reason = "only tests use it, and they end where something is not as it must be"
)]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use atocore_engine::{
    Access, Caller, Engine, EngineConfig, Layout, ModelChoice, RankWeights, schedule::Schedule,
};
use atocore_model::{
    monitor::Silent,
    project::{Project, Root, RootLocation},
    query::{Answer, Notice, QueryRequest},
    ranking::Mode,
    refresh::RefreshReport,
    time::{Clock, Timestamp},
};
use atocore_storage::files;

use crate::model;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves the clock on.
    pub fn advance(&self, seconds: i64) {
        let _before = self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_775_500_939))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let second = self.0.load(Ordering::SeqCst);
        Timestamp::new(jiff::Timestamp::from_second(second).expect("a second within the calendar"))
    }
}

/// An installation in a temporary folder that is removed with it.
#[derive(Debug)]
pub struct Installation {
    dir: tempfile::TempDir,
    /// Where its times come from.
    pub clock: Arc<TestClock>,
    model: Option<ModelChoice>,
    schedule: Schedule,
    busy_timeout: Duration,
    keep_questions: bool,
}

impl Default for Installation {
    fn default() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for folder in ["vault", "drive"] {
            files::create_dirs(&dir.path().join(folder)).expect("a new folder");
        }
        Self {
            dir,
            clock: Arc::default(),
            model: None,
            schedule: Schedule::default(),
            busy_timeout: Duration::from_millis(500),
            keep_questions: false,
        }
    }
}

impl Installation {
    /// The installation with the real model, so that passages are found by meaning too. Without it there is no model and
    /// none is wanted, which keeps tests of everything else quick.
    #[must_use]
    pub fn with_model(self) -> Self {
        Self { model: Some(model::choice()), ..self }
    }

    /// The installation whose server does something by itself.
    #[must_use]
    pub fn with_schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The installation that keeps the questions that its owner answers.
    #[must_use]
    pub fn with_query_log(self) -> Self {
        Self { keep_questions: true, ..self }
    }

    /// The installation that waits longer than usual for others who use it.
    #[must_use]
    pub fn with_busy_timeout(self, busy_timeout: Duration) -> Self {
        Self { busy_timeout, ..self }
    }

    /// The temporary folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where data, configuration and backups lie.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The folder that `vault` stands for.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    /// The settings of an engine on it.
    #[must_use]
    pub fn config(&self) -> EngineConfig {
        let mode = if self.model.is_some() { Mode::Hybrid } else { Mode::Lexical };
        EngineConfig {
            vault_dir: Some(self.vault()),
            drive_dir: Some(self.dir.path().join("drive")),
            busy_timeout: self.busy_timeout,
            max_file_bytes: 1 << 20,
            model: self.model.clone().unwrap_or_default(),
            weights: RankWeights { mode, ..RankWeights::default() },
            schedule: self.schedule.clone(),
            keep_questions: self.keep_questions,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ..EngineConfig::new(Layout::in_home(&self.home()))
        }
    }

    /// Opens it as its owner.
    #[must_use]
    pub fn own(&self) -> Engine {
        let access = Access::Own { activity: "test".to_owned(), socket: None };
        Engine::open(self.config(), access, &Silent).expect("the engine opens")
    }

    /// Opens it for reading.
    #[must_use]
    pub fn read(&self) -> Engine {
        Engine::open(self.config(), Access::Read, &Silent).expect("the engine opens")
    }

    /// Writes a document below the vault, as if a good while ago.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        self.write_at(path, text, 1_700_000_000);
    }

    /// Writes a document below the vault that was last changed at a second of 1970's count.
    pub fn write_at(&self, path: &str, text: impl AsRef<[u8]>, second: u64) {
        let path = self.vault().join(path);
        files::create_dirs(path.parent().expect("a folder")).expect("a new folder");
        files::write_synced(&path, text.as_ref()).expect("a new file");
        set_modified(&path, second);
    }

    /// Removes a document below the vault.
    pub fn remove(&self, path: &str) {
        files::remove_file(&self.vault().join(path)).expect("the file is removed");
    }
}

/// Sets the time of the last change of a file.
pub fn set_modified(path: &Path, second: u64) {
    #[expect(clippy::disallowed_types, reason = "times are set on an open file")]
    let file = std::fs::File::options().write(true).open(path).expect("the file opens");
    file.set_modified(UNIX_EPOCH + Duration::from_millis(second * 1000 + 500)).expect("the time is set");
}

/// Lets two names change places in one step, as somebody does who means harm.
#[cfg(target_os = "linux")]
pub fn exchange(a: &Path, b: &Path) {
    let (cwd, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
    rustix::fs::renameat_with(cwd, a, cwd, b, flags).expect("the names are exchanged");
}

/// Makes a named pipe: whoever opens it to read waits for somebody who writes.
pub fn make_pipe(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a new pipe");
}

/// A project with one root in the vault.
#[must_use]
pub fn vault_project(id: &str, subpath: &str) -> Project {
    let location = RootLocation::from_parts("vault", subpath).expect("a path below the vault");
    Project {
        id: id.parse().expect("a project id"),
        aliases: Vec::new(),
        description: String::new(),
        roots: vec![Root { location, label: String::new() }],
    }
}

/// What tests do with an engine all the time.
pub trait EngineExt {
    /// Registers a project with one root in the vault.
    fn add(&self, id: &str, subpath: &str);
    /// Refreshes a project, which must succeed.
    fn fresh(&self, name: &str) -> RefreshReport;
    /// Asks a question without a project, which must succeed. The documents of tests are alike on purpose, so copies
    /// are hits of their own.
    fn ask(&self, text: &str) -> Answer;
}

impl EngineExt for Engine {
    fn add(&self, id: &str, subpath: &str) {
        let _project =
            self.add_project(vault_project(id, subpath), Caller::Local).expect("the project is added");
    }

    fn fresh(&self, name: &str) -> RefreshReport {
        self.refresh(&name.parse().expect("a name"), Caller::Local, &Silent).expect("the refresh succeeds")
    }

    fn ask(&self, text: &str) -> Answer {
        let question = QueryRequest::new(text.parse().expect("a question"));
        self.query(&QueryRequest { collapse: false, ..question }).expect("the question is answered")
    }
}

/// What an answer says of how it was searched for, whether or not anything fits.
#[must_use]
pub fn of_search(answer: &Answer) -> Vec<&Notice> {
    answer.notices.iter().filter(|notice| !notice.says_nothing_fits()).collect()
}
