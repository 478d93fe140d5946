//! `shell`: a MySQL client on a branch, through a local port of its own that goes when it ends.

use crate::failure::Failure;
use crate::interrupt;
use crate::local::Local;
use crate::place;
use crate::program;
use crate::session::Session;
use crate::tunnel::{self, Door, Entry, Port, Purpose, Tunnel};
use clap::Args;
use std::ffi::OsString;
use std::process::ExitCode;
use tokio::process::Command;

const NAMES: [&str; 2] = ["mysql", "mariadb"];

#[derive(Debug, Args)]
pub struct Shell {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch [default: the project file's, else the default branch]
    branch: Option<String>,
    /// What the session may do [default: admin]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    role: Option<String>,
    /// The role is reader unless another one is given
    #[arg(long)]
    replica: bool,
    /// Local address for the client [default: 127.0.0.1 and a free port]
    #[arg(long, value_name = "HOST[:PORT]", value_parser = tunnel::parse_address)]
    local_addr: Option<(String, Option<u16>)>,
    /// Reach the gateway there instead of where the server says it is
    #[arg(long, value_name = "HOST[:PORT]", value_parser = tunnel::parse_address)]
    remote_addr: Option<(String, Option<u16>)>,
    /// More arguments for the MySQL client, after --
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub(crate) async fn run(
    session: &mut Session<'_>,
    args: Shell,
    local: &Local,
) -> Result<ExitCode, Failure> {
    let program = client(local).ok_or(Failure::NoMysql)?;
    let place = place::of(session, args.database.as_deref(), args.branch.as_deref()).await?;
    let purpose = Purpose {
        command: "shell",
        role: args.role,
        replica: args.replica,
        gateway: args.remote_addr,
    };
    let (host, port) = args.local_addr.unwrap_or(("127.0.0.1".into(), None));
    let port = port.map_or(Port::Any, Port::Exactly);
    // Ctrl-C is for the client: it ends a query there, not this program.
    let ends = interrupt::terminated();
    tunnel::with(session, &place, &purpose, ends, async |session, tunnel| {
        // Only the client that is started here knows the first secret.
        let entry = Entry {
            secret: tunnel.password().plain_text.clone(),
            plugin: None,
        };
        let door = Door::open(tunnel.clone(), &host, port, entry).await?;
        let command = command(&program, &tunnel, &door, &args.arguments)?;
        tokio::select! {
            ended = program::run(command) => ended,
            () = door.serve(|text| drop(session.output.note(text))) => Ok(ExitCode::from(2)),
        }
    })
    .await
}

/// The secret goes through the environment: other users cannot read that, but they can read arguments.
fn command(
    program: &[OsString],
    tunnel: &Tunnel,
    door: &Door,
    arguments: &[OsString],
) -> Result<Command, Failure> {
    let (first, rest) = program.split_first().ok_or(Failure::NoMysql)?;
    let password = tunnel.password();
    let at = door.address()?;
    let mut command = Command::new(first);
    command
        .args(rest)
        .arg(format!("--host={}", at.ip()))
        .arg(format!("--port={}", at.port()))
        .arg(format!("--user={}", password.connection.username))
        .arg("--protocol=tcp")
        .arg(without_tls(first, rest))
        .arg(format!("--database={}", password.connection.database))
        .args(arguments)
        .env(
            "MYSQL_PWD",
            password.plain_text.as_deref().unwrap_or_default(),
        );
    Ok(command)
}

/// The way to the port does not leave the machine; MariaDB's newer clients would insist on TLS. The
/// two say it differently.
fn without_tls(program: &OsString, rest: &[OsString]) -> &'static str {
    let version = std::process::Command::new(program)
        .args(rest)
        .arg("--version")
        .output();
    let said = version.map(|output| output.stdout).unwrap_or_default();
    match String::from_utf8_lossy(&said).contains("MariaDB") {
        true => "--skip-ssl",
        false => "--ssl-mode=DISABLED",
    }
}

fn client(local: &Local) -> Option<Vec<OsString>> {
    NAMES
        .iter()
        .find_map(|name| program::on_path(name))
        .map(|path| vec![path.into_os_string()])
        .or_else(|| local.mysql.clone())
}
