use super::*;

fn faults(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_question_with_everything() {
    let questions = read(
        r#"# What newcomers ask.
[[question]]
text = "How is a snapshot restored?"
project = "Notes"
scope = true
tags = ["ops"]
path = "docs/**"
mode = "lexical"
expect = [
    { document = "docs/safety.md", heading = "Restoring", grade = 2 },
    { contains = "staged, verified" },
    "docs/backup-format.md",
]
must_not = ["docs/_archive"]

[[question]]
text = "Who?"

[[question.expect]]
document = "a.md"
grade = 0.5
"#,
    )
    .unwrap();
    let [first, second] = questions.as_slice() else { panic!("{questions:?}") };
    assert_eq!((first.line, second.line), (2, 16));
    assert_eq!(first.project, ProjectHint::Scope("Notes".parse().unwrap()));
    assert_eq!(
        (first.tags.len(), first.path.as_deref(), first.mode),
        (1, Some("docs/**"), Some(Mode::Lexical))
    );
    assert_eq!(first.expect.iter().map(|expected| expected.grade).collect::<Vec<_>>(), [2.0, 1.0, 1.0]);
    assert_eq!(first.expect[0].passage.to_string(), "docs/safety.md, heading \"Restoring\"");
    assert!(first.must_not[0].fits_document("docs/_archive/old.md"));
    assert_eq!((second.expect[0].grade, &second.project), (0.5, &ProjectHint::None));
}

#[test]
fn every_fault_is_named_at_once_with_its_line_and_a_hint() {
    let found = faults(
        r#"answers = 1

[[question]]
txt = "a"
expect = []

[[question]]
text = "  "
scope = true
mode = "quick"
path = "["
tags = ["", 3]
expect = [{ grade = 1 }, { document = 3 }, { heading = " " }, 4, { document = "a.md", grade = 0 }]
must_not = [{ document = "a.md", grade = 2 }]

[[question]]
text = "alone"
project = "a/b"

[[question]]
text = "alone"
expect = "a.md"
"#,
    );
    let expected = [
        "line 1: the file has no `answers`",
        "line 3: the question has no `text`",
        "line 4: a question has no `txt`",
        "line 5: `expect` is an empty list",
        "line 8: `text` cannot be used",
        "line 9: `scope` needs a `project`",
        "line 10: `mode` cannot be used",
        "line 11: `[` is not a path pattern",
        "line 12: the tag is empty",
        "line 12: a tag is not a text",
        "line 13: an entry of `expect` cannot be used: nothing says",
        "line 13: `document` is not a text",
        "line 13: an entry of `expect` cannot be used: `heading` is blank",
        "line 13: an entry of `expect` is neither",
        "line 13: `grade` is not a number above 0",
        "line 14: an entry of `must_not` has no `grade`",
        "line 16: the question expects nothing",
        "line 18: `project` cannot be used",
        "line 20: the same question stands in line 16",
        "line 22: `expect` is not a list",
    ];
    for (number, start) in expected.iter().enumerate() {
        assert!(found.get(number).is_some_and(|fault| fault.starts_with(start)), "{start}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn what_is_no_toml_is_named_by_line() {
    let found = faults("[[question]]\ntext = \"a\nexpect = [\n");
    assert!(!found.is_empty() && found[0].starts_with("line 2: this is not TOML"), "{found:?}");
}

#[test]
fn no_question_at_all_is_a_fault() {
    for nothing in ["", "# later\n", "question = []", "[question]\ntext = 'a'"] {
        assert_eq!(faults(nothing).len(), 1, "{nothing}");
    }
}

#[test]
fn the_example_of_the_documentation_reads_well() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evaluation.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, rest) = document.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let questions = read(example).unwrap();
    assert!(questions.iter().any(|question| !question.must_not.is_empty() && question.mode.is_some()));
}
