//! What a person sees on a terminal: within its width, with the words that were asked for marked.

use crate::program::{PROGRAM, Sandbox, ran};

/// Runs a program on a terminal of so many columns and prints what came there.
const ON_TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
said = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    said += part
os.waitpid(child, 0)
sys.stdout.buffer.write(said)
";

fn on_terminal(place: &Sandbox, columns: usize, arguments: &[&str]) -> String {
    let columns = columns.to_string();
    let program = ["-c", ON_TERMINAL, columns.as_str(), PROGRAM, "--data-dir", "home"];
    let shown = ran(place.bare("python3").args(program).args(arguments));
    assert_eq!(shown.code, 0, "{shown:?}");
    shown.stdout.replace('\r', "")
}

/// Without what gives it colour.
fn without_colour(text: &str) -> String {
    let parts = text.split('\u{1b}').enumerate();
    parts.map(|(index, part)| if index == 0 { part } else { part.split_once('m').unwrap().1 }).collect()
}

fn with_code() -> Sandbox {
    let place = Sandbox::new();
    let prose = "The keys of the gateway are rotated every spring by whoever is on duty. ".repeat(4);
    place.write("notes/keys.md", format!("# Keys\n\n{prose}\n"));
    place.write(
        "notes/code.md",
        "# Code\n\n```sh\nrotate --gateway\n  keys all\n```\n\n| 鍵 keys | b |\n|---|---|\n| 1 | 2 |\n",
    );
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes", "--no-embed"]);
    place
}

#[test]
fn answers_and_tables_keep_within_the_width_of_the_terminal() {
    let place = with_code();
    let _stamp = place.snapshot();
    for arguments in [
        &["query", "rotated keys", "--mode", "lexical"][..],
        &["backup", "list"],
        &["config", "show"],
        &["project", "list"],
    ] {
        for columns in [72, 100] {
            let shown = without_colour(&on_terminal(&place, columns, arguments));
            for line in shown.lines() {
                assert!(line.chars().count() <= columns, "{arguments:?} in {columns} columns: {line:?}");
            }
        }
    }
    let wide = without_colour(&on_terminal(&place, 160, &["query", "rotated", "--mode", "lexical"]));
    assert!(wide.lines().any(|line| line.chars().count() > 100), "{wide}");
}

#[test]
fn explanations_hints_and_errors_keep_within_the_width_of_the_terminal() {
    let place = with_code();
    place.write("notes/long.md", format!("# Long\n\n{}\n", "gateway".repeat(200)));
    place.ok(&["refresh", "notes", "--no-embed"]);
    for arguments in [
        &["query", "rotated keys gateway", "--mode", "lexical", "--explain"][..],
        &["query", "gatewaygateway", "--mode", "lexical"],
        &["query", "nothing of it", "--mode", "lexical"],
        &["query", "", "--mode", "lexical"],
        &["query", "keys", "--mode", "lexical", "--project", "no-such-project-of-a-rather-long-name"],
        &["backup", "list"],
        &["backup", "validate", "20260101T000000Z"],
        &["state", "list", "notes"],
        &["memory", "list"],
        &["project", "remove", "notes"],
        &["documents", "list", "no-such-project"],
    ] {
        for columns in [80, 100] {
            let shown = without_colour(&on_terminal(&place, columns, arguments));
            for line in shown.lines() {
                assert!(line.chars().count() <= columns, "{arguments:?} in {columns} columns: {line:?}");
            }
        }
    }
    let narrow = ["query", "rotated keys", "--mode", "lexical", "--explain"];
    for line in without_colour(&on_terminal(&place, 50, &narrow)).lines() {
        assert!(line.chars().count() <= 50, "{line:?}");
    }
}

#[test]
fn words_that_were_asked_for_are_marked_and_code_keeps_its_lines() {
    let place = with_code();
    let shown = on_terminal(&place, 80, &["query", "rotate keys", "--mode", "lexical"]);
    for marked in ["The \u{1b}[33mkeys\u{1b}[0m of", "are \u{1b}[33mrotated\u{1b}[0m every"] {
        assert!(shown.contains(marked), "{shown}");
    }
    let bare = without_colour(&shown);
    let lines: Vec<_> = bare.lines().map(str::trim_end).collect();
    let at = lines.iter().position(|line| line.trim() == "rotate --gateway").unwrap();
    assert_eq!((lines[at + 1].trim(), lines[at + 2].trim()), ("keys all", "| 鍵 keys | b | …"), "{bare}");
    let plain = place.variable("NO_COLOR", "1");
    assert!(!on_terminal(&plain, 80, &["query", "rotate keys", "--mode", "lexical"]).contains('\u{1b}'));
    let piped = plain.ok(&["query", "rotate keys", "--mode", "lexical"]);
    assert!(!piped.contains('\u{1b}') && piped.lines().any(|line| line.chars().count() > 90), "{piped}");
}

#[test]
fn ids_paths_and_hashes_stay_whole_on_a_narrow_terminal() {
    let place = with_code();
    let text = "The keys of the gateway are rotated every spring by whoever is on duty.";
    let memory = place.json(&["memory", "add", "preference", text, "--project", "notes"]);
    let stamp = place.snapshot();
    let exchange = place.json(&["interaction", "record", text, text]);
    let root = place.path("a rather long path of a folder/with blanks");
    std::fs::create_dir_all(&root).unwrap();
    let root = root.to_str().unwrap();
    place.ok(&["project", "add", "a-second-project-of-a-long-name", "--root", root]);
    let id = |record: &serde_json::Value| record["id"].as_str().unwrap().to_owned();
    for (arguments, whole) in [
        (&["memory", "list"][..], id(&memory)),
        (&["interaction", "list"], id(&exchange)),
        (&["fact", "log"], id(&memory)),
        (&["backup", "list"], stamp.clone()),
        (&["backup", "validate", &stamp], stamp.clone()),
        (&["project", "list"], root.to_owned()),
        (&["project", "show", "a-second-project-of-a-long-name"], root.to_owned()),
        (&["config", "show"], place.path("home").to_str().unwrap().to_owned()),
        (&["status"], place.path("home").to_str().unwrap().to_owned()),
        (&["documents", "list", "notes"], "keys.md".to_owned()),
    ] {
        for columns in [40, 60, 80, 100, 160] {
            let shown = without_colour(&on_terminal(&place, columns, arguments));
            let is_whole = shown.lines().any(|line| line.contains(&whole));
            assert!(is_whole, "{arguments:?} in {columns} columns:\n{shown}");
        }
    }
}
