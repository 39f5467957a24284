//! Running other programs. None of them can wait for input: standard input is always empty.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::terminal;

/// Returns a call of cargo with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    program("cargo", args)
}

/// Returns a call of `name` with these arguments.
pub(crate) fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs `command`, which prints for itself.
///
/// # Errors
/// The program cannot be started, or does not end with success.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    terminal::note(&format!("$ {}", shown(command)));
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::failed(format!("`{}`: {status}", shown(command)))) }
}

/// Runs `command` in place of this program: it says itself what is wrong, and its exit code is ours.
///
/// # Errors
/// The program cannot be started, or does not end with success.
#[cfg(not(feature = "measure"))]
pub(crate) fn hand_over(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::passed_on(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Runs `command` and hands every line of its standard output to `seen` after printing it.
///
/// # Errors
/// The program cannot be started, its output cannot be read, or it does not end with success.
pub(crate) fn run_watched(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<(), Failure> {
    terminal::note(&format!("$ {}", shown(command)));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    if let Some(output) = child.stdout.take() {
        for bytes in BufReader::new(output).split(b'\n') {
            let bytes = bytes.map_err(|error| not_started(command, &error))?;
            // A test may print bytes that are no text; that must not end the check.
            let text = String::from_utf8_lossy(&bytes);
            terminal::line(&text);
            seen(&text);
        }
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::failed(format!("`{}`: {status}", shown(command)))) }
}

/// Runs `command` silently and returns its standard output.
///
/// # Errors
/// The program cannot be started, or does not end with success: then with the end of what it said.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Failure::failed(format!("`{}`: {}: {last}", shown(command), output.status)))
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::failed(format!("`{}` did not run: {error}", shown(command)))
}

/// Returns the call as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        if word.contains(' ') { format!("'{word}'") } else { word.into_owned() }
    });
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let set = variables.map(|(name, value)| format!("{}='{}'", name.display(), value.display()));
    set.chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_last_words() {
        let failure =
            output_of(&mut program("sh", &["-c", "echo first >&2; echo last >&2; exit 3"])).unwrap_err();
        assert!(failure.message.contains("last") && failure.message.contains('3'), "{}", failure.message);
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = output_of(&mut program("no-such-program-here", &["--version"])).unwrap_err();
        assert!(failure.message.contains("no-such-program-here"), "{}", failure.message);
    }

    #[cfg(not(feature = "measure"))]
    #[test]
    fn the_exit_code_is_passed_on() {
        assert_eq!(hand_over(&mut program("sh", &["-c", "exit 7"])).unwrap_err().exit, 7);
    }

    #[test]
    fn a_watched_program_shows_every_line_even_when_it_fails() {
        let mut lines = Vec::new();
        let result = run_watched(&mut program("sh", &["-c", "echo one; echo two; exit 1"]), |line| {
            lines.push(line.to_owned());
        });
        assert!(result.is_err());
        assert_eq!(lines, ["one", "two"]);
    }
}
