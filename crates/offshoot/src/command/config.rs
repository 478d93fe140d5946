//! `offshoot config`: what can be configured, what is, and whether a file is right.

use super::Context;
use crate::config::{Config, KEYS, Preset, markdown};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_cli::Format;
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every key of offshoot.toml with its default and the reason for it
    Reference,
    /// The configuration that counts: every key with its value and where that is from
    Show,
    /// Say whether a file is right; without one, whether that of the data directory is
    Check {
        /// The file to check
        file: Option<PathBuf>,
    },
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<ExitCode> {
    let text = match command {
        Command::Reference => reference(context)?,
        Command::Show => show(context)?,
        Command::Check { file } => check(context, file.as_ref())?,
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn reference(context: &Context) -> Result<String> {
    if context.globals.format() != Format::Json {
        return Ok(markdown());
    }
    let keys: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let (default, absent) = match key.preset {
                Preset::Value(value) => (Some(value), None),
                Preset::Absent(words) => (None, Some(words)),
            };
            json!({
                "key": key.name,
                "default": default,
                "absent": absent,
                "what": key.what,
                "why": key.why,
                "also": key.also,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&keys)? + "\n")
}

/// Where a value is from.
fn source(name: &str, file: Option<&toml::Value>) -> &'static str {
    let overridden = [
        ("http.listen", "OFFSHOOT_HTTP_LISTEN"),
        ("gateway.listen", "OFFSHOOT_GATEWAY_LISTEN"),
    ];
    let variable = overridden.iter().find(|(key, _)| *key == name);
    if variable.is_some_and(|(_, variable)| std::env::var_os(variable).is_some()) {
        return "environment";
    }
    match file.and_then(|file| at(file, name)) {
        Some(_) => "file",
        None => "default",
    }
}

fn at<'a>(value: &'a toml::Value, name: &str) -> Option<&'a toml::Value> {
    name.split('.')
        .try_fold(value, |value, part| value.get(part))
}

fn show(context: &Context) -> Result<String> {
    let path = Config::file(context.config_file.as_deref(), context.dir.root());
    let file = match &path {
        Some(path) => Some(
            std::fs::read_to_string(path)?
                .parse::<toml::Table>()?
                .into(),
        ),
        None => None,
    };
    let values =
        toml::Value::try_from(context.listening(&super::ListenOptions::from_environment()?))
            .context("cannot print")?;
    let mut rows = Vec::new();
    for key in KEYS {
        let value = at(&values, key.name).filter(|v| v.as_table().is_none_or(|t| !t.is_empty()));
        rows.push((key, value, source(key.name, file.as_ref())));
    }
    if context.globals.format() == Format::Json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(key, value, source)| json!({"key": key.name, "value": value, "source": source}))
            .collect();
        return Ok(serde_json::to_string_pretty(&rows)? + "\n");
    }
    let mut text = match path {
        Some(path) => format!("# {}\n", path.display()),
        None => "# no file\n".to_owned(),
    };
    for (key, value, source) in rows {
        match (value, key.preset) {
            (Some(value), _) => writeln!(text, "{} = {value}  # {source}", key.name)?,
            (None, Preset::Absent(words)) => writeln!(text, "# {}: {words}", key.name)?,
            (None, Preset::Value(value)) => writeln!(text, "{} = {value}  # default", key.name)?,
        }
    }
    Ok(text)
}

fn check(context: &Context, given: Option<&PathBuf>) -> Result<String> {
    let given = given.or(context.config_file.as_ref());
    let Some(path) = Config::file(given.map(PathBuf::as_path), context.dir.root()) else {
        return Ok("There is no offshoot.toml: every key has its default.\n".to_owned());
    };
    Config::load(Some(&path), context.dir.root())?;
    Ok(format!("{} is right.\n", path.display()))
}
