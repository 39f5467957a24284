use std::io::{Cursor, Write};

use super::super::{archive::tests::zipped, hostile::results_of_damage};
use crate::{
    error::ExtractError,
    extract::extract,
    extracted::{Extracted, TextStructure},
    format::Format,
};

const TYPES: &str = "<Types/>";
const ROOT: &str = r#"<Relationships><Relationship Id="rId1" Type="http://x/relationships/officeDocument" Target="T"/></Relationships>"#;

fn office(format: Format, files: &[(&str, &str)]) -> Vec<u8> {
    let main = match format {
        Format::Word => "word/document.xml",
        Format::PowerPoint => "ppt/presentation.xml",
        _ => "xl/workbook.xml",
    };
    let root = ROOT.replace('T', "#").replace("#ype", "Type").replace("#arget", "Target").replace('#', main);
    let mut all = vec![("[Content_Types].xml", TYPES), ("_rels/.rels", root.as_str())];
    all.extend(files);
    zipped(&all)
}

fn names(out: &Extracted) -> Vec<(usize, &str)> {
    out.locations.iter().map(|place| (place.from, place.name.as_str())).collect()
}

/// A Word document of this body.
fn word(body: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let document = format!("<w:document><w:body>{body}</w:body></w:document>");
    let mut files = vec![
        ("word/document.xml", document.as_str()),
        ("word/_rels/document.xml.rels", "<Relationships/>"),
        (
            "word/styles.xml",
            r#"<w:styles><w:style w:type="paragraph" w:styleId="HA"><w:name w:val="HeadA"/></w:style>
               <w:style w:type="paragraph" w:styleId="2"><w:name w:val="heading 2"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
               <w:style w:type="paragraph" w:styleId="C"><w:name w:val="Code"/></w:style></w:styles>"#,
        ),
    ];
    files.extend(more);
    office(Format::Word, &files)
}

fn paragraph(style: &str, text: &str) -> String {
    format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#)
}

fn read_word(body: &str, more: &[(&str, &str)]) -> Extracted {
    extract(Format::Word, "", &word(body, more)).unwrap()
}

#[test]
fn a_word_document_has_headings_code_lists_and_tables() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let body = [
        paragraph("HA", "Pumps"),
        paragraph("", "# All &amp; everything"),
        paragraph("2", "Small ones"),
        paragraph("C", "let x"),
        paragraph("C", ""),
        paragraph("C", "  = 1;"),
        paragraph("ListBullet", "one"),
        paragraph("ListBullet", "two"),
        format!(
            "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
            cell("Item"),
            cell("Cost"),
            cell("a"),
            cell("1")
        ),
    ]
    .concat();
    let out = read_word(&body, &[("docProps/core.xml", "<p><dc:title>Catalogue</dc:title></p>")]);
    assert_eq!(
        out.text,
        "# Pumps\n\n\\# All & everything\n\n## Small ones\n\n```\nlet x\n\n  = 1;\n```\n\n- one\n- two\n\n\
         | Item | Cost |\n| --- | --- |\n| a | 1 |\n\n"
    );
    assert_eq!(names(&out), [(0, "section Pumps"), (30, "section Small ones")]);
    assert_eq!((out.structure, out.title.as_deref()), (TextStructure::Markdown, Some("Catalogue")));
}

#[test]
fn an_outline_level_of_one_paragraph_is_a_heading_and_a_style_that_was_changed_is_none() {
    let body = [
        r#"<w:p><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>Own level</w:t></w:r></w:p>"#,
        r#"<w:p><w:pPr><w:pStyle w:val="HA"/><w:pPrChange><w:pPr><w:pStyle w:val="C"/></w:pPr></w:pPrChange></w:pPr><w:r><w:t>Now</w:t></w:r></w:p>"#,
        r#"<w:p><w:pPr><w:pStyle w:val="B"/><w:pPrChange><w:pPr><w:pStyle w:val="HA"/></w:pPr></w:pPrChange></w:pPr><w:r><w:t>Before</w:t></w:r></w:p>"#,
    ]
    .concat();
    assert_eq!(read_word(&body, &[]).text, "### Own level\n\nNow\n\nBefore\n\n");
    let body = body.replace(r#""HA"/><w:pPrChange"#, r#""HeadB"/><w:pPrChange"#);
    assert_eq!(read_word(&body, &[]).text, "### Own level\n\n## Now\n\nBefore\n\n");
}

#[test]
fn comments_notes_and_inserted_text_are_text_and_deleted_text_is_not() {
    let comment = |id, text| {
        format!(
            r#"<w:comment w:id="{id}" w:author="Ann"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:comment>"#
        )
    };
    let comments =
        format!("<w:comments>{}{}</w:comments>", comment(0, "Really?"), comment(1, "In no paragraph"));
    let body = r#"<w:p><w:r><w:t>It is</w:t></w:r><w:ins><w:r><w:t> new</w:t></w:r></w:ins>
        <w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:r><w:footnoteReference w:id="2"/></w:r>
        <w:r><w:commentReference w:id="0"/></w:r></w:p><w:p><w:r><w:t>End</w:t></w:r></w:p>"#;
    let footnotes = r#"<w:footnotes><w:footnote w:id="2"><w:p><w:r><w:t>Since May</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let out = read_word(body, &[("word/comments.xml", &comments), ("word/footnotes.xml", footnotes)]);
    assert_eq!(
        out.text,
        "It is new[^2]\n\nComment by Ann: Really?\n\nEnd\n\n[^2]: Since May\n\nComment by Ann: In no paragraph\n\n"
    );
}

#[test]
fn notes_stand_in_the_section_that_refers_to_them_and_their_paragraphs_are_apart() {
    let refer = |kind: &str, id: u8| format!(r#"<w:r><w:{kind}Reference w:id="{id}"/></w:r>"#);
    let text = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let cell = |text: &str| format!("<w:tc><w:p>{text}</w:p></w:tc>");
    let row = |one: &str, other: &str| format!("<w:tr>{}{}</w:tr>", cell(one), cell(other));
    let table = row(&text("a"), &text("b")) + &row(&text("c"), &(text("d") + &refer("footnote", 2)));
    let heading = paragraph("HA", "Two").replace("</w:p>", &(refer("endnote", 1) + "</w:p>"));
    let body = [
        paragraph("HA", "One"),
        format!("<w:p>{}{}</w:p><w:tbl>{table}</w:tbl>", text("p"), refer("footnote", 1)),
        heading,
        paragraph("", "q"),
    ];
    let note = |id: u8, body: &str| format!(r#"<w:footnote w:id="{id}">{body}</w:footnote>"#);
    let first = format!("<w:p>{}</w:p><w:p>{}<w:r><w:tab/><w:t>z</w:t></w:r></w:p>", text("x"), text("y"));
    let footnotes = [note(1, &first), note(2, &paragraph("", "in table")), note(3, &paragraph("", "lost"))];
    let footnotes = format!("<w:footnotes>{}</w:footnotes>", footnotes.concat());
    let endnotes = format!("<w:endnotes>{}</w:endnotes>", note(1, &paragraph("", "of heading")));
    let endnotes = endnotes.replace("footnote", "endnote");
    let out =
        read_word(&body.concat(), &[("word/footnotes.xml", &footnotes), ("word/endnotes.xml", &endnotes)]);
    assert_eq!(
        out.text,
        "# One\n\np[^1]\n\n| a | b |\n| --- | --- |\n| c | d[^2] |\n\n[^1]: x y z\n\n[^2]: in table\n\n\
         # Two[^e1]\n\nq\n\n[^e1]: of heading\n\n[^3]: lost\n\n"
    );
    let names: Vec<_> = names(&out).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["section One", "section Two"]);
}

#[test]
fn damaged_notes_cost_what_follows_in_them_and_no_document() {
    let footnotes = format!(
        r#"<w:footnotes><w:footnote w:id="1">{}</w:footnote><w:footnote w:id="2"></w:p>"#,
        paragraph("", "kept")
    );
    let body = r#"<w:p><w:r><w:t>text</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r></w:p>"#;
    assert_eq!(read_word(body, &[("word/footnotes.xml", &footnotes)]).text, "text[^1]\n\n[^1]: kept\n\n");
}

#[test]
fn equations_in_a_word_document_are_text() {
    let equation = |text: &str| format!("<m:oMath><m:r><m:t>{text}</m:t></m:r></m:oMath>");
    let body = format!(
        "<w:p><w:r><w:t>so </w:t></w:r>{}<w:r><w:t> is</w:t></w:r></w:p><w:p><m:oMathPara>{}{}</m:oMathPara></w:p>",
        equation("a &lt; b"),
        equation("c"),
        equation("d")
    );
    assert_eq!(read_word(&body, &[]).text, "so a &lt; b is\n\nc d\n\n".replace("&lt;", "<"));
}

#[test]
fn the_parts_of_a_word_document_are_found_by_what_refers_to_them() {
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="http://x/relationships/{kind}" Target="{target}"/>"#)
    };
    for (main, relations) in [
        ("word/document2.xml", "word/_rels/document2.xml.rels"),
        ("doc/main.xml", "doc/_rels/main.xml.rels"),
        ("main.xml", "_rels/main.xml.rels"),
    ] {
        let root = format!(
            "<Relationships>{}</Relationships>",
            relation("r", "officeDocument", &format!("/{main}"))
        );
        let parts = [("styles", "s"), ("footnotes", "f"), ("comments", "c")]
            .map(|(kind, name)| relation(name, kind, &format!("/word/other/{name}.xml")));
        let body = paragraph("X", "Pumps")
            + r#"<w:p><w:r><w:t>text</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>"#;
        let document = format!("<w:document><w:body>{body}</w:body></w:document>");
        let content = zipped(&[
            ("[Content_Types].xml", TYPES),
            ("_rels/.rels", root.as_str()),
            (main, document.as_str()),
            (relations, format!("<Relationships>{}</Relationships>", parts.concat()).as_str()),
            (
                "word/other/s.xml",
                r#"<w:styles><w:style w:type="paragraph" w:styleId="X"><w:name w:val="HeadA"/></w:style></w:styles>"#,
            ),
            (
                "word/other/f.xml",
                &format!(
                    r#"<w:footnotes><w:footnote w:id="1">{}</w:footnote></w:footnotes>"#,
                    paragraph("", "note")
                ),
            ),
            (
                "word/other/c.xml",
                &format!(
                    r#"<w:comments><w:comment w:id="0">{}</w:comment></w:comments>"#,
                    paragraph("", "why")
                ),
            ),
        ]);
        let out = extract(Format::Word, "", &content).unwrap();
        assert_eq!(out.text, "# Pumps\n\ntext[^1]\n\nComment: why\n\n[^1]: note\n\n", "{main}");
    }
}

const SLIDE: &str = r#"<p:sld><p:cSld><p:spTree>
    <p:sp><p:nvPr><p:ph type="sldNum"/></p:nvPr><p:txBody><a:p><a:fld><a:t>3</a:t></a:fld></a:p></p:txBody></p:sp>
    <p:sp><p:txBody><a:p><a:r><a:t>First </a:t></a:r><a:r><a:t>point</a:t></a:r></a:p><a:p/></p:txBody></p:sp>
    <p:sp><p:nvPr><p:ph type="title"/></p:nvPr><p:txBody><a:p><a:r><a:t>Costs</a:t></a:r></a:p></p:txBody></p:sp>
    <p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Item</a:t></a:r></a:p></a:txBody></a:tc>
      <a:tc><a:txBody><a:p><a:r><a:t>Price</a:t></a:r></a:p></a:txBody></a:tc></a:tr>
      <a:tr><a:tc><a:txBody><a:p><a:r><a:t>Pump</a:t></a:r></a:p></a:txBody></a:tc>
      <a:tc><a:txBody><a:p><a:r><a:t>9</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>
    </p:spTree></p:cSld></p:sld>"#;

fn presentation() -> Vec<u8> {
    let text = |text: &str| format!("<p:sld><p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp></p:sld>");
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="http://x/relationships/{kind}" Target="{target}"/>"#)
    };
    let relations = |all: &[String]| format!("<Relationships>{}</Relationships>", all.concat());
    let slides: Vec<_> =
        (1..=3).map(|n| relation(&format!("r{n}"), "slide", &format!("slides/slide{n}.xml"))).collect();
    let of_third = [
        relation("a", "notesSlide", "../notesSlides/notesSlide1.xml"),
        relation("b", "comments", "/ppt/comments/comment1.xml"),
        relation("c", "chart", "../charts/chart1.xml"),
    ];
    let notes = r#"<p:notes><p:sp><p:ph type="sldImg"/></p:sp><p:sp><p:ph type="body"/><a:p><a:r><a:t>Say it slowly</a:t></a:r></a:p></p:sp>
        <p:sp><p:ph type="sldNum"/><a:p><a:t>1</a:t></a:p></p:sp></p:notes>"#;
    office(
        Format::PowerPoint,
        &[
            (
                "ppt/presentation.xml",
                r#"<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r3"/><p:sldId id="257" r:id="r2"/><p:sldId id="258" r:id="r1"/></p:sldIdLst></p:presentation>"#,
            ),
            ("ppt/_rels/presentation.xml.rels", &relations(&slides)),
            ("ppt/slides/slide1.xml", &text("No title here")),
            ("ppt/slides/slide2.xml", "<p:sld/>"),
            ("ppt/slides/slide3.xml", SLIDE),
            ("ppt/slides/_rels/slide3.xml.rels", &relations(&of_third)),
            ("ppt/notesSlides/notesSlide1.xml", notes),
            ("ppt/comments/comment1.xml", "<p:cmLst><p:cm><p:text>Too dear</p:text></p:cm></p:cmLst>"),
            (
                "ppt/charts/chart1.xml",
                "<c:chart><c:strCache><c:pt><c:v>East</c:v></c:pt></c:strCache><c:numCache><c:v>77</c:v></c:numCache></c:chart>",
            ),
            ("docProps/core.xml", "<p><dc:title>PowerPoint Presentation</dc:title></p>"),
        ],
    )
}

#[test]
fn slides_have_their_numbers_in_the_order_of_the_presentation() {
    let out = extract(Format::PowerPoint, "", &presentation()).unwrap();
    assert_eq!(
        out.text,
        "# Costs\n\nFirst point\n\n| Item | Price |\n| --- | --- |\n| Pump | 9 |\n\nEast\n\nNotes: Say it slowly\n\n\
         Comment: Too dear\n\n# Slide 3\n\nNo title here\n\n"
    );
    let third = out.text.find("# Slide 3").unwrap();
    assert_eq!(names(&out), [(0, "slide 1"), (third, "slide 3")]);
    assert_eq!(out.title, None);
}

fn workbook() -> Vec<u8> {
    let sheet = r#"<worksheet><sheetData>
        <row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><t>When</t></is></c><c r="D2" t="str"><v>Share</v></c></row>
        <row r="7"><c r="B7" t="s"><v>1</v></c><c r="C7" s="1"><v>45943.5</v></c><c r="D7" s="2"><v>0.125</v></c><c r="XFD7" s="1"/></row>
        <row r="8"><c r="B8"><v>0.30000000000000004</v></c><c r="C8" s="1"><v>45943</v></c><c r="D8" t="b"><v>1</v></c></row>
        </sheetData></worksheet>"#;
    office(
        Format::Excel,
        &[
            (
                "xl/workbook.xml",
                r#"<workbook xmlns:r="r"><sheets><sheet name="R&amp;D" sheetId="1" r:id="r1"/><sheet name="Empty" sheetId="2" r:id="r2"/></sheets></workbook>"#,
            ),
            (
                "xl/_rels/workbook.xml.rels",
                r#"<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://x/worksheet" Target="worksheets/sheet2.xml"/></Relationships>"#,
            ),
            (
                "xl/sharedStrings.xml",
                "<sst><si><t>Item</t></si><si><r><t xml:space='preserve'>Pump </t></r><r><t>&amp; valve</t></r></si></sst>",
            ),
            (
                "xl/styles.xml",
                r#"<styleSheet><numFmts count="1"><numFmt numFmtId="170" formatCode="0.0%"/></numFmts><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>"#,
            ),
            ("xl/worksheets/sheet1.xml", sheet),
            ("xl/worksheets/sheet2.xml", "<worksheet><sheetData/></worksheet>"),
            (
                "xl/worksheets/_rels/sheet1.xml.rels",
                r#"<Relationships><Relationship Id="a" Type="http://x/comments" Target="../comments1.xml"/></Relationships>"#,
            ),
            (
                "xl/comments1.xml",
                r#"<comments><commentList><comment ref="B7"><text><t>Check it</t></text></comment></commentList></comments>"#,
            ),
        ],
    )
}

#[test]
fn rows_of_a_sheet_have_their_numbers_and_values_as_they_are_shown() {
    let out = extract(Format::Excel, "", &workbook()).unwrap();
    assert_eq!(
        out.text,
        "Item; When; Share\nItem: Pump & valve; When: 2025-10-13 12:00; Share: 12.5%\n\
         Item: 0.3; When: 2025-10-13; Share: TRUE\nComment on B7: Check it\n"
    );
    let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(locations, ["sheet R&D, B2:D2", "sheet R&D, B7:D7", "sheet R&D, B8:D8", "sheet R&D, B7"]);
    let TextStructure::Sections(sections) = out.structure else { panic!("no sections") };
    assert_eq!(
        (sections.len(), sections[0].from, sections[0].path.as_slice()),
        (1, 0, &["R&D".to_owned()][..])
    );
}

#[test]
fn notes_on_cells_are_read_beside_threads_and_a_thread_is_said_once() {
    let content = office(
        Format::Excel,
        &[
            (
                "xl/workbook.xml",
                r#"<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#,
            ),
            (
                "xl/_rels/workbook.xml.rels",
                r#"<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
            ),
            (
                "xl/worksheets/sheet1.xml",
                r#"<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>"#,
            ),
            (
                "xl/worksheets/_rels/sheet1.xml.rels",
                r#"<Relationships><Relationship Id="a" Type="http://x/comments" Target="../comments1.xml"/><Relationship Id="b" Type="http://x/threadedComment" Target="../threads.xml"/></Relationships>"#,
            ),
            (
                "xl/comments1.xml",
                r#"<comments><commentList><comment ref="A1"><text><t>old note</t></text></comment><comment ref="B2"><text><t>[Threaded comment] Buy! thread</t></text></comment><comment ref="C3"><text><t>[1] other</t></text></comment></commentList></comments>"#,
            ),
            (
                "xl/threads.xml",
                r#"<ThreadedComments><threadedComment ref="B2"><text>thread</text></threadedComment><threadedComment ref="B2"><text>reply</text></threadedComment></ThreadedComments>"#,
            ),
        ],
    );
    assert_eq!(
        extract(Format::Excel, "", &content).unwrap().text,
        "1\nComment on B2: thread\nComment on B2: reply\nComment on A1: old note\nComment on C3: [1] other\n"
    );
}

/// A compound file of the old Office with one stream.
fn compound(stream: &str, content: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream(stream).unwrap().write_all(content).unwrap();
    file.into_inner().into_inner()
}

/// The records of an old workbook of one sheet: `A` in B3, 1.5 in C3.
fn old_workbook(protection: &[u8]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
    };
    let begin = |kind: u16| record(0x809, &[&[0, 6][..], &kind.to_le_bytes(), &[0; 12]].concat());
    let end = record(0x0a, &[]);
    let sheet_name = |offset: u32| record(0x85, &[&offset.to_le_bytes()[..], &[0, 0, 3, 0], b"Old"].concat());
    let globals = begin(5).len() + protection.len() + sheet_name(0).len() + end.len();
    [
        begin(5),
        protection.to_vec(),
        sheet_name(u32::try_from(globals).unwrap()),
        end.clone(),
        begin(0x10),
        record(0x204, &[&[2, 0, 1, 0, 0, 0, 1, 0, 0][..], b"A"].concat()),
        record(0x203, &[&[2, 0, 2, 0, 0, 0][..], &1.5f64.to_le_bytes()].concat()),
        end,
    ]
    .concat()
}

#[test]
fn an_old_workbook_is_read_and_its_password_is_noticed() {
    let out = extract(Format::Excel, "", &compound("/Workbook", &old_workbook(&[]))).unwrap();
    assert_eq!(out.text, "B: A; C: 1.5\n");
    assert_eq!(names(&out), [(0, "sheet Old, B3:C3")]);
    let protected = old_workbook(&[0x2f, 0, 6, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(extract(Format::Excel, "", &compound("/Workbook", &protected)), Err(ExtractError::Encrypted));
}

#[test]
fn a_password_and_damage_are_told_apart_from_nothing() {
    assert_eq!(
        extract(Format::Word, "", &compound("/EncryptedPackage", b"x")).unwrap_err(),
        ExtractError::Encrypted
    );
    for stream in ["/WordDocument", "/PowerPoint Document", "/Workbook"] {
        for content in [&b""[..], &[7; 3000][..]] {
            let result = extract(Format::Word, "", &compound(stream, content));
            assert!(matches!(result, Err(ExtractError::Damaged(_))), "{stream} {result:?}");
        }
    }
    for content in [&b""[..], b"PK\x03\x04", b"no archive", &zipped(&[("a", "b")])] {
        assert!(matches!(extract(Format::Word, "", content), Err(ExtractError::Damaged(_))));
    }
    assert_eq!(extract(Format::Word, "", &word("<w:p/>", &[])), Err(ExtractError::NoText));
    assert_eq!(
        extract(Format::PowerPoint, "", &office(Format::PowerPoint, &[("ppt/presentation.xml", "<p/>")])),
        Err(ExtractError::NoText)
    );
}

#[test]
fn the_file_tells_what_it_is_not_its_format() {
    for format in [Format::Word, Format::PowerPoint, Format::Excel] {
        assert!(extract(format, "", &workbook()).unwrap().text.contains("Pump & valve"));
    }
}

#[test]
fn damage_costs_the_file_and_nothing_else() {
    let body = paragraph("HA", "Pumps") + &paragraph("", "words");
    for (format, content) in
        [(Format::Word, word(&body, &[])), (Format::PowerPoint, presentation()), (Format::Excel, workbook())]
    {
        for result in results_of_damage(format, &content) {
            assert!(matches!(result, Err(ExtractError::Damaged(_))), "{result:?}");
        }
    }
    results_of_damage(Format::Excel, &compound("/Workbook", &old_workbook(&[])));
}

#[test]
fn a_bomb_costs_a_limit_or_damage() {
    let zeros = " ".repeat(64 << 20);
    let bombs = [
        word(&format!("<w:p><w:r><w:t>{zeros}</w:t></w:r></w:p>"), &[]),
        office(Format::PowerPoint, &[("ppt/presentation.xml", &zeros)]),
    ];
    for bomb in bombs {
        let result = extract(Format::Word, "", &bomb);
        assert!(matches!(result, Err(ExtractError::Limit(_) | ExtractError::Damaged(_))), "{result:?}");
    }
}

#[test]
fn deep_nesting_is_read() {
    let depth = 20_000_usize;
    // Numbers, or it would be taken for a bomb.
    let begins: String = (0..depth).map(|n| format!("<w:sdt n='{}'>", n * 7919 % 65_537)).collect();
    let nested = format!("{begins}<w:p><w:r><w:t>deep</w:t></w:r></w:p>{}", "</w:sdt>".repeat(depth));
    assert_eq!(read_word(&nested, &[]).text, "deep\n\n");
}
