//! Whatever the description of the API allows or forbids is answered as described, and by no fault of the server.

use atocore_engine::files;
use atocore_testkit::{installation::Installation, schemathesis};

use crate::{program::ran, server::Server};

/// What every answer is judged by: no fault, no status and no type that is not described, the shape of the description,
/// and what it forbids is refused.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method";

/// That too many jobs wait is no fault of the server, and on a slow machine they do: each case may start one. That it is
/// well is asked in the end.
const SETTINGS: &str =
    "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]\n";

#[test]
fn every_answer_is_one_that_is_described() {
    let server = Server::on(Installation::default());
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("field-notes", "notes");
    drop(server.refresh("field-notes"));
    let run = |phases: &str, examples: &str| {
        let description = format!("http://{}/openapi.json", server.host());
        let mut program = schemathesis::program();
        let folder = tempfile::tempdir().unwrap();
        files::write_synced(&folder.path().join("schemathesis.toml"), SETTINGS.as_bytes()).unwrap();
        let _program = program.current_dir(folder.path()).args(["run", &description, "--checks", CHECKS]);
        let _program = program.args(["--phases", phases, "--max-examples", examples, "--seed", "7"]);
        let _program =
            program.args(["--warnings", "off", "--continue-on-failure", "--request-timeout", "60"]);
        ran(&mut program)
    };
    let judged = run("examples,coverage,fuzzing", "10");
    assert_eq!(judged.code, 0, "{}", judged.stdout);
    let tested = judged.stdout.lines().find_map(|line| line.trim().strip_prefix("Tested: "));
    let tested: usize = tested.and_then(|count| count.parse().ok()).unwrap_or_default();
    assert!(tested > 40, "{}", judged.stdout);
    // It is still there, and what it had is too.
    assert_eq!(server.get("/health").json()["status"], "ok");
}
