//! How fresh a copy of a schema is, and what brings it up to date. There are no rows in the copy,
//! so a changed object is dropped and created; nothing is altered but schemas themselves.
//!
//! A read that follows its fingerprint may see a later state. That is no harm: the copy then holds
//! the later object under the earlier stamp, and re-creates it once more the next time.

use crate::object::{ObjectKind, ObjectName, SchemaObject};
use crate::port::{Delta, Fingerprint, Stamp};
use std::collections::BTreeSet;

/// Objects of which a copy is out of date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// New or different: to be read and (re-)created. In order of creation.
    pub create: Vec<ObjectName>,
    /// Gone. Dependents first.
    pub drop: Vec<ObjectName>,
}

impl Changed {
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.drop.is_empty()
    }
}

/// What changed from `old`, which the copy was made from, to `new`. An object whose old stamp was
/// not settled counts as changed. All triggers of a table come along when the table or one of its
/// triggers changes: they go with the table, and their order is that of their creation.
pub fn changed(old: &Fingerprint, new: &Fingerprint) -> Changed {
    let same = |name: &ObjectName, now: &Stamp| {
        old.objects
            .get(name)
            .is_some_and(|was| was.settled && was.value == now.value && was.table == now.table)
    };
    let mut create: BTreeSet<&ObjectName> = BTreeSet::new();
    let mut touched: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (name, stamp) in &new.objects {
        if !same(name, stamp) {
            create.insert(name);
            touched.extend(table_of(name, stamp));
            touched.extend(old.objects.get(name).and_then(|was| table_of(name, was)));
        }
    }
    let gone: Vec<(&ObjectName, &Stamp)> = old
        .objects
        .iter()
        .filter(|(name, _)| !new.objects.contains_key(name))
        .collect();
    touched.extend(
        gone.iter()
            .filter_map(|(name, stamp)| table_of(name, stamp)),
    );
    for (name, stamp) in &new.objects {
        if name.kind == ObjectKind::Trigger
            && table_of(name, stamp).is_some_and(|table| touched.contains(&table))
        {
            create.insert(name);
        }
    }
    let mut changed = Changed {
        create: create.into_iter().cloned().collect(),
        drop: without_dropped_schemas(gone.into_iter().map(|(name, _)| name)),
    };
    changed.create.sort_by(creation_order);
    changed.drop.sort_by(|a, b| creation_order(b, a));
    changed
}

/// The steps for a copy: `objects` is what was read of `changed.create`. What could not be read any
/// more is gone and dropped. Triggers keep the order in which they were read.
pub fn delta(changed: &Changed, objects: Vec<SchemaObject>) -> Delta {
    let wanted: BTreeSet<&ObjectName> = changed.create.iter().collect();
    let mut create: Vec<SchemaObject> = objects
        .into_iter()
        .filter(|object| wanted.contains(&object.name))
        .collect();
    create.sort_by(|a, b| match (a.name.kind, b.name.kind) {
        (ObjectKind::Trigger, ObjectKind::Trigger) => std::cmp::Ordering::Equal,
        _ => creation_order(&a.name, &b.name),
    });
    let read: BTreeSet<&ObjectName> = create.iter().map(|object| &object.name).collect();
    let gone = changed.create.iter().filter(|name| !read.contains(name));
    let mut drop = without_dropped_schemas(changed.drop.iter().chain(gone));
    drop.sort_by(|a, b| creation_order(b, a));
    Delta { drop, create }
}

/// The steps for an empty engine.
pub fn whole(objects: Vec<SchemaObject>) -> Delta {
    let changed = Changed {
        create: objects.iter().map(|object| object.name.clone()).collect(),
        drop: Vec::new(),
    };
    delta(&changed, objects)
}

/// The table that an object is, or (trigger) belongs to.
fn table_of<'a>(name: &'a ObjectName, stamp: &'a Stamp) -> Option<(&'a str, &'a str)> {
    let table = match name.kind {
        ObjectKind::Table => &name.name,
        ObjectKind::Trigger => stamp.table.as_ref()?,
        _ => return None,
    };
    Some((&name.schema, table))
}

/// Dropping a schema drops what is in it.
fn without_dropped_schemas<'a>(names: impl Iterator<Item = &'a ObjectName>) -> Vec<ObjectName> {
    let names: Vec<&ObjectName> = names.collect();
    let schemas: BTreeSet<&str> = names
        .iter()
        .filter(|name| name.kind == ObjectKind::Schema)
        .map(|name| name.schema.as_str())
        .collect();
    names
        .into_iter()
        .filter(|n| n.kind == ObjectKind::Schema || !schemas.contains(n.schema.as_str()))
        .cloned()
        .collect()
}

fn creation_order(a: &ObjectName, b: &ObjectName) -> std::cmp::Ordering {
    (a.kind, &a.schema, &a.name).cmp(&(b.kind, &b.schema, &b.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::CreationContext;

    /// `kind:name=value[@table][!]`, in schema `s`; `!` = unsettled. `schema:s` is a schema.
    fn fingerprint(entries: &[&str]) -> Fingerprint {
        let objects = entries.iter().map(|entry| {
            let (name, value) = entry.split_once('=').unwrap();
            let (value, settled) = match value.strip_suffix('!') {
                Some(value) => (value, false),
                None => (value, true),
            };
            let (value, table) = match value.split_once('@') {
                Some((value, table)) => (value, Some(table.to_owned())),
                None => (value, None),
            };
            let stamp = Stamp {
                value: value.to_owned(),
                settled,
                table,
            };
            (named(name), stamp)
        });
        Fingerprint {
            objects: objects.collect(),
        }
    }

    fn named(text: &str) -> ObjectName {
        let (kind, name) = text.split_once(':').unwrap();
        let kind = match kind {
            "schema" => return ObjectName::schema(name),
            "table" => ObjectKind::Table,
            "view" => ObjectKind::View,
            "trigger" => ObjectKind::Trigger,
            "function" => ObjectKind::Function,
            other => panic!("{other}"),
        };
        ObjectName::new(kind, "s", name)
    }

    fn texts(names: &[ObjectName]) -> Vec<String> {
        names
            .iter()
            .map(|n| format!("{}:{}", n.kind.words(), n.name))
            .collect()
    }

    #[test]
    fn changes_are_found() {
        let old = [
            "schema:s=1",
            "table:a=1",
            "table:b=1",
            "table:c=1",
            "trigger:x=1@a",
            "trigger:y=1@a",
            "trigger:z=1@b",
            "view:v=1",
            "function:f=1",
        ];
        // (replaced entries: old prefix → new entry, "" = gone; added; created; dropped)
        type Case<'a> = (
            &'a [(&'a str, &'a str)],
            &'a [&'a str],
            &'a [&'a str],
            &'a [&'a str],
        );
        let cases: &[Case<'_>] = &[
            (&[], &[], &[], &[]),
            (&[("table:c=1", "table:c=2")], &[], &["table:c"], &[]),
            (
                &[("table:a=1", "table:a=2")],
                &[],
                &["table:a", "trigger:x", "trigger:y"],
                &[],
            ),
            (
                &[("trigger:x=1@a", "trigger:x=2@a")],
                &[],
                &["trigger:x", "trigger:y"],
                &[],
            ),
            (
                &[("trigger:x=1@a", "")],
                &[],
                &["trigger:y"],
                &["trigger:x"],
            ),
            (
                &[("trigger:x=1@a", "trigger:x=1@b")],
                &[],
                &["trigger:x", "trigger:y", "trigger:z"],
                &[],
            ),
            (
                &[("table:b=1", ""), ("trigger:z=1@b", "")],
                &[],
                &[],
                &["trigger:z", "table:b"],
            ),
            (
                &[("view:v=1", ""), ("function:f=1", "")],
                &["view:w=1", "function:g=1"],
                &["function:g", "view:w"],
                &["view:v", "function:f"],
            ),
            (&[("schema:s=1", "schema:s=2")], &[], &["schema:s"], &[]),
            // A table that became a view.
            (&[("table:c=1", "view:c=1")], &[], &["view:c"], &["table:c"]),
        ];
        for (replaced, added, created, dropped) in cases {
            let mut new: Vec<&str> = old
                .iter()
                .map(|e| {
                    replaced
                        .iter()
                        .find(|(from, _)| from == e)
                        .map_or(*e, |(_, to)| to)
                })
                .filter(|e| !e.is_empty())
                .collect();
            new.extend(*added);
            let found = changed(&fingerprint(&old), &fingerprint(&new));
            assert_eq!(texts(&found.create), *created, "{replaced:?}");
            assert_eq!(texts(&found.drop), *dropped, "{replaced:?}");
        }
    }

    #[test]
    fn an_unsettled_stamp_is_not_trusted_once() {
        let young = fingerprint(&["table:a=1!"]);
        let later = fingerprint(&["table:a=1"]);
        assert_eq!(texts(&changed(&young, &later).create), ["table:a"]);
        assert!(changed(&later, &later).is_empty());
        assert!(!young.settled() && later.settled());
    }

    #[test]
    fn a_dropped_schema_takes_everything_along() {
        let old = fingerprint(&["schema:s=1", "table:a=1", "trigger:x=1@a"]);
        assert_eq!(texts(&changed(&old, &fingerprint(&[])).drop), ["schema:s"]);
    }

    #[test]
    fn steps_follow_the_kinds_and_triggers_the_order_read() {
        let object = |name: &str| SchemaObject {
            name: named(name),
            ddl: String::new(),
            context: CreationContext::default(),
            table: None,
        };
        let found = Changed {
            create: [
                "schema:s",
                "table:a",
                "table:gone",
                "view:v",
                "trigger:x",
                "trigger:y",
            ]
            .map(named)
            .to_vec(),
            drop: vec![named("view:w")],
        };
        let read = [
            "trigger:y",
            "trigger:x",
            "view:v",
            "table:a",
            "table:other",
            "schema:s",
        ];
        let steps = delta(&found, read.map(object).to_vec());
        let created: Vec<ObjectName> = steps.create.iter().map(|o| o.name.clone()).collect();
        assert_eq!(
            texts(&created),
            ["schema:s", "table:a", "view:v", "trigger:y", "trigger:x"]
        );
        assert_eq!(texts(&steps.drop), ["view:w", "table:gone"]);
    }
}
