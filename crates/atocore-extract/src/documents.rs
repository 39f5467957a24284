//! Readers of the formats that need libraries, one for each.

mod archive;
mod building;
mod canvas;
mod code;
mod epub;
mod fence;
mod html;
mod mail;
mod markdown;
mod markup;
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
pub(crate) fn read(format: Format, file_name: &str, content: &[u8]) -> Result<Extracted, ExtractError> {
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
        Format::Code => code::read(file_name, content),
        Format::Markup => markup::read(file_name, text(content)?),
        Format::Converted => Err(ExtractError::failed("a command has to convert it")),
        Format::Markdown | Format::Text => Ok(Extracted::verbatim(format, text(content)?)),
    }
}

#[cfg(test)]
mod hostile;
