//! Everything is private: what this user's program writes nobody else can read, change or lock, whatever the umask.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::program::{PROGRAM, Ran, Sandbox, Server, contents, ran};

const NOTHING: [&str; 0] = [];

/// Another user of the machine.
const SOMEBODY: u32 = 65534;

/// Runs the program as somebody with a careless umask does.
fn carelessly(place: &Sandbox, umask: &str, arguments: &[&str]) -> Ran {
    let mut command = place.bare("/bin/sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" --data-dir home \"$@\""), PROGRAM]);
    ran(command.args(arguments))
}

/// Everything below a path, itself included, that others may do anything with. Links have no rights of their own.
fn open(path: &Path) -> Vec<String> {
    let data = fs::symlink_metadata(path).unwrap();
    let mut found = Vec::new();
    if data.mode() & 0o077 != 0 && !data.is_symlink() {
        found.push(path.display().to_string());
    }
    if data.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| found.extend(open(&entry.unwrap().path())));
    }
    found
}

fn open_up(path: &Path) {
    let data = fs::symlink_metadata(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(if data.is_dir() { 0o777 } else { 0o666 })).unwrap();
    if data.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| open_up(&entry.unwrap().path()));
    }
}

#[test]
fn everything_that_is_written_is_private_whatever_the_umask() {
    for umask in ["000", "022"] {
        let place = Sandbox::new();
        place.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
        for arguments in [
            &["project", "add", "notes", "--root", "notes"][..],
            &["refresh", "notes"],
            &["memory", "add", "preference", "Short answers."],
            &["backup", "create"],
            &["backup", "drill"],
        ] {
            let ran = carelessly(&place, umask, arguments);
            assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        }
        let stamp = fs::read_dir(place.path("home/backups/snapshots")).unwrap().next().unwrap().unwrap();
        let stamp = stamp.file_name().into_string().unwrap();
        for arguments in [
            &["backup", "pin", &stamp][..],
            &["backup", "validate", &stamp, "--depth", "content"],
            &["backup", "export", &stamp, "out.tar.zst"],
            &["backup", "restore", &stamp, "--to", "restored"],
            &["backup", "restore", &stamp, "--yes"],
        ] {
            let ran = carelessly(&place, umask, arguments);
            assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        }
        for written in ["home", "out.tar.zst", "restored"] {
            assert_eq!(open(&place.path(written)), NOTHING, "umask {umask}");
        }
        let server = place.serve();
        place.ok(&["memory", "add", "preference", "Long answers."]);
        assert_eq!(open(&place.path("home")), NOTHING, "while a server runs, its socket included");
        drop(server);
    }
}

#[test]
fn an_installation_that_is_open_to_others_is_closed_at_start_and_nothing_beside_it() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    open_up(&place.path(""));
    place.ok(&["refresh", "notes"]);
    assert_eq!(open(&place.path("home")), NOTHING);
    assert!(open(&place.path("notes")).len() > 3, "documents are their owner's business");
}

#[test]
fn nobody_else_can_read_change_or_lock_anything() {
    let place = Sandbox::with_notes();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let server = place.serve();
    // Without the rights of root nobody can become somebody else, and the modes alone must do.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for path in
        ["home", "home/data", "home/data/locks/owner.lock", "home/data/db/atocore.db", "notes/keys.md"]
    {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "test -r \"$0\"", place.path(path).to_str().unwrap()]);
        if is_root {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        let can_read = command.status().unwrap().success();
        assert_eq!(can_read, !is_root || path.starts_with("notes"), "{path}");
    }
    assert_eq!(open(&place.path("home")), NOTHING);
    drop(server);
}

fn privacy(place: &Sandbox) -> Vec<Value> {
    let doctor = place.run(&["--json", "doctor"]);
    let doctor: Value = serde_json::from_str(&doctor.stdout).unwrap();
    doctor["checks"].as_array().unwrap().iter().filter(|check| check["check"] == "privacy").cloned().collect()
}

#[test]
fn doctor_says_what_is_open_to_others_and_the_command_that_closes_it() {
    let place = Sandbox::with_notes();
    place.snapshot();
    let settings = place.write("home/atocore.toml", "api_token = 'sixteen-and-more-letters'\n");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o600)).unwrap();
    let fine = privacy(&place);
    assert_eq!((fine.len(), &fine[0]["level"]), (1, &Value::from("ok")), "{fine:?}");
    for (path, mode, words) in [
        ("home/data", 0o750, "the data directory"),
        ("home/backups", 0o755, "the backup directory"),
        ("home/atocore.toml", 0o644, "holds a secret"),
        ("home/config/project-registry.json", 0o666, "choose what is read"),
    ] {
        let path = place.path(path);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = privacy(&place);
        assert_eq!((found.len(), &found[0]["level"]), (1, &Value::from("warning")), "{found:?}");
        let (message, hint) = (found[0]["message"].as_str().unwrap(), found[0]["cure"].as_str().unwrap());
        assert!(message.contains(words) && message.contains(path.to_str().unwrap()), "{message}");
        assert!(!message.contains("sixteen"), "{message}");
        assert_eq!(message.contains("replace the secret"), words == "holds a secret", "{message}");
        let cured = Command::new("/bin/sh").args(["-c", hint]).status().unwrap();
        assert!(cured.success(), "{hint}");
        assert_eq!(privacy(&place), fine, "{hint}");
        fs::set_permissions(&path, before).unwrap();
    }
}

#[test]
fn a_token_that_others_may_write_is_refused_with_the_commands_that_help() {
    let place = Sandbox::with_notes();
    let home = place.path("it's a home");
    fs::create_dir(&home).unwrap();
    let token = home.join("api-token");
    fs::write(&token, "0123456789abcdef\n").unwrap();
    let doctor = || {
        let command = &mut place.bare(PROGRAM);
        ran(command.arg("--data-dir").arg(&home).arg("doctor"))
    };
    for mode in [0o622, 0o666, 0o602] {
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        let refused = doctor();
        assert_eq!(refused.code, 64, "{refused:?}");
        let hint = refused.stderr.split("hint: ").nth(1).unwrap();
        assert!(hint.contains("--make-token` makes another token"), "{refused:?}");
        let command = hint.split('`').nth(1).unwrap();
        assert!(command.starts_with("chmod 600 "), "{refused:?}");
        assert!(Command::new("/bin/sh").args(["-c", command]).status().unwrap().success(), "{command}");
        assert_ne!(doctor().code, 64, "{mode:o}");
    }
    // And what others may only read, as a warning.
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let warned = doctor().stdout;
    assert!(warned.contains("replace the secret") && warned.contains("chmod 600 '"), "{warned}");
}

/// The status of a request over the network, with a token or without.
fn asked(server: &Server, token: Option<&str>) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(format!("http://{}/status", server.address));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    request.call().unwrap().status().as_u16()
}

#[test]
fn a_server_makes_a_token_once_and_the_command_line_needs_none() {
    let place = Sandbox::with_notes();
    let server = place.serve_with(&["--make-token"]);
    let token = place.read("home/api-token").trim_end().to_owned();
    assert_eq!(token.len(), 64);
    assert_eq!((asked(&server, None), asked(&server, Some(&token))), (401, 200));
    place.ok(&["memory", "add", "preference", "Short answers."]);
    let shown =
        place.ok(&["config", "show"]) + &place.ok(&["status"]) + &place.ok(&["--json", "config", "show"]);
    assert!(!shown.contains(&token));
    assert_eq!(open(&place.path("home")), NOTHING);
    drop(server);
    let server = place.serve_with(&["--make-token"]);
    assert_eq!(place.read("home/api-token").trim_end(), token, "it stays");
    drop(server);
    let server = place.serve();
    assert_eq!(
        (asked(&server, None), asked(&server, Some(&token))),
        (401, 200),
        "also for a server that makes none"
    );
    fs::set_permissions(place.path("home/api-token"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(privacy(&place).iter().any(|found| found["message"].as_str().unwrap().contains("api-token")));
}

#[test]
fn a_long_path_keeps_its_socket_in_a_private_folder_that_goes_with_the_server() {
    let place = Sandbox::new();
    let (runtime, home) = (place.path("r"), place.path(&"long".repeat(30)));
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = place.bare(PROGRAM);
        command.env("TMPDIR", &runtime).arg("--data-dir").arg(&home).args(arguments);
        command
    };
    let server = Sandbox::serve_by(run(&["serve", "--port", "0"]));
    let status = ran(&mut run(&["--json", "status"]));
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["owner"]["activity"], "serve", "{status}");
    let folders: Vec<_> = fs::read_dir(&runtime).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    assert_eq!(open(&folders[0]), NOTHING);
    assert!(folders[0].join("server.sock").exists());
    assert_eq!(ran(&mut run(&["memory", "add", "preference", "Short answers."])).code, 0);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(contents(&runtime).len(), 0);
    assert_eq!(fs::read_dir(&runtime).unwrap().count(), 0);
}

#[test]
fn a_server_of_somebody_else_is_told_nothing() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        // Nobody can become somebody else.
        return;
    }
    let place = Sandbox::with_notes();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("theirs")).unwrap();
    std::os::unix::fs::chown(place.path("theirs"), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let mut command = place.bare(PROGRAM);
    command.env("HOME", place.path("theirs")).arg("--data-dir").arg(place.path("theirs/home"));
    command.args(["serve", "--port", "0"]).uid(SOMEBODY).gid(SOMEBODY);
    let _server = Sandbox::serve_by(command);
    let socket = place.path("theirs/home/data/locks/server.sock");
    // The administrator may ask the server of another user's store.
    let mut command = place.bare(PROGRAM);
    command.arg("--data-dir").arg(place.path("theirs/home")).args(["--json", "status"]);
    let status = ran(&mut command);
    assert!(status.stdout.contains("\"serve\""), "{status:?}");
    // A socket of theirs in place of that of this store's server gets nothing.
    let _owner = atocore_engine::files::try_lock(&place.path("home/data/locks/owner.lock")).unwrap().unwrap();
    let note =
        json!({ "pid": 1, "activity": "serve", "since": "2026-04-06T18:42:19+00:00", "socket": socket });
    place.write("home/data/locks/owner.json", note.to_string());
    for arguments in [&["query", "keys"][..], &["memory", "add", "preference", "Mine."]] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("is run by another user"), "{refused:?}");
    }
}
