//! A session of the text protocol for definitions: one statement per packet, many packets under way.
//!
//! It stands beside [`crate::admin::Session`] for what that one's driver cannot do: the engine
//! refuses a second statement behind the first (definitions that users wrote are replayed under an
//! account with every privilege), text is bytes in any character set, and the next statement is
//! sent before the last is answered.

use crate::admin::AdminError;
use crate::admin::session::CONNECT_TIMEOUT;
use offshoot_core::instance::{Address, Endpoint, SYSTEM_ACCOUNT};
use secrecy::ExposeSecret;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Longest wait for one answer where nobody says otherwise: the slowest statement is a DROP of a schema
/// with thousands of tables.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Largest packet of an answer that is read, in bytes: the longest routine fits many times.
const PACKET_LIMIT: usize = 64 << 20;
/// Bytes of statements that are sent at once, before any of their answers is read: they fit the
/// socket's buffer, so neither side waits for the other.
const UNDER_WAY: usize = 32 << 10;
/// LONG_PASSWORD, LONG_FLAG, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH. Not
/// MULTI_STATEMENTS, not LOCAL_FILES.
const CAPABILITIES: u32 = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
/// utf8mb4_general_ci, the same number on every engine.
const COLLATION: u8 = 45;

/// One row: a value is bytes in `character_set_results`, `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row(Vec<Option<Vec<u8>>>);

impl Row {
    pub(super) fn of<const N: usize>(values: [String; N]) -> Self {
        Self(values.into_iter().map(|v| Some(v.into_bytes())).collect())
    }

    pub(super) fn width(&self) -> usize {
        self.0.len()
    }

    /// The value in column `at` as text; empty for NULL and for a column that is not there.
    pub(super) fn text(&self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }

    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        self.0
            .get(at)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// The value is a number other than zero.
    pub(super) fn truth(&self, at: usize) -> bool {
        !matches!(self.bytes(at), b"" | b"0")
    }
}

pub(super) type Answer = Result<Vec<Row>, AdminError>;

/// What a statement came to.
#[derive(Debug, Default)]
struct Outcome {
    rows: Vec<Row>,
    /// Rows that it changed.
    changed: u64,
}

#[derive(Debug)]
pub(super) struct Channel {
    stream: BufReader<UnixStream>,
    patience: Duration,
}

impl Channel {
    /// Connects as [`SYSTEM_ACCOUNT`].
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, AdminError> {
        Self::open_as(endpoint, SYSTEM_ACCOUNT).await
    }

    /// Connects as an account of ours.
    pub(super) async fn open_as(endpoint: &Endpoint, account: &str) -> Result<Self, AdminError> {
        let Address::Unix(socket) = &endpoint.address;
        let secret = endpoint.secret.of_account(account);
        let connect = async {
            let stream = UnixStream::connect(socket).await.map_err(broken)?;
            let mut channel = Self {
                stream: BufReader::with_capacity(64 << 10, stream),
                patience: ANSWER_TIMEOUT,
            };
            channel
                .authenticate(account, secret.expose_secret())
                .await?;
            Ok(channel)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connect)
            .await
            .unwrap_or(Err(AdminError::TimedOut {
                after: CONNECT_TIMEOUT,
            }))
    }

    /// Waits for answers this long from now on.
    pub(super) fn wait(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Runs one statement.
    pub(super) async fn query(&mut self, sql: impl AsRef<[u8]>) -> Answer {
        Ok(self.run(sql.as_ref()).await?.rows)
    }

    /// Runs one statement and returns how many rows it changed.
    pub(super) async fn change(&mut self, sql: impl AsRef<[u8]>) -> Result<u64, AdminError> {
        Ok(self.run(sql.as_ref()).await?.changed)
    }

    async fn run(&mut self, sql: &[u8]) -> Result<Outcome, AdminError> {
        self.send(0, &[&[0x03], sql].concat()).await?;
        self.answer().await
    }

    /// Runs statements that do not depend on each other's success. The outer error is a broken
    /// connection, an inner one the engine's refusal of that statement.
    pub(super) async fn all(&mut self, statements: Vec<String>) -> Result<Vec<Answer>, AdminError> {
        let mut answers = Vec::with_capacity(statements.len());
        let mut rest = statements.as_slice();
        while !rest.is_empty() {
            let mut packets = Vec::new();
            let mut under_way = 0;
            while let Some(sql) = rest.get(under_way)
                && (under_way == 0 || packets.len() + sql.len() < UNDER_WAY)
            {
                push_packet(&mut packets, 0, &[&[0x03], sql.as_bytes()].concat());
                under_way += 1;
            }
            self.write(&packets).await?;
            for _ in 0..under_way {
                answers.push(inner(self.answer().await.map(|outcome| outcome.rows))?);
            }
            rest = &rest[under_way..];
        }
        Ok(answers)
    }

    /// Says goodbye. Dropping the channel ends the session too, with a note in the engine's log.
    pub(super) async fn close(mut self) {
        // COM_QUIT; that the engine is gone already is no matter.
        let _ = self.send(0, &[0x01]).await;
    }

    async fn authenticate(&mut self, account: &str, secret: &str) -> Result<(), AdminError> {
        let (_, greeting) = self.packet().await?;
        if greeting.first() == Some(&0xff) {
            return Err(refused(&greeting));
        }
        let (nonce, plugin) = greeting_parts(&greeting).ok_or_else(malformed)?;
        let mut login = Vec::with_capacity(160);
        login.extend(CAPABILITIES.to_le_bytes());
        login.extend(u32::MAX.to_le_bytes());
        login.push(COLLATION);
        login.extend([0; 23]);
        login.extend(account.as_bytes());
        login.push(0);
        let proof = scramble(&plugin, secret, &nonce).unwrap_or_default();
        login.push(u8::try_from(proof.len()).unwrap_or_default());
        login.extend(proof);
        login.extend(plugin.as_bytes());
        login.push(0);
        self.send(1, &login).await?;
        loop {
            let (sequence, packet) = self.packet().await?;
            let next = sequence.wrapping_add(1);
            match packet.first() {
                Some(0x00) => return Ok(()),
                Some(0xff) => return Err(refused(&packet)),
                Some(0xfe) => {
                    let (plugin, nonce) = switch_parts(&packet).ok_or_else(malformed)?;
                    let proof = scramble(&plugin, secret, &nonce).ok_or_else(malformed)?;
                    self.send(next, &proof).await?;
                }
                // caching_sha2_password: known already, or the secret itself is wanted; a local
                // socket counts as private.
                Some(0x01) if packet.get(1) == Some(&0x03) => {}
                Some(0x01) if packet.get(1) == Some(&0x04) => {
                    let mut plain = secret.as_bytes().to_vec();
                    plain.push(0);
                    self.send(next, &plain).await?;
                }
                _ => return Err(malformed()),
            }
        }
    }

    async fn send(&mut self, sequence: u8, body: &[u8]) -> Result<(), AdminError> {
        let mut packets = Vec::with_capacity(body.len() + 4);
        push_packet(&mut packets, sequence, body);
        self.write(&packets).await
    }

    async fn write(&mut self, packets: &[u8]) -> Result<(), AdminError> {
        let write = self.stream.get_mut().write_all(packets);
        match tokio::time::timeout(ANSWER_TIMEOUT, write).await {
            Ok(result) => result.map_err(broken),
            Err(_) => Err(too_late(ANSWER_TIMEOUT)),
        }
    }

    async fn answer(&mut self) -> Result<Outcome, AdminError> {
        let patience = self.patience;
        match tokio::time::timeout(patience, self.read_answer()).await {
            Ok(answer) => answer,
            Err(_) => Err(too_late(patience)),
        }
    }

    async fn read_answer(&mut self) -> Result<Outcome, AdminError> {
        let (_, first) = self.packet().await?;
        let columns = match first.first() {
            Some(0x00) => {
                let changed = length(&mut &first[1..]).flatten();
                return Ok(Outcome {
                    rows: Vec::new(),
                    changed: changed.ok_or_else(malformed)?,
                });
            }
            Some(0xff) => return Err(refused(&first)),
            Some(0xfb) | None => return Err(malformed()),
            Some(_) => length(&mut &first[..]).flatten().ok_or_else(malformed)?,
        };
        for _ in 0..=columns {
            // The columns' descriptions and the end of them.
            self.packet().await?;
        }
        let mut rows = Vec::new();
        loop {
            let (_, packet) = self.packet().await?;
            match packet.first() {
                Some(0xfe) if packet.len() < 9 => return Ok(Outcome { rows, changed: 0 }),
                Some(0xff) => return Err(refused(&packet)),
                _ => rows.push(row(&packet, columns).ok_or_else(malformed)?),
            }
        }
    }

    /// The next packet, put together, with the sequence number of its last part.
    async fn packet(&mut self) -> Result<(u8, Vec<u8>), AdminError> {
        let mut body = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header).await.map_err(broken)?;
            let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
            let start = body.len();
            if start + length > PACKET_LIMIT {
                return Err(malformed());
            }
            body.resize(start + length, 0);
            self.stream
                .read_exact(&mut body[start..])
                .await
                .map_err(broken)?;
            if length < 0xff_ffff {
                return Ok((header[3], body));
            }
        }
    }
}

/// Appends a packet, in parts where it is too long for one.
fn push_packet(out: &mut Vec<u8>, sequence: u8, body: &[u8]) {
    let mut rest = body;
    let mut sequence = sequence;
    loop {
        let (part, later) = rest.split_at(rest.len().min(0xff_ffff));
        let length = u32::try_from(part.len()).unwrap_or_default();
        out.extend_from_slice(&length.to_le_bytes()[..3]);
        out.push(sequence);
        out.extend_from_slice(part);
        if part.len() < 0xff_ffff {
            return;
        }
        rest = later;
        sequence = sequence.wrapping_add(1);
    }
}

/// Separates the engine's refusal of a statement from a connection that is of no use any more.
fn inner(answer: Answer) -> Result<Answer, AdminError> {
    match answer {
        Err(error) if error.code().is_none() => Err(error),
        answer => Ok(answer),
    }
}

fn broken(error: io::Error) -> AdminError {
    AdminError::Connection(error.into())
}

fn malformed() -> AdminError {
    broken(io::Error::new(
        io::ErrorKind::InvalidData,
        "the engine sent a packet that was not expected",
    ))
}

fn too_late(after: Duration) -> AdminError {
    AdminError::TimedOut { after }
}

/// An error packet: 0xff, number, `#` and five characters of state (not in a greeting), text.
fn refused(packet: &[u8]) -> AdminError {
    let code = match packet {
        [_, low, high, ..] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    let rest = packet.get(3..).unwrap_or_default();
    let (state, message) = match rest {
        [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
        _ => (&b"HY000"[..], rest),
    };
    AdminError::Server {
        code,
        state: String::from_utf8_lossy(state).into_owned(),
        message: String::from_utf8_lossy(message).into_owned(),
    }
}

/// Nonce (20 bytes) and plugin of a greeting (protocol 10).
fn greeting_parts(packet: &[u8]) -> Option<(Vec<u8>, String)> {
    let rest = packet.strip_prefix(&[10])?;
    let version = rest.iter().position(|b| *b == 0)?;
    let rest = rest.get(version + 1..)?;
    let mut nonce = rest.get(4..12)?.to_vec();
    // Behind the first part of the nonce: filler 1, capabilities 2, collation 1, status 2,
    // capabilities 2, nonce length 1, reserved 10.
    let rest = rest.get(12 + 19..)?;
    nonce.extend(rest.get(..12)?);
    let plugin = rest.get(13..)?;
    let end = plugin.iter().position(|b| *b == 0).unwrap_or(plugin.len());
    Some((nonce, String::from_utf8_lossy(&plugin[..end]).into_owned()))
}

fn switch_parts(packet: &[u8]) -> Option<(String, Vec<u8>)> {
    let rest = packet.get(1..)?;
    let end = rest.iter().position(|b| *b == 0)?;
    let nonce = rest.get(end + 1..)?;
    let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
    Some((
        String::from_utf8_lossy(&rest[..end]).into_owned(),
        nonce.to_vec(),
    ))
}

/// Proof of the secret for a plugin; `None` for one that our account never uses.
fn scramble(plugin: &str, secret: &str, nonce: &[u8]) -> Option<Vec<u8>> {
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect();
    match plugin {
        "caching_sha2_password" => {
            let once = Sha256::digest(secret.as_bytes());
            let twice = Sha256::digest(once);
            let salted = Sha256::new().chain_update(twice).chain_update(nonce);
            Some(xor(&once, &salted.finalize()))
        }
        "mysql_native_password" => {
            let once = Sha1::digest(secret.as_bytes());
            let twice = Sha1::digest(once);
            let salted = Sha1::new().chain_update(nonce).chain_update(twice);
            Some(xor(&once, &salted.finalize()))
        }
        _ => None,
    }
}

/// A length-encoded number; the inner `None` is NULL.
fn length(rest: &mut &[u8]) -> Option<Option<u64>> {
    let (first, tail) = rest.split_first()?;
    let width = match first {
        0xfb => 0,
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        small => {
            *rest = tail;
            return Some(Some(u64::from(*small)));
        }
    };
    let mut value = [0; 8];
    value[..width].copy_from_slice(tail.get(..width)?);
    *rest = &tail[width..];
    Some((*first != 0xfb).then(|| u64::from_le_bytes(value)))
}

fn row(packet: &[u8], columns: u64) -> Option<Row> {
    let mut rest = packet;
    let mut values = Vec::with_capacity(usize::try_from(columns).ok()?.min(64));
    for _ in 0..columns {
        values.push(match length(&mut rest)? {
            None => None,
            Some(size) => {
                let size = usize::try_from(size).ok()?;
                let value = rest.get(..size)?;
                rest = &rest[size..];
                Some(value.to_vec())
            }
        });
    }
    Some(Row(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_an_engine_are_understood_and_others_refused() {
        let mut greeting = vec![10];
        greeting.extend(b"9.7.4\0\x01\0\0\0abcdefgh\0");
        greeting.extend([0; 18]);
        greeting.extend(b"ijklmnopqrst\0caching_sha2_password\0");
        let (nonce, plugin) = greeting_parts(&greeting).unwrap();
        assert_eq!(
            (nonce.as_slice(), plugin.as_str()),
            (&b"abcdefghijklmnopqrst"[..], "caching_sha2_password")
        );
        for end in 0..30 {
            assert!(greeting_parts(&greeting[..end]).is_none());
        }
        assert_eq!(
            row(b"\x01a\xfb\x00", 3).unwrap().0,
            [Some(b"a".to_vec()), None, Some(Vec::new())]
        );
        assert!(row(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffa", 1).is_none());
        assert!(row(b"\x05a", 1).is_none());
        assert_eq!(refused(b"\xff\x7a\x04#42S02gone").code(), Some(1146));
    }
}
