//! A server that is measured, and a client that asks it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use atocore::{
    operations::ApiError,
    serve::{NetworkSettings, Ready, ServeSettings, serve_until},
};
use atocore_engine::EngineConfig;
use atocore_model::monitor::Silent;
use tokio::sync::oneshot;

use super::cannot;
use crate::failure::Failure;

/// Runs `body` beside a server, which looks through the files of its projects every `follow`, where it follows them.
pub(super) fn served<T>(
    config: EngineConfig,
    follow: Option<Duration>,
    body: impl FnOnce(SocketAddr) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let settings = ServeSettings {
        activity: "serve",
        network: Some(NetworkSettings { host: "127.0.0.1".to_owned(), port: 0, token: None }),
        webhook: None,
        follow,
        runtime_dir: None,
        on_refresh: None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        // It has the only sender: one that ends before it is ready is heard.
        let server = scope.spawn(move || -> Result<(), ApiError> {
            let stop = async { drop(stopped.await) };
            let on_ready = |ready: &Ready| {
                let _sent = ready.address.map(|address| tell.send(address));
            };
            serve_until(config, &settings, stop, on_ready, &Silent)
        });
        let result = match told.recv() {
            Ok(address) => body(address),
            Err(error) => Err(cannot("start a server")(error)),
        };
        drop(stop);
        let ended = server.join().map_err(|_| Failure::failed("the server panicked"))?;
        ended.map_err(cannot("run a server")).and(result)
    })
}

/// A connection that stays open.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).map_err(cannot("reach the server"))?;
        stream.set_nodelay(true).map_err(cannot("reach the server"))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends JSON and returns the whole answer, which must be a good one.
    pub(super) fn post(&mut self, path: &str, body: &str) -> Result<String, Failure> {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{kind}Accept: application/json, text/event-stream\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(cannot("ask the server"))?;
        let mut status = String::new();
        let _size = self.stream.read_line(&mut status).map_err(cannot("hear the server"))?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            let _size = self.stream.read_line(&mut line).map_err(cannot("hear the server"))?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(cannot("understand the server"))?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).map_err(cannot("hear the server"))?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let good = status.starts_with("HTTP/1.1 200") && !answer.contains("\"isError\":true");
        if good { Ok(answer) } else { Err(Failure::failed(format!("the server said {status}"))) }
    }
}
