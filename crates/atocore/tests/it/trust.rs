//! Configuration that is found by where somebody stands counts only when this user has said so, and never for programs,
//! addresses and secrets.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use serde_json::Value;

use crate::program::{PROGRAM, Ran, Sandbox, ran};

/// Another user of the machine.
const SOMEBODY: u32 = 65534;

/// Runs the program in a folder, without naming a home.
fn in_folder(place: &Sandbox, folder: &str, arguments: &[&str]) -> Ran {
    ran(place.bare(PROGRAM).current_dir(place.path(folder)).args(arguments))
}

/// The home, the port, and the files that are ignored.
fn shown(place: &Sandbox, folder: &str) -> (String, String, Vec<String>) {
    let ran = in_folder(place, folder, &["--json", "config", "show"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let settings = shown["settings"].as_array().unwrap();
    let port = settings.iter().find(|setting| setting["name"] == "ATOCORE_PORT").unwrap();
    let ignored = shown["ignored"].as_array().unwrap().iter();
    (
        shown["home"].as_str().unwrap().to_owned(),
        port["value"].as_str().unwrap().to_owned(),
        ignored.map(|file| file.as_str().unwrap().to_owned()).collect(),
    )
}

fn text(place: &Sandbox, below: &str) -> String {
    place.path(below).canonicalize().unwrap_or_else(|_| place.path(below)).to_str().unwrap().to_owned()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A checked-out folder with settings, as `git clone` leaves it.
fn cloned() -> Sandbox {
    let place = Sandbox::new();
    place.write("work/deep/a.md", "# A\n");
    let file = place.write("work/atocore.toml", "port = 9999\n");
    mode(&place.path("work"), 0o755);
    mode(&file, 0o644);
    place
}

#[test]
fn settings_that_are_found_count_only_after_their_folder_was_trusted() {
    let place = cloned();
    let (platform, work) = (text(&place, ".local/share/atocore"), text(&place, "work"));
    let file = format!("{work}/atocore.toml");
    let ignored = (platform.clone(), "8100".to_owned(), vec![file.clone()]);
    assert_eq!(shown(&place, "work/deep"), ignored);

    let added = in_folder(&place, "work/deep", &["memory", "add", "preference", "Short answers."]);
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.stderr.contains(&format!("`{file}` is ignored; `atocore trust {work}`")), "{added:?}");
    assert!(!place.path("work/data").exists() && place.path(".local/share/atocore/data").exists());
    let doctor = in_folder(&place, "work", &["--json", "doctor"]).stdout;
    assert!(doctor.contains("does not count") && doctor.contains("atocore trust"), "{doctor}");

    let trusted = in_folder(&place, "work/deep", &["trust", ".."]);
    assert_eq!(trusted.code, 0, "{trusted:?}");
    assert_eq!(shown(&place, "work/deep"), (work.clone(), "9999".to_owned(), Vec::new()));
    let listed = in_folder(&place, "work", &["memory", "list"]);
    assert!(listed.stderr.contains(&format!("home: {work} ")), "{listed:?}");
    assert!(!listed.stdout.contains("Short answers."), "another store");
    let doctor = in_folder(&place, "work", &["doctor"]).stdout;
    assert!(doctor.contains(&format!("`{work}`, whose `atocore.toml` is trusted")), "{doctor}");
    let human = in_folder(&place, "work", &["config", "show"]);
    assert!(human.stdout.contains("folder of the nearest trusted atocore.toml"), "{human:?}");

    // Another checkout below it is another folder.
    place.write("work/clone/atocore.toml", "port = 1\n");
    let nearer = format!("{work}/clone/atocore.toml");
    assert_eq!(shown(&place, "work/clone"), (work.clone(), "9999".to_owned(), vec![nearer]));

    assert_eq!(in_folder(&place, ".", &["trust", "--list"]).stdout.trim_end(), work);
    let record = place.path(".local/share/atocore/trusted-folders.json");
    assert_eq!(fs::metadata(record).unwrap().mode() & 0o777, 0o600);
    let revoked = in_folder(&place, ".", &["--json", "trust", "--revoke", "work"]);
    assert_eq!((revoked.code, revoked.stdout.trim_end()), (0, "{\"folders\":[]}"), "{revoked:?}");
    assert_eq!(shown(&place, "work/deep"), ignored);
}

#[test]
fn a_home_that_was_named_counts_with_all_its_settings() {
    let place = cloned();
    place.write("work/atocore.toml", "port = 9999\nchroma_program = '/bin/sh'\n");
    for (variables, flags) in [(&[("ATOCORE_HOME", "work")][..], &[][..]), (&[], &["--data-dir", "work"])] {
        let mut command = place.bare(PROGRAM);
        command.envs(variables.iter().copied()).args(flags).args(["--json", "config", "show"]);
        let ran = ran(&mut command);
        assert!(ran.stdout.contains("9999") && ran.stdout.contains("/bin/sh"), "{ran:?}");
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn no_found_file_sets_a_program_an_address_or_a_secret() {
    let place = cloned();
    assert_eq!(in_folder(&place, "work", &["trust"]).code, 0);
    for (name, value) in [
        ("chroma_program", "/bin/sh"),
        ("chroma_url", "http://evil.example:1"),
        ("chroma_token", "s3cret-s3cret-s3cret"),
        ("chroma_ca_file", "/etc/hosts"),
        ("chroma_data_dir", "/srv/chroma"),
        ("webhook", "http://evil.example/s3cret"),
        ("host", "0.0.0.0"),
        ("api_token", "s3cret-s3cret-s3cret"),
        ("model_dir", "models"),
        ("model_hub_url", "https://evil.example"),
        ("model_hub_ca_file", "/etc/hosts"),
    ] {
        let file = place.write("work/atocore.toml", format!("port = 9999\n{name} = '{value}'\n"));
        let refused = in_folder(&place, "work/deep", &["status"]);
        assert_eq!(refused.code, 64, "{name}: {refused:?}");
        let setting = name.to_uppercase();
        for part in
            [&format!("`{setting}` may not be set"), file.to_str().unwrap(), &format!("ATOCORE_{setting}")]
        {
            assert!(refused.stderr.contains(part), "{name}: {refused:?}");
        }
        assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    }
    place.write("work/atocore.toml", "port = 9999\n");
    place.write("work/api-token", "s3cret-s3cret-s3cret");
    assert_eq!(in_folder(&place, "work", &["status"]).code, 64, "a token that came along is none");
    let revoked = in_folder(&place, "work", &["trust", "--revoke"]);
    assert_eq!(revoked.code, 0, "also when its settings cannot be used: {revoked:?}");
}

/// Something that is done to a folder.
type Step<'a> = Box<dyn Fn() + 'a>;

#[test]
fn what_others_can_change_is_not_trusted_and_trusted_no_more() {
    let place = cloned();
    let (folder, file) = (place.path("work"), place.path("work/atocore.toml"));
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None).unwrap();
    let mut cases: Vec<(&str, Step<'_>, Step<'_>)> = vec![
        ("file mode", Box::new(|| mode(&file, 0o666)), Box::new(|| mode(&file, 0o644))),
        ("folder mode", Box::new(|| mode(&folder, 0o1777)), Box::new(|| mode(&folder, 0o755))),
        (
            "link",
            Box::new(|| {
                fs::rename(&file, place.path("elsewhere.toml")).unwrap();
                std::os::unix::fs::symlink(place.path("elsewhere.toml"), &file).unwrap();
            }),
            Box::new(|| fs::rename(place.path("elsewhere.toml"), &file).unwrap()),
        ),
    ];
    if is_root {
        cases.push(("file owner", Box::new(|| give(&file, SOMEBODY)), Box::new(|| give(&file, 0))));
        cases.push(("folder owner", Box::new(|| give(&folder, SOMEBODY)), Box::new(|| give(&folder, 0))));
    }
    for (case, open, close) in &cases {
        open();
        let refused = in_folder(&place, "work", &["trust"]);
        assert_eq!(refused.code, 64, "{case}: {refused:?}");
        assert!(refused.stderr.contains("cannot trust"), "{case}: {refused:?}");
        close();
        assert_eq!(in_folder(&place, "work", &["trust"]).code, 0, "{case}");
        open();
        let ignored = in_folder(&place, "work", &["config", "show"]);
        assert_eq!(ignored.code, 0, "{case}: {ignored:?}");
        assert!(ignored.stderr.contains("is ignored although its folder is trusted"), "{case}: {ignored:?}");
        assert_eq!(shown(&place, "work").1, "8100", "{case}");
        close();
        assert_eq!(shown(&place, "work").1, "9999", "{case}");
        assert_eq!(in_folder(&place, "work", &["trust", "--revoke"]).code, 0);
    }
    // The record decides, so it is looked at in the same way.
    assert_eq!(in_folder(&place, "work", &["trust"]).code, 0);
    mode(&place.path(".local/share/atocore/trusted-folders.json"), 0o666);
    assert_eq!(shown(&place, "work").1, "8100", "others can have written it");
}

#[test]
fn a_folder_without_settings_is_not_trusted_and_one_that_is_gone_can_be_revoked() {
    let place = cloned();
    for (folder, code) in [(".", 64), ("none", 1), ("work/deep/a.md", 64)] {
        let refused = in_folder(&place, ".", &["trust", folder]);
        assert_eq!(refused.code, code, "{folder}: {refused:?}");
        assert!(!place.path(".local/share/atocore/trusted-folders.json").exists());
    }
    assert_eq!(in_folder(&place, ".", &["trust", "work"]).code, 0);
    fs::rename(place.path("work"), place.path("moved")).unwrap();
    assert_eq!(shown(&place, "moved").1, "8100", "it is bound to the path");
    let path = format!("{}/work", text(&place, "."));
    assert_eq!(in_folder(&place, ".", &["trust", "--revoke", &path]).code, 0);
    assert_eq!(in_folder(&place, ".", &["trust", "--list"]).stdout, "");
}
