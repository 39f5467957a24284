//! The documents people have: every file of a folder is found, with a place in it that a person can go to, or named with its
//! reason.

use atocore_testkit::{
    documents,
    soak::mutants::{self, MutantOptions},
};
use serde_json::{Value, json};

use crate::{
    agent::Agent,
    program::{PROGRAM, Sandbox},
};

/// A place with one document of every format, registered and not yet read.
fn with_documents() -> Sandbox {
    let place = Sandbox::new();
    let folder = place.path("documents");
    std::fs::create_dir(&folder).unwrap();
    documents::write(&folder).unwrap();
    place.ok(&["project", "add", "documents", "--root", "documents"]);
    place
}

/// What a refresh said, with its exit code.
fn refreshed(place: &Sandbox, project: &str) -> (i32, Value) {
    let ran = place.run(&["refresh", project, "--json"]);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

/// The reason of every file that is not ingested.
fn left_out(report: &Value) -> Vec<(&str, &str)> {
    let files = report["roots"][0]["files"].as_array().unwrap();
    let left_out = files.iter().filter(|file| file["state"] != "ingested");
    left_out.map(|file| (file["path"].as_str().unwrap(), file["reason"].as_str().unwrap())).collect()
}

/// A question, the file that answers it, where in it, and the heading above.
const ANSWERS: &[(&str, &str, Option<&str>, &str)] = &[
    ("hazelnuts", "page.html", Some("section Nuts"), "Nuts"),
    ("\"service tree\"", "report.pdf", Some("page 2"), ""),
    ("quinces", "letter.docx", Some("section Watering"), "Watering"),
    ("medlars", "talk.pptx", Some("slide 2"), "Harvest"),
    ("mulberry", "yield.xlsx", Some("sheet Orchard, A1:C3"), "Orchard"),
    ("sloes", "hedge.odt", Some("section Pruning"), "Pruning"),
    ("rowan", "book.epub", Some("chapter Autumn"), "Autumn"),
    ("cordial", "note.rtf", Some("beginning"), ""),
    ("fig cuttings", "mail.eml", Some("message 1"), "Cuttings"),
    ("hornbeam", "table.csv", Some("row 1 to row 3"), ""),
    ("barberry", "film.srt", Some("00:00:01 to 00:01:05"), ""),
    ("greengages", "yields.ipynb", Some("cell 2"), "Yields"),
    ("wayfaring", "board.canvas", Some("card Wayfaring tree"), ""),
    ("wych elm", "tree.rs", None, "wych_elm_height"),
    ("count the hollies", "trees.ts", None, "Orchard > countHollies"),
    ("blackthorn", "hedges.rst", None, "Hedges > Thorns"),
    ("shipova", "orchard.yaml", None, "orchard"),
    ("bullace", "LICENSE", None, ""),
    ("crab apple", "notes.md", None, "Notes"),
];

#[test]
fn every_file_of_a_folder_is_found_at_its_place_or_named_with_its_reason() {
    let place = with_documents();
    let (code, report) = refreshed(&place, "documents");
    assert_eq!(
        left_out(&report),
        [
            ("broken.docx", "parser_failed"),
            ("id_rsa", "unsupported_type"),
            ("photo.png", "unsupported_type"),
            ("scan.pdf", "no_text"),
            ("secret.pdf", "encrypted"),
            ("unknown.blob", "binary"),
        ]
    );
    assert_eq!(code, 2, "one of them should have been read");
    for (question, file, location, heading) in ANSWERS {
        let answer = place.json(&["query", question, "--project", "documents", "--mode", "lexical"]);
        let hit = &answer["results"][0];
        assert_eq!(hit["source_file"], *file, "{question}: {answer}");
        assert_eq!(hit["location"], json!(location), "{question}: {answer}");
        assert!(hit["heading_path"].as_str().unwrap().contains(heading), "{question}: {answer}");
    }
    let row = place.json(&["query", "damson", "--project", "documents", "--mode", "lexical"]);
    let row = row["results"][0]["content"].as_str().unwrap();
    assert!(row.contains("Tree: Damson; Year: 1992; Kilograms: 18"), "{row}");
    let title = place.json(&["documents", "list", "documents", "--limit", "1"]);
    assert_eq!(title["documents"][0]["title"], "LICENSE", "{title}");

    // Nothing that is known is read again, and what failed is not new.
    let (_, again) = refreshed(&place, "documents");
    assert_eq!(again["counts"]["unchanged"], ANSWERS.len(), "{again}");
    assert_eq!(again["counts"]["ingested"], 0, "{again}");
}

#[test]
fn every_interface_cites_the_place_in_words() {
    let place = with_documents();
    refreshed(&place, "documents");
    let cited = "report.pdf, page 2";
    let shown = place.ok(&["query", "service tree", "--mode", "lexical"]);
    assert!(shown.contains(cited), "{shown}");
    let pack = place.json(&["context", "when does the service tree bear fruit", "--project", "documents"]);
    // Both of its passages, put together.
    let both = "report.pdf, page 1 to page 2";
    assert!(pack["formatted_context"].as_str().unwrap().contains(both), "{pack}");
    assert_eq!(pack["items"][0]["passage"]["location"], "page 1 to page 2", "{pack}");
    let text = place.json(&["get", "report.pdf", "--project", "documents"]);
    assert_eq!(text["location"], "page 1 to page 2", "{text}");
    assert!(text["content"].as_str().unwrap().contains("after thirty years"), "{text}");

    let mut agent = Agent::greeted(&place);
    let found = agent.call("atocore_search", &json!({ "query": "service tree" }));
    assert!(found["content"][0]["text"].as_str().unwrap().contains(cited), "{found}");
    let read = agent.call("atocore_get", &json!({ "project": "documents", "path": "report.pdf" }));
    assert!(read["content"][0]["text"].as_str().unwrap().contains(both), "{read}");
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn a_project_of_which_no_file_can_be_read_says_so_everywhere() {
    let place = Sandbox::new();
    for name in ["a.png", "b.zip"] {
        place.write(&format!("pictures/{name}"), b"\x89PNG\0\0");
    }
    place.write("pictures/c.blob", [0_u8; 300]);
    place.ok(&["project", "add", "pictures", "--root", "pictures"]);
    let found = "1 binary, 2 unsupported_type";
    let (code, report) = refreshed(&place, "pictures");
    assert_eq!((code, &report["nothing_read"]), (2, &json!(found)), "{report}");
    let ran = place.run(&["refresh", "pictures"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains(&format!("no file could be read: {found}")), "{ran:?}");
    assert!(ran.stdout.contains("atocore formats"), "{ran:?}");
    let doctor = place.run(&["doctor"]);
    assert!(
        doctor.stdout.contains(&format!("no file of project `pictures` could be read: {found}")),
        "{doctor:?}"
    );
    let answer = place.json(&["query", "anything", "--project", "pictures", "--mode", "lexical"]);
    assert!(answer["notices"][0].as_str().unwrap().contains(found), "{answer}");
    let mut agent = Agent::greeted(&place);
    let status = agent.call("atocore_status", &json!({}));
    assert!(status.to_string().contains(found), "{status}");
    assert_eq!(agent.end().0, Some(0));

    // What is left out on purpose is no fault, and neither is a folder with nothing in it.
    place.write("pictures/.atocoreignore", "*\n");
    assert_eq!(refreshed(&place, "pictures").0, 0);
    place.write("pictures/.atocoreignore", "");
    place.write("pictures/d.md", "A note.\n");
    assert_eq!(refreshed(&place, "pictures").0, 0);
}

#[test]
fn what_is_read_is_listed_the_same_in_the_documentation() {
    let page = include_str!("../../../../docs/what-is-read.md");
    let listed = Sandbox::new().json(&["formats"]);
    for format in listed["formats"].as_array().unwrap() {
        let endings: Vec<&str> =
            format["endings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (name, cites) = (format["format"].as_str().unwrap(), format["cites"].as_str().unwrap());
        let row = format!("| {name} | {} | {cites} |", endings.join(" "));
        assert!(page.contains(&row), "docs/what-is-read.md lacks:\n{row}");
    }
}

#[test]
fn settings_add_endings_leave_them_out_and_name_converters() {
    let place = Sandbox::new();
    for (name, text) in [
        ("a.dat", "pears"),
        ("b.csv", "fruit\nplums\n"),
        ("c.sorb", "sorbs"),
        ("d.md", "apples"),
        ("e.sorb", ""),
    ] {
        place.write(&format!("fruit/{name}"), text);
    }
    place.ok(&["project", "add", "fruit", "--root", "fruit"]);
    let rules = |converter: &'static str| {
        [
            ("ATOCORE_TEXT_ENDINGS", "dat"),
            ("ATOCORE_EXCLUDED_ENDINGS", ".csv"),
            ("ATOCORE_CONVERTERS", converter),
        ]
    };
    let refreshed = |converter| {
        let ran = place.run_with(&rules(converter), &["refresh", "fruit", "--json"]);
        (ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap())
    };
    let found = |word: &str| {
        let answer = place.json(&["query", word, "--project", "fruit", "--mode", "lexical"]);
        answer["results"][0]["content"].as_str().map(str::to_owned)
    };
    let (code, report) = refreshed("sorb = /usr/bin/tr a-z A-Z");
    assert_eq!(left_out(&report), [("b.csv", "unsupported_type"), ("e.sorb", "no_text")]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(found("sorbs").as_deref(), Some("SORBS"));
    assert_eq!(found("pears").as_deref(), Some("pears"));
    let listed = place.run_with(&rules("sorb=/bin/cat"), &["formats"]).stdout;
    assert!(listed.contains("converted by a command") && listed.contains("nfo, dat"), "{listed}");

    // Another command has its files read again, and no others; one that fails costs nothing that was there.
    let (_, report) = refreshed("sorb = /usr/bin/tr a-z Z");
    assert_eq!(report["counts"]["ingested"], 1, "{report}");
    assert_eq!(found("ZZZZZ").as_deref(), Some("ZZZZZ"));
    let _report = refreshed("sorb = /bin/sh -c ulimit${IFS}-v");
    assert_eq!(found("1572864").as_deref(), Some("1572864"), "it has the memory of a reader");
    let _report = refreshed("sorb = /usr/bin/tr a-z Z");
    let (code, report) = refreshed("sorb = /bin/false");
    assert_eq!(code, 2);
    assert!(left_out(&report).contains(&("c.sorb", "parser_failed")), "{report}");
    assert_eq!(found("ZZZZZ").as_deref(), Some("ZZZZZ"));

    // Without the settings everything is as it was.
    let (_, report) = self::refreshed(&place, "fruit");
    assert!(left_out(&report).contains(&("a.dat", "unsupported_type")), "{report}");
    assert!(found("plums").unwrap().contains("plums"));
    for wrong in ["sorb=tr", "sorb", "dat=/bin/cat"] {
        let ran = place.run_with(&rules(wrong), &["status"]);
        assert_eq!(ran.code, 64, "{wrong}: {ran:?}");
        assert!(ran.stderr.contains("CONVERTERS"), "{wrong}: {ran:?}");
    }
}

#[test]
fn a_damaged_document_costs_itself_at_most() {
    let place = Sandbox::new();
    let folder = place.path("mutants");
    std::fs::create_dir(&folder).unwrap();
    let options = MutantOptions { program: PROGRAM.into(), mutants: 12, seed: 14, scratch: &folder };
    let counts = mutants::run(&options, &mut |_| {}).unwrap();
    assert!(counts.mutants() > 100, "{counts}");
}
