//! `api`: a raw call, for what has no command.

use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use http::{HeaderName, HeaderValue, Method};
use offshoot_client::Raw;
use serde_json::{Map, Value};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Api {
    /// Path below /v1; {org}, {db} and {branch} are filled in
    endpoint: String,
    /// HTTP method [default: GET, with --field POST]
    #[arg(short = 'X', long)]
    method: Option<Method>,
    /// Query parameter, repeatable
    #[arg(short = 'Q', long = "query", value_name = "NAME=VALUE", value_parser = crate::label::parse_pair)]
    query: Vec<(String, String)>,
    /// Header, repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Field of the JSON body, repeatable: dots nest, JSON values keep their type, @file reads a file
    #[arg(short = 'F', long = "field", value_name = "NAME=VALUE", value_parser = crate::label::parse_pair)]
    fields: Vec<(String, String)>,
    /// File with the JSON body, - = standard input
    #[arg(short = 'I', long, value_name = "FILE", conflicts_with = "fields")]
    input: Option<PathBuf>,
    /// Fills {db}
    #[arg(long)]
    database: Option<String>,
    /// Fills {branch}
    #[arg(long)]
    branch: Option<String>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Api) -> Result<ExitCode, Failure> {
    let path = filled(session, &args)?;
    let body = match &args.input {
        Some(file) => Some(read_json(file)?),
        None if args.fields.is_empty() => None,
        None => Some(object(&args.fields)?),
    };
    let default = if args.fields.is_empty() {
        Method::GET
    } else {
        Method::POST
    };
    let answer = session
        .client
        .raw(Raw {
            method: args.method.unwrap_or(default),
            path,
            query: args.query,
            headers: args.headers,
            body,
        })
        .await?;
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) => session.output.json(&value)?,
        Err(_) => session.output.terminal.out.write_all(&answer.body)?,
    }
    if answer.status.is_success() {
        return Ok(ExitCode::SUCCESS);
    }
    session.output.note(&format!("Status {}", answer.status))?;
    Ok(ExitCode::from(2))
}

fn filled(session: &Session<'_>, args: &Api) -> Result<String, Failure> {
    let mut path = args.endpoint.replace("{org}", &session.org);
    for (place, value, flag) in [
        ("{db}", &args.database, "--database"),
        ("{branch}", &args.branch, "--branch"),
    ] {
        if path.contains(place) {
            let value = value.as_deref().ok_or_else(|| {
                Failure::usage(
                    format!("there is nothing to fill {place} with"),
                    format!("pass {flag}"),
                )
            })?;
            path = path.replace(place, value);
        }
    }
    Ok(path)
}

fn object(fields: &[(String, String)]) -> Result<Value, Failure> {
    let mut object = Map::new();
    for (name, text) in fields {
        let value = match text.strip_prefix('@') {
            Some(file) => Value::String(read_text(Path::new(file))?),
            None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        };
        insert(&mut object, name, value).ok_or_else(|| {
            Failure::usage(
                format!("the field {name} is both a value and an object"),
                "name each field once",
            )
        })?;
    }
    Ok(Value::Object(object))
}

fn insert(object: &mut Map<String, Value>, name: &str, value: Value) -> Option<()> {
    match name.split_once('.') {
        None => {
            object.insert(name.to_owned(), value);
            Some(())
        }
        Some((head, rest)) => {
            let inner = object
                .entry(head)
                .or_insert_with(|| Value::Object(Map::new()));
            insert(inner.as_object_mut()?, rest, value)
        }
    }
}

fn read_json(file: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read_text(file)?).map_err(|error| {
        Failure::usage(
            format!("{} is not JSON: {error}", file.display()),
            "the body of a request is one JSON value",
        )
    })
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|source| Failure::File {
        path: file.to_owned(),
        source,
    })
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header is written name:value")?;
    let name = name.trim().parse().map_err(|_| "that is no header name")?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| "that is no header value")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_nest_and_keep_their_types() {
        let pairs = [("name", "a"), ("ttl", "60"), ("password.role", "reader")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let body = object(&pairs).unwrap();
        assert_eq!(
            body,
            json!({"name": "a", "ttl": 60, "password": {"role": "reader"}})
        );
        let clash = [("a", "1"), ("a.b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert!(object(&clash).is_err());
    }
}
