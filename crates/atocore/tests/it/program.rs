//! Runs the real program in a folder of its own, with an environment that holds nothing of the machine's.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::write_lock::{FOR_EVER_MS, MANY};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_atocore");

/// A folder to work in; the installation is in `home` below it.
pub(crate) struct Sandbox {
    dir: TempDir,
    variables: Vec<(String, String)>,
    /// The folder that has the real model; without one, passages are found by their words.
    models: Option<PathBuf>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), variables: Vec::new(), models: None }
    }

    /// A place with a project `notes` (alias `Field Notes`) of three documents that have been read.
    pub(crate) fn with_notes() -> Self {
        let place = Self::new();
        place.write("notes/backups.md", "# Backups\n\nThe vault is copied every night at three.\n");
        place
            .write("notes/keys.md", "---\ntags: [security]\n---\n# Keys\n\nKeys are rotated every spring.\n");
        place.write("notes/archive/keys.md", "# Keys\n\nKeys were rotated every autumn.\n");
        place.ok(&["project", "add", "notes", "--root", "notes", "--alias", "Field Notes"]);
        place.ok(&["refresh", "notes"]);
        place
    }

    /// A place with a project of many documents that have not been read; its programs wait for the store as long as
    /// that takes.
    pub(crate) fn with_many_documents() -> Self {
        let place = Self::new().patient();
        for number in 0..MANY {
            place.write(&format!("many/{number}.md"), format!("# Note {number}\n\nAbout keys.\n"));
        }
        place.ok(&["project", "add", "many", "--root", "many"]);
        place
    }

    /// Programs here wait for the store as long as that takes.
    #[must_use]
    pub(crate) fn patient(self) -> Self {
        self.variable("ATOCORE_DB_BUSY_TIMEOUT_MS", &FOR_EVER_MS.to_string())
    }

    #[must_use]
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the real model, so that passages are found by meaning too, as they are for everybody who sets nothing.
    #[must_use]
    pub(crate) fn with_model(mut self) -> Self {
        self.models = Some(atocore_testkit::model::folder());
        self
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes what a person would write")]
    pub(crate) fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// A command without arguments, in this place.
    pub(crate) fn bare(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.dir.path());
        // Most tests say themselves when something is read.
        command.env("ATOCORE_FOLLOW", "off");
        match &self.models {
            Some(models) => command.env("ATOCORE_MODEL_DIR", models),
            // Most tests are about something else, and quicker without vectors.
            None => command.env("ATOCORE_RETRIEVAL_MODE", "lexical"),
        };
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program with `arguments`, on the installation of this place.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(PROGRAM);
        command.args(["--data-dir", "home"]).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Runs it with more in its environment.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        ran(self.command(arguments).envs(variables.iter().copied()))
    }

    /// Runs it and insists that it is done.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    }

    /// Runs it with `--json`, insists that it is done, and reads the answer.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let stdout = self.ok(&all);
        assert_eq!(stdout.lines().count(), 1, "one document: {stdout}");
        serde_json::from_str(&stdout).unwrap()
    }

    /// Takes a snapshot and gives its stamp.
    pub(crate) fn snapshot(&self) -> String {
        let metadata = self.json(&["backup", "create"]);
        let root = PathBuf::from(metadata["backup_root"].as_str().unwrap());
        root.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// What can be asked of the installation, as text to compare: projects, answers, snapshots.
    pub(crate) fn state(&self) -> String {
        let keys = self.json(&["query", "keys rotated vault", "--project", "notes"]);
        let parts =
            [self.json(&["project", "list"]), keys["results"].clone(), self.json(&["backup", "list"])];
        serde_json::to_string_pretty(&parts).unwrap()
    }

    /// Starts a server on any free port and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        Self::serve_by(self.command(&["serve", "--port", "0"]))
    }

    /// Starts a server by another command that runs it.
    pub(crate) fn serve_by(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.unwrap_or_else(|| panic!("the server said {line:?}")).to_owned();
        Server { child, address }
    }

    /// Starts a server with more arguments.
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&["serve", "--port", "0"]);
        command.args(arguments);
        Self::serve_by(command)
    }
}

/// A running server, told to stop when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    /// The most memory that it has had so far, in MiB.
    pub(crate) fn most_memory(&self) -> u64 {
        most_memory(&self.child)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop as Ctrl-C does, and waits for its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        interrupt(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Server {
    /// Sends it a signal, by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its exit code; `None` when a signal ended it.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The most memory that a process has had so far, in MiB.
pub(crate) fn most_memory(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    most.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Sends SIGINT.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Presses Ctrl-C and waits until the program has said that it stops. Returns what is left of its standard error.
pub(crate) fn told_to_stop(child: &mut Child) -> impl BufRead + use<> {
    interrupt(child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("stopping at the next safe place") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended without a word");
    }
    stderr
}

/// What it advises is told as it is without `--data-dir home`, with which most tests name their place; `advice` insists
/// that it is there.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let place = command.get_current_dir().and_then(|place| place.canonicalize().ok()).unwrap_or_default();
    let named = format!("`atocore --data-dir {} ", place.join("home").display());
    let bare = named.replace('`', "→ ");
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&named, "`atocore ").replace(&bare, "→ atocore ")
    };
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Every file below a folder with its bytes, to see whether anything was touched.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap_or_default();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}
