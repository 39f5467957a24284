//! The description of the API is the one that is checked in, and whole in itself.

use std::{collections::BTreeSet, path::PathBuf};

use atocore::http::document;
use serde_json::Value;

/// Set to make the file anew.
const BLESS: &str = "ATOCORE_BLESS";

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/atocore.json")
}

#[test]
fn the_description_is_the_golden_one() {
    let bless = std::env::var(BLESS).is_ok();
    if bless {
        std::fs::create_dir_all(golden().parent().unwrap()).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "a file of the repository, looked at before it is committed"
        )]
        std::fs::write(golden(), document()).unwrap();
    }
    let known = std::fs::read_to_string(golden()).unwrap_or_default();
    assert!(
        known == document(),
        "openapi/atocore.json is not what the handlers say: look at the difference after \
         `{BLESS}=1 cargo test -p atocore --test it openapi`"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect(value, references));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn every_operation_is_named_explained_and_can_fail() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["responses"]["default"].is_object(), "{method} {path} cannot fail");
            let parameters = operation["parameters"].as_array();
            for parameter in parameters.into_iter().flatten() {
                let whole = parameter["schema"].is_object() && parameter["description"].is_string();
                assert!(whole, "{method} {path}: {parameter}");
            }
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{method} {path} has the name of another operation");
        }
    }
}

#[test]
fn every_key_is_explained() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} is not explained");
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let explained =
                property["description"].is_string() || property["oneOf"][0]["description"].is_string();
            assert!(explained, "{name}.{key} is not explained: {property}");
        }
    }
}
