//! Readers of the formats that need libraries, one for each.

mod archive;
mod building;
mod canvas;
mod epub;
mod fence;
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
    extracted::{Extracted, text},
    format::Format,
};

/// Reads a document; see [`crate::extract()`].
pub(crate) fn read(format: Format, content: &[u8]) -> Result<Extracted, ExtractError> {
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
        Format::Canvas => canvas::read(text(content)?),
        Format::Markdown | Format::Text | Format::Code => Ok(Extracted::verbatim(format, text(content)?)),
    }
}

#[cfg(test)]
mod hostile;
