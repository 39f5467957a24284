use super::{super::markdown, *};

fn shown(links: &[Link]) -> Vec<String> {
    let shown = |link: &Link| {
        format!(
            "{} {} {} {} #{} {:?}",
            link.line,
            link.kind,
            link.target,
            link.name(),
            link.anchor,
            link.label
        )
    };
    links.iter().map(shown).collect()
}

fn markdown(text: &str) -> Vec<String> {
    shown(&markdown::structure(text, 0).links)
}

#[test]
fn links_of_markdown_are_found_with_their_lines() {
    let text = "# See [[Home]]\n\n[the *plan*](plans/Q1%20Plan.md#goals \"t\") and\n[[a/B c|label]], ![[Pump#Oil]]\n\n\
        | a | b |\n|---|---|\n| [[x\\|y]] | [r][ref] |\n\n[ref]: ../Ref.md?raw=1\n";
    assert_eq!(
        markdown(text),
        [
            "1 wikilink Home home # \"Home\"",
            "3 link plans/Q1 Plan.md q1 plan.md #goals \"the plan\"",
            "4 wikilink a/B c b c # \"label\"",
            "4 embed Pump pump #Oil \"Pump#Oil\"",
            "8 wikilink x x # \"y\"",
            "8 link ../Ref.md ref.md # \"r\"",
        ]
    );
    assert_eq!(
        markdown("![[Why?]] [[100% sure: yes]] [it](Why%3F.md)"),
        [
            "1 embed Why? why? # \"Why?\"",
            "1 wikilink 100% sure: yes 100% sure: yes # \"100% sure: yes\"",
            "1 link Why?.md why?.md # \"it\"",
        ]
    );
}

#[test]
fn what_leads_elsewhere_is_no_link_to_a_document() {
    for text in [
        "[a](https://example.org/a.md) <https://example.org> <a@example.org> [m](mailto:a@example.org)",
        "[a](#here) [[#here]] [b]() [c](..) [d](//host/x.md)",
        "![p](pump.png) ![[pump.png]] [p](img/pump.svg)",
        "`[[code]]` and\n\n    [a](b.md)\n\n```\n[[x]]\n```",
        "[[1]](https://example.org/1) and [text] alone and if [[ -f x ]]; then",
        "\\[\\[no\\]\\]",
    ] {
        assert_eq!(markdown(text), [""; 0], "{text}");
    }
}

#[test]
fn a_badge_is_the_label_of_its_link() {
    assert_eq!(markdown("[![pump](pump.png)](docs/pump.md)"), ["1 link docs/pump.md pump.md # \"pump\""]);
}

#[test]
fn links_of_other_markup_are_found() {
    let rst = "See :doc:`Guide <../guide/index>` and :doc:`/install`.\n`A text <b.rst>`_, `x <https://example.org>`_\n.. include:: c.txt\n";
    assert_eq!(
        shown(&of_markup("a.rst", rst)),
        [
            "1 reference ../guide/index index # \"Guide\"",
            "1 reference /install install # \"\"",
            "2 link b.rst b.rst # \"\"",
            "3 embed c.txt c.txt # \"\"",
        ]
    );
    let adoc = "xref:b.adoc#top[Top] <<c.adoc#x,See>> <<here>>\n\nlink:d.pdf[D]\ninclude::e.adoc[]\n";
    assert_eq!(
        shown(&of_markup("a.adoc", adoc)),
        [
            "1 reference b.adoc b.adoc #top \"Top\"",
            "1 reference c.adoc c.adoc #x \"See\"",
            "3 link d.pdf d.pdf # \"D\"",
            "4 embed e.adoc e.adoc # \"\"",
        ]
    );
    let org = "[[file:b.org::*Part][B]] [[./c.org]] [[Heading]] [[https://example.org]]\n";
    assert_eq!(
        shown(&of_markup("a.org", org)),
        ["1 link b.org b.org #*Part \"B\"", "1 link ./c.org c.org # \"\""]
    );
    assert_eq!(shown(&of_markup("a.tex", "\\input{parts/one}")), ["1 embed parts/one one # \"\""]);
}

#[test]
fn there_is_a_limit_to_links_and_to_their_length() {
    assert_eq!(markdown(&"[[a]] ".repeat(2 * MAX_LINKS)).len(), MAX_LINKS);
    assert_eq!(markdown(&format!("[[{}]]", "x".repeat(MAX_TARGET + 1))), [""; 0]);
    assert_eq!(of_markup("a.tex", &"\\input{".repeat(100_000)), []);
}
