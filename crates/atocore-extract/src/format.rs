//! Which formats there are, and how a file shows which one it has.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// A format that documents are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Markdown.
    Markdown,
    /// Text without a structure that is known.
    Text,
    /// Source code and settings.
    Code,
    /// Text with headings in another notation than Markdown.
    Markup,
    /// Web pages.
    Html,
    /// Portable Document Format.
    Pdf,
    /// Text documents of Word, new and old.
    Word,
    /// Presentations of `PowerPoint`, new and old.
    PowerPoint,
    /// Workbooks of Excel, new and old.
    Excel,
    /// Texts, sheets and presentations of `OpenDocument`.
    OpenDocument,
    /// Electronic books.
    Epub,
    /// Rich Text Format.
    Rtf,
    /// Messages, one or a mailbox.
    Mail,
    /// Jupyter notebooks.
    Notebook,
    /// Tables of separated values.
    Table,
    /// Subtitles.
    Subtitles,
    /// Boards of Obsidian.
    Canvas,
    /// What a command of the installation makes text of.
    Converted,
}

/// What there is to know of a format.
struct FormatRow {
    format: Format,
    name: &'static str,
    title: &'static str,
    /// What a hit cites beside the file.
    cites: &'static str,
    /// Goes up when the same file gives another text, so that files of that format are read again.
    version: u32,
    /// In lower case, without their dots, with spaces between them.
    endings: &'static str,
}

/// Every format, in the order of the enum.
const FORMATS: [FormatRow; 18] = [
    FormatRow {
        format: Format::Markdown,
        name: "markdown",
        title: "Markdown",
        cites: "lines",
        version: 1,
        endings: "md markdown mdx mkd",
    },
    FormatRow {
        format: Format::Text,
        name: "text",
        title: "plain text",
        cites: "lines",
        version: 1,
        endings: "txt text log nfo",
    },
    FormatRow {
        format: Format::Code,
        name: "code",
        title: "source code and settings",
        cites: "definition and lines",
        version: 3,
        endings: "rs py pyi js mjs cjs jsx ts mts cts tsx go java kt kts scala c h cc cpp cxx hh hpp hxx cs rb php swift m mm sh bash zsh fish ps1 bat \
               sql lua pl pm r jl ex exs erl hs ml mli clj dart vue svelte css scss less proto graphql tf hcl nix cmake gradle zig json \
               jsonl ndjson yaml yml toml ini cfg conf properties env xml xsd dockerfile mk",
    },
    FormatRow {
        format: Format::Markup,
        name: "markup",
        title: "reStructuredText, AsciiDoc, org, LaTeX",
        cites: "section and lines",
        version: 2,
        endings: "rst adoc asciidoc org tex",
    },
    FormatRow {
        format: Format::Html,
        name: "html",
        title: "HTML",
        cites: "section",
        version: 2,
        endings: "html htm xhtml",
    },
    FormatRow { format: Format::Pdf, name: "pdf", title: "PDF", cites: "page", version: 1, endings: "pdf" },
    FormatRow {
        format: Format::Word,
        name: "word",
        title: "Word",
        cites: "section",
        version: 2,
        endings: "docx docm dotx dotm doc dot",
    },
    FormatRow {
        format: Format::PowerPoint,
        name: "powerpoint",
        title: "PowerPoint",
        cites: "slide",
        version: 1,
        endings: "pptx pptm ppsx ppsm potx potm ppt pps pot",
    },
    FormatRow {
        format: Format::Excel,
        name: "excel",
        title: "Excel",
        cites: "sheet and cells",
        version: 4,
        endings: "xlsx xlsm xltx xltm xls xlt",
    },
    FormatRow {
        format: Format::OpenDocument,
        name: "opendocument",
        title: "OpenDocument",
        cites: "section, slide, or sheet and cells",
        version: 4,
        endings: "odt ott ods ots odp otp",
    },
    FormatRow {
        format: Format::Epub,
        name: "epub",
        title: "EPUB",
        cites: "chapter",
        version: 2,
        endings: "epub",
    },
    FormatRow {
        format: Format::Rtf,
        name: "rtf",
        title: "Rich Text Format",
        cites: "section",
        version: 2,
        endings: "rtf",
    },
    FormatRow {
        format: Format::Mail,
        name: "mail",
        title: "e-mail",
        cites: "message",
        version: 2,
        endings: "eml mbox",
    },
    FormatRow {
        format: Format::Notebook,
        name: "notebook",
        title: "Jupyter notebooks",
        cites: "cell",
        version: 3,
        endings: "ipynb",
    },
    FormatRow {
        format: Format::Table,
        name: "table",
        title: "tables of separated values",
        cites: "row",
        version: 3,
        endings: "csv tsv tab",
    },
    FormatRow {
        format: Format::Subtitles,
        name: "subtitles",
        title: "subtitles",
        cites: "time",
        version: 1,
        endings: "srt vtt",
    },
    FormatRow {
        format: Format::Canvas,
        name: "canvas",
        title: "Obsidian canvas",
        cites: "card",
        version: 1,
        endings: "canvas",
    },
    FormatRow {
        format: Format::Converted,
        name: "converted",
        title: "converted by a command",
        cites: "lines",
        version: 1,
        endings: "",
    },
];

/// Endings of what has no text for a reader: pictures, sound, moving pictures, archives, programs, fonts, databases, what
/// programs generate for programs, and keys, which nobody should find by asking.
const WITHOUT_TEXT: &str = "\
    png jpg jpeg gif bmp tif tiff webp avif heic ico icns psd xcf raw svg mp3 wav flac ogg opus m4a aac wma mid mp4 mkv avi mov \
    webm wmv m4v mpg mpeg zip tar gz tgz bz2 xz zst 7z rar lz4 jar war whl deb rpm dmg iso img apk exe dll so dylib a o obj lib \
    class pyc pyo wasm bin ttf otf woff woff2 eot db sqlite sqlite3 db-wal db-shm mdb parquet arrow npy npz pkl pt pth onnx \
    safetensors gguf h5 dat lock map min.js min.css swp swo tmp bak part crdownload \
    pem key crt cer der csr p12 pfx jks keystore asc gpg pgp kdbx ppk ovpn tfstate";

/// What the name of a file says about its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The ending of this format.
    Of(Format),
    /// The ending of what has no text.
    WithoutText,
    /// Nothing: the content tells.
    Unknown,
}

impl Ending {
    /// Looks at the ending of a name; case does not matter.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let Some((stem, ending)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else {
            return Self::Unknown;
        };
        let known = |ending: &str| ENDINGS.get(ending.to_ascii_lowercase().as_str()).copied();
        // The longer one of two, as in `app.min.js`.
        let longer = stem.rfind('.').filter(|dot| *dot > 0).and_then(|dot| known(&name[dot + 1..]));
        longer.or_else(|| known(ending)).unwrap_or(Self::Unknown)
    }
}

/// What every ending says that is known.
static ENDINGS: LazyLock<HashMap<&str, Ending>> = LazyLock::new(|| {
    let without_text = WITHOUT_TEXT.split_whitespace().map(|ending| (ending, Ending::WithoutText));
    let of = |row: &'static FormatRow| {
        row.endings.split_whitespace().map(|ending| (ending, Ending::Of(row.format)))
    };
    without_text.chain(FORMATS.iter().flat_map(of)).collect()
});

/// Whether a file whose name says nothing begins as a key or a certificate does, which nobody should find by asking.
#[must_use]
pub fn is_key(content: &[u8]) -> bool {
    content.trim_ascii_start().starts_with(b"-----BEGIN ")
}

impl Format {
    /// Every format that is read without a rule of the installation.
    pub fn all() -> impl Iterator<Item = Self> {
        FORMATS
            .iter()
            .map(|entry| entry.format)
            .filter(|format| format.is_read() && *format != Self::Converted)
    }

    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What a hit cites beside the file: `lines`, or a place that a person can go to.
    #[must_use]
    pub fn cites(self) -> &'static str {
        self.entry().cites
    }

    /// Goes up when the same file gives another text.
    #[must_use]
    pub fn version(self) -> u32 {
        self.entry().version
    }

    /// The endings that name it, in lower case and without a dot.
    pub fn endings(self) -> impl Iterator<Item = &'static str> {
        self.entry().endings.split_whitespace()
    }

    /// Whether the lines of the text are those of the file: it is stored as it stands, but for codes and escapes in a line.
    #[must_use]
    pub const fn is_verbatim(self) -> bool {
        matches!(self, Self::Markdown | Self::Text | Self::Code | Self::Markup)
    }

    /// Whether what is in its files takes a reader to tell; the text of others is [`Extracted::verbatim`](crate::Extracted::verbatim).
    #[must_use]
    pub const fn has_reader(self) -> bool {
        cfg!(feature = "documents") && !matches!(self, Self::Markdown | Self::Text)
    }

    /// Whether this program reads it: it may be built without the feature `documents`.
    #[must_use]
    pub const fn is_read(self) -> bool {
        cfg!(feature = "documents") || self.is_verbatim() || matches!(self, Self::Converted)
    }

    /// Whether its files are text in some encoding, which is decoded before anything is extracted.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Pdf
                | Self::Word
                | Self::PowerPoint
                | Self::Excel
                | Self::OpenDocument
                | Self::Epub
                | Self::Mail
                | Self::Rtf
                | Self::Converted
        )
    }

    /// The format of a file: as its content shows, where that shows anything, else as its name says. What is neither is
    /// text, if it is anything.
    #[must_use]
    pub fn of_file(name: &str, content: &[u8]) -> Self {
        let said = Ending::of(name);
        // It may begin behind something else, and a note may tell how one begins.
        let head = &content[..content.len().min(HEAD)];
        if said == Ending::Of(Self::Pdf) && has(head, b"%PDF-") {
            return Self::Pdf;
        }
        match (shown(content), said) {
            // An ending of a text format that such content begins by chance.
            (Some(Self::Html), Ending::Of(format)) if format.is_text() => format,
            (Some(format), _) => format,
            (None, Ending::Of(format)) if format.is_text() || format == Self::Mail => format,
            // What is left of one that was cut off.
            (None, Ending::Of(format)) if is_package(content) => format,
            (None, _) => Self::Text,
        }
    }

    fn entry(self) -> &'static FormatRow {
        // The table is in the order of the enum, which a test checks.
        &FORMATS[self as usize]
    }
}

/// How an archive and a compound file begin: the packages of the new Office and of the old one.
const ARCHIVE: &[u8] = b"PK\x03\x04";
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

fn is_package(content: &[u8]) -> bool {
    content.starts_with(ARCHIVE) || content.starts_with(COMPOUND_FILE)
}

/// How far into a file the mark of a format is looked for.
const HEAD: usize = 1024;

/// The format that the content of a file shows; `None` for what is text or nothing we read.
fn shown(content: &[u8]) -> Option<Format> {
    let head = &content[..content.len().min(HEAD)];
    if head.starts_with(b"%PDF-") {
        return Some(Format::Pdf);
    }
    if head.starts_with(ARCHIVE) {
        return in_archive(content);
    }
    if head.starts_with(COMPOUND_FILE) {
        return in_compound_file(content);
    }
    if head.starts_with(b"{\\rtf") {
        return Some(Format::Rtf);
    }
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let begins = |mark: &[u8]| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    (begins(b"<!doctype html") || begins(b"<html")).then_some(Format::Html)
}

/// The names in an archive tell what it holds.
fn in_archive(content: &[u8]) -> Option<Format> {
    let marks: [(&[u8], Format); 7] = [
        (b"word/document", Format::Word),
        (b"ppt/presentation", Format::PowerPoint),
        (b"xl/workbook", Format::Excel),
        (b"mimetypeapplication/vnd.oasis.opendocument", Format::OpenDocument),
        (b"mimetypeapplication/epub+zip", Format::Epub),
        (b"META-INF/container.xml", Format::Epub),
        // What says the type may be compressed.
        (b"META-INF/manifest.xml", Format::OpenDocument),
    ];
    marks.into_iter().find(|(mark, _)| has(content, mark)).map(|(_, format)| format)
}

/// The names of the streams in a compound file of the old Office, in UTF-16.
fn in_compound_file(content: &[u8]) -> Option<Format> {
    let marks = [
        ("WordDocument", Format::Word),
        ("PowerPoint Document", Format::PowerPoint),
        ("Workbook", Format::Excel),
        ("Book", Format::Excel),
        // What a password protects is a stream in such a file; the new Office writes it.
        ("EncryptedPackage", Format::Word),
    ];
    let utf_16 = |mark: &str| mark.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    marks.into_iter().find(|(mark, _)| has(content, &utf_16(mark))).map(|(_, format)| format)
}

fn has(content: &[u8], mark: &[u8]) -> bool {
    memchr::memmem::find(content, mark).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_formats_and_no_ending_stands_twice() {
        let mut endings: Vec<&str> = WITHOUT_TEXT.split_whitespace().collect();
        for (place, entry) in FORMATS.iter().enumerate() {
            assert_eq!(entry.format as usize, place);
            endings.extend(entry.endings.split_whitespace());
        }
        let count = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), count);
    }

    #[test]
    fn the_name_of_a_file_is_what_counts_where_its_content_shows_nothing() {
        assert_eq!(Ending::of("A.MD"), Ending::Of(Format::Markdown));
        assert_eq!(Ending::of("app.min.js"), Ending::WithoutText);
        assert_eq!(Ending::of("a.tar.gz"), Ending::WithoutText);
        assert_eq!(Ending::of("server.key"), Ending::WithoutText);
        for unknown in ["LICENSE", ".md", "notes.", "x.unheard-of"] {
            assert_eq!(Ending::of(unknown), Ending::Unknown, "{unknown}");
            assert_eq!(Format::of_file(unknown, b"some words"), Format::Text, "{unknown}");
        }
        assert_eq!(Format::of_file("main.rs", b"fn main() {}"), Format::Code);
    }

    #[test]
    fn content_counts_for_more_than_an_ending_that_lies() {
        assert_eq!(Format::of_file("report.docx", b"%PDF-1.7 \n"), Format::Pdf);
        assert_eq!(Format::of_file("report.pdf", b"just words"), Format::Text);
        assert_eq!(Format::of_file("report.pdf", b"\r\nmail %PDF-1.7 \n"), Format::Pdf);
        assert_eq!(Format::of_file("pdf.md", b"A file begins with `%PDF-1.7`."), Format::Markdown);
        assert_eq!(Format::of_file("page", b"\n<!DOCTYPE HTML><p>x"), Format::Html);
        assert_eq!(Format::of_file("page.md", b"<html>is a tag"), Format::Markdown);
        assert_eq!(Format::of_file("cut-off.odt", b"PK\x03\x04 and no more"), Format::OpenDocument);
        assert_eq!(Format::of_file("data.csv", b"PK\x03\x04 xl/workbook.xml"), Format::Excel);
        assert_eq!(Format::of_file("x", b"PK\x03\x04 META-INF/manifest.xml"), Format::OpenDocument);
        let mut old: Vec<u8> = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        old.extend("PowerPoint Document".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(Format::of_file("talk.doc", &old), Format::PowerPoint);
    }

    #[test]
    fn templates_and_shows_of_new_office_are_named_by_their_endings_and_their_content() {
        for (name, part, format) in [
            ("a.dotm", "word/document.xml", Format::Word),
            ("a.potx", "ppt/presentation.xml", Format::PowerPoint),
            ("a.potm", "ppt/presentation.xml", Format::PowerPoint),
            ("a.ppsm", "ppt/presentation.xml", Format::PowerPoint),
            ("a.xltx", "xl/workbook.xml", Format::Excel),
            ("a.xltm", "xl/workbook.xml", Format::Excel),
        ] {
            assert_eq!(Ending::of(name), Ending::Of(format), "{name}");
            assert_eq!(Format::of_file(name, format!("PK\x03\x04 {part}").as_bytes()), format, "{name}");
        }
    }

    #[test]
    fn old_templates_and_shows_are_named_by_their_endings_and_others_of_that_name_are_text() {
        let endings = [
            ("a.dot", "WordDocument", Format::Word),
            ("a.pot", "PowerPoint Document", Format::PowerPoint),
            ("a.pps", "PowerPoint Document", Format::PowerPoint),
            ("a.xlt", "Workbook", Format::Excel),
        ];
        for (name, stream, format) in endings {
            // Known by its name, it is read as a whole: the names of its streams may stand at its end.
            assert_eq!(Ending::of(name), Ending::Of(format), "{name}");
            let mut old = [COMPOUND_FILE, &[0; 20_000]].concat();
            old.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
            assert_eq!(Format::of_file(name, &old), format, "{name}");
            for text in ["digraph { a -> b }", "msgid \"Open\"\nmsgstr \"\"\n", ""] {
                assert_eq!(Format::of_file(name, text.as_bytes()), Format::Text, "{name}");
            }
        }
    }
}
