//! Which documents a question is about, by their paths.

use std::path::{Path, PathBuf};

use atocore_model::{id::ProjectId, pattern::PathPattern, text::nfc};
use atocore_storage::files;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::Error;

/// The longest filter, in bytes: as long as a path can be.
const LIMIT_BYTES: usize = 4096;

/// Which documents a question is about: a folder or file by its path, or those that match a glob. A path is one below a
/// root, or the absolute one of the file, in which links are followed.
#[derive(Debug)]
pub(crate) struct PathFilter {
    /// In NFC, as all that is compared here: file systems keep names in different forms.
    given: String,
    plain: String,
    /// What an absolute path leads to.
    file: Option<String>,
    glob: Glob,
}

/// How a document is meant; where several documents are meant, those that are meant the first way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PathFit {
    /// Its file is, or lies below, what the absolute path leads to.
    File,
    /// It lies at the path below its root, or below it.
    Path,
    /// One of its paths matches the glob.
    Glob,
}

#[derive(Debug)]
enum Glob {
    /// It is a path and nothing else.
    None,
    Built(GlobSet),
    /// It looks like one, and is none.
    Refused(String),
}

impl PathFilter {
    /// Takes a filter. One that looks like a glob may be the path of a file too, so what is wrong with it as a glob is
    /// said by [`PathFilter::refusal`].
    pub(crate) fn new(given: &str) -> Result<Self, Error> {
        let file = given.starts_with('/').then(|| files::resolved(Path::new(given)));
        let file = file.map(|file| nfc(&file.to_string_lossy()).into_owned());
        let given = &*nfc(given);
        let plain = given.trim().trim_start_matches("./").trim_matches('/').to_owned();
        if plain.is_empty() {
            return Err(refused(given, "it is empty".to_owned()));
        }
        if plain.len() > LIMIT_BYTES {
            let why = format!("it has {} bytes, {LIMIT_BYTES} are allowed", plain.len());
            return Err(refused(given, why));
        }
        let glob = if plain.contains(['*', '?', '[', '{']) {
            build(&plain).map_or_else(Glob::Refused, Glob::Built)
        } else {
            Glob::None
        };
        Ok(Self { given: given.to_owned(), plain, file, glob })
    }

    /// Why it can be nothing but a path: it looks like a glob and is none.
    pub(crate) fn refusal(&self) -> Option<Error> {
        match &self.glob {
            Glob::Refused(why) => Some(refused(&self.given, why.clone())),
            Glob::None | Glob::Built(_) => None,
        }
    }

    /// Whether a document lies at this path or below it, letter for letter.
    pub(crate) fn names(&self, path: &str) -> bool {
        let path = &*nfc(path);
        lies_at(path, &self.plain) || lies_at(path, &self.given)
    }

    /// Whether a path matches it as a glob.
    pub(crate) fn matches(&self, path: &str) -> bool {
        matches!(&self.glob, Glob::Built(glob) if glob.is_match(&*nfc(path)))
    }

    /// How a document is meant, by its path below its root and the absolute path of its file; `None` when it is not.
    pub(crate) fn fit(&self, path: &str, file: &str) -> Option<PathFit> {
        // A link that came later may lead elsewhere, so the path of the file is compared as it was given, too.
        let plain_file = self.file.as_ref().map(|_| file.trim_start_matches('/'));
        let leads_to = |place: &String| lies_at(&nfc(file), place);
        if self.file.as_ref().is_some_and(leads_to) || plain_file.is_some_and(|file| self.names(file)) {
            Some(PathFit::File)
        } else if self.names(path) {
            Some(PathFit::Path)
        } else {
            let matches = self.matches(path) || plain_file.is_some_and(|file| self.matches(file));
            matches.then_some(PathFit::Glob)
        }
    }

    /// Whether it is an absolute path that lies below none of the roots, which are asked for only then; not where they are
    /// unknown.
    pub(crate) fn is_outside(&self, claims: impl FnOnce() -> Option<Vec<(PathBuf, ProjectId)>>) -> bool {
        let Some((file, claims)) = self.file.as_ref().and_then(|file| Some((file, claims()?))) else {
            return false;
        };
        !claims.iter().any(|(folder, _)| lies_at(file, &nfc(&folder.to_string_lossy())))
    }

    /// Whether a path is meant one way or the other.
    pub(crate) fn accepts(&self, path: &str) -> bool {
        self.names(path) || self.matches(path)
    }
}

/// Whether a path is `place` or lies below it.
fn lies_at(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Never by the matcher of one glob: that panics on an automaton that is too large.
fn build(text: &str) -> Result<GlobSet, String> {
    let pattern: PathPattern = text.parse().map_err(|error| format!("{error}"))?;
    let glob = GlobBuilder::new(pattern.as_str()).literal_separator(true).build();
    let glob = glob.map_err(|error| error.kind().to_string())?;
    let set = GlobSetBuilder::new().add(glob).build();
    set.map_err(|error| error.kind().to_string())
}

fn refused(given: &str, why: String) -> Error {
    Error::PathPattern { pattern: given.chars().take(80).collect(), why }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use atocore_testkit::fuzz::{fuzz, processor_time};

    use super::*;

    #[test]
    fn paths_are_chosen_by_folder_file_or_glob() {
        let accepts = |pattern: &str, path: &str| PathFilter::new(pattern).unwrap().accepts(path);
        assert!(accepts("notes", "notes/a.md") && accepts("/notes/", "notes/b/a.md"));
        assert!(!accepts("notes", "notes2/a.md") && accepts("notes/a.md", "notes/a.md"));
        assert!(
            accepts("**/*.md", "x/y/a.md") && !accepts("*.md", "x/a.md") && accepts("x/[ab].md", "x/b.md")
        );
        assert!(accepts("Café", "Cafe\u{301}/a.md") && accepts("Cafe\u{301}/*.md", "Café/a.md"));
        assert!(PathFilter::new("  ").is_err());
        assert!(PathFilter::new("[").unwrap().refusal().is_some());
        assert!(PathFilter::new("[a]").unwrap().refusal().is_none());
    }

    #[test]
    fn a_path_names_itself_whatever_stands_in_it() {
        for path in
            ["[slug]/p.md", "{a,b}.md", "a[b.md", "what?.md", "**", "{".repeat(300).as_str(), " x .md"]
        {
            let filter = PathFilter::new(path).unwrap();
            assert!(filter.names(path) && filter.accepts(path), "{path}");
        }
        assert!(PathFilter::new("[slug]").unwrap().names("[slug]/p.md"));
    }

    #[test]
    fn a_pattern_that_the_library_would_choke_on_is_refused_with_its_limit() {
        for (pattern, why) in [
            ("{".repeat(900) + "a" + &"}".repeat(50), "nested"),
            ("*?".repeat(400), "wildcards"),
            ("[a-z]".repeat(150), "wildcards"),
            (format!("{{{}}}", "a,".repeat(400)), "alternatives"),
            ("*".to_owned() + &"x".repeat(2000), "bytes"),
        ] {
            let refusal = PathFilter::new(&pattern).unwrap().refusal().unwrap().to_string();
            assert!(refusal.contains(why) && refusal.len() < 200, "{refusal}");
        }
        let long = PathFilter::new(&"x".repeat(LIMIT_BYTES + 1)).unwrap_err().to_string();
        assert!(long.contains("4096"), "{long}");
    }

    #[test]
    fn fuzzed_path_filters_are_refused_with_a_reason_or_match_at_a_bounded_cost() {
        let corpus: [&[u8]; 5] = [
            b"docs/**/*.md",
            b" ./{a,b,{c,d}}/[!x-z]?.md/ ",
            "Cafe\u{301}/[[:alpha:]]*/\\*\\[x]".as_bytes(),
            b"**/a*a*a*a*a*/**/?[a-z]*{a*,*a,[!/]*}b",
            b"[slug]/{{{{{{{{a}}}}}}}}/[]-]/**x**",
        ];
        let words =
            ["**", "*", "?", "[", "]", "{", "}", ",", "!", "/", "\\", "[a-z]", "./", "-", "^", "\u{10ffff}"];
        let mut paths: Vec<String> =
            ["a", "docs/x/y.md", "Caf\u{e9}/\u{1f389}/*[x", "", "/"].map(str::to_owned).into();
        paths.extend(["a", "a/", "\u{e9}", "docs/"].map(|part| part.repeat(LIMIT_BYTES / part.len())));
        let says_why = |refusal: &Error| {
            assert!(matches!(refusal, Error::PathPattern { why, .. } if !why.is_empty()));
            assert!(refusal.to_string().len() < 1000, "{refusal}");
        };
        let tried = fuzz(400, &corpus, &words, |input| {
            let given = String::from_utf8_lossy(input);
            let began = processor_time().unwrap();
            match PathFilter::new(&given) {
                Err(refusal) => says_why(&refusal),
                Ok(filter) => {
                    filter.refusal().iter().for_each(says_why);
                    let fits = filter.plain.parse::<PathPattern>().is_ok();
                    assert!(fits || !matches!(filter.glob, Glob::Built(_)), "it was handed to the library");
                    assert!(filter.accepts(&given), "it does not accept the path that it is");
                    let _accepted = paths.iter().filter(|path| filter.accepts(path)).count();
                }
            }
            // A thousandfold of what is usual, of this thread alone.
            assert!(processor_time().unwrap() - began < Duration::from_secs(10), "it costs too much");
        });
        println!("{} inputs", tried.unwrap());
    }
}
