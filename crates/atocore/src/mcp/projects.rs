//! Projects: which there are, and bringing one up to date.

use atocore_model::{
    id::{Generation, ProjectId},
    project::Project,
    refresh::{FileCounts, FileState, RefreshStatus},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer::{LIMIT_CHARS, fitting, notices},
    call::Call,
    names,
    tool::{Effect, Tool},
};
use crate::{
    cli::{count, plain},
    operations::{ApiError, FileResult, ListProjects, RefreshProject, RefreshResult},
};

/// How many files that something is wrong with are named.
const FILES_NAMED: usize = 50;

/// What helps where documents are gone.
const CONFIRM: &str =
    "; ask the user whether its disk is mounted: if all of it is meant to go, `allow_empty` removes it";

/// `atocore_projects`.
pub(super) struct ProjectsTool;

/// The registered projects.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProjectsAnswer {
    /// The projects, in the order of the registry.
    projects: Vec<Project>,
    /// What a person should know about the answer; usually empty.
    notices: Vec<String>,
}

impl Tool for ProjectsTool {
    const NAME: &'static str = names::PROJECTS;
    const TITLE: &'static str = "List projects";
    const DESCRIPTION: &'static str = "Lists the user's projects: id, aliases, description, and where their documents lie. Use it to find \
        the project that a question is about.";
    const EFFECT: Effect = Effect::Reads;
    type Arguments = ListProjects;
    type Answer = ProjectsAnswer;

    async fn run(call: &Call, list: ListProjects) -> Result<ProjectsAnswer, ApiError> {
        let mut projects = call.run(list).await?.projects;
        let fits = fitting(&projects);
        let left_out = projects.len() - fits;
        projects.truncate(fits);
        let notices = (left_out > 0).then(|| {
            let projects = count(left_out as u64, "more project");
            format!("{projects} left out: an answer here has at most about {LIMIT_CHARS} characters")
        });
        Ok(ProjectsAnswer { projects, notices: notices.into_iter().collect() })
    }

    fn text(answer: &ProjectsAnswer) -> String {
        let mut text = notices(&answer.notices);
        if answer.projects.is_empty() {
            text.push_str("No project is registered. The user registers one with `atocore project add ID --root FOLDER`.\n");
        }
        for project in &answer.projects {
            text.push_str(project.id.as_str());
            if !project.aliases.is_empty() {
                let aliases: Vec<_> = project.aliases.iter().map(plain).collect();
                text.push_str(&format!(" (also: {})", aliases.join(", ")));
            }
            if !project.description.is_empty() {
                text.push_str(&format!(": {}", plain(&project.description)));
            }
            text.push('\n');
        }
        text
    }
}

/// `atocore_refresh`.
pub(super) struct RefreshTool;

/// Which project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshArguments {
    /// The project, by id or alias.
    project: String,
    /// Removes documents even when most of a root are gone; else such a root is skipped, because its disk may not be mounted.
    /// Only when the user has confirmed it.
    #[serde(default)]
    allow_empty: Option<bool>,
    /// Reads every file, also those that look unchanged.
    #[serde(default)]
    reread: Option<bool>,
}

/// What a refresh did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefreshAnswer {
    /// The id of the project.
    project: ProjectId,
    /// `ingested`: every root was. `partial`: some were, some were skipped. `nothing_to_ingest`: none was.
    status: RefreshStatus,
    /// Number of roots that were ingested.
    roots_ingested: u64,
    /// Number of roots that were skipped.
    roots_skipped: u64,
    /// The generation in which all of it can be seen.
    generation: Generation,
    /// Files of all roots by the state they ended in.
    counts: FileCounts,
    /// Files that could not be read, then those that were left out, and why; not all when there are many, see `notices`.
    problems: Vec<FileResult>,
    /// What a person should know about it; usually empty.
    notices: Vec<String>,
}

impl Tool for RefreshTool {
    const NAME: &'static str = names::REFRESH;
    const TITLE: &'static str = "Refresh a project";
    const DESCRIPTION: &'static str = "Reads what is new, changed or gone in the documents of one project, so that searches find it. Use \
        it after files of the project were written, or when something that should be there is not found. Can take minutes the \
        first time; changes no file.";
    const EFFECT: Effect = Effect::Updates;
    type Arguments = RefreshArguments;
    type Answer = RefreshAnswer;

    async fn run(call: &Call, asked: RefreshArguments) -> Result<RefreshAnswer, ApiError> {
        let refresh = RefreshProject {
            allow_empty: asked.allow_empty.unwrap_or_default(),
            reread: asked.reread.unwrap_or_default(),
            ..RefreshProject::of(asked.project)
        };
        let result = call.run(refresh).await?;
        let mut answer = RefreshAnswer::from(result);
        answer.notices.extend(call.make_vectors().await);
        Ok(answer)
    }

    fn text(answer: &RefreshAnswer) -> String {
        let FileCounts { ingested, unchanged, removed, skipped, failed } = answer.counts;
        let mut text = format!(
            "{}: {}. Files: {ingested} ingested, {unchanged} unchanged, {removed} removed, {skipped} skipped, {failed} failed. \
             Roots: {} ingested, {} skipped. Generation {}.\n",
            answer.project, answer.status, answer.roots_ingested, answer.roots_skipped, answer.generation
        );
        text.push_str(&notices(&answer.notices));
        for file in &answer.problems {
            let why =
                if file.detail.is_empty() { file.reason.replace('_', " ") } else { plain(&file.detail) };
            text.push_str(&format!("{} {}: {why}\n", file.state, plain(&file.path)));
        }
        text
    }
}

impl From<RefreshResult> for RefreshAnswer {
    fn from(result: RefreshResult) -> Self {
        let mut notices: Vec<String> = result
            .roots
            .iter()
            .filter_map(|root| {
                let reason = root.reason.as_deref()?;
                let why = if root.detail.is_empty() { reason.replace('_', " ") } else { plain(&root.detail) };
                let hint = if reason == "documents_gone" { CONFIRM } else { "" };
                Some(format!("the root {}:{} was skipped: {why}{hint}", root.source, root.subpath))
            })
            .collect();
        let nothing_read = |found| format!("no file of the project could be read: {found}");
        notices.extend(result.nothing_read.map(nothing_read));
        let files = result.roots.into_iter().flat_map(|root| root.files);
        let files = files.inspect(|file| {
            if file.reason == "documents_gone" {
                notices.push(format!(
                    "{} was not emptied: {}{CONFIRM}",
                    plain(&file.path),
                    plain(&file.detail)
                ));
            }
        });
        let mut problems: Vec<_> =
            files.filter(|file| matches!(file.state, FileState::Failed | FileState::Skipped)).collect();
        problems.sort_by_key(|file| file.state != FileState::Failed);
        let left_out = problems.len().saturating_sub(FILES_NAMED);
        if left_out > 0 {
            problems.truncate(FILES_NAMED);
            notices.push(format!(
                "{} failed or skipped too; `atocore refresh --json` names all",
                count(left_out as u64, "more file")
            ));
        }
        Self {
            project: result.project,
            status: result.status,
            roots_ingested: result.roots_ingested,
            roots_skipped: result.roots_skipped,
            generation: result.generation,
            counts: result.counts,
            problems,
            notices,
        }
    }
}
