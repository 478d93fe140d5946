//! `sql`: statements of the user, with their results as a table, JSON or CSV. Rows are written as
//! they come: memory does not grow with the result.

mod guard;
mod print;
mod value;

use crate::failure::Failure;
use crate::globals::Format;
use crate::interrupt;
use crate::place;
use crate::progress::Progress;
use crate::session::Session;
use crate::tunnel::{self, Place, Purpose, Tunnel};
use clap::Args;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, QueryResult, TextProtocol};
use offshoot_api_types::Password;
use print::{Csv, Human, Json, Printer};
use serde_json::{Map, json};
use std::io::{BufWriter, IsTerminal, Read, Write};
use value::Shape;

/// Longest text that is read from standard input, in bytes: what one packet may carry is less.
const MAX_TEXT: u64 = 1 << 30;

#[derive(Debug, Args)]
pub struct Sql {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch [default: the project file's, else the default branch]
    branch: Option<String>,
    /// One statement or several; - = from standard input. It may also stand where a name could: a
    /// text with a space in it is no name
    #[arg(value_name = "STATEMENT", conflicts_with = "query")]
    statement: Option<String>,
    /// The same as a flag
    #[arg(short, long, value_name = "STATEMENT")]
    query: Option<String>,
    /// MySQL schema [default: the database's own]
    #[arg(long, value_name = "SCHEMA")]
    keyspace: Option<String>,
    /// What the statement may do [default: reader]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    role: Option<String>,
    /// Accepted for compatibility: reader is the default role
    #[arg(long, hide = true)]
    replica: bool,
    /// Run DELETE, DROP and TRUNCATE, too
    #[arg(long)]
    force: bool,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true, value_name = "NAME")]
    dbname: Option<String>,
}

impl Sql {
    /// A statement that stands in the place of the branch or the database is the statement.
    fn arranged(mut self) -> Self {
        let says = |name: &Option<String>| {
            let text = name.as_deref().unwrap_or_default().trim();
            text.contains(char::is_whitespace)
        };
        if self.statement.is_none() && self.query.is_none() {
            if says(&self.branch) {
                self.statement = self.branch.take();
            } else if self.branch.is_none() && says(&self.database) {
                self.statement = self.database.take();
            }
        }
        self
    }
}

pub(crate) async fn run(session: &mut Session<'_>, args: Sql) -> Result<(), Failure> {
    let args = args.arranged();
    let text = text(&args)?;
    if let (Some(word), false) = (guard::destroys(text.as_bytes()), args.force) {
        return Err(Failure::Destructive { word });
    }
    let place = place::of(session, args.database.as_deref(), args.branch.as_deref()).await?;
    let purpose = Purpose {
        command: "sql",
        role: Some(args.role.clone().unwrap_or_else(|| "reader".into())),
        replica: args.replica,
        gateway: None,
    };
    let schema = args.keyspace.as_deref().and_then(schema_of);
    let ends = interrupt::wait();
    tunnel::with(session, &place, &purpose, ends, async |session, tunnel| {
        say(session, &tunnel, &place, schema, &text).await
    })
    .await
}

async fn say(
    session: &mut Session<'_>,
    tunnel: &Tunnel,
    place: &Place,
    schema: Option<&str>,
    text: &str,
) -> Result<(), Failure> {
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Connecting to branch {}", place.branch));
    let mut conn = tunnel.session(schema).await?;
    drop(progress);
    let password = tunnel.password();
    let format = session.output.format;
    let mut out = BufWriter::new(&mut session.output.terminal.out);
    let done = match format {
        Format::Human => run_into(&mut conn, text, &mut Human::new(&mut out)).await,
        Format::Csv => run_into(&mut conn, text, &mut Csv::new(&mut out)).await,
        Format::Json => {
            let mut json = Json::new(&mut out, about(place, &password));
            let done = run_into(&mut conn, text, &mut json).await;
            match done {
                // Part of the answer is written: the failure goes into it.
                Err(failure) if json.begun() && !matches!(failure, Failure::Output(_)) => {
                    json.fail(&failure)?;
                    Err(Failure::Reported(Box::new(failure)))
                }
                Ok(()) => json.end().map_err(Failure::from),
                other => other,
            }
        }
    };
    out.flush()?;
    if done.is_ok() {
        // The answer is there; how the goodbye goes does not matter.
        let _ = conn.disconnect().await;
    }
    done
}

/// What a JSON answer says besides the rows.
fn about(place: &Place, password: &Password) -> Map<String, serde_json::Value> {
    let about = json!({
        "database": place.database,
        "branch": password.database_branch.name,
        "kind": "mysql",
        "role": password.role,
        "replica": password.replica,
    });
    match about {
        serde_json::Value::Object(map) => map,
        _ => Map::new(),
    }
}

async fn run_into(conn: &mut Conn, text: &str, printer: &mut impl Printer) -> Result<(), Failure> {
    let mut result = conn.query_iter(text).await.map_err(failed)?;
    while let Some(columns) = result.columns() {
        if columns.is_empty() {
            printer.done(result.affected_rows(), result.warnings(), &result.info())?;
            result.next().await.map_err(failed)?;
        } else {
            set(&mut result, &columns, printer).await?;
        }
    }
    // A later statement that failed has no columns; this says so.
    result.next().await.map_err(failed)?;
    Ok(())
}

async fn set(
    result: &mut QueryResult<'_, '_, TextProtocol>,
    columns: &[Column],
    printer: &mut impl Printer,
) -> Result<(), Failure> {
    let names = columns.iter().map(|c| c.name_str().into_owned()).collect();
    let shapes: Vec<Shape> = columns.iter().map(Shape::of).collect();
    printer.begin(names)?;
    while let Some(row) = result.next().await.map_err(failed)? {
        let values = row.unwrap();
        let cells = shapes
            .iter()
            .zip(values)
            .map(|(shape, value)| shape.read(value));
        printer.row(cells.collect())?;
    }
    printer.close()?;
    Ok(())
}

fn failed(error: mysql_async::Error) -> Failure {
    match error {
        mysql_async::Error::Server(error) => Failure::Mysql(error),
        other => Failure::Local(format!("the session broke: {other}")),
    }
}

fn text(args: &Sql) -> Result<String, Failure> {
    let typed = args.query.as_deref().or(args.statement.as_deref());
    let text = match typed {
        Some(text) if text != "-" => text.to_owned(),
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::usage(
                "there is no statement",
                "pass it with --query, or on standard input",
            ));
        }
        _ => {
            let mut text = String::new();
            let read = std::io::stdin().take(MAX_TEXT).read_to_string(&mut text);
            read.map_err(|source| Failure::File {
                path: "-".into(),
                source,
            })?;
            text
        }
    };
    if text.trim().is_empty() {
        return Err(Failure::usage(
            "the statement is empty",
            "pass it with --query",
        ));
    }
    Ok(text)
}

/// `shop`, `shop/-80@replica`, `@primary`: shards and tablets there are none, so the name counts.
fn schema_of(keyspace: &str) -> Option<&str> {
    let name = keyspace.split(['/', '@']).next().unwrap_or_default();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        sql: Sql,
    }

    #[test]
    fn a_text_with_a_space_is_the_statement_wherever_it_stands() {
        for (line, wanted) in [
            (
                &["shop", "dev", "select 1"][..],
                (Some("shop"), Some("dev"), Some("select 1")),
            ),
            (
                &["shop", "select 1"],
                (Some("shop"), None, Some("select 1")),
            ),
            (&["select 1"], (None, None, Some("select 1"))),
            (&["shop", "dev"], (Some("shop"), Some("dev"), None)),
            (
                &["shop", "dev ", "select 1"],
                (Some("shop"), Some("dev "), Some("select 1")),
            ),
            (
                &["shop", "a b", "--query", "x"],
                (Some("shop"), Some("a b"), None),
            ),
        ] {
            let line = ["sql"].iter().chain(line);
            let args = Line::parse_from(line).sql.arranged();
            let found = (
                args.database.as_deref(),
                args.branch.as_deref(),
                args.statement.as_deref(),
            );
            assert_eq!(found, wanted);
        }
    }
}
