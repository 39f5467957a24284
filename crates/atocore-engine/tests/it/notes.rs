//! What a note says of itself counts, whatever it is written in.

use atocore_engine::Engine;
use atocore_model::{document::conditions::DocumentConditions, query::QueryRequest, refresh::RefreshReport};
use atocore_testkit::installation::{EngineExt, Installation};

/// The paths of what is found, best first.
fn found(engine: &Engine, text: &str) -> Vec<String> {
    engine.ask(text).hits.into_iter().map(|hit| hit.source_path.to_string()).collect()
}

/// The paths of what is found among documents with a tag, sorted.
fn tagged(engine: &Engine, text: &str, tag: &str) -> Vec<String> {
    let query = QueryRequest {
        conditions: DocumentConditions::tagged(vec![tag.parse().unwrap()]),
        ..QueryRequest::new(text.parse().unwrap())
    };
    let answer = engine.query(&query).unwrap();
    let mut paths: Vec<_> = answer.hits.into_iter().map(|hit| hit.source_path.to_string()).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// What is said of a file.
fn detail(report: &RefreshReport, path: &str) -> String {
    let file = report.roots.iter().flat_map(|root| &root.files).find(|file| file.path == path);
    file.unwrap().detail()
}

#[test]
fn a_note_is_found_by_everything_it_says_of_itself() {
    let place = Installation::default();
    place.write(
        "p/k.md",
        "---\ntitle: Kubernetes\naliases: [k8s]\ndescription: quokka platform\ntags: [infra]\nstatus: dormant\n---\nWe run it.\n",
    );
    place.write("p/tags-only.md", "---\ntags: [wombat]\nrank: 4711\n---\n# Head\nBody.\n");
    place.write("p/person.md", "---\nname: Ada Numbat\n---\n");
    place.write("p/Only Title.md", "");
    place.write("p/blank.txt", "\n \n");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for word in ["k8s", "quokka", "infra", "dormant", "kubernetes"] {
        assert_eq!(found(&engine, word)[0], "k.md", "{word}");
    }
    for word in ["wombat", "4711"] {
        assert_eq!(found(&engine, word), ["tags-only.md"], "{word}");
    }
    assert_eq!(found(&engine, "numbat"), ["person.md"]);
    assert_eq!(found(&engine, "only title"), ["Only Title.md"]);
    assert_eq!(found(&engine, "blank"), ["blank.txt"]);
    let hit = engine.ask("quokka").hits.remove(0);
    assert_eq!((hit.lines.first, hit.lines.last), (3, 5));
    assert_eq!(hit.content, "aliases: [k8s]\ndescription: quokka platform\ntags: [infra]");
}

#[test]
fn tags_nest_and_are_found_in_the_text_too() {
    let place = Installation::default();
    place.write("p/a.md", "---\ntags: [project/alpha, plain]\n---\nzebra one\n");
    place.write("p/b.md", "zebra two #Project/beta and `#project` but #1984\n");
    place.write("p/c.md", "# Heading\nzebra three #projects\n");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for (tag, paths) in [
        ("project", &["a.md", "b.md"][..]),
        ("#project/ALPHA", &["a.md"]),
        ("project/beta", &["b.md"]),
        ("plain", &["a.md"]),
        ("#projects", &["c.md"]),
        ("1984", &[]),
        ("Heading", &[]),
    ] {
        assert_eq!(tagged(&engine, "zebra", tag), paths, "{tag}");
    }
}

#[test]
fn a_bad_line_of_front_matter_costs_that_line_and_is_reported() {
    let place = Installation::default();
    place.write("p/colon.md", "---\ntitle: Foo: the bar\ntags: [x1]\n---\nzebra\n");
    place.write("p/list.md", "---\ntitle: List\ntags: [x2]\nmore: [walrus\n---\nzebra\n");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(
        detail(&report, "colon.md"),
        "line 2 of the front matter is not valid YAML: `title` is taken as text"
    );
    assert_eq!(
        detail(&report, "list.md"),
        "line 4 of the front matter is not valid YAML: `more` is left out"
    );
    assert_eq!(tagged(&engine, "zebra", "x1"), ["colon.md"]);
    assert_eq!(tagged(&engine, "zebra", "x2"), ["list.md"]);
    assert_eq!(engine.ask("foo").hits[0].title, "Foo: the bar");
    assert_eq!(found(&engine, "walrus"), ["list.md"], "its words are not lost");
}

#[test]
fn text_is_read_in_the_encoding_it_was_written_in() {
    let place = Installation::default();
    let utf_16: Vec<u8> =
        "---\ntags: [wide]\n---\nA zebra at the café\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("p/wide.md", utf_16);
    place.write("p/latin.txt", b"Ein Gnu geht \xfcber die Br\xfccke\nund grast");
    place.write("p/marked.md", b"\xef\xbb\xbf---\ntitle: Marked\n---\nA tapir.\n");
    place.write("p/picture.md", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(detail(&report, "wide.md"), "it was read as UTF-16LE");
    assert_eq!(detail(&report, "latin.txt"), "it was read as windows-1252");
    assert_eq!(detail(&report, "marked.md"), "");
    assert_eq!(found(&engine, "café"), ["wide.md"]);
    assert_eq!(tagged(&engine, "zebra", "wide"), ["wide.md"]);
    assert_eq!(found(&engine, "Brücke"), ["latin.txt"]);
    assert_eq!(engine.ask("tapir").hits[0].title, "Marked");
    let again = engine.fresh("p");
    assert_eq!(again.roots[0].files.iter().filter(|file| file.path != "picture.md").count(), 0);
}

#[test]
fn pictures_within_text_make_no_passages() {
    let place = Installation::default();
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAZAAAAGQCAYAAACAvzbM".repeat(2000);
    place.write("p/a.md", format!("A zebra ![x](data:image/png;base64,{picture}) grazes.\n"));
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    place.write("p/b.md", format!("The digest is {digest}.\n"));
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.status().unwrap().projects[0].chunks, 2);
    assert_eq!(engine.ask("zebra grazes").hits[0].content, "A zebra ![x](data:image/png;base64,…) grazes.");
    assert_eq!(found(&engine, digest), ["b.md"]);
}
