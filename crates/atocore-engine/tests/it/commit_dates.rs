//! The date of a document that gives none of itself: that of the commit it came with, where git knows one.

use std::process::Command;

use atocore_engine::{Caller, DocumentFilter, Engine};
use atocore_model::{
    fact::PageSize,
    monitor::Silent,
    refresh::{FileReason, FileReport, RefreshOptions},
};
use atocore_storage::files;
use atocore_testkit::{
    installation::{EngineExt, Installation, make_pipe},
    repository::Repository,
};

/// The day of [`Repository::CHANGED`].
const OF_FILE: &str = "2023-11-14";

/// The path and the day of each document.
fn dates(engine: &Engine, project: &str) -> Vec<String> {
    let all = PageSize::DEFAULT;
    let page = engine.documents(&project.parse().unwrap(), &DocumentFilter::default(), all, None).unwrap();
    let line = |path: &str, date: String| format!("{path} {:.10}", date);
    page.rows.iter().map(|row| line(row.path.as_str(), row.date.to_string())).collect()
}

#[test]
fn a_document_has_the_date_of_the_commit_that_gave_it_its_bytes() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    repository.write("old.md", "The pump.");
    repository.write("deep/er/kept.md", "The valve.");
    repository.write("deep/changed.md", "The tank.");
    repository.write("own.md", "---\ndate: 1999-12-31\n---\nThe hose.");
    repository.commit("2019-03-01");
    repository.write("deep/changed.md", "The larger tank.");
    repository.commit("2021-07-09");
    repository.write("open.md", "Nobody has committed this.");
    repository.write("old.md", "The pump, changed by hand.");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let expected = [
        "deep/changed.md 2021-07-09",
        "deep/er/kept.md 2019-03-01",
        &format!("old.md {OF_FILE}"),
        &format!("open.md {OF_FILE}"),
        "own.md 1999-12-31",
    ];
    assert_eq!(dates(&engine, "p"), expected);
    // The bytes stay what they were; now a commit has them.
    repository.commit("2022-02-02");
    let _report = engine.fresh("p");
    let expected = [
        "deep/changed.md 2021-07-09",
        "deep/er/kept.md 2019-03-01",
        "old.md 2022-02-02",
        "open.md 2022-02-02",
        "own.md 1999-12-31",
    ];
    assert_eq!(dates(&engine, "p"), expected);
    repository.write("open.md", "Changed again.");
    let _report = engine.fresh("p");
    assert_eq!(dates(&engine, "p")[3], format!("open.md {OF_FILE}"));
    repository.git(&["checkout", "-q", "open.md"]);
    repository.age();
    let _report = engine.fresh("p");
    assert_eq!(dates(&engine, "p"), expected);
}

#[test]
fn nothing_is_looked_at_again_until_there_is_another_commit() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    repository.write("a.md", "The pump.");
    repository.commit("2019-03-01");
    let engine = place.own();
    engine.add("p", "p");
    let first = engine.fresh("p").generation;
    // Who looked again would not find it.
    files::remove_tree(&repository.folder().join(".git/objects")).unwrap();
    let report = engine.fresh("p");
    assert_eq!((report.generation, dates(&engine, "p")), (first, vec!["a.md 2019-03-01".to_owned()]));
    assert!(report.roots[0].files.iter().all(|file| matches!(file.reason, FileReason::Hidden)));
}

#[test]
fn merges_branches_packs_and_short_histories_are_read_like_any_other() {
    let place = Installation::default();
    let repository = Repository::new(place.path().join("origin"));
    for (n, day) in ["2018-01-01", "2018-02-02", "2018-03-03"].iter().enumerate() {
        repository.write(&format!("{n}.md"), &format!("Pump {n}."));
        repository.commit(day);
    }
    repository.git(&["checkout", "-q", "-b", "side"]);
    repository.write("side.md", "The side.");
    repository.commit("2018-04-04");
    repository.git(&["checkout", "-q", "main"]);
    repository.write("0.md", "Pump 0, changed.");
    repository.commit("2018-05-05");
    repository.git_on("2018-06-06", &["merge", "-q", "--no-ff", "-m", "a merge", "side"]);
    let expected = ["0.md 2018-05-05", "1.md 2018-02-02", "2.md 2018-03-03", "side.md 2018-06-06"];
    let origin = repository.folder().to_str().unwrap();
    let engine = place.own();
    let vault = Repository::at(place.vault());
    for (project, clone) in [
        ("loose", &["clone", "-q", "--no-local", origin, "loose"][..]),
        ("borrowed", &["clone", "-q", "--shared", origin, "borrowed"]),
        (
            "beside",
            &["--git-dir", &format!("{origin}/.git"), "worktree", "add", "-q", "-f", "beside", "main"],
        ),
    ] {
        vault.git(clone);
        vault.age();
        engine.add(project, project);
        let _report = engine.fresh(project);
        assert_eq!(dates(&engine, project), expected, "{project}");
    }
    let packed = Repository::at(place.vault().join("loose"));
    packed.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    packed.git(&["commit", "-q", "--allow-empty", "-m", "nothing"]);
    packed.git(&["pack-refs", "--all"]);
    let _report = engine.fresh("loose");
    assert_eq!(dates(&engine, "loose"), expected);
    // What was changed by the first commit that is there may have been changed before.
    vault.git(&["clone", "-q", "--depth", "2", &format!("file://{origin}"), "short"]);
    vault.age();
    engine.add("short", "short");
    let _report = engine.fresh("short");
    let short = [
        &format!("0.md {OF_FILE}"),
        &format!("1.md {OF_FILE}"),
        &format!("2.md {OF_FILE}"),
        "side.md 2018-06-06",
    ];
    assert_eq!(dates(&engine, "short"), short);
    packed.git(&["checkout", "-q", "-b", "before", "HEAD~2"]);
    packed.age();
    let _report = engine.fresh("loose");
    assert_eq!(dates(&engine, "loose"), ["0.md 2018-05-05", "1.md 2018-02-02", "2.md 2018-03-03"]);
}

#[test]
fn a_root_may_be_a_part_of_a_repository_and_have_others_in_it() {
    let place = Installation::default();
    let outer = Repository::new(place.vault().join("outer"));
    outer.write("docs/a.md", "The pump.");
    outer.write("b.md", "The valve.");
    outer.commit("2017-01-01");
    let inner = Repository::new(place.vault().join("outer/docs/inner"));
    inner.write("c.md", "The tank.");
    inner.commit("2016-01-01");
    let module = Repository::new(place.path().join("module"));
    module.write("d.md", "The hose.");
    module.commit("2015-01-01");
    outer.git(&["submodule", "--quiet", "add", module.folder().to_str().unwrap(), "docs/module"]);
    outer.age();
    let engine = place.own();
    engine.add("p", "outer/docs");
    let _report = engine.fresh("p");
    let expected = ["a.md 2017-01-01", "inner/c.md 2016-01-01", "module/d.md 2015-01-01"];
    assert_eq!(dates(&engine, "p"), expected);
    // Without its repository it is a file like others, which nobody committed to the outer one.
    files::remove_tree(&inner.folder().join(".git")).unwrap();
    let _report = engine.fresh("p");
    assert_eq!(dates(&engine, "p")[1], format!("inner/c.md {OF_FILE}"));
}

#[test]
fn a_history_that_cannot_be_read_is_named_and_costs_the_dates_only() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    for n in 0..20 {
        repository.write(&format!("{n}.md"), &format!("Pump {n}."));
    }
    repository.commit("2019-03-01");
    repository.git(&["gc", "-q"]);
    let packs = files::list(&repository.folder().join(".git/objects/pack")).unwrap();
    let pack = packs.iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    let mut bytes = files::read_if_present(pack).unwrap().unwrap();
    bytes.iter_mut().skip(12).for_each(|byte| *byte ^= 0x5a);
    files::remove_file(pack).unwrap();
    files::write_synced(pack, &bytes).unwrap();
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(dates(&engine, "p")[0], format!("0.md {OF_FILE}"));
    let named: Vec<_> = (report.roots[0].files.iter())
        .filter_map(|file| match &file.reason {
            FileReason::History(why) => Some((file.path.as_str(), why.as_str())),
            _ => None,
        })
        .collect();
    assert!(
        matches!(named[..], [(path, why)] if path.ends_with("p/.git/") && why.starts_with("it is damaged: ")),
        "{named:?}"
    );
    let counts = &report.roots[0].counts;
    assert_eq!((counts.ingested, counts.failed, counts.skipped), (20, 0, 2));
    assert_eq!(engine.fresh("p").roots[0].counts.skipped, 1, "until there is another commit");
}

#[test]
fn what_could_not_be_told_is_looked_for_again_with_the_next_commit() {
    let place = Installation::default();
    let origin = Repository::new(place.path().join("origin"));
    origin.write("a.md", "The pump.");
    origin.commit("2019-03-01");
    origin.write("b.md", "The valve.");
    origin.commit("2020-03-01");
    let from = format!("file://{}", origin.folder().display());
    let vault = Repository::at(place.vault());
    vault.git(&["clone", "-q", "--depth", "1", &from, "short"]);
    vault.git(&["clone", "-q", "--no-local", origin.folder().to_str().unwrap(), "damaged"]);
    vault.age();
    let damaged = Repository::at(place.vault().join("damaged"));
    let shallow = Repository::at(place.vault().join("short"));
    damaged.git(&[
        "-c",
        "alias.unpack=!mv .git/objects/pack/*.pack p && git unpack-objects -q < p",
        "unpack",
    ]);
    damaged.git(&["-c", "alias.hide=!cp -r .git/objects away && echo > .git/objects/$(git rev-parse HEAD~:a.md | sed 's_^.._&/_')", "hide"]);
    let engine = place.own();
    for project in ["short", "damaged"] {
        engine.add(project, project);
        let _report = engine.fresh(project);
    }
    let of_file = [format!("a.md {OF_FILE}"), format!("b.md {OF_FILE}")];
    assert_eq!(dates(&engine, "short"), of_file);
    assert_eq!(dates(&engine, "damaged"), of_file);
    shallow.git(&["fetch", "-q", "--unshallow"]);
    damaged.git(&["-c", "alias.mend=!rm -rf .git/objects && mv away .git/objects", "mend"]);
    for project in ["short", "damaged"] {
        let _report = engine.fresh(project);
        assert_eq!(dates(&engine, project), of_file, "{project}: it is the same commit");
    }
    let told = ["a.md 2019-03-01", "b.md 2020-03-01"];
    shallow.git(&["commit", "-q", "--allow-empty", "-m", "nothing"]);
    let _report = engine.fresh("short");
    assert_eq!(dates(&engine, "short"), told);
    let reread = RefreshOptions { reread: true, ..RefreshOptions::default() };
    let name = "damaged".parse().unwrap();
    let _report = engine.refresh_with(&name, reread, Caller::Local, &Silent).unwrap();
    assert_eq!(dates(&engine, "damaged"), told);
}

#[test]
fn a_commit_without_a_time_costs_the_dates_of_its_own_files() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    repository.write("a.md", "The pump.");
    repository.commit("2017-01-01");
    repository.write("b.md", "The valve.");
    repository.commit("2018-01-01");
    let odd = "alias.odd=!git cat-file -p HEAD | sed 's/<.*>/s@e.org/' > ../odd && \
               git hash-object -t commit --literally -w ../odd > .git/refs/heads/main";
    repository.git(&["-c", odd, "odd"]);
    repository.write("c.md", "The tank.");
    repository.commit("2019-01-01");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(report.roots[0].counts.skipped, 1);
    assert_eq!(dates(&engine, "p"), ["a.md 2017-01-01", &format!("b.md {OF_FILE}"), "c.md 2019-01-01"]);
}

#[test]
fn a_document_whose_file_cannot_be_read_any_more_keeps_the_date_of_what_is_stored() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    let cell = r#"{"cells": [{"cell_type": "markdown", "source": ["The pump."]}], "nbformat": 4}"#;
    repository.write("a.ipynb", cell);
    repository.commit("2019-03-01");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    repository.write("a.ipynb", &cell[..40]);
    repository.commit("2021-03-01");
    let report = engine.fresh("p");
    assert_eq!(
        (report.roots[0].counts.failed, dates(&engine, "p")),
        (1, vec!["a.ipynb 2019-03-01".to_owned()])
    );
}

#[test]
fn repositories_that_have_no_commit_or_name_it_otherwise_date_nothing() {
    let place = Installation::default();
    let empty = Repository::new(place.vault().join("empty"));
    empty.write("a.md", "The pump.");
    let wide = Repository::at(place.vault().join("wide"));
    files::create_dirs(wide.folder()).unwrap();
    wide.git(&["init", "-q", "--object-format=sha256"]);
    wide.write("a.md", "The pump.");
    wide.commit("2019-03-01");
    let false_one = Repository::at(place.vault().join("false"));
    false_one.write(".git", "gitdir: /nowhere/at/all\n");
    false_one.write("a.md", "The pump.");
    let away = Repository::new(place.vault().join("away"));
    away.write("a.md", "The pump.");
    away.commit("2019-03-01");
    files::write_atomic(&away.folder().join(".git/HEAD"), b"ref: ../../../etc/passwd\n").unwrap();
    let engine = place.own();
    for project in ["empty", "wide", "false", "away"] {
        engine.add(project, project);
        let report = engine.fresh(project);
        assert_eq!(report.roots[0].counts.failed, 0, "{project}");
        assert_eq!(dates(&engine, project), [format!("a.md {OF_FILE}")], "{project}");
    }
}

#[test]
fn a_pipe_in_a_repository_is_not_waited_for() {
    let place = Installation::default();
    for (project, path) in [("head", "HEAD"), ("others", "objects/info/alternates"), ("all", "")] {
        let repository = Repository::new(place.vault().join(project));
        repository.write("a.md", "The pump.");
        repository.commit("2019-03-01");
        let (git, path) = (repository.folder().join(".git"), repository.folder().join(".git").join(path));
        match project {
            "head" => files::remove_file(&path).unwrap(),
            "all" => files::remove_tree(&git).unwrap(),
            _ => {}
        }
        make_pipe(if project == "all" { &git } else { &path });
    }
    let engine = place.own();
    for (project, named) in [("head", false), ("others", true), ("all", false)] {
        engine.add(project, project);
        let report = engine.fresh(project);
        let is_history = |file: &FileReport| matches!(file.reason, FileReason::History(_));
        assert_eq!(report.roots[0].files.iter().any(is_history), named, "{project}");
        assert_eq!(dates(&engine, project), [format!("a.md {OF_FILE}")], "{project}");
    }
}

#[test]
fn the_configuration_of_a_repository_runs_nothing() {
    let place = Installation::default();
    let repository = Repository::new(place.vault().join("p"));
    repository.write("a.md", "The pump.");
    repository.commit("2019-03-01");
    let (trap, sprung) = (place.path().join("trap"), place.path().join("sprung"));
    files::write_synced(&trap, format!("#!/bin/sh\ntouch {}\n", sprung.display()).as_bytes()).unwrap();
    let mode = Command::new("chmod").arg("+x").arg(&trap).status().unwrap();
    assert!(mode.success());
    for key in ["core.fsmonitor", "core.pager", "gpg.program", "diff.external", "core.sshCommand"] {
        repository.git(&["config", key, trap.to_str().unwrap()]);
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(dates(&engine, "p"), ["a.md 2019-03-01"]);
    assert!(!sprung.exists());
}
