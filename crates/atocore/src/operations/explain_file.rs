use std::path::Path;

use atocore_engine::ingest::FileExplanation;
use atocore_model::error::ErrorCode;

use crate::operations::prelude::*;

/// Says why a file is found or not: what a refresh would say of it now
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ExplainFile {
    /// The path of the file; over the API an absolute one.
    pub path: String,
}

impl Operation for ExplainFile {
    type Reply = FileExplanation;
    const SPEC: Spec = Spec::get("projects", "explain_file", "/why").answers("What is known of the file");

    fn in_folder(self, folder: &Path) -> Self {
        Self { path: folder.join(&self.path).to_string_lossy().into_owned() }
    }

    fn check(&self) -> Result<(), ApiError> {
        if Path::new(&self.path).is_absolute() {
            return Ok(());
        }
        let message = format!("`path` cannot be used: `{}` is no absolute path", self.path);
        Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint("give the whole path of the file"))
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        self.check()?;
        Ok(context.engine().explain_file(Path::new(&self.path), context.monitor)?)
    }
}
