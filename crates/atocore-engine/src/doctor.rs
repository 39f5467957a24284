//! Looks for what is wrong and says which command fixes it. Changes nothing.

mod disk;
mod privacy;
mod proof;

use std::borrow::Cow;

use atocore_model::{error::with_causes, refresh::NOTHING_READ, words};
use atocore_storage::{files, registry::Registry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    behind::{LEXICAL_INDEX, VECTORS},
    engine::{Engine, known_stores},
    error::Error,
    ingest,
    projects::roots,
    status::FileProblem,
};

words! {
    /// How bad a finding is.
    Level, "a level", {
        /// As it should be.
        Ok = "ok",
        /// Works, but somebody should look.
        Warning = "warning",
        /// Does not work.
        Problem = "problem",
    }
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What: `registry`, `store`, `word index`, `vector index`, `workers`, `model`, `vectors`, `roots`, `projects`, `files`,
    /// `disk`, `snapshots`, `proof`, `schedule`, `home`, `privacy`, `following`.
    pub check: Cow<'static, str>,
    /// How it is.
    pub level: Level,
    /// What was seen, in one sentence.
    pub message: String,
    /// The command that helps; null when none is needed.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
}

/// What there is to say of what depends on the registry; the check of the registry itself says why, and what helps.
const UNKNOWN_REGISTRY: &str = "not looked at: the registry cannot be read";

/// What comes first in an empty installation.
const REGISTER: &str = "atocore project add ID --root FOLDER";

impl Engine {
    /// What is wrong, and the command that fixes it.
    #[must_use]
    pub fn doctor(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        findings.registry(self);
        findings.store(self);
        findings.workers(self);
        // What is derived from a damaged store fails for that reason, which has been said.
        if self.damage().is_none() {
            findings.index(self);
            findings.meaning(self);
        }
        findings.roots(self);
        findings.disks(self);
        findings.home(self);
        findings.privacy(self);
        findings.status(self);
        findings.list
    }
}

#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, check: &'static str, level: Level, message: String, hint: Option<&str>) {
        self.list.push(Finding { check: check.into(), level, message, hint: hint.map(str::to_owned) });
    }

    fn failed(&mut self, check: &'static str, error: &Error) {
        self.list.push(Finding {
            check: check.into(),
            level: Level::Problem,
            message: with_causes(error),
            hint: error.hint(),
        });
    }

    fn registry(&mut self, engine: &Engine) {
        let path = &engine.layout().registry;
        match Registry::load(path) {
            Ok(registry) if registry.projects().is_empty() => match engine.lost_registry() {
                Ok(Some(lost)) => self.add("registry", Level::Problem, lost.why, Some(&lost.hint)),
                _ => {
                    let message = "no project is registered".to_owned();
                    self.add("registry", Level::Warning, message, Some(REGISTER));
                }
            },
            Ok(registry) => {
                let message = format!(
                    "{} registered in `{}`",
                    counted(registry.projects().len(), "project"),
                    path.display()
                );
                self.add("registry", Level::Ok, message, None);
            }
            Err(error) => self.failed("registry", &error.into()),
        }
    }

    fn store(&mut self, engine: &Engine) {
        let kept = files::list(&engine.layout().before_upgrade()).unwrap_or_default();
        for path in kept {
            let message = format!(
                "the store before its last upgrade is kept in `{}`; remove it once you no longer need the previous version",
                path.display()
            );
            self.add("store", Level::Ok, message, None);
        }
        let looked = engine.in_place().and_then(|()| engine.store_if_any()).and_then(|store| {
            // What it finds is kept in mind, and told below.
            store.map(|store| Ok(store.look_for_any_damage().map(drop)?)).transpose()
        });
        if let Some(problem) = engine.damage() {
            return self.add("store", Level::Problem, problem.why, Some(&problem.hint));
        }
        match looked {
            Ok(Some(())) => {
                self.add("store", Level::Ok, "SQLite finds the store whole".to_owned(), None);
                self.known_store(engine);
            }
            Ok(None) => {
                let message = format!("there is no store at `{}` yet", engine.layout().database().display());
                // Without a project there is nothing to read.
                let nothing = Registry::load(&engine.layout().registry)
                    .is_ok_and(|registry| registry.projects().is_empty());
                let hint = if nothing { REGISTER } else { "atocore refresh --all" };
                self.add("store", Level::Warning, message, Some(hint));
            }
            Err(error) => self.failed("store", &error),
        }
    }

    /// Whether the loss of the store would be noticed.
    fn known_store(&mut self, engine: &Engine) {
        let path = engine.layout().known_stores();
        if known_stores::id_of(engine.layout()).is_none() && files::is_on_read_only_disk(&path) {
            let message = format!(
                "`{}` cannot be written, so that nobody notices when the disk of the data is not mounted",
                path.display()
            );
            let hint = "mount the folder of the registry so that it can be written";
            self.add("store", Level::Warning, message, Some(hint));
        }
    }

    fn index(&mut self, engine: &Engine) {
        if !matches!(engine.store_if_any(), Ok(Some(_))) {
            return;
        }
        match engine.indexes_behind() {
            Ok(behind) => {
                for fault in &behind {
                    self.add(fault.index, Level::Problem, fault.to_string(), Some(&fault.hint()));
                }
                if behind.iter().any(|fault| fault.index == LEXICAL_INDEX) {
                    return;
                }
            }
            Err(error) => return self.failed("word index", &error),
        }
        match engine.lexical_is_current() {
            Ok(true) => {
                self.add(LEXICAL_INDEX, Level::Ok, "the lexical index shows every document".to_owned(), None)
            }
            Ok(false) => {
                let message = "the lexical index is behind the store".to_owned();
                self.add("word index", Level::Warning, message, Some("atocore refresh --all"));
            }
            Err(error) => self.failed("word index", &error),
        }
    }

    /// Only of a process that has workers, and only those whose work fails.
    fn workers(&mut self, engine: &Engine) {
        for worker in engine.workers() {
            let Some(failure) = worker.failure else { continue };
            let times = counted_u64(worker.failures.into(), "time");
            let message = format!("`{}` has failed {times} in a row: {failure}", worker.worker);
            let hint = "it is retried automatically; if it keeps failing, restart the server";
            self.add("workers", Level::Problem, message, Some(hint));
        }
    }

    fn meaning(&mut self, engine: &Engine) {
        let status = match engine.embedding_status() {
            Ok(status) => status,
            Err(error) => return self.failed("model", &error),
        };
        if !status.wanted {
            return self.add("model", Level::Ok, "the settings want no model".to_owned(), None);
        }
        match &status.problem {
            None => self.add("model", Level::Ok, format!("model `{}` is there", status.model), None),
            Some(problem) => {
                let level = if status.damaged { Level::Problem } else { Level::Warning };
                let message = format!("search is lexical only: {problem}");
                self.add("model", level, message, status.hint.as_deref());
            }
        }
        let unmade = status.passages.saturating_sub(status.embedded);
        if status.switching {
            let serving = status.serving.as_deref().unwrap_or_default();
            let message = format!("answers still use the vectors of `{serving}`");
            self.add("vectors", Level::Warning, message, Some("atocore embed"));
        } else if unmade > 0 && status.problem.is_none() {
            let message = format!("{} without a vector", counted_u64(unmade, "passage"));
            self.add("vectors", Level::Warning, message, Some("atocore embed"));
        } else if status.missing > 0 && unmade == 0 {
            // Why the disk does not let it be written, when that is it, has been said.
            if self.list.iter().all(|finding| finding.check != VECTORS) {
                let made = counted_u64(status.missing, "passage");
                let message = format!("the vector index does not show the vectors of {made} yet");
                self.add("vectors", Level::Warning, message, Some("atocore embed"));
            }
        } else if status.passages > 0 && unmade == 0 {
            self.add("vectors", Level::Ok, "every passage has its vector".to_owned(), None);
        }
        if let Some(outage) = &status.outage {
            self.add("vectors", Level::Problem, format!("{outage}; {}", outage.hint), None);
        }
        let said = status.outage.map(|outage| outage.to_string());
        if let Some(failure) = status.failure.filter(|failure| said.as_ref() != Some(failure)) {
            self.add("vectors", Level::Problem, format!("making vectors failed: {failure}"), None);
        }
    }

    fn roots(&mut self, engine: &Engine) {
        let Ok(sources) = engine.sources() else {
            return self.add("roots", Level::Warning, UNKNOWN_REGISTRY.to_owned(), None);
        };
        let mut readable = 0;
        for source in sources {
            let Some(problem) = source.problem else {
                readable += 1;
                continue;
            };
            let message = format!(
                "root `{}` of project `{}`: {}",
                source.root.location,
                source.project,
                roots::in_words(&problem)
            );
            let hint = format!("atocore project update {} --root FOLDER", source.project);
            self.add("roots", Level::Warning, message, Some(&hint));
        }
        if readable > 0 {
            self.add("roots", Level::Ok, format!("{} can be read", counted(readable, "root")), None);
        }
    }

    fn status(&mut self, engine: &Engine) {
        let status = match engine.status() {
            Ok(status) => status,
            Err(error) => return self.failed("snapshots", &error),
        };
        if !status.projects.is_empty() && engine.projects().is_err() {
            self.add("projects", Level::Warning, UNKNOWN_REGISTRY.to_owned(), None);
        }
        for project in &status.projects {
            if !project.registered {
                let message = format!(
                    "project `{}` is not in the registry and has {}",
                    project.id,
                    counted_u64(project.documents, "document")
                );
                self.add(
                    "projects",
                    Level::Warning,
                    message,
                    Some(&format!("atocore project add {} --root FOLDER", project.id)),
                );
            }
            if let Some(refreshed) = &project.refreshed {
                self.unread_files(&project.id, &refreshed.problems);
            }
        }
        self.snapshots(&status);
        // What cannot be looked at for it has been told.
        drop(self.older_store(engine));
    }
}

impl Findings {
    /// The files that the last refresh of a project could not read.
    fn unread_files(&mut self, project: &str, problems: &[FileProblem]) {
        let mut problems: Vec<_> = problems.iter().collect();
        problems.sort_by_key(|problem| problem.reason != "documents_gone");
        let confirm = format!(
            "mount its disk, or `atocore refresh {project} --allow-empty` if its documents are to go"
        );
        for problem in problems.iter().take(FILES_SHOWN) {
            let hint = match problem.reason.as_str() {
                "documents_gone" => confirm.clone(),
                // The check of the roots says so, as things are now.
                "missing" | "not_a_folder" | "not_configured" | "outside" | "no_answer" => continue,
                reason => {
                    format!("{}, then `atocore refresh {project}`", ingest::hint(reason, &problem.detail))
                }
            };
            let FileProblem { path, detail, .. } = problem;
            let message = match problem.reason.as_str() {
                NOTHING_READ => format!("no file of project `{project}` could be read: {detail}"),
                _ => format!("`{path}` of project `{project}` could not be read: {detail}"),
            };
            self.add("files", Level::Warning, message, Some(&hint));
        }
        if let Some(more) = problems.len().checked_sub(FILES_SHOWN + 1) {
            let message = format!("and {} of project `{project}`", counted(more + 1, "more file"));
            self.add("files", Level::Warning, message, Some(&format!("atocore refresh {project}")));
        }
    }
}

/// How many files of a project are named one by one.
const FILES_SHOWN: usize = 5;

fn counted(count: usize, noun: &str) -> String {
    counted_u64(count as u64, noun)
}

fn counted_u64(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
