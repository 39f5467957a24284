//! Every kind of damage to every kind of file of a snapshot, and every operation that meets it: each is found, nothing is made
//! worse, and the rest stays usable.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use atocore_testkit::rights;
use serde_json::Value;

use crate::program::{PROGRAM, Ran, Sandbox, ran};

/// What happens to a file.
const DAMAGES: [&str; 8] =
    ["flip", "truncate", "delete", "swap", "append", "no permission", "old format", "newer format"];

/// The files of a snapshot.
const FILES: [&str; 4] =
    ["db/atocore.db", "config/project-registry.json", "canaries.json", "backup-metadata.json"];

fn damage(kind: &str, snapshot: &Path, file: &str) {
    let path = snapshot.join(file);
    let bytes = fs::read(&path).unwrap();
    match kind {
        "flip" => {
            let mut bytes = bytes;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(&path, bytes).unwrap();
        }
        "truncate" => fs::write(&path, &bytes[..bytes.len() - bytes.len() / 3]).unwrap(),
        "delete" => fs::remove_file(&path).unwrap(),
        "swap" => {
            let other = snapshot.join(FILES[(FILES.iter().position(|one| *one == file).unwrap() + 1) % 4]);
            let others = fs::read(&other).unwrap();
            fs::write(&path, others).unwrap();
            fs::write(&other, bytes).unwrap();
        }
        "append" => {
            let mut bytes = bytes;
            bytes.extend(b" \n");
            fs::write(&path, bytes).unwrap();
        }
        "no permission" => fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap(),
        "old format" | "newer format" => {
            let number = if kind == "old format" { 0 } else { 999 };
            if file.ends_with(".db") {
                // Where SQLite keeps the number of the schema.
                let mut bytes = bytes;
                bytes[60..64].copy_from_slice(&u32::to_be_bytes(number));
                fs::write(&path, bytes).unwrap();
            } else {
                let text = String::from_utf8(bytes).unwrap();
                let marks =
                    ["\"format_version\": 1", "\"format_version\": 2", "\"format\": 1", "\"format\":1"];
                let changed = match marks.into_iter().find(|mark| text.contains(mark)) {
                    Some(mark) => text.replacen(mark, &format!("{}{number}", &mark[..mark.len() - 1]), 1),
                    // The registry has no number of its own: any other shape is another format.
                    None => text.replacen("\"projects\"", &format!("\"projects{number}\""), 1),
                };
                assert_ne!(changed, text, "{file}");
                fs::write(&path, changed).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

/// Runs the program without the right to read everything, which root has.
pub(crate) fn bounded(place: &Sandbox, arguments: &[&str]) -> Ran {
    let Some((launcher, rest)) = rights::launcher().split_first() else { return place.run(arguments) };
    let mut command = place.bare(launcher);
    ran(command.args(rest).args([PROGRAM, "--data-dir", "home"]).args(arguments))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn stamps(place: &Sandbox) -> Vec<String> {
    let list = json(&bounded(place, &["--json", "backup", "list"]));
    list.as_array().unwrap().iter().map(|one| one["stamp"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn any_damage_to_any_file_is_handled_by_every_operation() {
    let place = Sandbox::with_notes();
    place.ok(&["backup", "create"]);
    place.write("notes/new.md", "# Lanterns\n\nLanterns are lit at dusk.\n");
    place.ok(&["refresh", "notes"]);
    place.ok(&["backup", "create"]);
    let both = stamps(&place);
    let [good, bad] = [both[0].clone(), both[1].clone()];
    let pristine = place.path("pristine");
    let backups = place.path("home/backups");
    copy(&backups, &pristine);
    let generation = place.json(&["status"])["generation"].clone();
    let mut met = 0;
    for kind in DAMAGES {
        for file in FILES {
            let what = format!("{kind} of {file}");
            fs::remove_dir_all(&backups).unwrap();
            copy(&pristine, &backups);
            damage(kind, &backups.join("snapshots").join(&bad), file);

            assert_eq!(stamps(&place), both, "{what}: both are listed");
            let look = |stamp: &str| {
                json(&bounded(&place, &["--json", "backup", "validate", stamp, "--depth", "content"]))
            };
            let found = look(&bad);
            if kind == "no permission" {
                // Whoever may read it will see whether it is damaged.
                assert_eq!(found["code"], "io", "{what}: {found}");
            } else {
                assert_eq!(found["valid"], false, "{what}: {found}");
                assert!(!found["errors"].as_array().unwrap().is_empty(), "{what}: {found}");
            }
            assert_eq!(look(&good)["valid"], true, "{what}: the other one stays good");
            let deeper = bounded(&place, &["backup", "drill"]);
            assert_ne!(deeper.code, 0, "{what}: {deeper:?}");
            for verb in [
                &["restore", &bad, "--dry-run"][..],
                &["restore", &bad, "--yes"],
                &["restore", &bad, "--to", "elsewhere"],
            ] {
                let refused = bounded(&place, &[&["backup"], verb].concat());
                assert_eq!(refused.code, 1, "{what}, {verb:?}: {refused:?}");
                assert!(!refused.stderr.contains("panicked"), "{what}, {verb:?}: {refused:?}");
            }
            assert!(!place.path("elsewhere").exists(), "{what}");
            let pruned = bounded(&place, &["backup", "prune", "--yes", "--keep-last", "1"]);
            assert!(!pruned.stderr.contains("panicked"), "{what}: {pruned:?}");
            assert!(
                stamps(&place).contains(&good),
                "{what}: the only one that is proven is kept: {pruned:?}"
            );
            let status = json(&bounded(&place, &["--json", "status"]));
            assert_eq!(status["generation"], generation, "{what}: the store is as it was");
            met += 1;
        }
    }
    fs::remove_dir_all(&backups).unwrap();
    copy(&pristine, &backups);
    place.ok(&["backup", "restore", &good, "--yes"]);
    println!("{met} damages met by 9 operations each");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            let _bytes = fs::copy(&path, &to).unwrap();
        }
    }
}
