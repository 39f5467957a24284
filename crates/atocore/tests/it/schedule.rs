//! What a server does by itself: on time, again after a failure, and never so that it holds anything up.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use atocore::serve::ServeSettings;
use atocore_engine::schedule::{Schedule, ScheduledJob};
use atocore_model::time::Clock;
use atocore_testkit::installation::Installation;
use serde_json::Value;

use crate::server::{Server, settings};

const A_DAY: i64 = 24 * 3600;

fn nightly(jobs: &[ScheduledJob], webhook: Option<String>) -> Server {
    let installation = Installation::default();
    installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    let mut schedule = Schedule::default();
    for job in jobs {
        schedule.add(*job, "0 3 * * *").unwrap();
    }
    let installation = installation.with_schedule(schedule);
    let server = Server::with(installation, ServeSettings { webhook, ..settings() }).unwrap();
    server.add("notes", "notes");
    server.refresh("notes");
    server
}

/// Looks until a job is as it should be.
fn wait_for(server: &Server, job: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let status = server.get("/status").json();
        let found =
            status["schedule"].as_array().unwrap().iter().find(|one| one["job"] == job).cloned().unwrap();
        if is_right(&found) {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(300), "{found}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn snapshots_are_taken_proven_and_pruned_when_their_time_has_come() {
    let server = nightly(&ScheduledJob::ALL, None);
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 0, "nothing is due yet");
    server.installation.clock.advance(A_DAY);
    for job in ScheduledJob::ALL {
        let done = wait_for(&server, job.as_str(), |one| !one["succeeded"].is_null());
        assert_eq!((&done["failures"], &done["error"]), (&Value::from(0), &Value::Null), "{done}");
    }
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 1);
    let proven = server.get("/status").json()["snapshots"]["proven"].clone();
    assert!(proven.as_array().unwrap().iter().all(|one| !one["stamp"].is_null()), "to every depth: {proven}");
    let (health, status) = (server.get("/health").json(), server.get("/status").json());
    assert_eq!((&health["schedule"], health["schedule"][0]["due"].is_string()), (&status["schedule"], true));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("atocore_scheduled_job_failures{job=\"drill\"} 0"), "{metrics}");
}

#[test]
fn every_project_is_refreshed_when_its_time_has_come_and_a_root_that_is_not_there_is_told() {
    let server = nightly(&[ScheduledJob::Refresh], None);
    server.installation.write("notes/new.md", "# New\n\nA quagga.\n");
    server.installation.clock.advance(A_DAY);
    wait_for(&server, "refresh", |one| !one["succeeded"].is_null());
    let asked = || server.post("/query", &serde_json::json!({ "query": "quagga" })).json();
    assert_eq!(asked()["results"].as_array().unwrap().len(), 1);
    fs::rename(server.installation.vault().join("notes"), server.installation.vault().join("away")).unwrap();
    server.installation.clock.advance(A_DAY);
    let failed = wait_for(&server, "refresh", |one| one["failures"] == 1);
    assert_eq!(failed["error"], "notes: a root was skipped");
}

#[test]
fn a_failure_is_reported_and_retried_although_the_webhook_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    // Takes what is sent and never answers.
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let mut text = String::new();
            while !text.contains("}") {
                let count = stream.read(&mut bytes).unwrap();
                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            stream.flush().unwrap();
            held.push(stream);
            if tell.send(text).is_err() {
                return;
            }
        }
    });
    let server = nightly(&[ScheduledJob::Snapshot, ScheduledJob::Validate], Some(url));
    let backups = server.installation.home().join("backups");
    fs::write(&backups, "in the way").unwrap();
    server.installation.clock.advance(A_DAY);
    let failed = wait_for(&server, "snapshot", |one| one["failures"] == 1);
    assert!(failed["error"].as_str().unwrap().starts_with("io: "), "{failed}");
    let alert = told.recv_timeout(Duration::from_secs(30)).unwrap();
    let body: Value = serde_json::from_str(alert.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["event"], &body["job"]),
        (&Value::from("job_failed"), &Value::from("snapshot")),
        "{body}"
    );
    // Questions are answered meanwhile, and the next attempt puts it right.
    assert_eq!(server.post("/query", &serde_json::json!({ "query": "keys" })).status, 200);
    fs::remove_file(&backups).unwrap();
    server.installation.clock.advance(60);
    let done = wait_for(&server, "snapshot", |one| !one["succeeded"].is_null());
    assert_eq!(done["failures"], 0);
    assert!(!server.get("/status").body.contains("secret"), "the address is never shown");
}

#[test]
fn what_was_missed_while_no_server_ran_is_made_up_for() {
    let mut server = nightly(&[ScheduledJob::Snapshot], None);
    server.stop();
    server.installation.clock.advance(3 * A_DAY);
    let installation = std::mem::take(&mut server.installation);
    let server = Server::on(installation);
    wait_for(&server, "snapshot", |one| !one["succeeded"].is_null());
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 1, "once, not three times");
}

#[test]
fn every_job_comes_again_after_a_clock_that_was_ahead_once() {
    let server = nightly(&ScheduledJob::ALL, None);
    let clock = &server.installation.clock;
    clock.advance(20 * 365 * A_DAY);
    for job in ScheduledJob::ALL {
        wait_for(&server, job.as_str(), |one| !one["succeeded"].is_null());
    }
    clock.advance(-20 * 365 * A_DAY);
    let corrected = Value::from(clock.now().to_string());
    for job in ScheduledJob::ALL {
        wait_for(&server, job.as_str(), |one| one["began"] == corrected && one["succeeded"] == corrected);
    }
    clock.advance(A_DAY);
    let next = Value::from(clock.now().to_string());
    for job in ScheduledJob::ALL {
        wait_for(&server, job.as_str(), |one| one["succeeded"] == next);
    }
}

/// Waits until the schedule is written down.
fn wait_for_file(file: &Path, started: Instant) {
    while !file.exists() {
        assert!(started.elapsed() < Duration::from_secs(300), "the schedule is written down");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_job_comes_again_after_its_file_was_damaged_under_the_server() {
    let server = nightly(&ScheduledJob::ALL, None);
    let file = server.installation.home().join("data/schedule.json");
    let started = Instant::now();
    wait_for_file(&file, started);
    fs::write(&file, "{ not json").unwrap();
    while fs::read_to_string(&file).unwrap() == "{ not json" {
        assert!(started.elapsed() < Duration::from_secs(300), "the schedule is written down anew");
        thread::sleep(Duration::from_millis(50));
    }
    server.installation.clock.advance(A_DAY);
    for job in ScheduledJob::ALL {
        wait_for(&server, job.as_str(), |one| !one["succeeded"].is_null());
    }
}

#[test]
fn every_job_is_done_although_its_state_cannot_be_written_and_that_is_told_with_its_cure() {
    let server = nightly(&ScheduledJob::ALL, None);
    let file = server.installation.home().join("data/schedule.json");
    let started = Instant::now();
    wait_for_file(&file, started);
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(file.join("in the way")).unwrap();
    // What was in the file is forgotten, and time counts from the next look on.
    while !server.get("/health").json()["schedule_problem"]["message"].to_string().contains("os error") {
        assert!(started.elapsed() < Duration::from_secs(300), "it is tried");
        thread::sleep(Duration::from_millis(50));
    }
    for day in 1..=2 {
        server.installation.clock.advance(A_DAY);
        let today = Value::from(server.installation.clock.now().to_string());
        for job in ScheduledJob::ALL {
            let done = wait_for(&server, job.as_str(), |one| one["succeeded"] == today);
            assert_eq!((&done["failures"], &done["began"]), (&Value::from(0), &today), "{done}");
        }
        assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), day, "each is done once");
    }
    let (health, status) = (server.get("/health"), server.get("/status").json());
    assert_eq!((health.status, &health.json()["status"]), (200, &Value::from("degraded")));
    for problem in [&health.json()["schedule_problem"], &status["schedule_problem"]] {
        assert!(problem["message"].as_str().unwrap().contains("schedule.json"), "{problem}");
        assert!(problem["cure"].as_str().unwrap().contains("in its place"), "{problem}");
    }
    assert!(server.get("/doctor").body.contains("schedule.json"));
    // As soon as it can be written it is.
    fs::remove_dir_all(&file).unwrap();
    while server.get("/health").json()["status"] != "ok" {
        assert!(started.elapsed() < Duration::from_secs(300), "the schedule is written down anew");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(fs::read_to_string(&file).unwrap().contains("succeeded"));
}
