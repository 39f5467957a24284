//! How the demo is told: for a person line by line as things happen, for a program as one JSON document at the end.

use std::{path::Path, time::Duration};

use atocore_engine::{EmbeddingReport, RestoreReport, embed::model::KnownModel, manifest::Manifest};
use atocore_model::{
    query::{Answer, Hit},
    refresh::FileState,
};
use serde::Serialize;

use super::{AnsweredQuestion, near, questions::is_by_meaning, same};
use crate::{
    cli::{
        Form, Output, Style, announcement, arithmetic, count, excerpt, heading, place, plain, size, stamp_of,
    },
    models::FetchEvent,
    operations::{ApiError, RefreshResult, ValidationReport},
};

/// How wide the story is set.
const WIDTH: usize = 88;

/// The story, as far as it has been told.
#[derive(Debug)]
pub(super) struct Story<'a> {
    output: &'a Output,
    current_dir: &'a Path,
    json: DemoReport,
}

/// The story for a program.
#[derive(Debug, Default, Serialize)]
struct DemoReport {
    home: String,
    documents: String,
    refresh: Option<RefreshResult>,
    /// What was embedded; null when passages are found by their words only.
    embedding: Option<EmbeddingReport>,
    /// Why there is no model; null when there is one, or none is wanted.
    no_model: Option<String>,
    questions: Vec<AskedQuestion>,
    snapshot: Option<Manifest>,
    validation: Option<ValidationReport>,
    restored: String,
    /// Passages of the restored copy that had to be embedded again; null when none has a vector.
    embedded_again: Option<u64>,
    /// Whether the restored copy gave the same passages with the same scores, and none was embedded again.
    same_answers: bool,
    next: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AskedQuestion {
    question: String,
    answer: Answer,
}

impl<'a> Story<'a> {
    pub(super) fn new(output: &'a Output, current_dir: &'a Path) -> Self {
        Self { output, current_dir, json: DemoReport::default() }
    }

    /// Where it happens and what is read.
    pub(super) fn opening(&mut self, home: &Path, documents: &Path, own: bool) {
        self.json.home = home.display().to_string();
        self.json.documents = documents.display().to_string();
        let home = near(home, self.current_dir);
        self.say(
            self.output.paint(Style::Bold, "AtoCore, from documents to answers to a snapshot you can trust"),
        );
        self.say(format!("Everything this makes is in {}; delete it whenever you like.", home.display()));
        self.chapter(1, "Reading");
        if own {
            self.say("No folder was named, so it reads its own documentation.".to_owned());
        } else {
            self.say(format!("Your folder is {}; nothing in it is changed.", documents.display()));
        }
    }

    /// What became of the documents.
    pub(super) fn read(&mut self, read: &RefreshResult) {
        let counts = &read.counts;
        self.say(format!("{} read and indexed.", count(counts.ingested, "document")));
        if counts.skipped > 0 {
            self.say(format!(
                "{} left out by rule (not Markdown or text, or too large).",
                count(counts.skipped, "file")
            ));
        }
        let failed =
            read.roots.iter().flat_map(|root| &root.files).filter(|file| file.state == FileState::Failed);
        for file in failed.take(5) {
            let why = format!("{} {}", file.reason.replace('_', " "), plain(&file.detail));
            self.say(format!("could not be read: {} ({})", plain(&file.path), why.trim()));
        }
        self.json.refresh = Some(read.clone());
    }

    /// That the model is fetched now.
    pub(super) fn fetching(&mut self, known: &KnownModel, event: &FetchEvent<'_>) {
        let said = announcement(known, event);
        self.say(match event {
            FetchEvent::Begins { .. } => format!("Searching by meaning needs a model: {said}."),
            FetchEvent::FallsBack { .. } => format!("  {said}"),
        });
    }

    /// That passages are found by meaning.
    pub(super) fn embedded(&mut self, model: &str, result: &EmbeddingReport) {
        let passages = count(result.embedded + result.kept, "passage");
        self.say(format!("{passages} embedded with {}: found by meaning, not only by words.", plain(model)));
        self.json.embedding = Some(*result);
    }

    /// That there is no model, and what helps.
    pub(super) fn no_model(&mut self, model: &str, why: &ApiError) {
        let loud = format!("! Lexical search only, because model {} is not available:", plain(model));
        self.say(self.output.paint(Style::Yellow, loud));
        self.say(format!("  {}", plain(&why.message)));
        if let Some(hint) = &why.hint {
            self.say(format!("  {}", self.output.aimed(plain(hint))));
        }
        let again = "  With the model here, run this demo again: `atocore model fetch` gets it.";
        self.say(self.output.aimed(again));
        self.json.no_model = Some(why.message.clone());
    }

    /// The questions and what was found.
    pub(super) fn answers(&mut self, asked: &[AnsweredQuestion]) {
        self.chapter(2, "Asking");
        for (index, AnsweredQuestion { question, answer }) in asked.iter().enumerate() {
            if index > 0 {
                self.say(String::new());
            }
            self.say(self.output.paint(Style::Cyan, format!("? {question}")));
            if answer.hits.is_empty() {
                self.say("         nothing was found".to_owned());
            }
            for (rank, hit) in answer.hits.iter().enumerate() {
                let score = self.output.paint(Style::Green, format!("{:>7.3}", hit.score));
                self.say(format!("{score}  {}", self.output.paint(Style::Bold, heading(hit))));
                self.say(format!("         {}", self.output.paint(Style::Dim, place(hit))));
                let lines = if rank == 0 { excerpt(&hit.content, 2, WIDTH) } else { Vec::new() };
                for line in lines {
                    self.say(format!("         │ {line}"));
                }
                if rank == 0 && is_by_meaning(hit) {
                    let none = "         None of the question's words is in it: only its meaning found it.";
                    self.say(self.output.paint(Style::Green, none));
                }
            }
            if let (0, Some(best)) = (index, answer.hits.first()) {
                self.arithmetic(best);
            }
            self.json.questions.push(AskedQuestion { question: question.clone(), answer: answer.clone() });
        }
    }

    /// The snapshot and how it was proven.
    pub(super) fn snapshot(&mut self, taken: &Manifest, validation: &ValidationReport) {
        self.chapter(3, "Keeping");
        let snapshot = near(Path::new(&taken.backup_root), self.current_dir);
        self.say(format!("snapshot {}, {}", stamp_of(taken), size(taken.db_size_bytes)));
        self.say(format!("         in {}", snapshot.display()));
        let verdict = if validation.valid {
            let files = count(validation.atocore.checked_files, "file");
            format!("{} every byte of {files} compared, the database opened and counted", self.mark(true))
        } else {
            format!("{} {}", self.mark(false), validation.errors.join("; "))
        };
        self.say(verdict);
        self.json.snapshot = Some(taken.clone());
        self.json.validation = Some(validation.clone());
    }

    /// The restored copy and whether it answers the same.
    pub(super) fn restored(
        &mut self,
        report: &RestoreReport,
        before: &[AnsweredQuestion],
        after: &[AnsweredQuestion],
        vectors: Option<&EmbeddingReport>,
    ) {
        self.chapter(4, "Getting it back");
        let target = near(&report.target, self.current_dir);
        self.say(format!("restored into {}, an empty folder, and asked again:", target.display()));
        for (before, after) in before.iter().zip(after) {
            let is_same = same(std::slice::from_ref(before), std::slice::from_ref(after));
            let hits = count(after.answer.hits.len() as u64, "passage");
            let verdict = if is_same {
                format!("the same {hits}, the same scores")
            } else {
                "other passages".to_owned()
            };
            self.say(format!("{} {}: {verdict}", self.mark(is_same), before.question));
        }
        if let Some(vectors) = vectors {
            let kept = count(vectors.kept, "passage");
            let verdict = match vectors.embedded {
                0 => format!("the vectors of {kept} came back too: no text was embedded again"),
                again => format!("{} had to be embedded again", count(again, "passage")),
            };
            self.say(format!("{} {verdict}", self.mark(vectors.embedded == 0)));
            self.json.embedded_again = Some(vectors.embedded);
        }
        self.json.restored = report.target.display().to_string();
    }

    /// How it ended, and how to go on.
    pub(super) fn closing(mut self, commands: &[String], same: bool, took: Duration) {
        self.say(String::new());
        let verdict = if same {
            self.output.paint(Style::Bold, format!("Done in {:.1} s. Try next:", took.as_secs_f64()))
        } else {
            self.output.paint(Style::Red, "The restored copy does NOT give the same answers. Look closer:")
        };
        self.say(verdict);
        for command in commands {
            self.say(format!("  {command}"));
        }
        self.json.same_answers = same;
        self.json.next = commands.to_vec();
        if self.output.form() == Form::Json {
            self.output.json(&self.json);
        }
    }

    /// How the best passage got its score.
    fn arithmetic(&self, best: &Hit) {
        let Some(explanation) = &best.explanation else { return };
        self.say("         How the first one got its score:".to_owned());
        for line in arithmetic(best.score, explanation) {
            self.say(format!("         {}", self.output.paint(Style::Dim, line)));
        }
    }

    fn chapter(&self, number: u8, title: &str) {
        self.say(String::new());
        self.say(self.output.paint(Style::Bold, format!("{number}. {title}")));
    }

    fn mark(&self, good: bool) -> String {
        if good { self.output.paint(Style::Green, "✓") } else { self.output.paint(Style::Red, "✗") }
    }

    fn say(&self, line: String) {
        if self.output.form() == Form::Human {
            self.output.line(line);
        }
    }
}
