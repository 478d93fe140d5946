//! Users of the server: people who log in with an e-mail address and a password.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::{Args, Subcommand, ValueEnum};
use offshoot_api_types::{CreateMember, MemberPassword, SetMemberPassword, UpdateMember};
use std::io::Read;

/// Longest password that is read, in bytes: more than the server takes.
const MAX_PASSWORD: u64 = 4096;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List users
    #[command(visible_alias = "ls")]
    List(List),
    /// Create a user; the password is drawn and printed once, or read
    Create(Create),
    /// Change what a user may do
    Update(Update),
    /// Give a user another password; all their sessions end
    SetPassword(SetPassword),
    /// Delete a user and all their sessions
    #[command(visible_alias = "rm")]
    Delete(Delete),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Development branches, and reading what production is like
    Member,
    /// Everything
    Admin,
}

impl Role {
    fn wire(self) -> String {
        match self {
            Role::Member => "member".to_owned(),
            Role::Admin => "admin".to_owned(),
        }
    }
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Create {
    /// E-mail address that the user logs in with
    email: String,
    /// What the user is called [default: the first part of the address]
    #[arg(long)]
    name: Option<String>,
    /// What the user may do
    #[arg(long, value_enum, default_value_t = Role::Member)]
    role: Role,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Update {
    /// E-mail address, or id
    user: String,
    /// What the user may do
    #[arg(long, value_enum)]
    role: Role,
}

#[derive(Debug, Args)]
pub struct SetPassword {
    /// E-mail address, or id
    user: String,
    /// Read the password from standard input [default: one is drawn, and printed once]
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// E-mail address, or id
    user: String,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(session, &args).await,
        Command::Create(args) => create(session, args).await,
        Command::Update(args) => update(session, args).await,
        Command::SetPassword(args) => set_password(session, args).await,
        Command::Delete(args) => delete(session, &args).await,
    }
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let wanted = args.paging.wanted();
    let page = session.client.list_members(&session.org, wanted).await?;
    session.output.list(&page.data, "There are no users.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let body = CreateMember {
        email: args.email,
        name: args.name,
        role: Some(args.role.wire()),
        password: given(args.password_stdin)?,
    };
    let made = session.client.create_member(&session.org, &body).await?;
    let sentence = format!("User {} was created.", made.member.user.email);
    said(session, &sentence, &made)
}

async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let body = UpdateMember {
        role: Some(args.role.wire()),
    };
    let client = &session.client;
    let changed = client
        .update_member(&session.org, &args.user, &body)
        .await?;
    let role = args.role.wire();
    let sentence = format!("User {} has role {role}.", changed.user.email);
    session.output.done(&sentence, &changed)
}

async fn set_password(session: &mut Session<'_>, args: SetPassword) -> Result<(), Failure> {
    let body = SetMemberPassword {
        password: given(args.password_stdin)?,
    };
    let client = &session.client;
    let set = client
        .set_member_password(&session.org, &args.user, &body)
        .await?;
    let email = &set.member.user.email;
    let sentence = format!("The password of {email} was set; all their sessions ended.");
    said(session, &sentence, &set)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let user = &args.user;
    confirm(session, args.force, &format!("user {user}"), user)?;
    session.client.delete_member(&session.org, user).await?;
    let text = format!("User {user} was deleted.");
    session.output.gone("user", user, &text)
}

/// The password, where it is given at all.
fn given(stdin: bool) -> Result<Option<String>, Failure> {
    if !stdin {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_PASSWORD)
        .read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text {
        "" => Err(Failure::usage(
            "there is no password on standard input",
            "write it there, or leave --password-stdin away and one is drawn",
        )),
        text => Ok(Some(text.to_owned())),
    }
}

/// A drawn password is shown this once.
fn said(session: &mut Session<'_>, sentence: &str, set: &MemberPassword) -> Result<(), Failure> {
    let Some(password) = &set.password else {
        return session.output.done(sentence, &set.member);
    };
    let text = format!(
        "{sentence}\n\n  e-mail    {}\n  password  {password}\n\nThe password will not be shown again.",
        set.member.user.email
    );
    let more = [("password", password.clone())];
    session.output.secret(&text, set, &more)
}
