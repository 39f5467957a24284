use super::*;

/// The front matter, the parts of it that tell something, and the body behind it.
fn whole(text: &str) -> (FrontMatter, Vec<&str>, &str) {
    match read(text) {
        Header::Read { front_matter, telling, end, .. } => {
            (front_matter, telling.into_iter().map(|part| text[part].trim_end()).collect(), &text[end..])
        }
        other => panic!("front matter is expected in {text:?}, not {other:?}"),
    }
}

/// What it means, and the body behind it.
fn parts(text: &str) -> (Meaning, &str) {
    let (front_matter, _, body) = whole(text);
    let mut tags = Tags::default();
    add_tags(&front_matter, &mut tags);
    (Meaning { title: title(&front_matter), tags: tags.into_inner(), date: super::date(&front_matter) }, body)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Meaning {
    title: Option<String>,
    tags: Vec<atocore_model::name::Tag>,
    date: Option<Timestamp>,
}

/// Every field as `key = value` or `key = [value, …]`.
fn shown(front_matter: &FrontMatter) -> Vec<String> {
    let fields = front_matter.fields.iter().map(|field| match &field.value {
        FieldValue::One(text) => format!("{} = {text}", field.key),
        FieldValue::Many(texts) => format!("{} = [{}]", field.key, texts.join(", ")),
    });
    fields.collect()
}

fn fields_of(content: &str) -> Vec<String> {
    shown(&whole(&format!("---\n{content}\n---\n")).0)
}

fn yaml(content: &str) -> Meaning {
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
    assert_eq!(front_matter.tags, ["a", "1.5", "inner"].map(|tag| tag.parse().unwrap()));
    assert_eq!(front_matter.date, Timestamp::parse("2026-04-06T08:00:00Z"));
    assert_eq!(body, "body");
}

#[test]
fn tags_may_be_written_in_many_ways() {
    assert_eq!(tags("tags: [a, '#b', a, A]"), ["a", "b"]);
    assert_eq!(tags("tags: a, b c ,, '"), ["a", "b c", "'"]);
    assert_eq!(tags("tags: a '#b'\ntag: '#c'\nKeywords: d"), ["a", "'#b'", "c", "d"]);
    assert_eq!(
        tags("tags: [1.10, null, 2026, true, [x], {y: z}, &n w, *n]"),
        ["1.10", "2026", "true", "x", "w"]
    );
    assert_eq!(tags("tags:"), Vec::<String>::new());
    assert_eq!(tags("nested:\n  tags: [a]"), Vec::<String>::new());
}

#[test]
fn what_cannot_be_a_tag_is_left_out() {
    assert_eq!(tags("tags: [good, a/b, \"x\\ny\", '#', '', '/', 'a\\b']"), ["good", "a/b"]);
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
    for head in ["---\ntags: [a\n---\n", "+++\ntitle = \n+++\n", "---\na: [\nb: {\n---\n"] {
        let text = format!("{head}body");
        let Header::Malformed { fault, end } = read(&text) else { panic!("{head:?}") };
        assert_eq!(end, head.len());
        assert!(fault.contains("is read as text"), "{fault}");
    }
    let huge = format!("---\na: {}\n---\n", "x".repeat(MAX_LENGTH));
    assert!(matches!(read(&huge), Header::Malformed { end, .. } if end == huge.len()));
}

#[test]
fn an_entry_that_cannot_be_read_costs_itself() {
    let content = "title: Foo: the bar\ntags: [x1]\nbroken: [a\nlist:\n- one\n- two: {\nauthor: @ada\nnote: \"a\" b\nlast: yes";
    let text = format!("---\n{content}\n---\n");
    let (front_matter, telling, _) = whole(&text);
    assert_eq!(
        shown(&front_matter),
        [
            "title = Foo: the bar",
            "tags = [x1]",
            "list = [one]",
            "author = @ada",
            "note = \"a\" b",
            "last = yes"
        ]
    );
    let fault =
        |line, key, what| format!("line {line} of the front matter is not valid YAML: `{key}` {what}");
    assert_eq!(
        front_matter.faults,
        [
            fault(2, "title", "is taken as text"),
            fault(4, "broken", "is left out"),
            fault(7, "- two: {", "is left out"),
            fault(8, "author", "is taken as text"),
            fault(9, "note", "is taken as text"),
        ]
    );
    assert_eq!(
        telling,
        ["tags: [x1]", "broken: [a", "list:\n- one\n- two: {", "note: \"a\" b"],
        "no word is lost"
    );

    let (front_matter, ..) = whole("+++\ntitle = 'T'\nbad = Foo bar\ntags = ['a',\n 'b']\n[x]\ny = 1\n+++\n");
    assert_eq!(shown(&front_matter), ["title = T", "bad = Foo bar", "tags = [a, b]", "x.y = 1"]);
    assert_eq!(front_matter.faults, ["line 3 of the front matter is not valid TOML: `bad` is taken as text"]);
    let many: String = (0..20).map(|n| format!("a{n}: b: c\n")).collect();
    let (front_matter, ..) = whole(&format!("---\n{many}---\n"));
    assert_eq!(front_matter.faults.len(), MAX_FAULTS + 1);
    assert_eq!(front_matter.faults[MAX_FAULTS], "and 15 more faults of the front matter");
}

#[test]
fn a_key_that_stands_there_twice_counts_once_and_is_told() {
    for text in [
        "---\nauthor: first\nauthor: second one\nlast: yes\n---\n",
        "+++\nauthor = \"first\"\nauthor = \"second one\"\nlast = \"yes\"\n+++\n",
    ] {
        let (front_matter, telling, _) = whole(text);
        assert_eq!(shown(&front_matter), ["author = first", "last = yes"]);
        assert_eq!(
            front_matter.faults,
            ["line 3 of the front matter has `author` once more: the first counts"]
        );
        assert!(telling.iter().any(|text| text.contains("second one")), "its words stay");
    }
    let merged = "base: &b {author: other, note: x}\n<<: *b\nauthor: own";
    assert!(
        whole(&format!("---\n{merged}\n---\n")).0.faults.is_empty(),
        "what is merged in may be said again"
    );
}

#[test]
fn a_template_in_place_of_a_value_is_told_and_its_words_stay() {
    let (front_matter, telling, _) = whole("---\ntitle: {{ planned title }}\nlast: yes\n---\n");
    assert_eq!(shown(&front_matter), ["last = yes"]);
    let fault = "line 2 of the front matter is not valid YAML: `title` is left out";
    assert_eq!(front_matter.faults, [fault]);
    assert!(telling.iter().any(|text| text.contains("planned title")), "{telling:?}");
}

#[test]
fn a_line_of_a_list_or_of_a_mapping_that_cannot_be_read_costs_itself() {
    for bad in ["@home", "`code`", "%x", "\"open", "it's: a: b", "'a' b", "\"a\" b", "key: @x", "- @deep"] {
        for indent in ["", "  "] {
            let (front_matter, ..) = whole(&format!(
                "---\ntags:\n{indent}- good1\n{indent}- {bad}\n{indent}- good2\nlast: yes\n---\n"
            ));
            let FieldValue::Many(kept) = &front_matter.fields[0].value else { panic!("{bad}") };
            assert!(
                ["good1", "good2"].iter().all(|good| kept.iter().any(|text| text == good)),
                "{bad}: {kept:?}"
            );
            assert_eq!(front_matter.faults.len(), 1, "{bad}: {front_matter:?}");
            assert!(front_matter.faults[0].starts_with("line 4 "), "{bad}: {front_matter:?}");
        }
    }
    for bad in ["  - [a", "  - {b: c", "  - *unknown", " - less", "  key: value", "\t- tab"] {
        let text = format!("---\naliases:\n  - good1\n{bad}\n  - good2\n---\n");
        let (front_matter, telling, _) = whole(&text);
        assert_eq!(shown(&front_matter), ["aliases = [good1, good2]"], "{bad:?}");
        let fault = format!("line 4 of the front matter is not valid YAML: `{}` is left out", bad.trim());
        assert_eq!((front_matter.faults, telling.len()), (vec![fault], 1), "{bad:?}");
    }
    assert_eq!(
        fields_of(
            "base: &b Xylo\nauthor:\n  note: |\n    x: @kept\n    y: [\n  name: @ada\n  alias: *b\n  mail: [a, b]\n  - stray\nlast: yes"
        ),
        [
            "base = Xylo",
            "author.note = x: @kept\ny: [\n",
            "author.name = @ada",
            "author.alias = Xylo",
            "author.mail = [a, b]",
            "last = yes"
        ]
    );
    let many: String = (0..200).map(|number| format!("- @a{number}\n- b{number}\n")).collect();
    assert_eq!(tags(&format!("tags:\n{many}")).len(), 400);
    let hostile = format!("---\ntags: [kept]\nlist:\n{}---\n", "- [\n".repeat(15_000));
    assert_eq!(shown(&whole(&hostile).0)[0], "tags = [kept]");
}

#[test]
fn every_field_is_kept_and_nested_ones_are_named_by_their_way() {
    assert_eq!(
        fields_of(
            "Aliases: [k8s, kube]\nauthor:\n  name: Ada\n  mail: [a, b]\nempty: ~\nnone: []\nlist:\n- {n: 1}\n- {n: 2}"
        ),
        [
            "Aliases = [k8s, kube]",
            "author.name = Ada",
            "author.mail = [a, b]",
            "none = []",
            "list = []",
            "list.n = [1, 2]"
        ]
    );
    let (front_matter, ..) = whole("+++\na = [1, ['x']]\nd = 2026-04-06\n[author]\nname = 'Ada'\n+++\n");
    assert_eq!(shown(&front_matter), ["a = [1, x]", "author.name = Ada", "d = 2026-04-06"]);
}

#[test]
fn aliases_stand_for_what_they_name() {
    assert_eq!(
        fields_of("name: &n Xylo\ntitle: *n\nl: &l [a, b]\nm: *l\nbase: &b {x: 1}\nmore:\n  <<: *b\n  y: *n"),
        [
            "name = Xylo",
            "title = Xylo",
            "l = [a, b]",
            "m = [a, b]",
            "base.x = 1",
            "more.x = 1",
            "more.y = Xylo"
        ]
    );
    let broken = "name: &n Xylo\nbad: [\ntitle: *n";
    assert_eq!(fields_of(broken), ["name = Xylo", "title = Xylo"], "also beside what cannot be read");
}

#[test]
fn what_says_more_than_title_tags_and_date_tells_something() {
    let told = |content: &str| {
        let text = format!("---\n{content}\n---\n");
        whole(&text).1.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told("title: A b c\ntags: [two words]\ndate: 2026-04-06 10:00 UTC\nlayout: page\nid: 12"),
        [""; 0]
    );
    assert_eq!(
        told("title: T\naliases: [k8s]\ndraft: true\ndescription: >\n  of\n  two lines\nn: 1"),
        ["aliases: [k8s]", "description: >\n  of\n  two lines"]
    );
    assert_eq!(
        told("author:\n  name: Ada Numbat\n\"my key\": some words"),
        ["author:\n  name: Ada Numbat", "\"my key\": some words"]
    );
    assert_eq!(told(&format!("title: {}", "word ".repeat(60))).len(), 1, "a title that is cut");
}

#[test]
fn empty_front_matter_is_front_matter() {
    for text in ["---\n---\nbody", "+++\n\n+++\nbody"] {
        assert_eq!(parts(text), (Meaning::default(), "body"));
    }
}

#[test]
fn hostile_front_matter_is_harmless() {
    let nested = format!("---\na: {}\n---\n", "[".repeat(MAX_LENGTH - 10));
    assert!(matches!(read(&nested), Header::Malformed { .. }));
    for (content, language) in [
        ("- ".repeat(MAX_LENGTH / 2 - 10) + "x", Language::Yaml),
        ("? ".repeat(MAX_LENGTH / 2 - 10) + "x", Language::Yaml),
        ("[".repeat(40), Language::Yaml),
        ((0..40).map(|n| format!("{}a:\n", " ".repeat(n))).collect(), Language::Yaml),
        (format!("{} = 1", "a.".repeat(20_000) + "a"), Language::Toml),
        (format!("[{}]", "a.".repeat(20_000) + "a"), Language::Toml),
        (format!("a = {}", "[".repeat(40_000)), Language::Toml),
    ] {
        let begin: String = content.chars().take(20).collect();
        assert!(entries::nests_too_deep(language, &content), "{begin}");
        for text in [format!("---\na:\n  {content}\n---\n"), format!("+++\n{content}\n+++\n")] {
            let _any = read(&text);
        }
    }
    let mut bomb = "---\ntags: [kept]\na0: &a0 [x, x]\n".to_owned();
    for n in 1..60 {
        bomb += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    let (front_matter, ..) = whole(&format!("{bomb}---\n"));
    assert_eq!(shown(&front_matter)[..2], ["tags = [kept]", "a0 = [x, x]"]);
    let size: usize = front_matter.fields.iter().flat_map(|field| field.value.texts()).map(String::len).sum();
    assert!(size <= MAX_BYTES, "{size}");
    let quadratic = format!("---\na: &a {}\n{}---\n", "x".repeat(30_000), "b: *a\n".repeat(4_000));
    let (front_matter, ..) = whole(&quadratic);
    assert!(front_matter.fields.len() < 10);
}
