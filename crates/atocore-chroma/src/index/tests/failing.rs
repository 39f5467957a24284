//! Servers that are away, slow or wrong, at any moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use atocore_model::monitor::Silent;
use atocore_storage::vector::{
    IndexAccess, Outage, VectorError, VectorFilter, VectorIndex, VectorQuery, contract::CancelAfter,
};
use atocore_testkit::chroma::{ClaimedPort, FakeServer, Reply, Server};

use super::{assert_same, at, index, notebook, open, records};
use crate::{ChromaServer, index::ChromaIndex, server_index::ServerIndex};

fn outage(result: Result<impl std::fmt::Debug, VectorError>) -> Outage {
    match result.unwrap_err() {
        VectorError::Unavailable(outage) => outage,
        other => panic!("{other:?}"),
    }
}

fn search(index: &ChromaIndex) -> Result<usize, VectorError> {
    let query = VectorQuery { vector: &[1.0; 8], filter: &VectorFilter::default(), limit: 3 };
    index.search(&query).map(|answer| answer.matches.len())
}

#[test]
fn every_bad_answer_is_an_outage_with_its_cause_and_recovers_automatically() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let quick = ChromaServer { timeout: Duration::from_millis(500), ..at(&between.url()) };
    let mut notebook = notebook(10);
    let index = index(quick, IndexAccess::Write);
    index.catch_up(&notebook, &Silent).unwrap();
    let status = |code, text: &str| Reply::Status(code, text.to_owned());
    for (reply, says) in [
        (Reply::Close, "does not answer"),
        (Reply::Nonsense, "not a supported Chroma server"),
        (Reply::Silence(Duration::from_secs(2)), "within 500 ms"),
        (status(500, r#"{"error":"InternalError","message":"out of luck"}"#), "out of luck"),
        (status(503, ""), "503"),
        (status(429, r#"{"message":"too many"}"#), "too many"),
        (status(401, r#"{"message":"who are you"}"#), "refuses with 401: who are you"),
        (status(403, "no"), "refuses with 403"),
        (status(302, ""), "refuses with 302"),
        (status(200, "<html>Welcome</html>"), "not a supported Chroma server"),
        (status(200, r#"{"ids":[["1-2-3"]],"distances":[[0.1],[0.2]]}"#), "not a supported Chroma server"),
    ] {
        notebook.write(3, &[vec![0.5; 8]]);
        let before = (index.version(), index.vectors());
        let answer = reply.clone();
        between.rule(move |_| answer.clone());
        for outage in [outage(search(&index)), outage(index.catch_up(&notebook, &Silent))] {
            assert!(outage.why.contains(says), "{reply:?}: {}", outage.why);
            assert!(outage.why.contains(&between.url()), "{}", outage.why);
            assert!(!outage.hint.is_empty());
            assert_eq!(outage.since.to_string(), "2026-11-23T12:00:00.000000+00:00");
        }
        assert_eq!((index.version(), index.vectors()), before);
        between.rule(|_| Reply::Pass);
        assert_eq!(search(&index).unwrap(), 3);
        index.catch_up(&notebook, &Silent).unwrap();
        assert_same(&index, &notebook);
    }
}

#[test]
fn a_change_that_fails_at_any_request_is_complete_after_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    for reply in [Reply::Close, Reply::PassAndLose] {
        let mut notebook = notebook(12);
        let writer = open(&between.url());
        writer.catch_up(&notebook, &Silent).unwrap();
        let mut failed = 0;
        for at_request in 0.. {
            notebook.write(1, &[vec![0.5; 8], vec![1.0; 8]]);
            notebook.edit(2, |page| page.project = format!("project-{at_request}"));
            notebook.delete(3);
            notebook.write(3, &[vec![-0.5; 8]]);
            let (requests, answer) = (AtomicUsize::new(0), reply.clone());
            between.rule(move |_| {
                let now = requests.fetch_add(1, Ordering::SeqCst);
                // Twice, so that trying again does not help.
                if now == at_request || now == at_request + 1 { answer.clone() } else { Reply::Pass }
            });
            let outcome = writer.catch_up(&notebook, &Silent);
            between.rule(|_| Reply::Pass);
            // As another process finds it that is started now, and as the one that failed goes on.
            let after_crash = open(&between.url());
            let next = if at_request % 2 == 0 { &after_crash } else { &writer };
            next.catch_up(&notebook, &Silent).unwrap();
            assert_same(next, &notebook);
            assert_eq!(records(&server.url()), notebook.vectors(), "nothing is left behind: {at_request}");
            writer.catch_up(&notebook, &Silent).unwrap();
            assert_same(&writer, &notebook);
            match outcome {
                Ok(_) => break,
                Err(VectorError::Unavailable(_)) => failed += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(failed >= 6, "{reply:?} was survived {failed} times");
    }
}

#[test]
fn a_rebuild_survives_failures_and_kills_of_the_server_at_any_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let notebook = notebook(300);
    let mut failed = 0;
    for at_request in 0.. {
        // A collection of another store, which is to be replaced.
        let mut other = super::notebook(3);
        other.fork(at_request as u64 + 50);
        other.write(9, &[vec![1.0; 8]]);
        open(&server.url()).catch_up(&other, &Silent).unwrap();
        let requests = AtomicUsize::new(0);
        between.rule(move |_| {
            let now = requests.fetch_add(1, Ordering::SeqCst);
            if now == at_request || now == at_request + 1 { Reply::PassAndLose } else { Reply::Pass }
        });
        let outcome = open(&between.url()).catch_up(&notebook, &Silent);
        between.rule(|_| Reply::Pass);
        if at_request % 3 == 0 {
            server.kill();
            server.restart();
        }
        let next = open(&server.url());
        next.catch_up(&notebook, &Silent).unwrap();
        assert_same(&next, &notebook);
        assert_eq!(records(&server.url()), notebook.vectors());
        if outcome.is_ok() {
            break;
        }
        failed += 1;
    }
    assert!(failed >= 8, "{failed}");
}

#[test]
fn a_cancelled_change_is_complete_after_the_next_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut notebook = notebook(600);
    open(&server.url()).catch_up(&notebook, &Silent).unwrap();
    for document in 1..=600 {
        notebook.write(document, &[vec![document as f32, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]);
    }
    let error = open(&server.url()).catch_up(&notebook, &CancelAfter::documents(400)).unwrap_err();
    assert!(matches!(error, VectorError::Cancelled), "{error}");
    let next = open(&server.url());
    next.catch_up(&notebook, &Silent).unwrap();
    assert_same(&next, &notebook);
    assert_eq!(records(&server.url()), 600);
}

#[test]
fn an_unavailable_server_is_retried_only_after_a_pause() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let mut index = open(&between.url());
    index.breaker.first_pause = Duration::from_secs(3600);
    index.catch_up(&notebook(3), &Silent).unwrap();
    between.rule(|_| Reply::Close);
    let first = outage(search(&index));
    let requests = between.seen().len();
    between.rule(|_| Reply::Pass);
    assert_eq!(outage(search(&index)), first);
    assert_eq!(outage(index.catch_up(&notebook(3), &Silent)), first);
    assert_eq!(between.seen().len(), requests, "nothing is asked during the pause");
    assert_eq!((index.vectors(), index.space()), (6, Some(notebook(3).space)));
}

#[test]
fn a_server_that_was_never_there_holds_nothing_up() {
    let nobody = ClaimedPort::claim();
    let index = open(&format!("http://127.0.0.1:{}", nobody.number()));
    assert_eq!((index.space(), index.version(), index.vectors()), (None, None, 0));
    assert!(outage(index.ready()).why.contains("does not answer"));
    assert!(outage(search(&index)).why.contains("does not answer"));
    assert!(outage(index.refresh()).why.contains("does not answer"));
    assert!(outage(index.catch_up(&notebook(3), &Silent)).why.contains("does not answer"));
}

#[test]
fn searches_do_not_wait_for_a_writer_that_waits_for_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let (asked, was_asked) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    between.rule(move |request| {
        if request.contains("/collections/atocore ") {
            let _sent = asked.send(());
            let _released = may_go_on.recv();
        }
        Reply::Pass
    });
    let index = open(&between.url());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| index.catch_up(&notebook(3), &Silent));
        was_asked.recv().unwrap();
        // The writer stands still in the middle of a call, and these come back all the same.
        index.ready().unwrap();
        assert_eq!(search(&index).unwrap(), 0);
        assert!(index.lease().is_none());
        drop(go_on);
        writer.join().unwrap().unwrap();
    });
    assert_eq!(search(&index).unwrap(), 3);
    let lease = index.lease().unwrap();
    assert_eq!(search(&index).unwrap(), 3, "what is held can be searched");
    drop(lease);
}

#[test]
fn wrong_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let good = at(&server.url());
    for wrong in [
        ChromaServer { tenant: "nobody".to_owned(), ..good.clone() },
        ChromaServer { database: "nothing".to_owned(), ..good.clone() },
    ] {
        let outage = outage(index(wrong, IndexAccess::Write).catch_up(&notebook(1), &Silent));
        assert!(outage.why.contains("nobody") || outage.why.contains("nothing"), "{}", outage.why);
        assert!(outage.hint.contains("ATOCORE_CHROMA_URL"), "{}", outage.hint);
    }
    let short = ChromaServer { collection: "x".to_owned(), ..good };
    let outage = outage(index(short, IndexAccess::Write).catch_up(&notebook(1), &Silent));
    assert!(outage.why.contains("refuses with 4"), "{}", outage.why);
}

#[test]
fn the_token_is_sent_to_the_server_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = FakeServer::before(&server.url());
    let secret = ChromaServer { token: Some("s3cret".to_owned()), ..at(&between.url()) };
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    between.rule_with_head(move |head| {
        let has = |line: &str| head.lines().any(|found| found.eq_ignore_ascii_case(line));
        if has("x-chroma-token: s3cret") && has("authorization: Bearer s3cret") {
            count.fetch_add(1, Ordering::SeqCst);
            Reply::Pass
        } else {
            Reply::Status(401, String::new())
        }
    });
    let knows = index(secret, IndexAccess::Write);
    knows.catch_up(&notebook(2), &Silent).unwrap();
    assert!(seen.load(Ordering::SeqCst) > 5);
    assert!(!format!("{knows:?}").contains("s3cret"));
    let outage = outage(open(&between.url()).catch_up(&notebook(2), &Silent));
    assert!(outage.why.contains("refuses with 401"), "{}", outage.why);
}

#[test]
fn a_server_killed_during_writes_and_searches_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut notebook = notebook(50);
    let index = open(&server.url());
    index.catch_up(&notebook, &Silent).unwrap();
    for round in 0..5 {
        for document in 1..=50 {
            let vector = vec![document as f32, round as f32, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            notebook.write(document, &vec![vector; 6]);
        }
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| (0..30).filter(|_| search(&index).is_ok()).count());
            let server = &mut server;
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(17 * round));
                server.kill();
                server.restart();
            });
            drop((index.catch_up(&notebook, &Silent), asking.join().unwrap()));
        });
        index.catch_up(&notebook, &Silent).unwrap();
        assert_eq!((index.version(), index.vectors()), (Some(notebook.newest()), 300));
        assert_eq!(records(&server.url()), 300);
    }
}
