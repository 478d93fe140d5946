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

/// Longest name of a MySQL schema, in characters.
const MAX_SCHEMA: usize = 64;

/// Name of a MySQL schema that is to be made in a branch. Narrower than what SQL takes, so that it can stand
/// in a URL and in a statement without quotes of a kind; schemas made with SQL may have other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaName(String);

impl SchemaName {
    /// Letters, digits, `-` and `_`, at most 64. Refused: names of the engine's schemas, and of ours, however
    /// they are written.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let fits = (1..=MAX_SCHEMA).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !fits {
            let shown: String = text.chars().take(80).collect();
            return Err(Refusal::invalid(
                "name",
                format!("{shown:?} is not a valid keyspace name"),
            )
            .hint(format!(
                "use 1 to {MAX_SCHEMA} letters, digits, - and _; other names can be made with SQL"
            )));
        }
        let small = text.to_ascii_lowercase();
        if ENGINE_SCHEMAS.contains(&small.as_str()) || small.starts_with("offshoot_") {
            return Err(Refusal::invalid(
                "name",
                format!("the keyspace name \"{text}\" is reserved"),
            )
            .hint("choose a name that no MySQL system schema has"));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
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

    #[test]
    fn schemas_that_are_made_have_plain_names_of_their_own() {
        for good in ["shop", "Shop_2", "a-b", "_x", "7", &"x".repeat(MAX_SCHEMA)] {
            assert_eq!(SchemaName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a b",
            "a`b",
            "a.b",
            "a/b",
            "ä",
            "#mysql50#x",
            &"x".repeat(MAX_SCHEMA + 1),
            "mysql",
            "MySQL",
            "Information_Schema",
            "OFFSHOOT_x",
        ] {
            assert_eq!(
                SchemaName::parse(bad).unwrap_err().field,
                Some("name"),
                "{bad}"
            );
        }
    }
}
