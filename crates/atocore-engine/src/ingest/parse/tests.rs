use std::time::Duration;

use atocore_model::time::Timestamp;
use atocore_testkit::fuzz::processor_time;
use proptest::prelude::*;

use super::*;

fn markdown(text: &str) -> ParsedDocument {
    parse(Format::Markdown, "the-file_name.md", text, ChunkLimits::default())
}

/// Heading path, text, first and last line of each chunk.
fn chunks(document: &ParsedDocument) -> Vec<(&str, &str, u32, u32)> {
    let parts = |c: &ChunkDraft| (c.lines.first, c.lines.last);
    let view = |c| {
        let (first, last) = parts(c);
        (c.heading_path.as_str(), c.text.as_str(), first, last)
    };
    document.chunks.iter().map(view).collect()
}

#[test]
fn a_document_is_read() {
    let text = "\u{feff}---\ntitle: Given\ntags: [a]\ndate: 2026-04-06\n---\n# Top\n\nIntro.\n\n## Part\n\n- one\n- two\n\n```sh\nrun\n```\n\n### Detail\ndeep\n\n## Other\nlast\n";
    let document = markdown(text);
    assert_eq!(document.title, "Given");
    assert_eq!(document.tags, ["a".parse().unwrap()]);
    assert_eq!(document.date, Timestamp::parse("2026-04-06T00:00:00Z"));
    assert_eq!(
        chunks(&document),
        [
            ("Top", "Intro.", 8, 8),
            ("Top > Part", "- one\n- two\n\n```sh\nrun\n```", 12, 17),
            ("Top > Part > Detail", "deep", 20, 20),
            ("Top > Other", "last", 23, 23),
        ]
    );
}

#[test]
fn the_title_comes_from_front_matter_heading_or_name() {
    for (text, title) in [
        ("---\ntitle: A\n---\n# B\n", "A"),
        ("---\ntitle: ''\n---\n# B\n", "B"),
        ("text\n\nB\n=\n", "B"),
        ("## A\n# B\n", "the file name"),
        ("#\n# B\n", "the file name"),
        ("", "the file name"),
    ] {
        assert_eq!(markdown(text).title, title, "{text:?}");
    }
    for (name, title) in [("a.b-c.txt", "a.b c"), ("README", "README"), (".md", ".md"), ("--.md", "--.md")] {
        assert_eq!(parse(Format::Text, name, "# B", ChunkLimits::default()).title, title);
    }
}

#[test]
fn broken_front_matter_is_text_and_no_heading() {
    let document = markdown("---\ntags: [a\n---\n# Top\ntext\n");
    assert_eq!(document.title, "Top");
    assert_eq!(chunks(&document), [("", "---\ntags: [a\n---", 1, 3), ("Top", "text", 5, 5)]);
    assert_eq!(document.front_matter.faults, ["front matter that is not valid YAML is read as text"]);
}

#[test]
fn what_a_note_says_of_itself_is_its_first_passage() {
    let text = "---\ntitle: Kubernetes\naliases: [k8s]\ndate: 2026-01-01\ndescription: quokka platform\ntags: [infra]\n---\n\
                # Top\nWe run it. #work/now\n";
    let document = markdown(text);
    assert_eq!(
        chunks(&document),
        [
            ("", "aliases: [k8s]\ndate: 2026-01-01\ndescription: quokka platform\ntags: [infra]", 3, 6),
            ("Top", "We run it. #work/now", 9, 9),
        ]
    );
    assert_eq!(document.tags, ["infra", "work/now"].map(|tag| tag.parse().unwrap()));
    assert_eq!(document.front_matter.fields.len(), 5);
}

#[test]
fn a_document_without_text_is_found_by_what_it_has() {
    for (text, shown) in [
        ("---\nname: Ada Numbat\n---\n", ("name: Ada Numbat", 2)),
        ("---\ntitle: A\ndate: 2026-01-01\n---\n", ("title: A\ndate: 2026-01-01", 2)),
        ("", ("the file name", 1)),
        ("\u{feff}", ("the file name", 1)),
        (" \n\r\n\t", ("the file name", 1)),
        ("#\n\n---\n", ("the file name", 1)),
        ("---\n---\n&nbsp;\n", ("the file name", 1)),
        ("---\na: 1\n---\n&nbsp;\n\n&#32;", ("a: 1", 2)),
    ] {
        let document = markdown(text);
        let [chunk] = document.chunks.as_slice() else { panic!("one passage of {text:?}") };
        assert_eq!((chunk.text.as_str(), chunk.lines.first), shown, "{text:?}");
    }
    assert_eq!(
        parse(Format::Text, "Only Title.txt", "\n", ChunkLimits::default()).chunks[0].text,
        "Only Title"
    );
}

#[test]
fn characters_that_are_written_by_name_are_those_characters() {
    let document = markdown("# R&amp;D\nThe caf&eacute; is &gt; `&lt;b&gt;`\n\n<p>na&iuml;ve</p>\n");
    assert_eq!(chunks(&document), [("R&D", "The café is > `&lt;b&gt;`\n\n<p>naïve</p>", 2, 4)]);
    let plain = parse(Format::Text, "a.txt", "R&amp;D", ChunkLimits::default());
    assert_eq!(plain.chunks[0].text, "R&amp;D");
}

#[test]
fn pictures_within_a_document_are_no_text() {
    let picture = "iVBORw0KGgoAAAANSUhEUgAA".repeat(4000);
    let document =
        markdown(&format!("# A\nBefore ![alt](data:image/png;base64,{picture}) after.\n\nNext.\n"));
    assert_eq!(chunks(&document), [("A", "Before ![alt](data:image/png;base64,…) after.\n\nNext.", 2, 4)]);
}

#[test]
fn headings_above_text_are_in_its_path_only() {
    let document = markdown("# A\n\n## B\n\n#### C\n\ntext\n");
    assert_eq!(chunks(&document), [("A > B > C", "text", 7, 7)]);
}

#[test]
fn headings_above_nothing_are_text_themselves() {
    let document = markdown("# A\ntext\n## B\n### C\n---\n## D\n## E\nmore\n## F\n# G\n");
    assert_eq!(
        chunks(&document),
        [
            ("A", "text", 2, 2),
            ("A", "## B\n### C\n---\n## D", 3, 6),
            ("A > E", "more", 8, 8),
            ("A", "## F", 9, 9),
            ("", "# G", 10, 10),
        ]
    );
}

#[test]
fn a_document_of_headings_is_searchable() {
    let text: String = (0..100).map(|n| format!("# Heading {n}\n\n")).collect();
    let document = markdown(&text);
    assert!((2..5).contains(&document.chunks.len()));
    let words: String = document.chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    assert!((0..100).all(|n| words.contains(&format!("# Heading {n}"))));
}

#[test]
fn plain_text_has_paragraphs_and_no_headings() {
    let text = format!("---\na: b\n---\n# one\n\n{}\n\n\nend", "word ".repeat(155));
    let document = parse(Format::Text, "a.txt", &text, ChunkLimits::default());
    let places: Vec<_> =
        chunks(&document).iter().map(|&(path, _, first, last)| (path, first, last)).collect();
    assert_eq!(places, [("", 1, 6), ("", 9, 9)]);
}

#[test]
fn overlap_never_crosses_a_heading() {
    let long = "Words of a sentence. ".repeat(100);
    let document = markdown(&format!("# A\n{long}\n# B\n{long}\n"));
    let of_b: Vec<_> = document.chunks.iter().filter(|chunk| chunk.heading_path.as_str() == "B").collect();
    assert!(of_b.len() > 2 && of_b.iter().all(|chunk| chunk.lines.first == 4));
    assert_eq!(of_b.len() * 2, document.chunks.len());
}

#[test]
fn the_time_for_large_and_hostile_documents_grows_with_their_size() {
    let repeat = |unit: &str, bytes: usize| unit.repeat(bytes / unit.len());
    let headings = (0..10_000).map(|n| format!("{} Heading {n}\ntext\n", "#".repeat(n % 6 + 1))).collect();
    let long_heading = format!("# {}\n{}", "x".repeat(100_000), "## y\ntext\n".repeat(10_000));
    let mut cases = vec![headings, long_heading, repeat("x", 5_000_000), repeat("word ", 5_000_000)];
    for unit in [
        "#\n",
        "# a\n",
        "- a\n",
        "- ",
        "> ",
        "1. ",
        "[^1]: ",
        "[^1]: a\n",
        "a\r\n\r\n",
        " ",
        "\n",
        "\r",
        "\0",
        "文",
        "|",
        "a|b\n-|-\n",
        "`",
        "*a ",
        "~~",
        "&a",
        "<a",
        "<!--",
        "[",
        "![",
        "[a](",
        "[a]: b\n",
        "\\",
    ] {
        cases.push(repeat(unit, 250_000));
        cases.push(format!("{}a", repeat(unit, 250_000)));
        cases.push(format!("---\n{}", repeat(unit, 250_000)));
    }
    for text in cases {
        for format in [Format::Markdown, Format::Text] {
            let quarter = &text[..text.floor_char_boundary(text.len() / 4)];
            let (_, short) = timed(|| parse(format, "a.md", quarter, ChunkLimits::default()));
            let (document, long) = timed(|| parse(format, "a.md", &text, ChunkLimits::default()));
            let start_of_text: String = text.chars().take(20).collect();
            // Four times is right, sixteen times would be the square of it.
            let bound = short * 8 + Duration::from_millis(300);
            assert!(long < bound, "{start_of_text:?} took {long:?}, a quarter of it {short:?}");
            assert!(document.chunks.iter().all(|chunk| chunk.text.chars().count() <= 800));
        }
    }
}

/// What `work` returns, and the time that this thread was on a processor for it, whatever else the machine does.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = processor_time().unwrap();
    let result = work();
    (result, processor_time().unwrap() - before)
}

/// What holds for every document.
fn check(text: &str, document: &ParsedDocument, limits: ChunkLimits) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if document.format == "markdown" { without_hidden(text) } else { text.into() };
    let line_starts: Vec<_> = [0]
        .into_iter()
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .chain([text.len() + 1])
        .collect();
    let mut last = None;
    for chunk in &document.chunks {
        assert!(!chunk.text.trim().is_empty());
        if text.trim().is_empty() || chunk.text == document.title {
            continue;
        }
        assert!(chunk.text.chars().count() <= limits.max_chars());
        let LineSpan { first, last: end } = chunk.lines;
        let cited = &text[line_starts[first as usize - 1]..line_starts[end as usize] - 1];
        assert!(cited.contains(&chunk.text), "lines {} hold {:?}", chunk.lines, chunk.text);
        // The cited lines are exactly those of the text: none of them could be left out.
        assert_eq!(chunk.text.matches('\n').count(), (end - first) as usize);
        assert!(last.is_none_or(|last| last <= (first, end)), "chunks are in document order");
        last = Some((first, end));
    }
}

/// Lines of Markdown in which every word that matters is another one.
fn markdown_like() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => Just("W words. And more"), 2 => Just("# W"), 2 => Just("### W ###"), 1 => Just("==="), 2 => Just("---"),
        6 => Just(""), 2 => Just("- W"), 2 => Just("  1. W"), 2 => Just("```"), 2 => Just("    W"), 1 => Just("> W"),
        1 => Just("> # W"), 2 => Just("| W | b |"), 1 => Just("|---|---|"), 1 => Just("[W]: http://x"), 1 => Just("<div>W"),
        1 => Just("[^1]: W"), 1 => Just("\tW 文字。文字"), 1 => Just("W: value"), 1 => Just("+++"), 1 => Just("- ***"),
        1 => Just("* * *"), 1 => Just("<!-- W"), 1 => Just("-->"), 1 => Just(">"), 1 => Just("- [ ] W"), 1 => Just("W\\"),
    ];
    let long = (1_usize..60).prop_map(|n| "W words of a long line. ".repeat(n));
    let line = prop_oneof![12 => line.prop_map(str::to_owned), 1 => long];
    let end = prop_oneof![8 => Just("\n"), 2 => Just("\r\n"), 1 => Just(" \n")];
    prop::collection::vec((line, end), 0..60).prop_map(|lines| {
        let mut number = 0;
        let mut text = String::new();
        for (line, end) in lines {
            for (index, part) in line.split('W').enumerate() {
                if index > 0 {
                    number += 1;
                    text += &format!("w{number}w");
                }
                text += part;
            }
            text += end;
        }
        text
    })
}

fn any_limits() -> impl Strategy<Value = ChunkLimits> {
    (100_usize..400)
        .prop_flat_map(|max| (Just(max), 0..max / 2))
        .prop_map(|(max, overlap)| ChunkLimits::new(max, overlap).unwrap())
}

/// Asserts that each word is in a chunk that cites its line, or in a heading path.
fn check_words(text: &str, document: &ParsedDocument) {
    let body = match (document.format, front_matter::read(text)) {
        ("markdown", Header::Read { end, .. }) => end,
        _ => 0,
    };
    for (index, line) in text.lines().enumerate() {
        if line.as_ptr() as usize - (text.as_ptr() as usize) < body {
            continue;
        }
        let number = u32::try_from(index).unwrap() + 1;
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with('w')) {
            let in_text = document.chunks.iter().any(|chunk| {
                (chunk.lines.first..=chunk.lines.last).contains(&number) && chunk.text.contains(word)
            });
            let in_path = || document.chunks.iter().any(|chunk| chunk.heading_path.as_str().contains(word));
            assert!(in_text || in_path(), "{word:?} of line {number} is lost");
        }
    }
}

proptest! {
    #[test]
    fn no_word_of_markdown_is_lost(text in markdown_like(), limits in any_limits()) {
        for format in [Format::Markdown, Format::Text] {
            let document = parse(format, "a.md", &text, limits);
            check(&text, &document, limits);
            check_words(&text, &document);
            prop_assert_eq!(&document, &parse(format, "a.md", &text, limits));
        }
    }

    #[test]
    fn arbitrary_text_is_read(text in "(---\n)?(\\PC|[ \n\r\t#>*`|\\-+=\\[\\]:.\u{feff}\u{3000}]){0,400}", limits in any_limits()) {
        for format in [Format::Markdown, Format::Text] {
            check(&text, &parse(format, "a.md", &text, limits), limits);
        }
    }

    #[test]
    fn every_character_of_long_text_is_in_a_chunk(
        text in "([a-z]{1,150}[.!?]?[ \n]{1,3}|[文字]{1,150}。?){1,60}", limits in any_limits()
    ) {
        let document = parse(Format::Text, "a.txt", &text, limits);
        check(&text, &document, limits);
        let mut rest = text.trim();
        for chunk in &document.chunks {
            // Each chunk goes on where the one before it ended, or repeats some of its end.
            let new = (0..=chunk.text.len())
                .filter(|&at| chunk.text.is_char_boundary(at))
                .find(|&at| at < chunk.text.len() && rest.starts_with(&chunk.text[at..]));
            prop_assert!(new.is_some(), "{:?} does not go on with {:?}", chunk.text, rest);
            rest = rest[chunk.text.len() - new.unwrap_or(0)..].trim_start();
        }
        prop_assert_eq!(rest, "");
    }
}

/// Location and text of each chunk.
fn located(document: &Extracted) -> Vec<(String, String)> {
    let parsed = parse_extracted(Format::Pdf, "a.pdf", document, ChunkLimits::default());
    let view = |chunk: ChunkDraft| (chunk.location.unwrap().to_string(), chunk.text);
    parsed.chunks.into_iter().map(view).collect()
}

#[test]
fn passages_end_with_their_page_and_not_with_their_row() {
    let text = "Page one.\n\nAnd more,\n\ngoing on\nhere.\n\nLast.";
    let mark = |part: &str, is_apart, name: &str| LocationMark {
        from: text.find(part).unwrap(),
        is_apart,
        name: name.to_owned(),
    };
    let pages = |is_apart| Extracted {
        text: text.to_owned(),
        locations: vec![
            mark("Page", is_apart, "page 1"),
            mark("here", is_apart, "page 2"),
            mark("Last", is_apart, "page 3"),
        ],
        ..Extracted::default()
    };
    let expected = [
        ("page 1 to page 2".to_owned(), "Page one.\n\nAnd more,\n\ngoing on\nhere.".to_owned()),
        ("page 3".to_owned(), "Last.".to_owned()),
    ];
    assert_eq!(located(&pages(true)), expected, "a paragraph that goes over the end of a page stays whole");
    assert_eq!(located(&pages(false)), [("page 1 to page 3".to_owned(), text.to_owned())]);
}

#[test]
fn cells_of_a_passage_are_those_of_all_its_rows() {
    let rows = [("a: 1\n", "C4"), ("a: 1; c: 3\n", "C5:E5"), ("b: 2\n", "D6"), ("Comment on A5: x\n", "A5")];
    let mut document = Extracted::default();
    for (line, cells) in rows {
        let name = format!("sheet Budget, {cells}");
        document.locations.push(LocationMark { from: document.text.len(), is_apart: false, name });
        document.text.push_str(line);
    }
    document.structure =
        TextStructure::Sections(vec![TextSection { from: 0, path: Vec::new(), begins: true }]);
    assert_eq!(located(&document)[0].0, "sheet Budget, A4:E6");
}

#[test]
fn what_nobody_reads_moves_no_location() {
    let blob = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(200));
    let first = format!("One ![]({blob}) picture.\n\n");
    let marks = [(0, "page 1"), (first.len(), "page 2\u{1f}")];
    let marks = marks.map(|(from, name)| LocationMark { from, is_apart: true, name: name.to_owned() });
    let document =
        Extracted { text: format!("{first}Two."), locations: marks.to_vec(), ..Extracted::default() };
    let found = located(&document);
    assert_eq!((found[1].0.trim(), found[1].1.as_str()), ("page 2", "Two."));
    assert!(found[0].1.len() < 100, "{found:?}");
}

#[test]
fn sections_of_a_text_are_cut_by_themselves_below_their_names() {
    let section = |from, path: &[&str]| TextSection {
        from,
        path: path.iter().map(|name| (*name).to_owned()).collect(),
        begins: true,
    };
    let text = "use x;\nmod a {\nfn b() {}\nfn c() {}\n";
    let sections =
        vec![section(0, &[]), section(7, &["a"]), section(15, &["a", "b"]), section(25, &["a", "c"])];
    let document = Extracted {
        text: text.to_owned(),
        structure: TextStructure::Sections(sections),
        ..Extracted::default()
    };
    let parsed = parse_extracted(Format::Code, "x.rs", &document, ChunkLimits::default());
    assert_eq!(
        chunks(&parsed),
        [
            ("", "use x;", 1, 1),
            ("a", "mod a {", 2, 2),
            ("a > b", "fn b() {}", 3, 3),
            ("a > c", "fn c() {}", 4, 4)
        ]
    );
}

#[test]
fn sections_stay_in_place_behind_what_is_left_out() {
    let blob = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(200));
    let first = format!("\u{feff}fn ä() {{ \"{blob}\" }}\n");
    let section = |from, name: &str| TextSection { from, path: vec![name.to_owned()], begins: true };
    for structure in [TextStructure::Sections, TextStructure::Chapters, TextStructure::Definitions] {
        let document = Extracted {
            text: format!("{first}fn ö() {{}}\n"),
            structure: structure(vec![section(0, "ä"), section(first.len(), "ö")]),
            ..Extracted::default()
        };
        let parsed = parse_extracted(Format::Code, "x.rs", &document, ChunkLimits::default());
        let found = chunks(&parsed);
        assert_eq!((found.len(), found[1]), (2, ("ö", "fn ö() {}", 2, 2)));
        assert!(found[0].1.starts_with("fn ä() {") && found[0].1.len() < 100, "{found:?}");
    }
}
