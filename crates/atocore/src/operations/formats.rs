use atocore_engine::extract::Format;

use crate::operations::prelude::*;

/// Lists the formats that documents are read from, with the endings that name them
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListFormats {}

/// The formats that documents are read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FormatList {
    /// The formats. A file whose ending is none of them is read when it is text.
    pub formats: Vec<FormatEntry>,
}

/// A format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FormatEntry {
    /// What people call it.
    pub format: String,
    /// What a hit cites beside the file: `lines`, or a place in words.
    pub cites: String,
    /// The endings that name it, by the settings as well, in lower case.
    pub endings: Vec<String>,
}

impl Operation for ListFormats {
    type Reply = FormatList;
    const SPEC: Spec = Spec::get("projects", "list_formats", "/formats").answers("The formats");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let rules = context.engine().format_rules();
        let entry = |format: Format| FormatEntry {
            format: format.title().to_owned(),
            cites: format.cites().to_owned(),
            endings: rules.endings(format),
        };
        let formats = Format::all().chain([Format::Converted]).map(entry);
        Ok(FormatList { formats: formats.filter(|format| !format.endings.is_empty()).collect() })
    }
}
