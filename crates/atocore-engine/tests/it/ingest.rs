//! Every file ends in one state with a reason; nothing is lost, nothing stale stays, nothing is done twice.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use atocore_engine::{Caller, Error};
use atocore_model::{
    monitor::{Monitor, Progress},
    refresh::{RefreshReport, RefreshStatus, RootSkip},
    time::{Clock, Timestamp},
};
use atocore_testkit::installation::{EngineExt, Installation, vault_project};

/// Path, state and reason of every file that is not simply unchanged.
fn files(report: &RefreshReport) -> Vec<(String, &'static str, &'static str)> {
    let files = report.roots.iter().flat_map(|root| &root.files);
    files.map(|file| (file.path.clone(), file.reason.state().as_str(), file.reason.code())).collect()
}

fn owned(entries: &[(&str, &'static str, &'static str)]) -> Vec<(String, &'static str, &'static str)> {
    entries.iter().map(|(path, state, reason)| ((*path).to_owned(), *state, *reason)).collect()
}

#[test]
fn every_file_ends_in_one_state_with_a_reason() {
    let place = Installation::default();
    place.write("p/a.md", "# Title\n\nText.");
    place.write("p/b.txt", "plain");
    place.write("p/Q: what is X.md", "a question");
    place.write("p/\\begin.md", "a beginning");
    place.write("p/photo.png", [1, 2]);
    place.write("p/zero.md", b"a\0b");
    place.write("p/latin.md", b"caf\xe9");
    place.write("p/broken.md", b"caf\xc3\xa9 \xff");
    place.write("p/big.md", vec![b'x'; (1 << 20) + 1]);
    place.write("p/.hidden.md", "hidden");
    place.write("p/.gitignore", "ignored.md\n");
    place.write("p/ignored.md", "ignored");
    place.write("p/.atocoreignore", "drafts/\n");
    place.write("p/drafts/d.md", "draft");
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, place.vault().join(name)).unwrap();
    link("a.md", "p/inside.md");
    link("/etc/hostname", "p/outside.md");
    link("nowhere", "p/dangling.md");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(
        files(&report),
        owned(&[
            (".hidden.md", "skipped", "hidden"),
            ("Q: what is X.md", "ingested", "new"),
            ("\\begin.md", "ingested", "new"),
            ("a.md", "ingested", "new"),
            ("b.txt", "ingested", "new"),
            ("big.md", "skipped", "too_large"),
            ("broken.md", "failed", "not_utf8"),
            ("dangling.md", "failed", "unreadable"),
            ("drafts/", "skipped", "ignored"),
            ("ignored.md", "skipped", "ignored"),
            ("inside.md", "skipped", "link"),
            ("latin.md", "ingested", "new"),
            ("outside.md", "skipped", "link_leaves_root"),
            ("photo.png", "skipped", "unsupported_type"),
            ("zero.md", "skipped", "binary"),
        ])
    );
    assert_eq!((report.counts().ingested, report.counts().failed), (5, 2));
    assert!(engine.ask("draft hidden ignored").hits.is_empty());
}

#[test]
fn unchanged_touched_changed_renamed_and_deleted_files_are_told_apart() {
    let place = Installation::default();
    for name in ["same", "touched", "changed", "moved", "gone"] {
        place.write(&format!("p/{name}.md"), format!("# {name}\n\nThe {name} zebra."));
    }
    let engine = place.own();
    engine.add("p", "p");
    let first = engine.fresh("p");
    let before = engine.ask("moved").hits.remove(0);

    place.write_at("p/touched.md", "# touched\n\nThe touched zebra.", 1_700_000_777);
    place.write_at("p/changed.md", "# changed\n\nThe striped zebra.", 1_700_000_777);
    std::fs::create_dir(place.vault().join("p/sub")).unwrap();
    let (from, to) = (place.vault().join("p/moved.md"), place.vault().join("p/sub/moved.md"));
    #[expect(clippy::disallowed_methods, reason = "as a person moves a file")]
    std::fs::rename(from, to).unwrap();
    place.remove("p/gone.md");
    let second = engine.fresh("p");
    assert_eq!(
        files(&second),
        owned(&[
            ("changed.md", "ingested", "changed"),
            ("gone.md", "removed", "deleted"),
            ("sub/moved.md", "ingested", "renamed"),
            ("touched.md", "unchanged", "same_bytes"),
        ])
    );
    assert!(second.generation > first.generation);
    let after = engine.ask("moved").hits.remove(0);
    assert_eq!((&after.document_id, &after.chunk_id), (&before.document_id, &before.chunk_id));
    assert_eq!(after.source_path.as_str(), "sub/moved.md");
    assert!(engine.ask("gone").hits.iter().all(|hit| !hit.content.contains("gone")));
    assert_eq!(engine.ask("striped").hits.len(), 1);
    assert_eq!(files(&engine.fresh("p")), []);
}

#[test]
fn a_refresh_that_changes_nothing_is_recorded_and_leaves_the_generation_as_it_is() {
    let place = Installation::default();
    place.write("p/a.md", "# A\n\nThe zebra.");
    place.write("p/photo.png", [1, 2]);
    let engine = place.own();
    engine.add("p", "p");
    let first = engine.fresh("p");
    let plan = engine.plan_removal(&"p".parse().unwrap()).unwrap();
    let refreshed = || engine.status().unwrap().projects.remove(0).refreshed.unwrap();
    for photos in ["photo.png", "picture.png"] {
        place.clock.advance(60);
        place.write(&format!("p/{photos}"), [1, 2]);
        // The same bytes and time in another file, as a backup is laid back.
        place.remove("p/a.md");
        place.write("p/a.md", "# A\n\nThe zebra.");
        let again = engine.fresh("p");
        assert_eq!(again.generation, first.generation);
        assert_eq!(again.roots[0].counts.unchanged, 1);
        assert_eq!(refreshed().at, place.clock.now().to_string());
        assert!(refreshed().counts.skipped == again.roots[0].files.len() as u64 - 1);
    }
    // What it left out is known, so that it is no news the next time.
    assert!(engine.fresh("p").roots[0].files.iter().all(|file| !file.is_new));
    let status = engine.status().unwrap();
    assert_eq!((status.generation, status.index_generation), (first.generation, Some(first.generation)));
    engine.remove_project(&plan, Caller::Local).unwrap();
}

#[test]
fn a_file_with_another_time_moves_the_generation_on_because_answers_show_it() {
    let place = Installation::default();
    place.write_at("p/a.md", "the zebra", 1_700_000_000);
    let engine = place.own();
    engine.add("p", "p");
    let first = engine.fresh("p");
    place.write_at("p/a.md", "the zebra", 1_700_000_777);
    let second = engine.fresh("p");
    assert_eq!(files(&second), owned(&[("a.md", "unchanged", "same_bytes")]));
    assert!(second.generation > first.generation);
    let answer = engine.ask("zebra");
    assert_eq!(answer.hits[0].date.get().as_second(), 1_700_000_777);
}

#[test]
fn passages_keep_their_ids_while_their_text_stays() {
    let place = Installation::default();
    let text = |first: &str| format!("# Doc\n\n## One\n\n{first}\n\n## Two\n\nThe second zebra.\n");
    place.write("p/a.md", text("The first lion."));
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let before = engine.ask("zebra").hits.remove(0);
    place.write_at("p/a.md", text("The first tiger.\n\nAnd more."), 1_700_000_777);
    let _report = engine.fresh("p");
    let after = engine.ask("zebra").hits.remove(0);
    assert_eq!(after.chunk_id, before.chunk_id);
    assert_eq!((before.lines.first, after.lines.first), (9, 11));
    assert!(engine.ask("lion").hits.is_empty());
}

#[test]
fn a_file_that_is_no_document_any_more_leaves_and_an_unreadable_one_stays() {
    let place = Installation::default();
    place.write("p/a.md", "the first zebra");
    place.write("p/b.md", "the second zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    place.write_at("p/a.md", b"caf\xc3\xa9 \xff zebra", 1_700_000_777);
    let report = engine.fresh("p");
    assert_eq!(files(&report), owned(&[("a.md", "failed", "not_utf8")]));
    assert_eq!(engine.ask("zebra").hits.len(), 1);
    place.write_at("p/.gitignore", "b.md", 1_700_000_777);
    let report = engine.fresh("p");
    assert_eq!(
        files(&report),
        owned(&[("a.md", "failed", "not_utf8"), ("b.md", "removed", "no_longer_included")])
    );
    assert!(engine.ask("zebra").hits.is_empty());
}

#[test]
fn a_missing_root_is_skipped_and_its_documents_stay() {
    let place = Installation::default();
    place.write("a/x.md", "the first zebra");
    place.write("b/x.md", "the second zebra");
    let engine = place.own();
    let mut project = vault_project("p", "a");
    project.roots.extend(vault_project("p", "b").roots);
    let _project = engine.add_project(project, Caller::Local).unwrap();
    assert_eq!(engine.fresh("p").status(), RefreshStatus::Ingested);
    let away = |from: &str, to: &str| {
        let (from, to) = (place.vault().join(from), place.vault().join(to));
        #[expect(clippy::disallowed_methods, reason = "as a disk is unplugged")]
        std::fs::rename(from, to).unwrap();
    };
    away("b", "unplugged");
    let report = engine.fresh("p");
    assert_eq!(
        (report.status(), report.roots_ingested(), report.roots_skipped()),
        (RefreshStatus::Partial, 1, 1)
    );
    assert_eq!(report.roots[1].skipped, Some(RootSkip::Missing));
    assert_eq!(engine.ask("zebra").hits.len(), 2);
    away("a", "unplugged-too");
    let report = engine.fresh("p");
    assert_eq!(report.status(), RefreshStatus::NothingToIngest);
    assert_eq!(engine.ask("zebra").hits.len(), 2);
    away("unplugged", "b");
    away("unplugged-too", "a");
    assert_eq!(engine.fresh("p").status(), RefreshStatus::Ingested);
    assert_eq!(files(&engine.fresh("p")), []);
}

#[test]
fn the_deepest_root_owns_a_file() {
    let place = Installation::default();
    place.write("all/x.md", "outer zebra");
    place.write("all/inner/y.md", "inner zebra");
    let engine = place.own();
    engine.add("outer", "all");
    let _report = engine.fresh("outer");
    assert_eq!(engine.ask("zebra").hits.len(), 2);
    engine.add("inner", "all/inner");
    let _report = engine.fresh("inner");
    let report = engine.fresh("outer");
    assert_eq!(files(&report), owned(&[("inner", "skipped", "owned_by_other_project")]));
    let mut owners: Vec<_> =
        engine.ask("zebra").hits.into_iter().map(|hit| (hit.content, hit.project.to_string())).collect();
    owners.sort();
    let expected = [("inner zebra", "inner"), ("outer zebra", "outer")];
    assert_eq!(owners, expected.map(|(text, project)| (text.to_owned(), project.to_owned())));
}

/// Calls work off after a number of questions.
struct StopAfter(AtomicU32);

impl Monitor for StopAfter {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn a_cancelled_refresh_is_taken_up_by_the_next_one() {
    let place = Installation::default();
    for i in 0..40 {
        place.write(&format!("p/{i}.md"), format!("zebra number{i}"));
    }
    let engine = place.own();
    engine.add("p", "p");
    for patience in [0, 1, 39, 45, 60, 75] {
        let stop = StopAfter(AtomicU32::new(patience));
        let stopped = engine.refresh(&"p".parse().unwrap(), Caller::Local, &stop);
        assert!(matches!(stopped, Err(Error::Cancelled) | Ok(_)), "{stopped:?}");
    }
    let report = engine.fresh("p");
    let counts = report.counts();
    assert_eq!(counts.ingested + counts.unchanged, 40);
    for i in 0..40 {
        assert_eq!(engine.ask(&format!("number{i}")).hits.len(), 1, "{i}");
    }
}

#[test]
fn other_chunk_settings_rechunk() {
    let place = Installation::default();
    place.write("p/a.md", "zebra word. ".repeat(100));
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let before = engine.ask("zebra").hits.len();
    drop(engine);
    let mut config = place.config();
    config.chunks = atocore_engine::ingest::ChunkLimits::new(200, 20).unwrap();
    let access = atocore_engine::Access::Own { activity: "test".to_owned(), socket: None };
    let engine = atocore_engine::Engine::open(config, access, &atocore_model::monitor::Silent).unwrap();
    assert_eq!(files(&engine.fresh("p")), owned(&[("a.md", "ingested", "cut_anew")]));
    assert!(engine.ask("zebra").hits.len() > before);
}

#[test]
fn a_file_written_just_now_is_read_again_and_still_has_its_date() {
    let place = Installation::default();
    let now = place.clock.now().get().as_second().unsigned_abs();
    place.write_at("p/a.md", "the first zebra", now);
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(
        engine.ask("zebra").hits[0].date,
        Timestamp::new(place.clock.now().get() + Duration::from_millis(500))
    );
    // The same size and time, as when two writes fall into one tick.
    place.write_at("p/a.md", "the other zebra", now);
    assert_eq!(files(&engine.fresh("p")), owned(&[("a.md", "ingested", "changed")]));
    place.clock.advance(10);
    assert_eq!(files(&engine.fresh("p")), owned(&[("a.md", "unchanged", "same_bytes")]));
    assert_eq!(files(&engine.fresh("p")), []);
}
