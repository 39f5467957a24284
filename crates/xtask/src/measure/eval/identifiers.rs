//! Whether the passage that has an identifier comes first: five hundred questions over generated source code, logs,
//! configuration and Markdown, half of them the bare identifier, half a sentence around it. Other passages have the parts
//! of each in another order, or one more sign.

use std::{collections::BTreeMap, path::Path};

use atocore_engine::{Engine, RankWeights};
use atocore_model::{
    query::{QueryRequest, TopK},
    ranking::Mode,
};
use atocore_storage::files;

use super::{MODES, home};
use crate::{failure::Failure, measure::random::Random, terminal};

/// Identifiers that are asked for, each bare and in a sentence.
const IDENTIFIERS: usize = 250;

/// Files of each kind.
const FILES: usize = 40;

/// The words that identifiers and sentences are made of.
const WORDS: [&str; 40] = [
    "retry", "count", "limit", "pump", "valve", "orchard", "harvest", "timer", "queue", "worker", "cache",
    "ledger", "invoice", "tenant", "session", "token", "backup", "replica", "shard", "cursor", "window",
    "buffer", "signal", "sensor", "gauge", "alarm", "relay", "motor", "filter", "bridge", "router", "socket",
    "parser", "writer", "reader", "planner", "budget", "region", "volume", "batch",
];

/// What stands around the identifiers.
const SENTENCES: [&str; 12] = [
    "The {a} is started before the {b} and stopped after it.",
    "When the {a} is full, the {b} waits until there is room again.",
    "A {a} that fails three times in a row is reported to the {b}.",
    "Nobody should change the {a} while the {b} is running.",
    "The {a} was rewritten last year because the {b} had become too slow.",
    "Every {a} has its own {b}, so one cannot block the other.",
    "If the {a} is missing, the {b} is made anew from what is left.",
    "The {b} reads what the {a} has written, and nothing else.",
    "Operators see the {a} on the first page, next to the {b}.",
    "Two of them share a {a}, which keeps the {b} small.",
    "The {a} is checked every night, and so is the {b}.",
    "Without a {b} the {a} does not know where to begin.",
];

/// Ways to ask for an identifier, which stands for `{}`.
const QUESTIONS: [&str; 10] = [
    "what does {} mean?",
    "where is {} set, and what is it by default?",
    "how do I get rid of {} in production",
    "why does the service report {} at night?",
    "who uses {} and what happens without it",
    "show me everything about {} please",
    "is it safe to change {} while the worker is running?",
    "Where do we handle {}?",
    "explain {} to a new colleague",
    "the alarm said {} yesterday, what should I do now?",
];

/// An identifier, a form of it that is the same, and forms that only look like it.
struct Identifier {
    text: String,
    other_style: Option<String>,
    lookalikes: Vec<String>,
}

/// Asks for every identifier.
pub(super) fn run() -> Result<(), Failure> {
    let mut random = Random(20_261_130);
    let identifiers: Vec<Identifier> =
        (0..IDENTIFIERS).map(|number| identifier(&mut random, number)).collect();
    let place = home::place("identifiers")?;
    let documents = place.join("documents");
    files::remove_tree(&documents).map_err(|error| Failure::failed(error.to_string()))?;
    let holders = write_documents(&documents, &identifiers, &mut random)?;
    let engine = home::open_folder(&place, documents)?;
    for mode in MODES {
        let (mut bare, mut inside) = (Vec::new(), Vec::new());
        for (number, (identifier, holders)) in identifiers.iter().zip(&holders).enumerate() {
            let text = match &identifier.other_style {
                Some(other) if number % 2 == 1 => other,
                _ => &identifier.text,
            };
            let sentence = QUESTIONS[number % QUESTIONS.len()].replace("{}", text);
            for (question, missed) in [(text, &mut bare), (&sentence, &mut inside)] {
                let first = first(&engine, question, mode)?;
                if !first.as_ref().is_some_and(|first| holders.contains(first)) {
                    missed.push(format!("{question} -> {}", first.unwrap_or_default()));
                }
            }
        }
        let success = |missed: &[String]| 1.0 - missed.len() as f64 / IDENTIFIERS as f64;
        terminal::line(&format!(
            "identifiers        {:<8} {IDENTIFIERS} bare: success@1 {:.4}  {IDENTIFIERS} in a sentence: success@1 {:.4}",
            mode.as_str(),
            success(&bare),
            success(&inside)
        ));
        if mode == Mode::Hybrid {
            bare.iter().chain(&inside).for_each(|missed| terminal::note(missed));
        }
    }
    Ok(())
}

/// The path of the best passage.
fn first(engine: &Engine, question: &str, mode: Mode) -> Result<Option<String>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("`{question}`: {error}"));
    let text = question.parse().map_err(|error| failed(&error))?;
    let top_k = TopK::new(1).map_err(|error| failed(&error))?;
    let query = QueryRequest { top_k, mode: Some(mode), ..QueryRequest::new(text) };
    let answer = engine.query_with(&query, &RankWeights::default()).map_err(|error| failed(&error))?;
    Ok(answer.hits.first().map(|hit| hit.source_path.as_str().to_owned()))
}

fn identifier(random: &mut Random, number: usize) -> Identifier {
    let mut word = || WORDS[random.below(WORDS.len())];
    let (a, b, c) = (word(), word(), word());
    let (x, y, z) = (random.below(200), random.below(90) + 10, random.below(900) + 100);
    let plain = |text: String, lookalikes: Vec<String>| Identifier { text, other_style: None, lookalikes };
    let styled = |text: String, other: String| Identifier {
        text,
        other_style: Some(other),
        lookalikes: vec![format!("{c}_{b}_{a}_{y}"), format!("{b} {a} {c} {y}"), format!("{a}_{b}")],
    };
    match number % 10 {
        0 => plain(format!("E{z}{y}"), vec![format!("E{y}{z}"), format!("E{z}{y}1")]),
        1 => styled(format!("{a}_{b}_{c}_{y}"), camel(&[a, b, c, &y.to_string()])),
        2 => styled(camel(&[a, b, c, &y.to_string()]), format!("{a}_{b}_{c}_{y}")),
        3 => styled(format!("{a}_{b}_{c}_{y}").to_uppercase(), format!("{a}_{b}_{c}_{y}")),
        4 => plain(
            format!("{x}.{y}.{z}"),
            vec![format!("{z}.{y}.{x}"), format!("{x}.{y}.{z}.1"), format!("{x}.{y}")],
        ),
        5 => plain(format!("10.{x}.{y}.7"), vec![format!("10.{y}.{x}.7"), format!("7.{x}.{y}.10")]),
        6 => plain(
            format!("etc/{a}/{b}{y}.conf"),
            vec![format!("etc/{b}{y}/{a}.conf"), format!("conf/{a}/{b}")],
        ),
        7 => plain(format!("{a}::{b}::{c}{y}"), vec![format!("{b}::{a}::{c}{y}"), format!("{a}::{c}{y}")]),
        8 => plain(format!("ORCH-{z}{y}"), vec![format!("ORCH-{y}{z}"), format!("HARV-{z}{y}")]),
        _ => plain(format!("{a}.{b}.{c}{y}"), vec![format!("{c}{y}.{b}.{a}"), format!("{b}.{a}")]),
    }
}

fn camel(words: &[&str]) -> String {
    let mut name = String::new();
    for (at, word) in words.iter().enumerate() {
        let (first, rest) = word.split_at(1);
        name += &if at == 0 { (*word).to_owned() } else { first.to_uppercase() + rest };
    }
    name
}

/// Writes the documents, and returns in which of them each identifier stands.
fn write_documents(
    folder: &Path,
    identifiers: &[Identifier],
    random: &mut Random,
) -> Result<Vec<Vec<String>>, Failure> {
    let kinds = ["src/{}.rs", "logs/{}.log", "config/{}.toml", "docs/{}.md"];
    let paths: Vec<(usize, String)> = (0..FILES)
        .flat_map(|n| {
            kinds
                .iter()
                .enumerate()
                .map(move |(kind, path)| (kind, path.replace("{}", &format!("part{n:02}"))))
        })
        .collect();
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut holders = Vec::new();
    for identifier in identifiers {
        let mut of = Vec::new();
        for _ in 0..=random.below(2) {
            let (kind, path) = &paths[random.below(paths.len())];
            put(texts.entry(path).or_default(), *kind, &identifier.text, random);
            of.push(path.clone());
        }
        for lookalike in &identifier.lookalikes {
            let (kind, path) = &paths[random.below(paths.len())];
            put(texts.entry(path).or_default(), *kind, lookalike, random);
        }
        holders.push(of);
    }
    for (path, text) in texts {
        let file = folder.join(path);
        let failed = |error: files::FileError| Failure::failed(error.to_string());
        files::create_dirs(file.parent().unwrap_or(folder)).map_err(failed)?;
        files::write_atomic_unsynced(&file, text.as_bytes()).map_err(failed)?;
    }
    Ok(holders)
}

/// Appends what a file of that kind has around an identifier.
fn put(text: &mut String, kind: usize, identifier: &str, random: &mut Random) {
    let mut sentence = || {
        let mut word = || WORDS[random.below(WORDS.len())];
        let (a, b) = (word(), word());
        SENTENCES[random.below(SENTENCES.len())].replace("{a}", a).replace("{b}", b)
    };
    let (before, behind, last) = (sentence(), sentence(), sentence());
    let number = random.below(100_000);
    let added = match kind {
        0 => format!(
            "/// {before}\n/// {behind}\nfn step_{number}() {{\n    // {last}\n    handle({identifier:?});\n}}\n"
        ),
        1 => format!(
            "2026-11-{:02} 03:{:02} worker: {before}\n2026-11-{:02} 03:{:02} worker: {identifier}: {behind}\n",
            number % 28 + 1,
            number % 60,
            number % 28 + 1,
            number % 60
        ),
        2 => format!("[part-{number}]\n# {before} {behind}\nvalue = \"{identifier}\"\n"),
        _ => format!("## Part {number}\n\n{before} {behind} See `{identifier}`. {last}\n"),
    };
    text.push_str(&added);
}
