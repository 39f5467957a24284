use proptest::prelude::*;

use super::*;

const NOTEBOOK: &str = r##"{"nbformat": 4, "metadata": {"title": "Sums", "kernelspec": {"name": "python3", "language": "python"}},
"cells": [
  {"cell_type": "markdown", "source": ["# One\n", "![x](data:image/png;base64,AAAA+/=) text"]},
  {"cell_type": "code", "source": [], "outputs": []},
  {"cell_type": "code", "source": "print(1)\n\n", "outputs": [
    {"output_type": "stream", "name": "stdout", "text": ["\u001b[1;31m1\u001b[0m\n"]},
    {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": ["<Figure size 1x1>"]}},
    {"output_type": "execute_result", "data": {"text/plain": "2", "text/html": ["<b>2</b>"]}},
    {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["long"]}]},
  {"cell_type": "raw", "source": "raw"}
]}"##;

fn notebook(cells: &str) -> Result<Extracted, ExtractError> {
    read(format!(r#"{{"nbformat": 4, "metadata": {{}}, "cells": [{cells}]}}"#).as_bytes())
}

#[test]
fn cells_are_text_code_and_what_it_put_out() {
    let out = read(NOTEBOOK.as_bytes()).unwrap();
    assert_eq!(
        out.text,
        "# One\n![x]() text\n\n```python\nprint(1)\n```\n\n```\n1\n2\nKeyError: 'x'\n```\n\nraw\n\n"
    );
    assert_eq!(out.title.as_deref(), Some("Sums"));
    let locations: Vec<_> = out.locations.iter().map(|place| (place.from, place.name.as_str())).collect();
    assert_eq!(locations, [(0, "cell 1"), (19, "cell 3"), (70, "cell 4")]);
}

#[test]
fn notebooks_of_version_3_are_read() {
    let notebook = r#"{"nbformat": 3, "metadata": {"name": "Old"}, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 2, "source": ["A\n", "b"]},
        {"cell_type": "code", "language": "r", "input": ["x <- 1"], "outputs": [
            {"output_type": "pyout", "text": ["[1] 1"], "png": "AAAA"}]}]}]}"#;
    let out = read(notebook.as_bytes()).unwrap();
    assert_eq!(out.text, "## A b\n\n```r\nx <- 1\n```\n\n```\n[1] 1\n```\n\n");
    assert_eq!(out.title.as_deref(), Some("Old"));
}

#[test]
fn of_a_long_output_the_beginning_is_kept_with_how_much_there_was() {
    let stream = |text: &str| format!(r#"{{"output_type": "stream", "text": "{text}"}}"#);
    let cell = |outputs: &[String]| {
        let outputs = outputs.join(",");
        notebook(&format!(r#"{{"cell_type": "code", "source": "x", "outputs": [{outputs}]}}"#)).unwrap().text
    };
    let text = cell(&vec![stream(&"ä\\n".repeat(10_000)); 1000]);
    assert_eq!(text.chars().filter(|&c| c == 'ä').count(), OUTPUT / 2);
    // The end of every stream is an end of a line, which is none of what somebody misses.
    let all = 1000 * 20_000 - 1000;
    assert!(text.ends_with(&format!("ä\n… (first 2000 of {all} characters of output)\n```\n\n")), "{all}");
    let text = cell(&[stream("\\u001b[1mä\\u001b[0m"), stream(&"b".repeat(OUTPUT)), stream("c\\n")]);
    assert!(text.ends_with("b… (first 2000 of 2002 characters of output)\n```\n\n"), "{text}");
    let text = cell(&[stream(&"b".repeat(OUTPUT)), stream("\\n")]);
    assert!(text.ends_with("bb\n```\n\n"), "{text}");
}

#[test]
fn a_cell_that_leaves_code_open_leaves_the_next_one_alone() {
    let cells =
        r##"{"cell_type": "markdown", "source": "~~~~\nx"}, {"cell_type": "markdown", "source": "# y"}"##;
    assert_eq!(notebook(cells).unwrap().text, "~~~~\nx\n\n~~~~\n\n# y\n\n");
    let cells = r#"{"cell_type": "code", "source": "```", "outputs": null}"#;
    assert_eq!(notebook(cells).unwrap().text, "````\n```\n````\n\n");
}

#[test]
fn a_raw_cell_is_no_markdown() {
    let cells = r##"{"cell_type": "raw", "source": ["# remark\n", "below\n", "==="]}"##;
    assert_eq!(notebook(cells).unwrap().text, "\\# remark\nbelow\n\\===\n\n");
}

#[test]
fn an_output_that_is_shown_as_markdown_or_as_a_page_is_read_up_to_the_limit() {
    let cell = |data: &str| {
        let cell = format!(r#"{{"cell_type": "code", "source": "", "outputs": [{{"data": {{{data}}}}}]}}"#);
        notebook(&cell).unwrap().text
    };
    assert_eq!(cell(r#""text/markdown": ["**a**"]"#), "```\n**a**\n```\n\n");
    assert_eq!(cell(r#""text/plain": "<X at 0x7>", "text/html": ["<p>a", " b"]"#), "```\na b\n```\n\n");
    assert_eq!(cell(r#""text/html": "<b>a</b>", "text/markdown": "c""#), "```\nc\n```\n\n");
    assert_eq!(cell(r#""text/html": "<b>a</b>", "text/plain": "d""#), "```\nd\n```\n\n");
    assert_eq!(cell(r#""text/html": "<script>a</script>", "text/plain": "<X>""#), "");
    let long = cell(&format!(r#""text/html": "<p>{}</p>""#, "ä".repeat(5000)));
    assert!(long.ends_with("ä… (first 2000 of 5000 characters of output)\n```\n\n"), "{long}");
}

#[test]
fn an_empty_notebook_is_an_empty_text_and_a_damaged_one_an_error() {
    assert_eq!(read(b" ").unwrap(), Extracted::markdown());
    assert_eq!(notebook("").unwrap(), Extracted::markdown());
    for step in 1..20 {
        let cut = &NOTEBOOK.as_bytes()[..NOTEBOOK.len() * step / 20];
        assert!(matches!(read(cut), Err(ExtractError::Damaged(_))), "{step}");
    }
    let deep = format!(r#"{{"cells": {}"#, "[".repeat(100_000));
    assert!(matches!(read(deep.as_bytes()), Err(ExtractError::Damaged(_))));
    let deep = format!(r#"{{"cells": [], "x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(deep.as_bytes()).unwrap(), Extracted::markdown());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_damaged_notebook_is_an_error_or_a_text(at in 0..NOTEBOOK.len(), byte in 0_u8..128) {
        let mut content = NOTEBOOK.as_bytes().to_vec();
        content[at] = byte;
        if let Err(error) = read(&content) {
            prop_assert!(matches!(error, ExtractError::Damaged(_)), "{error}");
        }
    }
}
