//! A password by id, or by name where the branch has one of that name only.

use crate::failure::Failure;
use crate::session::Session;
use offshoot_api_types::Password;
use offshoot_client::PageOf;

/// Characters of every id.
const ID: usize = 12;

pub(crate) async fn find(
    session: &Session<'_>,
    database: &str,
    branch: &str,
    text: &str,
) -> Result<Password, Failure> {
    let like_an_id = text.len() == ID && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if like_an_id {
        let found = session
            .client
            .show_password(&session.org, database, branch, text)
            .await;
        match found {
            Err(error) if error.not_found() => {}
            other => return Ok(other?),
        }
    }
    by_name(session, database, branch, text).await
}

/// The search of the API is by part of the name; this takes the exact one.
pub(crate) async fn by_name(
    session: &Session<'_>,
    database: &str,
    branch: &str,
    name: &str,
) -> Result<Password, Failure> {
    let page = PageOf {
        page: None,
        per_page: Some(100),
    };
    let found = session
        .client
        .list_passwords(&session.org, database, Some(branch), Some(name), None, page)
        .await?;
    let mut exact = found.data.into_iter().filter(|p| p.name == name);
    match (exact.next(), exact.next()) {
        (Some(password), None) => Ok(password),
        (None, _) => Err(Failure::usage(
            format!("branch {branch} has no password {name:?}"),
            "list them with `offshoot password list`",
        )),
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("branch {branch} has several passwords {name:?}"),
            "use the id: `offshoot password list` shows it",
        )),
    }
}
