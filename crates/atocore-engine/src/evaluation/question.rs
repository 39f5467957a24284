//! A question with what its answer must show and must not show.

use atocore_model::{
    digest::Digest,
    document::conditions::DocumentConditions,
    name::{QueryText, Tag},
    query::{ProjectHint, QueryRequest, TopK},
    ranking::Mode,
};

use crate::{error::Error, retrieval::path_filter::PathFilter};

/// A question of a user, with judged answers.
#[derive(Debug)]
pub struct Question {
    /// Where it stands in its file, from 1.
    pub line: usize,
    /// Its words.
    pub text: QueryText,
    /// The project it is about.
    pub project: ProjectHint,
    /// Only documents that carry every one of these tags.
    pub tags: Vec<Tag>,
    /// Only documents whose path matches.
    pub path: Option<String>,
    /// How passages are found; the settings decide when this is `None`.
    pub mode: Option<Mode>,
    /// Whether something here answers it.
    pub answerable: bool,
    /// What its answer must show.
    pub expect: Vec<Expectation>,
    /// What its answer must not show.
    pub must_not: Vec<PassagePattern>,
}

/// A passage that a question is expected to find.
#[derive(Debug)]
pub struct Expectation {
    /// Which one; any that fits will do.
    pub passage: PassagePattern,
    /// How good an answer it is: above 0.
    pub grade: f64,
}

/// Which passages are meant: those that fit all of what is said.
#[derive(Debug)]
pub struct PassagePattern {
    document: Option<(String, PathFilter)>,
    heading: Option<SolidText>,
    contains: Option<SolidText>,
}

/// A text that is compared without its white space.
#[derive(Debug)]
struct SolidText {
    shown: String,
    solid: String,
}

impl SolidText {
    fn new(text: &str) -> Option<Self> {
        let solid = solid(text);
        (!solid.is_empty())
            .then(|| Self { shown: text.split_whitespace().collect::<Vec<_>>().join(" "), solid })
    }

    fn are_in(&self, text: &str) -> bool {
        solid(text).contains(&self.solid)
    }
}

fn solid(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A pattern that says nothing, or not what it could.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Every passage would fit.
    #[error("nothing says which passage is meant")]
    Empty,
    /// A text without a letter.
    #[error("`{0}` is blank")]
    Blank(&'static str),
    /// The path is no pattern.
    #[error("`document`: {0}")]
    Document(String),
}

impl PassagePattern {
    /// Passages of the document at a path below its root, or matching a glob; below headings that have this text among
    /// them; with this text in them. White space is not compared.
    ///
    /// # Errors
    /// When all three are missing, a text is blank, or the path is no pattern.
    pub fn new(
        document: Option<&str>,
        heading: Option<&str>,
        contains: Option<&str>,
    ) -> Result<Self, InvalidPattern> {
        let filter = |text: &str| match PathFilter::new(text)
            .and_then(|filter| filter.refusal().map_or(Ok(filter), Err))
        {
            Ok(filter) => Ok((text.to_owned(), filter)),
            Err(Error::PathPattern { why, .. }) => Err(InvalidPattern::Document(why)),
            Err(error) => Err(InvalidPattern::Document(error.to_string())),
        };
        let words = |name, text: Option<&str>| {
            text.map(|text| SolidText::new(text).ok_or(InvalidPattern::Blank(name))).transpose()
        };
        if [document, heading, contains].iter().all(Option::is_none) {
            return Err(InvalidPattern::Empty);
        }
        Ok(Self {
            document: document.map(filter).transpose()?,
            heading: words("heading", heading)?,
            contains: words("contains", contains)?,
        })
    }

    /// Whether a document at this path can have such a passage.
    #[must_use]
    pub fn fits_document(&self, path: &str) -> bool {
        self.document.as_ref().is_none_or(|(_, filter)| filter.accepts(path))
    }

    /// Whether a passage at this place can be meant.
    #[must_use]
    pub fn fits_place(&self, path: &str, heading_path: &str) -> bool {
        self.fits_document(path) && self.heading.as_ref().is_none_or(|heading| heading.are_in(heading_path))
    }

    /// Whether a passage with this text can be meant.
    #[must_use]
    pub fn fits_text(&self, text: &str) -> bool {
        self.contains.as_ref().is_none_or(|words| words.are_in(text))
    }

    /// Whether it says which document is meant.
    #[must_use]
    pub const fn names_document(&self) -> bool {
        self.document.is_some()
    }

    /// Whether it says what a passage contains.
    #[must_use]
    pub const fn names_text(&self) -> bool {
        self.contains.is_some()
    }
}

/// As a person would say it: `docs/a.md, heading "Restore", contains "…"`.
impl std::fmt::Display for PassagePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = |name: &str, words: &SolidText| format!("{name} \"{}\"", words.shown);
        let parts = [
            self.document.as_ref().map(|(path, _)| path.clone()),
            self.heading.as_ref().map(|words| named("heading", words)),
            self.contains.as_ref().map(|words| named("contains", words)),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Question {
    /// The question as the engine takes it.
    #[must_use]
    pub fn query(&self, top_k: TopK) -> QueryRequest {
        QueryRequest {
            top_k,
            project: self.project.clone(),
            conditions: DocumentConditions::tagged(self.tags.clone()),
            path: self.path.clone(),
            mode: self.mode,
            ..QueryRequest::new(self.text.clone())
        }
    }

    /// Names the question: the same for the same words with the same filters, whatever is expected.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (kind, project) = match &self.project {
            ProjectHint::None => ("", String::new()),
            ProjectHint::Boost(name) => ("boost", name.folded()),
            ProjectHint::Scope(name) => ("scope", name.folded()),
        };
        let mut tags: Vec<String> = self.tags.iter().map(Tag::folded).collect();
        tags.sort();
        let mode = self.mode.map_or("", Mode::as_str);
        let mut parts = vec![self.text.as_str(), kind, &project, self.path.as_deref().unwrap_or(""), mode];
        parts.extend(tags.iter().map(String::as_str));
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// The digest of its words alone.
    #[must_use]
    pub fn text_digest(&self) -> Digest {
        Digest::from_bytes(*blake3::hash(self.text.as_str().as_bytes()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_not_compared() {
        let pattern =
            PassagePattern::new(None, Some("Depths >  Restore"), Some("rotated\nevery spring")).unwrap();
        assert!(pattern.fits_place("a.md", "Backups > Depths > Restore to scratch"));
        assert!(!pattern.fits_place("a.md", "Backups > Restore"));
        assert!(pattern.fits_text("Keys are rotated   every\nspring.") && !pattern.fits_text("every spring"));
        assert_eq!(pattern.to_string(), "heading \"Depths > Restore\", contains \"rotated every spring\"");
    }

    #[test]
    fn documents_are_named_by_path_folder_or_glob() {
        let fits =
            |pattern, path| PassagePattern::new(Some(pattern), None, None).unwrap().fits_document(path);
        assert!(fits("docs/a.md", "docs/a.md") && fits("docs", "docs/b/a.md") && fits("**/a.md", "x/y/a.md"));
        assert!(!fits("docs/a.md", "other/docs/a.md") && !fits("*.md", "docs/a.md"));
    }

    #[test]
    fn a_pattern_that_says_nothing_is_refused() {
        assert_eq!(PassagePattern::new(None, None, None).unwrap_err(), InvalidPattern::Empty);
        assert_eq!(
            PassagePattern::new(None, Some(" \n"), None).unwrap_err(),
            InvalidPattern::Blank("heading")
        );
        assert!(matches!(PassagePattern::new(Some("["), None, None), Err(InvalidPattern::Document(_))));
    }
}
