//! Texts of a schema.

use crate::page::escaped;
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
