//! The document that is checked in is the one that is served.

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/offshoot.json");

#[test]
fn the_document_is_checked_in() {
    let mut text = offshoot_api::openapi().to_pretty_json().unwrap();
    text.push('\n');
    if std::env::var_os("OFFSHOOT_BLESS").is_some() {
        std::fs::write(CHECKED_IN, &text).unwrap();
    }
    let known = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        known == text,
        "openapi/offshoot.json is not what the server says; write it anew with OFFSHOOT_BLESS=1 cargo test -p offshoot-api"
    );
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let text = offshoot_api::openapi().to_json().unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut references = Vec::new();
    collect(&whole, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(whole.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, inner) in object {
                match (name.as_str(), inner.as_str()) {
                    ("$ref", Some(text)) => into.push(text.to_owned()),
                    _ => collect(inner, into),
                }
            }
        }
        serde_json::Value::Array(array) => array.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}
