use super::super::{archive::tests::zipped, hostile::results_of_damage};
use crate::{
    error::ExtractError,
    extract::extract,
    extracted::{Extracted, TextStructure},
    format::Format,
};

fn document(kind: &str, styles: &str, body: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:automatic-styles>{styles}</office:automatic-styles>\
         <office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    );
    zipped(&[
        ("mimetype", format!("application/vnd.oasis.opendocument.{kind}")),
        ("content.xml", content),
        (
            "meta.xml",
            "<office:meta><dc:title>Plan</dc:title><dc:subject>x</dc:subject></office:meta>".to_owned(),
        ),
        ("META-INF/manifest.xml", "<manifest:manifest/>".to_owned()),
    ])
}

fn read(kind: &str, body: &str) -> Extracted {
    let styles = r#"<style:style style:name="P1" style:parent-style-name="Preformatted_20_Text"/>
        <style:style style:name="P2" style:parent-style-name="P2"/>"#;
    extract(Format::OpenDocument, "", &document(kind, styles, body)).unwrap()
}

fn locations(out: &Extracted) -> Vec<&str> {
    out.locations.iter().map(|place| place.name.as_str()).collect()
}

const TEXT: &str = r#"<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
    <text:table-of-content><text:p>Pumps 3</text:p></text:table-of-content>
    <text:h text:outline-level="2">Pumps</text:h>
    <text:p text:style-name="P2">One<text:s text:c="2"/>two<text:tab/>&amp;<text:line-break/># three<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Since May</text:p></text:note-body></text:note><office:annotation><dc:creator>Ann</dc:creator><dc:date>2026</dc:date><text:p>Really?</text:p></office:annotation></text:p>
    <text:p text:style-name="P1">let x</text:p><text:p text:style-name="P1"><text:s text:c="2"/>= 1;</text:p>
    <text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>deeper</text:p></text:list-item></text:list></text:list-item></text:list>
    <table:table><table:table-row><table:table-cell><text:p>Item</text:p></table:table-cell><table:table-cell><text:p>Cost</text:p></table:table-cell></table:table-row>
      <table:table-row><table:table-cell><text:p>a</text:p><office:annotation><text:p>cheap</text:p></office:annotation></table:table-cell><table:covered-table-cell/></table:table-row></table:table>
    <text:p><draw:frame><svg:title>picture</svg:title><draw:text-box><text:p>in
 a box</text:p></draw:text-box></draw:frame>around</text:p>"#;

#[test]
fn a_text_has_headings_lists_code_tables_notes_and_comments() {
    let out = read("text", TEXT);
    assert_eq!(
        out.text,
        "## Pumps\n\nOne  two\t&\n\\# three[^1]\n\nComment by Ann: Really?\n\n```\nlet x\n  = 1;\n```\n\n\
         - one\n  - deeper\n\n| Item | Cost |\n| --- | --- |\n| a Comment: cheap |\n\nin a box\n\naround\n\n\
         [^1]: Since May\n\n"
    );
    assert_eq!(locations(&out), ["section Pumps"]);
    assert_eq!(out.title.as_deref(), Some("Plan"));
}

#[test]
fn a_field_with_the_title_of_a_document_is_text_and_the_title_of_a_picture_is_not() {
    let body = "<text:p>Of <text:title>Pumps</text:title>: <draw:frame><svg:title>picture</svg:title></draw:frame>all</text:p>";
    assert_eq!(read("text", body).text, "Of Pumps: all\n\n");
}

const SHEETS: &str = r#"<table:table table:name="Budget"><table:table-column/><table:table-header-rows><table:table-row>
      <table:table-cell/><table:table-cell><text:p>Item</text:p></table:table-cell><table:table-cell><text:p>Share</text:p></table:table-cell></table:table-row></table:table-header-rows>
    <table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>
    <table:table-row table:number-rows-repeated="2"><table:table-cell/><table:table-cell><text:p>Pump</text:p></table:table-cell>
      <table:table-cell office:value="0.125"><office:annotation><text:p>check</text:p></office:annotation><text:p>12.5 %</text:p></table:table-cell></table:table-row>
    <table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>
    <table:table table:name="Same"><table:table-row><table:table-cell table:number-columns-repeated="3"><text:p>x</text:p></table:table-cell></table:table-row></table:table>"#;

#[test]
fn rows_of_a_sheet_have_their_numbers_and_what_is_shown() {
    let out = read("spreadsheet", SHEETS);
    assert_eq!(
        out.text,
        "Item; Share\nItem: Pump; Share: 12.5 % (Comment: check)\nItem: Pump; Share: 12.5 % (Comment: check)\nx; x; x\n"
    );
    assert_eq!(
        locations(&out),
        ["sheet Budget, B1:C1", "sheet Budget, B5:C5", "sheet Budget, B6:C6", "sheet Same, A1:C1"]
    );
    let TextStructure::Sections(sections) = out.structure else { panic!("no sections") };
    assert_eq!(sections[1].path, ["Same"]);
}

const PAGES: &str = r#"<draw:page><draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item><text:p>First</text:p></text:list-item></text:list></draw:text-box></draw:frame>
      <draw:frame presentation:class="title"><draw:text-box><text:p>Costs</text:p></draw:text-box></draw:frame>
      <draw:frame presentation:class="footer"><draw:text-box><text:p>every page</text:p></draw:text-box></draw:frame>
      <presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>Slowly</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
    <draw:page/><draw:page><draw:custom-shape><text:p>No title</text:p></draw:custom-shape>
      <draw:frame><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row>
      <table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><text:p>2</text:p></table:table-cell></table:table-row></table:table></draw:frame></draw:page>"#;

#[test]
fn pages_of_a_presentation_have_their_numbers() {
    let out = read("presentation", PAGES);
    assert_eq!(
        out.text,
        "# Costs\n\nFirst\n\nNotes: Slowly\n\n# Slide 3\n\nNo title\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n"
    );
    assert_eq!(locations(&out), ["slide 1", "slide 3"]);
}

#[test]
fn a_password_nothing_and_damage_are_told_apart() {
    let protected = zipped(&[("content.xml", "x"), ("META-INF/manifest.xml", "<manifest:encryption-data/>")]);
    assert_eq!(extract(Format::OpenDocument, "", &protected), Err(ExtractError::Encrypted));
    let empty = document("text", "", "<text:p/>");
    assert_eq!(extract(Format::OpenDocument, "", &empty), Err(ExtractError::NoText));
    for content in
        [b"".to_vec(), b"PK\x03\x04".to_vec(), zipped(&[("a", "b")]), zipped(&[("content.xml", "<a>")])]
    {
        let result = extract(Format::OpenDocument, "", &content);
        assert!(matches!(result, Err(ExtractError::Damaged(_))), "{result:?}");
    }
}

#[test]
fn damage_costs_the_file_and_nothing_else() {
    for (kind, body) in [("text", TEXT), ("spreadsheet", SHEETS), ("presentation", PAGES)] {
        for result in results_of_damage(Format::OpenDocument, &document(kind, "", body)) {
            assert!(matches!(result, Err(ExtractError::Damaged(_))), "{result:?}");
        }
    }
}

#[test]
fn repeated_cells_and_rows_that_hold_text_have_an_end() {
    let body = format!(
        r#"<table:table table:name="x"><table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"><text:p>{}</text:p></table:table-cell></table:table-row></table:table>"#,
        "long ".repeat(1000)
    );
    let out = read("spreadsheet", &body);
    assert!(out.text.len() < 4 << 20, "{}", out.text.len());
    assert_eq!(out.locations.len(), 3);
}

#[test]
fn deep_nesting_is_read() {
    let depth = 50_000;
    let body = format!(
        "{}<text:p>deep</text:p>{}",
        "<text:list><text:list-item>".repeat(depth),
        "</text:list-item></text:list>".repeat(depth)
    );
    assert_eq!(read("text", &body).text.trim(), "- deep");
}
