//! A line: the client's end of a session at the gateway, over a pipe within this process.
//!
//! It speaks MySQL's protocol as any client does. So admission, wake-up, parking, kills and the end
//! of a credential are the session's, and nothing of them is done here a second time.

use crate::listen::Shared;
use crate::login::Guest;
use crate::options::CHUNK;
use crate::session::Session;
use crate::session::holds::Holds;
use crate::{client::ClientStream, login::draw_nonce};
use bytes::{Buf, Bytes, BytesMut};
use offshoot_core::id::BranchId;
use offshoot_core::port::Credential;
use offshoot_wire::column::Column;
use offshoot_wire::cursor::Cursor;
use offshoot_wire::login::Login;
use offshoot_wire::packet::{HEADER, Header, MAX_PAYLOAD};
use offshoot_wire::{Malformed, capability as cap, command, error, reply};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf};

/// What a line asks of an engine: no compression, no files, one statement at a time.
const CAPABILITIES: u32 = cap::LONG_PASSWORD
    | cap::LONG_FLAG
    | cap::PROTOCOL_41
    | cap::TRANSACTIONS
    | cap::SECURE_CONNECTION
    | cap::MULTI_RESULTS
    | cap::PS_MULTI_RESULTS
    | cap::PLUGIN_AUTH
    | cap::PLUGIN_AUTH_LENENC
    | cap::DEPRECATE_EOF;
/// `utf8mb4_0900_ai_ci`; the gateway says its own default to engines that do not know it.
const CHARSET: u8 = 255;
/// Longest row in bytes. Rows are held whole, and the clients take no longer message.
const MAX_ROW: usize = 64 << 20;
/// Columns of a result: the engines allow 4,096 for a table.
const MAX_COLUMNS: u64 = 65_535;
/// Commands up to this length are written at once.
const SMALL: usize = 16 * 1024;
const MAX_PACKET: u32 = 1 << 30;

/// Why a line is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the session ended")]
    Gone(#[from] std::io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a row is longer than {} MiB", MAX_ROW >> 20)]
    TooLong,
    /// The session's last word.
    #[error("{}", .0.message)]
    Told(reply::Err),
}

/// How the answer to a statement begins.
pub(super) enum Begun {
    Done(reply::Ok),
    Rows(Vec<Column>),
    Refused(reply::Err),
}

/// What follows in a result.
pub(super) enum Next {
    Row(Bytes),
    End(reply::Ok),
    Refused(reply::Err),
}

/// What a statement takes and gives, known without running it.
pub(super) struct Prepared {
    pub(super) parameters: u16,
    pub(super) columns: Vec<Column>,
}

pub(super) struct Line {
    stream: DuplexStream,
    input: BytesMut,
    holds: Holds,
    /// The schema that the line began with.
    home: Option<Vec<u8>>,
    /// Of the engine's last OK.
    pub(super) status: u16,
    pub(super) branch: BranchId,
    pub(super) id: u32,
    /// Statements so far.
    pub(super) uses: u32,
    pub(super) idle_since: Instant,
}

impl Line {
    /// Opens a session for a proved credential; it waits until the branch is awake.
    ///
    /// # Errors
    /// What the gateway tells the client that it turns away.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        username: &str,
        credential: &Credential,
        address: IpAddr,
    ) -> Result<Self, reply::Err> {
        let home = Some(credential.schema.clone().into_bytes());
        match Self::enter(shared, username, credential, address, home).await {
            // The schema was dropped, or the role may not see it: as for a client that names none.
            Err(err) if matches!(err.code, error::UNKNOWN_SCHEMA | 1044) => {
                Self::enter(shared, username, credential, address, None).await
            }
            entered => entered,
        }
    }

    async fn enter(
        shared: &Arc<Shared>,
        username: &str,
        credential: &Credential,
        address: IpAddr,
        home: Option<Vec<u8>>,
    ) -> Result<Self, reply::Err> {
        let Some(counted) = shared.count() else {
            return Err(reply::Err::new(error::CON_COUNT, "Too many connections"));
        };
        let (ours, theirs) = tokio::io::duplex(CHUNK);
        let guest = Guest {
            client: ClientStream::within(theirs, counted),
            id: shared.registry.draw_id(),
            login: Login {
                capabilities: CAPABILITIES,
                max_packet: MAX_PACKET,
                charset: CHARSET,
                username: username.as_bytes().to_vec(),
                schema: home.clone(),
                ..Login::default()
            },
            credential: credential.clone(),
            address,
            nonce: draw_nonce(shared),
            sequence: 2,
            confirm: false,
        };
        let id = guest.id;
        tokio::spawn(attend(Arc::clone(shared), guest));
        let mut line = Self {
            stream: ours,
            input: BytesMut::new(),
            holds: Holds::new(home.clone()),
            home,
            status: reply::AUTOCOMMIT,
            branch: credential.branch,
            id,
            uses: 0,
            idle_since: Instant::now(),
        };
        let word = line.packet().await;
        let told = match word.as_deref() {
            Ok(payload) => match payload.first() {
                Some(&reply::OK) => reply::Ok::parse(payload).map(|ok| line.status = ok.status),
                _ => return Err(reply::Err::parse(payload).unwrap_or_else(|_| no_answer())),
            },
            Err(_) => return Err(no_answer()),
        };
        told.map(|()| line).map_err(|_| no_answer())
    }

    /// Nothing is held that another session would lack or should not have.
    pub(super) fn is_clean(&self) -> bool {
        let flags = reply::IN_TRANSACTION | reply::AUTOCOMMIT;
        self.status & flags == reply::AUTOCOMMIT
            && self.holds.state().is_none()
            && self.holds.settings.is_empty()
            && self.holds.schema == self.home
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.status & reply::IN_TRANSACTION != 0
    }

    pub(super) fn schema(&self) -> Option<&[u8]> {
        self.holds.schema.as_deref()
    }

    /// Whether the session is still there and has said nothing, as one that was ended has.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.stream).poll_read(&mut cx, &mut room);
        self.input.is_empty() && matches!(read, Poll::Pending)
    }

    /// Sends a statement and reads how its answer begins.
    pub(super) async fn query(&mut self, text: &[u8]) -> Result<Begun, Lost> {
        self.holds.command(command::QUERY, Some(text));
        self.begin(text).await
    }

    /// As [`Line::query`], for a setting of ours that counts for the next statement only.
    pub(super) async fn say(&mut self, text: &[u8]) -> Result<(), Lost> {
        self.begin(text).await.map(|_| ())
    }

    async fn begin(&mut self, text: &[u8]) -> Result<Begun, Lost> {
        self.uses = self.uses.wrapping_add(1);
        self.send(command::QUERY, text).await?;
        let first = self.packet().await?;
        self.holds
            .answered(first.first().copied().unwrap_or(reply::ERR));
        self.answer(&first).await
    }

    /// The first packet of an answer, and the definitions behind it.
    async fn answer(&mut self, first: &[u8]) -> Result<Begun, Lost> {
        match first.first() {
            Some(&reply::OK) => {
                let ok = self.noted(reply::Ok::parse(first)?);
                Ok(match self.further(ok).await? {
                    Next::Refused(err) => Begun::Refused(err),
                    Next::End(ok) => Begun::Done(ok),
                    Next::Row(_) => return Err(Malformed("answer").into()),
                })
            }
            Some(&reply::ERR) => Ok(Begun::Refused(self.refused(first).await?)),
            Some(&reply::LOCAL_FILE) | None => Err(Malformed("answer").into()),
            Some(_) => {
                let count = Cursor::new(first).lenenc("columns")?;
                Ok(Begun::Rows(self.columns(count).await?))
            }
        }
    }

    async fn columns(&mut self, count: u64) -> Result<Vec<Column>, Lost> {
        if count > MAX_COLUMNS {
            return Err(Malformed("columns").into());
        }
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(Column::parse(&self.packet().await?)?);
        }
        Ok(columns)
    }

    /// The next row, or the end. Results behind the first one are read and dropped.
    pub(super) async fn next(&mut self) -> Result<Next, Lost> {
        let payload = self.packet().await?;
        match payload.first() {
            Some(&reply::ERR) => Ok(Next::Refused(self.refused(&payload).await?)),
            Some(&reply::EOF) if payload.len() < MAX_PAYLOAD => {
                let ok = self.noted(reply::Ok::parse(&payload)?);
                self.further(ok).await
            }
            _ => Ok(Next::Row(payload)),
        }
    }

    /// Reads what follows the end of a result; never gives a row.
    async fn further(&mut self, mut ok: reply::Ok) -> Result<Next, Lost> {
        while ok.status & reply::MORE_RESULTS != 0 {
            let first = self.packet().await?;
            match first.first() {
                Some(&reply::OK) => ok = self.noted(reply::Ok::parse(&first)?),
                Some(&reply::ERR) => return Ok(Next::Refused(self.refused(&first).await?)),
                _ => {
                    self.columns(Cursor::new(&first).lenenc("columns")?).await?;
                    loop {
                        let row = self.packet().await?;
                        match row.first() {
                            Some(&reply::ERR) => {
                                return Ok(Next::Refused(self.refused(&row).await?));
                            }
                            Some(&reply::EOF) if row.len() < MAX_PAYLOAD => {
                                ok = self.noted(reply::Ok::parse(&row)?);
                                break;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        Ok(Next::End(ok))
    }

    fn noted(&mut self, ok: reply::Ok) -> reply::Ok {
        self.status = ok.status;
        ok
    }

    /// An error says nothing of the transaction, which it may have ended: a ping does.
    async fn refused(&mut self, payload: &[u8]) -> Result<reply::Err, Lost> {
        let err = reply::Err::parse(payload)?;
        if self.in_transaction() {
            // Without an answer the error was the session's last word.
            match self.ping().await {
                Ok(ok) => self.noted(ok),
                Err(_) => return Err(Lost::Told(err)),
            };
        }
        Ok(err)
    }

    async fn ping(&mut self) -> Result<reply::Ok, Lost> {
        self.send(command::PING, b"").await?;
        Ok(reply::Ok::parse(&self.packet().await?)?)
    }

    /// What a statement takes and gives; nothing of it stays.
    pub(super) async fn prepare(
        &mut self,
        text: &[u8],
    ) -> Result<Result<Prepared, reply::Err>, Lost> {
        self.uses = self.uses.wrapping_add(1);
        self.send(command::STMT_PREPARE, text).await?;
        let first = self.packet().await?;
        if first.first() == Some(&reply::ERR) {
            return Ok(Err(self.refused(&first).await?));
        }
        const WHAT: &str = "answer to a prepare";
        let mut c = Cursor::new(&first);
        c.u8(WHAT)?;
        let statement = c.u32(WHAT)?;
        let (columns, parameters) = (c.u16(WHAT)?, c.u16(WHAT)?);
        self.columns(parameters.into()).await?;
        let columns = self.columns(columns.into()).await?;
        self.send(command::STMT_CLOSE, &statement.to_le_bytes())
            .await?;
        Ok(Ok(Prepared {
            parameters,
            columns,
        }))
    }

    async fn send(&mut self, code: u8, body: &[u8]) -> Result<(), Lost> {
        let total = body.len() + 1;
        if total <= SMALL {
            let mut bytes = Vec::with_capacity(HEADER + total);
            bytes.extend_from_slice(&(total as u32).to_le_bytes()[..3]);
            bytes.extend_from_slice(&[0, code]);
            bytes.extend_from_slice(body);
            return Ok(self.stream.write_all(&bytes).await?);
        }
        let (mut rest, mut sequence, mut first) = (body, 0u8, true);
        loop {
            let room = MAX_PAYLOAD - usize::from(first);
            let (part, behind) = rest.split_at(rest.len().min(room));
            let length = part.len() + usize::from(first);
            let mut head = (length as u32).to_le_bytes();
            head[3] = sequence;
            self.stream.write_all(&head).await?;
            if first {
                self.stream.write_all(&[code]).await?;
            }
            self.stream.write_all(part).await?;
            if length < MAX_PAYLOAD {
                return Ok(());
            }
            (rest, sequence, first) = (behind, sequence.wrapping_add(1), false);
        }
    }

    /// The payload of the next packet, joined with what continues it.
    async fn packet(&mut self) -> Result<Bytes, Lost> {
        let mut joined: Option<BytesMut> = None;
        loop {
            let header = loop {
                let missing = match Header::read(&self.input) {
                    Some(h) if self.input.len() >= HEADER + h.length => break h,
                    Some(h) => HEADER + h.length - self.input.len(),
                    None => HEADER,
                };
                self.input.reserve(missing.max(SMALL));
                if self.stream.read_buf(&mut self.input).await? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
            };
            self.input.advance(HEADER);
            let part = self.input.split_to(header.length);
            let whole = match joined.take() {
                None => part,
                Some(mut before) => {
                    if before.len() + part.len() > MAX_ROW {
                        return Err(Lost::TooLong);
                    }
                    before.extend_from_slice(&part);
                    before
                }
            };
            if !header.continued() {
                return Ok(whole.freeze());
            }
            joined = Some(whole);
        }
    }
}

/// The other end of a line.
async fn attend(shared: Arc<Shared>, guest: Guest) {
    // Boxed, so that an open session does not carry the memory of its beginning.
    if let Some(session) = Box::pin(Session::open(&shared, guest)).await {
        session.run().await;
    }
}

fn no_answer() -> reply::Err {
    reply::Err::new(error::UNKNOWN, "the branch's engine does not answer")
}
