//! E-mail: a message, or a mailbox of them.

use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};

use super::html;
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

/// More messages of a mailbox are left out.
const MOST_MESSAGES: usize = 100_000;

/// More addresses or attachments of a message are left out.
const MOST_NAMES: usize = 50;

/// Reads messages, each as a place: its subject as heading, from whom to whom and when, and its text.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut out = Extracted::markdown();
    let mut count = 0;
    for (index, message) in messages(content).enumerate() {
        if index == MOST_MESSAGES {
            out.notices.push(format!("messages after the first {MOST_MESSAGES} are left out"));
            break;
        }
        let Some(message) = MessageParser::default().parse(message).filter(is_message) else { continue };
        count += 1;
        out.begin(format!("message {}", index + 1));
        append(&message, &mut out)?;
        if let (1, Some(subject)) = (count, message.subject()) {
            out.title_from_metadata(subject);
        }
    }
    if count > 1 {
        out.title = None;
    }
    match (count, content.trim_ascii().is_empty()) {
        (0, true) => Err(ExtractError::NoText),
        (0, false) => Err(ExtractError::damaged("there is no message in it")),
        _ => Ok(out),
    }
}

/// The messages of a mailbox, which begin at `From ` behind an empty line; what does not begin so is one message.
fn messages(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let content = content.trim_ascii_start();
    let is_mailbox = content.starts_with(b"From ");
    let mut rest = Some(content);
    std::iter::from_fn(move || {
        let here = rest?;
        let next = if is_mailbox { next_message(here) } else { None };
        let message = next.map_or(here, |next| &here[..next]);
        rest = next.map(|next| &here[next..]);
        if !is_mailbox {
            return Some(message);
        }
        let headers = memchr::memchr(b'\n', message).map_or(message.len(), |end| end + 1);
        Some(&message[headers..])
    })
}

/// Where the message behind the one at the beginning begins.
fn next_message(content: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(content, b"\nFrom ")
        .find(|&at| content[..at].ends_with(b"\n") || content[..at].ends_with(b"\n\r"))
        .map(|at| at + 1)
}

fn is_message(message: &Message<'_>) -> bool {
    message.from().is_some()
        || message.to().is_some()
        || message.subject().is_some()
        || message.date().is_some()
}

fn append(message: &Message<'_>, out: &mut Extracted) -> Result<(), ExtractError> {
    let subject = message.subject().map(one_line).unwrap_or_default();
    if !subject.is_empty() {
        out.block(&format!("# {subject}"));
    }
    let mut head = String::new();
    let date = message.date().map(mail_parser::DateTime::to_rfc3339);
    let named = [
        ("From", addresses(message.from())),
        ("To", addresses(message.to())),
        ("Cc", addresses(message.cc())),
    ];
    for (name, value) in named.into_iter().chain([("Date", date), ("Attachments", attachments(message))]) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\n"));
        }
    }
    out.block(&head);
    let bodies = || message.text_body.iter().filter_map(|&part| message.part(part)).map(|part| &part.body);
    let has_text = bodies().any(|body| matches!(body, PartType::Text(text) if !text.trim().is_empty()));
    // Some programs write an empty text beside the page.
    let parts = if has_text { &message.text_body } else { &message.html_body };
    for part in parts.iter().filter_map(|&part| message.part(part)) {
        match &part.body {
            PartType::Text(text) => out.block(&masked(text)),
            PartType::Html(page) => out.block(&html::markdown(page)?),
            _ => {}
        }
    }
    Ok(())
}

fn addresses(addresses: Option<&Address<'_>>) -> Option<String> {
    let addresses =
        addresses?.iter().take(MOST_NAMES).map(|address| match (address.name(), address.address()) {
            (Some(name), Some(address)) => format!("{} <{}>", one_line(name), one_line(address)),
            (name, address) => one_line(name.or(address).unwrap_or_default()),
        });
    Some(addresses.collect::<Vec<_>>().join(", "))
}

/// The names of what is attached; of a message its subject.
fn attachments(message: &Message<'_>) -> Option<String> {
    let names = message.attachments().take(MOST_NAMES).filter_map(|part| {
        let name = part.attachment_name().or_else(|| part.message()?.subject())?;
        Some(one_line(name))
    });
    Some(names.collect::<Vec<_>>().join(", "))
}

/// A plain text in which nothing is a heading, a fence or HTML.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for line in text.lines() {
        let begin = line.trim_start();
        let is_underline = ['=', '-', '_']
            .into_iter()
            .any(|mark| !begin.is_empty() && begin.trim_end().chars().all(|c| c == mark));
        if is_underline
            || begin.starts_with(['#', '<'])
            || begin.starts_with("```")
            || begin.starts_with("~~~")
        {
            masked.push('\\');
        }
        // Deeper ones are indented code in Markdown.
        masked.push_str(if line.len() - begin.len() > 3 { begin } else { line });
        masked.push('\n');
    }
    masked
}

#[cfg(test)]
mod tests;
