//! The text of one document.

#[cfg(feature = "documents")]
use crate::documents::read;
#[cfg(not(feature = "documents"))]
use crate::extracted::text;
use crate::{
    error::ExtractError,
    extracted::{Extracted, LocationMark},
    format::Format,
};

/// Extracts the text of a document in this process: what its libraries do on what they do not expect happens here.
///
/// Of a text format ([`Format::is_text`]) `content` is UTF-8, of others the bytes of the file. The name of the file tells the
/// language of source code.
///
/// # Errors
/// When there is no text to be had, and why.
pub fn extract(format: Format, file_name: &str, content: &[u8]) -> Result<Extracted, ExtractError> {
    // A file without anything in it is found by its name, whatever it is to become.
    let is_extracted = !format.is_verbatim();
    let is_blank = is_extracted && format.is_text() && content.trim_ascii().is_empty();
    let mut document = if is_blank { Extracted::default() } else { read(format, file_name, content)? };
    // The lines of the text are not those of the file, also in front of the first place that has a name.
    if is_extracted && document.locations.first().is_none_or(|first| first.from > 0) {
        document.locations.insert(0, LocationMark { from: 0, is_apart: false, name: "beginning".to_owned() });
    }
    Ok(document)
}

#[cfg(not(feature = "documents"))]
fn read(format: Format, _file_name: &str, content: &[u8]) -> Result<Extracted, ExtractError> {
    if format.is_verbatim() {
        return Ok(Extracted::verbatim(format, text(content)?));
    }
    Err(ExtractError::Failed(format!("this program is built without {}", format.title())))
}
