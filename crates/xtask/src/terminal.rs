//! All that this program prints. Colour only where a person looks on.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

use std::io::IsTerminal;

use crate::failure::Failure;

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";

/// Whether a person sees the output as it comes.
pub(crate) fn is_watched() -> bool {
    std::io::stdout().is_terminal()
}

/// Prints one line as it is.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints what is about to be done.
pub(crate) fn note(text: &str) {
    println!("{}", coloured(text, DIM, is_watched()));
}

/// Prints something that went well: the first word stands out.
pub(crate) fn good(subject: &str, text: &str) {
    println!("{} {text}", coloured(subject, GREEN, is_watched()));
}

/// Prints what went wrong, and the hint below it, to standard error.
pub(crate) fn show_failure(failure: &Failure) {
    let colour = std::io::stderr().is_terminal();
    if !failure.message.is_empty() {
        eprintln!("{} {}", coloured("error:", RED, colour), failure.message);
    }
    if let Some(hint) = &failure.hint {
        eprintln!("{} {}", coloured("  hint:", BOLD, colour), hint);
    }
}

fn coloured(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
