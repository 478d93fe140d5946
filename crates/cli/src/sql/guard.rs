//! Which statements are run on purpose only: those that `pscale` asks `--force` for.

use offshoot_wire::statement::{Token, Tokens};

const WORDS: [&str; 3] = ["DELETE", "DROP", "TRUNCATE"];

/// The word that makes a text destructive: one of its statements is led by it. A text that is not
/// understood to its end (a comment that is executed, a literal without end) counts as well.
///
/// A seat belt, not a lock: what a statement may do is decided by the role.
pub(crate) fn destroys(text: &[u8]) -> Option<&'static str> {
    let mut leads = true;
    let mut with = false;
    for token in Tokens::new(text) {
        match token {
            Token::Opaque => return Some("a comment that is executed, or a literal without end"),
            Token::Sign(b';') => {
                (leads, with) = (true, false);
                continue;
            }
            Token::Word(word) => {
                let found = WORDS
                    .into_iter()
                    .find(|w| word.eq_ignore_ascii_case(w.as_bytes()));
                // Behind WITH comes what is done, somewhere.
                if let (Some(word), true) = (found, leads || with) {
                    return Some(word);
                }
                with |= leads && word.eq_ignore_ascii_case(b"WITH");
            }
            _ => {}
        }
        leads = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destructive_statements_are_seen_wherever_they_lead() {
        for (text, word) in [
            ("SELECT 1", None),
            ("delete from t", Some("DELETE")),
            ("  /* x */ DROP TABLE t", Some("DROP")),
            ("SELECT 1; -- a\ntruncate t", Some("TRUNCATE")),
            ("SELECT 'DELETE'; SELECT `DROP`", None),
            ("SELECT * FROM deleted WHERE a = 'x;DROP'", None),
            ("ALTER TABLE t DROP COLUMN a", None),
            ("WITH x AS (SELECT 1) DELETE FROM t", Some("DELETE")),
            ("", None),
        ] {
            assert_eq!(destroys(text.as_bytes()), word, "{text}");
        }
        assert!(destroys(b"/*!50000 DROP TABLE t */").is_some());
        assert!(destroys(b"SELECT 1; /*!DROP TABLE t*/").is_some());
    }
}
