//! `shell`: a MySQL client on a branch, with a password of its own that goes when the client ends.

use crate::failure::Failure;
use crate::local::Local;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{CreatePassword, Password};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Command;

/// The password of a shell that is never ended lives no longer than this, in seconds.
const PASSWORD_TTL: i64 = 24 * 3_600;
const NAMES: [&str; 2] = ["mysql", "mariadb"];

#[derive(Debug, Args)]
pub struct Shell {
    /// Name or id of the database
    database: String,
    /// Name or id of the branch [default: the default branch]
    branch: Option<String>,
    /// What the session may do [default: admin]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    role: Option<String>,
    /// The role is reader unless another one is given
    #[arg(long)]
    replica: bool,
    /// More arguments for the MySQL client, after --
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub(crate) async fn run(
    session: &mut Session<'_>,
    args: Shell,
    local: &Local,
) -> Result<ExitCode, Failure> {
    let program = program(local).ok_or(Failure::NoMysql)?;
    let branch = match args.branch {
        Some(branch) => branch,
        None => {
            let client = &session.client;
            let database = client.show_database(&session.org, &args.database).await?;
            database.default_branch
        }
    };
    let body = CreatePassword {
        name: Some("offshoot-shell".into()),
        role: args.role,
        ttl: Some(PASSWORD_TTL),
        cidrs: None,
        replica: args.replica.then_some(true),
    };
    let password = session
        .client
        .create_password(&session.org, &args.database, &branch, &body)
        .await?;
    let ended = start(&program, &password, &args.arguments).await;
    let removed = session
        .client
        .delete_password(&session.org, &args.database, &branch, &password.id)
        .await;
    let status = ended?;
    if removed.is_err() {
        let text = format!(
            "The password of this shell stays until it expires: {}",
            password.id
        );
        session.output.note(&text)?;
    }
    Ok(exit_code(status))
}

/// The secret goes through the environment: other users cannot read that, but they can read arguments.
async fn start(
    program: &[OsString],
    password: &Password,
    arguments: &[OsString],
) -> Result<ExitStatus, Failure> {
    let (first, rest) = program.split_first().ok_or(Failure::NoMysql)?;
    let at = &password.connection;
    let failed = |source| Failure::Program {
        program: first.to_string_lossy().into_owned(),
        source,
    };
    let mut child = Command::new(first)
        .args(rest)
        .arg(format!("--host={}", at.host))
        .arg(format!("--port={}", at.port))
        .arg(format!("--user={}", at.username))
        .arg("--protocol=tcp")
        .arg(format!("--database={}", at.database))
        .args(arguments)
        .env(
            "MYSQL_PWD",
            password.plain_text.as_deref().unwrap_or_default(),
        )
        .spawn()
        .map_err(failed)?;
    // Ctrl-C is for the client: it ends a query there, not this program.
    loop {
        tokio::select! {
            status = child.wait() => return status.map_err(failed),
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

fn program(local: &Local) -> Option<Vec<OsString>> {
    NAMES
        .iter()
        .find_map(|name| on_path(name))
        .map(|path| vec![path.into_os_string()])
        .or_else(|| local.mysql.clone())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(2))
}
