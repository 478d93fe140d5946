//! The service as `pscale connect` uses it: protobuf, packed with S2.

use super::messages::{
    BindVariable, CloseSessionRequest, CloseSessionResponse, CreateSessionResponse, ExecuteRequest,
    ExecuteResponse, PrepareRequest, PrepareResponse, Session,
};
use super::{HERE, request, whole};
use crate::engine::each;
use crate::world::{World, table};
use bytes::Bytes;
use http::StatusCode;
use prost::Message;

/// A stream of one chunk that is not packed.
fn s2(message: &[u8]) -> Vec<u8> {
    let mut sum = !0u32;
    for byte in message {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    let masked = (!sum).rotate_right(15).wrapping_add(0xa282_ead8);
    let mut out = b"\xff\x06\0\0S2sTwO\x01".to_vec();
    out.extend_from_slice(&((message.len() + 4) as u32).to_le_bytes()[..3]);
    out.extend_from_slice(&masked.to_le_bytes());
    out.extend_from_slice(message);
    out
}

async fn unary<A: Message + Default>(world: &World, method: &str, message: &impl Message) -> A {
    let mut request = request(
        "admin",
        method,
        "application/proto",
        s2(&message.encode_to_vec()),
    );
    let headers = request.headers_mut();
    headers.insert("content-encoding", "s2".parse().unwrap());
    headers.insert("accept-encoding", "s2,gzip".parse().unwrap());
    headers.insert("connect-protocol-version", "1".parse().unwrap());
    let response = world.data.serve(request, HERE).await;
    assert_eq!(response.headers()["content-type"], "application/proto");
    let (status, body) = whole(response).await;
    assert_eq!(status, StatusCode::OK);
    A::decode(body).unwrap()
}

/// The answers of a stream, and its last message.
async fn streamed(world: &World, message: &ExecuteRequest) -> (Vec<ExecuteResponse>, String) {
    let packed = s2(&message.encode_to_vec());
    let mut body = vec![1];
    body.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    body.extend_from_slice(&packed);
    let mut request = request("admin", "StreamExecute", "application/connect+proto", body);
    let headers = request.headers_mut();
    headers.insert("connect-content-encoding", "s2".parse().unwrap());
    let response = world.data.serve(request, HERE).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/connect+proto"
    );
    let (status, mut body) = whole(response).await;
    assert_eq!(status, StatusCode::OK);
    let mut answers = Vec::new();
    loop {
        let head = body.split_to(5);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let message = body.split_to(length);
        if head[0] == 2 {
            assert!(body.is_empty());
            return (answers, String::from_utf8(message.to_vec()).unwrap());
        }
        answers.push(ExecuteResponse::decode(message).unwrap());
    }
}

fn execute(session: Option<Session>, query: &str) -> ExecuteRequest {
    ExecuteRequest {
        session,
        query: Bytes::copy_from_slice(query.as_bytes()),
        ..ExecuteRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_go_proxy_works() {
    for engine in each() {
        let world = World::of(engine).await;
        let table = table();
        let made: CreateSessionResponse = unary(&world, "CreateSession", &()).await;
        let user = made.user.unwrap();
        assert_eq!((user.username.as_str(), user.role), ("admin", 3));

        let query =
            format!("CREATE TABLE {table} (id INT PRIMARY KEY, v VARCHAR(20), b VARBINARY(20))");
        let answer: ExecuteResponse = unary(&world, "Execute", &execute(None, &query)).await;
        assert_eq!(answer.error, None);
        // The proxy drops a session without this, and reads the options without a look.
        let session = answer.session.unwrap();
        let state = session.vitess_session.clone().unwrap();
        assert!(state.autocommit && state.options.is_some());

        let text = format!("INSERT INTO {table} VALUES (?, ?, ?), (2, NULL, x'00')");
        let prepare = PrepareRequest {
            session: Some(session.clone()),
            query: Bytes::from(text.clone()),
        };
        let prepared: PrepareResponse = unary(&world, "Prepare", &prepare).await;
        assert_eq!((prepared.params_count, prepared.fields.len()), (3, 0));
        let mut insert = execute(Some(session.clone()), &text);
        for (name, kind, value) in [
            ("v1", 265, &b"1"[..]),
            ("v2", 10262, b"O'Neil \\ ?"),
            ("v3", 10262, b"\xff'\0"),
        ] {
            let value = BindVariable {
                r#type: kind,
                value: Bytes::copy_from_slice(value),
                values: Vec::new(),
            };
            insert.bind_variables.insert(name.into(), value);
        }
        let answer: ExecuteResponse = unary(&world, "Execute", &insert).await;
        assert_eq!(answer.error, None);
        assert_eq!(answer.result.unwrap().rows_affected, 2);

        let select = format!("SELECT * FROM {table} ORDER BY id");
        let prepare = PrepareRequest {
            query: Bytes::from(select.clone()),
            ..prepare
        };
        let prepared: PrepareResponse = unary(&world, "Prepare", &prepare).await;
        let names: Vec<_> = prepared.fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["id", "v", "b"]);
        let answer: ExecuteResponse =
            unary(&world, "Execute", &execute(Some(session.clone()), &select)).await;
        let result = answer.result.unwrap();
        let types: Vec<_> = result.fields.iter().map(|f| f.r#type).collect();
        assert_eq!(types, [263, 6165, 10262]);
        assert_eq!(result.rows[0].lengths, [1, 10, 3]);
        assert_eq!(&result.rows[0].values[..], b"1O'Neil \\ ?\xff'\0");
        assert_eq!(result.rows[1].lengths, [1, -1, 1]);

        let error: ExecuteResponse =
            unary(&world, "Execute", &execute(Some(session), "SELECT nothing")).await;
        let error_of = error.error.unwrap();
        assert_eq!(error_of.code, 5);
        assert!(
            error_of.message.ends_with("(errno 1054) (sqlstate 42S22)"),
            "{}",
            error_of.message
        );
        assert!(error.session.as_ref().unwrap().vitess_session.is_some());
        let close = CloseSessionRequest {
            session: error.session,
        };
        let closed: CloseSessionResponse = unary(&world, "CloseSession", &close).await;
        assert_eq!(closed.error, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_give_columns_rows_and_the_session() {
    for engine in each() {
        let world = World::of(engine).await;
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
                       SELECT i, REPEAT('x', 1000) FROM n";
        let (answers, end) = streamed(&world, &execute(None, numbers)).await;
        assert_eq!(end, "{}");
        assert!(answers.len() > 5, "{}", answers.len());
        let results: Vec<_> = answers.iter().filter_map(|a| a.result.as_ref()).collect();
        assert_eq!(results[0].fields.len(), 2);
        assert!(results[1..].iter().all(|r| r.fields.is_empty()));
        assert_eq!(results.iter().map(|r| r.rows.len()).sum::<usize>(), 900);
        assert!(answers.last().unwrap().session.is_some());

        let (answers, _) = streamed(&world, &execute(None, "DO 1")).await;
        assert_eq!(answers.len(), 1);
        assert!(answers[0].result.is_some() && answers[0].session.is_some());
        let (answers, _) = streamed(&world, &execute(None, "SELECT * FROM nothing")).await;
        assert_eq!(answers[0].error.as_ref().unwrap().code, 5);

        // Whoever is not let in hears it where clients of streams look.
        let body = [0u8; 5];
        let refused = request(
            "nobody",
            "StreamExecute",
            "application/connect+proto",
            body.to_vec(),
        );
        let (status, body) = whole(world.data.serve(refused, HERE).await).await;
        assert_eq!((status, body[0]), (StatusCode::OK, 2));
        let error: serde_json::Value = serde_json::from_slice(&body[5..]).unwrap();
        assert_eq!(error["error"]["code"], "unauthenticated");
    }
}
