//! E-mail: a message, or a mailbox of them.

mod attached;

use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};

use self::attached::Attaching;
use super::html;
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

/// More messages of a mailbox are left out.
const MOST_MESSAGES: usize = 100_000;

/// More addresses or attachments of a message are left out, those of messages attached to it included.
const MOST_NAMES: usize = 50;

/// A longer line begins no message, in bytes.
const LONGEST_SEPARATOR: usize = 1000;

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
        append(&message, None, &mut Attaching::default(), &mut out)?;
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

/// The messages of a mailbox, which begin behind an empty line with a line that says from whom and when; what does not begin
/// with `From ` is one message.
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

/// Where the message behind the one at the beginning begins. Sentences begin with `From ` as well: what is behind them belongs
/// to the message that they are in.
fn next_message(content: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(content, b"\nFrom ")
        .filter(|&at| content[..at].ends_with(b"\n") || content[..at].ends_with(b"\n\r"))
        .map(|at| at + 1)
        .find(|&begin| is_separator(&content[begin..]))
}

/// Whether a message of a mailbox begins here: with a date on its first line, and headers below.
fn is_separator(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next().unwrap_or_default();
    // Of what was put from one mailbox into another.
    let mut headers =
        lines.skip_while(|line| line.starts_with(b">From ")).take_while(|line| !line.is_empty());
    first.len() <= LONGEST_SEPARATOR
        && tells_date(&String::from_utf8_lossy(first))
        && headers
            .next()
            .is_some_and(|line| is_header(line) && (names_message(line) || headers.any(names_message)))
}

/// Whether there is a date on a line such as `From a@a.org Thu Jan  1 00:00:00 1970`.
fn tells_date(line: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let is_number = |word: &str, digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_time = |word: &str| {
        word.contains(':')
            && word.split(':').count() <= 3
            && word.split(':').all(|part| is_number(part, 1..=2))
    };
    let words = || line.split_ascii_whitespace().skip(1).map(|word| word.trim_end_matches(','));
    let has_name =
        |names: &[&str]| words().any(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)));
    has_name(&DAYS) && has_name(&MONTHS) && words().any(is_time) && words().any(|word| is_number(word, 4..=4))
}

/// Whether a line is `Name: value`.
fn is_header(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    !name.is_empty() && name.len() < line.len() && name.iter().all(u8::is_ascii_graphic)
}

/// Whether a line is a header that every message has one of.
fn names_message(line: &[u8]) -> bool {
    let names: [&[u8]; 4] = [b"from:", b"to:", b"subject:", b"date:"];
    names.iter().any(|name| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))
}

fn is_message(message: &Message<'_>) -> bool {
    message.from().is_some()
        || message.to().is_some()
        || message.subject().is_some()
        || message.date().is_some()
}

/// Appends a message below its subject; below the name it has as an attachment, where it has one.
fn append(
    message: &Message<'_>,
    name: Option<&str>,
    attaching: &mut Attaching,
    out: &mut Extracted,
) -> Result<(), ExtractError> {
    let subject = message.subject().map(one_line).unwrap_or_default();
    attaching.heading(name.unwrap_or(&subject), out);
    let below = name.filter(|name| *name != subject).map(|_| subject);
    let mut head = String::new();
    let date = message.date().map(mail_parser::DateTime::to_rfc3339);
    let named = [
        ("Subject", below),
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
    attaching.append_to(message, out)
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
