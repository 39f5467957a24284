use super::super::{archive::tests::zipped, hostile::results_of_damage};
use crate::{error::ExtractError, extract::extract, format::Format};

const CONTAINER: &str =
    r#"<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>"#;

const PACKAGE: &str = r#"<package><metadata><dc:title>On Pumps</dc:title><dc:title>A subtitle</dc:title></metadata>
    <manifest><item id="two" href="text/2.xhtml"/><item id="one" href="text/chapter%201.xhtml"/>
      <item id="nav" href="nav.xhtml" properties="nav scripted"/><item id="three" href="text/3.xhtml"/>
      <item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>
    <spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/><itemref idref="missing"/><itemref idref="three"/><itemref idref="one"/></spine></package>"#;

fn page(body: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head><body>{body}</body></html>"#
    )
}

fn book(more: &[(&str, &str)]) -> Vec<u8> {
    let (one, two, three) =
        (page("<p>It began.</p>"), page("<h1>The <i>second</i></h1><p>R&amp;D</p>"), page("<p>No title</p>"));
    let mut files = vec![
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", CONTAINER),
        ("OPS/book.opf", PACKAGE),
        ("OPS/text/chapter 1.xhtml", &one),
        ("OPS/text/2.xhtml", &two),
        ("OPS/text/3.xhtml", &three),
    ];
    files.extend(more);
    zipped(&files)
}

fn locations(content: &[u8]) -> Vec<String> {
    extract(Format::Epub, "", content).unwrap().locations.into_iter().map(|place| place.name).collect()
}

#[test]
fn chapters_stand_in_the_order_of_the_book_with_their_titles() {
    let nav = page(
        r#"<nav><ol><li><a href="text/chapter%201.xhtml">First <b>steps</b></a></li><li><a href="text/chapter%201.xhtml#x">Later</a></li></ol></nav>"#,
    );
    let content = book(&[("OPS/nav.xhtml", &nav)]);
    let out = extract(Format::Epub, "", &content).unwrap();
    assert_eq!(out.text.matches("# ").count(), 2, "{}", out.text);
    assert!(out.text.starts_with("# First steps\n\nIt began.\n\n# The "), "{}", out.text);
    assert!(out.text.ends_with("R&D\n\nNo title\n\n"), "{}", out.text);
    assert_eq!(out.title.as_deref(), Some("On Pumps"));
    assert_eq!(locations(&content)[0], "chapter First steps");
    assert!(locations(&content)[1].starts_with("chapter The "));
    assert_eq!(locations(&content)[2..], ["chapter 3"]);
}

#[test]
fn titles_come_from_the_old_table_of_contents_where_there_is_no_new_one() {
    let ncx = r#"<ncx><navMap><navPoint><navLabel><text>Beginning</text></navLabel><content src="text/chapter%201.xhtml"/></navPoint></navMap></ncx>"#;
    let old = PACKAGE.replace(r#" properties="nav scripted""#, "");
    let files = [
        ("META-INF/container.xml", CONTAINER.to_owned()),
        ("OPS/book.opf", old),
        ("OPS/toc.ncx", ncx.to_owned()),
        ("OPS/text/chapter 1.xhtml", page("<p>It began.</p>")),
    ];
    assert_eq!(locations(&zipped(&files)), ["chapter Beginning"]);
}

#[test]
fn encrypted_chapters_are_refused_and_masked_fonts_are_not() {
    let encryption = |algorithm: &str| {
        format!(r#"<encryption><enc:EncryptionMethod Algorithm="{algorithm}"/></encryption>"#)
    };
    let fonts = encryption("http://www.idpf.org/2008/embedding");
    assert!(extract(Format::Epub, "", &book(&[("META-INF/encryption.xml", &fonts)])).is_ok());
    let chapters = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc");
    assert_eq!(
        extract(Format::Epub, "", &book(&[("META-INF/encryption.xml", &chapters)])),
        Err(ExtractError::Encrypted)
    );
}

#[test]
fn nothing_and_damage_are_told_apart() {
    let empty = zipped(&[("META-INF/container.xml", CONTAINER), ("OPS/book.opf", PACKAGE)]);
    assert_eq!(extract(Format::Epub, "", &empty), Err(ExtractError::NoText));
    for content in [Vec::new(), zipped(&[("a", "b")]), zipped(&[("META-INF/container.xml", "<container/>")])]
    {
        let result = extract(Format::Epub, "", &content);
        assert!(matches!(result, Err(ExtractError::Damaged(_))), "{result:?}");
    }
}

#[test]
fn damage_costs_the_file_and_nothing_else() {
    for result in results_of_damage(Format::Epub, &book(&[])) {
        assert!(matches!(result, Err(ExtractError::Damaged(_))), "{result:?}");
    }
}
