//! One reader per format.

mod archive;
mod epub;
pub(crate) mod fence;
mod html;
mod mail;
mod markdown;
mod notebook;
mod office;
mod opendocument;
mod pdf;
mod records;
mod rtf;
mod sheets;
mod slides;
mod subtitles;
mod table;
mod xml;

use crate::{
    error::ExtractError,
    extracted::{Extracted, LocationMark},
    format::Format,
};

/// Extracts the text of a document in this process: what its libraries do on what they do not expect happens here.
///
/// Of a text format ([`Format::is_text`]) `content` is UTF-8, of others the bytes of the file.
///
/// # Errors
/// When there is no text to be had, and why.
pub fn extract(format: Format, content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut document = read(format, content)?;
    // The lines of the text are not those of the file, also in front of the first place that has a name.
    if !format.is_verbatim() && document.locations.first().is_none_or(|first| first.from > 0) {
        document.locations.insert(0, LocationMark { from: 0, name: "beginning".to_owned() });
    }
    Ok(document)
}

fn read(format: Format, content: &[u8]) -> Result<Extracted, ExtractError> {
    match format {
        Format::Html => html::read(content),
        Format::Pdf => pdf::read(content),
        Format::Word | Format::PowerPoint | Format::Excel => office::read(content),
        Format::OpenDocument => opendocument::read(content),
        Format::Epub => epub::read(content),
        Format::Rtf => rtf::read(content),
        Format::Mail => mail::read(content),
        Format::Notebook => notebook::read(content),
        Format::Table => table::read(content),
        Format::Subtitles => subtitles::read(content),
        Format::Markdown | Format::Text | Format::Code => Ok(Extracted::verbatim(format, text(content)?)),
    }
}

/// The content of a text format.
fn text(content: &[u8]) -> Result<&str, ExtractError> {
    std::str::from_utf8(content).map_err(ExtractError::damaged)
}

#[cfg(test)]
mod hostile;
