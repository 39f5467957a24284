//! Which documents a question is about, by their paths.

use globset::{GlobBuilder, GlobMatcher};

use crate::error::Error;

/// Which paths below their root a question is about: a glob, or a folder or file by its path.
#[derive(Debug)]
pub(crate) struct PathFilter {
    plain: String,
    glob: Option<GlobMatcher>,
}

impl PathFilter {
    pub(crate) fn new(pattern: &str) -> Result<Self, Error> {
        let refused = |why: String| Error::PathPattern { pattern: pattern.chars().take(80).collect(), why };
        let plain = pattern.trim().trim_start_matches("./").trim_matches('/').to_owned();
        if plain.is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        let glob = if plain.contains(['*', '?', '[', '{']) {
            let built = GlobBuilder::new(&plain).literal_separator(true).build();
            Some(built.map_err(|error| refused(error.kind().to_string()))?.compile_matcher())
        } else {
            None
        };
        Ok(Self { plain, glob })
    }

    pub(crate) fn accepts(&self, path: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(path),
            None => {
                let rest = path.strip_prefix(self.plain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_chosen_by_folder_file_or_glob() {
        let accepts = |pattern: &str, path: &str| PathFilter::new(pattern).unwrap().accepts(path);
        assert!(accepts("notes", "notes/a.md") && accepts("/notes/", "notes/b/a.md"));
        assert!(!accepts("notes", "notes2/a.md") && accepts("notes/a.md", "notes/a.md"));
        assert!(
            accepts("**/*.md", "x/y/a.md") && !accepts("*.md", "x/a.md") && accepts("x/[ab].md", "x/b.md")
        );
        assert!(PathFilter::new("  ").is_err());
        assert!(PathFilter::new("[").is_err());
    }
}
