//! Names that people give: organizations, databases, branches, passwords, labels.

use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name of an organization, database or branch, in characters. A database's name is also
/// its MySQL schema's (limit 64).
pub const MAX_NAME: usize = 63;

/// Schemas that belong to the engine, so no database may take their name.
pub const ENGINE_SCHEMAS: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal);+ $(;)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Lower-case letters, digits, `-` and `_`, beginning with a letter or digit, at most
            /// [`MAX_NAME`] characters: safe in a URL, a host name part and a file name.
            pub fn parse(text: &str) -> Result<Self, Refusal> {
                check($what, text).map(|()| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

names! {
    OrganizationName, "organization";
    DatabaseName, "database";
    BranchName, "branch";
    IntegrationName, "integration";
    AutomationName, "automation";
}

impl DatabaseName {
    /// As [`DatabaseName::parse`], for a database that is to be made: its schema must not be the engine's.
    pub fn parse_new(text: &str) -> Result<Self, Refusal> {
        let name = Self::parse(text)?;
        if ENGINE_SCHEMAS.contains(&text) || text.starts_with("offshoot_") {
            return Err(Refusal::invalid(
                "name",
                format!("the database name \"{text}\" is reserved"),
            )
            .hint("choose a name that no MySQL system schema has"));
        }
        Ok(name)
    }
}

fn check(what: &str, text: &str) -> Result<(), Refusal> {
    let fits = !text.is_empty()
        && text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if fits {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(Refusal::invalid(
        "name",
        format!("{shown:?} is not a valid {what} name"),
    )
    .hint(format!("use 1 to {MAX_NAME} lower-case letters, digits, - and _, beginning with a letter or digit")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_urls_and_paths() {
        for good in ["a", "sprint-42", "2026_11", "main", &"x".repeat(MAX_NAME)] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "_a",
            "A",
            "a b",
            "a/b",
            "..",
            "ä",
            "a\0",
            &"x".repeat(MAX_NAME + 1),
        ] {
            let refusal = BranchName::parse(bad).unwrap_err();
            assert_eq!(refusal.field, Some("name"), "{bad}");
        }
        assert!(DatabaseName::parse_new("mysql").is_err());
        assert!(DatabaseName::parse_new("shop").is_ok());
    }
}
