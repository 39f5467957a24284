use atocore_model::{
    fact::{Interaction, InteractionFilter},
    id::{Generation, InteractionId},
};

use super::{ID_FORM, LABEL_FORM};
use crate::operations::prelude::*;

/// Lists interactions, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListInteractions {
    /// Only about this project, by its id or an alias.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Only of this conversation.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long = "session", value_name = "ID")]
    pub session_id: Option<String>,
    /// Only of this program.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Only recorded then or later: ISO 8601, UTC without an offset.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// A page of interactions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InteractionList {
    /// How many there are on this page.
    pub count: u64,
    /// The interactions.
    pub interactions: Vec<Interaction>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<InteractionId>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListInteractions {
    type Reply = InteractionList;
    const SPEC: Spec = Spec::get(super::TAG, "list_interactions", "/interactions").answers("A page");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let filter = InteractionFilter {
            project: fields::project(self.project.as_deref())?,
            session: fields::read_any("session_id", self.session_id.as_deref(), LABEL_FORM)?,
            client: fields::read_any("client", self.client.as_deref(), LABEL_FORM)?,
            since: fields::time("since", self.since.as_deref())?,
            limit: fields::limit(self.limit)?,
            after: fields::read_any("after", self.after.as_deref(), ID_FORM)?,
        };
        let page = context.engine().interactions(&filter)?;
        Ok(InteractionList {
            next: page.last_before_more(filter.limit).map(|interaction| interaction.id.clone()),
            count: page.rows.len() as u64,
            interactions: page.rows,
            generation: page.generation,
        })
    }
}
