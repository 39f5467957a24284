//! What the program advises to run acts on the installation that it acted on itself, wherever it is pasted.

use std::process::{Command, Stdio};

use crate::program::{PROGRAM, Sandbox};

/// A name that a shell takes for two words.
const HOME: &str = "my home";

/// How a run chooses the installation.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Flag,
    Variable,
}

/// A command on the installation `my home`, with a model wanted that is not there.
fn command(place: &Sandbox, by: By, arguments: &[&str]) -> Command {
    let mut command = place.bare(PROGRAM);
    command.env_remove("ATOCORE_RETRIEVAL_MODE");
    match by {
        By::Flag => command.args(["--data-dir", HOME]),
        By::Variable => command.env("ATOCORE_HOME", place.path(HOME)),
    };
    command.args(arguments);
    command
}

/// Everything that it printed.
fn told(command: &mut Command) -> String {
    let output = command.output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

/// The commands of the program that a text advises, each from its name on to the end of the line.
fn advised(text: &str) -> Vec<&str> {
    let begins = |mark: &str| text.match_indices(mark).map(|(at, _)| at + mark.len()).collect::<Vec<_>>();
    let from = |at: usize| text[at..].lines().next().unwrap_or_default();
    ["`atocore ", "→ atocore "].into_iter().flat_map(begins).map(from).collect()
}

/// Insists that a run advises something, and that all of it names the installation as the run did.
fn insist(place: &Sandbox, by: By, arguments: &[&str]) -> String {
    let text = told(&mut command(place, by, arguments));
    let named = format!("--data-dir '{}' ", place.path(HOME).canonicalize().unwrap().display());
    let advised = advised(&text);
    assert!(!advised.is_empty(), "{arguments:?} advises nothing: {text}");
    for command in advised {
        match by {
            By::Flag => assert!(command.starts_with(&named), "{arguments:?}: `{command}` in {text}"),
            By::Variable => assert!(!command.contains("--data-dir"), "{arguments:?}: `{command}` in {text}"),
        }
    }
    text
}

fn stamp(place: &Sandbox) -> String {
    let stamps = std::fs::read_dir(place.path(HOME).join("backups/snapshots")).unwrap();
    stamps.map(|entry| entry.unwrap().file_name().into_string().unwrap()).min().unwrap()
}

#[test]
fn advice_names_the_installation_when_the_command_line_chose_it() {
    for by in [By::Flag, By::Variable] {
        let place = Sandbox::new();
        place.write("notes/a.md", "# Health\n\nRun `atocore status` to see the garden.\n");
        place.write("my home/config/none", "");
        insist(&place, by, &["doctor"]);
        insist(&place, by, &["status"]);
        insist(&place, by, &["project", "list"]);
        insist(&place, by, &["project", "add", "notes", "--root", "notes"]);
        insist(&place, by, &["refresh", "notes"]);
        insist(&place, by, &["status"]);
        insist(&place, by, &["query", "garden", "--project", "nobody"]);
        insist(&place, by, &["memory", "add", "preference", "Tea at four", "--candidate"]);
        insist(&place, by, &["model", "list"]);
        insist(&place, by, &["backup", "create"]);
        let stamp = stamp(&place);
        insist(&place, by, &["backup", "restore", &stamp]);
        told(&mut command(&place, by, &["backup", "export", &stamp, "x.tar.zst"]));
        insist(&place, by, &["backup", "import", "x.tar.zst"]);
        insist(&place, by, &["doctor"]);
        insist(&place, by, &["status"]);

        let json = told(&mut command(&place, by, &["--json", "doctor"]));
        assert!(json.contains("atocore ") && !json.contains("--data-dir"), "{json}");
        for question in [&["query", "garden"][..], &["get", "a.md", "--project", "notes"]] {
            let text = told(&mut command(&place, by, question));
            assert!(text.contains("Run `atocore status` to see the garden."), "{text}");
        }
    }
}

#[test]
fn advice_of_a_running_server_names_the_installation_and_can_be_pasted_anywhere() {
    let place = Sandbox::new();
    place.write("my home/config/none", "");
    let mut server = command(&place, By::Flag, &["serve", "--port", "0"]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut listening = String::new();
    let stdout = server.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut listening).unwrap();

    insist(&place, By::Flag, &["query", "garden", "--project", "nobody"]);
    let text = insist(&place, By::Flag, &["memory", "add", "preference", "Tea at four", "--candidate"]);
    let promote = text.split('`').find(|part| part.starts_with("atocore ")).unwrap();
    let pasted = promote.replacen("atocore", PROGRAM, 1);
    let output = place.bare("sh").current_dir("/").args(["-c", &pasted]).output().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(output.status.success(), "{pasted}: {output:?}");
    let listed = told(&mut command(&place, By::Flag, &["memory", "list"]));
    assert!(listed.contains("active") && listed.contains("Tea at four"), "{listed}");
}
