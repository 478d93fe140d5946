//! One port for HTTPS and, on this machine, plain HTTP.

use crate::fixture::{Home, ORG};
use offshoot_client::{Client, Error, PageOf, Token};
use offshoot_core::engine::EngineKind;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// An address of this machine that other machines would use. Nothing is sent.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[expect(clippy::print_stderr, reason = "says why a test does nothing")]
fn skipped(why: &str) {
    eprintln!("SKIP: {why}");
}

fn plain(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_speaks_tls_and_on_this_machine_plain_http() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let outside = outside();
    let port = home.http;
    let wide = format!("0.0.0.0:{port}");
    let mut command = home.command(&["serve"]);
    command.env("OFFSHOOT_HTTP_LISTEN", &wide);
    let server = home.serve_as(command).await;
    let token = std::fs::read_to_string(home.data().join("root-token")).unwrap();
    let token = Token::parse(&token).unwrap();
    let ca = std::fs::read(home.data().join("tls/ca.pem")).unwrap();

    let https = format!("https://127.0.0.1:{port}");
    let client = Client::trusting(&https, Some(&token), Some(&ca)).unwrap();
    let page = client.list_organizations(PageOf::default()).await.unwrap();
    assert_eq!(page.data[0].name, ORG);
    let stranger = Client::new(&https, Some(&token)).unwrap();
    let refused = stranger.show_organization(ORG).await.unwrap_err();
    assert!(matches!(refused, Error::Untrusted { .. }), "{refused:?}");

    // Both versions of HTTP, as the client chooses.
    let authority = reqwest::Certificate::from_pem(&ca).unwrap();
    let versions = [
        (reqwest::Client::builder(), reqwest::Version::HTTP_2),
        (
            reqwest::Client::builder().http1_only(),
            reqwest::Version::HTTP_11,
        ),
    ];
    for (builder, version) in versions {
        let http = builder
            .no_proxy()
            .tls_certs_merge([authority.clone()])
            .build()
            .unwrap();
        let answer = http.get(format!("{https}/readyz")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
    }

    let request = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let near = plain(([127, 0, 0, 1], port).into(), request);
    assert!(near.starts_with("HTTP/1.1 200"), "{near}");
    match outside {
        Some(address) => {
            let far = plain((address, port).into(), request);
            assert!(far.starts_with("HTTP/1.1 403"), "{far}");
            assert!(
                far.contains("OFS-1303") && far.contains("https://"),
                "{far}"
            );
        }
        None => skipped("this machine has no address but its own"),
    }
    // A connection that never speaks does not keep the server from its end.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(server.stop().success());
}
