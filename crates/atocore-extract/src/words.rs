//! Text of others, as it is put into ours.

use std::{
    any::Any,
    io::{self, Read},
};

/// Text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a panic said; it may quote what was worked on, at any length.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<&str>().copied();
    said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}

/// How much is kept of what a child process says, in bytes.
const KEPT: u64 = 4096;

/// The beginning of what a stream says; it is read until it ends, so that nobody waits who writes into it.
pub(crate) fn beginning_of(mut stream: impl Read) -> String {
    let mut said = Vec::new();
    let _lost = stream.by_ref().take(KEPT).read_to_end(&mut said);
    let _lost = io::copy(&mut stream, &mut io::sink());
    String::from_utf8_lossy(&said).into_owned()
}
