//! A start: a new process, until it has answered its first question, and what it has in memory after a thousand.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use atocore_engine::{Copier, Precision};
use atocore_model::{
    query::{ProjectHint, QueryRequest},
    ranking::Mode,
};
use atocore_storage::files;

use super::{
    Bench, cannot, home::Home, machine::Resident, meaning, query::query, table::Table, timing::percentile,
};
use crate::{failure::Failure, process, terminal};

/// The task of the child process; nobody calls it by hand.
pub(in super::super) const FIRST_ANSWER: &str = "__first-answer";

/// The longest that a start may take.
const START: Duration = Duration::from_millis(500);

/// The most memory that it may have.
const MEMORY: u64 = 300_000_000;

/// Questions that are asked before the memory is looked at.
const QUESTIONS: usize = 1_000;

/// What a child does.
const WHOLE: &str = "whole";
const MODEL: &str = "model";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.large_with_vectors()?;
    let questions = bench.dir().join("questions");
    let text = bench.corpus.questions(QUESTIONS).join("\n");
    files::write_synced(&questions, text.as_bytes()).map_err(cannot("write the questions"))?;
    let mut whole = Vec::new();
    let mut model = Vec::new();
    // The first start only fills the caches of the system.
    for _ in 0..=bench.scale.rounds {
        whole.push(start(WHOLE, home, &questions)?);
        model.push(start(MODEL, home, &questions)?);
    }
    let [whole, model] = [&whole[1..], &model[1..]];
    let median = |starts: &[Start], time: fn(&Start) -> Duration| percentile(starts.iter().map(time), 50);
    let mut table = Table::new(format!(
        "opening: a new process, {} chunks, made vectors, memory after {QUESTIONS} questions",
        bench.scale.large_chunks
    ));
    let alone = "a new process that loads the model and embeds the question";
    let (ours, theirs) = (median(whole, |start| start.answered), median(model, |start| start.answered));
    table.limit("to the first hybrid answer", ours, theirs, alone, START);
    let share = "all of it";
    table.compare("opening the installation", median(whole, |start| start.opened), ours, share, None);
    table.compare(
        "the first answer, loading the model",
        median(whole, |start| start.first),
        ours,
        share,
        None,
    );
    if let (Some(whole), Some(model)) = (whole.last(), model.last()) {
        let memory = [
            ("memory", whole.after.all, model.after.all, Some(MEMORY)),
            ("written by itself", whole.after.own, model.after.own, None),
            ("pages of mapped files", whole.after.files, model.after.files, None),
            ("memory after the first answer", whole.before.all, model.before.all, Some(MEMORY)),
        ];
        for (what, figure, baseline, most) in memory {
            table.memory(what, figure, baseline, "the model alone", most);
        }
    }
    table.print();
    Ok(())
}

/// One start of a child process.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// From starting the process, as seen from outside.
    answered: Duration,
    /// Inside: until the installation was open, and from then to the first answer.
    opened: Duration,
    first: Duration,
    /// After the first question, and after all.
    before: Resident,
    after: Resident,
}

/// Starts a child and reads what it says.
fn start(what: &str, home: &Home, questions: &Path) -> Result<Start, Failure> {
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    let mut command = process::program(&program.to_string_lossy(), &[FIRST_ANSWER, what]);
    command.arg(home.dir()).arg(questions).stdout(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(cannot("start this program"))?;
    let silent = || Failure::failed("the child process said nothing");
    let mut lines = BufReader::new(child.stdout.take().ok_or_else(silent)?).lines();
    let mut line = || -> Result<Vec<u64>, Failure> {
        let line = lines.next().ok_or_else(silent)?.map_err(cannot("read what the child process says"))?;
        line.split(' ').map(|word| word.parse().map_err(cannot("read what the child process says"))).collect()
    };
    let first = line()?;
    let answered = started.elapsed();
    let second = line()?;
    let status = child.wait().map_err(cannot("wait for the child process"))?;
    match (first.as_slice(), second.as_slice(), status.success()) {
        ([opened, first, all, own, files], [all_then, own_then, files_then], true) => Ok(Start {
            answered,
            opened: Duration::from_nanos(*opened),
            first: Duration::from_nanos(*first),
            before: Resident { all: *all, own: *own, files: *files },
            after: Resident { all: *all_then, own: *own_then, files: *files_then },
        }),
        _ => Err(Failure::failed(format!("the child process ended with {status}"))),
    }
}

/// Something that is asked one question after the other.
type Asking = Box<dyn FnMut(&str) -> Result<(), Failure>>;

/// What the child process does: answers the questions, one a line, and tells its times and its memory.
pub(in super::super) fn first_answer(args: &[String]) -> Result<(), Failure> {
    let started = Instant::now();
    let [what, home, questions] = args else { return Err(Failure::usage("three arguments are needed")) };
    let questions = std::fs::read_to_string(questions).map_err(cannot("read the questions"))?;
    let mut ask: Asking = if what == WHOLE {
        let engine = Home::existing(Path::new(home)).engine_with_meaning(Copier::InProcess)?;
        Box::new(move |question| {
            let query: QueryRequest = query(question, ProjectHint::None)?;
            let answer = engine.query(&query).map_err(cannot("answer a question"))?;
            if answer.mode != Mode::Hybrid || !answer.notices.is_empty() || answer.hits.is_empty() {
                return Err(Failure::failed(format!("`{question}` was answered by {}", answer.mode)));
            }
            Ok(())
        })
    } else {
        let embedder = meaning::load(Precision::F32, 1)?;
        Box::new(move |question| embedder.embed_one(question).map(drop).map_err(cannot("embed a question")))
    };
    let opened = started.elapsed();
    let mut questions = questions.lines();
    questions.next().map_or(Ok(()), &mut ask)?;
    let first = started.elapsed().saturating_sub(opened);
    let Resident { all, own, files } = Resident::now();
    terminal::line(&format!("{} {} {all} {own} {files}", opened.as_nanos(), first.as_nanos()));
    // By reference: what was asked must still be open when its memory is looked at.
    questions.try_for_each(&mut ask)?;
    let Resident { all, own, files } = Resident::now();
    terminal::line(&format!("{all} {own} {files}"));
    Ok(())
}
