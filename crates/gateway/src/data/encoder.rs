//! Writes the answer to a statement, piece by piece, so that no result is held whole.
//!
//! A single answer is one message. In JSON its members are written one after the other. In protobuf
//! it goes out as several encodings of the same message, each with a part of the result: a reader
//! joins them, as the format says ("merging"). A stream is made of messages with parts of the
//! result, each in an envelope.

use super::kinds::{Code, Type, flags_of, type_of};
use super::messages::{self, Options, RpcError, SessionState, Warning};
use super::session::View;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use offshoot_wire::column::{Column, value};
use offshoot_wire::cursor::Cursor;
use offshoot_wire::{Malformed, reply};
use prost::Message;
use std::io::Write;

/// In which form messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Proto,
}

/// Bytes before a message in a stream: flags, and its length.
pub(super) const ENVELOPE: usize = 5;
/// Flags of an envelope: its message is compressed, and it is the last.
pub(super) const COMPRESSED: u8 = 1;
pub(super) const LAST: u8 = 2;

/// Warnings that a session repeats: only their number counts.
const MAX_WARNINGS: u16 = 64;

/// How a statement ended.
pub(super) enum Outcome {
    Ok(reply::Ok),
    Err(reply::Err),
}

pub(super) struct Encoder {
    form: Form,
    /// Messages go in envelopes.
    stream: bool,
    /// What is written of the result since the last piece: members in JSON, fields in protobuf.
    result: Vec<u8>,
    has_columns: bool,
    /// JSON: the result of a single answer, and the list of rows, are begun and not ended.
    in_result: bool,
    in_rows: bool,
    scratch: Scratch,
}

/// Memory that rows use one after the other.
#[derive(Default)]
struct Scratch {
    values: Vec<u8>,
    lengths: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(form: Form, stream: bool) -> Self {
        Self {
            form,
            stream,
            result: Vec::new(),
            has_columns: false,
            in_result: false,
            in_rows: false,
            scratch: Scratch::default(),
        }
    }

    /// Bytes that the next piece will have, about.
    pub(super) fn size(&self) -> usize {
        self.result.len()
    }

    /// The columns; once, before rows.
    pub(super) fn columns(&mut self, columns: &[Column]) {
        self.has_columns = true;
        match self.form {
            Form::Json => {
                self.result.extend_from_slice(b"\"fields\":");
                json_fields(columns, &mut self.result);
            }
            Form::Proto => {
                for column in columns {
                    let field = field(column);
                    prost::encoding::message::encode(1, &field, &mut self.result);
                }
            }
        }
    }

    /// One row, as the engine sent it.
    pub(super) fn row(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        match self.form {
            Form::Json => self.json_row(payload),
            Form::Proto => self.proto_row(payload),
        }
    }

    fn json_row(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let out = &mut self.result;
        if self.in_rows {
            out.push(b',');
        } else {
            if !out.is_empty() || self.in_result {
                out.push(b',');
            }
            out.extend_from_slice(b"\"rows\":[");
            self.in_rows = true;
        }
        out.extend_from_slice(b"{\"lengths\":[");
        self.scratch.values.clear();
        let mut row = Cursor::new(payload);
        let mut first = true;
        while !row.is_empty() {
            if !first {
                out.push(b',');
            }
            first = false;
            match value(&mut row)? {
                None => out.extend_from_slice(b"\"-1\""),
                Some(bytes) => {
                    let _ = write!(out, "\"{}\"", bytes.len());
                    self.scratch.values.extend_from_slice(bytes);
                }
            }
        }
        out.push(b']');
        if !self.scratch.values.is_empty() {
            out.extend_from_slice(b",\"values\":\"");
            put_base64(&self.scratch.values, out);
            out.push(b'"');
        }
        out.push(b'}');
        Ok(())
    }

    fn proto_row(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
        let Scratch { values, lengths } = &mut self.scratch;
        values.clear();
        lengths.clear();
        let mut row = Cursor::new(payload);
        while !row.is_empty() {
            match value(&mut row)? {
                // -1, zigzag.
                None => encode_varint(1, lengths),
                Some(bytes) => {
                    encode_varint((bytes.len() as u64) << 1, lengths);
                    values.extend_from_slice(bytes);
                }
            }
        }
        let part = |n: usize| match n {
            0 => 0,
            n => 1 + encoded_len_varint(n as u64) + n,
        };
        let out = &mut self.result;
        encode_key(4, WireType::LengthDelimited, out);
        encode_varint((part(lengths.len()) + part(values.len())) as u64, out);
        for (tag, bytes) in [(1, lengths), (2, values)] {
            if !bytes.is_empty() {
                encode_key(tag, WireType::LengthDelimited, out);
                encode_varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// What is written so far, as the next piece of the answer.
    pub(super) fn piece(&mut self) -> Bytes {
        let result = std::mem::take(&mut self.result);
        match (self.form, self.stream) {
            (Form::Json, false) => {
                let begun = std::mem::replace(&mut self.in_result, true);
                match begun {
                    true => result.into(),
                    false => [b"{\"result\":{", &result[..]].concat().into(),
                }
            }
            (Form::Json, true) => {
                let end: &[u8] = match std::mem::take(&mut self.in_rows) {
                    true => b"]}}",
                    false => b"}}",
                };
                envelope(0, &[b"{\"result\":{", &result[..], end].concat())
            }
            (Form::Proto, false) => proto_result(&result).into(),
            (Form::Proto, true) => envelope(0, &proto_result(&result)),
        }
    }

    /// The last piece. `seconds`: how long it took.
    pub(super) fn end(mut self, outcome: &Outcome, view: &View, seconds: f64) -> Bytes {
        match self.form {
            Form::Json => self.json_end(outcome, view, seconds),
            Form::Proto => self.proto_end(outcome, view, seconds),
        }
    }

    fn json_end(&mut self, outcome: &Outcome, view: &View, seconds: f64) -> Bytes {
        let mut out = Vec::new();
        if !self.in_result {
            out.push(b'{');
        }
        let numbers = match outcome {
            Outcome::Ok(ok) if !self.has_columns => Some(ok),
            _ => None,
        };
        if self.in_result || !self.result.is_empty() || numbers.is_some() {
            if !self.in_result {
                out.extend_from_slice(b"\"result\":{");
            }
            out.append(&mut self.result);
            if self.in_rows {
                out.push(b']');
            }
            if let Some(ok) = numbers {
                json_numbers(ok, &mut out);
            }
            out.extend_from_slice(b"},");
        }
        if let Outcome::Err(err) = outcome {
            out.extend_from_slice(b"\"error\":");
            json_error(err, &mut out);
            out.push(b',');
        }
        out.extend_from_slice(b"\"session\":");
        json_session(view, &mut out);
        if !self.stream {
            let _ = write!(out, ",\"timing\":{seconds:.6}");
        }
        out.push(b'}');
        match self.stream {
            false => out.into(),
            true => [&envelope(0, &out)[..], &envelope(LAST, b"{}")]
                .concat()
                .into(),
        }
    }

    fn proto_end(&mut self, outcome: &Outcome, view: &View, seconds: f64) -> Bytes {
        let result = std::mem::take(&mut self.result);
        let (mut out, numbers) = match outcome {
            Outcome::Ok(_) if !result.is_empty() => (proto_result(&result), None),
            Outcome::Ok(ok) if !self.has_columns => (Vec::new(), Some(numbers(ok))),
            _ => Default::default(),
        };
        let rest = messages::ExecuteResponse {
            session: Some(proto_session(view)),
            result: numbers,
            error: match outcome {
                Outcome::Err(err) => Some(proto_error(err)),
                Outcome::Ok(_) => None,
            },
            timing: if self.stream { 0.0 } else { seconds },
        };
        rest.encode_raw(&mut out);
        match self.stream {
            false => out.into(),
            true => [&envelope(0, &out)[..], &envelope(LAST, b"{}")]
                .concat()
                .into(),
        }
    }
}

fn numbers(ok: &reply::Ok) -> messages::QueryResult {
    messages::QueryResult {
        rows_affected: ok.affected_rows,
        insert_id: ok.last_insert_id,
        info: text(&ok.rest),
        ..messages::QueryResult::default()
    }
}

/// A message in its envelope.
pub(super) fn envelope(flags: u8, message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(ENVELOPE + message.len());
    out.push(flags);
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out.into()
}

fn proto_result(result: &[u8]) -> Vec<u8> {
    use prost::encoding::{WireType, encode_key, encode_varint};
    let mut out = Vec::with_capacity(result.len() + 8);
    encode_key(2, WireType::LengthDelimited, &mut out);
    encode_varint(result.len() as u64, &mut out);
    out.extend_from_slice(result);
    out
}

fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    let length = bytes.len().div_ceil(3) * 4;
    out.resize(begin + length, 0);
    // The room is exactly what it takes.
    let written = STANDARD.encode_slice(bytes, &mut out[begin..]).unwrap_or(0);
    out.truncate(begin + written);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn field(column: &Column) -> messages::Field {
    let Type { number, .. } = type_of(column);
    messages::Field {
        name: text(&column.name),
        r#type: number,
        table: text(&column.table),
        org_table: text(&column.org_table),
        database: text(&column.schema),
        org_name: text(&column.org_name),
        column_length: column.length,
        charset: column.charset.into(),
        decimals: column.decimals.into(),
        flags: flags_of(column),
    }
}

/// The list of columns; what is empty or zero is left away.
pub(super) fn json_fields(columns: &[Column], out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, column) in columns.iter().enumerate() {
        let field = field(column);
        out.extend_from_slice(if n == 0 {
            b"{\"name\":"
        } else {
            b",{\"name\":"
        });
        json_text(&field.name, out);
        let texts = [
            ("table", &field.table),
            ("orgTable", &field.org_table),
            ("database", &field.database),
            ("orgName", &field.org_name),
        ];
        if field.r#type != 0 {
            let _ = write!(out, ",\"type\":\"{}\"", type_of(column).name);
        }
        for (name, value) in texts.into_iter().filter(|(_, v)| !v.is_empty()) {
            let _ = write!(out, ",\"{name}\":");
            json_text(value, out);
        }
        for (name, value) in [
            ("columnLength", field.column_length),
            ("charset", field.charset),
            ("decimals", field.decimals),
            ("flags", field.flags),
        ] {
            if value != 0 {
                let _ = write!(out, ",\"{name}\":{value}");
            }
        }
        out.push(b'}');
    }
    out.push(b']');
}

/// Members of a result without rows. Numbers of 64 bits are strings.
fn json_numbers(ok: &reply::Ok, out: &mut Vec<u8>) {
    let mut comma = "";
    for (name, value) in [
        ("rowsAffected", ok.affected_rows),
        ("insertId", ok.last_insert_id),
    ] {
        if value != 0 {
            let _ = write!(out, "{comma}\"{name}\":\"{value}\"");
            comma = ",";
        }
    }
    if !ok.rest.is_empty() {
        let _ = write!(out, "{comma}\"info\":");
        json_text(&text(&ok.rest), out);
    }
}

/// `message` and `code` of an engine's error. The number and state are in the message, where the
/// clients look for them.
pub(super) fn json_error(err: &reply::Err, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"message\":");
    json_text(&message(err), out);
    let _ = write!(out, ",\"code\":\"{}\"}}", Code::of(err.code).name());
}

pub(super) fn proto_error(err: &reply::Err) -> RpcError {
    RpcError {
        message: message(err),
        code: Code::of(err.code) as i32,
    }
}

pub(super) fn message(err: &reply::Err) -> String {
    let state = String::from_utf8_lossy(&err.state);
    format!("{} (errno {}) (sqlstate {state})", err.message, err.code)
}

pub(super) fn json_session(view: &View, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"signature\":\"");
    put_base64(&view.signature, out);
    out.extend_from_slice(b"\",\"vitessSession\":{");
    if view.handle.in_transaction {
        out.extend_from_slice(b"\"inTransaction\":true,");
    }
    if view.autocommit {
        out.extend_from_slice(b"\"autocommit\":true,");
    }
    if !view.target.is_empty() {
        out.extend_from_slice(b"\"targetString\":");
        json_text(&view.target, out);
        out.push(b',');
    }
    let workload = view.handle.workload.name();
    let _ = write!(out, "\"options\":{{\"workload\":\"{workload}\"}}}}}}");
}

/// `options` is there in any case: the Go client reads it without a look.
pub(super) fn proto_session(view: &View) -> messages::Session {
    let warning = Warning::default();
    messages::Session {
        signature: view.signature.clone().into(),
        vitess_session: Some(SessionState {
            in_transaction: view.handle.in_transaction,
            autocommit: view.autocommit,
            target_string: view.target.clone(),
            options: Some(Options {
                workload: view.handle.workload as i32,
            }),
            warnings: vec![warning; view.warnings.min(MAX_WARNINGS).into()],
        }),
    }
}

pub(super) fn json_text(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests;
