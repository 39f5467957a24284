//! `query`: asks a question and sets the ranked passages.

use atocore_model::{
    document::{HeadingPath, LineSpan, cited},
    query::{Answer, CopyPlace, Explanation, Hit},
    ranking::Fusion,
};
use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{QuestionWords, count, day, excerpt, plain, unbroken, width},
};
use crate::operations::{ApiError, Query};

/// How many lines of a passage are shown.
const LINES: usize = 3;

/// How wide text is set for whoever does not say how wide he is, and at most.
const WIDTH: usize = 96;
const WIDEST: usize = 120;

/// Where the text of a hit begins.
const INDENT: &str = "             ";

/// What somebody asks, in as many words as he likes.
#[derive(Debug, Args)]
pub(super) struct QuestionText {
    /// What to look for, or what an agent was asked
    #[arg(value_name = "TEXT", required = true, num_args = 1..)]
    text: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    question: QuestionText,
    #[command(flatten)]
    query: Query,
}

impl QuestionText {
    /// It in one line.
    pub(super) fn line(&self) -> String {
        self.text.join(" ")
    }
}

impl Search {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let query = Query { query: self.question.line(), ..self.query };
        let (explain, filtered) = (query.explain, query.is_filtered());
        let asked = QuestionWords::new(&query.query);
        console.run(query, |answer, output| {
            print(answer, &asked, output);
            if answer.hits.is_empty() && answer.candidates == 0 && filtered {
                output.advise(
                    "nothing was found; ask for fewer conditions, or `atocore status` shows what is stored",
                );
            } else if answer.hits.is_empty() && answer.left_out > 0 {
                output.advise("nothing fits the question; `--min-fit 0` shows what was found");
            } else if answer.hits.is_empty() {
                output.advise(
                    "nothing was found; try fewer or other words, or `atocore status` to see what is stored",
                );
            } else if !explain {
                output.line(output.paint(Style::Dim, "--explain shows how each score came about"));
            }
            output.notices(&answer.notices);
        })
    }
}

/// Sets an answer for a person.
fn print(answer: &Answer, asked: &QuestionWords, output: &Output) {
    for (index, hit) in answer.hits.iter().enumerate() {
        print_hit(index + 1, hit, asked, output);
        output.line("");
    }
    let found = count(answer.hits.len() as u64, "passage");
    output.line(output.paint(
        Style::Dim,
        format!("{found} of {} ranked, {}, generation {}", answer.candidates, answer.mode, answer.generation),
    ));
}

fn print_hit(rank: usize, hit: &Hit, asked: &QuestionWords, output: &Output) {
    let room = output.width().map_or(WIDTH, |width| width.saturating_sub(INDENT.len()).clamp(20, WIDEST));
    // A line that a program reads stays one line.
    let set = |text: String| if output.width().is_some() { unbroken(&text, room) } else { vec![text] };
    let below = |text: String, style| {
        for line in set(text) {
            output.line(format!("{INDENT}{}", output.paint(style, line)));
        }
    };
    let mut start = format!("{rank:>3}  {}  ", output.paint(Style::Green, format!("{:.4}", hit.score)));
    for line in set(heading(hit)) {
        output.line(format!("{start}{}", output.paint(Style::Bold, line)));
        INDENT.clone_into(&mut start);
    }
    below(format!("{} · fit {}", place(hit), hit.fit), Style::Dim);
    if let Some(explanation) = &hit.explanation {
        let is_bounded = output.width().is_some();
        let set = |line: String| if is_bounded { hung(&line, room) } else { vec![line] };
        let lines = arithmetic(hit.score, explanation).into_iter().chain([fit(explanation)]);
        for line in lines.flat_map(set) {
            output.line(format!("{INDENT}{}", output.paint(Style::Cyan, line)));
        }
    }
    for line in excerpt(&hit.content, LINES, room) {
        output.line(format!("{INDENT}{}", asked.mark(&line, |word| output.paint(Style::Yellow, word))));
    }
    if let Some(text) = copies(hit) {
        below(text, Style::Dim);
    }
}

/// The cells of a step of the arithmetic before the reason.
const STEP: usize = 23;

/// A step of the arithmetic within `room` cells: its reason goes on below itself, or below the step where that is narrow.
fn hung(line: &str, room: usize) -> Vec<String> {
    let split = line.char_indices().nth(STEP).map(|(at, _)| line.split_at(at));
    let Some((step, reason)) = split.filter(|_| width(line) > room) else { return vec![line.to_owned()] };
    let beside = room.saturating_sub(STEP);
    if beside < STEP {
        let reason = unbroken(reason, room - 2).into_iter().map(|part| format!("  {part}"));
        return std::iter::once(step.trim_end().to_owned()).chain(reason).collect();
    }
    let parts = unbroken(reason, beside).into_iter().enumerate();
    parts.map(|(index, part)| format!("{:STEP$}{part}", if index == 0 { step } else { "" })).collect()
}

/// Title and headings; a title that is the first heading is said once.
pub(crate) fn heading(hit: &Hit) -> String {
    let title = plain(&hit.title);
    let mut parts: Vec<_> = hit
        .heading_path
        .as_str()
        .split(HeadingPath::SEPARATOR)
        .map(plain)
        .filter(|part| !part.is_empty())
        .collect();
    if parts.first() != Some(&title) {
        parts.insert(0, title);
    }
    parts.join(" › ")
}

/// Where a passage stands: file and lines, project, date, tags, and whether the file is still that.
pub(crate) fn place(hit: &Hit) -> String {
    let mut parts = vec![plain(hit.cited()), hit.project.to_string(), day(hit.date)];
    parts.extend(hit.tags.iter().map(|tag| format!("#{}", plain(tag))));
    parts.extend(hit.state.caution().map(str::to_owned));
    parts.join(" · ")
}

/// How many places of a copy are named.
const COPIES: usize = 3;

/// Where else the same text stands; `None` when it stands nowhere else.
fn copies(hit: &Hit) -> Option<String> {
    let place = |copy: &CopyPlace| {
        let project =
            if copy.project == hit.project { String::new() } else { format!(" in {}", copy.project) };
        let from = LineSpan { last: copy.lines.first, ..copy.lines };
        let cited = cited(copy.source_path.as_str(), from, copy.location.as_ref());
        format!("{}{project}", plain(cited))
    };
    let mut places: Vec<_> = hit.copies.iter().take(COPIES).map(place).collect();
    if let Some(more) = hit.copy_count.checked_sub(places.len() as u64).filter(|more| *more > 0) {
        places.push(format!("and {more} more"));
    }
    (!places.is_empty()).then(|| format!("the same in {}", places.join(", ")))
}

/// The arithmetic that gives the score: both halves, their sum, and every factor with its reason.
pub(crate) fn arithmetic(score: f64, explanation: &Explanation) -> Vec<String> {
    let mut lines = halves(explanation);
    for factor in &explanation.factors {
        let name = factor.name.replace('_', " ");
        lines.push(format!("× {:<20} {name}: {}", factor.value, plain(&factor.reason)));
    }
    lines.push(format!("= {score}"));
    lines
}

/// What the fit follows from.
fn fit(explanation: &Explanation) -> String {
    let meaning = explanation.semantic.filter(|meaning| !meaning.assumed);
    let cosine = meaning.map(|meaning| format!("cosine {:.4}", meaning.cosine));
    let coverage = explanation.lexical.map(|words| format!("coverage of the words {:.4}", words.coverage));
    let by: Vec<String> = cosine.into_iter().chain(coverage).collect();
    format!("  {:<20} fit by {}", explanation.fit(), by.join(" and "))
}

fn halves(explanation: &Explanation) -> Vec<String> {
    let words = explanation.lexical.map(|words| {
        let why = format!(
            "words: BM25 {:.3} of at most {:.3}, of the document {:.3} of {:.3}",
            words.bm25, words.bm25_max, words.document_bm25, words.document_bm25_max
        );
        (words.part, words.rank, why)
    });
    let meaning = explanation.semantic.map(|half| {
        let assumed = if half.assumed { ", assumed from its words" } else { "" };
        let why = format!("meaning: cosine {:.4} of at most {:.4}{assumed}", half.cosine, half.cosine_max);
        (half.part, half.rank, why)
    });
    let (Some(fusion), Some(words), Some(meaning)) = (&explanation.fusion, &words, &meaning) else {
        let why = words.or(meaning).map(|(.., why)| why).unwrap_or_default();
        return vec![format!("  {:<20} similarity by {why}", explanation.similarity)];
    };
    let (kind, weight) = match fusion {
        Fusion::Convex { meaning_weight } => ("convex", Some(*meaning_weight)),
        Fusion::Reciprocal { .. } => ("rrf", None),
    };
    let line =
        |sign, weight: Option<f64>, (part, rank, why): &(f64, Option<usize>, String)| match (weight, rank) {
            (Some(weight), _) => format!("{sign} {weight:.3} × {part:<14.10} {why}"),
            (None, Some(rank)) => format!("{sign} half of rank {rank:<8} {why}"),
            (None, None) => format!("{sign} half of nothing      {why}"),
        };
    vec![
        line(' ', weight, meaning),
        line('+', weight.map(|weight| 1.0 - weight), words),
        format!("= {:<20} similarity, {}", explanation.similarity, kind),
    ]
}

#[cfg(test)]
mod tests {
    use atocore_model::{
        document::DocumentState,
        fit::Fit,
        query::Factor,
        ranking::{Bm25, LexicalScore},
    };

    use super::*;

    fn hit() -> Hit {
        Hit {
            chunk_id: "chk_1".parse().unwrap(),
            document_id: "doc_1".parse().unwrap(),
            document_digest: None,
            index: None,
            linked_from: None,
            project: "notes".parse().unwrap(),
            score: 0.5 * 1.32 * 1.18,
            fit: Fit::WELL,
            title: "Backups".to_owned(),
            heading_path: HeadingPath::new(["Backups", "Depths"]),
            source_path: "ops/backups.md".parse().unwrap(),
            file_path: "/srv/ops/backups.md".to_owned(),
            state: DocumentState::Current,
            lines: LineSpan { first: 3, last: 9 },
            location: None,
            date: "2026-04-06T18:42:19Z".parse().unwrap(),
            tags: vec!["ops".parse().unwrap()],
            content: String::new(),
            copy_count: 0,
            copies: Vec::new(),
            explanation: None,
        }
    }

    #[test]
    fn a_hit_says_what_and_where() {
        assert_eq!(heading(&hit()), "Backups › Depths");
        assert_eq!(heading(&Hit { heading_path: HeadingPath::default(), ..hit() }), "Backups");
        assert_eq!(heading(&Hit { title: "Other".to_owned(), ..hit() }), "Other › Backups › Depths");
        assert_eq!(place(&hit()), "ops/backups.md:3-9 · notes · 2026-04-06 · #ops");
        let changed = Hit { state: DocumentState::Changed, tags: Vec::new(), ..hit() };
        let said = "ops/backups.md:3-9 · notes · 2026-04-06 · the file has changed since it was read";
        assert_eq!(place(&changed), said);
    }

    #[test]
    fn the_printed_factors_multiply_to_the_printed_score() {
        let factor =
            |name: &'static str, value| Factor { name: name.into(), value, reason: "why".to_owned() };
        let explanation = Explanation {
            lexical: Some(LexicalScore::new(
                Bm25 { chunk: 3.0, document: 4.0 },
                Bm25 { chunk: 6.0, document: 8.0 },
                12.0,
                Some(1),
            )),
            semantic: None,
            fusion: None,
            similarity: 0.5,
            factors: vec![factor("query_token", 1.32), factor("path", 1.18)],
        };
        let lines = arithmetic(hit().score, &explanation);
        let number = |line: &String| line[2..].split_whitespace().next().unwrap().parse::<f64>().unwrap();
        let (score, factors) = lines.split_last().unwrap();
        assert_eq!(factors.iter().map(number).product::<f64>(), number(score));
        assert!(lines[1].contains("query token: why"), "{lines:?}");
    }
}
