//! The reference pages are made from the tables that the program works with, and are the ones that are checked in.

use std::path::Path;

/// Set to make the files anew.
const BLESS: &str = "ATOCORE_BLESS";

fn assert_golden(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    if std::env::var(BLESS).is_ok() {
        #[expect(
            clippy::disallowed_methods,
            reason = "a file of the repository, looked at before it is committed"
        )]
        std::fs::write(&path, page).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == page,
        "docs/{file} is not what the program says: look at the difference after \
         `{BLESS}=1 cargo test -p atocore --test it reference`"
    );
}

#[test]
fn the_tables_of_settings_are_made_from_the_table_that_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let mut page = std::fs::read_to_string(path).unwrap();
    for (heading, table) in atocore::config::tables() {
        let (before, rest) = page.split_once(&format!("\n## {heading}\n\n")).expect(heading);
        let known: String = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect();
        assert!(!known.is_empty(), "no table stands below `{heading}`");
        page = format!("{before}\n## {heading}\n\n{table}{}", &rest[known.len()..]);
    }
    assert_golden("configuration.md", &page);
}

#[test]
fn the_page_of_the_command_line_is_made_from_its_tree() {
    assert_golden("cli-reference.md", &atocore::cli::reference());
}

#[test]
fn the_page_of_the_http_interface_is_made_from_the_table_of_operations() {
    assert_golden("http-reference.md", &atocore::http::reference());
}
