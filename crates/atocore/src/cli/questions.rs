//! `questions list`, `case`, `forget`: what was asked and is kept.

use std::path::{Path, PathBuf};

use atocore_engine::{evaluation::question_file, files};
use atocore_model::{error::ErrorCode, query::KeptQuestion};
use clap::{Args, Subcommand};

use super::{
    changes::beginning,
    console::Console,
    evaluate,
    exit::Exit,
    output::Output,
    typeset::{Table, count, or_empty, plain, second},
};
use crate::operations::{ApiError, ForgetQuestions, ListQuestions, MakeCase, QuestionList};

#[derive(Debug, Subcommand)]
pub(super) enum Questions {
    List(ListQuestions),
    Case(Case),
    Forget(ForgetQuestions),
}

/// Makes a case for an evaluation of a question that is kept: what `atocore eval` reads
#[derive(Debug, Args)]
pub(super) struct Case {
    #[command(flatten)]
    case: MakeCase,
    /// Append it to this file of questions, which is made if it is missing, instead of printing it
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
}

impl Questions {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::List(list) => console.run(list, print_list),
            Self::Case(case) => case.run(console),
            Self::Forget(forget) => console.run(forget, |gone, output| {
                output.line(format!("{} forgotten", count(gone.forgotten, "question")));
            }),
        }
    }
}

impl Case {
    fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let case = console.ask(self.case)?;
        let path = self.append.map(|path| console.path(path));
        if let Some(path) = &path {
            append(path, &case.toml)?;
        }
        console.output.answer(&case, |case, output| match &path {
            Some(path) => {
                let path = plain(path.display());
                output.line(format!("appended to `{path}`; `atocore eval {path}` asks its questions"));
            }
            None => case.toml.lines().for_each(|line| output.line(line)),
        });
        Ok(Exit::Done)
    }
}

/// Appends a case to a file of questions. The file is replaced as a whole, and only by one that can be read.
fn append(path: &Path, case: &str) -> Result<(), ApiError> {
    let known = if files::exists(path).map_err(atocore_engine::Error::from)? {
        evaluate::read(path, "a file of questions")?
    } else {
        String::new()
    };
    let between = match known.trim_end() {
        "" => "",
        _ if known.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let text = [&*known, between, case].concat();
    if let Err(faults) = question_file::read(&text) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let message = format!("nothing is appended to `{}`: {}", path.display(), faults.join("; "));
        return Err(ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("correct the file first, or name another one"));
    }
    evaluate::write(path, &text)
}

fn print_list(list: &QuestionList, output: &Output) {
    if list.questions.is_empty() {
        return output.line("no question is kept that matches; with ATOCORE_QUERY_LOG=on a server keeps those that it answers");
    }
    let mut table = Table::new(&["NUMBER", "ASKED", "LAST", "PROJECT", "FIT", "NEAREST", "QUESTION"]);
    for question in &list.questions {
        let KeptQuestion { number, text, project, times, last_asked, fit, nearest, .. } = question;
        table.row([
            number.to_string(),
            times.to_string(),
            second(last_asked),
            or_empty(project.as_ref()),
            or_empty(fit.as_ref()),
            nearest.as_ref().map(plain).unwrap_or_default(),
            beginning(text),
        ]);
    }
    output.table(&table);
    output.earlier(list.next.as_ref());
}
