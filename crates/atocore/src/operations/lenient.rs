//! The forms in which clients say a number, or that they say nothing: `3.0`, `"5"`, `""` and `null`. What is meant
//! decides, where it cannot be mistaken.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};

/// The largest whole number up to which a fraction has all whole numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The most texts of a list; the rest of a longer one is not even read.
pub(crate) const LONGEST_LIST: usize = 64;

/// The whole number that a fraction stands for.
pub(crate) fn whole(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at")]
    let whole = number as u64;
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(whole)
}

/// The whole number that a text spells.
pub(crate) fn spelled(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

/// The flag that a text stands for, in the spellings that clients use.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Reads a text that may be left out; an empty one is.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Reads what has a default, which `null` stands for.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list of texts that may be left out; an empty text is no list.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Option<Vec<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                if texts.len() == LONGEST_LIST {
                    return Err(de::Error::custom(format!("more than {LONGEST_LIST} in a list")));
                }
                texts.push(text);
            }
            Ok(Some(texts))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            if text.is_empty() { Ok(None) } else { Err(E::invalid_type(Unexpected::Str(text), &self)) }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(List)
}

/// Reads a whole number that may be left out.
pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    struct Number<T>(PhantomData<T>);

    impl<T: TryFrom<u64>> Visitor<'_> for Number<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number that is not negative")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            let read = T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self));
            read.map(Some)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            match u64::try_from(number) {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
            }
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
            match whole(number) {
                Some(number) => self.visit_u64(number),
                None => Err(E::invalid_value(Unexpected::Float(number), &self)),
            }
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match spelled(text) {
                _ if text.is_empty() => Ok(None),
                Some(number) => self.visit_u64(number),
                None => Err(E::invalid_value(Unexpected::Str(text), &self)),
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Number(PhantomData))
}

/// Reads a fraction that may be left out.
pub(crate) fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct Fraction;

    impl Visitor<'_> for Fraction {
        type Value = Option<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
            Ok(Some(number))
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(number as f64))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number as f64))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.parse() {
                _ if text.is_empty() => Ok(None),
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "number")]
        count: Option<u32>,
        #[serde(deserialize_with = "text")]
        name: Option<String>,
        #[serde(deserialize_with = "list")]
        tags: Option<Vec<String>>,
        #[serde(deserialize_with = "fraction")]
        part: Option<f64>,
        #[serde(deserialize_with = "or_default")]
        whole: bool,
    }

    fn parsed(json: &str) -> Result<Sample, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn the_same_number_has_several_forms() {
        for form in ["3", "3.0", "\"3\"", "\"3.0\"", "3e0"] {
            let read = parsed(&format!(r#"{{"count":{form},"part":{form}}}"#)).unwrap();
            assert_eq!((read.count, read.part), (Some(3), Some(3.0)), "{form}");
        }
        for form in ["3.5", "-1", "-1.0", "1e300", "4294967296", "\"3.0x\"", "\"many\"", "true", "[3]", "{}"]
        {
            assert!(parsed(&format!(r#"{{"count":{form}}}"#)).is_err(), "{form}");
        }
    }

    #[test]
    fn nothing_is_accepted_in_several_forms() {
        for nothing in ["\"\"", "null"] {
            let all = ["count", "name", "tags", "part"].map(|key| format!(r#""{key}":{nothing}"#)).join(",");
            assert_eq!(parsed(&format!("{{{all},\"whole\":null}}")).unwrap(), Sample::default());
        }
        assert_eq!(parsed(r#"{"tags":["",""]}"#).unwrap().tags.unwrap().len(), 2);
        assert!(parsed(r#"{"tags":"a"}"#).is_err() && parsed(r#"{"name":5}"#).is_err());
    }
}
