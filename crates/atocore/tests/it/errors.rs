//! `docs/errors.md` says of every code what the program does.

use atocore::operations::{ApiError, Problem, status};
use atocore_model::error::{ErrorCode, ErrorKind};

/// The rows of the table: code, kind, status, exit code, meaning, hint.
fn rows() -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let text = std::fs::read_to_string(path).expect("docs/errors.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_table_has_every_code_in_its_order() {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let listed: Vec<_> = rows().into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(listed, codes);
}

#[test]
fn kind_status_and_exit_code_are_those_of_the_program() {
    for (row, code) in rows().iter().zip(ErrorCode::ALL) {
        assert_eq!(row.len(), 6, "{row:?}");
        let exit = if code.kind() == ErrorKind::Usage { "64" } else { "1" };
        let expected = [kind(code.kind()).to_owned(), status(*code).as_u16().to_string(), exit.to_owned()];
        assert_eq!(row[1..4], expected, "{row:?}");
        assert!(row[4].len() > 10 && row[5].len() > 10, "{row:?}");
    }
}

const fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Usage => "usage",
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::Busy => "busy",
        ErrorKind::TooLarge => "too large",
        ErrorKind::UnsupportedMedia => "unsupported",
        ErrorKind::Full => "full",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Broken => "broken",
    }
}

#[test]
fn a_problem_has_the_members_of_the_standard() {
    let error = ApiError::new(ErrorCode::ProjectUnknown, "project `x` not found").with_hint("list them");
    let json = serde_json::to_string(&Problem::new(&error)).unwrap();
    assert_eq!(
        json,
        r#"{"type":"urn:atocore:error:project_unknown","title":"project unknown","status":404,"detail":"project `x` not found","code":"project_unknown","hint":"list them"}"#
    );
}
