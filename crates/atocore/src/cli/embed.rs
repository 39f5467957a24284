//! `embed`: makes the vectors that are missing, and waits for them.

use atocore_engine::{EmbeddingReport, Error};
use atocore_model::{error::ErrorCode, monitor::Monitor};

use super::{
    Terminal,
    console::Console,
    exit::Exit,
    output::{Form, Output},
    typeset::count,
};
use crate::{operations::ApiError, runner::Runner};

pub(super) fn run(console: &Console<'_>) -> Result<Exit, ApiError> {
    let monitor = console.watch();
    let result = Runner::writing(console.config, "embed", &monitor)?.embed(console.config, &monitor)?;
    drop(monitor);
    console.output.answer(&result, print);
    Ok(Exit::Done)
}

fn print(result: &EmbeddingReport, output: &Output) {
    let kept = if result.kept > 0 {
        format!(", {} had theirs", count(result.kept, "passage"))
    } else {
        String::new()
    };
    output.line(format!("{} got a vector{kept}", count(result.embedded, "passage")));
    if result.switched {
        output.line("answers use them from now on");
    }
}

/// Makes the vectors that a refresh, which ended with `exit`, left to be made; without a model, or cancelled, says what
/// is missing. A server makes them by itself. Cancelled is [`Exit::Failed`], as for `embed`.
pub(super) fn after_refresh(
    exit: Exit,
    runner: Runner,
    console: &Console<'_>,
    monitor: &Terminal,
    quiet: bool,
) -> Result<Exit, ApiError> {
    let output = console.output;
    if !runner.leaves_vectors_to_be_made() {
        return Ok(exit);
    }
    let made = if monitor.cancelled() {
        Err(ApiError::from(Error::Cancelled))
    } else {
        runner.embed(console.config, monitor)
    };
    monitor.clear();
    match made {
        Ok(result) if result.embedded > 0 && output.form() == Form::Human && !quiet => {
            print(&result, output);
        }
        Ok(_) => {}
        Err(error) if error.code == ErrorCode::Cancelled => {
            output.remark(output.aimed(
                "note: cancelled; passages without a vector are found by lexical search only, `atocore embed` goes on from here",
            ));
            return Ok(Exit::Failed);
        }
        Err(error) if error.code == ErrorCode::VectorsUnavailable => {
            let hint = output.aimed(error.hint.as_deref().unwrap_or("`atocore doctor` says more"));
            output.remark(format!("note: search is lexical only: {}; {hint}", error.message));
        }
        Err(error) if matches!(error.code, ErrorCode::ModelMissing | ErrorCode::ModelDamaged) => {
            let hint = output.aimed(error.hint.as_deref().unwrap_or("`atocore doctor`"));
            output.remark(format!("note: search is lexical only: {}; {hint} helps", error.message));
        }
        Err(error) => return Err(error),
    }
    Ok(exit)
}
