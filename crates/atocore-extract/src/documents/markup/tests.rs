use super::*;

/// The headings above each section with its first line, and the title.
fn outline(file_name: &str, text: &str) -> (Option<String>, Vec<(String, String)>) {
    let document = read(file_name, text).unwrap();
    assert_eq!(document.text, text);
    let TextStructure::Chapters(sections) = document.structure else { return (document.title, Vec::new()) };
    let shown = |section: &TextSection| {
        let first = text[section.from..].lines().next().unwrap_or_default();
        (section.path.join(" > "), first.to_owned())
    };
    (document.title, sections.iter().map(shown).collect())
}

fn paths(file_name: &str, text: &str) -> Vec<String> {
    outline(file_name, text).1.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn titles_of_restructured_text_are_underlined_in_any_sign() {
    let text = "=====\nPumps\n=====\n\nIntro.\n\nKinds\n-----\n\nTwo.\n\nGear\n~~~~\n\ntext\n\n----\n\nRates\n-----\nx\n===== =====\na     b\n===== =====\n  code\n  ----\n";
    let (_, found) = outline("a.rst", text);
    assert_eq!(
        found.iter().map(|(path, line)| (path.as_str(), line.as_str())).collect::<Vec<_>>(),
        [
            ("Pumps", "====="),
            ("Pumps > Kinds", "Kinds"),
            ("Pumps > Kinds > Gear", "Gear"),
            ("Pumps > Rates", "Rates"),
        ]
    );
}

#[test]
fn headings_of_asciidoc_are_not_those_in_a_listing() {
    let text = "= Pumps\n:toc:\n\nIntro.\n\n== Kinds\n\n----\n== no heading\n----\n\n=== Gear\n==no\n====\nexample\n====\n== Rates\n";
    assert_eq!(paths("a.adoc", text), ["Pumps", "Pumps > Kinds", "Pumps > Kinds > Gear", "Pumps > Rates"]);
}

#[test]
fn titles_of_asciidoc_may_be_underlined() {
    let text = "Pumps\n=====\nAnn\n\n[[kinds]]\nKinds\n------\n\nWet ones\n~~~~~~~~\n\nBig\n^^^^\n\nRed\n+++\n\n....\n== no\nNo\n--\n....\n\nRates\n-----\ntext\n\n.List\n----\n== no\n----\n\n== Last\n";
    let found = paths("a.adoc", text);
    let kinds = "Pumps > Kinds > Wet ones";
    let expected = [
        "Pumps",
        "Pumps > Kinds",
        kinds,
        &format!("{kinds} > Big"),
        &format!("{kinds} > Big > Red"),
        "Pumps > Rates",
        "Pumps > Last",
    ];
    assert_eq!(found, expected);
    // Lines of the wrong length, behind other text or with the mark of something else.
    for other in
        ["Long title\n----\n== no\n----\n", "a\nKinds\n-----\n== no\n-----\n", "Run:\n----\n== no\n----\n"]
    {
        assert_eq!(paths("a.adoc", &format!("{other}\n== Last\n")), ["", "Last"], "{other}");
    }
}

#[test]
fn headings_of_org_are_without_priorities_and_keywords_that_the_text_declares() {
    let todo = concat!("TO", "DO");
    let text = format!(
        "#+{todo}: NEXT(n!) | CANCELLED\n* {todo} [#A] Pumps\n** NEXT Kinds\n** [#12] Gear :x:\n** CANCELLED [#b] Rates\n** NEXTDOOR\n** [#A]\n** [#a b] c\n** {todo}\n"
    );
    let found = paths("a.org", &text);
    let declared = todo.to_owned();
    let titles = ["Kinds", "Gear", "Rates", "NEXTDOOR", "[#A]", "[#a b] c", &declared];
    assert_eq!(found[..2], ["", "Pumps"]);
    assert_eq!(found[2..], titles.map(|title| format!("Pumps > {title}")));
}

#[test]
fn headings_of_org_are_without_keywords_and_tags() {
    let text = "#+title: Pumps\nIntro *bold*.\n* DONE Kinds :plant:wet:\n** Gear\n#+begin_src\n* no\n#+end_src\n*no heading\n* Rates: 5 :: 6\n";
    let (title, found) = outline("a.org", text);
    assert_eq!(title.as_deref(), Some("Pumps"));
    let found: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, ["", "Kinds", "Kinds > Gear", "Rates: 5 :: 6"]);
}

#[test]
fn sections_of_latex_are_its_commands() {
    let text = "\\documentclass{book}\n\\title{All \\emph{about}\n  pumps}\n\\chapter{Kinds}\n\\section*[short]{Of \\textbf{gear}~pumps}\n\\begin{verbatim}\n\\section{no}\n\\end{verbatim}\n\\sectional{no}\n\\section\n\\chapter{Rates}";
    let (title, found) = outline("a.tex", text);
    assert_eq!(title.as_deref(), Some("All about pumps"));
    let found: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, ["", "Kinds", "Kinds > Of gear pumps", "Rates"]);
}

#[test]
fn any_text_is_read() {
    let hostile = [
        "",
        "\n",
        "===\n",
        "é\n=\n",
        "\\section{",
        "\\title{\\",
        "* ",
        "= ",
        "\\section\n".repeat(50_000).as_str(),
        "a\n-\n".repeat(50_000).as_str(),
    ]
    .map(str::to_owned);
    for text in hostile {
        for name in ["a.rst", "a.adoc", "a.org", "a.tex"] {
            let (_, found) = outline(name, &text);
            assert!(found.iter().all(|(path, _)| path.len() < 500), "{name}");
        }
    }
}
