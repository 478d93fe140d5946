//! A client that says exactly what a test wants, and sees every byte.

use crate::world::SECRET;
use offshoot_wire::auth::{Nonce, Plugin};
use offshoot_wire::capability as cap;
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::Login;
use offshoot_wire::packet::{self, Header};
use offshoot_wire::{command, reply};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
        }
    }

    /// Says, as a load balancer, that the client comes from the `n`th address.
    pub(crate) async fn proxy(&mut self, n: usize) {
        let header = format!("PROXY TCP4 10.0.{}.{} 127.0.0.1 5 6\r\n", n / 256, n % 256);
        self.stream.write_all(header.as_bytes()).await.unwrap();
    }

    /// One packet: its sequence number and payload.
    pub(crate) async fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).await?;
        let header = Header::read(&header).unwrap();
        let mut payload = vec![0; header.length];
        self.stream.read_exact(&mut payload).await?;
        Ok((header.sequence, payload))
    }

    pub(crate) async fn send(&mut self, sequence: u8, payload: &[u8]) {
        let bytes = packet::packet(sequence, |out| out.extend_from_slice(payload));
        self.stream.write_all(&bytes).await.unwrap();
    }

    pub(crate) async fn greeting(&mut self) -> Greeting {
        let (sequence, payload) = self.read().await.unwrap();
        assert_eq!(sequence, 0);
        Greeting::parse(&payload).unwrap()
    }

    pub(crate) fn login(username: &str, secret: &str, plugin: Plugin, nonce: &Nonce) -> Login {
        Login {
            capabilities: cap::SHARED
                & !(cap::CONNECT_WITH_DB | cap::CONNECT_ATTRS | cap::NO_SCHEMA),
            max_packet: 1 << 24,
            charset: 45,
            username: username.into(),
            response: plugin.scramble(secret.as_bytes(), nonce),
            plugin: Some(plugin.name().into()),
            ..Login::default()
        }
    }

    /// Logs in with a plugin; returns the packets up to OK or ERR.
    pub(crate) async fn log_in(
        &mut self,
        username: &str,
        secret: &str,
        plugin: Plugin,
    ) -> Vec<(u8, Vec<u8>)> {
        let greeting = self.greeting().await;
        let login = Self::login(username, secret, plugin, &greeting.nonce);
        let mut payload = Vec::new();
        login.encode(&mut payload);
        self.send(1, &payload).await;
        self.rest().await
    }

    /// Packets up to OK or ERR.
    pub(crate) async fn rest(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        while let Ok(packet) = self.read().await {
            let last = matches!(packet.1.first(), Some(&(reply::OK | reply::ERR)));
            all.push(packet);
            if last {
                break;
            }
        }
        all
    }

    /// Logged in as `username`, and the id from the greeting.
    pub(crate) async fn in_as(address: SocketAddr, username: &str) -> (Self, u32) {
        let mut raw = Self::connect(address).await;
        let greeting = raw.greeting().await;
        let login = Self::login(username, SECRET, Plugin::Native, &greeting.nonce);
        let mut payload = Vec::new();
        login.encode(&mut payload);
        raw.send(1, &payload).await;
        let (_, last) = raw.rest().await.pop().unwrap();
        assert_eq!(last[0], reply::OK, "{}", String::from_utf8_lossy(&last));
        (raw, greeting.connection_id)
    }

    pub(crate) async fn query(&mut self, text: &str) {
        self.send(0, &[&[command::QUERY], text.as_bytes()].concat())
            .await;
    }

    /// Sends a command whose answer is one packet.
    pub(crate) async fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.send(0, payload).await;
        let (sequence, answer) = self.read().await.unwrap();
        assert_eq!(sequence, 1);
        answer
    }

    /// The error of the next packet.
    pub(crate) async fn error(&mut self) -> reply::Err {
        let (_, payload) = self.read().await.unwrap();
        reply::Err::parse(&payload).unwrap()
    }

    /// The gateway closed the connection.
    pub(crate) async fn closed(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte).await, Ok(0) | Err(_))
    }
}
