//! What is attached to a message and is text, or a message itself.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{super::html, MOST_NAMES, append, is_message, masked};
use crate::{
    error::ExtractError,
    extracted::Extracted,
    format::{Ending, Format, is_key},
    words::one_line,
};

/// Messages that are attached deeper are left out.
const DEEPEST: usize = 5;

/// Kinds of text that are written for programs, or say again what another part says.
const FOR_PROGRAMS: &[&str] =
    &["css", "ecmascript", "enriched", "javascript", "richtext", "rtf", "watch-html", "x-amp-html"];

/// How far attachments of a message have been read.
#[derive(Debug, Default)]
pub(super) struct Attaching {
    /// How many messages the current one is in.
    depth: usize,
    count: usize,
}

/// What an attachment says.
enum Attached<'m> {
    Text(&'m str),
    Page(&'m str),
    Message(&'m Message<'m>),
    /// A message that a program attached as a file.
    File(Message<'m>),
}

impl Attaching {
    /// Appends the heading of a message or of an attachment, unless it is empty.
    pub(super) fn heading(&self, heading: &str, out: &mut Extracted) {
        if !heading.is_empty() {
            out.block(&format!("{} {heading}", "#".repeat(self.depth + 1)));
        }
    }

    /// Appends what is attached to a message, each below its name.
    pub(super) fn append_to(
        &mut self,
        message: &Message<'_>,
        out: &mut Extracted,
    ) -> Result<(), ExtractError> {
        if self.depth >= DEEPEST {
            return Ok(());
        }
        self.depth += 1;
        for part in message.attachments() {
            if self.count >= MOST_NAMES {
                break;
            }
            let name = part.attachment_name().map(one_line).filter(|name| !name.is_empty());
            let Some(attached) = attached(part, name.as_deref().unwrap_or_default()) else { continue };
            self.count += 1;
            match attached {
                Attached::Text(text) => {
                    self.heading(&name.unwrap_or_else(|| kind(part)), out);
                    out.block(&masked(text));
                }
                Attached::Page(page) => {
                    self.heading(&name.unwrap_or_else(|| kind(part)), out);
                    out.block(&html::markdown(page)?);
                }
                Attached::Message(message) => append(message, name.as_deref(), self, out)?,
                Attached::File(message) => append(&message, name.as_deref(), self, out)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// What is to be read of an attachment; `None` of pictures, documents, keys and the like.
fn attached<'m>(part: &'m MessagePart<'m>, name: &str) -> Option<Attached<'m>> {
    let ending = Ending::of(name);
    if ending == Ending::WithoutText || is_key(part.contents()) {
        return None;
    }
    match &part.body {
        PartType::Message(message) => Some(Attached::Message(message)),
        PartType::Text(text) => is_readable(part).then_some(Attached::Text(text)),
        PartType::Html(page) => is_readable(part).then_some(Attached::Page(page)),
        // Some programs attach every file as one of an unknown kind.
        PartType::Binary(content) | PartType::InlineBinary(content) => match ending {
            Ending::Of(Format::Mail) => {
                MessageParser::default().parse(&content[..]).filter(is_message).map(Attached::File)
            }
            Ending::Of(Format::Html) => std::str::from_utf8(content).ok().map(Attached::Page),
            Ending::Of(
                Format::Text
                | Format::Markdown
                | Format::Code
                | Format::Markup
                | Format::Table
                | Format::Subtitles,
            ) => std::str::from_utf8(content).ok().filter(|text| !text.contains('\0')).map(Attached::Text),
            _ => None,
        },
        PartType::Multipart(_) => None,
    }
}

/// Whether a part that is taken for text is one: so is what could not be decoded.
fn is_readable(part: &MessagePart<'_>) -> bool {
    let Some(kind) = part.content_type() else { return true };
    let subtype = kind.subtype().unwrap_or_default();
    let is_encoded =
        part.content_transfer_encoding().is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    kind.ctype().eq_ignore_ascii_case("text")
        && !(part.is_encoding_problem && is_encoded)
        && !FOR_PROGRAMS.iter().any(|known| subtype.eq_ignore_ascii_case(known))
}

/// The type of an attachment without a name, such as `text/calendar`.
fn kind(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(
        || "text".to_owned(),
        |kind| one_line(&format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())),
    )
}
