//! What a server holds as files.

use std::path::Path;

use atocore_model::monitor::Silent;
use atocore_storage::{
    files,
    vector::{
        Comparison, VectorError, VectorIndex,
        contract::{CancelAfter, notebook::Notebook},
    },
};
use atocore_testkit::chroma::{FakeServer, Reply, Server};

use super::{notebook, open};
use crate::{
    export::{EXPORT_RECORDS, EXPORT_SUMMARY, compare_export, read_export},
    index::ChromaIndex,
    server_index::ServerIndex,
};

/// A folder with an export of all of a notebook.
fn exported(index: &ChromaIndex, dir: &Path) {
    let lease = index.lease().unwrap();
    let remote = index.export(&lease, dir, &Silent).unwrap().unwrap();
    drop(lease);
    assert_eq!(index.collection().unwrap(), Some(remote.clone()));
    assert_eq!(read_export(dir).unwrap(), remote);
}

fn compared(dir: &Path, notebook: &Notebook) -> Comparison {
    compare_export(dir, notebook, &Silent).unwrap()
}

#[test]
fn an_export_is_all_that_the_server_holds_and_is_compared_with_the_store() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(dir.path());
    let index = open(&server.url());
    let lease = index.lease().unwrap();
    assert_eq!(index.export(&lease, to.path(), &Silent).unwrap(), None, "before there is anything");
    drop(lease);
    // More than one page of them.
    let mut notebook = notebook(400);
    index.catch_up(&notebook, &Silent).unwrap();
    let to = to.path().join("full");
    files::create_dirs(&to).unwrap();
    exported(&index, &to);
    let remote = read_export(&to).unwrap();
    assert_eq!((remote.version, remote.records, remote.open), (notebook.newest(), 800, false));
    assert_eq!((remote.name.as_str(), remote.tenant.as_str()), ("atocore", "default_tenant"));
    let same = Comparison { expected: 800, ..Comparison::default() };
    assert_eq!(compared(&to, &notebook), same);
    // And how it differs from a store that has moved on.
    notebook.delete(7);
    notebook.write(8, &[vec![1.0; 8]]);
    assert_eq!(compared(&to, &notebook), Comparison { expected: 797, missing: 1, wrong: 0, extra: 4 });
}

#[test]
fn an_export_that_is_damaged_anywhere_is_none() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(dir.path());
    let index = open(&server.url());
    let notebook = notebook(3);
    index.catch_up(&notebook, &Silent).unwrap();
    exported(&index, to.path());
    let read = |name: &str| {
        let bytes = files::read_if_present(&to.path().join(name)).unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let (summary, records) = (read(EXPORT_SUMMARY), read(EXPORT_RECORDS));
    let first = records.lines().next().unwrap();
    let cases = [
        (summary.replace("\"records\": 6", "\"records\": 7"), records.clone(), "6 records"),
        (summary.replace("\"format\": 1", "\"format\": 2"), records.clone(), "format Some(2)"),
        (summary.replace("\"dimensions\": 8", "\"dimensions\": 9"), records.clone(), "not a vector of 9"),
        (summary.replace("\"token\": \"", "\"token\": \"x"), records.clone(), "not a number"),
        ("{}".to_owned(), records.clone(), "format None"),
        (summary.clone(), format!("{records}{first}\n"), "is there twice"),
        (summary.clone(), records.replacen("\"embedding\":\"", "\"embedding\":\"*", 1), "no vector"),
        (summary.clone(), records[..records.len() - 9].to_owned(), "line 6"),
        (summary.clone(), String::new(), "0 records"),
    ];
    for (summary, records, says) in cases {
        for (name, text) in [(EXPORT_SUMMARY, summary), (EXPORT_RECORDS, records)] {
            files::write_atomic(&to.path().join(name), text.as_bytes()).unwrap();
        }
        let error = read_export(to.path()).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    // A vector that fits and is another one.
    let mut lines: Vec<&str> = records.lines().collect();
    let vector = |line: &str| line.split("\"embedding\":\"").nth(1).unwrap().to_owned();
    let swapped = lines[0].replace(&vector(lines[0]), &vector(lines[1]));
    lines[0] = &swapped;
    for (name, text) in [(EXPORT_SUMMARY, summary), (EXPORT_RECORDS, lines.join("\n"))] {
        files::write_atomic(&to.path().join(name), text.as_bytes()).unwrap();
    }
    read_export(to.path()).unwrap();
    assert_eq!(compared(to.path(), &notebook), Comparison { expected: 6, wrong: 1, ..Comparison::default() });
}

#[test]
fn a_failing_or_changing_server_yields_no_export() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let index = open(&between.url());
    let mut notebook = notebook(300);
    index.catch_up(&notebook, &Silent).unwrap();
    notebook.write(1, &[vec![1.0; 8]]);
    let (other, url) = (notebook, server.url());
    let mut is_changed = false;
    let change_once = move |request: &str| {
        // Another process writes between the pages.
        if request.contains("\"offset\":256") && !is_changed {
            is_changed = true;
            open(&url).catch_up(&other, &Silent).unwrap();
        }
        Reply::Pass
    };
    let attempt = |name: &str| {
        let to = to.path().join(name);
        files::create_dirs(&to).unwrap();
        let lease = index.lease().unwrap();
        let failed = index.export(&lease, &to, &Silent);
        assert!(!to.join(EXPORT_SUMMARY).exists() || failed.is_ok());
        failed
    };
    between.rule(change_once);
    let error = attempt("changed").unwrap_err().to_string();
    assert!(error.contains("changed while it was read"), "{error}");
    between.rule(|request| if request.contains("\"offset\":256") { Reply::Close } else { Reply::Pass });
    let error = attempt("closed").unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    between.rule(|_| Reply::Pass);
    let (lease, to) = (index.lease().unwrap(), to.path().join("cancelled"));
    files::create_dirs(&to).unwrap();
    let error = index.export(&lease, &to, &CancelAfter::documents(1)).unwrap_err();
    assert!(matches!(error, VectorError::Cancelled), "{error}");
}
