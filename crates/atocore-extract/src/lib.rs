//! Documents of every format to text with locations, and the dates that the history of a repository has for files.
//!
//! The only code with libraries for document formats. What they are given was written by somebody else, and some of them
//! panic, loop or take all memory on what they do not expect: an [`Extractor`] runs them in a child process with limits, so
//! that a bad file costs that file.

mod child;
mod converter;
#[cfg(feature = "documents")]
mod documents;
mod error;
mod extract;
mod extracted;
mod extractor;
mod format;
mod history;
mod limits;
mod rules;
mod terminal;
mod words;

pub use self::{
    child::serve,
    error::ExtractError,
    extract::extract,
    extracted::{Extracted, LocationMark, TextSection, TextStructure},
    extractor::Extractor,
    format::{Ending, Format, is_key},
    history::{HistoryDate, HistoryDates, HistoryFile, HistoryRequest},
    limits::ExtractLimits,
    rules::{ConvertCommand, EndingRule, FormatRules, converters, endings},
    words::panic_message,
};
