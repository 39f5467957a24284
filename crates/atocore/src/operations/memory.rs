//! Memories: what is remembered, and what a person decides about what was proposed.

mod create;
mod invalidate;
mod list;
mod promote;
mod reject;
mod show;
mod update;

use atocore_model::{fact::Memory, id::MemoryId};

pub use create::CreateMemory;
pub use invalidate::InvalidateMemory;
pub use list::{ListMemories, MemoryList};
pub use promote::PromoteMemory;
pub use reject::RejectMemory;
pub use show::ShowMemory;
pub use update::UpdateMemory;

use super::{ApiError, fields};

/// The group that these are listed in.
const TAG: &str = "facts";

const TYPE_FORM: &str = "give `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`";
const STATUS_FORM: &str = "give `candidate`, `active`, `superseded` or `invalid`";
const TEXT_FORM: &str =
    "say in some words what is to be remembered; line breaks and tabs are the only control characters";
const ID_FORM: &str = "`atocore memory list` shows every id";

fn id(text: &str) -> Result<MemoryId, ApiError> {
    fields::read("id", text, ID_FORM)
}

/// Tells the log what was decided about a memory.
fn decided(memory: Memory) -> Memory {
    tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_decided");
    memory
}
