//! Reads a file of questions. Everything that is wrong with it is named at once, each with its line and a hint.

use std::{collections::HashMap, fmt, ops::Range, str::FromStr};

use atocore_model::{
    name::{ProjectName, QueryText, Tag},
    query::{KeptQuestion, ProjectHint},
    ranking::Mode,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::question::{Expectation, PassagePattern, Question};
use crate::{error::Error, retrieval::path_filter::PathFilter};

/// Something that is wrong with a file of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: one sentence without a full stop.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for QuestionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; {}", self.line, self.problem, self.hint)
    }
}

/// The largest grade.
const LARGEST_GRADE: f64 = 1000.0;

const QUESTION_KEYS: &[&str] =
    &["text", "project", "scope", "tags", "path", "mode", "answered", "expect", "must_not"];
const EXPECT_KEYS: &[&str] = &["document", "heading", "contains", "grade"];
const MUST_NOT_KEYS: &[&str] = &["document", "heading", "contains"];

/// Reads questions from the text of a file: TOML, one `[[question]]` for each.
///
/// # Errors
/// Every fault, by line. A text that is no TOML has only the faults of its syntax, since the rest cannot be judged.
pub fn read(text: &str) -> Result<Vec<Question>, Vec<QuestionFault>> {
    let mut reader = QuestionReader { text, faults: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = reader.line(&error.span().unwrap_or_default());
        let problem = error.message().lines().next().unwrap_or_default().to_owned();
        reader.fault(line, format!("this is not TOML: {problem}"), "correct the line");
    }
    let questions = if reader.faults.is_empty() { reader.questions(document.get_ref()) } else { Vec::new() };
    reader.faults.sort_by_key(|fault| fault.line);
    if reader.faults.is_empty() { Ok(questions) } else { Err(reader.faults) }
}

/// A question that was asked as a `[[question]]`: with the documents that are expected to answer it, by path or glob, or,
/// without any, as one that nothing answers.
///
/// # Errors
/// [`Error::Expectation`], when an expectation is no path and no glob.
pub fn case(asked: &KeptQuestion, expect: &[String]) -> Result<String, Error> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut lines = vec!["[[question]]".to_owned(), format!("text = {}", quoted(&asked.text))];
    if let Some(project) = &asked.project {
        lines.push(format!("project = {}", quoted(project.as_str())));
    }
    if asked.scope {
        lines.push("scope = true".to_owned());
    }
    let expected: Vec<String> = expect.iter().map(|path| quoted(path)).collect();
    lines.push(match &expected[..] {
        [] => "answered = false".to_owned(),
        paths => format!("expect = [{}]", paths.join(", ")),
    });
    let case = lines.join("\n") + "\n";
    match read(&case) {
        Ok(_) => Ok(case),
        Err(faults) => {
            let problems: Vec<String> = faults.into_iter().map(|fault| fault.problem).collect();
            Err(Error::Expectation(problems.join("; ")))
        }
    }
}

type TomlTable<'t> = DeTable<'t>;
type TomlValue<'t> = Spanned<DeValue<'t>>;

struct QuestionReader<'t> {
    text: &'t str,
    faults: Vec<QuestionFault>,
}

impl QuestionReader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let end = span.start.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn fault(&mut self, line: usize, problem: impl Into<String>, hint: impl Into<String>) {
        self.faults.push(QuestionFault { line, problem: problem.into(), hint: hint.into() });
    }

    fn questions(&mut self, document: &TomlTable<'_>) -> Vec<Question> {
        self.known_keys(document, &["question"], "the file");
        let Some(given) = document.get("question") else {
            self.fault(1, "there is no question", "begin each with a line `[[question]]`");
            return Vec::new();
        };
        let Some(list) = given.get_ref().as_array() else {
            let line = self.line(&given.span());
            self.fault(line, "`question` is one table", "write `[[question]]` with two brackets");
            return Vec::new();
        };
        if list.is_empty() {
            self.fault(1, "there is no question", "begin each with a line `[[question]]`");
        }
        let questions: Vec<_> = list.iter().filter_map(|value| self.question(value)).collect();
        self.find_twins(&questions);
        questions
    }

    fn find_twins(&mut self, questions: &[Question]) {
        let mut first = HashMap::new();
        for question in questions {
            if let Some(line) = first.insert(question.digest(), question.line) {
                let problem = format!("the same question stands in line {line}");
                self.fault(question.line, problem, "put what both expect into one");
            }
        }
    }

    fn question(&mut self, value: &TomlValue<'_>) -> Option<Question> {
        let line = self.line(&value.span());
        let Some(table) = value.get_ref().as_table() else {
            self.fault(line, "a question is a table", "write `[[question]]` and below it `text = \"…\"`");
            return None;
        };
        self.known_keys(table, QUESTION_KEYS, "a question");
        if !table.contains_key("text") {
            self.fault(line, "the question has no `text`", "write `text = \"what somebody would ask\"`");
        }
        let text = self.parsed::<QueryText>(table, "text", "write what somebody would ask");
        let project = self.project(table);
        let tags = self.tags(table);
        let path = self.path(table);
        let mode = self.parsed::<Mode>(table, "mode", "leave it out to have that of the settings");
        let expect = self.list(table, "expect", |reader, value| reader.expectation(value));
        let must_not = self.list(table, "must_not", |reader, value| {
            reader.pattern(value, MUST_NOT_KEYS, "an entry of `must_not`").map(|(pattern, _)| pattern)
        });
        let answerable = self.answerable(table);
        if answerable && !table.contains_key("expect") && !table.contains_key("must_not") {
            let hint = "write `expect = [{ document = \"path/of/it.md\" }]`, or `answered = false`";
            self.fault(line, "the question expects nothing", hint);
        }
        Some(Question { line, text: text?, project, tags, path, mode, answerable, expect, must_not })
    }

    /// `answered`, which is true when it is left out.
    fn answerable(&mut self, table: &TomlTable<'_>) -> bool {
        let Some(given) = table.get("answered") else { return true };
        let line = self.line(&given.span());
        match given.get_ref().as_bool() {
            None => self.fault(line, "`answered` is not a truth value", "write `answered = false`"),
            Some(false) if table.contains_key("expect") => {
                self.fault(
                    line,
                    "nothing answers the question, and it expects something",
                    "leave one of both out",
                );
            }
            Some(answerable) => return answerable,
        }
        true
    }

    fn project(&mut self, table: &TomlTable<'_>) -> ProjectHint {
        let name = self.parsed::<ProjectName>(table, "project", "give its id or an alias");
        let scope = table.get("scope").map(|value| (self.line(&value.span()), value.get_ref().as_bool()));
        match (name, scope) {
            (_, Some((line, None))) => {
                self.fault(line, "`scope` is not a truth value", "write `scope = true`");
                ProjectHint::None
            }
            (None, Some((line, Some(true)))) if !table.contains_key("project") => {
                self.fault(line, "`scope` needs a `project`", "name the project, or leave `scope` out");
                ProjectHint::None
            }
            (Some(name), Some((_, Some(true)))) => ProjectHint::Scope(name),
            (Some(name), _) => ProjectHint::Boost(name),
            (None, _) => ProjectHint::None,
        }
    }

    fn tags(&mut self, table: &TomlTable<'_>) -> Vec<Tag> {
        self.list(table, "tags", |reader, value| {
            let line = reader.line(&value.span());
            let tag = value.get_ref().as_str().map(str::parse::<Tag>);
            let hint = "a tag is one short line in quotes, as in the front matter of a document";
            match tag {
                Some(Ok(tag)) => return Some(tag),
                Some(Err(error)) => reader.fault(line, error.to_string(), hint),
                None => reader.fault(line, "a tag is not a text", hint),
            }
            None
        })
    }

    fn path(&mut self, table: &TomlTable<'_>) -> Option<String> {
        let path = self.text_at(table, "path")?;
        let refused = PathFilter::new(&path).map_or_else(Some, |filter| filter.refusal());
        if let Some(error) = refused {
            let line = self.line_at(table, "path");
            self.fault(line, error.to_string(), "give a folder, a file, or a glob such as `docs/**/*.md`");
        }
        Some(path)
    }

    fn expectation(&mut self, value: &TomlValue<'_>) -> Option<Expectation> {
        let (passage, table) = self.pattern(value, EXPECT_KEYS, "an entry of `expect`")?;
        let grade = match table.and_then(|table| table.get("grade")) {
            None => 1.0,
            Some(given) => {
                let number = match given.get_ref() {
                    DeValue::Integer(number) => number.as_str().parse().ok(),
                    DeValue::Float(number) => number.as_str().parse().ok(),
                    _ => None,
                };
                let Some(grade) = number.filter(|grade| *grade > 0.0 && *grade <= LARGEST_GRADE) else {
                    let line = self.line(&given.span());
                    let hint = "leave it out for 1, or give more to a better answer";
                    let problem = format!("`grade` is not a number above 0, at most {LARGEST_GRADE}");
                    self.fault(line, problem, hint);
                    return None;
                };
                grade
            }
        };
        Some(Expectation { passage, grade })
    }

    /// Which passages are meant: a table, or the path of a document alone.
    fn pattern<'v, 't>(
        &mut self,
        value: &'v TomlValue<'t>,
        keys: &[&str],
        what: &str,
    ) -> Option<(PassagePattern, Option<&'v TomlTable<'t>>)> {
        let line = self.line(&value.span());
        let hint = "give `document`, `heading` or `contains`, or several of them";
        let (made, table) = match value.get_ref() {
            DeValue::String(path) => (PassagePattern::new(Some(path), None, None), None),
            DeValue::Table(table) => {
                let faults = self.faults.len();
                self.known_keys(table, keys, what);
                let [document, heading, contains] =
                    ["document", "heading", "contains"].map(|key| self.text_at(table, key));
                if self.faults.len() > faults {
                    return None;
                }
                let made = PassagePattern::new(document.as_deref(), heading.as_deref(), contains.as_deref());
                (made, Some(table))
            }
            _ => {
                let hint = "write `{ document = \"path/of/it.md\" }`, or the path alone in quotes";
                self.fault(line, format!("{what} is neither a table nor a path"), hint);
                return None;
            }
        };
        match made {
            Ok(pattern) => Some((pattern, table)),
            Err(error) => {
                self.fault(line, format!("{what} cannot be used: {error}"), hint);
                None
            }
        }
    }

    fn list<T>(
        &mut self,
        table: &TomlTable<'_>,
        key: &str,
        mut read: impl FnMut(&mut Self, &TomlValue<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(given) = table.get(key) else { return Vec::new() };
        let Some(list) = given.get_ref().as_array() else {
            let line = self.line(&given.span());
            self.fault(line, format!("`{key}` is not a list"), format!("write `{key} = [ … ]`"));
            return Vec::new();
        };
        if list.is_empty() {
            let line = self.line(&given.span());
            self.fault(line, format!("`{key}` is an empty list"), "leave it out, or say what belongs there");
        }
        list.iter().filter_map(|value| read(self, value)).collect()
    }

    fn parsed<T: FromStr>(&mut self, table: &TomlTable<'_>, key: &str, hint: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        match self.text_at(table, key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let line = self.line_at(table, key);
                self.fault(line, format!("`{key}` cannot be used: {error}"), hint);
                None
            }
        }
    }

    fn text_at(&mut self, table: &TomlTable<'_>, key: &str) -> Option<String> {
        let value = table.get(key)?;
        let text = value.get_ref().as_str().map(ToOwned::to_owned);
        if text.is_none() {
            let line = self.line(&value.span());
            self.fault(line, format!("`{key}` is not a text"), format!("write `{key} = \"…\"`"));
        }
        text
    }

    fn line_at(&self, table: &TomlTable<'_>, key: &str) -> usize {
        table.get(key).map_or(1, |value| self.line(&value.span()))
    }

    fn known_keys(&mut self, table: &TomlTable<'_>, known: &[&str], what: &str) {
        for (key, _) in table {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let list = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
                let line = self.line(&key.span());
                self.fault(line, format!("{what} has no `{name}`"), format!("known there: {list}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
