use super::super::handle::{Handle, Workload};
use super::*;
use offshoot_wire::column::kind;
use serde_json::{Value, json};

fn columns() -> Vec<Column> {
    let number = Column {
        name: b"n".to_vec(),
        charset: 63,
        kind: kind::LONGLONG,
        flags: 1,
        ..Column::default()
    };
    let text = Column {
        name: b"t\"".to_vec(),
        table: b"x".to_vec(),
        charset: 255,
        length: 16,
        kind: kind::VAR_STRING,
        ..Column::default()
    };
    vec![number, text]
}

fn view() -> View {
    View {
        handle: Handle {
            in_transaction: true,
            workload: Workload::Olap,
            ..Handle::default()
        },
        signature: b"sig".to_vec(),
        autocommit: true,
        target: String::new(),
        warnings: 2,
    }
}

/// A text, a NULL, and an empty text.
const ROWS: [&[u8]; 3] = [b"\x011\x03abc", b"\xfb\xfb", b"\x0242\x00"];

fn done() -> Outcome {
    Outcome::Ok(reply::Ok::default())
}

fn refused() -> Outcome {
    Outcome::Err(reply::Err {
        code: 1146,
        state: *b"42S02",
        message: "Table 'shop.x' doesn't exist".into(),
    })
}

/// All pieces of an answer with rows, one after each `every` rows.
fn answer(form: Form, stream: bool, every: usize, outcome: &Outcome) -> Vec<Bytes> {
    let mut encoder = Encoder::new(form, stream);
    encoder.columns(&columns());
    let mut pieces = Vec::new();
    for (n, row) in ROWS.into_iter().enumerate() {
        encoder.row(row).unwrap();
        if (n + 1) % every == 0 {
            pieces.push(encoder.piece());
        }
    }
    pieces.push(encoder.end(outcome, &view(), 0.5));
    pieces
}

fn session() -> Value {
    json!({
        "signature": "c2ln",
        "vitessSession": {
            "inTransaction": true, "autocommit": true, "options": { "workload": "OLAP" },
        },
    })
}

fn result() -> Value {
    json!({
        "fields": [
            { "name": "n", "type": "INT64", "charset": 63, "flags": 32769 },
            { "name": "t\"", "type": "VARCHAR", "table": "x", "columnLength": 16, "charset": 255 },
        ],
        "rows": [
            { "lengths": ["1", "3"], "values": "MWFiYw==" },
            { "lengths": ["-1", "-1"] },
            { "lengths": ["2", "0"], "values": "NDI=" },
        ],
    })
}

#[test]
fn json_is_the_same_in_however_many_pieces() {
    for every in 1..=4 {
        let bytes = answer(Form::Json, false, every, &done()).concat();
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let wanted = json!({ "result": result(), "session": session(), "timing": 0.5 });
        assert_eq!(read, wanted, "{every}");
    }
}

#[test]
fn protobuf_is_the_same_in_however_many_pieces() {
    let read = |every| {
        let bytes = answer(Form::Proto, false, every, &done()).concat();
        messages::ExecuteResponse::decode(&bytes[..]).unwrap()
    };
    let whole = read(4);
    for every in 1..=3 {
        assert_eq!(read(every), whole, "{every}");
    }
    let result = whole.result.unwrap();
    assert_eq!(result.fields.len(), 2);
    assert_eq!(
        (result.fields[0].r#type, result.fields[1].r#type),
        (265, 6165)
    );
    let rows: Vec<_> = result
        .rows
        .iter()
        .map(|row| (row.lengths.clone(), row.values.to_vec()))
        .collect();
    assert_eq!(
        rows,
        [
            (vec![1, 3], b"1abc".to_vec()),
            (vec![-1, -1], Vec::new()),
            (vec![2, 0], b"42".to_vec()),
        ]
    );
    assert_eq!((whole.timing, whole.error), (0.5, None));
    let session = whole.session.unwrap();
    assert_eq!(&session.signature[..], b"sig");
    let state = session.vitess_session.unwrap();
    assert!(state.in_transaction && state.autocommit);
    assert_eq!(
        (state.options.unwrap().workload, state.warnings.len()),
        (2, 2)
    );
}

/// The messages of a stream, without their envelopes.
fn opened(pieces: &[Bytes]) -> Vec<(u8, Bytes)> {
    let mut rest = Bytes::from(pieces.concat());
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let head = rest.split_to(ENVELOPE);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        messages.push((head[0], rest.split_to(length as usize)));
    }
    messages
}

#[test]
fn a_stream_gives_columns_once_and_rows_in_parts() {
    for every in 1..=4 {
        let mut messages = opened(&answer(Form::Proto, true, every, &done()));
        assert_eq!(messages.pop(), Some((LAST, Bytes::from("{}"))));
        let read: Vec<_> = messages
            .into_iter()
            .map(|(flags, bytes)| {
                assert_eq!(flags, 0);
                messages::ExecuteResponse::decode(bytes).unwrap()
            })
            .collect();
        let results: Vec<_> = read.iter().filter_map(|m| m.result.as_ref()).collect();
        assert_eq!(results[0].fields.len(), 2);
        assert!(
            results[1..]
                .iter()
                .all(|r| r.fields.is_empty() && !r.rows.is_empty())
        );
        assert_eq!(results.iter().map(|r| r.rows.len()).sum::<usize>(), 3);
        assert!(read.last().unwrap().session.is_some());

        let mut messages = opened(&answer(Form::Json, true, every, &done()));
        assert_eq!(messages.pop(), Some((LAST, Bytes::from("{}"))));
        let read: Vec<Value> = messages
            .iter()
            .map(|(_, bytes)| serde_json::from_slice(bytes).unwrap())
            .collect();
        assert_eq!(read[0]["result"]["fields"].as_array().unwrap().len(), 2);
        let rows = read.iter().filter_map(|m| m["result"]["rows"].as_array());
        assert_eq!(rows.flatten().count(), 3, "{read:?}");
        assert_eq!(read.last().unwrap()["session"], session());
    }
}

#[test]
fn what_changed_is_told_as_numbers() {
    let ok = Outcome::Ok(reply::Ok {
        affected_rows: 3,
        last_insert_id: u64::MAX,
        rest: b"Records: 3".to_vec(),
        ..reply::Ok::default()
    });
    let end = |form, stream| Encoder::new(form, stream).end(&ok, &view(), 0.5);
    let read: Value = serde_json::from_slice(&end(Form::Json, false)).unwrap();
    let numbers = json!({
        "rowsAffected": "3", "insertId": "18446744073709551615", "info": "Records: 3",
    });
    assert_eq!(read["result"], numbers);
    let nothing = Encoder::new(Form::Json, false).end(&done(), &view(), 0.5);
    let read: Value = serde_json::from_slice(&nothing).unwrap();
    assert_eq!(read["result"], json!({}));
    let read = messages::ExecuteResponse::decode(end(Form::Proto, false)).unwrap();
    let result = read.result.unwrap();
    assert_eq!((result.rows_affected, result.insert_id), (3, u64::MAX));
    // One message with all of it, as clients expect of a stream too.
    let streamed = opened(&[end(Form::Proto, true)]);
    assert_eq!(streamed.len(), 2);
    let read = messages::ExecuteResponse::decode(streamed[0].1.clone()).unwrap();
    assert_eq!(read.result.unwrap().rows_affected, 3);
}

#[test]
fn errors_have_number_and_state_also_in_the_middle_of_a_result() {
    let wanted = json!({
        "code": "NOT_FOUND",
        "message": "Table 'shop.x' doesn't exist (errno 1146) (sqlstate 42S02)",
    });
    let at_once = Encoder::new(Form::Json, false).end(&refused(), &view(), 0.5);
    let read: Value = serde_json::from_slice(&at_once).unwrap();
    assert_eq!((&read["error"], read.get("result")), (&wanted, None));
    for every in 1..=4 {
        let bytes = answer(Form::Json, false, every, &refused()).concat();
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&read["error"], &read["session"]), (&wanted, &session()));
        let bytes = answer(Form::Proto, false, every, &refused()).concat();
        let read = messages::ExecuteResponse::decode(&bytes[..]).unwrap();
        let error = read.error.unwrap();
        assert_eq!((error.code, &json!(error.message)), (5, &wanted["message"]));
        for form in [Form::Proto, Form::Json] {
            let messages = opened(&answer(form, true, every, &refused()));
            assert_eq!(messages.last().unwrap().0, LAST);
        }
    }
}

#[test]
fn a_row_that_is_none_is_noticed() {
    for form in [Form::Json, Form::Proto] {
        assert!(Encoder::new(form, false).row(b"\x05ab").is_err());
    }
}
