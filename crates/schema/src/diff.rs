//! What differs between the objects of a branch and of its parent, as text.

use crate::ddl::without_auto_increment;
use crate::object::{ObjectKind, ObjectName, SchemaObject};
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The difference of one object (PlanetScale's `{name, raw, html}`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDiff {
    /// The object's name; with its schema (`shop.orders`) where several schemas differ.
    pub name: String,
    pub kind: ObjectKind,
    /// The whole definition, each line behind `+` (the branch's), `-` (the parent's) or a space.
    pub raw: String,
    /// `raw`, escaped for a page.
    pub html: String,
}

/// Differences between `parent` and `branch`, in the order kind, schema, name. Equal objects are
/// left out; AUTO_INCREMENT counters are ignored.
pub fn diff(parent: &[SchemaObject], branch: &[SchemaObject]) -> Vec<ObjectDiff> {
    let (old, new) = (by_name(parent), by_name(branch));
    let mut names: Vec<&ObjectName> = old.keys().chain(new.keys()).copied().collect();
    names.sort_by_key(|name| (name.kind, &name.schema, &name.name));
    names.dedup();
    let differing: Vec<(&ObjectName, String)> = names
        .into_iter()
        .filter_map(|name| {
            let before = old.get(name).map(|object| shown(object));
            let after = new.get(name).map(|object| shown(object));
            (before != after).then(|| {
                (
                    name,
                    unified(&before.unwrap_or_default(), &after.unwrap_or_default()),
                )
            })
        })
        .collect();
    let schemas: BTreeSet<&str> = differing.iter().map(|(n, _)| n.schema.as_str()).collect();
    differing
        .iter()
        .map(|(name, raw)| ObjectDiff {
            name: if schemas.len() > 1 && name.kind != ObjectKind::Schema {
                format!("{}.{}", name.schema, name.name)
            } else {
                name.name.clone()
            },
            kind: name.kind,
            raw: raw.clone(),
            html: escape(raw),
        })
        .collect()
}

/// What is compared of each object, by its name as a person would say it.
pub fn texts(objects: &[SchemaObject]) -> BTreeMap<String, String> {
    let text = |object: &SchemaObject| (object.name.to_string(), shown(object).into_owned());
    objects.iter().map(text).collect()
}

/// Escapes text for a page.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
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

fn by_name(objects: &[SchemaObject]) -> BTreeMap<&ObjectName, &SchemaObject> {
    objects.iter().map(|o| (&o.name, o)).collect()
}

/// The text that is compared: the definition, and for stored programs the `sql_mode` and the time
/// zone they run under.
fn shown(object: &SchemaObject) -> Cow<'_, str> {
    match object.name.kind {
        ObjectKind::Table => without_auto_increment(&object.ddl),
        ObjectKind::Schema | ObjectKind::Sequence | ObjectKind::View => object.ddl.as_str().into(),
        _ => {
            let mut head = format!("-- sql_mode: {}\n", object.context.sql_mode);
            if !object.context.time_zone.is_empty() {
                head.push_str(&format!("-- time_zone: {}\n", object.context.time_zone));
            }
            (head + &object.ddl).into()
        }
    }
}

fn unified(before: &str, after: &str) -> String {
    let mut raw = String::with_capacity(before.len().max(after.len()) + 64);
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        raw.push(match change.tag() {
            ChangeTag::Insert => '+',
            ChangeTag::Delete => '-',
            ChangeTag::Equal => ' ',
        });
        raw.push_str(change.value().trim_end_matches(['\n', '\r']));
        raw.push('\n');
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::CreationContext;

    fn object(kind: ObjectKind, schema: &str, name: &str, ddl: &str) -> SchemaObject {
        SchemaObject {
            name: ObjectName::new(kind, schema, name),
            ddl: ddl.to_owned(),
            context: CreationContext::default(),
            table: None,
        }
    }

    #[test]
    fn lines_say_which_side_they_are_from() {
        let parent = [
            object(
                ObjectKind::Table,
                "shop",
                "a",
                "CREATE TABLE `a` (\n  `id` int\n) ENGINE=InnoDB AUTO_INCREMENT=7",
            ),
            object(
                ObjectKind::Table,
                "shop",
                "b",
                "CREATE TABLE `b` (\n  `id` int\n) ENGINE=InnoDB AUTO_INCREMENT=7",
            ),
            object(
                ObjectKind::Table,
                "shop",
                "gone",
                "CREATE TABLE `gone` (\n  `id` int\n)",
            ),
        ];
        let branch = [
            object(
                ObjectKind::Table,
                "shop",
                "a",
                "CREATE TABLE `a` (\n  `id` int,\n  `x` enum('<')\n) ENGINE=InnoDB",
            ),
            object(
                ObjectKind::Table,
                "shop",
                "b",
                "CREATE TABLE `b` (\n  `id` int\n) ENGINE=InnoDB",
            ),
            object(ObjectKind::View, "shop", "v", "CREATE VIEW `v` AS select 1"),
        ];
        let found = diff(&parent, &branch);
        let raws: Vec<(&str, &str)> = found
            .iter()
            .map(|d| (d.name.as_str(), d.raw.as_str()))
            .collect();
        assert_eq!(
            raws,
            [
                (
                    "a",
                    " CREATE TABLE `a` (\n-  `id` int\n+  `id` int,\n+  `x` enum('<')\n ) ENGINE=InnoDB\n"
                ),
                ("gone", "-CREATE TABLE `gone` (\n-  `id` int\n-)\n"),
                ("v", "+CREATE VIEW `v` AS select 1\n"),
            ]
        );
        assert!(found[0].html.contains("enum(&#39;&lt;&#39;)"));
        assert!(diff(&parent, &parent).is_empty());
    }

    #[test]
    fn several_schemas_are_named_and_modes_count() {
        let mut other = object(
            ObjectKind::Procedure,
            "x",
            "p",
            "CREATE PROCEDURE `p`() select 1",
        );
        let parent = [
            other.clone(),
            object(ObjectKind::Table, "y", "t", "CREATE TABLE `t`"),
        ];
        other.context.sql_mode = "ANSI".to_owned();
        let found = diff(&parent, &[other]);
        let names: Vec<&str> = found.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["y.t", "x.p"]);
        assert!(
            found[1]
                .raw
                .starts_with("--- sql_mode: \n+-- sql_mode: ANSI\n"),
            "{}",
            found[1].raw
        );
    }
}
