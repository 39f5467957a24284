//! What is logged: one event per fact, by the contract's names, and never what somebody wrote or asked.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use atocore::engine::SharedEngine;
use atocore::operations::{AddProject, Context, CreateBackup, Operation, Query, RefreshProject};
use atocore_engine::Caller;
use atocore_model::monitor::Silent;
use atocore_testkit::installation::Installation;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The events that `work` logs on this thread, each as its fields with the name as `message`.
fn events(work: impl FnOnce()) -> Vec<Value> {
    let kept = Kept::default();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(kept.clone());
    tracing::subscriber::with_default(log.with_max_level(tracing::Level::TRACE).finish(), work);
    let bytes = kept.0.lock().unwrap().clone();
    let lines = String::from_utf8(bytes).unwrap();
    let ours = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    ours.filter(|event| event["target"].as_str().unwrap().starts_with("atocore::")).collect()
}

#[test]
fn what_is_done_is_logged_under_its_name_and_without_its_text() {
    let installation = Installation::default();
    installation.write("notes/a.md", "# Treasure\n\nburied under the oak\n");
    let engine = SharedEngine::new(installation.own());
    let context = || Context::new(&engine, Caller::Local, &Silent, None);
    let add: AddProject =
        serde_json::from_str(r#"{"id":"notes","ingest_roots":[{"source":"vault","subpath":"notes"}]}"#)
            .unwrap();
    let logged = events(|| {
        drop(add.run(&mut context()).unwrap());
        drop(RefreshProject::of("NOTES").run(&mut context()).unwrap());
        let query = Query { query: "oak".to_owned(), ..Query::default() };
        drop(query.run(&mut context()).unwrap());
        let create = CreateBackup { include_chroma: true, ..CreateBackup::default() };
        drop(create.run(&mut context()).unwrap());
    });
    let names: Vec<_> = logged.iter().map(|event| event["message"].as_str().unwrap()).collect();
    let expected = [
        "project_registered",
        "project_refreshed",
        "chroma_snapshot_skipped_missing",
        "runtime_backup_created",
    ];
    assert_eq!(names, expected);
    assert_eq!(logged[1]["project"], "notes");
    assert_eq!(logged[1]["files_ingested"], 1);
    assert_eq!(logged[2]["path"], installation.home().join("data/chroma").to_str().unwrap());
    let backup = &logged[3];
    assert!(backup["backup_root"].as_str().is_some_and(|path| path.contains("/snapshots/")), "{backup}");
    assert!(backup["db_snapshot"].as_str().is_some_and(|path| path.ends_with("/db/atocore.db")), "{backup}");
    assert_eq!((&backup["chroma_included"], &backup["chroma_bytes"]), (&Value::Bool(false), &Value::from(0)));
    let text = serde_json::to_string(&logged).unwrap().to_lowercase();
    assert!(!text.contains("oak") && !text.contains("treasure"), "{text}");
}
