//! Paths below a root: relative, with `/`, never leaving the root.

use std::{fmt, path::Path, str::FromStr};

use serde::Serialize;
use utoipa::ToSchema;

use crate::json::read_from_text;

/// Why a text is not a path below a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Begins with a slash; on Windows also with a backslash or a drive letter.
    #[error("`{0}` is an absolute path, a path below the root is expected")]
    Absolute(String),
    /// Has a `..` in it.
    #[error("`{0}` leaves its root")]
    Leaves(String),
    /// Has a NUL byte, or is not UTF-8.
    #[error("`{0}` has characters that a path of a document cannot have")]
    Unusable(String),
}

/// A path relative to a root, in its normal form: `/` between the parts, no `.`, no `..`; empty for the root itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, ToSchema)]
pub struct SourcePath(String);

read_from_text!(SourcePath);

impl SourcePath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the file, without its folders.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folders on the way to the file, from the root down.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let end = self.0.rfind('/').unwrap_or(0);
        self.0[..end].split('/').filter(|part| !part.is_empty())
    }

    /// Takes a path of the file system that is already known to be relative.
    ///
    /// # Errors
    /// When it is not UTF-8 or would leave its root.
    pub fn from_relative(path: &Path) -> Result<Self, InvalidPath> {
        let text = path.to_str().ok_or_else(|| InvalidPath::Unusable(path.to_string_lossy().into_owned()))?;
        text.parse()
    }
}

impl AsRef<str> for SourcePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourcePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_end_matches('/');
        if is_absolute(text, cfg!(windows)) {
            return Err(InvalidPath::Absolute(text.to_owned()));
        }
        if text.contains('\0') {
            return Err(InvalidPath::Unusable(text.escape_debug().to_string()));
        }
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(InvalidPath::Leaves(text.to_owned())),
                part => parts.push(part),
            }
        }
        Ok(Self(parts.join("/")))
    }
}

/// Whether a path says where it begins. Elsewhere than on Windows `C:` and a backslash are letters like others.
fn is_absolute(text: &str, windows: bool) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    text.starts_with('/') || windows && (text.starts_with('\\') || drive)
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_take_their_normal_form() {
        for (given, normal) in [("", ""), ("a//b/./c.md", "a/b/c.md"), ("notes/", "notes"), ("./x", "x")] {
            assert_eq!(given.parse::<SourcePath>().unwrap().as_str(), normal);
        }
    }

    #[test]
    fn paths_that_leave_are_refused() {
        for bad in ["/etc/passwd", "..", "a/../../b", "a\0b", "a/..", "/"] {
            let parsed = bad.parse::<SourcePath>();
            assert!(parsed.is_err() || parsed.unwrap().as_str().is_empty(), "{bad:?}");
        }
    }

    #[test]
    fn a_drive_is_one_on_windows_only() {
        for text in ["C:\\x", "\\\\server", "c:", "Q: what is X.md"] {
            assert!(is_absolute(text, true) && !is_absolute(text, false), "{text}");
        }
        assert!(is_absolute("/x", true) && is_absolute("/x", false) && !is_absolute("notes/C:", true));
    }

    #[test]
    #[cfg(not(windows))]
    fn names_with_colons_and_backslashes_are_names() {
        for text in ["Q: what is X.md", "\\begin{x}.md", "a\\b.md", "notes/C:/x.md"] {
            assert_eq!(text.parse::<SourcePath>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn folders_do_not_include_the_file() {
        let path: SourcePath = "a/b/archive.md".parse().unwrap();
        assert_eq!((path.folders().collect::<Vec<_>>(), path.file_name()), (vec!["a", "b"], "archive.md"));
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_its_root(text in "[a./\\\\]{0,12}") {
            if let Ok(path) = text.parse::<SourcePath>() {
                prop_assert!(!path.as_str().starts_with('/'));
                prop_assert!(path.as_str().split('/').all(|part| part != ".."));
            }
        }
    }
}
