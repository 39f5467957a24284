//! The reference page of the HTTP API, made from its description.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::openapi::document;

/// The methods of a path, in the order in which they are told.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The page: every route with what it takes and answers, grouped as in the OpenAPI document.
#[must_use]
pub fn reference() -> String {
    let api: Value = serde_json::from_str(&document()).unwrap_or_default();
    let mut page = "# Reference: HTTP\n\n\
                    Made from the table of operations, as is [the OpenAPI document](../openapi/atocore.json), which has the shapes of all answers.\n\
                    [http-api.md](http-api.md) describes what applies to every request.\n"
        .to_owned();
    for tag in api["tags"].as_array().into_iter().flatten() {
        let name = text(&tag["name"]);
        let _written = write!(page, "\n## {name}\n\n{}\n", text(&tag["description"]));
        for (path, item) in api["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let operation = &item[method];
                if operation["tags"][0] == tag["name"] {
                    add(&mut page, &api, &format!("{} {path}", method.to_uppercase()), operation);
                }
            }
        }
    }
    page
}

fn add(page: &mut String, api: &Value, route: &str, operation: &Value) {
    let words = [&operation["summary"], &operation["description"]].map(text).join("\n");
    let _written = write!(page, "\n### `{route}`\n\n{}\n", words.trim());
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let required = parameter["required"] == true;
        row(
            &mut rows,
            api,
            text(&parameter["name"]),
            text(&parameter["in"]),
            required,
            parameter,
            &parameter["schema"],
        );
    }
    let body = resolved(api, &operation["requestBody"]["content"]["application/json"]["schema"]);
    let required: Vec<&str> = body["required"].as_array().into_iter().flatten().map(text).collect();
    for (name, schema) in fields(body).into_iter().flatten() {
        row(&mut rows, api, name, "body", required.contains(&name.as_str()), schema, schema);
    }
    if !rows.is_empty() {
        let _written = write!(page, "\n| parameter | in | type | |\n|---|---|---|---|\n{rows}");
    }
    let answers = operation["responses"].as_object().into_iter().flatten();
    let answers = answers.filter(|(status, _)| *status != "default").map(|(status, response)| {
        let schema = response["content"].as_object().and_then(|content| content.values().next());
        let kind = schema.map(|content| kind(&content["schema"])).filter(|kind| !kind.is_empty());
        let kind = kind.map(|kind| format!(" (`{kind}`)")).unwrap_or_default();
        format!("{status}: {}{kind}", text(&response["description"]))
    });
    let _written = write!(page, "\nAnswers {}.\n", answers.collect::<Vec<_>>().join("; "));
}

fn row(
    rows: &mut String,
    api: &Value,
    name: &str,
    place: &str,
    required: bool,
    described: &Value,
    schema: &Value,
) {
    let mut words = text(&described["description"]).replace('\n', " ");
    if words.is_empty() {
        text(&resolved(api, schema)["description"]).clone_into(&mut words);
    }
    let optional = if required { "" } else { ", optional" };
    let _written = writeln!(
        rows,
        "| `{name}` | {place} | {}{optional} | {} |",
        kind(schema).replace('|', "\\|"),
        words.replace('|', "\\|")
    );
}

/// What a schema is, in a few words: `string`, `list of integer`, the name of a shape.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let one_of = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[*key].as_array());
    if let Some(kinds) = one_of {
        return kinds
            .iter()
            .map(kind)
            .filter(|kind| kind != "null" && !kind.is_empty())
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().map(text).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    };
    let inner = &schema["items"];
    let kinds = kinds
        .iter()
        .map(|of| if *of == "array" { format!("list of {}", kind(inner)) } else { (*of).to_owned() });
    kinds.collect::<Vec<_>>().join(" or ")
}

/// The schema that a reference leads to.
fn resolved<'v>(api: &'v Value, schema: &'v Value) -> &'v Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| api.pointer(pointer)).unwrap_or(schema)
}

fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
