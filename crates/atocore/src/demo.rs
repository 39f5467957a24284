//! The demo: a short story that runs every part for real, in a folder of its own, through the same operations as everybody.
//!
//! Never writes outside its folder. What it says about the restored answers is compared, not claimed.

mod documents;
mod folder;
mod meaning;
mod questions;
mod story;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use atocore_engine::{Layout, SystemClock};
use atocore_model::{error::ErrorCode, monitor::Silent, project::RootRecord, query::Answer, snapshot::Depth};
use folder::DemoFolder;

use crate::{
    cli::{Output, Terminal, shell},
    config::Config,
    operations::{
        AddProject, ApiError, CreateBackup, Embed, Query, RefreshProject, RefreshResult, ValidateBackup,
        stamp,
    },
    runner::Runner,
};

/// The name of the demo's folder.
pub(crate) const FOLDER: &str = "atocore-demo";

/// The id of the demo's project.
const PROJECT: &str = "demo";

/// How many passages each question shows.
const SHOWN: u64 = 3;

/// A demo that can be told.
#[derive(Debug)]
pub(crate) struct Demo<'a> {
    /// The program as the user called it, for the commands at the end.
    pub(crate) program: &'a str,
    /// The settings, whose home is the demo's folder.
    pub(crate) config: &'a Config,
    /// Where the user is.
    pub(crate) current_dir: &'a Path,
    /// Where the story goes.
    pub(crate) output: &'a Output,
    /// Who watches.
    pub(crate) monitor: &'a Terminal,
}

/// A question and its answer before and after.
#[derive(Debug)]
struct AnsweredQuestion {
    question: String,
    answer: Answer,
}

impl Demo<'_> {
    /// Tells the story and says whether the restored copy gave the same answers.
    ///
    /// # Errors
    /// When the folder is somebody else's or in use, when there is nothing to read, or when a step fails.
    pub(crate) fn tell(&self, folder: Option<&Path>) -> Result<bool, ApiError> {
        let started = Instant::now();
        let demo_folder = DemoFolder::prepare(&self.config.home, &self.config.engine.layout)?;
        let documents = match folder {
            Some(folder) => demo_folder.accept(folder)?,
            None => documents::write_below(&demo_folder.documents())?,
        };
        let mut story = story::Story::new(self.output, self.current_dir);
        story.opening(&self.config.home, &documents, folder.is_none());

        let runner = Runner::writing(self.config, "demo", self.monitor)?;
        let read = self.read(&runner, &documents)?;
        self.monitor.clear();
        story.read(&read);
        let meaning = self.make_vectors(&runner, &mut story)?;
        let mut questions = if folder.is_some() {
            questions::about(&runner, &read)?
        } else {
            questions::OWN.iter().map(ToString::to_string).collect()
        };
        if meaning.is_some() && folder.is_none() {
            questions.extend(questions::by_meaning(&runner)?);
        }
        let asked = ask(&runner, &questions)?;
        story.answers(&asked);

        let taken = runner.run(CreateBackup::default(), self.monitor)?;
        let name = crate::cli::stamp_of(&taken);
        let validate = ValidateBackup { stamp: name.clone(), depth: Some(Depth::Content.to_string()) };
        let validation = runner.run(validate, self.monitor)?;
        drop(runner);
        self.monitor.clear();
        story.snapshot(&taken, &validation);
        if !validation.valid {
            let message = format!("snapshot `{name}` cannot be proven: {}", validation.errors.join("; "));
            return Err(ApiError::new(ErrorCode::SnapshotDamaged, message));
        }

        let restored = demo_folder.restored();
        let report = atocore_engine::restore(
            &self.config.engine.layout,
            stamp(&name, || Err(atocore_engine::Error::NoSnapshot))?,
            &restored,
            &SystemClock,
            self.monitor,
        )?;
        let runner = Runner::writing(&self.at(&restored), "demo", self.monitor)?;
        // Whatever has no vector is embedded here; nothing may be left to do.
        let vectors = meaning.as_ref().map(|_| runner.run(Embed {}, self.monitor)).transpose()?;
        let again = ask(&runner, &questions)?;
        drop(runner);
        let same = same(&asked, &again) && vectors.as_ref().is_none_or(|vectors| vectors.embedded == 0);
        self.monitor.clear();
        story.restored(&report, &asked, &again, vectors.as_ref());
        story.closing(&self.commands(&questions, &name), same, started.elapsed());
        Ok(same)
    }

    fn read(&self, runner: &Runner, documents: &Path) -> Result<RefreshResult, ApiError> {
        let subpath = documents.to_string_lossy().into_owned();
        let root = RootRecord { source: "folder".to_owned(), subpath, label: String::new() };
        let add = AddProject {
            id: PROJECT.to_owned(),
            aliases: vec!["The Demo".to_owned()],
            description: "What `atocore demo` has read".to_owned(),
            ingest_roots: vec![root],
        };
        let project = runner.run(add, self.monitor)?;
        let read = runner.run(RefreshProject::of(project.id.as_str()), self.monitor)?;
        if read.counts.ingested == 0 {
            let message = format!("there is nothing to read in `{}`", documents.display());
            return Err(ApiError::new(ErrorCode::RootUnusable, message).with_hint(
                "name a folder with Markdown or text files in it, or none for AtoCore's own documents",
            ));
        }
        Ok(read)
    }

    /// The same settings on another home.
    fn at(&self, home: &Path) -> Config {
        let mut config = Config { home: home.to_owned(), ..self.config.clone() };
        config.engine.layout = Layout::in_home(home);
        config
    }

    /// Three commands to go on with, as they can be typed where the user is.
    fn commands(&self, questions: &[String], stamp: &str) -> [String; 3] {
        let program = shell(self.program);
        let home = self.near(&self.config.home);
        let restored = self.near(&self.config.home.join(folder::RESTORED));
        let question = questions.first().map_or("*", String::as_str);
        [
            format!("{program} --data-dir {home} query {} --project {PROJECT} --explain", shell(question)),
            format!("{program} --data-dir {home} backup validate {stamp} --depth content"),
            format!("{program} --data-dir {restored} status"),
        ]
    }

    fn near(&self, path: &Path) -> String {
        shell(&near(path, self.current_dir).to_string_lossy())
    }
}

/// Asks every question as anybody would.
fn ask(runner: &Runner, questions: &[String]) -> Result<Vec<AnsweredQuestion>, ApiError> {
    let ask = |question: &String| {
        let query = Query {
            query: question.clone(),
            top_k: Some(SHOWN),
            project: Some(PROJECT.to_owned()),
            explain: true,
            ..Query::default()
        };
        Ok(AnsweredQuestion { question: question.clone(), answer: runner.run(query, &Silent)? })
    };
    questions.iter().map(ask).collect()
}

/// Whether every question has the same passages with the same scores in the same order, and at least one.
fn same(before: &[AnsweredQuestion], after: &[AnsweredQuestion]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| {
            before.question == after.question && before.answer.hits == after.answer.hits
        })
        && before.iter().any(|asked| !asked.answer.hits.is_empty())
}

/// A path as one would type it from `current_dir`.
fn near(path: &Path, current_dir: &Path) -> PathBuf {
    match path.strip_prefix(current_dir) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_they_would_be_typed() {
        let here = Path::new("/folder/here");
        assert_eq!(near(Path::new("/folder/here/atocore-demo"), here), Path::new("atocore-demo"));
        assert_eq!(near(Path::new("/srv/demo"), here), Path::new("/srv/demo"));
    }
}
