//! `connect`: a local port to which any MySQL client connects without a password.

use crate::failure::Failure;
use crate::interrupt;
use crate::place;
use crate::program;
use crate::session::Session;
use crate::tunnel::{self, Door, Entry, Place, Port, Purpose, Tunnel, remote};
use clap::Args;
use offshoot_wire::auth::Plugin;
use serde_json::json;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Connect {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch [default: the project file's, else the default branch]
    branch: Option<String>,
    /// Local address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Local port; the next free one when it is taken
    #[arg(long, value_name = "PORT", default_value_t = 3306)]
    port: u16,
    /// Fail when the local port is taken
    #[arg(long)]
    no_random: bool,
    /// What clients may do [default: admin]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    role: Option<String>,
    /// The role is reader unless another one is given
    #[arg(long)]
    replica: bool,
    /// Run this command line with the branch's URL in its environment, and end with its exit code
    #[arg(long, value_name = "COMMAND")]
    execute: Option<OsString>,
    /// Scheme of that URL
    #[arg(
        long,
        value_name = "SCHEME",
        default_value = "mysql2",
        requires = "execute"
    )]
    execute_protocol: String,
    /// Name of the environment variable with that URL
    #[arg(
        long,
        value_name = "NAME",
        default_value = "DATABASE_URL",
        requires = "execute"
    )]
    execute_env_url: String,
    /// Authentication plugin that local clients are offered [default: the engine's]
    #[arg(long, value_name = "PLUGIN", value_parser = plugin)]
    mysql_auth_method: Option<Plugin>,
    /// Reach the gateway there instead of where the server says it is
    #[arg(long, value_name = "HOST[:PORT]", value_parser = tunnel::parse_address)]
    remote_addr: Option<(String, Option<u16>)>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Connect) -> Result<ExitCode, Failure> {
    let place = place::of(session, args.database.as_deref(), args.branch.as_deref()).await?;
    let purpose = Purpose {
        command: "connect",
        role: args.role.clone(),
        replica: args.replica,
        gateway: args.remote_addr.clone(),
    };
    match &args.execute {
        // Ctrl-C is for the command that runs: it decides what becomes of it.
        Some(command) => {
            let ends = interrupt::terminated();
            tunnel::with(session, &place, &purpose, ends, async |session, tunnel| {
                let door = open(&args, tunnel.clone()).await?;
                execute(session, &args, &place, &tunnel, &door, command).await
            })
            .await
        }
        None => {
            let ends = interrupt::wait();
            let served = tunnel::with(session, &place, &purpose, ends, async |session, tunnel| {
                let door = open(&args, tunnel.clone()).await?;
                announce(session, &place, &tunnel, door.address()?)?;
                let mut shown = Ok(());
                door.serve(|text| shown = session.output.note(text)).await;
                shown
            })
            .await;
            match served {
                // That is how it ends.
                Ok(()) | Err(Failure::Interrupted) => Ok(ExitCode::SUCCESS),
                Err(failure) => Err(failure),
            }
        }
    }
}

async fn open(args: &Connect, tunnel: Tunnel) -> Result<Door, Failure> {
    let port = match args.no_random {
        true => Port::Exactly(args.port),
        false => Port::From(args.port),
    };
    let entry = Entry {
        secret: None,
        plugin: args.mysql_auth_method,
    };
    Door::open(tunnel, &args.host, port, entry).await
}

fn announce(
    session: &mut Session<'_>,
    place: &Place,
    tunnel: &Tunnel,
    at: SocketAddr,
) -> Result<(), Failure> {
    let password = tunnel.password();
    let schema = &password.connection.database;
    let branch = &password.database_branch.name;
    let url = format!("mysql://root@{at}/{schema}");
    if !session.output.human() {
        let object = json!({"status": "ready", "database": place.database, "branch": branch,
            "role": password.role, "host": at.ip(), "port": at.port(), "schema": schema, "url": url});
        return session.output.json(&object);
    }
    session.output.text(&format!(
        "Branch {branch} of {database} is at {at}, as {role}, without a password.\n\n  \
         Connect:   mysql -h {host} -P {port} -u root {schema}\n  URL:       {url}\n\nCtrl-C ends it.",
        database = place.database,
        role = password.role,
        host = at.ip(),
        port = at.port(),
    ))?;
    if remote(&at.ip().to_string()) {
        let text = "Everybody who reaches this address can use the branch.";
        session.output.note(text)?;
    }
    Ok(())
}

async fn execute(
    session: &mut Session<'_>,
    args: &Connect,
    place: &Place,
    tunnel: &Tunnel,
    door: &Door,
    command: &OsString,
) -> Result<ExitCode, Failure> {
    let at = door.address()?;
    let password = tunnel.password();
    let schema = &password.connection.database;
    let url = format!("{}://root@{at}/{schema}", args.execute_protocol);
    let mut child = program::shell_line(command);
    child
        .env(&args.execute_env_url, url)
        .env("OFFSHOOT_DATABASE_HOST", at.to_string())
        .env("OFFSHOOT_DATABASE_NAME", &place.database)
        .env("OFFSHOOT_BRANCH_NAME", &password.database_branch.name);
    tokio::select! {
        ended = program::run(child) => ended,
        () = door.serve(|text| drop(session.output.note(text))) => Ok(ExitCode::from(2)),
    }
}

fn plugin(name: &str) -> Result<Plugin, String> {
    Plugin::of_name(name.as_bytes())
        .ok_or_else(|| "write caching_sha2_password or mysql_native_password".to_owned())
}
