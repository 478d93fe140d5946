//! `password delete`.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use offshoot_client::PageOf;

#[derive(Debug, Args)]
pub struct Delete {
    /// Name or id of the database
    database: String,
    /// Name or id of the branch
    branch: String,
    /// Id of the password
    #[arg(required_unless_present = "name")]
    id: Option<String>,
    /// Name of the password, instead of its id
    #[arg(long, conflicts_with = "id")]
    name: Option<String>,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let (id, shown) = match (&args.id, &args.name) {
        (Some(id), _) => (id.clone(), id.clone()),
        (None, name) => {
            let name = name.clone().unwrap_or_default();
            (by_name(session, args, &name).await?, name)
        }
    };
    confirm(session, args.force, &format!("password {shown}"), &shown)?;
    session
        .client
        .delete_password(&session.org, &args.database, &args.branch, &id)
        .await?;
    let text = format!("Password {shown} was deleted; its sessions end.");
    session.output.gone("password", &shown, &text)
}

async fn by_name(session: &Session<'_>, args: &Delete, name: &str) -> Result<String, Failure> {
    let page = PageOf {
        page: None,
        per_page: Some(100),
    };
    let found = session
        .client
        .list_passwords(
            &session.org,
            &args.database,
            Some(&args.branch),
            Some(name),
            None,
            page,
        )
        .await?;
    let mut ids = found.data.iter().filter(|p| p.name == name).map(|p| &p.id);
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id.clone()),
        (None, _) => Err(Failure::usage(
            format!("branch {} has no password {name:?}", args.branch),
            "list them with `offshoot password list`",
        )),
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("branch {} has several passwords {name:?}", args.branch),
            "delete by id: `offshoot password list` shows it",
        )),
    }
}
