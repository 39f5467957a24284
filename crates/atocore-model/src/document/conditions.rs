//! What documents a question or a list is about, by what is known of them.

use std::{fmt, str::FromStr};

use super::FrontMatter;
use crate::{name::Tag, text, time::Timestamp};

/// What a document has to be: all that is said here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentConditions {
    /// It has every one of these tags, or one below it.
    pub tags: Vec<Tag>,
    /// It is dated then or later.
    pub since: Option<Timestamp>,
    /// It is dated before.
    pub until: Option<Timestamp>,
    /// It was read as this format.
    pub format: Option<String>,
    /// This is in its title, whatever its case and its accents.
    pub title: Option<String>,
    /// Its front matter says all of this.
    pub fields: Vec<FieldCondition>,
}

/// What a field of the front matter has to be, `status=accepted`: the field of that name, or one value of it where it is a
/// list, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCondition {
    name: String,
    value: String,
}

/// A text that says nothing of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a field and its value")]
pub struct InvalidField(String);

/// A document, as far as conditions ask.
pub trait ConditionalDocument {
    /// Its tags.
    fn tags(&self) -> &[Tag];
    /// The name of the format it was read as.
    fn format(&self) -> &str;
    /// Its title.
    fn title(&self) -> &str;
    /// Its date.
    fn date(&self) -> Timestamp;
    /// What it says of itself.
    fn front_matter(&self) -> FrontMatter;
}

impl DocumentConditions {
    /// No condition.
    pub const NONE: Self =
        Self { tags: Vec::new(), since: None, until: None, format: None, title: None, fields: Vec::new() };

    /// That it has these tags.
    #[must_use]
    pub fn tagged(tags: Vec<Tag>) -> Self {
        Self { tags, ..Self::NONE }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The conditions as they are checked.
    #[must_use]
    pub fn check(&self) -> ConditionCheck<'_> {
        ConditionCheck {
            conditions: self,
            tags: self.tags.iter().map(Tag::folded).collect(),
            title: self.title.as_deref().map(|title| text::folded(title).into_owned()),
            fields: self
                .fields
                .iter()
                .map(|field| (text::caseless(&field.name), text::caseless(&field.value)))
                .collect(),
        }
    }

    /// Each condition as the end of a sentence about a document.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let tags: Vec<String> = self.tags.iter().map(|tag| format!("`{tag}`")).collect();
        let tags = match &tags[..] {
            [] => None,
            [tag] => Some(format!("has the tag {tag}")),
            tags => Some(format!("has all of the tags {}", tags.join(", "))),
        };
        let others = [
            self.since.map(|since| format!("is dated {since} or later")),
            self.until.map(|until| format!("is dated before {until}")),
            self.format.as_ref().map(|format| format!("is of the format `{format}`")),
            self.title.as_ref().map(|title| format!("has `{title}` in its title")),
        ];
        let fields = self.fields.iter().map(|field| format!("says `{field}` in its front matter"));
        tags.into_iter().chain(others.into_iter().flatten()).chain(fields).collect()
    }
}

/// Conditions as they are checked: with everything folded once.
#[derive(Debug)]
pub struct ConditionCheck<'c> {
    conditions: &'c DocumentConditions,
    tags: Vec<String>,
    title: Option<String>,
    fields: Vec<(String, String)>,
}

impl ConditionCheck<'_> {
    /// Whether a document is all that is said.
    pub fn accepts(&self, document: &impl ConditionalDocument) -> bool {
        let DocumentConditions { since, until, format, .. } = self.conditions;
        let has_tag = |wanted: &String| document.tags().iter().any(|tag| tag.is_within(wanted));
        let has_date = || {
            let date = document.date();
            since.is_none_or(|since| date >= since) && until.is_none_or(|until| date < until)
        };
        self.tags.iter().all(has_tag)
            && format.as_ref().is_none_or(|format| format == document.format())
            && self.title.as_ref().is_none_or(|title| text::folded(document.title()).contains(title.as_str()))
            && ((since.is_none() && until.is_none()) || has_date())
            && (self.fields.is_empty() || self.accepts_fields(&document.front_matter()))
    }

    fn accepts_fields(&self, front_matter: &FrontMatter) -> bool {
        self.fields.iter().all(|(name, value)| {
            let of_name =
                front_matter.fields.iter().filter(|field| text::caseless(field.key.trim()) == *name);
            let mut texts = of_name.flat_map(|field| field.value.texts());
            texts.any(|text| text::caseless(text.trim()) == *value)
        })
    }
}

impl FieldCondition {
    /// The longest, in characters.
    pub const LIMIT: usize = 1_000;
}

impl FromStr for FieldCondition {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidField(text::excerpt(text));
        let (name, value) = text.split_once('=').ok_or_else(invalid)?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        if name.is_empty() || value.is_empty() || text.chars().count() > Self::LIMIT {
            return Err(invalid());
        }
        Ok(Self { name, value })
    }
}

impl fmt::Display for FieldCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{FieldValue, FrontMatterField},
        *,
    };

    struct Note;

    impl ConditionalDocument for Note {
        fn tags(&self) -> &[Tag] {
            &[]
        }

        fn format(&self) -> &str {
            "markdown"
        }

        fn title(&self) -> &str {
            "Über den Wolken"
        }

        fn date(&self) -> Timestamp {
            Timestamp::parse_utc("2026-04-06").unwrap()
        }

        fn front_matter(&self) -> FrontMatter {
            let field = |key: &str, value| FrontMatterField { key: key.to_owned(), value };
            let fields = vec![
                field("Status", FieldValue::One(" Accepted ".to_owned())),
                field("deciders", FieldValue::Many(vec!["Ada".to_owned(), "Émile = E".to_owned()])),
            ];
            FrontMatter { fields, faults: Vec::new() }
        }
    }

    fn accepts(conditions: DocumentConditions) -> bool {
        conditions.check().accepts(&Note)
    }

    #[test]
    fn a_field_is_itself_or_one_of_a_list_in_any_case() {
        let with = |text: &str| {
            let fields = vec![text.parse().unwrap()];
            accepts(DocumentConditions { fields, ..DocumentConditions::default() })
        };
        for good in ["status=accepted", "STATUS = ACCEPTED", "deciders=ada", "deciders=émile = e"] {
            assert!(with(good), "{good}");
        }
        for bad in ["status=accept", "deciders=ada, émile", "state=accepted"] {
            assert!(!with(bad), "{bad}");
        }
        for none in ["status", "=x", "status=", &format!("a={}", "x".repeat(1_000))] {
            assert!(none.parse::<FieldCondition>().is_err(), "{none}");
        }
    }

    #[test]
    fn a_day_begins_with_since_and_ends_before_until() {
        let dated = |since: &str, until: &str| {
            let (since, until) = (Timestamp::parse_utc(since), Timestamp::parse_utc(until));
            accepts(DocumentConditions { since, until, ..DocumentConditions::default() })
        };
        assert!(dated("2026-04-06", "2026-04-07") && dated("", "") && dated("2026-04-06", ""));
        assert!(!dated("2026-04-06", "2026-04-06") && !dated("2026-04-06T00:00:01", ""));
    }

    #[test]
    fn a_title_is_found_without_its_accents_and_a_format_by_its_name() {
        let title = |text: &str| {
            accepts(DocumentConditions { title: Some(text.to_owned()), ..DocumentConditions::default() })
        };
        assert!(title("uber den wolken") && title("WOLKEN") && !title("wolkenbruch"));
        let format = |name: &str| {
            accepts(DocumentConditions { format: Some(name.to_owned()), ..DocumentConditions::default() })
        };
        assert!(format("markdown") && !format("pdf"));
    }
}
