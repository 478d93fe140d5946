//! Labels on the command line: `name=value`, and `name-` to take one away.

use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Set(String, String),
    Remove(String),
}

pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a label is written name=value".into()),
    }
}

pub(crate) fn parse_change(text: &str) -> Result<Change, String> {
    if let Ok((name, value)) = parse_pair(text) {
        return Ok(Change::Set(name, value));
    }
    match text.strip_suffix('-') {
        Some(name) if !name.is_empty() => Ok(Change::Remove(name.to_owned())),
        _ => Err("write name=value to set a label, name- to remove it".into()),
    }
}

pub(crate) fn apply(labels: &mut BTreeMap<String, String>, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Set(name, value) => {
                labels.insert(name, value);
            }
            Change::Remove(name) => {
                labels.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_and_taken_away() {
        let mut labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let changes = ["b=x=y", "a-"].map(|t| parse_change(t).unwrap()).to_vec();
        apply(&mut labels, changes);
        assert_eq!(labels, BTreeMap::from([("b".to_owned(), "x=y".to_owned())]));
        assert!(parse_change("a").is_err());
        assert!(parse_pair("=x").is_err());
    }
}
