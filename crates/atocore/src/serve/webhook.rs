//! Tells somebody elsewhere that something failed. The address may hold a secret, so nothing of it is ever logged.

use std::time::Duration;

use serde::Serialize;

/// How long a webhook may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a webhook is told.
#[derive(Debug, Serialize)]
pub(super) struct Alert<'a> {
    pub(super) event: &'static str,
    pub(super) job: &'a str,
    pub(super) error: &'a str,
    pub(super) failures: u32,
    pub(super) at: String,
}

/// Sends a failure, as JSON. That it was not taken is logged and holds nothing up for long.
pub(super) async fn tell(url: String, alert: &Alert<'_>) {
    let body = serde_json::to_string(alert).unwrap_or_default();
    let sent = tokio::task::spawn_blocking(move || send(&url, &body)).await;
    if let Err(why) = sent.unwrap_or_else(|_| Err("sending it ended in a panic".to_owned())) {
        tracing::warn!(error = why, "webhook_failed");
    }
}

/// Sends a body to the address itself: not to one that it redirects to, which nobody has chosen, and not through a proxy
/// of the environment. Everything but 2xx has failed.
fn send(url: &str, body: &str) -> Result<(), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    match agent.post(url).header("Content-Type", "application/json").send(body) {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answered with HTTP {}", answer.status().as_u16())),
        Err(
            error @ (ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed),
        ) => Err(error.to_string()),
        // Others repeat what the other side said, or the address.
        Err(_) => Err("no answer that is understood".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// What sending to a server that gives `answer` comes to, and how many connections it got.
    fn sent_to(answer: &'static str) -> (Result<(), String>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut connections = 0;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).unwrap();
                if bytes.starts_with(b"END") {
                    return connections;
                }
                connections += 1;
                assert!(bytes[..count].starts_with(b"POST /s3cret"));
                stream.write_all(answer.as_bytes()).unwrap();
            }
            connections
        });
        let sent = send(&format!("http://{address}/s3cret"), "{}");
        std::net::TcpStream::connect(address).unwrap().write_all(b"END").unwrap();
        (sent, server.join().unwrap())
    }

    #[test]
    fn an_alert_is_delivered_where_it_was_sent_or_has_failed() {
        assert_eq!(sent_to("HTTP/1.1 204 No Content\r\n\r\n"), (Ok(()), 1));
        for (answer, expected) in [
            ("HTTP/1.1 302 Found\r\nLocation: /s3cret-too\r\nContent-Length: 0\r\n\r\n", "HTTP 302"),
            ("HTTP/1.1 307 Temporary\r\nLocation: /s3cret-too\r\nContent-Length: 0\r\n\r\n", "HTTP 307"),
            ("HTTP/1.1 302 Found\r\nLocation: http://[s3cret\r\nContent-Length: 0\r\n\r\n", "HTTP 302"),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
            ("s3cret is not HTTP\r\n\r\n", "no answer that is understood"),
        ] {
            let (sent, connections) = sent_to(answer);
            let why = sent.unwrap_err();
            assert!(why.contains(expected) && !why.contains("s3cret"), "{answer}: {why}");
            assert_eq!(connections, 1, "{answer}");
        }
    }
}
