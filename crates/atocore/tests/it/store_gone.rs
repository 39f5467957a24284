//! What a server says when the files of its store are not where it opened them any more, or locked by another program.

use std::fs;

use serde_json::json;

use crate::server::Server;

#[test]
fn a_server_whose_data_folder_is_gone_says_so_everywhere() {
    let mut server = Server::start();
    server.installation.write("p/a.md", "zebra");
    server.add("p", "p");
    let _report = server.refresh("p");
    let (data, away) = (server.installation.home().join("data"), server.installation.path().join("away"));
    fs::rename(&data, &away).unwrap();
    let memory = json!({ "memory_type": "knowledge", "content": "zebras have stripes" });
    let fact = json!({ "project": "p", "category": "decision", "key": "colour", "value": "grey" });
    let writes = [
        ("/memory", Some(&memory)),
        ("/project/state", Some(&fact)),
        ("/projects/p/refresh", None),
        ("/admin/backup", None),
    ];
    for (path, body) in writes {
        let refused = server.send("POST", path, body.map(ToString::to_string).as_deref());
        assert!(refused.refused(503, "store_gone").hint.unwrap().contains("put the folder back"), "{path}");
    }
    for path in ["/health", "/status"] {
        let problem = server.get(path).refused(503, "store_gone");
        assert!(problem.detail.contains("was removed while this process has it open"), "{problem:?}");
    }
    let doctor = server.get("/doctor").json();
    let store = doctor["checks"].as_array().unwrap().iter().find(|check| check["check"] == "store").unwrap();
    assert_eq!((&doctor["ok"], &store["level"]), (&json!(false), &json!("problem")), "{doctor}");
    assert!(!data.join("db").exists(), "nothing is made anew in its place");

    // Put back, it is the store that it was.
    drop(fs::remove_dir_all(&data));
    fs::rename(&away, &data).unwrap();
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.post("/memory", &memory).status, 200);
    server.stop();
}
