//! What a document says of itself, as it is stored: a JSON object of texts and lists of texts.

use atocore_model::{
    document::{FieldValue, FrontMatter, FrontMatterField},
    name::Tag,
};
use serde_json::{Map, Value};

/// The fields as JSON.
pub(super) fn fields_to_text(front_matter: &FrontMatter) -> String {
    let fields = front_matter.fields.iter().map(|field| {
        let value = match &field.value {
            FieldValue::One(text) => Value::from(text.as_str()),
            FieldValue::Many(texts) => Value::from(texts.as_slice()),
        };
        (field.key.clone(), value)
    });
    Value::Object(fields.collect::<Map<_, _>>()).to_string()
}

/// The faults as JSON.
pub(super) fn faults_to_text(front_matter: &FrontMatter) -> String {
    Value::from(front_matter.faults.as_slice()).to_string()
}

/// Tags as the JSON array that is stored.
pub(super) fn tags_to_text(tags: &[Tag]) -> String {
    let words: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    serde_json::to_string(&words).unwrap_or_else(|_| "[]".to_owned())
}

/// Tags from the JSON array that is stored; what is no tag is left out.
pub(super) fn tags_from_text(text: &str) -> Vec<Tag> {
    let words: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    words.iter().filter_map(|word| word.parse().ok()).collect()
}

/// Reads both; what is neither a text nor a list of texts is left out.
pub(super) fn from_text(fields: &str, faults: &str) -> FrontMatter {
    let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
    let fields = fields.into_iter().filter_map(|(key, value)| {
        let value = match value {
            Value::String(text) => FieldValue::One(text),
            Value::Array(texts) => {
                let text = |value| if let Value::String(text) = value { Some(text) } else { None };
                FieldValue::Many(texts.into_iter().filter_map(text).collect())
            }
            _ => return None,
        };
        Some(FrontMatterField { key, value })
    });
    FrontMatter { fields: fields.collect(), faults: serde_json::from_str(faults).unwrap_or_default() }
}

/// The words that a document is found by although no passage has them: all that it says of itself but its title, as far as
/// `chunk`, its first one, does not say it.
pub(super) fn words_beside(front_matter: &FrontMatter, chunk: &str) -> String {
    let told = front_matter.fields.iter().filter(|field| !field.key.trim().eq_ignore_ascii_case("title"));
    let texts = told.flat_map(|field| field.value.texts()).map(String::as_str);
    texts.filter(|text| !chunk.contains(text)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let field = |key: &str, value| FrontMatterField { key: key.to_owned(), value };
        let fields = vec![
            field("title", FieldValue::One("K\"8".to_owned())),
            field("aliases", FieldValue::Many(vec!["k8s".to_owned(), "Ünï".to_owned()])),
            field("author.name", FieldValue::One("Ada".to_owned())),
            field("none", FieldValue::Many(Vec::new())),
        ];
        let front_matter = FrontMatter { fields, faults: vec!["line 2".to_owned()] };
        let (fields, faults) = (fields_to_text(&front_matter), faults_to_text(&front_matter));
        assert_eq!(from_text(&fields, &faults), front_matter);
        assert_eq!(words_beside(&front_matter, "aliases: [k8s]"), "Ünï\nAda");
        assert_eq!(from_text("{}", "[]"), FrontMatter::default());
        assert_eq!(from_text("[1]", "x"), FrontMatter::default());
    }
}
