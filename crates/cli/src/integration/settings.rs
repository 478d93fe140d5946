//! Settings and secrets, from files and flags.

use crate::failure::Failure;
use serde_json::{Map, Value};
use std::path::Path;

/// The name that means standard input.
const INPUT: &str = "-";

pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    let text = match file.as_os_str() == INPUT {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.map_err(|source| Failure::File {
        path: file.to_owned(),
        source,
    })
}

/// A secret is the file's content, without white space around it.
pub(crate) fn read_secret(file: &Path) -> Result<String, Failure> {
    let text = text(file)?;
    match text.trim() {
        "" => Err(Failure::usage(
            format!("{} is empty", file.display()),
            "it has to hold the secret alone",
        )),
        secret => Ok(secret.to_owned()),
    }
}

/// Those of the file, else those of today, with single ones on top; `None`: nothing was given.
pub(super) fn settings(
    file: Option<&Path>,
    set: &[String],
    today: Option<Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, Failure> {
    if file.is_none() && set.is_empty() {
        return Ok(None);
    }
    let mut all = match file {
        Some(file) => serde_saphyr::from_str(&text(file)?).map_err(|error| {
            Failure::usage(
                format!("{}: {error}", file.display()),
                "settings are names with values, as YAML or JSON",
            )
        })?,
        None => today.unwrap_or_default(),
    };
    for pair in set {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(
                format!("{pair:?} is not a setting"),
                "write it as NAME=VALUE",
            )
        })?;
        all.insert(name.trim().to_owned(), value.trim().into());
    }
    Ok(Some(all))
}
