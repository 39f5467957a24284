use proptest::prelude::*;

use super::*;

fn text(table: &str) -> String {
    read(table.as_bytes()).unwrap().text
}

#[test]
fn a_row_is_a_line_with_the_names_of_its_columns() {
    let out =
        read("Name, City\r\n\"Ada, Countess\",London\r\n\r\n\"Alan\nT.\",\r\nx,y,z\r\n".as_bytes()).unwrap();
    assert_eq!(
        out.text,
        "Name; City\nName: Ada, Countess; City: London\nName: Alan T.\nName: x; City: y; C: z\n"
    );
    let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(locations, ["row 1", "row 2", "row 4", "row 5"]);
    assert_eq!(
        out.structure,
        TextStructure::Sections(vec![TextSection { from: 0, path: Vec::new(), begins: false }])
    );
}

#[test]
fn the_separator_is_told_by_the_rows() {
    for separator in [",", ";", "\t", "|"] {
        let table = ["Post", "Sum"].join(separator) + "\n" + &["Rent", "7"].join(separator) + "\n";
        assert_eq!(text(&table), "Post; Sum\nPost: Rent; Sum: 7\n", "{separator:?}");
    }
    assert_eq!(text("1,5;2,5\n3,5;4,5\n"), "A: 1,5; B: 2,5\nA: 3,5; B: 4,5\n");
    assert_eq!(text("a,b\n\"x; y\",1\n\"z\",2\n"), "a; b\na: x; y; b: 1\na: z; b: 2\n");
    assert_eq!(text("\u{feff}sep=|\r\na|b\r\n1;2;3|4\r\n"), "a; b\na: 1;2;3; b: 4\n");
    assert_eq!(text("one\ncolumn\n"), "one\ncolumn\n");
}

#[test]
fn empty_lines_count_whatever_ends_them() {
    for end in ["\n", "\r\n", "\r"] {
        let table = ["a,b", "1,2", "", "", "3,4"].join(end);
        let out = read(table.as_bytes()).unwrap();
        assert_eq!(out.locations.last().unwrap().name, "row 5", "{end:?}");
    }
}

#[test]
fn comments_above_a_table_are_text_and_a_header_with_their_sign_is_none() {
    let out = read("# Source: Ann, 2024; \"May\r\n#\r\n\r\nName,Sum\r\nAda,5\r\n".as_bytes()).unwrap();
    assert_eq!(out.text, "# Source: Ann, 2024; \"May\n#\nName; Sum\nName: Ada; Sum: 5\n");
    let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(locations, ["row 1", "row 2", "row 4", "row 5"]);
    assert_eq!(text("##v=1\n#chrom\tstart\nc1\t7\n"), "##v=1\n#chrom; start\n#chrom: c1; start: 7\n");
    assert_eq!(text("# id,name\n1,Ada\n"), "# id; name\n# id: 1; name: Ada\n");
    assert_eq!(text("#,Name\n1,Ada\n"), "A: #; B: Name\nA: 1; B: Ada\n");
    assert_eq!(text("#1,Ada\n#2,5\n"), "A: #1; B: Ada\nA: #2; B: 5\n");
    assert_eq!(text("# one\n\u{3000}\n# two\n"), "# one\n# two\n");
}

#[test]
fn an_empty_table_is_an_empty_text() {
    for table in ["", "\n\n", ",,\n,,\n", "\u{feff}"] {
        assert_eq!(read(table.as_bytes()).unwrap(), Extracted::default(), "{table:?}");
    }
    assert!(read(b"\xff").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_read_and_no_value_is_lost(table in "([a-c1-3]{1,3}|,|;|\"|\n|\r\n|\t| ){0,40}") {
        let text = text(&table);
        for value in table.split(|c: char| !c.is_alphanumeric()).filter(|value| !value.is_empty()) {
            prop_assert!(text.contains(value), "{value} in {text:?}");
        }
    }
}
