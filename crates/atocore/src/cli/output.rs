//! The only code that prints. Standard output carries answers, standard error everything else.
//!
//! A reader that has gone away (`| head`) is no fault: the rest is dropped quietly.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    path::Path,
};

use serde::Serialize;

use super::typeset;
use crate::operations::{ApiError, Problem};

/// Whether answers are for a person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Set text.
    Human,
    /// The JSON of the HTTP API, one document.
    Json,
}

/// Where answers go.
#[derive(Debug)]
pub(crate) struct Output {
    form: Form,
    colour: bool,
    width: Option<usize>,
    installation: Option<String>,
    closed: Cell<bool>,
    failed: RefCell<Option<io::Error>>,
}

impl Output {
    /// Answers in `form`, with colour when a terminal reads them and nobody objects. `installation` is the folder that
    /// the command line named with `--data-dir`: every command that is advised then names it too.
    pub(crate) fn new(form: Form, no_color: bool, installation: Option<&Path>) -> Self {
        let is_seen = form == Form::Human && io::stdout().is_terminal();
        let colour = is_seen && !no_color;
        let width = columns(io::stdout()).filter(|_| is_seen);
        let installation = installation.map(|folder| typeset::shell(&folder.to_string_lossy()));
        Self { form, colour, width, installation, closed: Cell::new(false), failed: RefCell::new(None) }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// How many cells the terminal is wide that reads the answers; `None` when a program does.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Prints one line, or several when there are line ends in it.
    pub(crate) fn line(&self, text: impl Display) {
        if self.closed.get() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = writeln!(stdout, "{text}") {
            self.closed.set(true);
            if error.kind() != io::ErrorKind::BrokenPipe {
                *self.failed.borrow_mut() = Some(error);
            }
        }
    }

    /// Prints what can be done next, see [`Output::aimed`].
    pub(crate) fn advise(&self, advice: impl Display) {
        let advice = self.aimed(advice);
        self.line(self.width.map_or(advice.clone(), |width| typeset::advice(&advice, width)));
    }

    /// Advice of this program's own whose commands act on the installation that this one acts on, wherever they are
    /// pasted. For hints, fixes and next steps only: what documents and facts say is printed as it is.
    pub(crate) fn aimed(&self, advice: impl Display) -> String {
        let advice = advice.to_string();
        match &self.installation {
            Some(folder) => typeset::aimed(&advice, folder),
            None => advice,
        }
    }

    /// Prints a table, its heads paler than its rows.
    pub(super) fn table(&self, table: &typeset::Table) {
        for (index, lines) in table.rows(self.width).into_iter().enumerate() {
            for line in lines {
                self.line(if index == 0 && table.has_heads() { self.paint(Style::Dim, line) } else { line });
            }
        }
    }

    /// Says how to list what comes after a page, when there is more: `next` is where it ended.
    pub(super) fn earlier(&self, next: Option<impl Display>) {
        if let Some(next) = next {
            self.line(format!("`--after {next}` shows earlier ones"));
        }
    }

    /// Prints an answer: as JSON for a program, as `text` sets it for a person.
    pub(crate) fn answer<T: Serialize>(&self, answer: &T, text: impl FnOnce(&T, &Self)) {
        match self.form {
            Form::Json => self.json(answer),
            Form::Human => text(answer, self),
        }
    }

    /// Prints an answer as JSON.
    pub(crate) fn json(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(text),
            Err(error) => *self.failed.borrow_mut() = Some(error.into()),
        }
    }

    /// Prints what went wrong: the sentence and the hint for a person, problem details for a program.
    pub(crate) fn error(&self, error: &ApiError) {
        if self.form == Form::Json {
            self.json(&Problem::new(error));
            return;
        }
        let sentence = set_for_stderr(format!("error: {}", indented(&harmless(&error.message))));
        let red = paint_if(colour_on_stderr(self.colour), Style::Red, "error:");
        print(&sentence.replacen("error:", &red, 1));
        if let Some(hint) = &error.hint {
            note(&format!("  hint: {}", self.aimed(hint)));
        }
    }

    /// Prints what a person should know about an answer, a line each, beside it.
    pub(super) fn notices(&self, notices: &[impl Display]) {
        for notice in notices {
            self.remark(self.aimed(format!("note: {}", typeset::plain(notice))));
        }
    }

    /// Prints a remark beside the answer, for a person.
    pub(crate) fn remark(&self, text: impl Display) {
        note(&text.to_string());
    }

    /// `text` in a style, when there is colour.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        paint_if(self.colour, style, &text.to_string())
    }

    /// What kept an answer from being printed, other than a reader that went away.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failed.borrow_mut().take()
    }
}

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Style {
    const fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Cyan => 36,
        }
    }
}

/// Prints a text on standard error, also before there is an `Output`. Whatever it repeats of arguments, names and what
/// other programs said cannot command the terminal.
pub fn note(text: &str) {
    print(&set_for_stderr(harmless(text)));
}

/// Within the width of the terminal that shows standard error, where one does.
fn set_for_stderr(text: String) -> String {
    match columns(io::stderr()) {
        Some(width) => typeset::advice(&text, width),
        None => text,
    }
}

/// How many cells a terminal is wide. One that does not know its width says 0.
fn columns(stream: impl AsFd) -> Option<usize> {
    let (columns, _) = terminal_size::terminal_size_of(stream)?;
    Some(usize::from(columns.0)).filter(|columns| *columns > 0)
}

fn harmless(text: &str) -> String {
    text.split('\n').map(typeset::harmless).collect::<Vec<_>>().join("\n")
}

fn print(text: &str) {
    // When even that cannot be written there is nobody to tell.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints the help or version text that the command line parser made.
pub(crate) fn help(text: impl Display) {
    drop(write!(io::stdout().lock(), "{text}"));
}

fn colour_on_stderr(colour: bool) -> bool {
    colour && io::stderr().is_terminal()
}

fn paint_if(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
}

/// Lines after the first move in, so that the sentence stands out.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}
