use std::fmt::Write;

use super::*;

/// A PDF whose pages show these lines of text, a picture where there are none, and both where the first one begins so: then
/// the text is behind the picture.
fn pdf(title: &str, pages: &[&[&str]]) -> Vec<u8> {
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", 5 + 2 * page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        format!("<< /Title ({title}) >>"),
    ];
    for (page, lines) in pages.iter().enumerate() {
        let hidden = lines.first().is_some_and(|line| line.starts_with("Behind"));
        let picture = lines.is_empty() || hidden;
        let mut stream = if picture { "q 612 0 0 792 0 0 cm /Im Do Q\n" } else { "" }.to_owned();
        let mode = if hidden { 3 } else { 0 };
        for (line, text) in lines.iter().enumerate() {
            let size = if text.starts_with("Chapter") { 24 } else { 11 };
            writeln!(stream, "BT {mode} Tr /F1 {size} Tf 72 {} Td ({text}) Tj ET", 740 - 14 * line).unwrap();
        }
        let images =
            if picture { format!("/XObject << /Im {} 0 R >>", 5 + 2 * pages.len()) } else { String::new() };
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> {images} >> >>",
            6 + 2 * page
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{stream}endstream", stream.len()));
    }
    objects.push(
        "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\n\
        stream\nx\nendstream"
            .to_owned(),
    );
    let mut file = "%PDF-1.4\n".to_owned();
    let mut locations = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        locations.push(file.len());
        write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1).unwrap();
    }
    let table = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    for place in locations {
        writeln!(file, "{place:010} 00000 n ").unwrap();
    }
    let size = objects.len() + 1;
    write!(file, "trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{table}\n%%EOF\n").unwrap();
    file.into_bytes()
}

const PAGES: [&[&str]; 3] = [
    &["Chapter One", "", "The first page of this document ends within a sen-"],
    &["tence that the second page ends. Then something else begins here.", "", "It is quite another matter."],
    &[],
];

#[test]
fn pages_are_places_and_sentences_go_over_their_ends() {
    let out = read(&pdf("Annual report", &PAGES)).unwrap();
    assert_eq!(out.title.as_deref(), Some("Annual report"));
    assert!(out.text.starts_with("# Chapter One\n\nThe first page"), "{}", out.text);
    assert!(out.text.contains("within a sentence that"), "{}", out.text);
    let locations: Vec<_> =
        out.locations.iter().map(|place| (place.name.as_str(), &out.text[place.from..][..5])).collect();
    assert_eq!(locations, [("page 1", "# Cha"), ("page 2", "tence")]);
    assert_eq!(out.notices, ["page 3 has no text and needs OCR"]);
}

#[test]
fn a_document_of_pictures_has_no_text() {
    assert_eq!(read(&pdf("", &[&[], &[]])).unwrap_err(), ExtractError::NoText);
}

#[test]
fn text_behind_a_scanned_page_is_read() {
    let out = read(&pdf("", &[&["Behind the picture", "are these words"], &[]])).unwrap();
    assert_eq!(out.text, "Behind the picture\nare these words\n\n");
    assert_eq!(
        out.notices,
        ["the text of page 1 was recognised when it was scanned", "page 2 has no text and needs OCR"]
    );
}

#[test]
fn a_password_that_is_not_empty_is_needed() {
    let (key, owner) = ("00".repeat(32), "11".repeat(32));
    let entry = format!("x) /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{owner}> /U <{key}> /X (");
    let file = String::from_utf8(pdf(&entry, &PAGES)).unwrap();
    let file = file.replace("/Info 4 0 R", "/Encrypt 4 0 R /ID [<00> <00>]");
    assert_eq!(read(file.as_bytes()).unwrap_err(), ExtractError::Encrypted);
}

#[test]
fn a_page_of_few_words_is_read_beside_a_picture() {
    let out = read(&pdf("", &[&["A cover with few words"], &[], &[]])).unwrap();
    assert_eq!(out.text, "## A cover with few words\n\n");
    assert_eq!(out.notices, ["pages 2-3 have no text and need OCR"]);
}

#[test]
fn numbers_of_pages_are_few_words() {
    assert_eq!(named(&[3, 7, 8, 9, 11, 12]), "pages 3, 7-9, 11-12");
    assert_eq!(named(&[4]), "page 4");
}

#[test]
fn a_mark_of_a_page_counts_only_where_it_rises() {
    let text =
        "<!-- Page 1 -->\n\na\n<!-- Page 1 -->\n<!-- Page 9 -->\n\n<!-- Page 3 -->\n\n<!-- Page 4 -->\nb";
    assert_eq!(pages(text, 4), [(1, "a\n<!-- Page 1 -->\n<!-- Page 9 -->"), (4, "b")]);
}

#[test]
fn a_paragraph_ends_with_its_page_when_it_has_ended() {
    for (before, text, joined) in [
        ("is a", "word", "is a\nword\n\n"),
        ("is a.", "word", "is a.\n\nword\n\n"),
        ("is a", "Word", "is a\n\nWord\n\n"),
        ("# is a", "word", "# is a\n\nword\n\n"),
        ("hyphen-", "ated", "hyphenated\n\n"),
    ] {
        let mut out = Extracted::markdown();
        append(1, before, &mut out);
        append(2, text, &mut out);
        assert_eq!(out.text, joined);
    }
}

#[test]
fn what_stands_on_most_pages_is_read_once() {
    let pages = |last: &str| {
        let texts: Vec<String> =
            (1..=4).map(|page| format!("Report {page}/4\n\ntext {page} is here\n{last} {page}")).collect();
        let mut pages: Vec<(u32, &str)> = (1..).zip(texts.iter().map(String::as_str)).collect();
        leave_out_repeated(&mut pages);
        pages.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(";")
    };
    assert_eq!(
        pages("Page"),
        "Report 1/4\n\ntext 1 is here\nPage 1;text 2 is here;text 3 is here;text 4 is here"
    );
    let long = "word ".repeat(100);
    let texts: Vec<String> = (1..=4).map(|page| format!("{page} {long}\n\nsame\n\n{long}{page}")).collect();
    let mut pages: Vec<(u32, &str)> = (1..).zip(texts.iter().map(String::as_str)).collect();
    leave_out_repeated(&mut pages);
    assert!(pages.iter().zip(&texts).all(|((_, left), text)| left == text));
    let mut few = [(1, "same\n\na"), (2, "same\n\nb")];
    leave_out_repeated(&mut few);
    assert_eq!(few, [(1, "same\n\na"), (2, "same\n\nb")]);
}

#[test]
fn words_that_a_line_has_cut_are_joined() {
    for (text, joined) in [
        ("the manip- ulation of it", "the manipulation of it"),
        ("pre- and postfix, TLS- or", "pre- and postfix, TLS- or"),
        ("a well-known and a well- known", "a well-known and a well-known"),
        ("- item\n- item- Two", "- item\n- item- Two"),
        ("für- einander - x", "füreinander - x"),
    ] {
        assert_eq!(without_hyphens(text), joined);
    }
}

#[test]
fn damaged_files_are_errors_or_texts() {
    let file = pdf("x", &PAGES);
    for step in 0..20 {
        let cut = &file[..file.len() * step / 20];
        if let Err(error) = read(cut) {
            assert!(matches!(error, ExtractError::Damaged(_) | ExtractError::NoText), "{step}: {error}");
        }
    }
    assert!(matches!(read(b""), Err(ExtractError::Damaged(_))));
    assert!(matches!(read(b"no PDF at all"), Err(ExtractError::Damaged(_))));
}

#[test]
fn a_loop_in_the_tree_of_pages_ends() {
    let file = String::from_utf8(pdf("x", &PAGES))
        .unwrap()
        .replace("/Kids [5 0 R 7 0 R 9 0 R ]", "/Kids [5 0 R 2 0 R 9 0 R ]");
    let _ends = read(file.as_bytes());
}
