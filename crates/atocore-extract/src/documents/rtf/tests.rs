use super::super::hostile::results_of_damage;
use crate::{error::ExtractError, extract::extract, extracted::Extracted, format::Format};

fn read(body: &str) -> Extracted {
    extract(Format::Rtf, "", format!("{{\\rtf1\\ansi\\ansicpg1252\\deff0 {body}}}").as_bytes()).unwrap()
}

const DOCUMENT: &str = r"{\fonttbl{\f0\froman\fcharset0 Times;}{\f1\fmodern\fcharset0 Courier New;}{\f2\fcharset204 Times Cyr;}}
{\colortbl;\red0;}{\stylesheet{\s0 Normal;}{\s1\outlinelevel0\b heading 1;}{\s7 HeadB;}{\*\cs9 heading 3;}}
{\info{\title Plan {\b of} work}{\author Ann}}{\header every page}
\pard\s1 Pumps\par
\pard Caf\'e9 and \u8364?5, \ldblquote quoted\rdblquote , \f2\'cf\'f0\'e8\f0  \{x\}\~y{\*\unknown gone}{\v hidden}{\deleted old}.{\footnote Since May}\par
\pard\s7 Small ones\par
\pard\f1 let x\par  = 1;\par
\pard\f0{\listtext\tab 1.}One\par{\listtext 2.}Two\par
\pard\intbl Item\cell Cost\cell\row\pard\intbl a\cell 1\cell\row\pard
{\pict\wmetafile8 0102ff}\bin4 }}}}end{\*\atnauthor Bob}{\*\annotation Really?}\par";

#[test]
fn a_document_has_headings_lists_code_tables_notes_and_comments() {
    let out = read(DOCUMENT);
    assert_eq!(
        out.text,
        "# Pumps\n\nCafé and €5, “quoted”, При {x}\u{a0}y.[^1]\n\n[^1]: Since May\n\n## Small ones\n\n```\nlet x\n = 1;\n```\n\n1. One\n2. Two\n\n\
         | Item | Cost |\n| --- | --- |\n| a | 1 |\n\nend\n\nComment by Bob: Really?\n\n"
    );
    let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(locations, ["section Pumps", "section Small ones"]);
    assert_eq!(out.title.as_deref(), Some("Plan of work"));
}

#[test]
fn characters_are_read_in_every_way_they_are_written() {
    for (written, text) in [
        (r"\u-10179?\u-8704?!", "😀!"),
        (r"\uc2\u246\'c3\'b6x", "öx"),
        (r"\uc0\u246 x", "öx"),
        (r"{\uc0{\u246}}\u228?x", "öäx"),
        (r"{\fonttbl{\f3\fcharset128 X;}}\f3\'93\'fa\'96\'7b", "日本"),
        ("one\\\r\ntwo", "one\n\ntwo"),
        (r"a\emdash b\tab c\-d\_e", "a—b\tcd\u{2011}e"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link"),
        (r"\'zz\'", "{"),
    ] {
        let content = format!("{{\\rtf1 {written}}}");
        match extract(Format::Rtf, "", content.as_bytes()) {
            Ok(out) => assert_eq!(out.text.trim(), text, "{written}"),
            Err(error) => assert_eq!((error, text), (ExtractError::NoText, "{"), "{written}"),
        }
    }
}

#[test]
fn nothing_and_damage_are_told_apart() {
    assert_eq!(extract(Format::Rtf, "", br"{\rtf1{\pict 00}}"), Err(ExtractError::NoText));
    for content in [&b""[..], b"text", b"{\\r"] {
        assert!(matches!(extract(Format::Rtf, "", content), Err(ExtractError::Damaged(_))));
    }
}

#[test]
fn damage_costs_the_file_and_nothing_else() {
    let results = results_of_damage(Format::Rtf, format!("{{\\rtf1 {DOCUMENT}}}").as_bytes());
    assert!(matches!(results[0], Err(ExtractError::Damaged(_))));
    assert!(results[19].as_ref().unwrap().text.starts_with("# Pumps"));
}

#[test]
fn groups_without_end_cost_a_limit() {
    let deep = format!("{{\\rtf1 {}", "{".repeat(1_000_000));
    assert!(matches!(extract(Format::Rtf, "", deep.as_bytes()), Err(ExtractError::Limit(_))));
    let wide = format!("{{\\rtf1 {}x}}", "{}{\\footnote a}\\cell".repeat(20_000));
    assert!(extract(Format::Rtf, "", wide.as_bytes()).unwrap().text.len() < 1 << 20);
}
