//! Clients that are slow, that never read, or that send a great deal hold up nobody else.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    agent::Agent,
    program::{Sandbox, Server},
};

/// More connections than a server has places.
const CONNECTIONS: usize = 530;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Asks and gives the status, and whether the connection stays open.
fn ask(stream: &mut TcpStream, server: &Server, path: &str) -> (u16, bool) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut status, mut length, mut stays) = (0, 0, true);
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the answer is cut off");
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        }
        if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        }
        stays &= line != "connection: close";
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status, stays)
}

#[test]
fn health_is_answered_however_many_connections_are_half_open() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let half_open: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(ask(&mut connect(&server), &server, "/health").0, 200);
    // Whoever asks something has a place before those that ask nothing.
    assert_eq!(ask(&mut connect(&server), &server, "/status").0, 200);
    drop(half_open);
}

#[test]
fn health_is_answered_however_many_clients_do_not_read() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let request = format!("GET /openapi.json HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).repeat(40);
    let never_read: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(ask(&mut connect(&server), &server, "/health").0, 200);
    // A client that has not read for a while makes room for others.
    while ask(&mut connect(&server), &server, "/status").0 != 200 {
        assert_eq!(ask(&mut connect(&server), &server, "/health").0, 200);
        thread::sleep(Duration::from_millis(100));
    }
    drop(never_read);
}

#[test]
fn a_client_connects_again_after_a_thousand_requests() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let mut stream = connect(&server);
    for number in 1..=1000 {
        assert_eq!(ask(&mut stream, &server, "/no/such"), (404, number < 1000), "{number}");
    }
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// A call of 800 KB that becomes many times that when it is parsed.
fn large_call() -> Value {
    let tags = vec!["a tag"; 100_000];
    json!({ "name": "atocore_search", "arguments": { "query": "keys", "filter_tags": tags } })
}

/// The most memory that hundreds of large calls may take, in MiB.
const MOST: u64 = 300;

#[test]
fn hundreds_of_large_calls_at_once_take_little_memory() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": large_call() }).to_string();
    assert!(call.len() > 790_000);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        server.address,
        call.len()
    );
    thread::scope(|scope| {
        let asked: Vec<_> = (0..300)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = connect(&server);
                    // One that is refused may be so before all is sent.
                    let _sent =
                        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(call.as_bytes()));
                    let mut answer = String::new();
                    let _read = stream.read_to_string(&mut answer);
                    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
                    body.and_then(|body| serde_json::from_str::<Value>(&body).ok())
                })
            })
            .collect();
        let answers: Vec<Value> = asked.into_iter().filter_map(|asked| asked.join().unwrap()).collect();
        let refused = answers.iter().filter(|answer| answer["result"]["isError"] == true).count();
        assert!(refused > 0, "{answers:?}");
    });
    assert_eq!(ask(&mut connect(&server), &server, "/health").0, 200);
    let most = server.most_memory();
    println!("{most} MiB at most");
    assert!(most <= MOST, "{most} MiB");
}

#[test]
fn hundreds_of_large_calls_one_after_another_without_waiting_take_little_memory() {
    let place = Sandbox::with_notes();
    let mut agent = Agent::greeted(&place);
    let call = large_call();
    let mut asked: BTreeSet<i64> = (0..300).map(|_| agent.begin("tools/call", &call)).collect();
    while !asked.is_empty() {
        let answer = agent.read();
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(asked.remove(&answer["id"].as_i64().unwrap()), "answered once");
    }
    let most = agent.most_memory();
    println!("{most} MiB at most");
    assert!(most <= MOST, "{most} MiB");
}
