//! The questions that a server keeps, as people work with them.

use serde_json::Value;

use crate::{parity::http, program::Sandbox};

fn numbers(list: &Value) -> Vec<u64> {
    list["questions"].as_array().unwrap().iter().map(|asked| asked["number"].as_u64().unwrap()).collect()
}

#[test]
fn an_unanswered_question_becomes_a_case_and_a_document_that_nobody_finds_is_named() {
    let place = Sandbox::with_notes().variable("ATOCORE_QUERY_LOG", "on");
    let server = place.serve();
    for text in ["when are the keys rotated", "how do whales sleep"] {
        let body = format!(r#"{{"query":"{text}","top_k":1}}"#);
        let _answer = http(&server.address, "POST", "/query", Some(&body));
    }
    let shown = place.ok(&["questions", "list", "--unanswered"]);
    assert!(shown.contains("how do whales sleep") && !shown.contains("rotated"), "{shown}");
    let [whales, keys] = numbers(&place.json(&["questions", "list"]))[..] else { panic!("{shown}") };
    let unfound = place.json(&["documents", "unfound", "notes"]);
    let paths: Vec<_> = unfound["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["path"].as_str().unwrap())
        .collect();
    assert!(!paths.is_empty() && !paths.contains(&"keys.md"), "{unfound}");
    assert_eq!(unfound["questions"], 2);
    let (whales, keys) = (whales.to_string(), keys.to_string());
    let printed = place.ok(&["questions", "case", &keys, "--expect", "keys.md"]);
    assert_eq!(printed, "[[question]]\ntext = \"when are the keys rotated\"\nexpect = [\"keys.md\"]\n");
    let said = place.ok(&["questions", "case", &keys, "--expect", "keys.md", "--append", "q.toml"]);
    assert!(said.contains("`atocore eval "), "{said}");
    let _said = place.ok(&["questions", "case", &whales, "--unanswerable", "--append", "q.toml"]);
    let report = place.json(&["eval", "q.toml"]);
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(2), "{report}");
    let before = place.read("q.toml");
    let again = place.run(&["questions", "case", &keys, "--expect", "keys.md", "--append", "q.toml"]);
    assert!(again.code == 64 && again.stderr.contains("the same question stands in line"), "{again:?}");
    assert_eq!(place.read("q.toml"), before);
    for (arguments, said) in [
        (&["questions", "case", "999", "--unanswerable"][..], "question 999 not found"),
        (&["questions", "case", &keys], "a case needs either `expect` or `unanswerable`"),
        (&["questions", "case", &keys, "--expect", "[a/*"], "an entry of `expect` cannot be used"),
        (&["questions", "forget"], "say which question to forget"),
        (&["questions", "forget", "1", "--all"], "say which question to forget"),
        (&["questions", "forget", "999"], "question 999 not found"),
    ] {
        let refused = place.run(arguments);
        assert!(refused.code != 0 && refused.stderr.contains(said), "{arguments:?}: {refused:?}");
    }
    assert!(place.ok(&["questions", "forget", &whales]).contains("1 question forgotten"));
    assert_eq!(numbers(&place.json(&["questions", "list"])).len(), 1);
    assert!(place.ok(&["questions", "forget", "--all"]).contains("1 question forgotten"));
    let gone = place.run(&["documents", "unfound", "notes"]);
    assert!(gone.code == 1 && gone.stderr.contains("ATOCORE_QUERY_LOG=on"), "{gone:?}");
}

#[test]
fn a_server_that_was_not_asked_to_keeps_no_question() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let _answer = http(&server.address, "POST", "/query", Some(r#"{"query":"keys"}"#));
    assert_eq!(numbers(&place.json(&["questions", "list"])), [0_u64; 0]);
    assert!(place.ok(&["questions", "list"]).contains("ATOCORE_QUERY_LOG=on"));
}
