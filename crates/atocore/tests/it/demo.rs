//! The demo runs twice, in a folder of its own, and what it prints to try next works.

use std::{collections::BTreeSet, fs, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::program::{PROGRAM, Ran, Sandbox, contents, ran};

fn demo(place: &Sandbox, arguments: &[&str]) -> Ran {
    ran(place.bare(PROGRAM).arg("demo").args(arguments))
}

fn names(place: &Sandbox) -> BTreeSet<String> {
    fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn it_tells_its_story_twice_and_leaves_nothing_outside_its_folder() {
    let place = Sandbox::new();
    for _ in 0..2 {
        let ran = demo(&place, &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr, "");
        for part in ["documents read", "words: BM25", "every byte of", "the same 3 passages", "Try next:"] {
            assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
        }
        assert_eq!(names(&place), BTreeSet::from(["atocore-demo".to_owned()]));
        assert_eq!(fs::read_dir(place.path("atocore-demo/backups/snapshots")).unwrap().count(), 1);
    }
}

#[test]
fn with_a_model_it_finds_what_no_word_finds_and_embeds_nothing_again_after_the_restore() {
    let place = Sandbox::new().with_model();
    let ran = demo(&place, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    for part in [
        "passages embedded with all-MiniLM-L6-v2",
        "meaning: cosine",
        "None of the question's words is in it",
        "no text was embedded again",
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    assert_eq!(names(&place), BTreeSet::from(["atocore-demo".to_owned()]));
    let told: Value = serde_json::from_str(&demo(&place, &["--json"]).stdout).unwrap();
    assert_eq!((&told["embedded_again"], &told["same_answers"]), (&0.into(), &true.into()));
    assert_eq!(told["questions"].as_array().unwrap().len(), 4);
    assert!(told["embedding"]["embedded"].as_u64().unwrap() > 100, "{}", told["embedding"]);
}

#[test]
fn without_a_model_it_searches_lexically_and_says_so_loudly() {
    let place = Sandbox::new();
    let without = |arguments: &[&str]| {
        let mut command = place.bare(PROGRAM);
        command.arg("demo").args(arguments).env_remove("ATOCORE_RETRIEVAL_MODE");
        // There is no Python there, no network, and no model.
        command.env("ATOCORE_MODEL_HUB_URL", "https://127.0.0.1:9");
        ran(command.env("PATH", "/nonexistent").env("ATOCORE_MODEL_DIR", place.path("models")))
    };
    let ran = without(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "91 MB",
        "! Lexical search only",
        "`python3`",
        "--from FOLDER`",
        "`atocore model fetch`",
        "the same 3 passages",
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in:\n{}", ran.stdout);
    }
    let told: Value = serde_json::from_str(&without(&["--json"]).stdout).unwrap();
    assert!(told["no_model"].as_str().unwrap().contains("python3"), "{}", told["no_model"]);
    assert_eq!((&told["embedding"], &told["same_answers"]), (&Value::Null, &true.into()));
}

#[test]
fn what_it_prints_to_try_next_works_as_printed() {
    let place = Sandbox::new();
    let told = demo(&place, &[]).stdout;
    let (_, next) = told.split_once("Try next:").unwrap();
    let commands: Vec<_> = next.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(commands.len(), 3, "{told}");
    for command in commands {
        let ran = ran(place.bare("sh").args(["-c", command]));
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
        assert!(ran.stdout.lines().count() > 2, "{command}: {ran:?}");
    }
}

#[test]
fn it_reads_a_folder_of_the_user_and_leaves_it_alone() {
    let place = Sandbox::new();
    for (name, text) in [
        ("garden/roses.md", "# Roses\n\n## When to cut roses\n\nCut them in March.\n"),
        ("garden/beans.md", "# Beans\n\n## How deep to sow beans\n\nThree centimetres, in May.\n"),
        ("kitchen/bread (old).md", "# Bread\n\nFlour, water, salt.\n"),
        ("kitchen/picture.png", "\u{0}png"),
    ] {
        place.write(&format!("mine/{name}"), text);
    }
    let before = contents(&place.path("mine"));
    let ran = demo(&place, &["mine"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("3 documents read") && ran.stdout.contains("1 file left out"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("? When to cut roses"), "{}", ran.stdout);
    assert_eq!(contents(&place.path("mine")), before);
    let told: Value = serde_json::from_str(&demo(&place, &["mine", "--json"]).stdout).unwrap();
    assert_eq!(told["same_answers"], true);
    assert_eq!(told["questions"].as_array().unwrap().len(), 3);
}

#[test]
fn killed_at_any_moment_it_runs_again() {
    let place = Sandbox::new();
    for pause in [0, 5, 20, 60, 120, 200, 300] {
        let mut child =
            place.bare(PROGRAM).arg("demo").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        let _status = child.wait().unwrap();
        let ran = demo(&place, &[]);
        assert_eq!(ran.code, 0, "killed after {pause} ms: {ran:?}");
    }
    assert_eq!(names(&place), BTreeSet::from(["atocore-demo".to_owned()]));
}

#[test]
fn a_folder_that_is_not_the_demo_s_is_left_alone() {
    let place = Sandbox::new();
    place.write("atocore-demo/precious.md", "# Mine\n");
    let before = contents(&place.path("."));
    let refused = demo(&place, &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("atocore-demo") && refused.stderr.contains("hint: "), "{refused:?}");
    assert_eq!(contents(&place.path(".")), before);

    // A marker that came along with a folder, or was copied with it, empties nothing.
    let place = Sandbox::new();
    assert_eq!(demo(&place, &[]).code, 0);
    let marker = place.read("atocore-demo/.atocore-demo");
    for (name, text) in [("moved", marker.as_str()), ("empty", ""), ("old", "Made by `atocore demo`\n")] {
        place.write(&format!("{name}/.atocore-demo"), text);
        place.write(&format!("{name}/precious.md"), "# Mine\n");
        let before = contents(&place.path(name));
        let refused = ran(place.bare(PROGRAM).args(["--data-dir", name, "demo"]));
        assert_eq!(refused.code, 1, "{name}: {refused:?}");
        assert!(refused.stderr.contains("marker was made elsewhere"), "{name}: {refused:?}");
        assert_eq!(contents(&place.path(name)), before);
    }

    let place = Sandbox::new();
    place.write("elsewhere/precious.md", "# Mine\n");
    std::os::unix::fs::symlink("elsewhere", place.path("atocore-demo")).unwrap();
    assert_eq!(demo(&place, &[]).code, 1);
    assert_eq!(place.read("elsewhere/precious.md"), "# Mine\n");
}

#[test]
fn a_demo_that_is_in_use_is_left_alone() {
    let place = Sandbox::new();
    assert_eq!(ran(place.command(&["demo"]).arg("--json")).code, 0);
    let server = place.serve();
    let refused = place.run(&["demo"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("`serve`"), "{refused:?}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_folder_with_nothing_to_read_is_reported() {
    let place = Sandbox::new();
    place.write("mine/picture.png", "\u{0}png");
    for (folder, named) in [
        ("mine", "nothing to read"),
        ("missing", "missing` cannot be read: it does not exist"),
        ("mine/picture.png", "not a folder"),
    ] {
        let refused = demo(&place, &[folder]);
        assert_eq!(refused.code, 64, "{refused:?}");
        assert!(refused.stderr.contains(named) && refused.stderr.contains("hint: "), "{refused:?}");
    }
    assert_eq!(demo(&place, &[]).code, 0);
    let own = demo(&place, &["atocore-demo/documents"]);
    assert_eq!(own.code, 64, "the demo's own folder is no place for documents");
}
