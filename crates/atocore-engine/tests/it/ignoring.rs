//! Ignore files: what is left out is told, what lies above a root says nothing, and what somebody hostile wrote costs a
//! line or a file and never the refresh.

use std::{fs, os::unix::fs::symlink, path::Path};

use atocore_engine::files;
use atocore_model::refresh::RefreshReport;
use atocore_testkit::installation::{EngineExt, Installation, make_pipe};

/// Path and reason of every file that is not simply unchanged.
fn reports(report: &RefreshReport) -> Vec<(String, &'static str)> {
    let files = report.roots.iter().flat_map(|root| &root.files);
    files.map(|file| (file.path.clone(), file.reason.code())).collect()
}

fn ingested(report: &RefreshReport) -> Vec<String> {
    let new = reports(report).into_iter().filter(|(_, reason)| *reason == "new");
    new.map(|(path, _)| path).collect()
}

const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".atocoreignore"];

#[test]
fn what_lies_above_a_root_says_nothing_about_it() {
    let place = Installation::default();
    for file in IGNORE_FILES.into_iter().chain([".git/info/exclude"]) {
        place.write(file, "*\n");
        place.write(&format!("above/{file}"), "*.md\n");
    }
    place.write("above/p/a.md", "zebra");
    let engine = place.own();
    engine.add("p", "above/p");
    assert_eq!(reports(&engine.fresh("p")), [("a.md".to_owned(), "new")]);
}

#[test]
fn rules_below_a_root_are_those_of_git() {
    let place = Installation::default();
    let documents = [
        "keep.md",
        "draft.md",
        "build/x.md",
        "sub/build/x.md",
        "sub/anchored.md",
        "anchored.md",
        "deep/a/b.md",
        "deep/b.md",
        "logs/important.md",
        "logs/other.md",
        "repo/draft.md",
        "repo/excluded.md",
        "excluded.md",
        ".github/shown.md",
        ".other/hidden.md",
        "windows.md",
        "node_modules/m/README.md",
        "space .md",
    ];
    for path in documents {
        place.write(&format!("p/{path}"), format!("zebra in {path}"));
    }
    place.write(
        "p/.gitignore",
        "\u{feff}draft.md\r\n# a comment {{{{{{{{{{{{{{{{{{{{\n\nbuild/\r\n/anchored.md\ndeep/**/b.md\nlogs/*\n!logs/important.md\nnode_modules\n",
    );
    place.write("p/deep/.gitignore", "!/b.md\n");
    place.write("p/.atocoreignore", "!.github/\nwindows.*   \n");
    place.write("p/.git/HEAD", "");
    place.write("p/.git/info/exclude", "excluded.md\n");
    // A repository of its own: the rules of the one around it end here.
    place.write("p/repo/.git/HEAD", "");
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    let expected = [
        ".github/shown.md",
        "deep/b.md",
        "keep.md",
        "logs/important.md",
        "repo/draft.md",
        "repo/excluded.md",
        "space .md",
        "sub/anchored.md",
    ];
    assert_eq!(ingested(&report), expected);
    let left_out: Vec<_> =
        reports(&report).into_iter().filter(|(_, reason)| matches!(*reason, "hidden" | "ignored")).collect();
    let expected = [
        (".git/", "hidden"),
        (".other/", "hidden"),
        ("anchored.md", "ignored"),
        ("build/", "ignored"),
        ("deep/a/b.md", "ignored"),
        ("draft.md", "ignored"),
        ("excluded.md", "ignored"),
        ("logs/other.md", "ignored"),
        ("node_modules/", "ignored"),
        ("repo/.git/", "hidden"),
        ("sub/build/", "ignored"),
        ("windows.md", "ignored"),
    ];
    assert_eq!(left_out, expected.map(|(path, reason)| (path.to_owned(), reason)));
    assert_eq!(report.counts().skipped, 12);
    // The next time they are no news.
    assert!(report.roots[0].files.iter().all(|file| file.is_new));
    place.write("p/.later.md", "zebra");
    let news: Vec<_> = engine.fresh("p").roots.remove(0).files;
    let news: Vec<_> = news.iter().filter(|file| file.is_new).map(|file| file.path.as_str()).collect();
    assert_eq!(news, [".later.md"]);
}

/// What is ingested of these documents, with those lines in an ignore file.
fn read_with(file: &str, lines: &str, documents: &[&str]) -> Vec<String> {
    let place = Installation::default();
    documents.iter().for_each(|path| place.write(&format!("p/{path}"), format!("zebra in {path}")));
    place.write(&format!("p/{file}"), lines);
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert!(reports(&report).iter().all(|(_, reason)| *reason != "ignore_line"), "{report:?}");
    ingested(&report)
}

#[test]
fn a_line_without_a_pattern_says_nothing() {
    let documents = ["a.md", "secret.md", "private/x.md", ".trash/x.md", ".git/x.md", ".hidden.md"];
    for file in IGNORE_FILES {
        for line in ["!", "! ", "!/", "!// ", "/", "//", "!\r"] {
            let lines = format!("secret.md\nprivate/\n{line}\n");
            assert_eq!(read_with(file, &lines, &documents), ["a.md"], "{line:?}");
        }
    }
}

#[test]
fn what_is_hidden_is_wanted_by_lines_that_name_it_with_its_dot_only() {
    let documents =
        ["a.md", "sub/a.md", ".trash/a.md", "sub/.obsidian/a.md", ".git/x/a.md", ".notes/a.md", ".b.md"];
    for (lines, hidden) in [
        ("*\n!*/\n!*.md\n", &[][..]),
        ("!*\n!**/*\n!**\n!?*\n![.]*\n![!a]*\n", &[]),
        ("!.git\n!.git/\n", &[]),
        ("!.notes/\n!*/\n", &[".notes/a.md"]),
        ("*\n!*/\n!*.md\n!/.notes/\n", &[".notes/a.md"]),
        ("!\\.notes\n!sub/.obsidian/\n", &[".notes/a.md", "sub/.obsidian/a.md"]),
        ("!.b.md\n!.trash/a.md\n", &[".b.md"]),
        ("!.notes\n.notes\n!*\n", &[]),
        ("!.*\n", &[".b.md", ".notes/a.md", ".trash/a.md", "sub/.obsidian/a.md"]),
    ] {
        let mut expected = [&["a.md", "sub/a.md"], hidden].concat();
        expected.sort_unstable();
        assert_eq!(read_with(".gitignore", lines, &documents), expected, "{lines}");
    }
}

#[test]
fn classes_of_characters_and_braces_are_those_of_git() {
    let documents = ["1.md", "_.md", "a.md", "n.md", "m.md", "{n,m}.md", "A b.md", "a/1.md", "-.md", "].md"];
    for (line, ignored) in [
        ("[[:digit:]]*.md", &["1.md", "a/1.md"][..]),
        ("/[[:digit:]_-].md", &["-.md", "1.md", "_.md"]),
        ("[^[:alnum:]]*.md", &["-.md", "].md", "_.md", "{n,m}.md"]),
        ("[[:upper:]][[:space:]]*", &["A b.md"]),
        ("[][:punct:]]*.md", &["-.md", "].md", "_.md", "{n,m}.md"]),
        ("a[[:graph:]]1.md", &[]),
        ("{n,m}.md", &["{n,m}.md"]),
        ("\\{n,m\\}.md", &["{n,m}.md"]),
        ("[{}]*", &["{n,m}.md"]),
    ] {
        let mut expected: Vec<_> = documents.into_iter().filter(|path| !ignored.contains(path)).collect();
        expected.sort_unstable();
        assert_eq!(read_with(".gitignore", line, &documents), expected, "{line}");
    }
}

#[test]
fn a_bad_line_costs_that_line_and_is_named() {
    let place = Installation::default();
    for path in ["a.md", "b.md", "c.md"] {
        place.write(&format!("p/{path}"), "zebra");
    }
    for (file, pattern) in IGNORE_FILES.into_iter().zip(["a.md", "none", "none"]) {
        let many = format!(
            "{}\n{}\n{}\n[z-a].md\n[unclosed\n[[:letter:]]*\n[\\]]\n",
            "{".repeat(50_000),
            "*?".repeat(9000),
            "[a-z]".repeat(500)
        );
        place.write(&format!("p/{file}"), [many.as_bytes(), b"caf\xe9*\n", pattern.as_bytes()].concat());
    }
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    assert_eq!(ingested(&report), ["b.md", "c.md"]);
    for file in IGNORE_FILES {
        let lines: Vec<_> = (report.roots[0].files.iter())
            .filter(|named| named.path == file)
            .map(|named| (named.reason.code(), named.reason.detail()))
            .collect();
        assert!(lines.iter().all(|(code, _)| *code == "ignore_line"), "{lines:?}");
        let starts: Vec<_> = lines.iter().map(|(_, detail)| detail.split(':').next().unwrap()).collect();
        assert_eq!(starts, (1..=8).map(|line| format!("line {line}")).collect::<Vec<_>>(), "{lines:?}");
        assert!(lines[0].1.contains("50000 bytes"), "{lines:?}");
    }
    assert_eq!(report.counts().failed, 0);
}

#[test]
fn an_ignore_file_that_is_none_or_too_large_is_named_and_costs_nothing_else() {
    for file in IGNORE_FILES {
        let place = Installation::default();
        place.write("p/a.md", "zebra");
        let hostile: [&dyn Fn(&Path); 5] = [
            &|path| symlink("/dev/zero", path).unwrap(),
            &|path| symlink("elsewhere", path).unwrap(),
            &|path| make_pipe(path),
            &|path| files::write_synced(path, &b"*.md\n".repeat(60_000)).unwrap(),
            &|path| files::write_synced(path, &b"x*\n".repeat(6000)).unwrap(),
        ];
        let engine = place.own();
        engine.add("p", "p");
        let _report = engine.fresh("p");
        for (case, make) in hostile.into_iter().enumerate() {
            let path = place.vault().join("p").join(file);
            make(&path);
            let report = engine.fresh("p");
            assert_eq!(reports(&report), [(file.to_owned(), "ignore_file")], "{case}");
            assert_eq!(report.counts().unchanged, 1, "{case}");
            fs::remove_file(path).unwrap();
        }
        // A folder of that name is a folder.
        fs::create_dir(place.vault().join("p").join(file)).unwrap();
        assert_eq!(reports(&engine.fresh("p")), [(format!("{file}/"), "hidden")]);
    }
}

#[test]
fn pipes_and_sockets_are_left_out_and_block_nothing() {
    let place = Installation::default();
    place.write("p/a.md", "zebra");
    make_pipe(&place.vault().join("p/pipe.md"));
    let _socket = std::os::unix::net::UnixListener::bind(place.vault().join("p/socket.md")).unwrap();
    let engine = place.own();
    engine.add("p", "p");
    let report = engine.fresh("p");
    let expected = [("a.md", "new"), ("pipe.md", "special_file"), ("socket.md", "special_file")];
    assert_eq!(reports(&report), expected.map(|(path, reason)| (path.to_owned(), reason)));
}
