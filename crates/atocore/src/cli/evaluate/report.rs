//! Sets an evaluation for a person.

use atocore_engine::evaluation::{
    Evaluation, Figures, baseline::BaselineVerdict, question::Question, significance::PairedComparison,
    tuning::CONFIRMED_BELOW,
};

use super::{Outcome, shape::modes};
use crate::cli::{
    output::{Output, Style},
    typeset::{Table, count, excerpt, plain},
};

/// How much of a question is repeated, in characters.
const WIDTH: usize = 72;

/// Sets the whole; the misses one by one when they are wanted.
pub(super) fn print(questions: &[Question], outcome: &Outcome, misses: bool, output: &Output) {
    output.line(output.paint(Style::Dim, headline(questions, outcome)));
    output.line("");
    print_figures(outcome, output);
    if let Some((_, comparison)) = &outcome.compared {
        output.line(compared(comparison));
    }
    output.line("");
    for line in missed(questions, outcome, output) {
        output.line(line);
    }
    if let Some(line) = nothing_fits(&outcome.asked.evaluation) {
        output.line(line);
    }
    let forbidden =
        outcome.asked.evaluation.results.iter().map(|result| result.forbidden.len()).sum::<usize>();
    if misses {
        print_misses(questions, outcome, output);
    } else if !outcome.misses.is_empty() || forbidden > 0 {
        output.line(output.paint(Style::Dim, "--misses lists them, each with its reason"));
    }
    if let Some((verdict, tolerance)) = &outcome.verdict {
        print_verdict(questions, verdict, *tolerance, output);
    }
    if let Some(path) = &outcome.saved {
        output.line(format!("stored as `{}`", path.display()));
    }
    for (notice, asked) in &outcome.asked.evaluation.notices {
        let notice = output.aimed(notice.to_string());
        output.remark(format!("note: for {}: {notice}", count(*asked as u64, "question")));
    }
}

fn headline(questions: &[Question], outcome: &Outcome) -> String {
    let evaluation = &outcome.asked.evaluation;
    let expected = questions.iter().map(|question| question.expect.len() as u64).sum();
    let must_not = questions.iter().map(|question| question.must_not.len() as u64).sum::<u64>();
    let modes = modes(evaluation);
    let modes = match modes.len() {
        1 => modes.keys().map(ToString::to_string).collect(),
        _ => modes.iter().map(|(mode, count)| format!("{mode} {count}")).collect::<Vec<_>>().join(", "),
    };
    let mut parts = vec![count(questions.len() as u64, "question"), count(expected, "expectation")];
    if must_not > 0 {
        parts.push(format!("{must_not} must not"));
    }
    parts.extend([
        format!("top {}", outcome.top_k.get()),
        modes,
        format!("generation {}", evaluation.generation),
    ]);
    parts.join(" · ")
}

fn print_figures(outcome: &Outcome, output: &Output) {
    let recall = format!("recall@{}", outcome.top_k.get());
    let mut table = Table::new(&["", "nDCG@10", &recall, "MRR@10"]);
    let mut row = |name: String, means: Option<Figures>| {
        let cell = |part: fn(&Figures) -> f64| {
            means.as_ref().map_or_else(|| "-".to_owned(), |means| format!("{:.4}", part(means)))
        };
        let cells = [cell(|f| f.ndcg_at_10), cell(|f| f.recall), cell(|f| f.mrr_at_10)];
        let [ndcg, recall, mrr] = cells;
        table.row([name, ndcg, recall, mrr]);
    };
    let first = outcome.asked.evaluation.means();
    row(plain(outcome.asked.configuration.name()), first);
    if let Some((second, _)) = &outcome.compared {
        let means = second.evaluation.means();
        row(plain(second.configuration.name()), means);
        if let Some((first, second)) = first.zip(means) {
            let difference = |part: fn(&Figures) -> f64| format!("{:+.4}", part(&second) - part(&first));
            table.row([
                "difference".to_owned(),
                difference(|f| f.ndcg_at_10),
                difference(|f| f.recall),
                difference(|f| f.mrr_at_10),
            ]);
        }
    }
    output.table(&table);
}

/// For how many questions the answer shows nothing or says that nothing fits, where that is right and where it is wrong.
fn nothing_fits(evaluation: &Evaluation) -> Option<String> {
    let (unanswerable, right) = evaluation.nothing_fits(false);
    let (answerable, wrong) = evaluation.nothing_fits(true);
    let answerable = format!("{wrong} of {} with one", count(answerable as u64, "question"));
    match (unanswerable, wrong) {
        (0, 0) => None,
        (0, _) => Some(format!("nothing fits: {answerable}")),
        _ => Some(format!(
            "nothing fits: {right} of {} without an answer, {answerable}",
            count(unanswerable as u64, "question")
        )),
    }
}

fn compared(comparison: &PairedComparison) -> String {
    let PairedComparison { better, worse, equal, p_value, .. } = comparison;
    let meaning = if *p_value < CONFIRMED_BELOW { "more than chance" } else { "may be chance" };
    format!(
        "the second is better for {}, worse for {worse}, the same for {equal}; {}: {meaning}",
        count(*better as u64, "question"),
        p(*p_value)
    )
}

/// A p-value in few digits.
pub(in crate::cli) fn p(value: f64) -> String {
    if value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {value:.3}") }
}

/// How many expectations are met, and of the others how many for which reason.
fn missed(questions: &[Question], outcome: &Outcome, output: &Output) -> Vec<String> {
    let expected = questions.iter().map(|question| question.expect.len()).sum::<usize>();
    let mut lines = Vec::new();
    if expected > 0 {
        let met = expected - outcome.misses.len();
        let mut line = format!("{met} of {} met", count(expected as u64, "expectation"));
        let mut reasons = Vec::new();
        for reason in ["not ingested", "not found", "ranked low"] {
            let times = outcome.misses.iter().filter(|miss| miss.reason.as_str() == reason).count();
            if times > 0 {
                reasons.push(format!("{times} {reason}"));
            }
        }
        if !reasons.is_empty() {
            line.push_str(&format!("; missed: {}", reasons.join(", ")));
        }
        lines.push(line);
    }
    let forbidden =
        outcome.asked.evaluation.results.iter().map(|result| result.forbidden.len()).sum::<usize>();
    if forbidden > 0 {
        let text = format!("{} shown although it must not", count(forbidden as u64, "passage"));
        lines.push(output.paint(Style::Red, text));
    }
    lines
}

fn print_misses(questions: &[Question], outcome: &Outcome, output: &Output) {
    for (index, question) in questions.iter().enumerate() {
        let mut lines = Vec::new();
        for miss in outcome.misses.iter().filter(|miss| miss.question == index) {
            let expected = plain(question.expect[miss.expectation].passage.to_string());
            let reason = output.paint(Style::Yellow, miss.reason.as_str());
            lines.push(format!("  {reason}: {expected}; {}", miss.reason.detail()));
        }
        for shown in &outcome.asked.evaluation.results[index].forbidden {
            let entry = plain(question.must_not[shown.entry].to_string());
            let reason = output.paint(Style::Red, "shown although it must not");
            let place = format!("{}:{}", plain(&shown.source_path), shown.lines);
            lines.push(format!("  {reason}: {entry}; rank {}, {place}", shown.rank));
        }
        if !lines.is_empty() {
            output.line("");
            output.line(output.paint(Style::Bold, named(question)));
            lines.into_iter().for_each(|line| output.line(line));
        }
    }
}

/// A question by its line and words.
fn named(question: &Question) -> String {
    format!("line {}: {}", question.line, excerpt(question.text.as_str(), 1, WIDTH).concat())
}

fn print_verdict(questions: &[Question], verdict: &BaselineVerdict, tolerance: f64, output: &Output) {
    output.line("");
    let holds = if verdict.holds() {
        output.paint(Style::Green, "holds")
    } else {
        output.paint(Style::Red, "is not reached")
    };
    let figures = match verdict.ndcg_at_10 {
        Some((then, now)) => format!("nDCG@10 was {then:.4} and is {now:.4}, tolerance {tolerance}"),
        None => "there is nothing to compare".to_owned(),
    };
    output.line(format!(
        "the baseline {holds}: {figures}, {} in both",
        count(verdict.compared as u64, "question")
    ));
    for (places, what) in [(&verdict.lost, "lost"), (&verdict.newly_forbidden, "shows what it must not")] {
        for place in places {
            output.line(format!("  {}: {}", output.paint(Style::Red, what), named(&questions[*place])));
        }
    }
    if verdict.new + verdict.gone > 0 {
        let text = format!(
            "  {} questions are new and {} are gone; they were not compared",
            verdict.new, verdict.gone
        );
        output.line(output.paint(Style::Dim, text));
    }
}
