//! One administrative session: a connection of Offshoot's own account over the engine's socket.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row};
use offshoot_core::instance::{Address, Endpoint, SYSTEM_ACCOUNT};
use offshoot_core::port::PortError;
use offshoot_core::refusal::Refusal;
pub use offshoot_schema::sql::{identifier, quote};
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;

/// Connect and authenticate on a local socket: beyond this the engine hangs.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest row or statement of ours: definitions of routines and rows of the time-zone tables.
const PACKET_LIMIT: usize = 64 << 20;
/// The engine closes a session of ours that says nothing for this long (`wait_timeout`, seconds);
/// it only matters when Offshoot died without closing it.
const WAIT_TIMEOUT_SECONDS: usize = 3600;

/// What goes wrong in an administrative session.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The engine answered with an error.
    #[error("engine error {code} ({state}): {message}")]
    Server {
        code: u16,
        state: String,
        message: String,
    },
    /// The engine did not answer within `after`.
    #[error("the engine did not answer within {} s", after.as_secs())]
    TimedOut { after: Duration },
    /// The table of accounts could not be made read-only.
    #[error("the accounts cannot be sealed: {0}")]
    Sealing(std::io::Error),
    /// The connection could not be made, or broke.
    #[error("the engine cannot be reached: {0}")]
    Connection(mysql_async::Error),
}

impl From<mysql_async::Error> for AdminError {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(e) => AdminError::Server {
                code: e.code,
                state: e.state,
                message: e.message,
            },
            other => AdminError::Connection(other),
        }
    }
}

impl AdminError {
    /// The engine's error number, when it answered with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            AdminError::Server { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<AdminError> for PortError {
    /// A broken connection may be retried; an error the engine answered with is ours.
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Server { .. } => PortError::fatal(Refusal::internal(error)),
            _ => PortError::retry(
                Refusal::unavailable("the branch's engine does not answer").cause(error),
            ),
        }
    }
}

/// A connection with every privilege. Closed on drop.
#[derive(Debug)]
pub struct Session {
    conn: Conn,
}

impl Session {
    /// Connects as [`SYSTEM_ACCOUNT`]. Costs about a millisecond, on MySQL a few more the first time.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, AdminError> {
        let Address::Unix(socket) = &endpoint.address;
        Self::open_as(
            socket,
            SYSTEM_ACCOUNT,
            endpoint.secret.of_system().expose_secret(),
        )
        .await
    }

    /// Connects as any account, without a default schema.
    pub async fn open_as(socket: &Path, account: &str, secret: &str) -> Result<Self, AdminError> {
        let options = OptsBuilder::default()
            .socket(Some(socket.to_string_lossy()))
            .prefer_socket(false)
            .user(Some(account))
            .pass(Some(secret))
            .max_allowed_packet(Some(PACKET_LIMIT))
            .wait_timeout(Some(WAIT_TIMEOUT_SECONDS));
        match tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(options)).await {
            Ok(conn) => Ok(Self { conn: conn? }),
            Err(_) => Err(AdminError::TimedOut {
                after: CONNECT_TIMEOUT,
            }),
        }
    }

    /// Runs one statement in the text protocol and returns its rows.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Row>, AdminError> {
        Ok(self.conn.query(sql).await?)
    }

    /// Runs one statement and forgets what it returns.
    pub async fn execute(&mut self, sql: &str) -> Result<(), AdminError> {
        Ok(self.conn.query_drop(sql).await?)
    }

    /// The connection itself, for streams and prepared statements.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Says goodbye and waits until it is said.
    pub async fn close(self) -> Result<(), AdminError> {
        Ok(self.conn.disconnect().await?)
    }
}
