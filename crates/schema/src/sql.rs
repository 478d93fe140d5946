//! Names and values as they are written in statements.

/// Quotes text as an SQL string literal that means the same under every `sql_mode`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    if text.contains('\\') {
        // Hexadecimal: a backslash escapes or not, as NO_BACKSLASH_ESCAPES says.
        out.push_str("_utf8mb4 0x");
        for byte in text.bytes() {
            out.push_str(&format!("{byte:02x}"));
        }
        return out;
    }
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// Quotes an identifier.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_where_they_should() {
        assert_eq!(quote("a'b"), "'a''b'");
        assert_eq!(quote("a\\'b"), "_utf8mb4 0x615c2762");
        assert_eq!(identifier("a`b"), "`a``b`");
    }
}
