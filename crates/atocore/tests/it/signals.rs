//! What signals do to a server: stop it without cutting anybody off, or nothing.

use std::process::{Command, Stdio};

use crate::program::Sandbox;

/// The process that owns the store, as everybody is told.
fn owner(place: &Sandbox) -> serde_json::Value {
    place.json(&["status"])["owner"]["pid"].clone()
}

/// A command that starts a server by way of another program.
fn serving(place: &Sandbox, by: &str, arguments: &[&str]) -> Command {
    let plain = place.command(&["serve", "--port", "0"]);
    let mut command = Command::new(by);
    command.args(arguments).arg(plain.get_program()).args(plain.get_args());
    command.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.stdin(Stdio::null()).current_dir(plain.get_current_dir().unwrap());
    command
}

#[test]
fn signals_that_ask_to_stop_stop_it_as_ctrl_c_does() {
    for name in ["INT", "TERM", "QUIT", "HUP"] {
        let place = Sandbox::new();
        // Whoever runs the tests may ignore some of them, as `nohup` does; a server respects that.
        let heeded = ["--default-signal=INT,TERM,QUIT,HUP"];
        let server = Sandbox::serve_by(serving(&place, "env", &heeded));
        assert!(owner(&place).is_number());
        server.signal(name);
        assert_eq!(server.exit_code(), Some(0), "SIG{name}");
        assert!(owner(&place).is_null(), "SIG{name}");
    }
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let place = Sandbox::new();
    let server = place.serve();
    for name in ["USR1", "USR2"] {
        server.signal(name);
        assert!(owner(&place).is_number(), "SIG{name}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_server_that_was_started_to_outlive_its_terminal_does() {
    let place = Sandbox::new();
    let command = serving(&place, "sh", &["-c", r#"trap "" HUP; exec "$0" "$@""#]);
    let server = Sandbox::serve_by(command);
    server.signal("HUP");
    assert!(owner(&place).is_number());
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}
