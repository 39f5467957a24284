use super::*;

/// The front matter and the body behind it.
fn parts(text: &str) -> (FrontMatter, &str) {
    match read(text) {
        Header::Read { front_matter, end } => (front_matter, &text[end..]),
        other => panic!("front matter is expected in {text:?}, not {other:?}"),
    }
}

fn yaml(content: &str) -> FrontMatter {
    parts(&format!("---\n{content}\n---\n")).0
}

fn tags(content: &str) -> Vec<String> {
    yaml(content).tags.iter().map(ToString::to_string).collect()
}

fn date(content: &str) -> Option<String> {
    yaml(content).date.map(|date| date.to_string())
}

#[test]
fn yaml_is_read() {
    let text = "---\r\ntitle: \"The: title\"\r\ntags:\r\n  - one\r\n  - Two words\r\ndate: 2026-04-06\r\nother: {a: [1]}\r\n---  \r\nbody";
    let (front_matter, body) = parts(text);
    assert_eq!(front_matter.title.as_deref(), Some("The: title"));
    assert_eq!(front_matter.tags, ["one", "Two words"].map(|tag| tag.parse().unwrap()));
    assert_eq!(front_matter.date, Timestamp::parse("2026-04-06T00:00:00Z"));
    assert_eq!(body, "body");
}

#[test]
fn toml_is_read() {
    let text = "+++\n\ntitle = 'T'\ntags = ['a', 1.5, ['inner']]\ndate = 2026-04-06T10:00:00+02:00\n[extra]\ntitle = 'x'\n+++\nbody";
    let (front_matter, body) = parts(text);
    assert_eq!(front_matter.title.as_deref(), Some("T"));
    assert_eq!(front_matter.tags, ["a", "1.5"].map(|tag| tag.parse().unwrap()));
    assert_eq!(front_matter.date, Timestamp::parse("2026-04-06T08:00:00Z"));
    assert_eq!(body, "body");
}

#[test]
fn tags_may_be_written_in_many_ways() {
    assert_eq!(tags("tags: [a, '#b', a, A]"), ["a", "b"]);
    assert_eq!(tags("tags: a, b c ,, '"), ["a", "b c", "'"]);
    assert_eq!(tags("tags: a '#b'\ntag: '#c'\nKeywords: d"), ["a", "'#b'", "c", "d"]);
    assert_eq!(tags("tags: [1.10, null, 2026, true, [x], {y: z}, &n w, *n]"), ["1.10", "2026", "true", "w"]);
    assert_eq!(tags("tags:"), Vec::<String>::new());
    assert_eq!(tags("nested:\n  tags: [a]"), Vec::<String>::new());
}

#[test]
fn what_cannot_be_a_tag_is_left_out() {
    assert_eq!(tags("tags: [good, a/b, \"x\\ny\", '#', '']"), ["good"]);
}

#[test]
fn dates_may_have_a_time_and_a_zone() {
    for (text, expected) in [
        ("2026-04-06", "2026-04-06T00:00:00.000000+00:00"),
        ("2026-04-06T10:30", "2026-04-06T10:30:00.000000+00:00"),
        ("'2026-04-06 10:30:05'", "2026-04-06T10:30:05.000000+00:00"),
        ("2026-04-06T10:30:00Z", "2026-04-06T10:30:00.000000+00:00"),
        ("2026-04-06 10:30:00 +0200", "2026-04-06T08:30:00.000000+00:00"),
        ("2026-04-06 10:30 UTC", "2026-04-06T10:30:00.000000+00:00"),
        ("2026-04-06T10:30:00.25-05:00", "2026-04-06T15:30:00.250000+00:00"),
    ] {
        assert_eq!(date(&format!("date: {text}")).as_deref(), Some(expected), "{text}");
    }
    for text in ["yesterday", "2026-13-01", "[2026-01-01]", "''", "9999-99-99T99:99"] {
        assert_eq!(date(&format!("date: {text}")), None, "{text}");
    }
}

#[test]
fn the_date_of_the_last_change_is_preferred() {
    let all = "created: 2026-01-01\npublished: 2026-01-02\ndate: 2026-01-03\nlast-modified: 2026-01-04";
    assert_eq!(date(all).unwrap()[..10], *"2026-01-04");
    assert_eq!(date("created: 2026-01-01\nupdated: unknown").unwrap()[..10], *"2026-01-01");
}

#[test]
fn titles_are_one_line_and_not_empty() {
    assert_eq!(yaml("title: >\n  two\n  lines").title.as_deref(), Some("two lines"));
    assert_eq!(yaml("title: 1.10").title.as_deref(), Some("1.10"));
    for empty in ["title:", "title: ''", "title: ~", "title: [a]"] {
        assert_eq!(yaml(empty).title, None, "{empty}");
    }
}

#[test]
fn text_between_rules_is_no_front_matter() {
    for text in [
        "",
        "text",
        "---",
        "---\n",
        "---\ntitle: open\n",
        " ---\na: b\n---\n",
        "----\na: b\n---\n",
        "---\n# Heading\n---\ntext",
        "---\n\na: b\n\n---\n",
        "---\nplain prose\n---\n",
        "---\n- item\n---\n",
        "---\n[broken\n---\n",
        "+++\n# comment\n+++\n",
        "text\n---\na: b\n---\n",
    ] {
        assert_eq!(read(text), Header::Absent, "{text:?}");
    }
}

#[test]
fn broken_front_matter_is_told_from_none() {
    for head in
        ["---\ntitle: a: b\n---\n", "---\ntags: [a\n---\n", "+++\ntitle = \n+++\n", "---\na: '\n...\n"]
    {
        assert_eq!(read(&format!("{head}body")), Header::Malformed { end: head.len() }, "{head:?}");
    }
    let huge = format!("---\na: {}\n---\n", "x".repeat(MAX_LENGTH));
    assert_eq!(read(&huge), Header::Malformed { end: huge.len() });
}

#[test]
fn empty_front_matter_is_front_matter() {
    for text in ["---\n---\nbody", "+++\n\n+++\nbody"] {
        assert_eq!(parts(text), (FrontMatter::default(), "body"));
    }
}

#[test]
fn hostile_front_matter_is_harmless() {
    let nested = format!("---\na: {}\n---\n", "[".repeat(MAX_LENGTH - 10));
    assert!(matches!(read(&nested), Header::Malformed { .. }));
    let deep = format!("---\na:\n{}x\n---\n", "- ".repeat(MAX_LENGTH / 2 - 10));
    let _ = read(&deep);
    let mut bomb = "---\na0: &a0 [x, x]\n".to_owned();
    for n in 1..60 {
        bomb += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    assert_eq!(parts(&format!("{bomb}tags: *a59\n---\n")).0, FrontMatter::default());
    let braces = format!("+++\na = {}\n+++\n", "[".repeat(MAX_LENGTH - 10));
    assert!(matches!(read(&braces), Header::Malformed { .. }));
}
