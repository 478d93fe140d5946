//! What goes wrong, with the exit code and the next step.

use crate::globals::Format;
use crate::terminal::Terminal;
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
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {message}", .path.display())]
    Config { path: PathBuf, message: String },
    #[error("branch {branch} is not ready yet")]
    NotReady { branch: String },
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

    /// 1 where the user has to do something first, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::NoToken | Failure::Unconfirmed { .. } | Failure::Declined { .. } => 1,
            Failure::Client(error) if error.code() == "unauthorized" => 1,
            _ => 2,
        }
    }

    fn code(&self) -> &str {
        match self {
            Failure::Client(error) => error.code(),
            Failure::NoToken => "NO_AUTH",
            Failure::Unconfirmed { .. } | Failure::Declined { .. } => "CONFIRMATION_REQUIRED",
            Failure::Usage { .. } => "INVALID_USAGE",
            Failure::Config { .. } => "CLIENT_INIT_FAILED",
            Failure::Gateway { .. } | Failure::Untrusted { .. } => "NETWORK_ERROR",
            Failure::File { .. }
            | Failure::NotReady { .. }
            | Failure::NoMysql
            | Failure::Mysql(_)
            | Failure::Interrupted
            | Failure::Program { .. }
            | Failure::Output(_)
            | Failure::Local(_) => "COMMAND_FAILED",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Client(error) => error.hint(),
            Failure::NoToken => Some(
                "set OFFSHOOT_SERVICE_TOKEN_ID and OFFSHOOT_SERVICE_TOKEN, or run as the user that runs `offshoot serve` here"
                    .into(),
            ),
            Failure::Unconfirmed { .. } => Some("pass --force to delete without a question".into()),
            Failure::Usage { hint, .. } => Some(hint.clone()),
            Failure::Config { .. } => Some(
                "known keys: org, api-url, format, service-token-id, service-token, service-token-file, ca-file".into(),
            ),
            Failure::NotReady { .. } => {
                Some("it goes on in the background: look with `offshoot branch show`".into())
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
    let refused = match failure {
        Failure::Client(error) => error.refused(),
        _ => None,
    };
    if format == Format::Json {
        let object = json!({
            "status": "error",
            "error": failure.to_string(),
            "issues": [{
                "code": failure.code(),
                "message": failure.to_string(),
                "error_code": refused.and_then(|r| r.error_code.clone()),
                "field": refused.and_then(|r| r.field.clone()),
            }],
            "next_steps": failure.hint().into_iter().collect::<Vec<_>>(),
        });
        return writeln!(terminal.out, "{object:#}");
    }
    write!(terminal.err, "Error: {failure}")?;
    if let Some(code) = refused.and_then(|r| r.error_code.as_deref()) {
        write!(terminal.err, " ({code})")?;
    }
    writeln!(terminal.err)?;
    if let Some(hint) = failure.hint() {
        writeln!(terminal.err, "Hint: {hint}")?;
    }
    Ok(())
}
