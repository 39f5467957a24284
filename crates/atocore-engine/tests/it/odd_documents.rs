//! Documents that nobody writes and somebody has: they are read, found and embedded, or left out with a reason.

use std::fmt::Write as _;

use atocore_engine::{Access, Engine, EngineConfig};
use atocore_model::{
    monitor::{Monitor, Progress, Silent},
    query::{Notice, QueryRequest},
    ranking::Mode,
};
use atocore_testkit::installation::{EngineExt, Installation};

fn open(config: EngineConfig) -> Engine {
    Engine::open(config, Access::Own { activity: "test".to_owned(), socket: None }, &Silent).unwrap()
}

#[test]
fn fifty_megabytes_on_one_line_are_read_and_found() {
    let place = Installation::default();
    let mut text = "all work and no play ".repeat(2_500_000);
    text.truncate(50 << 20);
    text.replace_range(30_000_000..30_000_006, " zebra");
    place.write("p/line.txt", &text);
    let engine = open(EngineConfig { max_file_bytes: 64 << 20, ..place.config() });
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].files.len(), 1);
    let answer = engine.ask("zebra");
    assert!(answer.hits[0].content.contains("zebra") && answer.hits[0].content.chars().count() <= 800);
    assert_eq!(engine.ask("all work").hits.len(), 10);
}

#[test]
fn ten_thousand_headings_are_ten_thousand_places() {
    let place = Installation::default().with_model();
    let mut text = String::new();
    for n in 0..10_000 {
        writeln!(text, "{} Heading number{n}\n\nText below it.\n", "#".repeat(n % 6 + 1)).unwrap();
    }
    place.write("p/headings.md", text);
    let engine = open(place.config());
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.status().unwrap().projects[0].chunks, 10_000);
    let answer = engine.query(&QueryRequest::new("number7777".parse().unwrap())).unwrap();
    assert!(answer.hits[0].heading_path.as_str().ends_with("number7777"));
    // What was made before it was cancelled is kept.
    assert!(engine.embed(&StopAfterBatches).is_err());
    let made = engine.status().unwrap().embedding.embedded;
    assert!((64..10_000).contains(&made), "{made}");
}

/// Calls the work off once a batch has been committed.
struct StopAfterBatches;

impl Monitor for StopAfterBatches {
    fn progress(&self, progress: Progress) {
        STOPPED.store(progress.done > 64, std::sync::atomic::Ordering::SeqCst);
    }

    fn cancelled(&self) -> bool {
        STOPPED.load(std::sync::atomic::Ordering::SeqCst)
    }
}

static STOPPED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[test]
fn scripts_without_spaces_empty_files_and_odd_characters_do_no_harm() {
    let place = Installation::default().with_model();
    place.write("p/empty.md", "");
    place.write("p/blank.md", " \n\t\n\u{3000}\n");
    place.write("p/chinese.md", "# 恢复\n\n".to_owned() + &"快照恢复后，索引会重新建立。".repeat(200));
    place.write("p/thai.md", "# กู้คืน\n\n".to_owned() + &"กู้คืนข้อมูลจากสำเนา".repeat(200));
    place.write("p/emoji.md", "# 🚀\n\n🚀🔥👩‍👩‍👧‍👦 \u{202e}reversed\u{202c} \u{1}\u{7f}");
    place.write("p/word.md", "x".repeat(100_000));
    let engine = open(place.config());
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert!(report.roots[0].files.iter().all(|file| file.reason.detail().is_empty()), "{report:?}");
    let _made = engine.embed(&Silent).unwrap();
    let status = engine.status().unwrap().embedding;
    assert_eq!(status.embedded, status.passages);
    // The model is for English; what it cannot read is found by its words.
    for (asked, path) in [("恢复索引", "chinese.md"), ("กู้คืน", "thai.md")] {
        let answer = engine.query(&QueryRequest::new(asked.parse().unwrap())).unwrap();
        assert_eq!(answer.hits[0].source_path.as_str(), path, "{answer:?}");
    }
    let answer = engine.query(&QueryRequest::new("\u{16a0}\u{16a2}\u{16a6}".parse().unwrap())).unwrap();
    assert_eq!((answer.mode, answer.notices), (Mode::Lexical, vec![Notice::QuestionNotUnderstood]));
    for odd in ["🚀", "\u{202e}", "???", "x", "\u{3000}a"] {
        let _answer = engine.query(&QueryRequest::new(odd.parse().unwrap())).unwrap();
    }
}
