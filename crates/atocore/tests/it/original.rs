//! Taking over an installation of the original: everything it holds, nothing of it touched, and what could not be taken
//! is named.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{PROGRAM, Sandbox, contents};

/// An installation as the original leaves it: its database in WAL mode, its registry, a folder of vectors.
fn plant(place: &Sandbox) {
    place.write("original/vault/notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    place.write(
        "original/config/project-registry.json",
        r#"{"projects":[{"id":"field-notes","aliases":["Field Notes"],"description":"Ours.",
            "ingest_roots":[{"source":"vault","subpath":"notes","label":"Notes"}]}]}"#,
    );
    let vault = place.path("original/vault").canonicalize().unwrap();
    std::fs::create_dir_all(place.path("original/data/db")).unwrap();
    std::fs::create_dir_all(place.path("original/data/chroma")).unwrap();
    let database = rusqlite::Connection::open(place.path("original/data/db/atocore.db")).unwrap();
    database.execute_batch(SCHEMA).unwrap();
    let file = |name: &str| vault.join("notes").join(name).display().to_string();
    for (id, path, title) in [
        ("d1", file("keys.md"), "Keys"),
        ("d2", file("gone.md"), ""),
        ("d3", "/elsewhere/x.md".to_owned(), "X"),
    ] {
        database
            .execute(
                "INSERT INTO source_documents VALUES (?1, ?2, 'h', ?3, 'markdown', '[\"ops\"]', '2026-01-02 03:04:05')",
                (id, path, title),
            )
            .unwrap();
    }
    database.execute_batch(ROWS).unwrap();
    let vectors = rusqlite::Connection::open(place.path("original/data/chroma/chroma.sqlite3")).unwrap();
    vectors
        .execute_batch("CREATE TABLE embeddings (id INTEGER); INSERT INTO embeddings VALUES (1), (2)")
        .unwrap();
    // What was committed last lies in the log only, as after a kill.
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    database
        .execute_batch("INSERT INTO memories VALUES ('m9', 'knowledge', 'the last word', 0.5, 'active', '2026-03-01T00:00:00+00:00', '2026-03-01T00:00:00+00:00', '')")
        .unwrap();
    std::mem::forget(database);
}

const SCHEMA: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE source_documents (id TEXT PRIMARY KEY, file_path TEXT UNIQUE NOT NULL, file_hash TEXT NOT NULL,
        title TEXT, doc_type TEXT, tags TEXT, ingested_at DATETIME);
    CREATE TABLE source_chunks (id TEXT PRIMARY KEY, document_id TEXT NOT NULL REFERENCES source_documents(id)
        ON DELETE CASCADE, chunk_index INTEGER NOT NULL, content TEXT NOT NULL, heading_path TEXT, char_count INTEGER,
        metadata TEXT);
    CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL);
    CREATE TABLE project_state (id TEXT PRIMARY KEY, project_id TEXT NOT NULL, category TEXT, key TEXT, value TEXT,
        source TEXT, confidence REAL, status TEXT, created_at DATETIME, updated_at DATETIME);
    CREATE TABLE memories (id TEXT PRIMARY KEY, memory_type TEXT, content TEXT, confidence REAL, status TEXT,
        created_at DATETIME, updated_at DATETIME, project TEXT);
    CREATE TABLE interactions (id TEXT PRIMARY KEY, prompt TEXT NOT NULL, context_pack TEXT, response_summary TEXT,
        project_id TEXT, created_at DATETIME);";

const ROWS: &str = "INSERT INTO source_chunks VALUES
        ('c1', 'd1', 0, 'Keys are rotated every spring.', 'Keys', 30, '{}'),
        ('c2', 'd2', 0, 'The mast is twelve metres high.', '', 31, '{}'),
        ('c3', 'd3', 0, 'Of another place.', '', 17, '{}');
    INSERT INTO projects VALUES ('p1', 'FIELD notes'), ('p2', 'Old Mast');
    INSERT INTO project_state VALUES
        ('s1', 'p1', 'decision', 'database', 'SQLite', 'a talk', 0.9, 'active', '2026-01-02 03:04:05', '2026-02-03T04:05:06+00:00'),
        ('s2', 'p1', 'status', 'phase', 'alpha', '', 1.0, 'invalid', '2026-01-02 03:04:05', '2026-01-02 03:04:05'),
        ('s3', 'p2', 'fact', 'height', '12 m', '', 1.0, 'active', '2026-01-02 03:04:05', '2026-01-02 03:04:05');
    INSERT INTO memories VALUES
        ('m1', 'preference', 'short answers', 1.0, 'active', '2026-01-02 03:04:05', '2026-01-02 03:04:05', 'field-notes'),
        ('m2', 'identity', 'writes Rust', 1.0, 'candidate', '2026-01-02 03:04:05', '2026-01-02 03:04:05', ''),
        ('m3', 'rumour', 'of no known type', 1.0, 'active', '2026-01-02 03:04:05', '2026-01-02 03:04:05', '');
    INSERT INTO interactions VALUES ('i1', 'when are the keys rotated', '{\"chunks\": 1}', 'in spring', NULL, '2026-01-02 03:04:05');";

fn import(place: &Sandbox) -> (i32, Value) {
    let ran = place.run(&["--json", "import-original", "original/data"]);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}")))
}

#[test]
fn everything_comes_over_and_nothing_of_the_original_is_touched() {
    let place = Sandbox::new();
    plant(&place);
    let vault = place.path("original/vault").display().to_string();
    let place = place.variable("ATOCORE_VAULT_DIR", &vault);
    let before = contents(&place.path("original"));
    let (code, report) = import(&place);
    assert_eq!(code, 2, "something was left out: {report}");
    let count = |what: &str| report[what].as_u64().unwrap();
    assert_eq!((count("projects"), count("documents"), count("chunks")), (1, 2, 2), "{report}");
    assert_eq!((count("project_state"), count("memories"), count("interactions")), (3, 3, 1), "{report}");
    assert_eq!(
        (&report["unregistered_projects"], &report["vectors_left"]),
        (&json!(["old-mast"]), &json!(2))
    );
    let left: Vec<_> =
        report["left_out"].as_array().unwrap().iter().map(|left| left["name"].clone()).collect();
    assert_eq!(left, ["/elsewhere/x.md", "m3"], "{report}");
    assert_eq!(contents(&place.path("original")), before);

    let hit = |question: &str| place.json(&["query", question])["results"][0].clone();
    assert_eq!(hit("when are keys rotated")["lines"], json!({ "first": 3, "last": 3 }));
    let answer = place.json(&["query", "how high is the mast"]);
    assert_eq!(answer["results"], json!([]), "its file is gone");
    assert!(answer["notices"][0].as_str().unwrap().starts_with("1 passage left out"), "{answer}");
    let state = place.json(&["state", "list", "field notes", "--all"]);
    assert_eq!(state["entries"].as_array().unwrap().len(), 2, "{state}");
    assert_eq!(state["entries"][0]["updated_at"], "2026-02-03T04:05:06.000000+00:00");
    assert_eq!(state["entries"][0]["created_at"], "2026-01-02T03:04:05.000000+00:00");
    let memories = place.json(&["memory", "list"]);
    assert_eq!(memories["memories"][0]["content"], "the last word", "from the log");
    assert_eq!(
        place.json(&["memory", "list", "--status", "candidate"])["memories"][0]["content"],
        "writes Rust"
    );
    assert_eq!(
        place.json(&["interaction", "list"])["interactions"][0]["context_pack"],
        json!({ "chunks": 1 })
    );
    std::fs::create_dir(place.path("mast")).unwrap();
    place.ok(&["project", "add", "old-mast", "--root", "mast"]);
    assert_eq!(place.json(&["state", "list", "old-mast"])["entries"][0]["value"], "12 m");

    // It is a store like any other: proven, and read anew from its files.
    let stamp = place.snapshot();
    assert_eq!(place.json(&["backup", "validate", &stamp, "--depth", "content"])["valid"], true);
    place.ok(&["refresh", "field-notes"]);
    assert_eq!(hit("when are keys rotated")["source_file"], "keys.md");
    assert!(
        place.json(&["query", "mast twelve metres"])["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|hit| { hit["source_file"] != "gone.md" })
    );
}

#[test]
fn what_is_no_original_or_no_new_installation_is_refused_and_changes_nothing() {
    let place = Sandbox::new();
    plant(&place);
    let refused = |place: &Sandbox, data: &str, code: &str| {
        let ran = place.run(&["--json", "import-original", data]);
        let problem: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!((ran.code, &problem["code"]), (1, &json!(code)), "{problem}");
    };
    refused(&place, "original/nowhere", "store_missing");
    place.write("broken/db/atocore.db", "this is no database, and long enough to be looked at as one");
    refused(&place, "broken", "store_damaged");
    // Without the vault, no document would belong to anything.
    let ran = place.run(&["--json", "import-original", "original/data"]);
    assert!(ran.code != 0 && ran.stdout.contains("vault"), "{ran:?}");
    assert!(place.json(&["project", "list"])["projects"].as_array().unwrap().is_empty());

    let vault = place.path("original/vault").display().to_string();
    let place = place.variable("ATOCORE_VAULT_DIR", &vault);
    assert_eq!(import(&place).0, 2);
    refused(&place, "original/data", "target_not_empty");
    // What helps is to have a new installation, and that works as it is said.
    let said = place.run(&["import-original", "original/data"]).stderr;
    assert!(
        said.contains("hint: ") && said.contains("`atocore --data-dir DIR import-original DATA_DIR`"),
        "{said}"
    );
    let elsewhere = crate::program::ran(place.bare(PROGRAM).args([
        "--data-dir",
        "new",
        "import-original",
        "original/data",
    ]));
    assert_eq!(elsewhere.code, 2, "{elsewhere:?}");
    let own = place.path("home/data");
    assert!(Path::new(&own).is_dir());
    let second = Sandbox::new();
    let ran = second.run(&["import-original", own.to_str().unwrap()]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.stderr.contains("is a store of this program, not of the original"), "{ran:?}");
    assert!(ran.stderr.contains("atocore backup export"), "{ran:?}");

    // A wrong folder is said to be one; an installation that is in use is refused before the folder is looked at.
    let ran = second.run(&["import-original", "nowhere"]);
    assert!(ran.code == 1 && ran.stderr.contains("no store of the original at"), "{ran:?}");
    assert!(ran.stderr.contains("name the data folder of the original"), "{ran:?}");
    refused(&place, "original/nowhere", "target_not_empty");
}
