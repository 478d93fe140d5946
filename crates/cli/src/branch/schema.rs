//! `branch schema` and `branch diff`.

use crate::failure::Failure;
use crate::output::plain;
use crate::session::Session;
use crate::terminal::{Color, colored};
use crate::tunnel::Place;
use offshoot_api_types::SchemaText;

pub(crate) async fn schema(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let texts = client
        .branch_schema(&session.org, &at.database, &at.branch)
        .await?;
    print(session, &texts.data, "The schema is empty.", None)
}

pub(crate) async fn diff(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let texts = client
        .branch_diff(&session.org, &at.database, &at.branch)
        .await?;
    let colors = session.output.terminal.colors.out;
    print(
        session,
        &texts.data,
        "The schema is the parent's.",
        Some(colors),
    )
}

/// `changes`: the texts are diffs, in color or not.
fn print(
    session: &mut Session<'_>,
    texts: &[SchemaText],
    none: &str,
    changes: Option<bool>,
) -> Result<(), Failure> {
    if !session.output.human() {
        return session.output.json(texts);
    }
    if texts.is_empty() {
        return session.output.note(none);
    }
    for text in texts {
        let (name, raw) = (plain(&text.name), plain(text.raw.trim_end()));
        let raw = match changes {
            Some(on) => tinted(&raw, on),
            None => raw,
        };
        session.output.text(&format!("-- {name} --\n{raw}\n"))?;
    }
    Ok(())
}

/// What was added green, what was taken away red.
fn tinted(diff: &str, on: bool) -> String {
    let line = |line: &str| match line.as_bytes().first() {
        Some(b'+') => colored(line, Color::Green, on),
        Some(b'-') => colored(line, Color::Red, on),
        _ => line.to_owned(),
    };
    diff.lines().map(line).collect::<Vec<_>>().join("\n")
}
