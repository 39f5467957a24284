//! What the tools are called; a name of the contract where there is one.

pub(super) const CONTEXT: &str = "atocore_context";
pub(super) const SEARCH: &str = "atocore_search";
pub(super) const GET: &str = "atocore_get";
pub(super) const STATE: &str = "atocore_project_state";
pub(super) const PROPOSE_STATE: &str = "atocore_project_state_propose";
pub(super) const LIST_MEMORIES: &str = "atocore_memory_list";
pub(super) const PROPOSE_MEMORY: &str = "atocore_memory_create";
pub(super) const PROJECTS: &str = "atocore_projects";
pub(super) const REFRESH: &str = "atocore_refresh";
pub(super) const STATUS: &str = "atocore_status";
pub(super) const HEALTH: &str = "atocore_health";
