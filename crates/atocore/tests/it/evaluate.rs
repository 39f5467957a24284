//! `eval` and `tune` as a person and as CI use them: by lexical search alone, so that no model is needed.

use serde_json::Value;

use crate::program::Sandbox;

/// A place with two projects of notes, searched by words.
fn place() -> Sandbox {
    let place = Sandbox::new().variable("ATOCORE_RETRIEVAL_MODE", "lexical");
    place.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    place.write("notes/archive/keys.md", "# Keys\n\nThe keys were once rotated in autumn, by hand.\n");
    for number in 0..6 {
        // The longer, the lower.
        let more: String = (0..6 + number * 6).map(|word| format!("w{number}x{word} ")).collect();
        let text = format!("# Note {number}\n\nThe pump runs. {more}\n");
        place.write(&format!("notes/n{number}.md"), text);
    }
    place.write("other/valve.md", "# Valve\n\nThe valve is shut at night.\n");
    for project in ["notes", "other"] {
        place.ok(&["project", "add", project, "--root", project]);
        place.ok(&["refresh", project]);
    }
    place
}

const QUESTIONS: &str = r#"
[[question]]
text = "when are keys rotated"
expect = ["keys.md"]
must_not = ["archive"]

[[question]]
text = "pump runs"
expect = ["n0.md", { document = "n5.md" }, "gone.md"]

[[question]]
text = "the valve"
project = "notes"
scope = true
expect = ["valve.md"]
"#;

fn reasons(report: &Value) -> Vec<(String, String)> {
    let text = |miss: &Value, key: &str| miss[key].as_str().unwrap().to_owned();
    report["misses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|miss| (text(miss, "expected"), text(miss, "reason")))
        .collect()
}

#[test]
fn questions_that_nothing_answers_are_counted_apart() {
    let place = place();
    let more = "\n[[question]]\ntext = \"submarine cable\"\nanswered = false\n\n[[question]]\ntext = \"rotated keys\"\nanswered = false\n";
    place.write("q.toml", [QUESTIONS, more].concat());
    let report = place.json(&["eval", "q.toml"]);
    assert_eq!(report["unanswerable"], serde_json::json!({ "questions": 2, "nothing_fits": 1 }), "{report}");
    assert_eq!(report["answerable"]["questions"], 3);
    let said = place.ok(&["eval", "q.toml"]);
    assert!(said.contains("nothing fits: 1 of 2 questions without an answer, "), "{said}");
    place.write("q.toml", QUESTIONS.replacen("expect", "answered = false\nexpect", 1));
    let wrong = place.run(&["eval", "q.toml"]);
    assert_eq!(wrong.code, 64);
    assert!(wrong.stderr.contains("nothing answers the question, and it expects something"), "{wrong:?}");
}

#[test]
fn misses_are_listed_each_with_its_reason() {
    let place = place();
    place.write("q.toml", QUESTIONS);
    let before = place.state();
    let report = place.json(&["eval", "q.toml", "--top-k", "3"]);
    let expected = [("n5.md", "ranked low"), ("gone.md", "not ingested"), ("valve.md", "not found")];
    assert_eq!(reasons(&report), expected.map(|(what, why)| (what.to_owned(), why.to_owned())));
    assert_eq!(report["misses"][0]["rank"], 6);
    assert_eq!(report["questions"][1]["ranks"], serde_json::json!([1, null, null]));
    assert_eq!(report["modes"], serde_json::json!({ "lexical": 3 }));
    assert_eq!(report["forbidden"][0]["source_file"], "archive/keys.md");
    let shown = place.ok(&["eval", "q.toml", "--top-k", "3", "--misses"]);
    for part in [
        "3 questions · 5 expectations · 1 must not · top 3 · lexical",
        "2 of 5 expectations met; missed: 1 not ingested, 1 not found, 1 ranked low",
        "1 passage shown although it must not",
        "line 7: pump runs",
        "ranked low: n5.md; rank 6",
        "not ingested: gone.md; no document in the store fits",
        "not found: valve.md; it lies outside the project",
        "shown although it must not: archive; rank 2, archive/keys.md:",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
    assert_eq!(place.state(), before, "nothing was changed");
}

#[test]
fn every_fault_of_the_file_and_of_the_flags_is_wrong_usage() {
    let place = place();
    place.write("bad.toml", "[[question]]\ntxt = 'a'\nexpect = [{}]\n");
    let ran = place.run(&["eval", "bad.toml"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    for part in [
        "3 faults; nothing was asked",
        "line 1: the question has no `text`",
        "line 2: a question has no `txt`",
        "line 3: ",
    ] {
        assert!(ran.stderr.contains(part), "`{part}` is missing in:\n{}", ran.stderr);
    }
    place.write("q.toml", "[[question]]\ntext = 'a'\nproject = 'nowhere'\nexpect = ['a.md']\n");
    let ran = place.run(&["eval", "q.toml"]);
    assert!(ran.code == 64 && ran.stderr.contains("line 1: project `nowhere` not found"), "{ran:?}");
    place.write("q.toml", QUESTIONS);
    for (arguments, said) in [
        (&["eval", "missing.toml"][..], "`missing.toml` does not exist"),
        (&["eval", "q.toml", "--set", "port=1"], "`port` is not a setting that ranks"),
        (&["eval", "q.toml", "--set", "rank_query_token_cap=-1"], "(from flag --set)"),
        (&["eval", "q.toml", "--compare", "rank_meaning_weight=2"], "(from flag --compare)"),
        (&["eval", "q.toml", "--top-k", "0"], "`top_k` cannot be used"),
        (&["eval", "q.toml", "--baseline", "none.json"], "`none.json` does not exist"),
        (&["eval", "q.toml", "--baseline", "q.toml"], "is not a stored result"),
        (&["tune", "q.toml", "--out", "home/atocore.toml"], "it would be read as settings"),
        (&["tune", "bad.toml"], "3 faults"),
    ] {
        let ran = place.run(arguments);
        assert!(ran.code == 64 && ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn two_configurations_are_compared_question_by_question() {
    let place = place();
    place.write("q.toml", QUESTIONS);
    let arguments = ["eval", "q.toml", "--top-k", "1", "--compare", "rank_path_low_signal_penalty=100"];
    let report = place.json(&arguments);
    let compared = &report["compared"];
    assert_eq!(
        (&compared["better"], &compared["worse"], &compared["equal"]),
        (&0.into(), &1.into(), &2.into())
    );
    assert!(compared["difference"].as_f64().unwrap() < 0.0, "{compared}");
    assert!(compared["p_value"].as_f64().unwrap() > 0.5, "{compared}");
    assert_eq!(compared["settings"]["rank_path_low_signal_penalty"], "100");
    assert_eq!(report["settings"]["rank_path_low_signal_penalty"], "0.72");
    let shown = place.ok(&arguments);
    for part in [
        "the settings",
        "rank_path_low_signal_penalty=100",
        "difference",
        "worse for 1, the same for 2; p = ",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
    let set = place.json(&["eval", "q.toml", "--top-k", "1", "--set", "rank_path_low_signal_penalty=100"]);
    assert_eq!(set["figures"], compared["figures"]);
}

#[test]
fn a_baseline_is_held_or_ends_the_run_with_two() {
    let place = place();
    place.write("q.toml", QUESTIONS);
    let stored = place.ok(&["eval", "q.toml", "--save-baseline", "base.json"]);
    assert!(stored.contains("stored as `base.json`"), "{stored}");
    let held = place.ok(&["eval", "q.toml", "--baseline", "base.json"]);
    assert!(held.contains("the baseline holds"), "{held}");
    // The document that answered is gone: one question is lost, and with it the figure.
    std::fs::remove_file(place.path("notes/keys.md")).unwrap();
    place.ok(&["refresh", "notes"]);
    let before = place.read("base.json");
    let arguments = ["eval", "q.toml", "--baseline", "base.json", "--save-baseline", "base.json"];
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in
        ["the baseline is not reached", "lost: line 2: when are keys rotated", "the result was not stored"]
    {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    assert_eq!(place.read("base.json"), before);
    let tolerant = place.run(&["eval", "q.toml", "--baseline", "base.json", "--tolerance", "1"]);
    assert_eq!(tolerant.code, 2, "a lost question is one whatever the mean: {tolerant:?}");
    let ran = place.run(&["eval", "q.toml", "--baseline", "base.json", "--top-k", "5"]);
    assert!(ran.code == 64 && ran.stderr.contains("was made with --top-k 10"), "{ran:?}");
}

#[test]
fn beside_a_server_the_questions_are_asked_all_the_same() {
    let place = place();
    place.write("q.toml", QUESTIONS);
    let alone = place.json(&["eval", "q.toml"]);
    let server = place.serve();
    assert_eq!(place.json(&["eval", "q.toml"])["figures"], alone["figures"]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn tuning_proposes_what_the_held_out_half_confirms_and_changes_nothing() {
    let place = Sandbox::new().variable("ATOCORE_RETRIEVAL_MODE", "lexical");
    let mut questions = String::new();
    for subject in 0..24 {
        // What was put aside is the answer here, so the penalty of the stock settings is wrong for these notes.
        place.write(
            &format!("notes/archive/old{subject}.md"),
            format!("The word{subject} is set with great care.\n"),
        );
        place.write(
            &format!("notes/new{subject}.md"),
            format!("The word{subject} is set with little care.\n"),
        );
        questions.push_str(&format!(
            "[[question]]\ntext = 'word{subject} set'\nexpect = ['archive/old{subject}.md']\n"
        ));
    }
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes"]);
    place.write("q.toml", &questions);
    let before = place.state();
    let shown = place.ok(&["tune", "q.toml", "--out", "proposal.toml"]);
    for part in ["searched half", "held-out half", "Confirmed by the held-out half", "nothing was changed"] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
    assert_eq!(place.state(), before, "nothing was changed");
    assert!(!place.path("home/atocore.toml").exists());
    let again = place.json(&["tune", "q.toml"]);
    assert_eq!(again["confirmation"], "confirmed");
    assert_eq!(again["proposal"].as_str().unwrap(), place.read("proposal.toml"), "the same every time");
    // The proposal is one that the program takes when a person puts it there.
    let worse = place.json(&["eval", "q.toml"])["figures"]["ndcg_at_10"].as_f64().unwrap();
    place.write("home/atocore.toml", place.read("proposal.toml"));
    let better = place.json(&["eval", "q.toml"])["figures"]["ndcg_at_10"].as_f64().unwrap();
    assert!(better > worse + 0.2, "{worse} {better}");
}

#[test]
fn tuning_on_few_questions_says_that_it_means_little() {
    let place = place();
    place.write("q.toml", QUESTIONS);
    let shown = place.ok(&["tune", "q.toml"]);
    assert!(shown.contains("fewer than 20 questions: the result means little"), "{shown}");
    assert!(shown.contains("eep the present settings"), "{shown}");
    place.write("one.toml", "[[question]]\ntext = 'pump'\nexpect = ['n0.md']\n");
    let ran = place.run(&["tune", "one.toml"]);
    assert!(ran.code == 64 && ran.stderr.contains("fewer than two questions"), "{ran:?}");
}
