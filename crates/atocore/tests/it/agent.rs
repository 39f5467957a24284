//! A client of the MCP interface that sends any bytes, over the standard streams of a real program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::program::{Sandbox, most_memory};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The newest version of the protocol that begins with a handshake.
pub(crate) const HANDSHAKE: &str = "2025-11-25";
/// The version without one.
pub(crate) const NEWEST: &str = "2026-07-28";

/// The program with its standard streams in our hands; killed when dropped.
pub(crate) struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
    next: i64,
}

impl Agent {
    /// Starts `atocore mcp`.
    pub(crate) fn start(place: &Sandbox) -> Self {
        let mut command = place.command(&["mcp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        drop(thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        }));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            drop(stderr.read_to_string(&mut text));
            text
        });
        let input = child.stdin.take();
        Self { child, input, lines, errors: Some(errors), next: 0 }
    }

    /// Starts it and shakes hands.
    pub(crate) fn greeted(place: &Sandbox) -> Self {
        let mut agent = Self::start(place);
        assert_eq!(agent.greet(HANDSHAKE)["protocolVersion"], HANDSHAKE);
        agent
    }

    /// Shakes hands in a version and gives what came back.
    pub(crate) fn greet(&mut self, version: &str) -> Value {
        let answer = self.ask("initialize", &handshake(version));
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        answer["result"].clone()
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_bytes(message.to_string().as_bytes());
    }

    /// Sends a line of any bytes.
    pub(crate) fn send_bytes(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line).unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
    }

    /// Sends a request and gives its number.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> i64 {
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }));
        self.next
    }

    /// Sends a request and waits for its answer; nothing else may come.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.read();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Calls a tool and gives its result.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// The next message. Whatever is not one is a fault.
    pub(crate) fn read(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
        let message: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:.200}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line:.200}");
        message
    }

    /// The most memory that the program has had so far, in MiB.
    pub(crate) fn most_memory(&self) -> u64 {
        most_memory(&self.child)
    }

    /// Closes the input and gives the exit code, what was left to read, and what was said beside it.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        drop(self.input.take());
        let code = self.child.wait().unwrap().code();
        let rest = self.lines.iter().collect();
        let errors = self.errors.take().unwrap().join().unwrap();
        (code, rest, errors)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn handshake(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": { "name": "tests", "version": "1" },
    })
}

/// What every request of the version without a handshake carries.
pub(crate) fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The words of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"))
}

/// Insists that a tool failed with a code, and names no command without saying that it is the user's to run.
pub(crate) fn failed(result: &Value, code: &str) {
    assert_eq!(result["isError"], true, "{result}");
    let text = text(result);
    assert!(text.starts_with(&format!("error {code}: ")), "{result}");
    assert!(!text.contains("`atocore ") || text.contains("only the user can run commands"), "{result}");
}
