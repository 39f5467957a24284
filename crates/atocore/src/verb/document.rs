//! Reading a document.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    excerpt::{DocumentRef, LineRange, MaxChars, Reading},
    monitor::Monitor,
};
use axum::http::Method;

use super::{Request, Verb, VerbError, projects::project_name, request::segment};
use crate::wire;

const LINES_FORM: &str = "give `10-40`, `10-` or `10`, counted from 1, or leave it out";
const ID_FORM: &str = "a query gives the ids of what it finds; or name a project and a path in it";

/// Reads lines of a document: by its id, by the id of a passage of it, or by project and path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadDocument {
    /// The id of a document, `doc_…`, or of a passage, `chk_…`.
    pub id: Option<String>,
    /// The id or an alias of the project, in any case; goes with `path`.
    pub project: Option<String>,
    /// The path below its root; goes with `project`.
    pub path: Option<String>,
    /// Which lines: `10-40`, `10-` or `10`. Left out: all of a document, those of a passage.
    pub lines: Option<String>,
    /// How many characters at most: 1 to 200,000, 20,000 when left out.
    pub max_chars: Option<u64>,
}

impl Verb for ReadDocument {
    type Reply = wire::DocumentText;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        let named = [
            ("project", self.project.as_deref()),
            ("path", self.path.as_deref()),
            ("lines", self.lines.as_deref()),
        ];
        let mut parameters: Vec<String> = named
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", segment(value?))))
            .collect();
        parameters.extend(self.max_chars.map(|count| format!("max_chars={count}")));
        let id = self.id.as_deref().map(|id| format!("/{}", segment(id))).unwrap_or_default();
        let query = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
        Request::new(Method::GET, format!("/documents{id}{query}"))
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.read_document(&self.try_into()?)?.into())
    }
}

impl TryFrom<ReadDocument> for Reading {
    type Error = VerbError;

    fn try_from(asked: ReadDocument) -> Result<Self, VerbError> {
        let document = match (asked.id, asked.project, asked.path) {
            (Some(id), None, None) => {
                id.parse::<DocumentRef>().map_err(|error| VerbError::invalid("id", &error, ID_FORM))?
            }
            (None, Some(project), Some(path)) => DocumentRef::Place {
                project: project_name(&project)?,
                path: path.parse().map_err(|error| {
                    VerbError::invalid("path", &error, "give the path below the root, as a query shows it")
                })?,
            },
            _ => {
                let message = "a document is named by `id`, or by `project` and `path`";
                return Err(VerbError::new(ErrorCode::InvalidRequest, message).with_hint(ID_FORM));
            }
        };
        let lines = asked.lines.as_deref().map(str::parse::<LineRange>).transpose();
        let limit = asked.max_chars.map_or(Ok(MaxChars::DEFAULT), MaxChars::new);
        Ok(Self {
            document,
            lines: lines.map_err(|error| VerbError::invalid("lines", &error, LINES_FORM))?,
            limit: limit.map_err(|error| {
                VerbError::invalid(
                    "max_chars",
                    &error,
                    "give a number from 1 to 200000, or leave it out for 20000",
                )
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_in_one_way() {
        let by_id = ReadDocument { id: Some("chk_0a".to_owned()), ..ReadDocument::default() };
        let by_place = ReadDocument {
            project: Some("Notes".to_owned()),
            path: Some("a b/c.md".to_owned()),
            lines: Some("3-".to_owned()),
            max_chars: Some(9),
            ..ReadDocument::default()
        };
        assert_eq!(by_id.request().path, "/documents/chk_0a");
        assert_eq!(
            by_place.request().path,
            "/documents?project=Notes&path=a%20b%2Fc.md&lines=3-&max_chars=9"
        );
        assert!(Reading::try_from(by_id.clone()).is_ok() && Reading::try_from(by_place.clone()).is_ok());
        let wrong = [
            ReadDocument::default(),
            ReadDocument { id: Some("chk_0a".to_owned()), ..by_place.clone() },
            ReadDocument { project: None, ..by_place.clone() },
            ReadDocument { lines: Some("0".to_owned()), ..by_id.clone() },
            ReadDocument { max_chars: Some(0), ..by_id },
            ReadDocument { path: Some("../x".to_owned()), ..by_place },
        ];
        for asked in wrong {
            let error = Reading::try_from(asked.clone()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{asked:?}");
        }
    }
}
