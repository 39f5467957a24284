//! Every command of the README runs as it is printed.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::program::{PROGRAM, Sandbox, ran};

/// The commands of every shell block of the README, without comments.
fn commands() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" # ").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// What cannot be run inside of a test of the same workspace; `.ci/run` runs the first, a person the second.
const ELSEWHERE: &[&str] = &["cargo xtask check", "cargo install --path crates/atocore"];

#[test]
fn the_first_screen_has_the_two_commands() {
    let commands = commands();
    assert_eq!(commands[..2], ["cargo run --release -- demo", "cargo xtask check"]);
    assert!(
        commands[2..7].iter().all(|command| command.starts_with("cargo run --release -- ")),
        "{commands:?}"
    );
}

#[test]
fn every_command_runs_as_printed() {
    let place = Sandbox::new().with_model().variable("ATOCORE_PORT", "0");
    // What the README's reader has: the program on the path, and notes in the home folder.
    fs::create_dir(place.path("bin")).unwrap();
    symlink(PROGRAM, place.path("bin/atocore")).unwrap();
    place.write("notes/decisions/budget.md", "# Error budget\n\nWe rotate the keys when it is spent.\n");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", place.path("bin").display());
    let mut stamp: Option<String> = None;
    let mut count = 0;
    for command in commands() {
        if ELSEWHERE.contains(&command.as_str()) || command.starts_with("curl ") {
            continue;
        }
        count += 1;
        let mut command = command.replace("cargo run --release -- ", "atocore ");
        if let Some(stamp) = &stamp {
            command = command.replace("20260406T184219Z", stamp.as_str());
        }
        if command == "atocore serve" {
            serves(&place);
            continue;
        }
        println!("{command}");
        let ran = ran(place.bare("sh").args(["-c", &command]).env("PATH", &path));
        // A doctor who finds something has done as asked: a fresh demo may have something to look at.
        let is_fine = ran.code == 0 || (command.ends_with(" doctor") && ran.code == 2);
        assert!(is_fine, "{command}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{command}: {ran:?}");
        if command == "atocore backup create" {
            let words: Vec<_> = ran.stdout.split_whitespace().collect();
            stamp = Some(words[1].to_owned());
        }
    }
    assert!(count >= 14, "only {count} commands were found");
}

/// `atocore serve`, and what the README asks it with.
fn serves(place: &Sandbox) {
    let asked = commands().into_iter().find(|command| command.starts_with("curl ")).unwrap();
    let server = place.serve();
    let url = asked.trim_start_matches("curl ").replace("127.0.0.1:8100", &server.address);
    let address = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(address.0).unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address.1, address.0);
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"status\":\"ok\""), "{answer}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_build_hands_no_variable_to_the_program_that_it_would_refuse() {
    // Cargo gives the variables of a build script to tests as it gives them to `cargo run`.
    let ours: Vec<String> =
        std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("ATOCORE_")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
