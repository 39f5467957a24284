//! One reader per format.

mod archive;
mod html;
mod markdown;
mod office;
mod records;
mod table;
mod xml;

use crate::{error::ExtractError, extracted::Extracted, format::Format};

/// Extracts the text of a document in this process: what its libraries do on what they do not expect happens here.
///
/// Of a text format ([`Format::is_text`]) `content` is UTF-8, of others the bytes of the file.
///
/// # Errors
/// When there is no text to be had, and why.
pub fn extract(format: Format, content: &[u8]) -> Result<Extracted, ExtractError> {
    match format {
        Format::Markdown | Format::Text | Format::Code => Ok(Extracted::verbatim(format, text(content)?)),
        Format::Word | Format::PowerPoint | Format::Excel => office::read(content),
        Format::Html => html::read(content),
        Format::Table => table::read(content),
        other => Err(ExtractError::Failed(format!("there is no reader of {} yet", other.title()))),
    }
}

/// The content of a text format.
fn text(content: &[u8]) -> Result<&str, ExtractError> {
    std::str::from_utf8(content).map_err(ExtractError::damaged)
}

#[cfg(test)]
mod hostile;
