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

use crate::program::{PROGRAM, Place, Ran, ran};

const NOTHING: [&str; 0] = [];

/// Another user of the machine.
const SOMEBODY: u32 = 65534;

/// Runs the program as somebody with a careless umask does.
fn carelessly(place: &Place, umask: &str, arguments: &[&str]) -> Ran {
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
        let place = Place::new();
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
    let place = Place::with_notes();
    let _stamp = place.snapshot();
    open_up(&place.path(""));
    place.ok(&["refresh", "notes"]);
    assert_eq!(open(&place.path("home")), NOTHING);
    assert!(open(&place.path("notes")).len() > 3, "documents are their owner's business");
}

#[test]
fn nobody_else_can_read_change_or_lock_anything() {
    let place = Place::with_notes();
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
