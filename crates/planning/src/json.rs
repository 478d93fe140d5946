//! Reading JSON of which nothing is certain: every field may be missing, or of another type.

use crate::date::Moment;
use crate::settings::Settings;
use jiff::Timestamp;
use serde_json::Value;

/// Names and such are cut here, in characters; so long is no name that people read.
const TEXT: usize = 500;

/// A place in a document, which may not be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(Option<&'a Value>);

impl<'a> Json<'a> {
    pub(crate) fn new(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// By JSON pointer: `/milestone/id`.
    pub(crate) fn at(self, pointer: &str) -> Json<'a> {
        Self(self.0.and_then(|value| value.pointer(pointer)))
    }

    pub(crate) fn value(self) -> Option<&'a Value> {
        self.0.filter(|value| !value.is_null())
    }

    pub(crate) fn exists(self) -> bool {
        self.value().is_some()
    }

    /// Text or a number, on one line, without what is not to be printed; `None` where that is empty.
    pub(crate) fn text(self) -> Option<String> {
        let text = match self.value()? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let mut line = String::new();
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
            if !word.is_empty() {
                line.extend((!line.is_empty()).then_some(' '));
                line.push_str(word);
            }
        }
        if let Some((end, _)) = line.char_indices().nth(TEXT) {
            line.truncate(end);
        }
        (!line.is_empty()).then_some(line)
    }

    /// The text as it stands, where it is text.
    pub(crate) fn word(self) -> Option<&'a str> {
        self.value()?.as_str()
    }

    pub(crate) fn integer(self) -> Option<i64> {
        match self.value()? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn flag(self) -> Option<bool> {
        self.value()?.as_bool()
    }

    pub(crate) fn items(self) -> impl Iterator<Item = Json<'a>> {
        let items = self.value().and_then(Value::as_array);
        items.into_iter().flatten().map(Json::new)
    }

    pub(crate) fn moment(self, settings: &Settings) -> Option<Moment> {
        Moment::read(self.value()?, settings.zone())
    }

    /// A moment; a day is its beginning.
    pub(crate) fn start(self, settings: &Settings) -> Option<Timestamp> {
        self.moment(settings)?.start(settings.zone())
    }

    /// A moment; a day is its end.
    pub(crate) fn end(self, settings: &Settings) -> Option<Timestamp> {
        self.moment(settings)?.end(settings.zone())
    }
}

/// What it is called where nobody called it anything: `Cycle 7`.
pub(crate) fn named(name: Option<String>, noun: &str, number: Option<i64>, id: &str) -> String {
    name.unwrap_or_else(|| match number {
        Some(number) => format!("{noun} {number}"),
        None => format!("{noun} {id}"),
    })
}

/// The day that a tool writes as a moment: what stands before the `T`.
pub(crate) fn day(json: Json<'_>) -> Option<Moment> {
    let date = json.word()?.get(..10)?.parse().ok()?;
    Some(Moment::On(date))
}

/// What a body is not, when it is no JSON; says where, but shows nothing of it.
pub(crate) fn parse(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Err("the body is empty".into());
    }
    serde_json::from_slice(body).map_err(|e| format!("the body is not JSON: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_one_line_of_bounded_length() {
        let document = json!({"a": " Sprint\n\u{7}42  ", "b": 42, "c": "  ", "d": [1], "e": null});
        let text = |pointer| Json::new(&document).at(pointer).text();
        assert_eq!(text("/a").as_deref(), Some("Sprint 42"));
        assert_eq!(text("/b").as_deref(), Some("42"));
        for missing in ["/c", "/d", "/e", "/f"] {
            assert_eq!(text(missing), None, "{missing}");
        }
        let long = json!("ä".repeat(TEXT * 2));
        assert_eq!(Json::new(&long).text().unwrap().chars().count(), TEXT);
    }

    #[test]
    fn broken_json_is_not_repeated_in_the_reason() {
        let reason = parse(b"{\"secret\": hunter2}").unwrap_err();
        assert_eq!(
            reason,
            "the body is not JSON: expected value at line 1 column 12"
        );
    }
}
