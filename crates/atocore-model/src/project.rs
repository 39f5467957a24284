//! Projects and the folders that hold their documents.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::ProjectId,
    name::{Alias, ProjectName},
    path::{InvalidPath, SourcePath},
};

/// What documents belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// The stable id.
    pub id: ProjectId,
    /// Other names, each of which stands for the id everywhere, in any case.
    pub aliases: Vec<Alias>,
    /// One or two sentences for a person.
    pub description: String,
    /// Where its documents lie.
    #[serde(rename = "ingest_roots")]
    #[schema(value_type = Vec<RootRecord>)]
    pub roots: Vec<Root>,
}

impl Project {
    /// Whether `name` is the id or an alias of this project, in any case.
    #[must_use]
    pub fn answers_to(&self, name: &ProjectName) -> bool {
        let folded = name.folded();
        self.id.as_str() == folded || self.aliases.iter().any(|alias| alias.folded() == folded)
    }
}

/// One folder of documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "RootRecord", try_from = "RootRecord")]
pub struct Root {
    /// Where it is.
    pub location: RootLocation,
    /// A word for a person; may be empty.
    pub label: String,
}

/// A root as the registry file and every interface write it, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RootRecord {
    /// `vault` or `drive`; `folder` for any other folder, which only the owner of the machine can register.
    #[schema(example = "vault")]
    pub source: String,
    /// The path below the vault or drive; the absolute path of a folder.
    #[schema(example = "notes/field")]
    pub subpath: String,
    /// A word for a person; may be empty.
    #[serde(default)]
    pub label: String,
}

impl From<Root> for RootRecord {
    fn from(root: Root) -> Self {
        let source = root.location.source().to_owned();
        Self { source, subpath: root.location.subpath(), label: root.label }
    }
}

impl TryFrom<RootRecord> for Root {
    type Error = InvalidRoot;

    fn try_from(record: RootRecord) -> Result<Self, Self::Error> {
        let location = RootLocation::from_parts(&record.source, &record.subpath)?;
        Ok(Self { location, label: record.label })
    }
}

/// Where a root is: below one of the two configured folders, or any folder that the owner of this machine named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RootLocation {
    /// Below the folder that `ATOCORE_VAULT_DIR` names.
    Vault(SourcePath),
    /// Below the folder that `ATOCORE_DRIVE_DIR` names.
    Drive(SourcePath),
    /// An absolute folder; only a person at the command line can register one.
    Folder(PathBuf),
}

/// Why a text does not say where a root is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoot {
    /// The part below the vault or drive is no such path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// Another word than `vault`, `drive` or `folder`.
    #[error("`{0}` is not a source: `vault`, `drive` or `folder` is expected")]
    Source(String),
    /// A folder that is not absolute.
    #[error("`{0}` is not an absolute folder")]
    NotAbsolute(String),
}

impl RootLocation {
    /// Reads the two words of the registry file.
    ///
    /// # Errors
    /// When the source is unknown or the subpath is no path of that kind.
    pub fn from_parts(source: &str, subpath: &str) -> Result<Self, InvalidRoot> {
        match source {
            "vault" => Ok(Self::Vault(subpath.parse()?)),
            "drive" => Ok(Self::Drive(subpath.parse()?)),
            "folder" if Path::new(subpath).is_absolute() => Ok(Self::Folder(PathBuf::from(subpath))),
            "folder" => Err(InvalidRoot::NotAbsolute(subpath.to_owned())),
            other => Err(InvalidRoot::Source(other.to_owned())),
        }
    }

    /// The word for the source, as in the registry file.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        match self {
            Self::Vault(_) => "vault",
            Self::Drive(_) => "drive",
            Self::Folder(_) => "folder",
        }
    }

    /// The second word of the registry file.
    #[must_use]
    pub fn subpath(&self) -> String {
        match self {
            Self::Vault(path) | Self::Drive(path) => path.as_str().to_owned(),
            Self::Folder(path) => path.to_string_lossy().into_owned(),
        }
    }
}

/// `vault:SUB`, `drive:SUB`, or the folder itself.
impl fmt::Display for RootLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(path) => write!(f, "vault:{path}"),
            Self::Drive(path) => write!(f, "drive:{path}"),
            Self::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for RootLocation {
    type Err = InvalidRoot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((source @ ("vault" | "drive"), subpath)) => Self::from_parts(source, subpath),
            _ => Self::from_parts("folder", text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_read_back_from_their_text() {
        for text in ["vault:notes/a", "drive:", "/srv/docs"] {
            assert_eq!(text.parse::<RootLocation>().unwrap().to_string(), text);
        }
        assert!("notes".parse::<RootLocation>().is_err());
        assert!("vault:../x".parse::<RootLocation>().is_err());
        assert!(RootLocation::from_parts("cloud", "x").is_err());
    }

    #[test]
    fn a_project_answers_to_its_id_and_aliases_in_any_case() {
        let project = Project {
            id: "atocore".parse().unwrap(),
            aliases: vec!["Ato Core".parse().unwrap()],
            description: String::new(),
            roots: Vec::new(),
        };
        for name in ["atocore", "ATOCORE", " ato core "] {
            assert!(project.answers_to(&name.parse().unwrap()), "{name}");
        }
        assert!(!project.answers_to(&"ato".parse().unwrap()));
    }
}
