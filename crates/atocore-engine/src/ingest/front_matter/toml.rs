//! Reads TOML into flat fields.

use atocore_model::document::{FieldValue, FrontMatterField};
use toml::{Table, Value};

use super::Unreadable;

/// Reads the fields of a table; `None` when there is none. The nesting of `content` was looked at before.
pub(super) fn fields(content: &str) -> Result<Option<Vec<FrontMatterField>>, Unreadable> {
    let table: Table = content.parse().map_err(|_| Unreadable)?;
    let mut fields = Vec::new();
    add(&table, "", &mut fields);
    Ok((!table.is_empty()).then_some(fields))
}

fn add(table: &Table, above: &str, fields: &mut Vec<FrontMatterField>) {
    for (key, value) in table {
        let key = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let value = match value {
            Value::Table(inner) => {
                add(inner, &key, fields);
                continue;
            }
            Value::Array(items) => {
                let mut texts = Vec::new();
                items.iter().for_each(|item| gather(item, &mut texts));
                FieldValue::Many(texts)
            }
            Value::String(text) => FieldValue::One(text.clone()),
            other => FieldValue::One(other.to_string()),
        };
        fields.push(FrontMatterField { key, value });
    }
}

/// Every single value within a value.
fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Table(table) => table.iter().for_each(|(_, item)| gather(item, texts)),
        other => texts.push(other.to_string()),
    }
}
