use super::*;

/// Level and text of each heading, and its blocks.
fn read(text: &str) -> Vec<(u8, String, Vec<&str>)> {
    structure(text, 0)
        .sections
        .into_iter()
        .map(|section| {
            let (level, heading) = section.heading.map_or((0, String::new()), |h| (h.level, h.text));
            (level, heading, section.blocks.into_iter().map(|block| &text[block.span]).collect())
        })
        .collect()
}

fn blocks(text: &str) -> Vec<&str> {
    read(text).into_iter().flat_map(|(_, _, blocks)| blocks).collect()
}

fn headings(text: &str) -> Vec<(u8, String)> {
    read(text).into_iter().skip(1).map(|(level, heading, _)| (level, heading)).collect()
}

#[test]
fn both_kinds_of_headings_are_read() {
    let text = "above\n\n# One ##\ntext\n\nTwo\nlines\n---\n\n## Three\r\nmore\r\n";
    assert_eq!(
        read(text),
        [
            (0, String::new(), vec!["above"]),
            (1, "One".to_owned(), vec!["text"]),
            (2, "Two lines".to_owned(), vec![]),
            (2, "Three".to_owned(), vec!["more"]),
        ]
    );
}

#[test]
fn headings_are_shown_without_markup() {
    let text = "# A *b* `c` [d](http://e) &amp; ~~f~~ {#anchor}\n## GET /users/{id}\n###\n";
    assert_eq!(
        headings(text),
        [(1, "A b c d & f".to_owned()), (2, "GET /users/{id}".to_owned()), (3, String::new())]
    );
}

#[test]
fn what_looks_like_a_heading_inside_something_else_is_text() {
    let text = "```sh\n# comment\n```\n\n> # quoted\n\n- # listed\n\n    # indented\n\n<!--\n# hidden\n-->\n";
    assert_eq!(headings(text), []);
    assert_eq!(blocks(text).concat().matches('#').count(), 5);
}

#[test]
fn code_tables_items_and_paragraphs_are_blocks() {
    let text = "Para\nwith lines.\n\n```rust\nfn a() {}\n\nfn b() {}\n```\nTail\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\
                - one\n- two\n  - inner\n\n    ```\n    code\n    ```\n\n> quote\n>\n> more\n\n[^1]: note\n";
    assert_eq!(
        blocks(text),
        [
            "Para\nwith lines.",
            "```rust\nfn a() {}\n\nfn b() {}\n```",
            "Tail",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "- one",
            "- two",
            "  - inner",
            "    ```\n    code\n    ```",
            "> quote\n>",
            "> more",
            "[^1]: note",
        ]
    );
}

#[test]
fn code_and_tables_are_cut_at_lines() {
    let text =
        "para\n\n```\ncode\n```\n\n    indented\n\n- ```\n  in an item\n  ```\n\n| a |\n|---|\n| 1 |\n";
    let cuts: Vec<_> =
        structure(text, 0).sections.into_iter().flat_map(|s| s.blocks).map(|block| block.cut).collect();
    assert_eq!(cuts, [CutAt::Sentences, CutAt::Lines, CutAt::Lines, CutAt::Lines, CutAt::Lines]);
}

#[test]
fn link_definitions_and_unclosed_fences_are_text() {
    let text =
        "[a]: http://a\n\n# H\n\n[b]: http://b\n\npara\n\n---\n[c]: http://c\n\n```\nopen\n# not a heading\n";
    assert_eq!(
        read(text),
        [
            (0, String::new(), vec!["[a]: http://a"]),
            (1, "H".to_owned(), vec!["[b]: http://b", "para", "[c]: http://c", "```\nopen\n# not a heading"]),
        ]
    );
}

#[test]
fn thematic_breaks_are_no_text_but_what_shares_their_item_is() {
    assert_eq!(blocks("---\n\n***\n"), Vec::<&str>::new());
    assert_eq!(blocks("- ***\n  kept\n"), ["- ***\n  kept"]);
}

#[test]
fn lone_carriage_returns_end_lines() {
    assert_eq!(
        read("# A\rtext\r\r# B\rmore"),
        [(0, String::new(), vec![]), (1, "A".to_owned(), vec!["text"]), (1, "B".to_owned(), vec!["more"])]
    );
}

#[test]
fn a_heading_that_is_really_a_paragraph_stays_text() {
    let long = "many words ".repeat(30);
    let text = format!("{}\n---\nbelow\n", long.trim_end());
    let read = read(&text);
    let (level, heading, blocks) = &read[1];
    assert_eq!(*level, 2);
    assert!(heading.chars().count() <= LONGEST_LINE + 1 && heading.ends_with("words…"), "{heading}");
    assert!(blocks[0].starts_with(long.trim_end()));
    assert_eq!(blocks[1], "below");
}
