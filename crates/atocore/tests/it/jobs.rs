//! Long work on a server: it can be looked at while it runs, cancelled, and left to itself.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::Stdio,
    sync::Mutex,
    thread,
    time::Duration,
};

use atocore::{
    operations::{self, Operation},
    remote,
};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};
use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    program::{Sandbox, interrupt, told_to_stop},
    server::{Server, has_ended, is_cancelled, is_running},
    write_lock::{MANY, WriteLock},
};

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
fn obvious_errors_are_refused_at_once_and_the_rest_are_reported_by_the_job() {
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
fn a_cancelled_job_stops_and_leaves_a_store_that_works() {
    let server = Server::with_many_documents();
    let documents = || server.get("/status").json()["projects"][0]["documents"].as_u64().unwrap();
    let lock = server.hold_write_lock();
    let place = started(&server, "/projects/many/refresh?background=true");
    until(&server, &place, &["running"]);
    let answer = server.send("DELETE", &place, None);
    assert_eq!(answer.status, 200, "{answer:?}");
    lock.release();
    let job = until(&server, &place, &ENDED);
    assert_eq!((&job["state"], &job["error"]["code"]), (&json!("cancelled"), &json!("cancelled")), "{job}");
    assert!(server.get("/status").json()["running"].is_null());
    assert!(documents() < MANY as u64, "it went on");
    let job = until(&server, &started(&server, "/projects/many/refresh?background=true"), &ENDED);
    assert_eq!(job["state"], "done");
    assert_eq!(documents(), MANY as u64);
}

#[test]
fn a_waiting_client_is_told_when_another_cancels_the_work() {
    let server = Server::with_many_documents();
    let lock = server.hold_write_lock();
    let socket = server.ready.socket.clone();
    let refresh =
        thread::spawn(move || remote::send(&operations::RefreshProject::of("many"), &socket, &Silent));
    let job = server.newest_job(is_running);
    assert_eq!(job["background"], false);
    server.send("DELETE", &format!("/admin/jobs/{}", job["id"].as_str().unwrap()), None);
    lock.release();
    assert_eq!(refresh.join().unwrap().unwrap_err().code, ErrorCode::Cancelled);
}

/// Takes down what is shown, and does with it whatever is to be done.
#[derive(Default)]
struct Watcher {
    seen: Mutex<Vec<Progress>>,
    stops: bool,
    /// Let go when something has been shown.
    lock: Mutex<Option<WriteLock>>,
}

impl Monitor for Watcher {
    fn progress(&self, progress: Progress) {
        self.seen.lock().unwrap().push(progress);
        let lock = self.lock.lock().unwrap().take();
        lock.into_iter().for_each(WriteLock::release);
    }

    fn cancelled(&self) -> bool {
        self.stops && !self.seen.lock().unwrap().is_empty()
    }
}

#[test]
fn whoever_hands_work_to_a_server_sees_where_it_stands_and_calls_it_off() {
    let server = Server::with_many_documents();
    let refresh = || operations::RefreshProject::of("many");
    let lock = server.hold_write_lock();
    let watcher = Watcher { stops: true, ..Watcher::default() };
    let error = remote::send(&refresh(), &server.ready.socket, &watcher).unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled);
    drop(server.newest_job(is_cancelled));
    lock.release();
    let job = server.newest_job(has_ended);
    assert_eq!(job["state"], "cancelled", "the server went on: {job}");

    let lock = Mutex::new(Some(server.hold_write_lock()));
    let watcher = Watcher { lock, ..Watcher::default() };
    let result = remote::send(&refresh(), &server.ready.socket, &watcher).unwrap();
    assert_eq!(result.status.as_str(), "ingested");
    let seen = watcher.seen.into_inner().unwrap();
    assert_eq!((&*seen[0].phase, seen[0].done), ("looking at files", MANY as u64), "{seen:?}");
    // The name is what the job was asked for under, and only long work is a job.
    assert_eq!(refresh().subject(), Some("many"));
    let before = server.get("/admin/jobs").json();
    drop(remote::send(&operations::Status {}, &server.ready.socket, &Silent).unwrap());
    assert_eq!(server.get("/admin/jobs").json(), before);
}

/// Starts a server on many documents, has `begin` give it a refresh, and stops it while that is at work. Returns what
/// `begin` gave and what was logged.
fn stopped_at_work<T>(place: &Sandbox, begin: impl FnOnce(&PathBuf) -> T) -> (T, String) {
    let lock = WriteLock::hold(&place.path(""));
    let mut command = place.command(&["serve", "--port", "0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let socket = place.path("home/data/locks/server.sock");
    let list = remote::Request::new(Method::GET, "/admin/jobs");
    let jobs = || remote::request::<Value>(&list, &socket, &Silent).map(|jobs| jobs["jobs"].clone());
    while let Err(error) = jobs() {
        assert_eq!(error.code, ErrorCode::ServerUnreachable, "{error:?}");
        thread::sleep(Duration::from_millis(20));
    }
    let begun = begin(&socket);
    while !is_running(&jobs().unwrap()[0]) {
        thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut log = String::new();
    while !log.contains("jobs_called_off") {
        assert!(stderr.read_line(&mut log).unwrap() > 0, "{log}");
    }
    lock.release();
    stderr.read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    (begun, log)
}

#[test]
fn jobs_end_with_their_server_and_it_says_so() {
    let place = Sandbox::with_many_documents();
    let start = remote::Request::new(Method::POST, "/projects/many/refresh?background=true");
    let (job, log) =
        stopped_at_work(&place, |socket| remote::request::<Value>(&start, socket, &Silent).unwrap());
    let id = job["id"].as_str().unwrap();
    let ended = log.lines().find(|line| line.contains("job_ended") && line.contains(id));
    assert!(ended.is_some_and(|line| line.contains("cancelled")), "{log}");
    // Nothing of it is in the way.
    assert_eq!(place.json(&["refresh", "many"])["counts"]["failed"], 0);
    let left = place.path("home/data/tmp").read_dir().map(Iterator::count);
    assert_eq!(left.unwrap_or_default(), 0);
}

#[test]
fn a_server_that_stops_cancels_what_a_client_waits_for() {
    let place = Sandbox::with_many_documents();
    let (refresh, _) = stopped_at_work(&place, |socket| {
        let socket = socket.clone();
        thread::spawn(move || remote::send(&operations::RefreshProject::of("many"), &socket, &Silent))
    });
    assert_eq!(refresh.join().unwrap().unwrap_err().code, ErrorCode::Cancelled);
    assert_eq!(place.json(&["refresh", "many"])["counts"]["failed"], 0);
}

#[test]
fn ctrl_c_cancels_what_the_command_line_sent_to_a_server() {
    let place = Sandbox::with_many_documents();
    let server = place.serve();
    let socket = place.path("home/data/locks/server.sock");
    let until = |is: fn(&Value) -> bool| loop {
        let request = remote::Request::new(Method::GET, "/admin/jobs");
        let job = remote::request::<Value>(&request, &socket, &Silent).unwrap()["jobs"][0].clone();
        if job.is_object() && is(&job) {
            return job;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let lock = WriteLock::hold(&place.path(""));
    let mut refresh = place.command(&["refresh", "many"]);
    let mut refresh = refresh.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(until(is_running));
    drop(told_to_stop(&mut refresh));
    assert_eq!(refresh.wait().unwrap().code(), Some(1));
    drop(until(is_cancelled));
    lock.release();
    assert_eq!(until(has_ended)["state"], "cancelled");
    assert_eq!(server.stop(), Some(0));
}
