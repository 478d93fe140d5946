//! What a statement takes and gives, asked of the engine without running it.

use super::encoder::{
    Form, field, json_error, json_fields, json_session, proto_error, proto_session,
};
use super::line::Prepared;
use super::messages;
use super::reply::{self, DataBody, Failed};
use super::request::{Call, Shape};
use super::session::{Entered, Guest, Inner, View};
use super::{foreign, handle::Handle};
use http::{Response, StatusCode};
use offshoot_wire::reply as packet;
use prost::Message;
use std::io::Write;

pub(super) async fn prepare(
    inner: &Inner,
    guest: &Guest,
    call: &Call,
    shape: Shape,
) -> Result<Response<DataBody>, Failed> {
    let (prepared, view) = match inner.enter(guest, &call.session, &call.query) {
        None => return Err(foreign()),
        Some(Entered::Good(handle)) => asked(inner, guest, call, handle).await,
        Some(Entered::Refused(err, handle)) => (Err(err), inner.view(guest, handle)),
        Some(Entered::Done(handle)) => (
            Ok(Prepared {
                parameters: 0,
                columns: Vec::new(),
            }),
            inner.view(guest, handle),
        ),
    };
    let body = match shape.form {
        Form::Proto => proto(&prepared, &view),
        Form::Json => json(&prepared, &view),
    };
    Ok(reply::answer(StatusCode::OK, shape.content(), body.into()))
}

async fn asked(
    inner: &Inner,
    guest: &Guest,
    call: &Call,
    handle: Handle,
) -> (Result<Prepared, packet::Err>, View) {
    let mut seat = match inner.seat(guest, handle).await {
        Ok(seat) => seat,
        Err((err, handle)) => return (Err(err), inner.view(guest, handle)),
    };
    match seat.line.prepare(&call.query).await {
        Ok(prepared) => (prepared, inner.leave(guest, seat, handle, 0)),
        Err(why) => {
            let (err, view) = inner.broken(guest, seat, handle, why);
            (Err(err), view)
        }
    }
}

fn proto(prepared: &Result<Prepared, packet::Err>, view: &View) -> Vec<u8> {
    let mut answer = messages::PrepareResponse {
        session: Some(proto_session(view)),
        ..messages::PrepareResponse::default()
    };
    match prepared {
        Ok(prepared) => {
            answer.fields = prepared.columns.iter().map(field).collect();
            answer.params_count = prepared.parameters.into();
        }
        Err(err) => answer.error = Some(proto_error(err)),
    }
    answer.encode_to_vec()
}

fn json(prepared: &Result<Prepared, packet::Err>, view: &View) -> Vec<u8> {
    let mut out = b"{".to_vec();
    match prepared {
        Ok(prepared) => {
            if !prepared.columns.is_empty() {
                out.extend_from_slice(b"\"fields\":");
                json_fields(&prepared.columns, &mut out);
                out.push(b',');
            }
            if prepared.parameters != 0 {
                let _ = write!(out, "\"paramsCount\":{},", prepared.parameters);
            }
        }
        Err(err) => {
            out.extend_from_slice(b"\"error\":");
            json_error(err, &mut out);
            out.push(b',');
        }
    }
    out.extend_from_slice(b"\"session\":");
    json_session(view, &mut out);
    out.push(b'}');
    out
}
