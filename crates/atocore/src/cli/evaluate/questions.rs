//! The file of questions, as the command line takes it: all that is wrong with it becomes one refusal.

use std::path::{Path, PathBuf};

use atocore_engine::{
    Engine,
    evaluation::{
        check,
        question::Question,
        question_file::{self, QuestionFault},
    },
};
use atocore_model::error::ErrorCode;

use super::read;
use crate::operations::ApiError;

/// A file of questions that reads well.
#[derive(Debug)]
pub(in crate::cli) struct QuestionFile {
    path: PathBuf,
    questions: Vec<Question>,
}

impl QuestionFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or has faults; all of them are named.
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, ApiError> {
        let text = read(path, "a file of questions; docs/evaluation.md has an example")?;
        match question_file::read(&text) {
            Ok(questions) => Ok(Self { path: path.to_owned(), questions }),
            Err(faults) => Err(refused(path, &faults)),
        }
    }

    /// The questions, when they go with the installation.
    ///
    /// # Errors
    /// When some are about projects that it does not have; all of them are named.
    pub(in crate::cli) fn checked(self, engine: &Engine) -> Result<Vec<Question>, ApiError> {
        let faults = check(engine, &self.questions)?;
        if faults.is_empty() { Ok(self.questions) } else { Err(refused(&self.path, &faults)) }
    }
}

fn refused(path: &Path, faults: &[QuestionFault]) -> ApiError {
    let count = match faults.len() {
        1 => "a fault".to_owned(),
        count => format!("{count} faults"),
    };
    let mut message = format!("`{}` has {count}; nothing was asked", path.display());
    for fault in faults {
        message.push_str(&format!("\n{fault}"));
    }
    ApiError::new(ErrorCode::InvalidRequest, message).with_hint("docs/evaluation.md has an example")
}
