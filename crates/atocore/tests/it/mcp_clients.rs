//! The official clients plugged into the real program: the SDKs of Python and TypeScript, and the Inspector.

use std::process::Command;

use atocore_testkit::clients::clients;
use serde_json::{Value, json};

use crate::program::{PROGRAM, Ran, Sandbox, Server, ran};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How many of the calls below are good.
const GOOD: usize = 13;

/// Every tool with arguments that it can do something with, and some with wrong ones.
fn calls() -> Value {
    json!([
        ["atocore_context", { "prompt": "how often are keys rotated", "project": "field notes", "budget": 2000 }],
        ["atocore_search", { "query": "how often are keys rotated", "project": "field notes", "top_k": 2 }],
        ["atocore_get", { "project": "notes", "path": "keys.md", "lines": "4-" }],
        ["atocore_project_state", { "project": "Field Notes" }],
        ["atocore_project_state_propose",
            { "project": "Field Notes", "category": "decision", "key": "keys", "value": "rotated every spring" }],
        ["atocore_memory_list", { "project": "notes" }],
        ["atocore_memory_create", { "memory_type": "preference", "content": "dates as ISO 8601", "confidence": 0.5 }],
        ["atocore_projects", {}],
        ["atocore_refresh", { "project": "NOTES" }],
        ["atocore_status", {}],
        ["atocore_health", {}],
        ["atocore_documents", { "project": "NOTES" }],
        ["atocore_links", { "project": "NOTES", "document": "keys.md" }],
        ["atocore_get", { "id": "doc_00" }],
        ["atocore_search", { "query": "keys", "surprise": true }],
        ["atocore_nothing", {}],
    ])
}

/// How a client gets in.
enum Way<'a> {
    Streams(&'a Sandbox),
    Http(&'a Server),
}

/// What to do, as the scripts read it.
fn plan(place: &Sandbox, way: &Way<'_>, mode: &str) -> String {
    let mut plan = json!({ "mode": mode, "calls": calls() });
    match way {
        Way::Streams(place) => {
            plan["command"] = json!([PROGRAM, "--data-dir", "home", "mcp"]);
            plan["cwd"] = json!(place.path(""));
            plan["env"] = json!({ "PATH": "/usr/bin:/bin", "ATOCORE_RETRIEVAL_MODE": "lexical" });
        }
        Way::Http(server) => {
            plan["url"] = json!(format!("http://{}/mcp", server.address));
            plan["token"] = json!(TOKEN);
        }
    }
    place.write("plan.json", plan.to_string()).display().to_string()
}

/// Runs one of our scripts with an SDK and checks what it saw.
fn plugged_in(mut command: Command, script: &str, plan: &str) -> Value {
    let script = format!("{}/tests/it/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let ran = ran(command.args([script.as_str(), plan]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(seen["server"], "atocore", "{seen}");
    assert!(seen["instructions"].as_str().unwrap().contains("atocore_search"), "{seen}");
    let called: Vec<&str> =
        seen["calls"].as_array().unwrap().iter().filter_map(|call| call["tool"].as_str()).collect();
    for tool in seen["tools"].as_array().unwrap() {
        assert!(called.contains(&tool.as_str().unwrap()), "{tool} is not called");
    }
    let call = |number: usize| &seen["calls"][number];
    for number in 0..GOOD {
        let call = call(number);
        assert_eq!(call["is_error"], false, "{call}");
        assert!(call["structured"].is_object() && !call["text"].as_str().unwrap().is_empty(), "{call}");
    }
    assert_eq!(call(1)["structured"]["results"].as_array().unwrap().len(), 2, "{}", call(1));
    assert_eq!(call(2)["structured"]["content"], "# Keys\n\nKeys are rotated every spring.", "{}", call(2));
    assert_eq!(call(8)["structured"]["counts"]["unchanged"], 3, "{}", call(8));
    for (number, code) in [(GOOD, "document_unknown"), (GOOD + 1, "invalid_request")] {
        assert_eq!(call(number)["is_error"], true, "{}", call(number));
        assert!(
            call(number)["text"].as_str().unwrap().starts_with(&format!("error {code}")),
            "{}",
            call(number)
        );
    }
    assert_eq!(call(GOOD + 2)["protocol_error"], -32602, "{}", call(GOOD + 2));
    seen
}

#[test]
fn the_python_sdk_lists_and_calls_every_tool_in_every_way() {
    let place = Sandbox::with_notes();
    let run = |way: &Way<'_>, mode| plugged_in(clients().python(), "sdk.py", &plan(&place, way, mode));
    assert_eq!(run(&Way::Streams(&place), "auto")["version"], "2026-07-28");
    assert_eq!(run(&Way::Streams(&place), "legacy")["version"], "2025-11-25");
    let server = place.serve();
    // Beside a server as well, which it then uses.
    assert_eq!(run(&Way::Streams(&place), "auto")["version"], "2026-07-28");
    assert_eq!(run(&Way::Http(&server), "auto")["version"], "2026-07-28");
    assert_eq!(run(&Way::Http(&server), "legacy")["version"], "2025-11-25");
}

#[test]
fn the_typescript_sdk_lists_and_calls_every_tool_in_every_way() {
    let place = Sandbox::with_notes().variable("ATOCORE_API_TOKEN", TOKEN);
    let run = |way: &Way<'_>| plugged_in(clients().node(), "sdk.mjs", &plan(&place, way, ""));
    drop(run(&Way::Streams(&place)));
    let server = place.serve();
    drop(run(&Way::Http(&server)));
}

/// One call of the Inspector; it keeps what it keeps in the folder of the test.
fn inspect(place: &Sandbox, way: &Way<'_>, arguments: &[&str]) -> Ran {
    let mut command = clients().inspector();
    command.env("HOME", place.path(""));
    match way {
        Way::Streams(place) => {
            let home = place.path("home").display().to_string();
            command.args(["-e", "ATOCORE_RETRIEVAL_MODE=lexical"]).args(arguments);
            command.args(["--", PROGRAM, "--data-dir", &home, "mcp"]);
        }
        Way::Http(server) => {
            command.args(arguments).args(["--transport", "http", "--server-url"]);
            command.arg(format!("http://{}/mcp", server.address));
        }
    }
    ran(&mut command)
}

#[test]
fn the_inspector_finds_nothing_to_complain_of_and_calls_every_tool() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    for way in [Way::Streams(&place), Way::Http(&server)] {
        let listed = inspect(&place, &way, &["--method", "tools/list", "--strict"]);
        assert_eq!(listed.code, 0, "{listed:?}");
        let calls = calls();
        let mut tools = 0;
        for call in calls.as_array().unwrap().iter().take(GOOD) {
            let mut arguments =
                vec!["--method".to_owned(), "tools/call".to_owned(), "--tool-name".to_owned()];
            arguments.push(call[0].as_str().unwrap().to_owned());
            for (name, value) in call[1].as_object().unwrap() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                arguments.extend(["--tool-arg".to_owned(), format!("{name}={value}")]);
            }
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let called = inspect(&place, &way, &words);
            assert_eq!(called.code, 0, "{call}: {called:?}");
            assert!(called.stdout.contains("structuredContent"), "{call}: {called:?}");
            tools += 1;
        }
        assert_eq!(listed.stdout.matches("\"inputSchema\"").count(), tools, "{listed:?}");
    }
}

/// The blocks of a document that are in a language.
fn blocks<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let begin = format!("```{language}\n");
    document.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Every way of starting the program that a set-up names, wherever it stands in it.
fn started(setup: &Value, found: &mut Vec<Vec<String>>) {
    if setup["command"] == "atocore" {
        let words = setup["args"].as_array().unwrap().iter();
        found.push(words.map(|word| word.as_str().unwrap().to_owned()).collect());
    }
    if let Some(parts) = setup.as_object() {
        parts.values().for_each(|part| started(part, found));
    }
}

#[test]
fn every_set_up_in_the_documents_starts_the_program() {
    let read =
        |path: &str| std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (clients, readme) = (read("docs/clients.md"), read("README.md"));
    let mut found = Vec::new();
    for block in blocks(&clients, "json").into_iter().chain(blocks(&readme, "json")) {
        let setup: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
        started(&setup, &mut found);
    }
    let [codex] = blocks(&clients, "toml")[..] else { panic!("there is one set-up in TOML") };
    assert!(codex.contains("command = \"atocore\"\nargs = [\"mcp\"]\n"), "{codex}");
    for line in blocks(&clients, "sh").into_iter().flat_map(str::lines) {
        if let Some((_, command)) = line.split_once(" -- atocore ") {
            let command = command.split(" #").next().unwrap();
            found.push(command.split_whitespace().map(str::to_owned).collect());
        }
    }
    assert!(found.len() >= 8, "{found:?}");
    let place = Sandbox::new();
    for arguments in found {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // Its input is empty: it starts, hears nobody, and ends well.
        let ran = place.run(&words);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{arguments:?}: {ran:?}");
    }
}
