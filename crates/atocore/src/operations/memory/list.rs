use atocore_model::{
    fact::{Memory, MemoryFilter, MemoryStatus, MemoryType},
    id::{Generation, MemoryId},
};

use super::{ID_FORM, STATUS_FORM, TYPE_FORM};
use crate::operations::prelude::*;

/// Lists memories, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListMemories {
    /// Only of this type.
    #[serde(default, deserialize_with = "lenient::text")]
    #[schema(value_type = Option<MemoryType>)]
    #[arg(long = "type", value_name = "TYPE")]
    pub memory_type: Option<String>,
    /// Only those about this project, by its id or an alias.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Only `candidate`, `active`, `superseded` or `invalid`.
    #[serde(default, deserialize_with = "lenient::text")]
    #[schema(value_type = Option<MemoryStatus>)]
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// The same as the status `active`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(skip)]
    pub active_only: bool,
    /// Only those of which somebody is at least so sure.
    #[serde(default, deserialize_with = "lenient::fraction")]
    #[arg(long, value_name = "C")]
    pub min_confidence: Option<f64>,
    /// How many at most; 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// A page of memories, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemoryList {
    /// The memories.
    pub memories: Vec<Memory>,
    /// The types there are.
    pub types: Vec<MemoryType>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<MemoryId>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListMemories {
    type Reply = MemoryList;
    const SPEC: Spec = Spec::get(super::TAG, "list_memories", "/memory").answers("A page");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let status = fields::read_any("status", self.status.as_deref(), STATUS_FORM)?;
        let memory_type = self.memory_type.as_deref();
        let filter = MemoryFilter {
            memory_type: fields::read_any::<MemoryType>("memory_type", memory_type, TYPE_FORM)?,
            project: fields::project(self.project.as_deref())?,
            status: status.or(self.active_only.then_some(MemoryStatus::Active)),
            min_confidence: fields::confidence(self.min_confidence)?,
            limit: fields::limit(self.limit)?,
            after: fields::read_any("after", self.after.as_deref(), ID_FORM)?,
        };
        let page = context.engine().memories(&filter)?;
        Ok(MemoryList {
            next: page.last_before_more(filter.limit).map(|memory| memory.id.clone()),
            memories: page.rows,
            types: MemoryType::ALL.to_vec(),
            generation: page.generation,
        })
    }
}
