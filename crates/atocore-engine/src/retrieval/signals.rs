//! The factors of the contract: which project, which words, which place.

use std::borrow::Cow;

use atocore_model::{query::Factor, text, time::Timestamp};

use super::{RankWeights, recency::Recency};

/// Words of a question that say nothing about what it is about.
const STOP_TOKENS: [&str; 15] = [
    "about", "and", "current", "for", "from", "into", "like", "project", "shared", "system", "that", "the",
    "this", "what", "with",
];

/// How many steps a word of the question counts that no more than one passage has, where it is all that a title, a heading
/// or a name in the path says. It counts by the square of the part that the question covers: three words of a heading of
/// three are what the passage is about, three of a title that is a sentence are there by chance.
const WHOLE_LABEL_STEPS: f64 = 3.0;

/// Words in the names of folders that hold what was put aside.
const LOW_SIGNAL_FOLDERS: [&str; 2] = ["-archive-", "-history-"];
/// Marks of what was put aside, in the name of a folder or a file.
const LOW_SIGNAL_MARKS: [&str; 2] = ["-pre-cleanup-", "-pre-migration-"];
/// A folder of this very name.
const REVIEWS: &str = "reviews";

/// Words that mark what people come back to.
const HIGH_SIGNAL_WORDS: [&str; 14] = [
    "status",
    "decision",
    "requirement",
    "requirements",
    "roadmap",
    "charter",
    "system-map",
    "contracts",
    "schema",
    "architecture",
    "workflow",
    "error-budget",
    "comparison-matrix",
    "selection-decision",
];

/// What is known of a passage when it is ranked.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkLocation<'a> {
    pub(super) source_path: &'a str,
    pub(super) title: &'a str,
    pub(super) heading_path: &'a str,
    /// The date of the document.
    pub(super) date: Timestamp,
}

/// A word of a question.
#[derive(Debug)]
struct QuestionToken {
    text: String,
    /// How many steps it counts where it is found.
    weight: f64,
}

/// A question as the factors see it.
#[derive(Debug)]
pub(super) struct Signals<'a> {
    weights: &'a RankWeights,
    tokens: Vec<QuestionToken>,
    project: Option<&'a str>,
    /// Whether a match counts by what it says, and not as one word like any other.
    is_weighed: bool,
    /// How much a date counts; `None` where it does not.
    recency: Option<Recency>,
}

impl<'a> Signals<'a> {
    /// Takes the words of a question apart. With `rarity`, which says from 0 to 1 how rare a word is, a match counts by
    /// what it says; without, every word that is found counts the same.
    pub(super) fn new(
        weights: &'a RankWeights,
        question: &str,
        project: Option<&'a str>,
        rarity: Option<&dyn Fn(&str) -> f64>,
    ) -> Self {
        let mut tokens: Vec<String> = text::words(&text::folded(question)).map(str::to_owned).collect();
        tokens.retain(|token| !STOP_TOKENS.contains(&token.as_str()));
        tokens.sort_unstable();
        tokens.dedup();
        let weight = |text: &str| rarity.map_or(1.0, |rarity| rarity(text) * WHOLE_LABEL_STEPS);
        let weighed = |text: String| QuestionToken { weight: weight(&text), text };
        let tokens = tokens.into_iter().map(weighed).collect();
        Self { weights, tokens, project, is_weighed: rarity.is_some(), recency: None }
    }

    /// The same, where dates count.
    pub(super) fn with_recency(self, recency: Option<Recency>) -> Self {
        Self { recency, ..self }
    }

    /// What is found of a question in a place. Hundreds are looked at for every answer, so nothing is put into words.
    pub(super) fn found<'f>(&'f self, project: &'f str, place: ChunkLocation<'_>) -> SignalMatch<'f> {
        let date = place.date;
        let (folders, file) = place.source_path.rsplit_once('/').unwrap_or(("", place.source_path));
        let place = [folders, file, place.title, place.heading_path].map(text::folded);
        let names = [&place[0], &place[1]].map(|name| hyphenated(name));
        let low_signal = low_signal(&place[0], &names);
        let labels = labels(&place, !self.is_weighed);
        let mut tokens: Vec<(&str, f64)> = Vec::new();
        let mut high_signal: Option<(&'static str, f64)> = None;
        for (kind, label) in &labels {
            let words = words_from(label);
            for word in HIGH_SIGNAL_WORDS.into_iter().filter(|word| begins_a_word(&words, word)) {
                let weight = match kind {
                    LabelKind::Path => 1.0,
                    LabelKind::Heading => coverage(&words, &[word]),
                };
                if high_signal.is_none_or(|(_, known)| weight > known) {
                    high_signal = Some((word, weight));
                }
            }
            let found: Vec<&QuestionToken> =
                self.tokens.iter().filter(|token| begins_a_word(&words, &token.text)).collect();
            if found.is_empty() {
                continue;
            }
            let texts: Vec<&str> = found.iter().map(|token| token.text.as_str()).collect();
            let covered = if self.is_weighed { coverage(&words, &texts) } else { 1.0 };
            for token in found {
                let weight = token.weight * covered * covered;
                match tokens.iter_mut().find(|(text, _)| *text == token.text) {
                    Some((_, known)) => *known = known.max(weight),
                    None => tokens.push((&token.text, weight)),
                }
            }
        }
        let high_signal = high_signal.filter(|_| low_signal.is_none());
        SignalMatch { signals: self, project, tokens, low_signal, high_signal, date }
    }
}

/// Where a label comes from.
#[derive(Debug, Clone, Copy)]
enum LabelKind {
    Path,
    Heading,
}

/// What a passage is filed under, each hyphenated: every folder, the name of the file, the title, every heading; or all
/// of it as one. `place` has folders, file, title and headings, folded.
fn labels(place: &[Cow<'_, str>; 4], as_one: bool) -> Vec<(LabelKind, String)> {
    if as_one {
        return vec![(LabelKind::Path, place.iter().map(|part| hyphenated(part)).collect())];
    }
    let [folders, file, title, headings] = place;
    let stem = file.rsplit_once('.').map_or(&**file, |(stem, _)| stem);
    let path = folders.split('/').chain([stem]).map(|name| (LabelKind::Path, hyphenated(name)));
    let headings = [&**title].into_iter().chain(headings.split(" > "));
    path.chain(headings.map(|heading| (LabelKind::Heading, hyphenated(heading)))).collect()
}

/// Where the words of a hyphenated text begin, each with all that follows.
fn words_from(label: &str) -> Vec<&str> {
    let from = label.match_indices('-').map(|(at, _)| &label[at + 1..]);
    from.filter(|rest| !rest.is_empty()).collect()
}

/// How much of a label, stop tokens aside, begins with one of these tokens, which may be several words: 0 to 1.
fn coverage(words: &[&str], tokens: &[&str]) -> f64 {
    let (mut all, mut covered) = (0_u32, 0_u32);
    let mut covered_to = 0;
    for (at, word) in words.iter().enumerate() {
        let found = tokens.iter().filter(|token| begins_a_word(&[*word], token));
        let ends = found.map(|token| at + 1 + token.matches('-').count());
        covered_to = ends.fold(covered_to, usize::max);
        let is_covered = at < covered_to;
        let first = word.split('-').next().unwrap_or_default();
        if is_covered || !STOP_TOKENS.contains(&first) {
            all += 1;
            covered += u32::from(is_covered);
        }
    }
    f64::from(covered) / f64::from(all.max(1))
}

/// What was found of a question in a place: the three factors of the contract, and that of its date.
#[derive(Debug)]
pub(super) struct SignalMatch<'f> {
    signals: &'f Signals<'f>,
    project: &'f str,
    tokens: Vec<(&'f str, f64)>,
    low_signal: Option<&'static str>,
    /// The word that marks the place, and how much of a title or heading it is.
    high_signal: Option<(&'static str, f64)>,
    date: Timestamp,
}

impl SignalMatch<'_> {
    /// What all factors come to, multiplied one after the other.
    pub(super) fn applied_to(&self, similarity: f64) -> f64 {
        let score = self.values().iter().fold(similarity, |score, factor| score * factor);
        self.signals.recency.map_or(score, |recency| score * recency.value(self.date))
    }

    /// The values of the factors of the contract, in its order.
    fn values(&self) -> [f64; 3] {
        let weights = self.signals.weights;
        let project = match self.signals.project {
            Some(hint) if hint == self.project => weights.project_match_boost,
            _ => 1.0,
        };
        let found: f64 = self.tokens.iter().map(|(_, weight)| weight).sum();
        let tokens = (1.0 + weights.query_token_step * found).min(weights.query_token_cap);
        let path = match (self.low_signal, self.high_signal) {
            (Some(_), _) => weights.path_low_signal_penalty,
            (None, Some((_, weight))) => 1.0 + (weights.path_high_signal_boost - 1.0) * weight,
            (None, None) => 1.0,
        };
        [project, tokens, path]
    }

    /// The factors with their reasons, in the order in which they are multiplied.
    pub(super) fn factors(&self) -> Vec<Factor> {
        let project = match self.signals.project {
            Some(hint) if hint == self.project => format!("belongs to project {}", self.project),
            Some(hint) => format!("belongs to project {}, not to {hint}", self.project),
            None => "no project was named".to_owned(),
        };
        let tokens = match self.tokens.as_slice() {
            [] => "no word of the question in path, title or heading".to_owned(),
            found => {
                let found: Vec<&str> = found.iter().map(|(text, _)| *text).collect();
                format!("in path, title or heading: {}", found.join(", "))
            }
        };
        let path = match (self.low_signal, self.high_signal) {
            (Some(mark), _) => format!("put aside: {mark}"),
            (None, Some((word, _))) => format!("marked as {word}"),
            (None, None) => "an ordinary place".to_owned(),
        };
        let factors = ["project", "query_token", "path"].into_iter().zip(self.values());
        let factors = factors.zip([project, tokens, path]);
        let factors = factors.map(|((name, value), reason)| Factor { name: name.into(), value, reason });
        factors.chain(self.signals.recency.map(|recency| recency.factor(self.date))).collect()
    }
}

/// The mark of a place where things were put aside. `names` are the hyphenated names of folders and file.
fn low_signal(folders: &str, names: &[String; 2]) -> Option<&'static str> {
    let has = |names: &[String], mark: &str| names.iter().any(|name| name.contains(mark));
    LOW_SIGNAL_FOLDERS
        .into_iter()
        .find(|mark| has(&names[..1], mark))
        .or_else(|| folders.split('/').any(|folder| folder.eq_ignore_ascii_case(REVIEWS)).then_some(REVIEWS))
        .or_else(|| LOW_SIGNAL_MARKS.into_iter().find(|mark| has(names, mark)))
        .map(|mark| mark.trim_matches('-'))
}

/// The words of a folded text between hyphens, one before the first and one after the last.
fn hyphenated(folded: &str) -> String {
    let mut joined = String::with_capacity(folded.len() + 2);
    joined.push('-');
    for word in text::words(folded) {
        joined.push_str(word);
        joined.push('-');
    }
    joined
}

/// Whether a word begins with `token`; one of two letters or less has to be the whole word. `words` are the places in a
/// hyphenated text where words begin, each with all that follows.
fn begins_a_word(words: &[&str], token: &str) -> bool {
    let whole = token.chars().count() <= 2;
    let begins = |rest: &str| rest.strip_prefix(token).is_some_and(|rest| !whole || rest.starts_with('-'));
    words.iter().any(|rest| begins(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &'static str) -> ChunkLocation<'static> {
        titled(path, "", "")
    }

    fn titled<'p>(source_path: &'p str, title: &'p str, heading_path: &'p str) -> ChunkLocation<'p> {
        let date = Timestamp::new(jiff::Timestamp::UNIX_EPOCH);
        ChunkLocation { source_path, title, heading_path, date }
    }

    fn value(question: &str, project: Option<&str>, place: ChunkLocation<'_>) -> [f64; 3] {
        let weights = RankWeights::default();
        let signals = Signals::new(&weights, question, project, None);
        let found = signals.found("a", place);
        let values = found.values();
        assert!(found.factors().iter().map(|factor| factor.value).eq(values));
        values
    }

    #[test]
    fn the_boost_goes_to_the_named_project_only() {
        assert_eq!(value("x", Some("a"), place("n.md"))[0], 2.0);
        assert_eq!(value("x", Some("b"), place("n.md"))[0], 1.0);
        assert_eq!(value("x", None, place("n.md"))[0], 1.0);
    }

    #[test]
    fn words_in_path_title_or_heading_count_once_each_up_to_the_cap() {
        assert_eq!(value("Backup backup BACKUP", None, place("ops/backup.md"))[1], 1.08);
        assert_eq!(value("about the current project", None, place("about/the/current/project.md"))[1], 1.0);
        let place = titled("a/b.md", "One two", "Three > four five");
        assert_eq!(value("one two three four five", None, place)[1], 1.32);
        assert_eq!(value("p4 is", None, self::place("p40/island.md"))[1], 1.0);
        assert_eq!(value("CAFE\u{301} öl हिन्दी", None, self::place("Cafés/O\u{308}l/हिन्दी.md"))[1], 1.24);
    }

    #[test]
    fn a_match_counts_by_how_rare_it_is_and_how_much_of_a_label_it_covers() {
        let weights = RankWeights::default();
        let rarity = |word: &str| if word == "common" { 0.1 } else { 1.0 };
        let values = |question: &str, title: &str| {
            let signals = Signals::new(&weights, question, None, Some(&rarity));
            signals.found("a", titled("n.md", title, "")).values()
        };
        let near =
            |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        near(values("pump seals", "Pump seals")[1], 1.32);
        near(values("pump", "Pump")[1], 1.24);
        near(values("pump", "The pump")[1], 1.24);
        near(values("common", "Common")[1], 1.024);
        near(values("pump", "Pump of a very long tale")[1], 1.0 + 0.24 / 36.0);
        near(values("x", "Decision")[2], 1.18);
        near(values("x", "System map")[2], 1.18);
        near(values("x", "Decision of one day in May")[2], 1.03);
    }

    #[test]
    fn places_follow_the_contract() {
        for low in [
            "archive/a.md",
            "x/_archive/a.md",
            "history/status.md",
            "notes/pre-cleanup/a.md",
            "a/pre-migration.md",
            "reviews/decision.md",
            "2024-archive/x.md",
        ] {
            assert_eq!(value("x", None, place(low))[2], 0.72, "{low}");
        }
        for high in [
            "status.md",
            "docs/decisions/0001.md",
            "Requirements.md",
            "system_map.md",
            "error budget.md",
            "a/comparison-matrix.md",
            "architecture/x.md",
            "selection-decision.md",
        ] {
            assert_eq!(value("x", None, place(high))[2], 1.18, "{high}");
        }
        for plain in ["a.md", "archive.md", "prehistory.md", "peer-reviews/a.md", "map/system.md"] {
            assert_eq!(value("x", None, place(plain))[2], 1.0, "{plain}");
        }
        let heading = titled("a.md", "", "Roadmap > Next");
        assert_eq!(value("x", None, heading)[2], 1.18);
    }
}
