//! Whatever happens to the folder of a root, nothing is emptied in silence, and what is different is read again.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use atocore_engine::{Caller, Engine, ProjectChange, files};
use atocore_model::{
    monitor::{Monitor, Progress, Silent},
    project::{Project, Root, RootLocation},
    refresh::{RefreshOptions, RefreshReport, RefreshStatus, RootSkip},
};
use atocore_testkit::installation::{EngineExt, Installation, exchange, vault_project};

fn refresh_with(engine: &Engine, name: &str, options: RefreshOptions) -> RefreshReport {
    engine.refresh_with(&name.parse().unwrap(), options, Caller::Local, &Silent).unwrap()
}

const ALLOW_EMPTY: RefreshOptions = RefreshOptions { allow_empty: true, reread: false, gives_way: false };

fn counts(report: &RefreshReport) -> [u64; 5] {
    let counts = report.counts();
    [counts.ingested, counts.unchanged, counts.removed, counts.skipped, counts.failed]
}

#[expect(clippy::disallowed_methods, reason = "as a person moves a file")]
fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

/// Path below its root and where its file is, of every hit, sorted.
fn places(engine: &Engine, question: &str) -> Vec<(String, String, String)> {
    let hits = engine.ask(question).hits;
    let place = |hit: atocore_model::query::Hit| {
        (hit.project.to_string(), hit.source_path.as_str().to_owned(), hit.document_id.to_string())
    };
    let mut places: Vec<_> = hits.into_iter().map(place).collect();
    places.sort();
    places
}

fn folder_project(id: &str, folder: &Path) -> Project {
    let location = RootLocation::Folder(folder.to_owned());
    Project { roots: vec![Root { location, label: String::new() }], ..vault_project(id, "") }
}

#[test]
fn a_folder_whose_documents_are_all_gone_is_skipped_until_it_is_confirmed() {
    for documents in [1, 3, 40] {
        let place = Installation::default();
        for number in 0..documents {
            place.write(&format!("p/{number}.md"), format!("zebra number{number}"));
        }
        let engine = place.own();
        engine.add("p", "p");
        let _report = engine.fresh("p");
        rename(&place.vault().join("p"), &place.vault().join("away"));
        // What an unmounted disk leaves, and what one may leave in it.
        fs::create_dir_all(place.vault().join("p/lost+found")).unwrap();
        for _ in 0..2 {
            let report = engine.fresh("p");
            assert_eq!(report.status(), RefreshStatus::NothingToIngest);
            let gone = RootSkip::DocumentsGone { gone: documents, known: documents };
            assert_eq!((report.roots[0].skipped.clone(), counts(&report)), (Some(gone), [0; 5]));
            assert_eq!(engine.status().unwrap().projects[0].documents, documents);
        }
        let doctor = format!("{:?}", engine.doctor());
        assert!(doctor.contains("are gone") && doctor.contains("--allow-empty"), "{doctor}");
        files::remove_tree(&place.vault().join("p")).unwrap();
        rename(&place.vault().join("away"), &place.vault().join("p"));
        assert_eq!(counts(&engine.fresh("p")), [0, documents, 0, 0, 0]);
        rename(&place.vault().join("p"), &place.vault().join("away"));
        fs::create_dir(place.vault().join("p")).unwrap();
        let report = refresh_with(&engine, "p", ALLOW_EMPTY);
        assert_eq!((report.status(), counts(&report)), (RefreshStatus::Ingested, [0, 0, documents, 0, 0]));
        assert!(engine.ask("zebra").hits.is_empty());
        assert_eq!(engine.fresh("p").status(), RefreshStatus::Ingested);
    }
}

#[test]
fn a_root_within_one_of_another_project_is_emptied_no_more_than_any_other() {
    let place = Installation::default();
    for number in 0..10 {
        place.write(&format!("p/inner/{number}.md"), format!("zebra number{number}"));
    }
    place.write("p/outer.md", "zebra");
    let engine = place.own();
    engine.add("outer", "p");
    engine.add("inner", "p/inner");
    for project in ["outer", "inner"] {
        let _report = engine.fresh(project);
    }
    rename(&place.vault().join("p/inner"), &place.vault().join("away"));
    fs::create_dir(place.vault().join("p/inner")).unwrap();
    for project in ["inner", "outer", "inner"] {
        let _report = engine.fresh(project);
    }
    let gone = RootSkip::DocumentsGone { gone: 10, known: 10 };
    assert_eq!(engine.fresh("inner").roots[0].skipped, Some(gone));
    fs::remove_dir(place.vault().join("p/inner")).unwrap();
    rename(&place.vault().join("away"), &place.vault().join("p/inner"));
    assert_eq!(counts(&engine.fresh("inner")), [0, 10, 0, 0, 0]);
    for number in 0..8 {
        place.remove(&format!("p/inner/{number}.md"));
    }
    assert_eq!(engine.fresh("inner").roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 8, known: 10 }));
}

#[test]
fn most_of_many_documents_gone_at_once_are_asked_about_and_few_are_not() {
    let place = Installation::default();
    let write = |numbers: std::ops::Range<u32>| {
        numbers.for_each(|number| place.write(&format!("p/{number}.md"), format!("zebra number{number}")));
    };
    write(0..12);
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for number in 0..7 {
        place.remove(&format!("p/{number}.md"));
    }
    place.write_at("p/11.md", "a lion by now", 1_700_000_777);
    place.write("p/new.md", "a new lion");
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 7, known: 12 }));
    // Nothing of it is changed in halves.
    assert!(engine.ask("lion").hits.is_empty());
    write(0..1);
    assert_eq!(counts(&engine.fresh("p")), [2, 5, 6, 0, 0]);
    assert_eq!(engine.ask("lion").hits.len(), 2);
    // Of two or three nobody has to confirm one.
    let place = Installation::default();
    place.write("p/1.md", "zebra");
    place.write("p/2.md", "another zebra");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    place.remove("p/1.md");
    assert_eq!(counts(&engine.fresh("p")), [0, 1, 1, 0, 0]);
    // And of one nobody has to confirm that it is another.
    rename(&place.vault().join("p/2.md"), &place.vault().join("p/3.md"));
    place.write("p/3.md", "a lion with other words");
    assert_eq!(counts(&engine.fresh("p")), [1, 0, 1, 0, 0]);
}

#[test]
fn most_of_many_documents_cut_to_nothing_at_once_are_asked_about_and_few_are_not() {
    let place = Installation::default();
    let write = |numbers: std::ops::Range<u32>, text: &str, at| {
        let text = |number| if text.trim().is_empty() { text.to_owned() } else { format!("{text} {number}") };
        numbers.for_each(|number| place.write_at(&format!("p/{number}.md"), text(number), at));
    };
    write(0..9, "the zebra", 1_700_000_000);
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    for (round, text) in ["", "\n", " \r\n\n\t"].into_iter().enumerate() {
        write(0..5, text, 1_700_000_100 + round as u64);
        for _ in 0..2 {
            let skipped = engine.fresh("p").roots[0].skipped.clone();
            assert_eq!(skipped, Some(RootSkip::DocumentsGone { gone: 5, known: 9 }), "{text:?}");
            assert_eq!(engine.ask("zebra").hits.len(), 9, "{text:?}");
        }
    }
    // Some are gone, and the others are empty; nothing is changed in halves.
    write(0..3, "", 1_700_000_200);
    write(3..5, "the lion", 1_700_000_200);
    (5..7).for_each(|number| place.remove(&format!("p/{number}.md")));
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 5, known: 9 }));
    assert!(engine.ask("lion").hits.is_empty());
    write(5..7, "the zebra", 1_700_000_200);
    assert_eq!(counts(&engine.fresh("p")), [5, 4, 0, 0, 0]);
    assert_eq!((engine.ask("zebra").hits.len(), engine.ask("lion").hits.len()), (4, 2));
    write(3..9, "", 1_700_000_300);
    assert_eq!(engine.fresh("p").status(), RefreshStatus::NothingToIngest);
    let report = refresh_with(&engine, "p", ALLOW_EMPTY);
    assert_eq!((counts(&report), engine.ask("zebra").hits.len()), ([6, 3, 0, 0, 0], 0));
    assert_eq!(counts(&engine.fresh("p")), [0, 9, 0, 0, 0]);
}

#[test]
fn documents_that_lose_their_text_and_no_bytes_are_asked_about_and_those_that_had_none_are_not() {
    let place = Installation::default();
    let each = |folder: &str, text: &str, at| {
        (0..9).for_each(|number| place.write_at(&format!("{folder}/{number}.md"), text, at));
    };
    ["p", "q"].iter().for_each(|folder| each(folder, "---\n---\n", 1_700_000_000));
    let engine = place.own();
    engine.add("p", "p");
    engine.add("q", "q");
    let _reports = [engine.fresh("p"), engine.fresh("q")];
    let mut at = 1_700_000_000;
    for (before, after) in [
        ("the zebra\n", "         \n"),
        ("the zebra\n", "\n\n\n\n\n\n\n\n\n\n\n\n"),
        ("# The zebra\n", "           \n"),
        ("---\ntags: [zebra]\n---\n", "---\n\n             \n---\n"),
    ] {
        for (text, is_asked) in [(before, false), (after, true), (after, true)] {
            at += 100;
            each("p", text, at);
            let asked = is_asked.then_some(RootSkip::DocumentsGone { gone: 9, known: 9 });
            assert_eq!(engine.fresh("p").roots[0].skipped, asked, "{text:?}");
            assert_eq!(engine.ask("zebra").hits.len(), 9, "{text:?}");
        }
    }
    each("q", "---\n\n---\n", 1_700_000_100);
    assert_eq!(counts(&engine.fresh("q")), [9, 0, 0, 0, 0]);
    let reread = RefreshOptions { reread: true, ..RefreshOptions::default() };
    assert_eq!(counts(&refresh_with(&engine, "q", reread)), [0, 9, 0, 0, 0]);
    (0..4).for_each(|number| place.write_at(&format!("p/{number}.md"), "         \n", 1_700_000_200));
    (4..9).for_each(|number| place.write_at(&format!("p/{number}.md"), "the lion\n", 1_700_000_200));
    assert_eq!(counts(&engine.fresh("p")), [9, 0, 0, 0, 0]);
}

#[test]
fn documents_that_an_emptied_folder_keeps_do_not_stand_for_what_is_left_of_a_root() {
    let place = Installation::default();
    let write = |numbers: std::ops::Range<u32>, folder: &str| {
        numbers.for_each(|number| {
            place.write(&format!("{folder}/{number}.md"), format!("zebra {folder}{number}"))
        });
    };
    write(0..10, "p/x");
    write(0..12, "p");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    files::remove_tree(&place.vault().join("p/x")).unwrap();
    fs::create_dir(place.vault().join("p/x")).unwrap();
    (0..12).for_each(|number| place.write(&format!("p/{number}.md"), "\n"));
    let gone = |gone| Some(RootSkip::DocumentsGone { gone, known: 12 });
    // The folder keeps its documents, and the root those that turn out to have no text.
    assert_eq!(engine.fresh("p").roots[0].skipped, gone(12));
    (0..7).for_each(|number| place.remove(&format!("p/{number}.md")));
    write(7..12, "p");
    assert_eq!(engine.fresh("p").roots[0].skipped, gone(7));
    (7..12).for_each(|number| place.remove(&format!("p/{number}.md")));
    assert_eq!(engine.fresh("p").roots[0].skipped, gone(12));
    assert_eq!(engine.status().unwrap().projects[0].documents, 22);
    write(2..12, "p");
    let report = engine.fresh("p");
    assert_eq!((report.counts().removed, report.counts().failed), (2, 1), "of what is left, a few may go");
}

#[test]
fn an_ignore_file_or_a_lock_on_the_folder_empties_no_project() {
    let place = Installation::default();
    for number in 0..6 {
        place.write(&format!("p/{number}.md"), format!("zebra number{number}"));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    place.write("p/.gitignore", "*\n");
    assert_eq!(engine.fresh("p").roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 6, known: 6 }));
    place.remove("p/.gitignore");
    // As an encrypted folder looks that is not unlocked.
    for number in 0..6 {
        place.write_at(&format!("p/{number}.md"), b"\0GITCRYPT\0\xff\xfe", 1_700_000_777);
    }
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 6, known: 6 }));
    assert_eq!(engine.ask("zebra").hits.len(), 6);
    let report = refresh_with(&engine, "p", ALLOW_EMPTY);
    assert_eq!((report.status(), engine.ask("zebra").hits.len()), (RefreshStatus::Ingested, 0));
}

#[test]
fn a_root_that_another_project_takes_over_is_no_loss() {
    let place = Installation::default();
    for number in 0..6 {
        place.write(&format!("all/inner/{number}.md"), format!("zebra number{number}"));
    }
    let engine = place.own();
    engine.add("outer", "all");
    let _report = engine.fresh("outer");
    engine.add("inner", "all/inner");
    let report = engine.fresh("outer");
    assert_eq!((report.status(), report.roots[0].skipped.clone()), (RefreshStatus::Ingested, None));
    let _report = engine.fresh("inner");
    assert!(engine.ask("zebra").hits.iter().all(|hit| hit.project.as_str() == "inner"));
}

fn set_times(path: &Path, since_1970: Result<u64, u64>) {
    let time = match since_1970 {
        Ok(after) => UNIX_EPOCH + Duration::from_secs(after),
        Err(before) => UNIX_EPOCH - Duration::from_secs(before),
    };
    #[expect(clippy::disallowed_types, reason = "times are set on an open file")]
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_file_that_is_different_is_read_again_whatever_its_times_say() {
    let place = Installation::default();
    let (file, other) = (place.vault().join("p/n.md"), place.vault().join("p/other.txt.new"));
    place.write("p/n.md", "the port is 0000");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    // Years before 1970, the year 2100, and the last that some file systems and 64 bits know.
    let times =
        [Ok(1_700_000_000), Err(315_619_200), Err(1_000_000_000), Ok(4_102_444_800), Ok(15_000_000_000)];
    for (round, time) in times.into_iter().enumerate() {
        set_times(&file, time);
        let _report = engine.fresh("p");
        let text = |number: usize| format!("the port is {number}");
        // Written over, with the time that it had.
        files::write_synced(&file, text(1000 + round).as_bytes()).unwrap();
        set_times(&file, time);
        assert_eq!(counts(&engine.fresh("p"))[0], 1, "{time:?}");
        assert!(engine.ask("port").hits[0].content.contains(&text(1000 + round)));
        // Put in its place, with the time that it had.
        place.write("p/other.txt.new", text(2000 + round));
        set_times(&other, time);
        rename(&other, &file);
        assert_eq!(counts(&engine.fresh("p"))[0], 1, "{time:?}");
        assert!(engine.ask("port").hits[0].content.contains(&text(2000 + round)));
        assert_eq!(counts(&engine.fresh("p"))[1], 1, "{time:?}");
    }
    let reread = refresh_with(&engine, "p", RefreshOptions { reread: true, ..RefreshOptions::default() });
    assert_eq!(reread.roots[0].files[0].reason.code(), "same_bytes");
}

#[test]
fn a_link_that_is_set_anew_is_followed_and_an_empty_target_is_asked_about() {
    let place = Installation::default();
    for folder in ["one", "two"] {
        place.write(&format!("{folder}/same.md"), "the same zebra");
        place.write(&format!("{folder}/sub/other.md"), format!("the zebra of {folder}"));
    }
    fs::create_dir(place.vault().join("none")).unwrap();
    let current = place.path().join("current");
    let point_to = |folder: &str| {
        drop(fs::remove_file(&current));
        symlink(place.vault().join(folder), &current).unwrap();
    };
    point_to("one");
    let engine = place.own();
    let _project = engine.add_project(folder_project("p", &current), Caller::Local).unwrap();
    let _report = engine.fresh("p");
    let before = places(&engine, "zebra");
    point_to("two");
    let report = engine.fresh("p");
    let reasons: Vec<_> =
        report.roots[0].files.iter().map(|file| (file.path.as_str(), file.reason.code())).collect();
    assert_eq!(reasons, [("same.md", "renamed"), ("sub/other.md", "changed")]);
    assert_eq!(places(&engine, "zebra"), before, "the documents are the same ones");
    assert!(engine.ask("zebra two").hits[0].content.contains("two"));
    let two = place.vault().join("two").canonicalize().unwrap();
    for hit in engine.ask("zebra").hits {
        assert_eq!(Path::new(&hit.file_path), two.join(hit.source_path.as_str()));
    }
    point_to("none");
    let skipped = engine.fresh("p").roots[0].skipped.clone();
    assert_eq!(skipped, Some(RootSkip::DocumentsGone { gone: 2, known: 2 }));
    point_to("two");
    assert_eq!(counts(&engine.fresh("p")), [0, 2, 0, 0, 0]);
}

/// Removes an empty folder when it is looked at again.
struct RemovesWhatIsEmpty(PathBuf);

impl Monitor for RemovesWhatIsEmpty {
    fn progress(&self, progress: Progress) {
        if progress.phase.contains("without files") {
            fs::remove_dir(&self.0).unwrap();
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_folder_that_is_seen_empty_while_it_is_being_removed_is_removed() {
    let place = Installation::default();
    for number in 0..20 {
        place.write(&format!("p/stays/{number}.md"), format!("tapir {number}"));
        place.write(&format!("p/goes/{number}.md"), format!("zebra {number}"));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let goes = place.vault().join("p/goes");
    for file in fs::read_dir(&goes).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let removes = RemovesWhatIsEmpty(goes);
    let report = engine.refresh(&"p".parse().unwrap(), Caller::Local, &removes).unwrap();
    assert_eq!(counts(&report), [0, 20, 20, 0, 0]);
}

#[test]
fn a_root_that_moved_keeps_its_documents_also_those_that_changed_meanwhile() {
    let place = Installation::default();
    for number in 0..6 {
        place.write(&format!("old/{number}.md"), format!("zebra number{number}"));
    }
    let engine = place.own();
    engine.add("p", "old");
    let _report = engine.fresh("p");
    let before = places(&engine, "zebra");
    rename(&place.vault().join("old"), &place.vault().join("new"));
    for number in 0..6 {
        place.write_at(&format!("new/{number}.md"), format!("zebra figure{number}"), 1_700_000_777);
    }
    let roots = Some(vault_project("p", "new").roots);
    let change = ProjectChange { roots, ..ProjectChange::default() };
    let _project = engine.update_project(&"p".parse().unwrap(), change, Caller::Local).unwrap();
    assert_eq!(counts(&engine.fresh("p")), [6, 0, 0, 0, 0]);
    assert_eq!(places(&engine, "zebra"), before);
    // A new root that is not there yet empties nothing either.
    fs::create_dir(place.vault().join("later")).unwrap();
    let roots = Some(vault_project("p", "later").roots);
    let change = ProjectChange { roots, ..ProjectChange::default() };
    let _project = engine.update_project(&"p".parse().unwrap(), change, Caller::Local).unwrap();
    assert_eq!(engine.fresh("p").roots[0].skipped, Some(RootSkip::DocumentsGone { gone: 6, known: 6 }));
}

#[test]
fn a_folder_that_moves_into_another_project_and_back_ends_no_refresh() {
    let place = Installation::default();
    place.write("alpha/x.md", "zebra x");
    place.write("alpha/y.md", "zebra y");
    place.write("notes/n.md", "zebra n");
    let engine = place.own();
    engine.add("alpha", "alpha");
    engine.add("notes", "notes");
    let _reports = [engine.fresh("alpha"), engine.fresh("notes")];
    rename(&place.vault().join("alpha"), &place.vault().join("notes/alpha"));
    assert_eq!(counts(&engine.fresh("notes"))[0], 2);
    let move_root = |subpath: &str| {
        let change =
            ProjectChange { roots: Some(vault_project("alpha", subpath).roots), ..Default::default() };
        let _project = engine.update_project(&"alpha".parse().unwrap(), change, Caller::Local).unwrap();
    };
    move_root("notes/alpha");
    assert_eq!(engine.fresh("alpha").status(), RefreshStatus::Ingested);
    let owners = |expected: &[(&str, &str)]| {
        let found: Vec<_> = places(&engine, "zebra").into_iter().map(|(p, path, _)| (p, path)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(p, path)| ((*p).to_owned(), (*path).to_owned())).collect();
        assert_eq!(found, expected);
    };
    owners(&[("alpha", "x.md"), ("alpha", "y.md"), ("notes", "n.md")]);
    assert_eq!(counts(&engine.fresh("notes"))[1], 1);
    owners(&[("alpha", "x.md"), ("alpha", "y.md"), ("notes", "n.md")]);
    // One file goes over, and the other project is read first.
    rename(&place.vault().join("notes/n.md"), &place.vault().join("notes/alpha/n.md"));
    place.write("notes/m.md", "zebra m");
    let _reports = [engine.fresh("alpha"), engine.fresh("notes")];
    owners(&[("alpha", "n.md"), ("alpha", "x.md"), ("alpha", "y.md"), ("notes", "m.md")]);
    rename(&place.vault().join("notes/alpha"), &place.vault().join("alpha"));
    move_root("alpha");
    let _reports = [engine.fresh("alpha"), engine.fresh("notes")];
    owners(&[("alpha", "n.md"), ("alpha", "x.md"), ("alpha", "y.md"), ("notes", "m.md")]);
}

#[test]
fn the_last_documents_of_a_project_are_followed_to_another_one_and_copies_of_them_are_not() {
    for (count, first, second) in [(1, "from", "to"), (1, "to", "from"), (6, "from", "to"), (6, "to", "from")]
    {
        let place = Installation::default();
        let write = |folder: &str| {
            (0..count)
                .for_each(|number| place.write(&format!("{folder}/{number}.md"), format!("zebra {number}")));
        };
        write("from/sub");
        let engine = place.own();
        engine.add("from", "from");
        let _report = engine.fresh("from");
        let before = places(&engine, "zebra");
        // Where they are only missing, as without their disk, they stay, whoever has a copy.
        let (sub, away) = (place.vault().join("from/sub"), place.vault().join("away"));
        rename(&sub, &away);
        fs::create_dir(&sub).unwrap();
        write("copy");
        engine.add("copy", "copy");
        let _reports = [engine.fresh("copy"), engine.fresh("from")];
        assert_eq!(engine.status().unwrap().projects[1].documents, count);
        let plan = engine.plan_removal(&"copy".parse().unwrap()).unwrap();
        engine.remove_project(&plan, Caller::Local).unwrap();

        fs::create_dir(place.vault().join("to")).unwrap();
        rename(&away, &place.vault().join("to/moved"));
        engine.add("to", "to");
        let _reports = [engine.fresh(first), engine.fresh(second)];
        let to = place.vault().join("to").canonicalize().unwrap();
        let hits = engine.ask("zebra").hits;
        assert!(hits.iter().all(|hit| Path::new(&hit.file_path) == to.join(hit.source_path.as_str())));
        let moved =
            |(_, path, id): (String, String, String)| ("to".to_owned(), path.replace("sub", "moved"), id);
        assert_eq!(places(&engine, "zebra"), before.into_iter().map(moved).collect::<Vec<_>>());
        assert_eq!(
            (counts(&engine.fresh("from")), counts(&engine.fresh("to"))),
            ([0; 5], [0, count, 0, 0, 0])
        );
    }
}

/// Two projects, `a` with six documents and `b` with as many, all of them read.
fn two_projects() -> (Installation, Engine) {
    let place = Installation::default();
    for (number, folder) in (0..12).map(|number| (number, if number % 2 == 0 { "a" } else { "b" })) {
        place.write(&format!("{folder}/{folder}{number}.md"), format!("zebra number{number}"));
    }
    let engine = place.own();
    for project in ["a", "b"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    (place, engine)
}

#[test]
fn files_that_move_to_another_project_are_followed_whichever_is_refreshed_first() {
    for order in [["a", "b"], ["b", "a"]] {
        for count in [1, 4, 6] {
            let (place, engine) = two_projects();
            let expected = places(&engine, "zebra").into_iter().map(|(project, path, id)| {
                let number: u64 = path[1..].trim_end_matches(".md").parse().unwrap();
                if project == "a" && number < 2 * count {
                    ("b".to_owned(), path, id)
                } else {
                    (project, path, id)
                }
            });
            let mut expected: Vec<_> = expected.collect();
            expected.sort();
            for number in 0..count {
                let path = |folder| place.vault().join(format!("{folder}/a{}.md", 2 * number));
                rename(&path("a"), &path("b"));
            }
            for project in order {
                let report = engine.fresh(project);
                assert_eq!((&report.roots[0].skipped, report.counts().removed), (&None, 0), "{report:?}");
                let waiting = report.roots[0]
                    .files
                    .iter()
                    .filter(|file| file.reason.code() == "owned_by_other_project");
                assert_eq!(waiting.count() as u64, if order[0] == "a" && project == "a" { count } else { 0 });
            }
            assert_eq!(places(&engine, "zebra"), expected, "{order:?} {count}");
            assert!(engine.ask("zebra").hits.iter().all(|hit| Path::new(&hit.file_path).exists()));
            assert_eq!(counts(&engine.fresh("a")), [0, 6 - count, 0, 0, 0]);
        }
        // The folders of two projects are swapped.
        let (place, engine) = two_projects();
        let before = places(&engine, "zebra");
        exchange(&place.vault().join("a"), &place.vault().join("b"));
        for project in order {
            assert_eq!(engine.fresh(project).roots[0].skipped, None);
        }
        let ids = |places: Vec<(String, String, String)>| {
            let other = |project: &str| if project == "a" { "b" } else { "a" }.to_owned();
            let mut swapped: Vec<_> = places.into_iter().map(|(p, path, id)| (other(&p), path, id)).collect();
            swapped.sort();
            swapped
        };
        assert_eq!(places(&engine, "zebra"), ids(before));
        assert!(engine.ask("zebra").hits.iter().all(|hit| Path::new(&hit.file_path).exists()));
    }
}

#[test]
fn a_document_that_another_project_has_another_document_for_is_gone() {
    let (place, engine) = two_projects();
    let path = |path: &str| place.vault().join(path);
    // One file has two names and loses one of them, and one takes the place of another.
    fs::hard_link(path("a/a0.md"), path("b/linked.md")).unwrap();
    let _reports = [engine.fresh("b"), engine.fresh("a")];
    place.remove("a/a0.md");
    rename(&path("a/a2.md"), &path("b/b1.md"));
    assert_eq!(counts(&engine.fresh("a")), [0, 4, 2, 0, 0]);
    assert_eq!(counts(&engine.fresh("b")), [1, 6, 0, 0, 0]);
    // One goes where it is left out.
    place.write("b/.gitignore", "drafts/\n");
    fs::create_dir(path("b/drafts")).unwrap();
    rename(&path("a/a4.md"), &path("b/drafts/a4.md"));
    assert_eq!(counts(&engine.fresh("a")), [0, 3, 1, 0, 0]);
}

#[test]
fn what_is_swapped_for_a_link_while_it_is_read_leads_nowhere() {
    let place = Installation::default();
    place.write("p/a/file.md", "the zebra inside");
    place.write("p/flat.md", "the flat zebra inside");
    let outside = place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["file.md", "secret.md"] {
        files::write_synced(&outside.join(name), b"the secret outside").unwrap();
    }
    symlink(&outside, place.vault().join("p/swap")).unwrap();
    symlink(outside.join("secret.md"), place.vault().join("p/swap.md")).unwrap();
    let engine = place.own();
    engine.add("p", "p");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                exchange(&place.vault().join("p/a"), &place.vault().join("p/swap"));
                exchange(&place.vault().join("p/flat.md"), &place.vault().join("p/swap.md"));
            }
        });
        for _ in 0..40 {
            let reread = RefreshOptions { reread: true, ..ALLOW_EMPTY };
            for file in refresh_with(&engine, "p", reread).roots.iter().flat_map(|root| &root.files) {
                assert!(!file.path.contains("secret"), "{file:?}");
            }
            assert!(engine.ask("secret outside").hits.iter().all(|hit| !hit.content.contains("secret")));
        }
        ended.store(true, Ordering::Relaxed);
    });
}
