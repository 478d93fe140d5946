//! What goes wrong, with the exit code and the next step.

use crate::globals::Format;
use crate::import::Problem;
use crate::terminal::{Color, Terminal, colored};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Client(#[from] offshoot_client::Error),
    #[error("there is no service token to prove who you are")]
    NoToken,
    #[error("{what} is deleted only after a confirmation")]
    Unconfirmed { what: String },
    #[error("{what} was not deleted")]
    Declined { what: String },
    #[error("this does something to {iterations} iterations{}", deletes(*.branches))]
    Effects { iterations: usize, branches: usize },
    #[error("{message}")]
    Usage { message: String, hint: String },
    /// A command line that is none.
    #[error("{message}")]
    Line {
        code: &'static str,
        message: String,
        hint: String,
    },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {message}", .path.display())]
    Config { path: PathBuf, message: String },
    #[error("{}: {message}", .path.display())]
    Project { path: PathBuf, message: String },
    #[error("branch {branch} is not ready yet")]
    NotReady { branch: String },
    #[error("backup {name} failed: {reason}")]
    Backup { name: String, reason: String },
    #[error("{what} failed on a copy of branch {branch}: {reason}")]
    SeedRules {
        what: String,
        branch: String,
        reason: String,
    },
    #[error("the drill of backup {name} {what}: {reason}")]
    Drill {
        name: String,
        /// What became of it: it failed, or was not carried out.
        what: &'static str,
        reason: String,
    },
    #[error("the shadow of branch {branch} is broken, and will be made again: {reason}")]
    Shadow { branch: String, reason: String },
    #[error("backup {name} is not copied off-site: {reason}")]
    Export { name: String, reason: String },
    #[error("the test did not arrive: {reason}")]
    WebhookTest { reason: String },
    #[error("no MySQL client is on the PATH")]
    NoMysql,
    #[error("ERROR {} ({}): {}", .0.code, .0.state, .0.message)]
    Mysql(mysql_async::ServerError),
    #[error("the gateway at {at} does not answer: {source}")]
    Gateway { at: String, source: io::Error },
    #[error("the certificate of the gateway at {at} is not trusted: {message}")]
    Untrusted { at: String, message: String },
    #[error("interrupted")]
    Interrupted,
    #[error("cannot listen at {at}: {source}")]
    Listen { at: String, source: io::Error },
    #[error("the statement was not run: it has {word}")]
    Destructive { word: &'static str },
    /// One that is part of the answer already.
    #[error("{0}")]
    Reported(Box<Failure>),
    #[error("{0}")]
    Import(Box<Problem>),
    #[error("{program} did not start: {source}")]
    Program { program: String, source: io::Error },
    #[error("writing the result failed: {0}")]
    Output(#[from] io::Error),
    /// A command on this machine, of the binary.
    #[error("{0}")]
    Local(String),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// What programs are told: in the shape of `pscale`.
    pub(crate) fn object(&self) -> serde_json::Value {
        let refused = self.refused();
        let mut object = json!({
            "status": "error",
            "error": self.to_string(),
            "issues": [{
                "code": self.code(),
                "message": self.to_string(),
                "error_code": refused.and_then(|r| r.error_code.clone()),
                "field": refused.and_then(|r| r.field.clone()),
            }],
            "next_steps": self.hint().into_iter().collect::<Vec<_>>(),
        });
        if let Failure::Import(problem) = self {
            object["import"] = problem.details();
        }
        object
    }

    fn refused(&self) -> Option<&offshoot_client::Refused> {
        match self {
            Failure::Client(error) => error.refused(),
            _ => None,
        }
    }

    /// The same, with what became of the database that was filled.
    pub(crate) fn with_outcome(self, outcome: String) -> Self {
        let mut problem = match self {
            Failure::Import(problem) => problem,
            other => {
                let mut problem = Problem::new(other.to_string());
                problem.hint = other.hint();
                Box::new(problem)
            }
        };
        problem.outcome = outcome;
        Failure::Import(problem)
    }

    /// 1 where the user has to do something first, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::NoToken
            | Failure::Unconfirmed { .. }
            | Failure::Declined { .. }
            | Failure::Effects { .. }
            | Failure::Destructive { .. } => 1,
            Failure::Reported(failure) => failure.exit_code(),
            Failure::Client(error) if error.code() == "unauthorized" => 1,
            _ => 2,
        }
    }

    fn code(&self) -> &str {
        match self {
            Failure::Client(error) => error.code(),
            Failure::NoToken => "NO_AUTH",
            Failure::Unconfirmed { .. } | Failure::Declined { .. } | Failure::Effects { .. } => {
                "CONFIRMATION_REQUIRED"
            }
            Failure::Usage { .. } => "INVALID_USAGE",
            Failure::Line { code, .. } => code,
            Failure::Destructive { .. } => "DESTRUCTIVE_SQL",
            Failure::Reported(failure) => failure.code(),
            Failure::Config { .. } | Failure::Project { .. } => "CLIENT_INIT_FAILED",
            Failure::Gateway { .. } | Failure::Untrusted { .. } => "NETWORK_ERROR",
            Failure::File { .. }
            | Failure::NotReady { .. }
            | Failure::Backup { .. }
            | Failure::SeedRules { .. }
            | Failure::Drill { .. }
            | Failure::Shadow { .. }
            | Failure::Export { .. }
            | Failure::WebhookTest { .. }
            | Failure::NoMysql
            | Failure::Mysql(_)
            | Failure::Interrupted
            | Failure::Listen { .. }
            | Failure::Program { .. }
            | Failure::Output(_)
            | Failure::Local(_) => "COMMAND_FAILED",
            Failure::Import(_) => "IMPORT_FAILED",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Client(error) => error.hint(),
            Failure::Import(problem) => problem.hint.clone(),
            Failure::NoToken => Some(
                "set OFFSHOOT_SERVICE_TOKEN_ID and OFFSHOOT_SERVICE_TOKEN, or run as the user that runs `offshoot serve` here"
                    .into(),
            ),
            Failure::Unconfirmed { .. } => Some("pass --force to delete without a question".into()),
            Failure::Effects { .. } => {
                Some("see what with --dry-run; pass --yes to do it without a question".into())
            }
            Failure::Usage { hint, .. } | Failure::Line { hint, .. } => Some(hint.clone()),
            Failure::Config { .. } => Some(
                "known keys: org, api-url, format, service-token-id, service-token, service-token-file, ca-file".into(),
            ),
            Failure::Project { .. } => Some(
                "a project file has three lines at most: org, database and branch, each with a name".into(),
            ),
            Failure::NotReady { .. } => {
                Some("it goes on in the background: look with `offshoot branch show`".into())
            }
            Failure::Backup { .. } => {
                Some("the branch itself is as it was; try again: offshoot backup create".into())
            }
            Failure::SeedRules { .. } => Some(
                "the branch itself is as it was; correct the rules and test them with --file FILE before they are set".into(),
            ),
            Failure::Drill { .. } => {
                Some("offshoot backup drills shows them all; make another backup where one has failed: offshoot backup create".into())
            }
            Failure::Shadow { .. } => Some(
                "until then the branch is copied itself; look again with `offshoot branch shadow show`".into(),
            ),
            Failure::Export { .. } => Some(
                "it is tried again by itself; `offshoot backup show` says when, `offshoot doctor` looks at the store".into(),
            ),
            Failure::WebhookTest { .. } => {
                Some("correct the address (offshoot webhook update --url), or the receiver, and test again".into())
            }
            Failure::NoMysql => {
                Some("install one, or let `offshoot engine install mysql` bring one along".into())
            }
            Failure::Gateway { .. } => Some(
                "the server says where its gateway is: check gateway.public_host and public_port there".into(),
            ),
            Failure::Untrusted { .. } => Some(
                "pass the server's CA with --ca-file: tls/ca.pem of its data directory".into(),
            ),
            Failure::Listen { .. } => Some("choose another one with --host and --port".into()),
            Failure::Destructive { .. } => {
                Some("pass --force to run DELETE, DROP and TRUNCATE, with --role admin or readwriter".into())
            }
            Failure::Reported(failure) => failure.hint(),
            Failure::Declined { .. }
            | Failure::Mysql(_)
            | Failure::Interrupted
            | Failure::File { .. }
            | Failure::Program { .. }
            | Failure::Output(_)
            | Failure::Local(_) => None,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Import(Box::new(problem))
    }
}

/// Writes a failure as the format wants it and says how to exit. A reader that went away is none.
pub fn report(failure: &Failure, format: Format, terminal: &mut Terminal) -> ExitCode {
    if matches!(failure, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // Nobody is left to be told when this fails, too.
    let _ = write(failure, format, terminal);
    ExitCode::from(failure.exit_code())
}

fn write(failure: &Failure, format: Format, terminal: &mut Terminal) -> io::Result<()> {
    if matches!(failure, Failure::Reported(_)) {
        return Ok(());
    }
    let refused = failure.refused();
    if format == Format::Json {
        return writeln!(terminal.out, "{:#}", failure.object());
    }
    let colors = terminal.colors.err;
    write!(
        terminal.err,
        "{} {failure}",
        colored("Error:", Color::Red, colors)
    )?;
    if let Some(code) = refused.and_then(|r| r.error_code.as_deref()) {
        write!(terminal.err, " ({code})")?;
    }
    writeln!(terminal.err)?;
    if let Some(hint) = failure.hint() {
        writeln!(
            terminal.err,
            "{} {hint}",
            colored("Hint:", Color::Yellow, colors)
        )?;
    }
    Ok(())
}

/// How many branches go, where some do.
fn deletes(branches: usize) -> String {
    match branches {
        0 => String::new(),
        n => format!(", and deletes {n} branches"),
    }
}
