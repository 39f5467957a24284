//! The description of the API is the one that is checked in, and whole in itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

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
        "openapi/atocore.json is not what the operations say: look at the difference after \
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
        let is_explained = |schema: &Value| {
            schema["description"].is_string() || schema["oneOf"][0]["description"].is_string()
        };
        assert!(is_explained(schema), "{name} is not explained");
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(is_explained(property), "{name}.{key} is not explained: {property}");
        }
    }
}

/// What clients of the last release rely on. A release replaces it.
fn released() -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/released-0.1.0.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn nothing_that_clients_of_the_last_release_rely_on_is_gone_or_narrower() {
    let (old, new) = (released(), serde_json::from_str(&document()).unwrap());
    assert_eq!(breaking(&old, &new), Vec::<String>::new());
}

#[test]
fn a_breaking_difference_is_found_and_an_addition_is_none() {
    let old = released();
    let changed = |change: fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        breaking(&old, &new).len()
    };
    assert_eq!(changed(|_| {}), 0);
    assert_eq!(changed(|new| new["paths"]["/new"] = new["paths"]["/health"].clone()), 0);
    assert_eq!(changed(|new| new["components"]["schemas"]["Hit"]["properties"]["new"] = true.into()), 0);
    for breaks in [
        (|new| drop(new["paths"].as_object_mut().unwrap().remove("/health"))) as fn(&mut Value),
        |new| {
            drop(new["components"]["schemas"]["Hit"]["properties"].as_object_mut().unwrap().remove("score"))
        },
        |new| new["components"]["schemas"]["Hit"]["properties"]["score"]["type"] = "string".into(),
        |new| new["components"]["schemas"]["Query"]["properties"]["top_k"]["maximum"] = 20.into(),
        |new| new["components"]["schemas"]["Query"]["required"].as_array_mut().unwrap().push("mode".into()),
        |new| new["paths"]["/documents"]["get"]["parameters"][2]["required"] = true.into(),
        |new| drop(new["paths"]["/memory"]["get"]["parameters"].as_array_mut().unwrap().remove(0)),
    ] {
        assert!(changed(breaks) > 0);
    }
}

/// Every difference that a client of the old description can meet.
fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in old["paths"].as_object().unwrap() {
        let path_now = positional(path);
        let item_now =
            new["paths"].as_object().unwrap().iter().find(|(path, _)| positional(path) == path_now);
        for (method, was) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            match item_now.map(|(_, item)| &item[method]).filter(|now| now.is_object()) {
                None => found.push(format!("{place} is gone")),
                Some(now) => Comparison { old, new, found: &mut found }.operations(&place, was, now),
            }
        }
    }
    found
}

/// The path without the names of its parameters, which no client sees.
fn positional(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: &'a mut Vec<String>,
}

impl Comparison<'_> {
    fn operations(&mut self, place: &str, was: &Value, now: &Value) {
        let named = |operation: &Value| -> BTreeMap<String, Value> {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let outside = parameters.filter(|parameter| parameter["in"] != "path");
            outside.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone())).collect()
        };
        let (before, after) = (named(was), named(now));
        for (name, parameter) in &before {
            match after.get(name) {
                None => self.found.push(format!("{place} takes no parameter {name} any more")),
                Some(now) => {
                    self.accepted(&format!("{place} {name}"), &parameter["schema"], &now["schema"], 0)
                }
            }
        }
        for (name, parameter) in &after {
            let was_required = before.get(name).is_some_and(|before| before["required"] == true);
            if parameter["required"] == true && !was_required {
                self.found.push(format!("{place} wants the parameter {name} now"));
            }
        }
        let body = "/requestBody/content/application~1json/schema";
        match (was.pointer(body), now.pointer(body)) {
            (Some(was), Some(now)) => self.accepted(place, was, now, 0),
            (Some(_), None) => self.found.push(format!("{place} takes no body any more")),
            (None, Some(_)) if now["requestBody"]["required"] == true => {
                self.found.push(format!("{place} wants a body now"));
            }
            (None, _) => {}
        }
        for (status, was) in was["responses"].as_object().unwrap() {
            let now = &now["responses"][status];
            if now.is_null() {
                self.found.push(format!("{place} does not answer {status} any more"));
            }
            for (kind, was) in was["content"].as_object().into_iter().flatten() {
                self.answered(
                    &format!("{place} {status}"),
                    &was["schema"],
                    &now["content"][kind]["schema"],
                    0,
                );
            }
        }
    }

    /// What a client may send: all that it could before.
    fn accepted(&mut self, place: &str, was: &Value, now: &Value, depth: usize) {
        let (was, now) = (resolved(self.old, was), resolved(self.new, now));
        for kind in kinds(was).difference(&kinds(now)).filter(|kind| *kind != "null") {
            self.found.push(format!("{place} may not be {kind} any more"));
        }
        for (bound, narrower) in [("minimum", 1.0), ("maximum", -1.0)] {
            if let Some(limit) = now[bound].as_f64() {
                let before = was[bound].as_f64().unwrap_or(limit);
                if (limit - before) * narrower > 0.0 {
                    self.found.push(format!("{place} has another {bound}"));
                }
            }
        }
        let required = |schema: &Value| -> BTreeSet<String> {
            let names = schema["required"].as_array().into_iter().flatten();
            names.map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        for name in required(now).difference(&required(was)) {
            self.found.push(format!("{place} wants {name} now"));
        }
        self.properties(place, was, now, depth, Self::accepted);
    }

    /// What a client may be answered: nothing that it could not be before.
    fn answered(&mut self, place: &str, was: &Value, now: &Value, depth: usize) {
        let (was, now) = (resolved(self.old, was), resolved(self.new, now));
        for kind in kinds(now).difference(&kinds(was)) {
            self.found.push(format!("{place} may be {kind} now"));
        }
        self.properties(place, was, now, depth, Self::answered);
    }

    fn properties(
        &mut self,
        place: &str,
        was: &Value,
        now: &Value,
        depth: usize,
        compare: fn(&mut Self, &str, &Value, &Value, usize),
    ) {
        // Deeper than any schema there is, unless it is in itself.
        if depth == 12 {
            return;
        }
        if was["items"].is_object() {
            compare(self, &format!("{place}[]"), &was["items"], &now["items"], depth + 1);
        }
        let now = properties(self.new, now);
        for (name, was) in properties(self.old, was) {
            let place = format!("{place}.{name}");
            match now.get(name) {
                None => self.found.push(format!("{place} is gone")),
                Some(now) => compare(self, &place, was, now, depth + 1),
            }
        }
    }
}

/// The schema that is meant, without the null that may stand beside it.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolved(document, document.pointer(&reference[1..]).unwrap());
    }
    let other = schema["oneOf"].as_array().and_then(|some| some.iter().find(|one| one["type"] != "null"));
    match other {
        Some(other) if schema["oneOf"].as_array().is_some_and(|some| some.len() == 2) => {
            resolved(document, other)
        }
        _ => schema,
    }
}

/// The keys of a record, those of records whose keys stand among its own too.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> BTreeMap<&'a str, &'a Value> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.map(|(name, property)| (name.as_str(), property))
        .chain(parts.flat_map(|part| properties(document, resolved(document, part))))
        .collect()
}

/// The types that a value may have; none for any.
fn kinds(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(kind) => BTreeSet::from([kind.clone()]),
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect(),
        _ => BTreeSet::new(),
    }
}
