//! Texts of a schema.

use offshoot_api_types::{DataList, SchemaText};
use offshoot_control::branch::ObjectText;

pub(crate) fn texts(objects: Vec<ObjectText>) -> DataList<SchemaText> {
    let data = objects
        .into_iter()
        .map(|object| SchemaText {
            html: format!("<pre>{}</pre>", escaped(&object.raw)),
            name: object.name,
            raw: object.raw,
        })
        .collect();
    DataList { data }
}

/// As text of a page.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_inert() {
        let list = texts(vec![ObjectText {
            name: "t".into(),
            raw: "COMMENT '<script>'".into(),
        }]);
        assert_eq!(
            list.data[0].html,
            "<pre>COMMENT &#39;&lt;script&gt;&#39;</pre>"
        );
    }
}
