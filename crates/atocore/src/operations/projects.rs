//! The registry of projects, and bringing one up to date.

mod add;
mod list;
mod plan_removal;
mod propose;
mod refresh;
mod remove;
mod show;
mod template;
mod update;

use atocore_model::{
    error::ErrorCode,
    name::{Alias, ProjectName},
    project::{Root, RootLocation, RootRecord},
};

pub use add::AddProject;
pub use list::{ListProjects, ProjectList};
pub use plan_removal::PlanRemoval;
pub use propose::{ProjectProposal, ProposeProject};
pub use refresh::{FileResult, RefreshProject, RefreshResult, RootResult};
pub use remove::{Removal, RemoveProject};
pub use show::ShowProject;
pub use template::ShowTemplate;
pub use update::UpdateProject;

use super::{ApiError, OPERATIONS, Spec, plain_line};

/// The group that these are listed in.
const TAG: &str = "projects";

const ALIAS_FORM: &str = "an alias is one short line without slashes: `Field Notes`";
const ROOT_FORM: &str = "a root has a `source`, `vault` or `drive`, and a `subpath` below it without `..`";

/// The name of a project as a caller gave it.
pub(super) fn project_name(text: &str) -> Result<ProjectName, ApiError> {
    let hint = "`atocore project list` shows every id and alias";
    text.parse().map_err(|error| ApiError::invalid("project", &error, hint))
}

fn aliases(given: &[String]) -> Result<Vec<Alias>, ApiError> {
    let alias = |(index, text): (usize, &String)| {
        let field = format!("aliases[{index}]");
        let alias = text.parse().map_err(|error| ApiError::invalid(&field, &error, ALIAS_FORM))?;
        plain_line(&field, text)?;
        not_a_path(&field, text).map(|()| alias)
    };
    given.iter().enumerate().map(alias).collect()
}

/// Refuses a name under which the API could not reach the project.
fn not_a_path(field: &str, name: &str) -> Result<(), ApiError> {
    let is_taken = |path: &str| {
        let word = path.strip_prefix("/projects/").filter(|word| !word.contains(['/', '{']));
        word.is_some_and(|word| word.eq_ignore_ascii_case(name.trim()))
    };
    let mut paths = OPERATIONS.iter().flat_map(Spec::routes).map(|route| route.path);
    match paths.find(|path| is_taken(path)) {
        None => Ok(()),
        Some(path) => {
            let why = format!("`{field}` cannot be used: `{path}` is another thing in the API");
            Err(ApiError::new(ErrorCode::InvalidRequest, why).with_hint("choose another word"))
        }
    }
}

fn roots(given: Vec<RootRecord>) -> Result<Vec<Root>, ApiError> {
    let root = |(index, root): (usize, RootRecord)| {
        let location = RootLocation::from_parts(&root.source, &root.subpath)
            .map_err(|error| ApiError::invalid(&format!("ingest_roots[{index}]"), &error, ROOT_FORM))?;
        Ok(Root { location, label: root.label })
    };
    given.into_iter().enumerate().map(root).collect()
}
