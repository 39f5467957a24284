use atocore_model::{
    fact::{
        Action, ChangeFilter, Confidence, Content, FactId, Label, MemoryFilter, MemoryStatus, MemoryType,
        NewInteraction, PageSize, StateStatus,
        interaction::{InteractionFilter, InteractionStatus},
    },
    id::{MemoryId, ProjectId},
    time::Timestamp,
};

use crate::sqlite::{
    StorageError, Store, inspect,
    tests::{OPERATION, open},
};

fn project(id: &str) -> ProjectId {
    id.parse().unwrap()
}

fn value(text: &str, status: StateStatus) -> Content {
    Content::State {
        value: text.parse().unwrap(),
        source: "".parse().unwrap(),
        confidence: Confidence::CERTAIN,
        status,
    }
}

fn remembered(text: &str, status: MemoryStatus) -> Content {
    Content::Memory {
        memory_type: MemoryType::Preference,
        content: text.parse().unwrap(),
        source: "a talk".parse().unwrap(),
        confidence: Confidence::new(0.5).unwrap(),
        status,
        superseded_by: None,
    }
}

fn set(store: &Store, of: &str, key: &str, text: &str) -> FactId {
    let (project, category) = (project(of), "decision".parse().unwrap());
    let content = value(text, StateStatus::Active);
    let put = store.write(&OPERATION, |write| {
        write.put_state(&project, &category, &key.parse().unwrap(), &content, Action::Set)
    });
    FactId::State(put.unwrap_or_else(|error: StorageError| panic!("{error}")).value)
}

fn all_changes() -> ChangeFilter {
    ChangeFilter { project: None, kind: None, fact: None, since: None, limit: PageSize::DEFAULT, after: None }
}

fn changes(store: &Store, filter: &ChangeFilter) -> Vec<atocore_model::fact::Change> {
    store.read(|read| read.changes(filter, None)).unwrap()
}

#[test]
fn a_key_is_one_entry_in_any_normalisation_form_also_where_it_was_written_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = set(&store, "a", "café", "at the corner");
    assert_eq!(set(&store, "a", "cafe\u{301}", "closed"), first);
    // As version 0.1.0 has written it.
    let written = store.write(&OPERATION, |write| {
        write.connection.execute("UPDATE project_state SET key = 'cafe\u{301}'", []).unwrap();
        Ok::<_, StorageError>(())
    });
    written.unwrap();
    assert_eq!(set(&store, "a", "café", "open again"), first);
    assert_eq!(store.read(|read| read.state_of(&project("a"), true)).unwrap().len(), 1);
}

#[test]
fn state_keeps_its_id_and_every_value_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = set(&store, "notes", "database", "SQLite");
    let _other = set(&store, "notes-2", "database", "another project");
    let second = set(&store, "notes", "database", "SQLite in WAL mode");
    assert_eq!(first, second);
    drop(store);

    let store = open(dir.path());
    let state = store.read(|read| read.state_of(&project("notes"), false)).unwrap();
    assert_eq!(state.len(), 1);
    assert_eq!(state[0].value.as_str(), "SQLite in WAL mode");
    assert_eq!(state[0].generation.0, 3);
    let history = changes(&store, &ChangeFilter { fact: Some(first), ..all_changes() });
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].before, Some(value("SQLite", StateStatus::Active)));
    assert_eq!((history[1].before.clone(), history[1].interface.as_str()), (None, "test"));
    assert_eq!(history[0].subject, "decision / database");
}

#[test]
fn what_is_invalid_stays_and_is_not_among_what_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fact = set(&store, "notes", "database", "SQLite");
    let content = value("SQLite", StateStatus::Invalid);
    let written =
        store.write(&OPERATION, |write| write.put_content(&fact, &content, Action::Invalidate, None));
    assert_eq!(written.unwrap_or_else(|error: StorageError| panic!("{error}")).value, Some(()));
    let state = |all| store.read(|read| read.state_of(&project("notes"), all)).unwrap().len();
    assert_eq!((state(false), state(true)), (0, 1));
}

#[test]
fn a_change_that_fails_leaves_neither_row_nor_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fact = set(&store, "notes", "database", "SQLite");
    let wrong = remembered("of another kind", MemoryStatus::Active);
    let failed = store.write(&OPERATION, |write| write.put_content(&fact, &wrong, Action::Update, None));
    assert!(matches!(failed, Err(StorageError::Value { .. })));
    assert_eq!(changes(&store, &all_changes()).len(), 1);
    assert_eq!(store.generation().unwrap().0, 1);
}

#[test]
fn memories_are_paged_newest_first_and_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let add = |text: &str, of: Option<&str>, status| {
        let of = of.map(project);
        let content = remembered(text, status);
        let added =
            store.write(&OPERATION, |write| write.add_memory(None, of.as_ref(), &content, Action::Create));
        added.unwrap_or_else(|error: StorageError| panic!("{error}")).value
    };
    let _everywhere = add("tabs, not spaces", None, MemoryStatus::Active);
    let notes = add("dates as ISO 8601", Some("notes"), MemoryStatus::Active);
    let _proposed = add("likes short answers", Some("notes"), MemoryStatus::Candidate);
    let _elsewhere = add("of another", Some("other"), MemoryStatus::Active);
    let texts = |memories: Vec<atocore_model::fact::Memory>| -> Vec<String> {
        memories.into_iter().map(|memory| memory.content.to_string()).collect()
    };
    let all = MemoryFilter {
        memory_type: None,
        project: None,
        status: None,
        min_confidence: None,
        limit: PageSize::new(2).unwrap(),
        after: None,
    };
    let list =
        |filter: &MemoryFilter, of: Option<&ProjectId>| store.read(|read| read.memories(filter, of)).unwrap();
    let first = list(&all, None);
    let second = list(&MemoryFilter { after: Some(first[1].id.clone()), ..all.clone() }, None);
    assert_eq!(texts(first), ["of another", "likes short answers"]);
    assert_eq!(texts(second), ["dates as ISO 8601", "tabs, not spaces"]);
    let sure = MemoryFilter { min_confidence: Some(Confidence::new(0.6).unwrap()), ..all.clone() };
    assert!(list(&sure, None).is_empty());
    let of_notes = project("notes");
    assert_eq!(
        texts(store.read(|read| read.active_memories(Some(&of_notes))).unwrap()),
        ["tabs, not spaces", "dates as ISO 8601"]
    );
    assert_eq!(texts(store.read(|read| read.active_memories(None)).unwrap()), ["tabs, not spaces"]);
    let same = |of: Option<&ProjectId>| {
        let text = "dates as ISO 8601".parse().unwrap();
        store.read(|read| read.same_memory(MemoryType::Preference, &text, of)).unwrap().map(|found| found.id)
    };
    assert_eq!((same(Some(&of_notes)), same(None)), (Some(notes), None));
    let unknown = MemoryFilter { after: Some("mem_00".parse::<MemoryId>().unwrap()), ..all };
    assert!(list(&unknown, None).is_empty());
}

#[test]
fn interactions_are_found_by_what_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let record = |prompt: &str, client: &str| {
        let new = NewInteraction {
            prompt: prompt.parse().unwrap(),
            response: "\u{1b}[1mbold\u{1b}[0m".parse().unwrap(),
            response_summary: "".parse().unwrap(),
            project: None,
            client: client.parse().unwrap(),
            session_id: "s1".parse().unwrap(),
            memories_used: vec!["mem_01".to_owned()],
            chunks_used: Vec::new(),
            context_pack: serde_json::from_str("{\"a\":1}").unwrap(),
        };
        let of = project("notes");
        let added = store.write(&OPERATION, |write| write.add_interaction(&new, Some(&of)));
        added.unwrap_or_else(|error: StorageError| panic!("{error}")).value
    };
    let first = record("how", "codex");
    let second = record("why", "claude");
    let all = InteractionFilter {
        project: None,
        session: None,
        client: None,
        since: None,
        limit: PageSize::DEFAULT,
        after: None,
    };
    let ids = |filter: &InteractionFilter| -> Vec<_> {
        let found = store.read(|read| read.interactions(filter, None)).unwrap();
        found.into_iter().map(|interaction| interaction.id).collect()
    };
    assert_eq!(ids(&all), [second.clone(), first.clone()]);
    let of_client = InteractionFilter { client: Some("codex".parse::<Label>().unwrap()), ..all.clone() };
    assert_eq!(ids(&of_client), std::slice::from_ref(&first));
    let since = |text: &str| InteractionFilter { since: Timestamp::parse(text), ..all.clone() };
    assert_eq!(ids(&since("2026-04-06T20:42:19+02:00")).len(), 2);
    assert_eq!(ids(&since("2026-04-06T18:42:19.000001Z")).len(), 0);

    let fact = FactId::Interaction(first.clone());
    let becomes = |status: InteractionStatus| {
        let content = Content::Interaction { status };
        let reversed =
            store.write(&OPERATION, |write| write.put_content(&fact, &content, Action::Reverse, Some(1)));
        let _: Option<()> = reversed.unwrap_or_else(|error: StorageError| panic!("{error}")).value;
        store.read(|read| read.interaction(&first)).unwrap()
    };
    assert_eq!(becomes(InteractionStatus::Withdrawn), None);
    assert_eq!(ids(&all), [second]);
    let kept = becomes(InteractionStatus::Recorded).unwrap();
    assert_eq!((kept.response.as_str(), kept.memories_used.len()), ("\u{1b}[1mbold\u{1b}[0m", 1));
}

#[test]
fn a_fact_that_is_not_what_its_journal_says_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _fact = set(&store, "notes", "database", "SQLite");
    let _second = set(&store, "notes", "language", "Rust");
    drop(store);
    let path = dir.path().join("db/atocore.db");
    assert_eq!(inspect::facts(&path).unwrap(), Vec::<String>::new());
    let sql = |text: &str| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(text).unwrap();
        let _mode: String = connection.query_row("PRAGMA journal_mode=delete", [], |row| row.get(0)).unwrap();
    };
    sql("UPDATE project_state SET value = 'Postgres' WHERE key = 'database'");
    let complaints = inspect::facts(&path).unwrap();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].ends_with("is not what the journal says"), "{complaints:?}");
    sql("DELETE FROM project_state WHERE key = 'language';
         DELETE FROM fact_changes WHERE fact_id = (SELECT public_id FROM project_state WHERE key = 'database')");
    let complaints = inspect::facts(&path).unwrap();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
}
