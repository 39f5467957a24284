//! Asks a server while files are removed, renamed, made and changed: no answer has a passage of a file that was gone when it was
//! asked, and none gives out a text as current that was another one by then.

use std::{
    collections::HashMap,
    fmt,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use atocore_storage::locks;
use serde_json::{Value, json};

use super::{
    SoakFailure, Violation, in_rounds,
    random::Random,
    subject::{Subject, words},
};
use crate::{killed::Victims, request::request};

/// How many questions, and of what.
#[derive(Debug, Clone)]
pub struct QuestionOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// How many questions are asked.
    pub questions: u64,
    /// Determines what is changed, and what is asked.
    pub seed: u64,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// What was asked, and what was seen.
#[derive(Debug, Default)]
pub struct QuestionCounts {
    questions: AtomicU64,
    hits: AtomicU64,
    marked: AtomicU64,
    changes: AtomicU64,
}

impl QuestionCounts {
    /// How many passages were in the answers.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }
}

impl fmt::Display for QuestionCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [questions, hits, marked, changes] = [&self.questions, &self.hits, &self.marked, &self.changes]
            .map(|count| count.load(Ordering::SeqCst));
        write!(
            f,
            "{questions} questions, {hits} passages in the answers, {marked} of them marked as changed; {changes} changes of files \
             meanwhile"
        )
    }
}

/// How many files there are, and how many different words to ask for.
const FILES: usize = 240;
const KINDS: usize = 12;
/// How many ask at once.
const ASKERS: usize = 2;

/// What is certain of a file at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct FileTruth {
    /// It is not there.
    is_gone: bool,
    /// It is there and says this.
    version: Option<u64>,
    /// How many times something was done to it.
    turn: u64,
}

/// What is certain of every file, by its path below the root.
type Truth = Mutex<HashMap<String, FileTruth>>;

/// Asks `questions` questions while files change.
///
/// # Errors
/// When an answer has what it must not have, or something does not work any more.
pub fn run(options: &QuestionOptions<'_>) -> Result<QuestionCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| {
        let root = options.scratch.join("notes");
        let (truth, counts, ended) = (Truth::default(), QuestionCounts::default(), AtomicBool::new(false));
        let mut changer = Changer { root, truth: &truth, random: Random::new(options.seed), version: 0 };
        (0..FILES).try_for_each(|file| changer.write(&path(file)))?;
        let mut subject = Subject::new(&options.program, options.scratch);
        subject.set(vec![
            ("ATOCORE_RETRIEVAL_MODE", "lexical".to_owned()),
            ("ATOCORE_FOLLOW", "on".to_owned()),
            ("ATOCORE_MAX_REMOVED_PERCENT", "100".to_owned()),
        ]);
        let _added = subject.run(&words(&["project", "add", "notes", "--root", "notes"]))?;
        let _read = subject.run(&words(&["refresh", "notes"]))?;
        let mut server = subject.serve()?;
        *at = (1, "questions");
        let owner = locks::current_owner(&subject.layout().locks())?.and_then(|owner| owner.socket);
        let socket = owner.ok_or_else(|| Violation::new("the server has no socket".to_owned()))?;
        let asked = thread::scope(|scope| {
            let changing = scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    changer.change(&counts)?;
                    thread::sleep(Duration::from_millis(10));
                }
                Ok::<_, Violation>(())
            });
            let askers: Vec<_> = (0..ASKERS)
                .map(|number| {
                    let random = Random::new(options.seed + 1 + number as u64);
                    let (socket, truth, counts) = (&socket, &truth, &counts);
                    scope.spawn(move || Asker { socket, truth, counts, random }.ask(options.questions))
                })
                .collect();
            let asked = askers.into_iter().map(|asker| joined(asker.join())).collect::<Vec<_>>();
            ended.store(true, Ordering::SeqCst);
            let changed = joined(changing.join());
            asked.into_iter().chain([changed]).collect::<Result<(), Violation>>()
        });
        server.kill(Victims::Group)?;
        let _ended = server.wait(Duration::from_secs(60))?;
        asked?;
        Ok(counts)
    })
}

fn joined(ended: thread::Result<Result<(), Violation>>) -> Result<(), Violation> {
    ended.unwrap_or_else(|_| Err(Violation::new("a thread of the soak panicked".to_owned())))
}

fn path(file: usize) -> String {
    format!("part{}/{file}.md", file % 7)
}

fn lock(truth: &Truth) -> MutexGuard<'_, HashMap<String, FileTruth>> {
    truth.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Changes files, and says of each what is certain.
struct Changer<'t> {
    root: PathBuf,
    truth: &'t Truth,
    random: Random,
    version: u64,
}

#[expect(clippy::disallowed_methods, reason = "other programs write files as they like")]
impl Changer<'_> {
    fn change(&mut self, counts: &QuestionCounts) -> Result<(), Violation> {
        let (one, other) = (path(self.random.below(FILES)), path(self.random.below(FILES)));
        match self.random.below(32) {
            0..22 => self.write(&one)?,
            22..27 => self.remove(&one)?,
            27..31 => self.rename(&one, &other)?,
            _ => {
                let part = self.random.below(7);
                self.remove_folder(part)?;
            }
        }
        counts.changes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Before it is there it may be.
    fn appears(&self, path: &str) {
        let mut truth = lock(self.truth);
        let known = truth.entry(path.to_owned()).or_default();
        *known = FileTruth { is_gone: false, version: None, turn: known.turn + 1 };
    }

    fn says(&self, path: &str, version: Option<u64>) {
        lock(self.truth).entry(path.to_owned()).or_default().version = version;
    }

    fn has_gone(&self, path: &str) {
        let mut truth = lock(self.truth);
        let known = truth.entry(path.to_owned()).or_default();
        *known = FileTruth { is_gone: true, version: None, turn: known.turn + 1 };
    }

    fn write(&mut self, path: &str) -> Result<(), Violation> {
        self.appears(path);
        self.version += 1;
        let (file, version) = (self.root.join(path), self.version);
        let kind = self.random.below(KINDS);
        std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
        // As most editors do, so that nobody reads half of it.
        let beside = file.with_extension("new");
        std::fs::write(&beside, format!("# Note\n\nA kestrel{kind} of version {version} here.\n"))?;
        std::fs::rename(beside, &file)?;
        self.says(path, Some(version));
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), Violation> {
        drop(std::fs::remove_file(self.root.join(path)));
        self.has_gone(path);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Violation> {
        if from == to || !self.root.join(from).exists() {
            return Ok(());
        }
        self.appears(to);
        std::fs::create_dir_all(self.root.join(to).parent().unwrap_or(&self.root))?;
        std::fs::rename(self.root.join(from), self.root.join(to))?;
        let version = lock(self.truth).get(from).and_then(|known| known.version);
        self.says(to, version);
        self.has_gone(from);
        Ok(())
    }

    fn remove_folder(&self, part: usize) -> Result<(), Violation> {
        drop(std::fs::remove_dir_all(self.root.join(format!("part{part}"))));
        (0..FILES).filter(|file| file % 7 == part).for_each(|file| self.has_gone(&path(file)));
        Ok(())
    }
}

struct Asker<'s> {
    socket: &'s Path,
    truth: &'s Truth,
    counts: &'s QuestionCounts,
    random: Random,
}

impl Asker<'_> {
    fn ask(mut self, questions: u64) -> Result<(), Violation> {
        while self.counts.questions.fetch_add(1, Ordering::SeqCst) < questions {
            let word = format!("kestrel{}", self.random.below(KINDS));
            let before = lock(self.truth).clone();
            let answer = self.answer(&word)?;
            let after = lock(self.truth).clone();
            for hit in answer["results"].as_array().into_iter().flatten() {
                self.judge(hit, &before, &after)?;
            }
        }
        // The one that was one too many.
        self.counts.questions.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn answer(&self, word: &str) -> Result<Value, Violation> {
        let body = json!({ "query": word, "top_k": 50 }).to_string();
        let answer = request(UnixStream::connect(self.socket)?, "POST", "/query", &body)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200") {
            return Err(Violation::new(format!("`{word}` is answered {answer}")));
        }
        Ok(serde_json::from_str(body)?)
    }

    /// Holds a passage against what was certain before the question, and still is after the answer.
    fn judge(
        &self,
        hit: &Value,
        before: &HashMap<String, FileTruth>,
        after: &HashMap<String, FileTruth>,
    ) -> Result<(), Violation> {
        self.counts.hits.fetch_add(1, Ordering::SeqCst);
        let is_current = hit["state"].as_str().is_none_or(|state| state == "current");
        self.counts.marked.fetch_add(u64::from(!is_current), Ordering::SeqCst);
        let path = hit["source_file"].as_str().unwrap_or_default();
        let (Some(was), Some(is)) = (before.get(path), after.get(path)) else { return Ok(()) };
        if was != is {
            return Ok(());
        }
        if was.is_gone {
            return Err(Violation::new(format!("a file that was gone is in an answer: {hit}")));
        }
        let said = hit["content"].as_str().and_then(|text| text.split("version ").nth(1));
        let said =
            said.and_then(|rest| rest.split(' ').next()).and_then(|version| version.parse::<u64>().ok());
        if is_current && was.version.zip(said).is_some_and(|(version, said)| version != said) {
            return Err(Violation::new(format!("another text than {was:?} is given out as current: {hit}")));
        }
        Ok(())
    }
}
