//! Long work on a server: it can be looked at while it runs, called off, and left to itself.

use std::{sync::Mutex, thread, time::Duration};

use atocore::verb::{self, Verb, remote};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};
use atocore_testkit::installation::Installation;
use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    program::{Place, interrupt},
    server::Server,
};

/// A server with so many documents that a refresh takes a while.
fn with_many_documents() -> Server {
    let installation = Installation::default();
    for number in 0..3000 {
        let text = format!("# Note {number}\n\n{}\n", "words ".repeat(400));
        installation.write(&format!("many/{number}.md"), text);
    }
    let server = Server::on(installation);
    server.add("many", "many");
    server
}

/// Starts something in the background and returns the place of its job.
fn started(server: &Server, path: &str) -> String {
    let answer = server.send("POST", path, None);
    assert_eq!(answer.status, 202, "{answer:?}");
    let job = answer.json();
    let place = format!("/admin/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(place.as_str()));
    assert_eq!((&job["background"], &job["result"]), (&json!(true), &Value::Null));
    place
}

/// Waits until a job is in one of `states`.
fn until(server: &Server, place: &str, states: &[&str]) -> Value {
    loop {
        let job = server.get(place).json();
        if states.contains(&job["state"].as_str().unwrap()) {
            return job;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

const ENDED: [&str; 3] = ["done", "failed", "cancelled"];

#[test]
fn in_the_background_the_same_comes_of_it_as_when_it_is_waited_for() {
    let server = Server::start();
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("notes", "notes");
    let refreshed = until(&server, &started(&server, "/projects/Notes/refresh?background=true"), &ENDED);
    assert_eq!((&refreshed["state"], &refreshed["verb"]), (&json!("done"), &json!("refresh")), "{refreshed}");
    assert_eq!(refreshed["result"]["counts"]["ingested"], 1, "{refreshed}");
    let stamps: Vec<_> = (0..2)
        .map(|_| {
            let root = server.send("POST", "/admin/backup", None).json()["backup_root"].clone();
            root.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        })
        .collect();

    // All but what depends on when it was.
    let lasting = |validation: &Value| -> Value {
        let mut validation = validation.clone();
        for key in ["at", "duration_ms"] {
            let _value = validation["atocore"].as_object_mut().unwrap().remove(key);
        }
        validation
    };
    let of_one = format!("/admin/backup/{}/validate?depth=answers", stamps[0]);
    let waited = server.get(&of_one).json();
    assert_eq!(waited["valid"], true, "{waited}");
    assert_eq!(lasting(&server.send("POST", &of_one, None).json()), lasting(&waited));
    let job = until(&server, &started(&server, &format!("{of_one}&background=true")), &ENDED);
    assert_eq!(lasting(&job["result"]), lasting(&waited));
    assert_eq!((&job["verb"], &job["subject"]), (&json!("validate"), &json!(stamps[0])));
    assert!(job["started_at"].is_string() && job["ended_at"].is_string() && job["error"].is_null(), "{job}");
    let progress = &job["progress"];
    assert!(progress["phase"].is_string() && progress["done"].is_u64(), "{job}");

    let all = server.send("POST", "/admin/backup/validate?depth=content", None);
    assert_eq!(all.status, 200, "{all:?}");
    let found: Vec<_> = all.json().as_array().unwrap().iter().map(|one| one["stamp"].clone()).collect();
    assert_eq!(found, [json!(stamps[0]), json!(stamps[1])]);
    let job = until(&server, &started(&server, "/admin/backup/validate?depth=content&background=1"), &ENDED);
    assert_eq!(job["result"].as_array().unwrap().len(), 2, "{job}");
    let job = until(&server, &started(&server, "/admin/backup/drill?background=yes"), &ENDED);
    assert_eq!(
        (&job["result"]["stamp"], &job["result"]["valid"]),
        (&json!(stamps[1]), &json!(true)),
        "{job}"
    );

    // What was waited for is listed too; its result went to whoever waited.
    let listed = server.get("/admin/jobs").json()["jobs"].clone();
    let verbs: Vec<_> = listed.as_array().unwrap().iter().map(|job| job["verb"].clone()).collect();
    let (all, one) = ("validate_all", "validate");
    assert_eq!(verbs, ["drill", all, all, one, one, one, "snapshot", "snapshot", "refresh"]);
    assert!(listed.as_array().unwrap().iter().all(|job| job["result"].is_null()), "{listed}");
}

#[test]
fn what_can_be_seen_to_be_wrong_is_refused_at_once_and_the_rest_is_told_by_the_job() {
    let server = Server::start();
    for (path, code) in [
        ("/admin/backup/..%2Fx/validate?background=true", "invalid_stamp"),
        ("/admin/backup/20260406T184219Z/validate?background=true&depth=deep", "invalid_request"),
        ("/admin/backup/validate?background=true&depth=deep", "invalid_request"),
        ("/admin/backup/validate?background=perhaps", "invalid_request"),
        ("/admin/backup/drill?backgruond=true", "invalid_request"),
        ("/projects/%20/refresh?background=true", "invalid_request"),
    ] {
        let answer = server.send("POST", path, None);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some(code)), "{path}: {answer:?}");
    }
    assert_eq!(server.get("/admin/jobs").json(), json!({ "jobs": [] }));
    for method in ["GET", "DELETE"] {
        let answer = server.send(method, "/admin/jobs/nothing", None);
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("job_unknown")));
    }
    let job = until(&server, &started(&server, "/projects/nobody/refresh?background=true"), &ENDED);
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("project_unknown")),
        "{job}"
    );
    let missing = "/admin/backup/20260406T184219Z/validate";
    let job = until(&server, &started(&server, &format!("{missing}?background=true")), &ENDED);
    assert_eq!((&job["state"], &job["result"]["exists"]), (&json!("done"), &json!(false)), "{job}");
    assert_eq!(server.send("POST", missing, None).status, 404);
    let job = until(&server, &started(&server, "/admin/backup/drill?background=true"), &ENDED);
    assert_eq!((&job["state"], &job["result"]), (&json!("done"), &Value::Null), "{job}");
}

#[test]
fn a_job_that_is_called_off_stops_and_leaves_a_store_that_works() {
    let server = with_many_documents();
    let place = started(&server, "/projects/many/refresh?background=true");
    until(&server, &place, &["running"]);
    let answer = server.send("DELETE", &place, None);
    assert_eq!(answer.status, 200, "{answer:?}");
    let job = until(&server, &place, &ENDED);
    assert_eq!((&job["state"], &job["error"]["code"]), (&json!("cancelled"), &json!("cancelled")), "{job}");
    assert!(server.get("/status").json()["running"].is_null());
    let documents = server.get("/status").json()["projects"][0]["documents"].as_u64().unwrap_or_default();
    assert!(documents < 3000, "it went on");
    let job = until(&server, &started(&server, "/projects/many/refresh?background=true"), &ENDED);
    assert_eq!(job["state"], "done");
    assert_eq!(server.get("/status").json()["projects"][0]["documents"], 3000);
}

#[test]
fn somebody_who_waits_is_told_when_another_calls_the_work_off() {
    let server = with_many_documents();
    let socket = server.ready.socket.clone();
    let refresh = thread::spawn(move || remote::send(&verb::Refresh::of("many"), &socket, &Silent));
    let job = loop {
        let jobs = server.get("/admin/jobs").json()["jobs"].clone();
        match jobs.as_array().unwrap().first() {
            Some(job) if job["state"] == "running" => break job.clone(),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    };
    assert_eq!(job["background"], false);
    server.send("DELETE", &format!("/admin/jobs/{}", job["id"].as_str().unwrap()), None);
    assert_eq!(refresh.join().unwrap().unwrap_err().code, ErrorCode::Cancelled);
}

/// Takes down what is shown, and stops when it has seen enough.
#[derive(Default)]
struct Watcher {
    seen: Mutex<Vec<Progress>>,
    stops: bool,
}

impl Monitor for Watcher {
    fn progress(&self, progress: Progress) {
        self.seen.lock().unwrap().push(progress);
    }

    fn cancelled(&self) -> bool {
        self.stops && !self.seen.lock().unwrap().is_empty()
    }
}

#[test]
fn whoever_hands_work_to_a_server_sees_where_it_stands_and_calls_it_off() {
    let server = with_many_documents();
    let refresh = || verb::Refresh::of("many");
    let watcher = Watcher { stops: true, ..Watcher::default() };
    let error = remote::send(&refresh(), &server.ready.socket, &watcher).unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled);
    let job = server.get("/admin/jobs").json()["jobs"][0].clone();
    let job = until(&server, &format!("/admin/jobs/{}", job["id"].as_str().unwrap()), &ENDED);
    assert_eq!(job["state"], "cancelled", "the server went on: {job}");
    let seen = watcher.seen.into_inner().unwrap();
    assert!(seen.iter().all(|progress| progress.phase != "working"), "{seen:?}");

    let watcher = Watcher::default();
    let result = remote::send(&refresh(), &server.ready.socket, &watcher).unwrap();
    assert_eq!(result.status, "ingested");
    let seen = watcher.seen.into_inner().unwrap();
    let moved = |progress: &&Progress| progress.total.is_some_and(|total| total > 2000) && progress.done > 0;
    assert!(seen.iter().any(|progress| moved(&progress)), "{seen:?}");
    // The name is what the job was asked for under, and only long work is a job.
    assert_eq!(refresh().subject().as_deref(), Some("many"));
    let before = server.get("/admin/jobs").json();
    drop(remote::send(&verb::Status, &server.ready.socket, &Silent).unwrap());
    assert_eq!(server.get("/admin/jobs").json(), before);
}

#[test]
fn jobs_end_with_their_server_and_it_says_so() {
    let place = Place::new();
    for number in 0..3000 {
        place.write(&format!("many/{number}.md"), format!("# Note {number}\n\n{}\n", "words ".repeat(400)));
    }
    place.ok(&["project", "add", "many", "--root", "many"]);
    let mut command = place.command(&["serve", "--port", "0"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let socket = place.path("home/data/locks/server.sock");
    let start = verb::Request::new(Method::POST, "/projects/many/refresh?background=true");
    let job: Value = loop {
        match remote::request(&start, &socket, &Silent) {
            Ok(job) => break job,
            Err(error) if error.code == ErrorCode::ServerUnreachable => {
                thread::sleep(Duration::from_millis(20))
            }
            Err(error) => panic!("{error:?}"),
        }
    };
    interrupt(&child);
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    let id = job["id"].as_str().unwrap();
    assert!(log.contains("jobs_called_off"), "{log}");
    let ended = log.lines().find(|line| line.contains("job_ended") && line.contains(id));
    assert!(ended.is_some_and(|line| line.contains("cancelled")), "{log}");
    // Nothing of it is in the way.
    assert_eq!(place.json(&["refresh", "many"])["counts"]["failed"], 0);
    let left = place.path("home/data/tmp").read_dir().map(Iterator::count);
    assert_eq!(left.unwrap_or_default(), 0);
}

#[test]
fn ctrl_c_calls_off_what_the_command_line_handed_to_a_server() {
    let place = Place::new();
    for number in 0..3000 {
        place.write(&format!("many/{number}.md"), format!("# Note {number}\n\n{}\n", "words ".repeat(400)));
    }
    place.ok(&["project", "add", "many", "--root", "many"]);
    let server = place.serve();
    let socket = place.path("home/data/locks/server.sock");
    let jobs = || -> Value {
        let request = verb::Request::new(Method::GET, "/admin/jobs");
        remote::request::<Value>(&request, &socket, &Silent).unwrap()["jobs"].clone()
    };
    let mut child = place.command(&["refresh", "many"]);
    let mut child =
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while jobs()[0]["state"] != "running" {
        assert!(child.try_wait().unwrap().is_none(), "the refresh was too quick for this test");
        thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{told}");
    assert!(told.contains("stopping at the next safe place"), "{told}");
    while !ENDED.contains(&jobs()[0]["state"].as_str().unwrap()) {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(jobs()[0]["state"], "cancelled");
    assert_eq!(server.stop(), Some(0));
}
