//! A directory that `mydumper` wrote: a file per table and purpose, in the order in which they load.

use super::source::{Input, Script};
use crate::failure::Failure;
use std::path::Path;

/// What a file holds; the order is that of loading. Views may read functions, so they come after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Schema,
    Sequence,
    Table,
    Rows,
    Programs,
    View,
    Trigger,
}

/// What mydumper's own loader says before tables and rows: its files rely on it.
const ROWS: &str = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0";
/// Programs keep the mode that they are made under: not that one.
const PROGRAMS: &str = "SET sql_mode = DEFAULT, foreign_key_checks = 0";

/// The files by group. Refused where there are none.
pub(super) fn groups(dir: &Path) -> Result<Vec<Vec<Script>>, Failure> {
    let failed = |source| Failure::File {
        path: dir.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some((part, schema)) = name.to_str().and_then(parse) else {
            continue;
        };
        let script = Script {
            input: Input::File(entry.path()),
            // Where a schema is made, none can be current.
            schema: (part != Part::Schema).then(|| schema.to_owned()),
            bare: true,
            first: Some(match part {
                Part::Programs | Part::View | Part::Trigger => PROGRAMS,
                _ => ROWS,
            }),
        };
        found.push((part, name, script));
    }
    if found.is_empty() {
        return Err(Failure::usage(
            format!("{} holds no dump of mydumper", dir.display()),
            "name the directory that mydumper wrote, or a file of statements",
        ));
    }
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    Ok(found
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| group.iter().map(|(_, _, script)| script.clone()).collect())
        .collect())
}

/// What a file name says: the part, and the schema.
fn parse(name: &str) -> Option<(Part, &str)> {
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(name);
    let stem = name.strip_suffix(".sql")?;
    if let Some(schema) = stem.strip_suffix("-schema-create") {
        return Some((Part::Schema, schema));
    }
    if let Some(schema) = stem.strip_suffix("-schema-post") {
        return Some((Part::Programs, schema));
    }
    let (schema, rest) = stem.split_once('.')?;
    let part = match rest {
        rest if rest.ends_with("-schema-sequence") => Part::Sequence,
        rest if rest.ends_with("-schema-view") => Part::View,
        rest if rest.ends_with("-schema-triggers") => Part::Trigger,
        rest if rest.ends_with("-schema") => Part::Table,
        _ => Part::Rows,
    };
    Some((part, schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_say_what_is_in_them() {
        for (name, wanted) in [
            ("shop-schema-create.sql", Some((Part::Schema, "shop"))),
            ("shop-schema-post.sql.zst", Some((Part::Programs, "shop"))),
            ("shop.t-schema.sql.gz", Some((Part::Table, "shop"))),
            ("shop.t.sql", Some((Part::Rows, "shop"))),
            ("shop.t.00001.sql.gz", Some((Part::Rows, "shop"))),
            ("shop.v-schema-view.sql", Some((Part::View, "shop"))),
            ("shop.t-schema-triggers.sql", Some((Part::Trigger, "shop"))),
            ("metadata", None),
            ("metadata.partial", None),
            ("shop.t-checksum", None),
        ] {
            assert_eq!(parse(name), wanted, "{name}");
        }
    }
}
