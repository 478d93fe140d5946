//! A MySQL session through the gateway, for commands that say statements themselves.

use crate::failure::Failure;
use crate::tunnel::Tunnel;
use crate::tunnel::login;
use crate::tunnel::trust::remote;
use crate::tunnel::upstream::{Gateway, OpenError, Stream};
use mysql_async::{Conn, Error, IoError, Opts, OptsBuilder, ServerError, SslOpts};
use offshoot_api_types::Password;
use offshoot_wire::login::Login;

/// Largest packet that is sent or received, in bytes: the engines' own limit.
const MAX_PACKET: usize = 1 << 30;

impl Tunnel {
    /// Opens a session in `schema`, or in the database's own. With TLS, verified, where the
    /// gateway is not on this machine. A sleeping branch is awake when this returns.
    pub(crate) async fn session(&self, schema: Option<&str>) -> Result<Conn, Failure> {
        let first = self.password();
        match self.login(&first, schema).await {
            // Renewed between reading and using it.
            Err(Error::Server(_)) if first.plain_text != self.password().plain_text => {
                let now = self.password();
                let opened = self.login(&now, schema).await;
                opened.map_err(|error| failed(error, &now))
            }
            opened => opened.map_err(|error| failed(error, &first)),
        }
    }

    /// The same, for who sends and reads packets alone. In the database's own schema.
    pub(crate) async fn speaker(
        &self,
        capabilities: u32,
        charset: u8,
        max_packet: u32,
    ) -> Result<Stream, Failure> {
        let wanted = Login {
            capabilities,
            charset,
            max_packet,
            ..Login::default()
        };
        let gateway = Gateway::of(self)?;
        let opened = login::speaker(self, &gateway, &wanted).await;
        opened.map_err(|why| match why {
            OpenError::Refused(err) => Failure::Mysql(ServerError {
                code: err.code,
                state: String::from_utf8_lossy(&err.state).into_owned(),
                message: err.message,
            }),
            why => why.failure(&gateway),
        })
    }

    async fn login(&self, password: &Password, schema: Option<&str>) -> Result<Conn, Error> {
        let at = &password.connection;
        let (host, port) = self.gateway();
        let mut options = OptsBuilder::default()
            .ip_or_hostname(host.clone())
            .tcp_port(port)
            .prefer_socket(false)
            .max_allowed_packet(Some(MAX_PACKET))
            .user(Some(at.username.clone()))
            .pass(password.plain_text.clone())
            .db_name(Some(schema.unwrap_or(&at.database)));
        if remote(&host) {
            let roots = self
                .trust
                .certificates()
                .map_err(|e| Error::Other(e.into()))?;
            let roots = roots.into_iter().map(|c| c.to_vec().into());
            let tls = SslOpts::default()
                .with_disable_built_in_roots(true)
                .with_root_certs(roots.collect());
            options = options.ssl_opts(Some(tls));
        }
        Conn::new(Opts::from(options)).await
    }
}

fn failed(error: Error, password: &Password) -> Failure {
    let at = format!("{}:{}", password.connection.host, password.connection.port);
    match error {
        Error::Server(error) => Failure::Mysql(error),
        Error::Io(IoError::Tls(error)) => Failure::Untrusted {
            at,
            message: error.to_string(),
        },
        Error::Io(IoError::Io(source)) => match source.get_ref().map(|e| e.is::<rustls::Error>()) {
            Some(true) => Failure::Untrusted {
                at,
                message: source.to_string(),
            },
            _ => Failure::Gateway { at, source },
        },
        Error::Other(other) => match other.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(other) => Failure::Local(other.to_string()),
        },
        other => Failure::Local(format!("the session with {at} failed: {other}")),
    }
}
