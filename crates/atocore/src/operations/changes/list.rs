use atocore_model::{
    fact::{ChangeFilter, FactChange, FactId, FactKind},
    id::Generation,
};

use crate::operations::prelude::*;

const KIND_FORM: &str = "give `state`, `memory` or `interaction`, or leave it out";
const FACT_FORM: &str = "give the id of a fact, as its list shows it";

/// Lists changes of facts, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListChanges {
    /// Only of facts of this project, by its id or an alias.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Only of this kind: `state`, `memory` or `interaction`.
    #[serde(default, deserialize_with = "lenient::text")]
    #[schema(value_type = Option<FactKind>)]
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only of the fact with this id.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub fact: Option<String>,
    /// Only then or later: ISO 8601, UTC without an offset.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub after: Option<u64>,
}

/// A page of the journal, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactChangeList {
    /// The changes.
    pub changes: Vec<FactChange>,
    /// The number to give as `after` for the next page; null when there is none.
    pub next: Option<u64>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListChanges {
    type Reply = FactChangeList;
    const SPEC: Spec = Spec::get(super::TAG, "list_changes", "/facts/changes").answers("A page");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let filter = ChangeFilter {
            project: fields::project(self.project.as_deref())?,
            kind: fields::read_any::<FactKind>("kind", self.kind.as_deref(), KIND_FORM)?,
            fact: fields::read_any::<FactId>("fact", self.fact.as_deref(), FACT_FORM)?,
            since: fields::time("since", self.since.as_deref())?,
            limit: fields::limit(self.limit)?,
            after: fields::after_number(self.after)?,
        };
        let page = context.engine().fact_changes(&filter)?;
        Ok(FactChangeList {
            next: page.last_before_more(filter.limit).map(|change| change.number),
            changes: page.rows.into_iter().map(FactChange::from).collect(),
            generation: page.generation,
        })
    }
}
