use atocore_engine::SourceStatus;

use crate::operations::prelude::*;

/// Lists every configured root of every project and whether it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sources {}

/// Every root of every project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceList {
    /// The roots, in the order of the registry.
    pub sources: Vec<SourceFolder>,
}

/// A root, and what can be said of it without reading its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceFolder {
    /// The id of its project.
    pub project: String,
    /// `vault`, `drive` or `folder`.
    pub source: String,
    /// The path below it; the absolute path of a folder.
    pub subpath: String,
    /// A word for a person; may be empty.
    pub label: String,
    /// The folder it stands for; empty when that is not known.
    pub path: String,
    /// Whether it can be read.
    pub readable: bool,
    /// Why not: `missing`, `not_a_folder`, `not_configured`, `outside`, `unreadable`, `no_answer`; null when it can.
    pub reason: Option<String>,
}

impl Operation for Sources {
    type Reply = SourceList;
    const SPEC: Spec = Spec::get(super::TAG, "sources", "/sources").answers("The roots");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let sources = context.engine().sources()?;
        Ok(SourceList { sources: sources.into_iter().map(SourceFolder::from).collect() })
    }
}

impl From<SourceStatus> for SourceFolder {
    fn from(source: SourceStatus) -> Self {
        Self {
            project: source.project,
            source: source.root.location.source().to_owned(),
            subpath: source.root.location.subpath(),
            label: source.root.label,
            path: source.folder,
            readable: source.problem.is_none(),
            reason: source.problem.map(|problem| problem.code().to_owned()),
        }
    }
}
