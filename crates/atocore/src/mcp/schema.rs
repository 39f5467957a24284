//! The JSON schemas of tools, from the same types that the OpenAPI document is made of.

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::operations::lenient;

/// Where OpenAPI keeps what is referred to, and where a schema that stands alone does.
const OPENAPI_PLACE: &str = "#/components/schemas/";
const OWN_PLACE: &str = "#/$defs/";

/// The schema of what a tool takes, without the `hidden` arguments and with numbers of `at_most` so much. What may be left
/// out is simply not required: some clients cannot read a type that is one of two.
pub(super) fn of_arguments<T: ToSchema>(hidden: &[&str], at_most: &[(&str, u64)]) -> JsonObject {
    let mut schema = whole::<T>();
    let definitions = schema.remove("$defs").unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !hidden.contains(&name.as_str()));
        for property in properties.values_mut() {
            spell_out(property, &definitions);
            without_null(property);
            drop(property.as_object_mut().and_then(|keys| keys.remove("format")));
        }
        for (name, most) in at_most {
            if let Some(property) = properties.get_mut(*name) {
                property["maximum"] = json!(most);
            }
        }
    }
    drop(schema.remove("description"));
    if !schema.contains_key("properties") {
        drop(schema.insert("properties".to_owned(), json!({})));
    }
    schema
}

/// The schema of what a tool answers: its keys and what each of them is, and no more, because clients hand it to their
/// model with every conversation. The description of the HTTP API has the same shapes in full.
pub(super) fn of_answer<T: ToSchema>() -> JsonObject {
    let whole = Value::Object(whole::<T>());
    let mut properties = JsonObject::new();
    // A record in a record whose keys stand among its own makes the schema all of several.
    let parts = whole["allOf"].as_array().map_or_else(|| vec![&whole], |parts| parts.iter().collect());
    for part in parts {
        for (name, property) in meant(&whole, part)["properties"].as_object().into_iter().flatten() {
            let kind = match &meant(&whole, property)["type"] {
                Value::String(kind) => json!({ "type": kind }),
                // One of several.
                _ => json!({}),
            };
            drop(properties.insert(name.clone(), kind));
        }
    }
    let object = [("type".to_owned(), json!("object")), ("properties".to_owned(), Value::Object(properties))];
    JsonObject::from_iter(object)
}

/// Brings arguments into the form that their schema has, where it is plain what is meant: `""` and `null` for what may be
/// left out, `3.0` and `"3"` for a number, `"true"` for a word that is true or false.
pub(super) fn into_form(arguments: &mut JsonObject, schema: &JsonObject) {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|required| required == key));
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    for (key, property) in properties {
        let Some(value) = arguments.get_mut(key) else { continue };
        if !is_required(key) && (value.is_null() || value == "") {
            drop(arguments.remove(key));
            continue;
        }
        let meant = match (property["type"].as_str(), &*value) {
            (Some("integer"), Value::Number(number)) => {
                number.as_f64().and_then(lenient::whole).map(Value::from)
            }
            (Some("integer"), Value::String(text)) => lenient::spelled(text).map(Value::from),
            (Some("number"), Value::String(text)) => text.parse::<f64>().ok().map(Value::from),
            (Some("boolean"), Value::String(text)) => text.parse::<bool>().ok().map(Value::from),
            _ => None,
        };
        if let Some(meant) = meant.filter(|_| !value.is_u64()) {
            *value = meant;
        }
    }
}

/// What is said of an argument that a schema does not have, by its quoted name.
pub(super) fn unknown(name: &str, schema: &JsonObject) -> String {
    let properties = schema.get("properties").and_then(Value::as_object);
    let known: Vec<_> = properties.into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
    match &*known {
        [] => format!("unknown field {name}, there are no fields"),
        [only] => format!("unknown field {name}, expected {only}"),
        _ => format!("unknown field {name}, expected one of {}", known.join(", ")),
    }
}

/// What a schema refers to, or the schema.
fn meant<'a>(whole: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|place| place.strip_prefix(OWN_PLACE));
    name.map_or(schema, |name| &whole["$defs"][name])
}

fn whole<T: ToSchema>() -> JsonObject {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    let mut schema = serde_json::to_value(T::schema()).unwrap_or_default();
    let definitions: JsonObject = referred
        .into_iter()
        .filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?)))
        .collect();
    if !definitions.is_empty()
        && let Value::Object(schema) = &mut schema
    {
        drop(schema.insert("$defs".to_owned(), Value::Object(definitions)));
    }
    stand_alone(&mut schema);
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

/// Turns references, and takes out what only OpenAPI has.
fn stand_alone(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            drop(keys.remove("example"));
            if let Some(Value::String(place)) = keys.get_mut("$ref")
                && let Some(name) = place.strip_prefix(OPENAPI_PLACE)
            {
                *place = format!("{OWN_PLACE}{name}");
            }
            keys.values_mut().for_each(stand_alone);
        }
        Value::Array(items) => items.iter_mut().for_each(stand_alone),
        _ => {}
    }
}

/// Puts what is referred to in the place of the reference, in its own words.
fn spell_out(property: &mut Value, definitions: &Value) {
    if let Some(other) =
        property["oneOf"].as_array().and_then(|some| some.iter().find(|one| one["type"] != "null"))
    {
        *property = other.clone();
    }
    if let Some(name) = property["$ref"].as_str().and_then(|place| place.strip_prefix(OWN_PLACE)) {
        let mut meant = definitions[name].clone();
        if property["description"].is_string() {
            meant["description"] = property["description"].take();
        }
        *property = meant;
    }
    if property["items"].is_object() {
        spell_out(&mut property["items"], definitions);
        // The property says what they are.
        drop(property["items"].as_object_mut().and_then(|items| items.remove("description")));
    }
}

/// `["string", "null"]` becomes `"string"`.
fn without_null(property: &mut Value) {
    let Some(Value::Array(types)) = property.get("type") else { return };
    let mut others = types.iter().filter(|word| *word != "null").cloned();
    if let (Some(only), None) = (others.next(), others.next()) {
        property["type"] = only;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Query;

    #[test]
    fn a_schema_stands_alone() {
        let arguments = of_arguments::<Query>(&["explain"], &[("top_k", 20)]);
        assert_eq!(arguments["additionalProperties"], false);
        assert_eq!(arguments["required"], json!(["query"]));
        assert_eq!(arguments["properties"]["project"]["type"], "string");
        assert_eq!(arguments["properties"]["mode"]["enum"], json!(["hybrid", "dense", "lexical"]));
        assert_eq!(arguments["properties"]["top_k"]["maximum"], 20);
        assert!(arguments["properties"].get("explain").is_none());
        let text = Value::Object(arguments).to_string();
        assert!(!text.contains(OPENAPI_PLACE) && !text.contains("\"example\""), "{text}");
        let answer = of_answer::<atocore_model::query::Answer>();
        assert_eq!(answer["properties"]["results"], json!({ "type": "array" }));
        assert_eq!(answer["properties"]["project"], json!({}));
        assert!(!Value::Object(answer).to_string().contains("$ref"));
    }
}
