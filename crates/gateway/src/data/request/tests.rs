use super::*;
use http::HeaderValue;
use http_body_util::Full;
use std::io::Write;

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

const UNARY: Shape = Shape {
    form: Form::Proto,
    stream: false,
};
const STREAM: Shape = Shape {
    form: Form::Proto,
    stream: true,
};

async fn read(shape: Shape, list: &[(&'static str, &str)], body: &[u8]) -> Result<Vec<u8>, Reason> {
    let body = Full::new(Bytes::copy_from_slice(body));
    let read = message(shape, &headers(list), body).await;
    read.map(|m| m.to_vec()).map_err(|failed| failed.reason)
}

#[test]
fn a_shape_follows_from_the_type_and_fits_its_method() {
    let shape = |method, content| Shape::of(method, &headers(&[("content-type", content)]));
    for content in ["application/json", "Application/JSON; charset=utf-8"] {
        let json = shape(Method::Execute, content).unwrap();
        assert_eq!((json.form, json.stream), (Form::Json, false));
    }
    assert_eq!(
        shape(Method::CreateSession, "application/proto").unwrap(),
        UNARY
    );
    assert_eq!(
        shape(Method::StreamExecute, "application/connect+proto").unwrap(),
        STREAM
    );
    for (method, content) in [
        (Method::Execute, "text/plain"),
        (Method::Execute, ""),
        (Method::Execute, "application/connect+proto"),
        (Method::StreamExecute, "application/json"),
        (Method::Execute, "application/grpc"),
    ] {
        let failed = shape(method, content).unwrap_err();
        assert_eq!(failed.reason, Reason::MediaType, "{content}");
    }
}

#[test]
fn basic_credentials_are_read() {
    let of = |value| credentials(&headers(&[("authorization", value)]));
    // ann:pscale:pw, with a colon in the secret.
    let ann = Some(("ann".to_owned(), "pscale:pw".to_owned()));
    assert_eq!(of("Basic YW5uOnBzY2FsZTpwdw=="), ann);
    assert_eq!(of("basic YW5uOnBzY2FsZTpwdw=="), ann);
    for value in [
        "",
        "Basic",
        "Basic !!",
        "Basic YW5u",
        "Bearer YW5uOnB3",
        "Basic /////w==",
    ] {
        assert_eq!(of(value), None, "{value}");
    }
    assert_eq!(credentials(&HeaderMap::new()), None);
}

#[tokio::test]
async fn messages_are_unpacked() {
    let hello = b"\xff\x06\0\0S2sTwO\x01\x0d\0\0\x5d\xc5\x25\x37hello, S2";
    let wanted = Ok(b"hello, S2".to_vec());
    assert_eq!(
        read(UNARY, &[("content-encoding", "s2")], hello).await,
        wanted
    );
    assert_eq!(read(UNARY, &[], b"hello, S2").await, wanted);
    assert_eq!(
        read(UNARY, &[("content-encoding", "s2")], b"").await,
        Ok(Vec::new())
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"hello, S2").unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(
        read(UNARY, &[("content-encoding", "gzip")], &gzip).await,
        wanted
    );

    let packed = [&[COMPRESSED, 0, 0, 0, hello.len() as u8], &hello[..]].concat();
    let s2 = [("connect-content-encoding", "s2")];
    assert_eq!(read(STREAM, &s2, &packed).await, wanted);
    assert_eq!(read(STREAM, &s2, b"\0\0\0\0\x09hello, S2").await, wanted);
}

#[tokio::test]
async fn what_is_broken_is_refused() {
    let s2 = [("content-encoding", "s2")];
    let invalid = Err(Reason::InvalidArgument);
    assert_eq!(read(UNARY, &s2, b"hello, S2").await, invalid);
    assert_eq!(
        read(UNARY, &[("content-encoding", "gzip")], b"hello").await,
        invalid
    );
    let unknown = [("content-encoding", "br")];
    assert_eq!(
        read(UNARY, &unknown, b"hello").await,
        Err(Reason::Unimplemented)
    );
    for body in [
        &b""[..],
        b"\0\0\0",
        b"\0\0\0\0\x05hell",
        b"\0\0\0\0\x04hello",
        b"\x02\0\0\0\x02{}",
        b"\x01\0\0\0\x05hello",
    ] {
        let read = read(STREAM, &[("connect-content-encoding", "s2")], body).await;
        assert_eq!(read, invalid, "{body:?}");
    }
}

#[tokio::test]
async fn a_small_body_does_not_become_a_large_message() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..=(MAX_MESSAGE >> 20) {
        gzip.write_all(&[0; 1 << 20]).unwrap();
    }
    let gzip = gzip.finish().unwrap();
    let read = read(UNARY, &[("content-encoding", "gzip")], &gzip).await;
    assert_eq!(read, Err(Reason::TooLong));
}

#[test]
fn calls_are_read_in_both_forms() {
    let json = |text: &str| Call::read(Method::Execute, Form::Json, text.to_owned().into());
    let call = json(
        r#"{"query": "SELECT :v1", "session": {"signature": "c2ln", "vitessSession": {"autocommit": true}},
            "bindVariables": {"v1": {"type": "INT64", "value": "Nw=="}}, "more": [1]}"#,
    )
    .unwrap();
    assert_eq!(
        (&call.query[..], &call.session[..]),
        (&b"SELECT :v1"[..], &b"sig"[..])
    );
    let value = &call.values["v1"];
    assert_eq!((value.r#type, &value.value[..]), (265, &b"7"[..]));
    for text in ["", "{}", r#"{"session": null}"#, r#"{"session": {}}"#] {
        assert!(json(text).unwrap().session.is_empty(), "{text}");
    }
    for text in [
        "[]",
        "{",
        r#"{"query": 1}"#,
        r#"{"session": "x"}"#,
        r#"{"session": {"signature": "!"}}"#,
        r#"{"bindVariables": {"a": {"type": "INT65"}}}"#,
        r#"{"bindVariables": {"a": {"type": "INT64", "value": "!"}}}"#,
    ] {
        assert_eq!(
            json(text).unwrap_err().reason,
            Reason::InvalidArgument,
            "{text}"
        );
    }

    let message = messages::ExecuteRequest {
        session: Some(messages::Session {
            signature: Bytes::from_static(b"sig"),
            vitess_session: None,
        }),
        // Text in some other character set.
        query: Bytes::from_static(b"SELECT '\xe4'"),
        bind_variables: HashMap::new(),
    };
    let bytes = Bytes::from(message.encode_to_vec());
    for method in [Method::Execute, Method::StreamExecute, Method::Prepare] {
        let call = Call::read(method, Form::Proto, bytes.clone()).unwrap();
        assert_eq!(
            (&call.query[..], &call.session[..]),
            (&b"SELECT '\xe4'"[..], &b"sig"[..])
        );
    }
    let call = Call::read(Method::CloseSession, Form::Proto, bytes).unwrap();
    assert_eq!(&call.session[..], b"sig");
    for method in [Method::Execute, Method::Prepare, Method::CloseSession] {
        let failed = Call::read(method, Form::Proto, Bytes::from_static(b"\x0a\x05ab"));
        assert_eq!(failed.unwrap_err().reason, Reason::InvalidArgument);
    }
}
