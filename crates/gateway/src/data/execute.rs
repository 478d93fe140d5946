//! Runs one statement and sends its result while it is read.

use super::bind::bind;
use super::encoder::{Encoder, Outcome};
use super::foreign;
use super::handle::Handle;
use super::line::{Begun, Line, Lost, Next};
use super::reply::{self, DataBody, Failed, Piece};
use super::request::{Call, Shape};
use super::seats::Seat;
use super::session::{Entered, Guest, Inner, View};
use super::statement::{Special, asks_last_insert_id, special};
use bytes::Bytes;
use http::{Response, StatusCode};
use offshoot_wire::reply as packet;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Bytes of a piece of an answer.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a client that reads slowly; the engine waits then too.
const PIECES: usize = 2;

/// MySQL's numbers of what the data API itself refuses.
const WRONG_VALUE: u16 = 1231;
const PARSE_ERROR: u16 = 1064;

/// Answers a statement. A short answer is sent whole, a long one while it is read.
pub(super) async fn execute(
    inner: Arc<Inner>,
    guest: Guest,
    call: Call,
    shape: Shape,
) -> Result<Response<DataBody>, Failed> {
    let Some(entered) = inner.enter(&guest, &call.session, &call.query) else {
        return Err(foreign());
    };
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let run = Run {
        inner,
        guest,
        encoder: Encoder::new(shape.form, shape.stream),
        pieces: sender.clone(),
        began: Instant::now(),
    };
    let mut running = Box::pin(run.answer(entered, call));
    let body = tokio::select! {
        biased;
        first = pieces.recv() => {
            tokio::spawn(async move {
                // Without a last piece the answer ends as one that broke off.
                if let Some(last) = running.await {
                    let _ = sender.send(Piece::Last(last)).await;
                }
            });
            let first = match first {
                Some(Piece::More(bytes) | Piece::Last(bytes)) => bytes,
                None => Bytes::new(),
            };
            DataBody::streamed(first, pieces)
        }
        last = &mut running => {
            let mut whole = Vec::new();
            while let Ok(Piece::More(bytes) | Piece::Last(bytes)) = pieces.try_recv() {
                whole.extend_from_slice(&bytes);
            }
            let last = last.unwrap_or_default();
            DataBody::whole(match whole.is_empty() {
                true => last,
                false => [&whole[..], &last].concat().into(),
            })
        }
    };
    Ok(reply::with(StatusCode::OK, shape.content(), body))
}

/// A statement under way.
struct Run {
    inner: Arc<Inner>,
    guest: Guest,
    encoder: Encoder,
    pieces: mpsc::Sender<Piece>,
    began: Instant,
}

/// The client is gone, and with it the statement.
struct Left;

impl Run {
    /// The last piece of the answer; those before it are sent. `None`: nobody reads it.
    async fn answer(mut self, entered: Entered, call: Call) -> Option<Bytes> {
        let (outcome, view) = match entered {
            Entered::Good(handle) => self.good(&call, handle).await.ok()?,
            Entered::Refused(err, handle) => {
                (Outcome::Err(err), self.inner.view(&self.guest, handle))
            }
            Entered::Done(handle) => (
                Outcome::Ok(packet::Ok::default()),
                self.inner.view(&self.guest, handle),
            ),
        };
        let seconds = self.began.elapsed().as_secs_f64();
        Some(self.encoder.end(&outcome, &view, seconds))
    }

    async fn good(&mut self, call: &Call, mut handle: Handle) -> Result<(Outcome, View), Left> {
        let refused = |code, text: String| Outcome::Err(packet::Err::new(code, text));
        let outcome = match special(&call.query) {
            None => return self.statement(call, handle).await,
            Some(Special::Target(schema)) => {
                let home = self.guest.credential.schema.clone();
                let schema = schema.unwrap_or(home).replace('`', "``");
                let call = Call {
                    query: format!("USE `{schema}`").into_bytes().into(),
                    ..Call::default()
                };
                return self.statement(&call, handle).await;
            }
            Some(Special::Workload(workload)) => {
                handle.workload = workload;
                Outcome::Ok(packet::Ok::default())
            }
            Some(Special::NoWorkload(value)) => refused(
                WRONG_VALUE,
                format!(
                    "Variable 'workload' can't be set to the value of '{value}'; use oltp or olap"
                ),
            ),
            Some(Special::NoTarget(name)) => refused(
                PARSE_ERROR,
                format!("{name:?} is no target; use @primary, @replica or @rdonly"),
            ),
        };
        // No statement runs, but a session that is pinned stays so.
        if handle.key == 0 {
            return Ok((outcome, self.inner.view(&self.guest, handle)));
        }
        Ok(match self.inner.seat(&self.guest, handle).await {
            Ok(seat) => (outcome, self.inner.leave(&self.guest, seat, handle, 0)),
            Err((err, handle)) => (Outcome::Err(err), self.inner.view(&self.guest, handle)),
        })
    }

    async fn statement(&mut self, call: &Call, handle: Handle) -> Result<(Outcome, View), Left> {
        let mut seat = match self.inner.seat(&self.guest, handle).await {
            Ok(seat) => seat,
            Err((err, handle)) => {
                return Ok((Outcome::Err(err), self.inner.view(&self.guest, handle)));
            }
        };
        let text = match text(call, &seat.line) {
            Ok(text) => text,
            Err(err) => {
                let view = self.inner.leave(&self.guest, seat, handle, 0);
                return Ok((Outcome::Err(err), view));
            }
        };
        match self.run(&mut seat, &text, handle).await {
            Ok(outcome) => Ok(self.left(seat, handle, outcome)),
            Err(Stopped::Left) => Err(Left),
            Err(Stopped::Lost(why)) => {
                let (err, view) = self.inner.broken(&self.guest, seat, handle, why);
                Ok((Outcome::Err(err), view))
            }
        }
    }

    fn left(&self, seat: Seat, mut handle: Handle, outcome: Outcome) -> (Outcome, View) {
        let warnings = match &outcome {
            Outcome::Ok(ok) => {
                if ok.last_insert_id != 0 {
                    handle.last_insert_id = ok.last_insert_id;
                }
                ok.warnings
            }
            Outcome::Err(_) => 0,
        };
        let view = self.inner.leave(&self.guest, seat, handle, warnings);
        (outcome, view)
    }

    async fn run(
        &mut self,
        seat: &mut Seat,
        text: &[u8],
        handle: Handle,
    ) -> Result<Outcome, Stopped> {
        let line = &mut seat.line;
        // Another session's statement may have run here in between.
        let same = (line.id, line.uses) == (handle.line, handle.uses) || handle.key != 0;
        if !same && asks_last_insert_id(text) {
            let setting = format!("SET last_insert_id = {}", handle.last_insert_id);
            line.say(setting.as_bytes()).await?;
        }
        let columns = match line.query(text).await? {
            Begun::Done(ok) => return Ok(Outcome::Ok(ok)),
            Begun::Refused(err) => return Ok(Outcome::Err(err)),
            Begun::Rows(columns) => columns,
        };
        self.encoder.columns(&columns);
        loop {
            match line.next().await? {
                Next::Row(row) => {
                    self.encoder.row(&row).map_err(Lost::from)?;
                    if self.encoder.size() >= PIECE {
                        let piece = Piece::More(self.encoder.piece());
                        let sent = self.pieces.send(piece).await;
                        sent.map_err(|_| Stopped::Left)?;
                    }
                }
                // Numbers of a result with rows are those of what changed, which is nothing.
                Next::End(ok) => return Ok(Outcome::Ok(ok)),
                Next::Refused(err) => return Ok(Outcome::Err(err)),
            }
        }
    }
}

enum Stopped {
    Left,
    Lost(Lost),
}

impl From<Lost> for Stopped {
    fn from(lost: Lost) -> Self {
        Stopped::Lost(lost)
    }
}

/// The statement with its values.
fn text<'a>(call: &'a Call, line: &Line) -> Result<Cow<'a, [u8]>, packet::Err> {
    if call.values.is_empty() {
        return Ok(Cow::Borrowed(&call.query));
    }
    let backslash = line.status & packet::NO_BACKSLASH_ESCAPES == 0;
    match bind(&call.query, &call.values, backslash) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(wrong) => Err(packet::Err::new(WRONG_VALUE, wrong.to_string())),
    }
}
