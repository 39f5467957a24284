//! Locks that another program has on files of an installation: it is named, and nobody waits for it for ever.

use crate::{program::Sandbox, write_lock::WriteLock};

/// Takes a lock, says which process has it, and keeps it until it is told to go.
const HOLD: &str = "
import fcntl, os, sys
file = open('PATH', 'r+b')
fcntl.KIND(file, fcntl.LOCK_EX)
print(os.getpid(), flush=True)
sys.stdin.readline()
";

#[test]
fn a_lock_of_another_program_is_named_and_ends_what_needs_the_file_as_busy() {
    let place = Sandbox::with_notes().variable("ATOCORE_DB_BUSY_TIMEOUT_MS", "300");
    let stamp = place.snapshot();
    let restore = ["backup", "restore", &stamp, "--yes"];
    let cases: [(&str, &str, &[&[&str]]); 3] = [
        // SQLite's own locks are record locks of this file.
        (
            "lockf",
            "home/data/db/atocore.db",
            &[&["query", "keys"], &["refresh", "notes"], &["backup", "create"]],
        ),
        ("flock", "home/data/locks/owner.lock", &[&["refresh", "notes"]]),
        ("flock", "home/data/locks/readers.lock", &[&["query", "keys"], &restore]),
    ];
    for (kind, path, commands) in cases {
        let program = HOLD.replace("KIND", kind).replace("PATH", path);
        let (lock, process) = WriteLock::hold_by(&place.path(""), &program);
        let named = format!("process {}", process.trim());
        for arguments in commands {
            let refused = place.run(&[&["--json"], *arguments].concat());
            assert_eq!(refused.code, 1, "{path}: {refused:?}");
            let said = format!("{}{}", refused.stdout, refused.stderr);
            assert!(said.contains(&named) && said.contains("store_busy"), "{named}, {path}: {refused:?}");
        }
        lock.release();
        for arguments in commands {
            place.ok(arguments);
        }
    }
}
