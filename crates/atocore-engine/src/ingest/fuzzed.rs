//! What others wrote, and what grows out of it, is read without a panic, within its bounds and without losing a word.

use atocore_extract::{Extracted, Format};
use atocore_model::document::ParsedDocument;
use atocore_testkit::fuzz::fuzz;

use super::{
    ChunkLimits,
    blobs::without_blobs,
    front_matter::{self, Header},
    markdown, parse,
};
use crate::decoding::decode;

const FRONT_MATTER: [&str; 6] = [
    "---\ntitle: \"The: title\"\naliases: [k8s, kube]\ntags:\n  - one\n  - Two/words\ndate: 2026-04-06\n---\nbody\n",
    "---\nname: &n Xylo\nl: &l [a, b]\nm: *l\nbase: &b {x: 1}\nmore:\n  <<: *b\n  y: *n\n---\n",
    "---\ntitle: Foo: the bar\nbroken: [a\ndescription: >\n  folded\n  text\nliteral: |\n  a\n   b\n---\n# Top\n",
    "+++\ntitle = 'T'\ntags = ['a', 1.5, ['inner']]\n[author]\nname = \"Ada\"\n[[x]]\ny = 2026-04-06\n+++\nbody\n",
    "---\r\n? complex\r\n: value\r\n\"quoted key\": 'it''s'\r\n# comment\r\n- item\r\n...\r\nbody",
    "---\n\u{e9}t\u{e9}: \u{65e5}\u{672c}\n\ttab: x\n!!str a: !!int 1\n%YAML 1.2\n--- \n---\n",
];

const MARKDOWN: [&str; 7] = [
    "# One ##\ntext words\n\nTwo\nlines\n---\n\n## Three\r\nmore #tag/inner and `code #no`\r\n",
    "Para\nwith lines.\n\n```rust\nfn a() {}\n\n# no heading\n```\nTail\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two\n  - inner\n",
    "> quote\n> # quoted\n>\n> more\n\n[^1]: note\n\n[a]: http://a 'title'\n\n<div>\nhtml caf&eacute;\n</div>\n\n- [ ] task\n",
    "![a](data:image/png;base64,iVBORw0KGgo=) caf&eacute; &nbsp; &#65; &amp;amp; \\&amp; text\n\n&nbsp;\n",
    "\u{feff}#\n\n\t\n* * *\n    indented\n\n1. a\n\n   b\n***\n~~x~~ <b>y</b> <!-- c -->\n",
    "\u{6771}\u{4eac}\u{306e}\u{5168}\u{6587}\u{691c}\u{7d22}\u{3002}\u{7b2c}\u{4e8c}\u{6587}\u{3002} #\u{65e5}\u{672c} \u{1f389}\u{200d}\u{1f389} e\u{301}\n",
    "Words of a long line that goes on and on. And another sentence, to be cut somewhere. And one more of them here.\n",
];

const WORDS: [&str; 30] = [
    "---\n",
    "+++\n",
    "...\n",
    "\n\n",
    "\r\n",
    "\r",
    "# ",
    "```\n",
    "~~~",
    "- ",
    "> ",
    "|",
    "&a ",
    "*a",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "<!--",
    "-->",
    "<<: *a\n",
    "&amp;",
    "data:image/png;base64,",
    "#tag",
    "\u{2028}",
    "\0",
    "    ",
];

fn bytes<const N: usize>(texts: [&'static str; N]) -> [&'static [u8]; N] {
    texts.map(str::as_bytes)
}

#[test]
fn fuzzed_front_matter_is_read_within_its_bounds() {
    let tried = fuzz(600, &bytes(FRONT_MATTER), &WORDS, |input| {
        let text = String::from_utf8_lossy(input);
        match front_matter::read(&text) {
            Header::Read { front_matter, telling, content, end } => {
                assert!(content.end <= end && text.is_char_boundary(end));
                for part in telling {
                    assert!(content.start <= part.start && part.end <= content.end && !text[part].is_empty());
                }
                assert!(front_matter.fields.len() <= 1_000 && front_matter.faults.len() <= 7);
                let kept = front_matter.fields.iter().flat_map(|field| field.value.texts()).map(String::len);
                assert!(kept.sum::<usize>() <= 128 * 1024);
            }
            Header::Malformed { end, .. } => assert!(text.is_char_boundary(end)),
            Header::Absent => {}
        }
    });
    println!("{} inputs", tried.unwrap());
}

#[test]
fn fuzzed_markdown_is_chunked_and_no_word_is_lost() {
    let mut corpus = bytes(MARKDOWN).to_vec();
    corpus.extend(bytes(FRONT_MATTER));
    let limits = ChunkLimits::new(120, 30).unwrap();
    let tried = fuzz(100, &corpus, &WORDS, |input| {
        let text = String::from_utf8_lossy(input);
        for format in [Format::Markdown, Format::Text] {
            let document = parse(format, "a-name.md", &text, limits);
            check(&text, &document, limits);
            if text.len() <= 4096 {
                check_words(&Extracted::verbatim(format, &text).text, &document);
            }
        }
    });
    println!("{} inputs", tried.unwrap());
}

fn check(text: &str, document: &ParsedDocument, limits: ChunkLimits) {
    let lines = u32::try_from(text.matches('\n').count() + 1).unwrap();
    assert!(!document.chunks.is_empty() && !document.title.trim().is_empty());
    let mut last = (0, 0);
    for chunk in &document.chunks {
        let span = (chunk.lines.first, chunk.lines.last);
        assert!(last <= span && 1 <= span.0 && span.0 <= span.1 && span.1 <= lines, "{span:?} of {lines}");
        last = span;
        let is_title = chunk.text == document.title;
        let size = chunk.text.chars().count();
        assert!(!chunk.text.trim().is_empty() && (is_title || size <= limits.max_chars()));
    }
}

/// Asserts that every word outside of headings stands in a passage that cites its line. Lines that are long enough to be cut
/// within a word, and those in which a character is written by its name, are passed over.
fn check_words(text: &str, document: &ParsedDocument) {
    let text = without_blobs(text.strip_prefix('\u{feff}').unwrap_or(text));
    let (mut from, mut headings) = (0, Vec::new());
    if document.format == "markdown" {
        if let Header::Read { end, .. } = front_matter::read(&text) {
            from = end;
        }
        let body = match front_matter::read(&text) {
            Header::Read { end, .. } | Header::Malformed { end, .. } => end,
            Header::Absent => 0,
        };
        let sections = markdown::structure(&text, body).sections;
        headings
            .extend(sections.into_iter().filter_map(|section| section.heading).map(|heading| heading.span));
    }
    let mut offset = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let at = offset;
        offset += line.len();
        let is_heading = headings.iter().any(|span| span.start < offset && at < span.end);
        if at < from || is_heading || line.chars().count() > 60 || line.contains('&') {
            continue;
        }
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            let cites = |chunk: &&atocore_model::document::ChunkDraft| {
                (chunk.lines.first..=chunk.lines.last).contains(&number) && chunk.text.contains(word)
            };
            assert!(document.chunks.iter().any(|chunk| cites(&chunk)), "{word:?} of line {number} is lost");
        }
    }
}

#[test]
fn fuzzed_bytes_are_text_or_are_not() {
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let wide = utf_16("\u{feff}The keys of the gate.\nCaf\u{e9} \u{65e5}\u{672c}\n");
    let bare = utf_16("The keys of the gate.\nCaf\u{e9} \u{65e5}\u{672c}\n");
    let corpus: [&[u8]; 6] = [
        &wide,
        &bare,
        b"Die Schl\xfcssel f\xfcr das Tor liegen im B\xfcro.\r\n",
        b"\x96\xe5\x82\xcc\x8c\xae\x82\xcd\x8e\x96\x96\xb1\x8f\x8a\x82\xc9\x82\xa0\x82\xe8\x82\xdc\x82\xb7\x81B\n",
        b"\x1b$B8!:w\x1b(B and more\n",
        "Gr\u{fc}\u{df}e aus K\u{f6}ln, \u{41a}\u{43b}\u{44e}\u{447}\u{438}\n".as_bytes(),
    ];
    let dictionary = ["\0", "\u{feff}", "\u{fe}\u{ff}", "\n", " ", "\u{e9}", "\u{1b}$B", "\u{7f}", "\u{1}"];
    let tried = fuzz(300, &corpus, &dictionary, |input| {
        let Ok(decoded) = decode(input) else { return };
        assert!(!decoded.text.contains('\0'));
        assert_eq!(decode(input).as_ref(), Ok(&decoded));
        if decoded.encoding == "UTF-8" {
            let text = std::str::from_utf8(input).unwrap();
            assert_eq!(text.strip_prefix('\u{feff}').unwrap_or(text), decoded.text);
        }
    });
    println!("{} inputs", tried.unwrap());
}
