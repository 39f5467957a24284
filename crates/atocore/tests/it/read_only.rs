//! A disk that was remounted read-only, as a system does with one that fails: everything that only looks still works, and
//! what writes says that it is the disk.

use atocore_testkit::full_disk::{Ran, SmallDisk};

#[test]
fn an_installation_on_a_read_only_disk_can_be_looked_at_and_the_disk_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let (home, notes) = (scratch.path().join("home"), scratch.path().join("notes"));
    for folder in [&home, &notes] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(notes.join("a.md"), "# A\n\nThe windmill turns.\n").unwrap();
    let mut disk = SmallDisk::mount(&home, 64 << 20, scratch.path()).unwrap();
    let home = home.to_string_lossy().into_owned();
    let run = |disk: &mut SmallDisk, arguments: &[&str]| -> Ran {
        let program = [env!("CARGO_BIN_EXE_atocore"), "--data-dir", &home, "--json"];
        disk.run(&[&program, arguments].concat()).unwrap()
    };
    for command in [
        &["project", "add", "notes", "--root", &notes.to_string_lossy()][..],
        &["refresh", "notes", "--no-embed"],
        &["backup", "create"],
    ] {
        let ran = run(&mut disk, command);
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
    }
    let listed = run(&mut disk, &["backup", "list"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let stamp = listed[0]["stamp"].as_str().unwrap();

    disk.read_only(true).unwrap();
    for (command, expected) in [
        (&["status"][..], "\"generation\":"),
        (&["query", "windmill", "--mode", "lexical"], "The windmill turns."),
        (&["get", "a.md", "--project", "notes"], "The windmill turns."),
        (&["project", "list"], "notes"),
        (&["backup", "list"], stamp),
        (&["backup", "validate", stamp], "\"valid\":true"),
        (&["memory", "list"], "[]"),
    ] {
        let ran = run(&mut disk, command);
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
        assert!(ran.stdout.contains(expected), "{command:?}: {ran:?}");
    }
    let doctor = run(&mut disk, &["doctor"]);
    assert!(doctor.stdout.contains("is mounted read-only"), "{doctor:?}");
    for command in [
        &["refresh", "notes"][..],
        &["state", "set", "notes", "decision", "a", "b"],
        &["backup", "create"],
        &["memory", "add", "knowledge", "it turns"],
    ] {
        let ran = run(&mut disk, command);
        assert_eq!(ran.code, 1, "{command:?}: {ran:?}");
        assert!(ran.stdout.contains("is mounted read-only"), "{command:?}: {ran:?}");
        assert!(!ran.stdout.contains("belongs to user"), "{command:?}: {ran:?}");
    }
    disk.read_only(false).unwrap();
    assert_eq!(run(&mut disk, &["refresh", "notes", "--no-embed"]).code, 0);
}
