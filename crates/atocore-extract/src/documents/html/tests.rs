use proptest::prelude::*;

use super::*;

fn text(html: &str) -> String {
    markdown(html).unwrap()
}

#[test]
fn a_page_is_its_text_with_headings_as_places() {
    let page = "<!doctype html><html lang=de><head><title>\n Guide &ndash; Site</title><style>p { color: red }</style>\
        <script>var a = '<p>no</p>';</script></head><body><nav><ul><li>Home</ul></nav>\
        <h1>Setup <a class=headerlink href='#setup'>¶</a></h1><p>First&nbsp;<b>step</b>:\n caf&eacute; &amp; more.<br>Next\
        <h2>With <code>x</code></h2><p>See <a href=https://a.org/b>there</a> or <a href='javascript:go()'>here</a>, \
        <a href='data:text/plain,x'>data</a>.</p><footer>imprint</footer>";
    let out = read(page.as_bytes()).unwrap();
    assert_eq!(out.title.as_deref(), Some("Guide – Site"));
    assert_eq!(
        out.text,
        "# Setup\n\nFirst step: café & more.\nNext\n\n## With `x`\n\nSee [there](https://a.org/b) or here, data.\n"
    );
    let locations: Vec<_> = out.locations.iter().map(|place| (place.from, place.name.as_str())).collect();
    assert_eq!(locations, [(0, "section Setup"), (41, "section With x")]);
}

#[test]
fn what_is_not_shown_is_no_text() {
    for html in [
        "<div hidden>no<div>no</div>no</div>",
        "<span style='color: red; display : none'>no</span>",
        "<p aria-hidden=true>no<p>",
        "<svg><title>no</title><text>no</text></svg>",
        "<form><select><option>no</select><button>no</button><textarea><p>no</textarea></form>",
        "<template><p>no</template><noscript>no</noscript><iframe>no</iframe>",
        "<div role=navigation>no</div><!-- no --><title>no</title>",
        "<script src=x>no</script><style>no</style><input hidden value=no>",
    ] {
        assert_eq!(text(&format!("<p>yes</p>{html}<p>too</p>")), "yes\n\ntoo\n", "{html}");
    }
    assert_eq!(text("<title/><script/><p>XHTML closes what it opens"), "XHTML closes what it opens\n");
    assert_eq!(text("<body style='visibility:hidden'><article>a<footer>b</footer></article>"), "a\n\nb\n");
}

#[test]
fn what_is_left_out_ends_where_html_ends_it() {
    for html in [
        "<p style='display:none'>no<div>yes</div>",
        "<p hidden>no<h2>yes</h2>",
        "<div><p hidden>no</div>yes",
        "<ul><li hidden>no</ul>yes",
        "<ul><li hidden>no<p>no<div>no<li>yes</ul>",
        "<dl><dt hidden>no<dd>yes</dl>",
        "<dl><dd hidden>no</dl>yes",
        "<table><tr><td hidden>no<td>yes</table>",
        "<table><tr hidden><td>no<td>no<tr><td>yes</table>",
        "<table><tr hidden><th>no</table>yes",
        "<table><tbody hidden><tr><td>no<tbody><tr><td>yes</table>",
        "<table><tr><td><label>no <input></td><td>yes</table>",
        "<td><label>no <input></td><p>yes</p>",
        "<label>no<p>yes</p>",
        "<div><nav><a>no</a></div>yes",
        "<body><nav><a>no</a><div>yes</div></body>",
        "<section><aside aria-hidden=true><p>no</section>yes",
        "<div><select><option>no</div>yes",
        "<div><svg><path d=x></div>yes",
        "<svg><path d=x><p>yes",
        "<h1 hidden>no<h2>yes</h2>",
        "<a hidden>no <a>yes</a>",
        "<span hidden>no<div>no</span>yes",
        "<b><label>no</b>yes",
    ] {
        assert_eq!(text(html).trim_matches(['#', '-', ' ', '\n']), "yes", "{html}");
    }
}

#[test]
fn what_is_left_out_is_not_ended_by_what_it_holds() {
    for html in [
        "<p hidden>no <b>no</b> no</p>",
        "<nav><ul><li><p>no<li>no</ul><div>no</div></p>no</nav>",
        "<div hidden><div>no</div></b></section>no</div>",
        "<div><div hidden><table><tr><td>no</div>no</table>no</div></div>",
        "<b><div hidden>no</b>no</div>",
        "<li hidden><ul><li>no<li>no</ul>no</li>",
        "<table><tr><td hidden><table><tr><td>no<tr><td>no</table>no</td></table>",
        "<label>no<div>no</div></label>",
        "<div><template><p>no</div><td>no</template></div>",
        "<p hidden><script>no</p></script><style>no<div></style><!-- <div> no -->no</p>",
        "<nav><script>'</nav><p>no'</script></nav>",
        "<svg><foreignobject><p>no</foreignobject></svg>",
    ] {
        assert_eq!(text(&format!("<div>a</div>{html}<div>b</div>")), "a\n\nb\n", "{html}");
    }
}

#[test]
fn the_button_of_a_heading_or_a_summary_is_its_text() {
    assert_eq!(
        text("<h2><button>How <svg><title>no</title></svg>so?</button></h2><button>no</button><p>a"),
        "## How so?\n\na\n"
    );
    assert_eq!(
        text("<details><summary><div><button>More</button></div></summary>a</details>"),
        "More\n\na\n"
    );
    assert_eq!(text("<div role=heading><span><button>More</button></span></div>a"), "More\n\na\n");
    assert_eq!(text("<h2>a</h2><section><button>no</button></section><label>no</label>b"), "## a\n\nb\n");
}

#[test]
fn lists_quotes_and_code_keep_their_form() {
    assert_eq!(
        text("<ul><li>a<ul><li>b</ul><li><p>c</p><p>d</p></ul><ol start=9><li>e<li>f</ol>g"),
        "- a\n  - b\n\n- c\n\n  d\n\n9. e\n10. f\n\ng\n"
    );
    assert_eq!(text("<blockquote>a<p>b</blockquote>c"), "> a\n\n> b\n\nc\n");
    assert_eq!(
        text("a<pre><code class='x language-rust'>\nfn a() {\n    &lt;b>\n}\n</code></pre>b"),
        "a\n\n```rust\nfn a() {\n    <b>\n}\n```\n\nb\n"
    );
    assert_eq!(text("<li><pre>a ```\nb</pre>"), "````\na ```\nb\n````\n");
    assert_eq!(text("<ul><li><pre>a\nb</pre><li>c</ul>"), "- ```\n  a\n  b\n  ```\n\n- c\n");
    assert_eq!(text("<ul><li><h2>a</h2>b<li><ul><li>c</ul></ul>"), "- ## a\n\n  b\n- c\n");
}

#[test]
fn links_and_code_in_text_begin_and_end_on_one_line() {
    assert_eq!(text("<ul><li><a href=b>a</a><li><code>c</code></ul>"), "- [a](b)\n- `c`\n");
    assert_eq!(text("<a href=b><p>a</p><p>b</p></a><code>c<p>d</code>"), "a\n\nb\n\nc\n\nd\n");
    assert_eq!(text("x <a href='a (b)'>y</a> <a href=z></a>z"), "x [y](<a (b)>) z\n");
    assert_eq!(text("<code>a <a href=b>c</a></code><a href=#d>¶</a>"), "`a c`\n");
}

#[test]
fn a_number_above_the_line_is_parted_from_the_word_it_stands_at() {
    for (html, expected) in [
        ("word<sup>1</sup> and <b>word</b><sup><a href='#n2'>2</a></sup>.", "word^1 and word^2."),
        ("<a href=b>word<sup>1,2</sup></a><sup>3</sup>", "[word^1,2](b)3"),
        ("word<sup><a href='n#2'>2</a></sup>next", "word[2](n#2)next"),
        ("word<sup>[1]</sup> word <sup>1</sup> word<sup>*</sup>", "word[1] word 1 word*"),
        ("x<sup>2</sup>y<sup>-1</sup> = 10<sup>6</sup>", "x^2 y-1 = 10^6"),
        ("the 1<sup>st</sup> of n<sup>th</sup>", "the 1st of nth"),
        ("CO<sub>2</sub>, H<sub>2</sub>O, word<sub>1</sub>", "CO2, H2O, word 1"),
        ("<h2>Word<sup>1</sup></h2>", "## Word^1"),
        ("<sup>1</sup>See <p><sup>2</sup>See", "1 See\n\n2 See"),
        ("слово<sup>1</sup>ещё<sup>２</sup>", "слово^1 ещё^２"),
        ("<code>x<sup>2</sup></code><sup>1", "`x^2`1"),
        ("a<sup>1<p>b</sup>c", "a1\n\nbc"),
        (
            "<table><tr><th>a<sup>1</sup><th>b<tr><td>c<sup>2</sup>d<td><sup>1<td>e</table>",
            "| a^1 | b | |\n| --- | --- | --- |\n| c^2 d | 1 | e |",
        ),
    ] {
        assert_eq!(text(html), format!("{expected}\n"), "{html}");
    }
}

#[test]
fn tables_of_data_stay_tables_and_others_become_their_text() {
    assert_eq!(
        text("<table><caption>T<tr><th>a<th>b|c<tr><td rowspan=2>1<td>2<tr><td>3</table>x"),
        "T\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n| 1 | 3 |\n\nx\n"
    );
    assert_eq!(
        text("<table><tr><td colspan=2>a<td>b<tr><td><td>c<td><ul><li>d<li>e</ul></table>"),
        "| a | | b |\n| --- | --- | --- |\n| | c | d e |\n"
    );
    assert_eq!(text("<table><tr><td>menu<td><table><tr><td>x</table>y</table>z"), "menu\n\nx\n\ny\n\nz\n");
    assert_eq!(text("<table><tr><td>a<td><h1>b</h1><p>c</table>"), "a\n\n# b\n\nc\n");
    assert_eq!(text("<table>lost<tr><td>a</table>"), "lost\n\na\n");
}

#[test]
fn text_that_looks_like_a_mark_is_none() {
    assert_eq!(
        text("<p># a<p>1. b<p>- c<p>---<p>&lt;div&gt;<p>[x]: y<p>&gt; z<p>```<p>#tag<p>-5"),
        "\\# a\n\n1\\. b\n\n\\- c\n\n\\---\n\n\\<div>\n\n\\[x]: y\n\n\\> z\n\n\\```\n\n#tag\n\n-5\n"
    );
}

#[test]
fn a_page_without_text_is_reported() {
    for page in ["", "<html><body><div id=root></div><script>go()</script>", "<img src=a.png alt=b>"] {
        assert_eq!(read(page.as_bytes()).unwrap_err(), ExtractError::NoText, "{page}");
    }
}

#[test]
fn deep_nesting_takes_neither_stack_nor_time() {
    for tag in [
        "div",
        "b",
        "ul><li",
        "blockquote",
        "table><tr><td",
        "span hidden",
        "font color=a",
        "p hidden><div",
        "nav><p><b",
        "svg><li",
        "tr><td hidden",
        "button><h1",
        "x-y",
        "a href=x",
        "pre",
    ] {
        let name = tag.split(['>', ' ']).next().unwrap();
        let page =
            format!("{}x{}y", format!("<{tag}>").repeat(100_000), format!("</{name}>").repeat(100_000));
        let text = text(&page);
        assert!(text.contains('y') && text.len() < 1000, "{tag}: {}", text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_of_tags_keeps_its_visible_words(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<p>", "</p>", "<ul>", "</ul>", "<li>", "<table>", "</table>", "<tr>", "<td rowspan=3 colspan=2>", "</td>",
            "<h1>", "</h1>", "<pre>", "</pre>", "<code>", "</code>", "<a href=b>", "</a>", "<blockquote>",
            "<sup>", "</sup>", "<sub>", "1", "ä",
            "</blockquote>", "<caption>", "<br>", "<div>", "</div>", "word", " word ", "<ol start=7>", "</ol>",
        ]), 0..40),
    ) {
        let page = parts.concat();
        let words = parts.iter().filter(|part| part.contains("word")).count();
        // Cells that span rows are repeated.
        prop_assert!(text(&page).matches("word").count() >= words, "{page}\n{}", text(&page));
    }

    #[test]
    fn any_text_is_read(page in "(<|>|/|a|p|b|td|&|;|!|-|\"|'|=| |\n|table|script|title|\\PC){0,60}") {
        let _is_text = markdown(&page).unwrap();
    }
}
