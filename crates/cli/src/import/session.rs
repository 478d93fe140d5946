//! A MySQL session that sends statements as they lie in memory: a long one is never copied.

use crate::failure::Failure;
use crate::tunnel::{Speaker, Tunnel};
use offshoot_wire::packet::{self, Header};
use offshoot_wire::{Malformed, capability as cap, cursor, reply};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

/// Largest packet that is sent, in bytes: the engines' own limit.
const MAX_PACKET: u32 = 1 << 30;
/// `utf8mb4_general_ci`, which both engines have.
const CHARSET: u8 = 45;
const CAPABILITIES: u32 = cap::LONG_PASSWORD
    | cap::LONG_FLAG
    | cap::PROTOCOL_41
    | cap::TRANSACTIONS
    | cap::MULTI_STATEMENTS
    | cap::MULTI_RESULTS;
const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;
/// Status flag: another result follows.
const MORE_RESULTS: u16 = 8;
/// Bytes of an answer's packet that are kept. Nobody reads rows; an error is shorter.
const KEPT: usize = 4 << 10;
/// A statement of this length goes out together with its header.
const SMALL: usize = 16 << 10;

pub(super) struct Session {
    stream: BufReader<Speaker>,
    /// The last packet's first bytes.
    packet: Vec<u8>,
    out: Vec<u8>,
    /// Of the next packet.
    sequence: u8,
}

/// Why a statement came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("ERROR {} ({}): {}", .0.code, String::from_utf8_lossy(&.0.state), crate::output::plain(&.0.message))]
    Server(reply::Err),
    #[error("the session broke: {0}")]
    Io(#[from] io::Error),
    #[error("the session broke: {0}")]
    Malformed(#[from] Malformed),
    #[error("the session broke: the engine asked for a file")]
    File,
}

impl Session {
    pub(super) async fn open(tunnel: &Tunnel) -> Result<Self, Failure> {
        let stream = tunnel.speaker(CAPABILITIES, CHARSET, MAX_PACKET).await?;
        Ok(Self {
            stream: BufReader::new(stream),
            packet: Vec::new(),
            out: Vec::new(),
            sequence: 0,
        })
    }

    /// Runs a text of one statement or several. Returns the first cell of the first row, where
    /// there is one and it is short.
    pub(super) async fn say(&mut self, text: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.send(text).await?;
        let mut cell = None;
        while self.result(&mut cell).await? {}
        Ok(cell)
    }

    /// What was said stays, whatever becomes of the farewell.
    pub(super) async fn close(mut self) {
        let bytes = packet::packet(0, |out| out.push(COM_QUIT));
        let stream = self.stream.get_mut();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
    }

    async fn send(&mut self, text: &[u8]) -> io::Result<()> {
        self.sequence = 0;
        let stream = self.stream.get_mut();
        let (mut first, mut rest) = text.split_at(text.len().min(packet::MAX_PAYLOAD - 1));
        let mut command: &[u8] = &[COM_QUERY];
        loop {
            let length = first.len() + command.len();
            self.out.clear();
            let bytes = u32::try_from(length).unwrap_or_default().to_le_bytes();
            self.out.extend_from_slice(&bytes[..3]);
            self.out.push(self.sequence);
            self.sequence = self.sequence.wrapping_add(1);
            self.out.extend_from_slice(command);
            if first.len() <= SMALL {
                self.out.extend_from_slice(first);
                first = &[];
            }
            stream.write_all(&self.out).await?;
            stream.write_all(first).await?;
            // A packet of full length says that another one follows, be it an empty one.
            if length < packet::MAX_PAYLOAD {
                return stream.flush().await;
            }
            command = &[];
            (first, rest) = rest.split_at(rest.len().min(packet::MAX_PAYLOAD));
        }
    }

    /// Reads one result to its end; `true`: another one follows.
    async fn result(&mut self, cell: &mut Option<Vec<u8>>) -> Result<bool, Error> {
        self.receive().await?;
        match self.packet.first() {
            Some(&reply::OK) => {
                let ok = reply::Ok::parse(&self.packet)?;
                return Ok(ok.status & MORE_RESULTS != 0);
            }
            Some(&reply::LOCAL_FILE) => return Err(Error::File),
            _ => {}
        }
        self.until_eof(&mut None).await?;
        self.until_eof(cell).await
    }

    /// Definitions of columns, or rows. `true`: another result follows.
    async fn until_eof(&mut self, cell: &mut Option<Vec<u8>>) -> Result<bool, Error> {
        loop {
            let length = self.receive().await?;
            if length < 9 && self.packet.first() == Some(&reply::EOF) {
                let eof = reply::Eof::parse(&self.packet)?;
                return Ok(eof.status & MORE_RESULTS != 0);
            }
            if cell.is_none() && length <= KEPT {
                let mut row = cursor::Cursor::new(&self.packet);
                *cell = row.lenenc_bytes("row").ok().map(<[u8]>::to_vec);
            }
        }
    }

    /// Reads a packet of any length; an error is one. Returns its length.
    async fn receive(&mut self) -> Result<usize, Error> {
        self.packet.clear();
        let mut length = 0;
        loop {
            let mut header = [0; packet::HEADER];
            self.stream.read_exact(&mut header).await?;
            let header = Header::read(&header).ok_or(Malformed("header"))?;
            let kept = header.length.min(KEPT - self.packet.len());
            let (start, rest) = (self.packet.len(), (header.length - kept) as u64);
            self.packet.resize(start + kept, 0);
            self.stream.read_exact(&mut self.packet[start..]).await?;
            let mut rest = (&mut self.stream).take(rest);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
            length += header.length;
            if !header.continued() {
                break;
            }
        }
        if self.packet.first() == Some(&reply::ERR) {
            return Err(Error::Server(reply::Err::parse(&self.packet)?));
        }
        Ok(length)
    }
}
