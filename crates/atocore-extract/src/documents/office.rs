//! Files of Microsoft Office, new and old.

mod excel;
mod headings;
mod package;
mod parts;
mod powerpoint;
mod remarks;
mod word;

use undoc::{Document, Error, FormatType, detect_format_from_bytes};

use super::archive::Archive;
use crate::{error::ExtractError, extracted::Extracted};

/// Reads a document, a presentation or a workbook: which of them it is tells the file, for one may contain others.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    if content.starts_with(b"PK") {
        // Its limits come before any library's.
        Archive::open(content)?;
    }
    let out = match detect_format_from_bytes(content).map_err(error)? {
        FormatType::Docx => word::read(content)?,
        FormatType::Doc => word::read_binary(content)?,
        FormatType::Pptx => powerpoint::read(content)?,
        FormatType::Ppt => powerpoint::read_binary(content)?,
        FormatType::Xlsx => excel::read(content)?,
        FormatType::Xls => excel::read_binary(content)?,
    };
    if out.text.trim().is_empty() { Err(ExtractError::NoText) } else { Ok(out) }
}

/// The text of a document that is like one of Word.
pub(super) fn written(document: &Document) -> Extracted {
    word::written(document, remarks::WordRemarks::default())
}

fn error(error: Error) -> ExtractError {
    match error {
        Error::Encrypted => ExtractError::Encrypted,
        error => ExtractError::damaged(error),
    }
}

#[cfg(test)]
mod tests;
