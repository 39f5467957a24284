//! Files in a zip archive, up to limits.

use std::io::{Cursor, Read, Write};

use encoding_rs::{Encoding, UTF_8};
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::error::ExtractError;

/// How many files an archive may have.
const MOST_FILES: usize = 65_536;

/// How much may be unpacked of an archive, in bytes.
const MOST_BYTES: u64 = 512 << 20;

/// How many times its packed size a file may have, once it is no small one: text that somebody wrote has 3 to 40 times.
const MOST_TIMES: u64 = 400;
const SMALL: u64 = 4 << 20;

/// An archive that is open.
#[derive(Debug)]
pub(super) struct Archive<'content> {
    zip: ZipArchive<Cursor<&'content [u8]>>,
    /// How many bytes may still be unpacked.
    left: u64,
}

impl<'content> Archive<'content> {
    pub(super) fn open(content: &'content [u8]) -> Result<Self, ExtractError> {
        let zip = ZipArchive::new(Cursor::new(content)).map_err(error)?;
        if zip.len() > MOST_FILES {
            return Err(ExtractError::Limit(format!("{MOST_FILES} files in it")));
        }
        Ok(Self { zip, left: MOST_BYTES })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The content of a file; `None` when there is none of that name.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let file = match self.zip.by_name(name) {
            Err(ZipError::FileNotFound) => return Ok(None),
            file => file.map_err(error)?,
        };
        let most = self.left.min(file.compressed_size().saturating_mul(MOST_TIMES).max(SMALL));
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(ExtractError::damaged)?;
        if bytes.len() as u64 > most {
            return Err(ExtractError::Limit(format!("{} MiB unpacked", most >> 20)));
        }
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// A file of XML as text, from the encoding that it is in.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        Ok(self.bytes(name)?.map(decoded))
    }

    /// The archive as another one in which these files, by their names, are as they are given.
    pub(super) fn with(&mut self, files: &[(String, String)]) -> Result<Vec<u8>, ExtractError> {
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..self.zip.len() {
            let file = self.zip.by_index_raw(index).map_err(error)?;
            let is_other = file.name().is_ok_and(|stored| files.iter().any(|(name, _)| *name == stored));
            if !is_other {
                out.raw_copy_file(file).map_err(error)?;
            }
        }
        for (name, content) in files {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            out.start_file(name.as_str(), options).map_err(error)?;
            out.write_all(content.as_bytes()).map_err(ExtractError::damaged)?;
        }
        Ok(out.finish().map_err(error)?.into_inner())
    }

    /// A file of XML that has to be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, ExtractError> {
        self.text(name)?.ok_or_else(|| ExtractError::Damaged(format!("it has no {name}")))
    }
}

/// The name of a file that another one in `folder` refers to.
pub(super) fn resolved(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in target.split('/') {
        match name {
            ".." => drop(path.pop()),
            "." | "" => {}
            name => path.push(name),
        }
    }
    path.join("/")
}

fn error(error: ZipError) -> ExtractError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ExtractError::Encrypted,
        error => ExtractError::damaged(error),
    }
}

/// Text of a file of XML: as its first bytes say, else as its declaration does, else UTF-8.
fn decoded(bytes: Vec<u8>) -> String {
    let declared = || {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let (_, rest) = head.strip_prefix("<?xml")?.split_once("encoding=")?;
        Encoding::for_label(rest.split(['"', '\'']).nth(1)?.as_bytes())
    };
    let marked = Encoding::for_bom(&bytes).map(|(encoding, _)| encoding);
    let encoding = marked.or_else(declared).unwrap_or(UTF_8);
    if encoding == UTF_8 && marked.is_none() {
        return String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
    encoding.decode(&bytes).0.into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of these files.
    pub(in crate::documents) fn zipped<Content: AsRef<[u8]>>(files: &[(&str, Content)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_ref()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn what_unpacks_to_much_more_than_it_is_costs_a_limit() {
        let packed = zipped(&[("a", vec![b' '; 20 << 20]), ("b", b"x".to_vec())]);
        let mut archive = Archive::open(&packed).unwrap();
        assert_eq!(archive.text("a").unwrap_err().to_string(), "it needs more than 7 MiB unpacked");
        assert_eq!(archive.text("b").unwrap().unwrap(), "x");
        assert_eq!(archive.text("c").unwrap(), None);
        assert_eq!(archive.required("c").unwrap_err().to_string(), "it is damaged: it has no c");
    }

    #[test]
    fn an_archive_with_another_file_has_the_others_as_they_were() {
        let stored = zipped(&[("a", "1"), ("dir/b", "2")]);
        let changed = [("a".to_owned(), "3".to_owned()), ("c".to_owned(), "4".to_owned())];
        let other = Archive::open(&stored).unwrap().with(&changed).unwrap();
        let mut archive = Archive::open(&other).unwrap();
        let texts = ["a", "dir/b", "c"].map(|name| archive.required(name).unwrap());
        assert_eq!(texts, ["3", "2", "4"]);
    }

    #[test]
    fn xml_is_read_in_the_encoding_it_says() {
        let utf_16: Vec<u8> = "\u{feff}<a>ü</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [
            utf_16,
            b"<?xml version='1.0' encoding='windows-1252'?><a>\xfc</a>".to_vec(),
            "\u{feff}<a>ü</a>".as_bytes().to_vec(),
            "<a>ü</a>".as_bytes().to_vec(),
        ] {
            assert!(decoded(bytes).ends_with("<a>ü</a>"));
        }
    }
}
