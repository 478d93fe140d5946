//! The manifest of a Kubernetes Secret, for `kubectl apply -f` or whatever watches the directory.

use super::format::Named;
use offshoot_core::id::HandoverId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// YAML. `name` and `namespace` are valid, names of keys too.
pub(super) fn manifest(
    name: &str,
    namespace: Option<&str>,
    id: HandoverId,
    values: &[(String, Named)],
) -> SecretString {
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\n",
        said(name)
    );
    if let Some(namespace) = namespace {
        text.push_str(&format!("  namespace: {}\n", said(namespace)));
    }
    text.push_str("  labels:\n    app.kubernetes.io/managed-by: offshoot\n");
    text.push_str(&format!(
        "  annotations:\n    offshoot/delivery: {}\n",
        said(id.as_str())
    ));
    text.push_str("type: Opaque\nstringData:\n");
    for (key, value) in values {
        text.push_str(&format!("  {key}: {}\n", said(value.text.expose_secret())));
    }
    SecretString::from(text)
}

/// A text of JSON is one of YAML, whatever is in it: `"7306"` stays a text, lines stay lines.
fn said(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_kubernetes_reads() {
        let named = |name: &str, text: &str| {
            let value = Named {
                part: "X",
                text: SecretString::from(text),
                secret: false,
            };
            (name.to_owned(), value)
        };
        let id = "hhhhhhhhhhhh".parse().unwrap();
        let text = manifest(
            "shop-1",
            Some("ci"),
            id,
            &[
                named("DATABASE_PORT", "7306"),
                named("DATABASE_CA", "-----BEGIN\nx: \"y\"\n"),
            ],
        );
        assert_eq!(
            text.expose_secret(),
            r#"apiVersion: v1
kind: Secret
metadata:
  name: "shop-1"
  namespace: "ci"
  labels:
    app.kubernetes.io/managed-by: offshoot
  annotations:
    offshoot/delivery: "hhhhhhhhhhhh"
type: Opaque
stringData:
  DATABASE_PORT: "7306"
  DATABASE_CA: "-----BEGIN\nx: \"y\"\n"
"#
        );
        let without = manifest("shop", None, id, &[]);
        assert!(!without.expose_secret().contains("namespace"));
    }
}
