//! The document of rules as JSON or YAML says it. Errors are raised where the reader stands, so that
//! it can say where that is.

use super::{Condition, Constant, Mask, Rows, Rules, TablePattern, TableRule};
use serde::de::{self, Deserializer, MapAccess, Unexpected, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    tables: Unique<TablePattern, TableRule>,
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(1))?;
        map.serialize_entry("tables", &self.tables)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Document::deserialize(d).map(|document| Self {
            tables: document.tables.0,
        })
    }
}

impl Serialize for TablePattern {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TablePattern {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

/// A map that refuses a key which comes twice: the readers would take the last one.
struct Unique<K, V>(BTreeMap<K, V>);

impl<K, V> Default for Unique<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Serialize + Ord, V: Serialize> Serialize for Unique<K, V> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de, K, V> Deserialize<'de> for Unique<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);
        impl<'de, K, V> Visitor<'de> for Entries<K, V>
        where
            K: Deserialize<'de> + Ord + fmt::Display,
            V: Deserialize<'de>,
        {
            type Value = Unique<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to rules")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = BTreeMap::new();
                while let Some(key) = map.next_key::<K>()? {
                    if all.contains_key(&key) {
                        return Err(de::Error::custom(format!("\"{key}\" is there twice")));
                    }
                    all.insert(key, map.next_value()?);
                }
                Ok(Unique(all))
            }
        }
        d.deserialize_map(Entries(PhantomData))
    }
}

/// How a rule is written where it says more than one word.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<Word>,
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
    #[serde(default, skip_serializing_if = "no_columns")]
    columns: Unique<String, Mask>,
}

fn no_columns(columns: &Unique<String, Mask>) -> bool {
    columns.0.is_empty()
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Keep,
    Empty,
}

impl From<Word> for Rows {
    fn from(word: Word) -> Self {
        match word {
            Word::Keep => Rows::Keep,
            Word::Empty => Rows::Empty,
        }
    }
}

impl Serialize for TableRule {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let (rows, condition) = match &self.rows {
            None => (None, None),
            Some(Rows::Keep) => (Some(Word::Keep), None),
            Some(Rows::Empty) => (Some(Word::Empty), None),
            Some(Rows::Where(condition)) => (None, Some(condition.clone())),
        };
        match rows {
            Some(word) if self.columns.is_empty() => word.serialize(s),
            _ => Written {
                rows,
                condition,
                columns: Unique(self.columns.clone()),
            }
            .serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for TableRule {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Rule;
        impl<'de> Visitor<'de> for Rule {
            type Value = TableRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keep, empty, or a map with rows, where or columns")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<TableRule, E> {
                let rows = match word {
                    "keep" => Rows::Keep,
                    "empty" => Rows::Empty,
                    _ => return Err(E::invalid_value(Unexpected::Str(word), &self)),
                };
                Ok(TableRule {
                    rows: Some(rows),
                    columns: BTreeMap::new(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableRule, A::Error> {
                let written = Written::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let rows = match (written.rows, written.condition) {
                    (Some(_), Some(_)) => {
                        return Err(de::Error::custom(
                            "rows and where exclude each other: where keeps the rows that it is true for",
                        ));
                    }
                    (rows, None) => rows.map(Rows::from),
                    (None, Some(condition)) => Some(Rows::Where(condition)),
                };
                let columns = written.columns.0;
                if rows == Some(Rows::Empty) && !columns.is_empty() {
                    return Err(de::Error::custom(
                        "an empty table has no values to mask: leave columns out",
                    ));
                }
                if rows.is_none() && columns.is_empty() {
                    return Err(de::Error::custom(
                        "the rule says nothing: write keep, empty, where or columns",
                    ));
                }
                Ok(TableRule { rows, columns })
            }
        }
        d.deserialize_any(Rule)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let Mask::Constant(constant) = self else {
            return s.serialize_str(self.as_str());
        };
        let mut map = s.serialize_map(Some(1))?;
        match constant {
            Constant::Text(text) => map.serialize_entry("constant", text)?,
            Constant::Integer(number) => map.serialize_entry("constant", number)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Kind;
        impl<'de> Visitor<'de> for Kind {
            type Value = Mask;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "null, hash, fake_name, fake_email, fake_phone, keep or {constant: VALUE}",
                )
            }

            fn visit_unit<E>(self) -> Result<Mask, E> {
                Ok(Mask::Null)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Mask, E> {
                Mask::WORDS
                    .into_iter()
                    .find(|mask| mask.as_str() == word)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mask, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Written {
                    constant: Constant,
                }
                let written = Written::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Mask::Constant(written.constant))
            }
        }
        d.deserialize_any(Kind)
    }
}

impl<'de> Deserialize<'de> for Constant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Constant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false")
            }

            fn visit_str<E>(self, text: &str) -> Result<Constant, E> {
                Ok(Constant::Text(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Constant, E> {
                Ok(Constant::Integer(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Constant, E> {
                i64::try_from(number)
                    .map(Constant::Integer)
                    .map_err(|_| E::custom("a number this large has to be written as a text"))
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Constant, E> {
                Ok(Constant::Integer(truth.into()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Constant, E> {
                Err(E::custom(
                    "a constant has a value; for NULL the mask is null",
                ))
            }
        }
        d.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        serde_json::from_str::<Rules>(json).unwrap_err().to_string()
    }

    #[test]
    fn a_document_is_written_as_it_is_read() {
        let text = r#"{"tables":{"*":{"columns":{"email":"fake_email"}},"orders":{"where":"id < 7","columns":{"a":{"constant":"x"},"b":{"constant":-1},"c":"null","d":"hash","e":"fake_name","f":"fake_phone","g":"keep"}},"sessions":"empty","users":{"rows":"keep","columns":{"a":"hash"}}}}"#;
        let rules: Rules = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
        let short = r#"{"tables": {"a": {"rows": "empty"}, "b": {"columns": {"x": null, "y": {"constant": true}}}}}"#;
        let rules: Rules = serde_json::from_str(short).unwrap();
        assert_eq!(
            serde_json::to_string(&rules).unwrap(),
            r#"{"tables":{"a":"empty","b":{"columns":{"x":"null","y":{"constant":1}}}}}"#
        );
    }

    #[test]
    fn what_does_not_belong_is_refused_where_it_stands() {
        for (json, why, column) in [
            (r#"{"table": {}}"#, "unknown field `table`", 8),
            (r#"{"tables": []}"#, "a map from names to rules", 12),
            (r#"{"tables": {"a": "none"}}"#, "keep, empty, or", 24),
            (r#"{"tables": {"a": {}}}"#, "says nothing", 19),
            (r#"{"tables": {"a": {"colums": {}}}}"#, "colums", 26),
            (r#"{"tables": {"a.b.c": "keep"}}"#, "more than a schema", 20),
            (r#"{"tables": {"a": "keep", "a": "empty"}}"#, "twice", 28),
            (
                r#"{"tables": {"a": {"columns": {"x": "email"}}}}"#,
                "fake_email",
                42,
            ),
            (
                r#"{"tables": {"a": {"columns": {"x": "hash", "x": "null"}}}}"#,
                "twice",
                46,
            ),
            (
                r#"{"tables": {"a": {"columns": {"x": {"constant": null}}}}}"#,
                "the mask is null",
                52,
            ),
            (
                r#"{"tables": {"a": {"columns": {"x": {"constant": 1.5}}}}}"#,
                "whole number",
                51,
            ),
            (
                r#"{"tables": {"a": {"columns": {"x": {"constant": 1, "y": 2}}}}}"#,
                "unknown field `y`",
                54,
            ),
            (r#"{"tables": {"a": {"where": "1; 2"}}}"#, "semicolon", 33),
            (
                r#"{"tables": {"a": {"where": "1", "rows": "keep"}}}"#,
                "exclude",
                48,
            ),
            (
                r#"{"tables": {"a": {"rows": "empty", "columns": {"x": "hash"}}}}"#,
                "leave columns out",
                60,
            ),
        ] {
            let refused = refused(json);
            assert!(refused.contains(why), "{json}: {refused}");
            let found: usize = refused.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(found.abs_diff(column) <= 2, "{json}: {refused}");
        }
    }
}
