//! The gateway's end: TCP, with TLS where it is not on this machine.

use crate::failure::Failure;
use crate::tunnel::Tunnel;
use crate::tunnel::trust::remote;
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::{Login, MAX_LOGIN};
use offshoot_wire::packet::{self, Header};
use offshoot_wire::{Malformed, capability as cap, reply};
use rustls_pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A gateway answers in this time, but for the wake of a branch.
const OPEN_WAIT: Duration = Duration::from_secs(10);

/// Where the gateway is, and how to reach it.
pub(crate) struct Gateway {
    host: String,
    port: u16,
    /// `None`: it is on this machine.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why the gateway was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("its certificate is not trusted: {0}")]
    Untrusted(io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it offers no TLS")]
    NoTls,
    #[error("{}", .0.message)]
    Refused(reply::Err),
}

/// A connection to the gateway before the login.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) greeting: Greeting,
    /// Of the next packet to the gateway.
    pub(crate) sequence: u8,
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Gateway {
    pub(crate) fn of(tunnel: &Tunnel) -> Result<Self, Failure> {
        let (host, port) = tunnel.gateway();
        let tls = if remote(&host) {
            let name = host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned();
            let name = ServerName::try_from(name).map_err(|_| {
                Failure::usage(
                    format!("{host:?} is not the name of a host"),
                    "the server says where its gateway is: check gateway.public_host there",
                )
            })?;
            Some((TlsConnector::from(tunnel.trust().tls()?), name))
        } else {
            None
        };
        Ok(Self { host, port, tls })
    }

    pub(crate) fn at(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects, hears the greeting, and starts TLS where it is wanted.
    pub(crate) async fn open(&self) -> Result<Opened, OpenError> {
        match tokio::time::timeout(OPEN_WAIT, self.greet()).await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    async fn greet(&self) -> Result<Opened, OpenError> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let (_, payload) = read_packet(&mut stream).await?;
        if payload.first() == Some(&reply::ERR) {
            return Err(OpenError::Refused(reply::Err::parse(&payload)?));
        }
        let greeting = Greeting::parse(&payload)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Opened {
                stream: Stream::Plain(stream),
                greeting,
                sequence: 1,
            });
        };
        if greeting.capabilities & cap::SSL == 0 {
            return Err(OpenError::NoTls);
        }
        let request = Login {
            capabilities: (greeting.capabilities & !cap::COMPRESS) | cap::SSL,
            max_packet: 1 << 24,
            charset: greeting.charset,
            ..Login::default()
        };
        let bytes = packet::packet(1, |out| request.encode_ssl_request(out));
        stream.write_all(&bytes).await?;
        let secured = connector.connect(name.clone(), stream).await;
        let stream = secured.map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<rustls::Error>() => OpenError::Untrusted(error),
            _ => OpenError::Io(error),
        })?;
        Ok(Opened {
            stream: Stream::Tls(Box::new(stream)),
            greeting,
            sequence: 2,
        })
    }
}

impl OpenError {
    pub(crate) fn failure(self, gateway: &Gateway) -> Failure {
        let at = gateway.at();
        match self {
            OpenError::Io(source) => Failure::Gateway { at, source },
            OpenError::Untrusted(error) => Failure::Untrusted {
                at,
                message: error.to_string(),
            },
            other => Failure::Gateway {
                at,
                source: io::Error::other(other.to_string()),
            },
        }
    }
}

/// Reads a packet of a login; a longer one is malformed.
pub(crate) async fn read_packet(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(u8, Vec<u8>), OpenError> {
    let mut header = [0; packet::HEADER];
    stream.read_exact(&mut header).await?;
    let header = Header::read(&header).ok_or(Malformed("header"))?;
    if header.length > MAX_LOGIN {
        return Err(Malformed("a packet of the login is too long").into());
    }
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).await?;
    Ok((header.sequence, payload))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
