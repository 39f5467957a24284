//! The factors of the contract: which project, which words, which place.

use atocore_model::query::Factor;

use super::RankWeights;

/// Words of a question that say nothing about what it is about.
const STOP_TOKENS: [&str; 15] = [
    "about", "and", "current", "for", "from", "into", "like", "project", "shared", "system", "that", "the",
    "this", "what", "with",
];

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
pub(super) struct Place<'a> {
    pub(super) source_path: &'a str,
    pub(super) title: &'a str,
    pub(super) heading_path: &'a str,
}

/// A question as the factors see it.
#[derive(Debug)]
pub(super) struct Signals<'a> {
    weights: &'a RankWeights,
    tokens: Vec<String>,
    project: Option<&'a str>,
}

impl<'a> Signals<'a> {
    /// Takes the words of a question apart.
    pub(super) fn new(weights: &'a RankWeights, question: &str, project: Option<&'a str>) -> Self {
        let mut tokens: Vec<String> = words(question).map(str::to_lowercase).collect();
        tokens.retain(|token| !STOP_TOKENS.contains(&token.as_str()));
        tokens.sort_unstable();
        tokens.dedup();
        Self { weights, tokens, project }
    }

    /// The three factors, in the order of the contract.
    pub(super) fn factors(&self, project: &str, place: Place<'_>) -> Vec<Factor> {
        let (folders, file) = place.source_path.rsplit_once('/').unwrap_or(("", place.source_path));
        let names = [folders, file].map(hyphenated);
        let known = names.concat() + &hyphenated(place.title) + &hyphenated(place.heading_path);
        let words: Vec<&str> = known.match_indices('-').map(|(at, _)| &known[at + 1..]).collect();
        vec![
            self.project_factor(project),
            self.token_factor(&words),
            self.path_factor(low_signal(folders, &names), &words),
        ]
    }

    fn project_factor(&self, project: &str) -> Factor {
        let (value, because) = match self.project {
            Some(hint) if hint == project => {
                (self.weights.project_match_boost, format!("belongs to project {project}"))
            }
            Some(hint) => (1.0, format!("belongs to project {project}, not to {hint}")),
            None => (1.0, "no project was named".to_owned()),
        };
        Factor { name: "project", value, because }
    }

    fn token_factor(&self, words: &[&str]) -> Factor {
        let found: Vec<&str> =
            self.tokens.iter().map(String::as_str).filter(|token| begins_a_word(words, token)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a question has few words")]
        let value =
            (1.0 + self.weights.query_token_step * found.len() as f64).min(self.weights.query_token_cap);
        let because = match found.as_slice() {
            [] => "no word of the question in path, title or heading".to_owned(),
            found => format!("in path, title or heading: {}", found.join(", ")),
        };
        Factor { name: "query_token", value, because }
    }

    fn path_factor(&self, low_signal: Option<&str>, words: &[&str]) -> Factor {
        let factor = |value, because| Factor { name: "path", value, because };
        if let Some(mark) = low_signal {
            return factor(self.weights.path_low_signal_penalty, format!("put aside: {mark}"));
        }
        match HIGH_SIGNAL_WORDS.iter().find(|word| begins_a_word(words, word)) {
            Some(word) => factor(self.weights.path_high_signal_boost, format!("marked as {word}")),
            None => factor(1.0, "an ordinary place".to_owned()),
        }
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

/// The words of a text: runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The words of a text in lower case between hyphens, one before the first and one after the last.
fn hyphenated(text: &str) -> String {
    let mut joined = String::with_capacity(text.len() + 2);
    joined.push('-');
    for word in words(text) {
        if word.is_ascii() {
            joined.extend(word.bytes().map(|letter| char::from(letter.to_ascii_lowercase())));
        } else {
            joined.push_str(&word.to_lowercase());
        }
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

    fn place(path: &'static str) -> Place<'static> {
        Place { source_path: path, title: "", heading_path: "" }
    }

    fn value(question: &str, project: Option<&str>, place: Place<'_>) -> [f64; 3] {
        let weights = RankWeights::default();
        let factors = Signals::new(&weights, question, project).factors("a", place);
        [factors[0].value, factors[1].value, factors[2].value]
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
        let place = Place { source_path: "a/b.md", title: "One two", heading_path: "Three > four five" };
        assert_eq!(value("one two three four five", None, place)[1], 1.32);
        assert_eq!(value("p4 is", None, self::place("p40/island.md"))[1], 1.0);
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
        let heading = Place { source_path: "a.md", title: "", heading_path: "Roadmap > Next" };
        assert_eq!(value("x", None, heading)[2], 1.18);
    }
}
