//! `branch schema` and `branch diff`.

use crate::branch::At;
use crate::failure::Failure;
use crate::output::plain;
use crate::session::Session;
use offshoot_api_types::SchemaText;

pub(crate) async fn schema(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let client = &session.client;
    let texts = client
        .branch_schema(&session.org, &at.database, &at.branch)
        .await?;
    print(session, &texts.data, "The schema is empty.")
}

pub(crate) async fn diff(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let client = &session.client;
    let texts = client
        .branch_diff(&session.org, &at.database, &at.branch)
        .await?;
    print(session, &texts.data, "The schema is the parent's.")
}

fn print(session: &mut Session<'_>, texts: &[SchemaText], none: &str) -> Result<(), Failure> {
    if !session.output.human() {
        return session.output.json(texts);
    }
    if texts.is_empty() {
        return session.output.note(none);
    }
    for text in texts {
        let (name, raw) = (plain(&text.name), plain(text.raw.trim_end()));
        session.output.text(&format!("-- {name} --\n{raw}\n"))?;
    }
    Ok(())
}
