use super::*;

fn table(rows: &[&[&str]]) -> Extracted {
    let mut out = Extracted::default();
    let rows = rows.iter().map(|cells| cells.iter().map(|&cell| cell.to_owned()).collect());
    Records::append(&mut out, (1..).zip(rows), |number, _| format!("row {number}"));
    out
}

#[test]
fn every_value_stands_beside_the_name_of_its_column() {
    let out =
        table(&[&["Name", "City"], &["Ada", "London"], &["", ""], &["Alan\nT.", ""], &["", "Paris", "x"]]);
    assert_eq!(out.text, "Name; City\nName: Ada; City: London\nName: Alan T.\nCity: Paris; C: x\n");
    let locations: Vec<_> = out.locations.iter().map(|place| (place.from, place.name.as_str())).collect();
    assert_eq!(locations, [(0, "row 1"), (11, "row 2"), (35, "row 4"), (49, "row 5")]);
}

#[test]
fn the_header_is_the_first_row_of_words_alone_and_as_wide_as_the_table() {
    let cases: [(&[&[&str]], &str); 6] = [
        (&[&["1", "2"], &["3", "4"]], "A: 1; B: 2\nA: 3; B: 4\n"),
        (
            &[&["Budget"], &[], &["Post", "Sum", "Of"], &["Rent", "7", "May"]],
            "Budget\nPost; Sum; Of\nPost: Rent; Sum: 7; Of: May\n",
        ),
        (&[&["", "a", "b"], &["0", "7", "8"]], "a; b\nA: 0; a: 7; b: 8\n"),
        (
            &[&["Land", "2019", "2020"], &["Peru", "1", "2"]],
            "Land; 2019; 2020\nLand: Peru; 2019: 1; 2020: 2\n",
        ),
        (
            &[&["x", "-1.5"], &["y", "true"], &["z", "2024-01-05"]],
            "A: x; B: -1.5\nA: y; B: true\nA: z; B: 2024-01-05\n",
        ),
        (&[&["only", "names"]], "only; names\n"),
    ];
    for (rows, text) in cases {
        assert_eq!(table(rows).text, text, "{rows:?}");
    }
}

#[test]
fn a_title_above_a_table_is_text_and_names_no_column() {
    let cases: [(&[&[&str]], &str); 10] = [
        (
            &[&["Sales report", "", ""], &[], &["Region", "Amount"], &["North", "10"], &["South", "30"]],
            "Sales report\nRegion; Amount\nRegion: North; Amount: 10\nRegion: South; Amount: 30\n",
        ),
        (
            &[&["Sales"], &["by Ann"], &["Region", "Of"], &["North", "x"]],
            "Sales\nby Ann\nRegion; Of\nRegion: North; Of: x\n",
        ),
        (&[&["Sales"], &["North", "10"], &["South", "30"]], "Sales\nA: North; B: 10\nA: South; B: 30\n"),
        (
            &[&["Sales", "May"], &[], &["Region", "Amount", "Tax"], &["North", "10", "1"]],
            "Sales; May\nRegion; Amount; Tax\nRegion: North; Amount: 10; Tax: 1\n",
        ),
        (
            &[&["Sales"], &["by Ann"], &[], &["Region", "Sum"], &["North", "1"]],
            "Sales\nby Ann\nRegion; Sum\nRegion: North; Sum: 1\n",
        ),
        (
            &[&["Name", "City"], &[], &["Ada", "Paris", "5"], &["Eve", "Rome", "6"]],
            "Name; City\nName: Ada; City: Paris; C: 5\nName: Eve; City: Rome; C: 6\n",
        ),
        // The names of columns stay those, whatever is below them.
        (
            &[&["Name", "City"], &["Ada"], &["Alan"], &["Eve"]],
            "Name; City\nName: Ada\nName: Alan\nName: Eve\n",
        ),
        (&[&["Name", "City"], &["Ada", "London", "5"]], "Name; City\nName: Ada; City: London; C: 5\n"),
        (
            &[&["Name", "City"], &[], &["Ada", "Paris"], &["Eve", "Rome"]],
            "Name; City\nName: Ada; City: Paris\nName: Eve; City: Rome\n",
        ),
        (
            &[&["Name", "Sum"], &["Ada", "5"], &[], &["Total"], &[], &["Eve", "7"]],
            "Name; Sum\nName: Ada; Sum: 5\nName: Total\nName: Eve; Sum: 7\n",
        ),
    ];
    for (rows, text) in cases {
        assert_eq!(table(rows).text, text, "{rows:?}");
    }
}

#[test]
fn a_table_below_an_empty_row_has_the_names_of_its_own_columns() {
    let first: &[&[&str]] = &[&["Name", "Price"], &["bolt", "5"]];
    let begin = "Name; Price\nName: bolt; Price: 5\n";
    let cases: [(&[&[&str]], &str); 6] = [
        (&[&[], &[], &["City", "People"], &["Oslo", "7"]], "City; People\nCity: Oslo; People: 7\n"),
        (
            &[&[], &["Cities"], &["City", "People", "Area", "Rain", "Sun"], &["Oslo", "7", "8", "9", "1"]],
            "Cities\nCity; People; Area; Rain; Sun\nCity: Oslo; People: 7; Area: 8; Rain: 9; Sun: 1\n",
        ),
        (&[&[], &["", "City", "People"], &["", "Oslo", "7"]], "City; People\nCity: Oslo; People: 7\n"),
        // What goes on with the same table.
        (&[&[], &["nut", "7"], &["nail", "1"]], "Name: nut; Price: 7\nName: nail; Price: 1\n"),
        (&[&[], &["nut", "none"], &["nail", "free"]], "Name: nut; Price: none\nName: nail; Price: free\n"),
        (&[&["City", "People"], &["Oslo", "7"]], "Name: City; Price: People\nName: Oslo; Price: 7\n"),
    ];
    for (rows, text) in cases {
        assert_eq!(table(&[first, rows].concat()).text, format!("{begin}{text}"), "{rows:?}");
        let long = [first, &vec![&["nut", "6"][..]; 2 * LOOKED_AT], rows].concat();
        assert!(table(&long).text.ends_with(&format!("Price: 6\n{text}")), "{rows:?}");
    }
}

#[test]
fn rows_of_one_column_are_values_alone_unless_a_short_name_stands_above_numbers() {
    let sentence = "The level of the tank in the cellar, once a day.";
    let cases: [(&[&[&str]], &str); 10] = [
        (&[&["name"], &["Ada"], &["Alan\nT."]], "name\nAda\nAlan T.\n"),
        (&[&[sentence], &["It rose."]], "The level of the tank in the cellar, once a day.\nIt rose.\n"),
        (&[&["", "In B"], &[], &["", "alone"]], "In B\nalone\n"),
        (&[&["Kilograms"], &["12"], &["1.5"]], "Kilograms\nKilograms: 12\nKilograms: 1.5\n"),
        (&[&["Our tank."], &["Level"], &["", ""], &["7"]], "Our tank.\nLevel\nLevel: 7\n"),
        (&[&["", "Day"], &["", "2024-01-05"]], "Day\nDay: 2024-01-05\n"),
        (&[&[sentence], &["12"]], "The level of the tank in the cellar, once a day.\n12\n"),
        (&[&["Steps"], &["1. open"], &["2. shut"]], "Steps\n1. open\n2. shut\n"),
        (&[&["Level"], &["7"], &["none"]], "Level\n7\nnone\n"),
        (&[&["1"], &["2"]], "1\n2\n"),
    ];
    for (rows, text) in cases {
        assert_eq!(table(rows).text, text, "{rows:?}");
    }
    let mut late = vec![&["word"][..]; LOOKED_AT];
    late.extend([&["x", "y"][..], &["", "z"]]);
    assert!(table(&late).text.ends_with("word\nA: x; B: y\nz\n"));
}

#[test]
fn columns_have_the_letters_of_sheets() {
    let named = [0, 25, 26, 701, 702].map(letters);
    assert_eq!(named, ["A", "Z", "AA", "ZZ", "AAA"]);
}

#[test]
fn long_names_do_not_multiply_a_file_without_end() {
    let name = "n".repeat(5000);
    let mut out = Extracted::default();
    let head = (1, vec![name; 20]);
    let rows = (2..).map(|number| (number, vec!["v".to_owned(); 20]));
    Records::append(&mut out, iter::once(head).chain(rows), |number, _| format!("row {number}"));
    assert!(out.text.len() <= MOST_TEXT);
    let [notice] = out.notices.as_slice() else { panic!("{:?}", out.notices) };
    assert!(
        notice.starts_with("what comes from row ") && notice.ends_with(" on is left out: it is too much")
    );
}
