//! Bytes that nobody should send, before and after login: an error packet or nothing, a closed
//! connection, and a gateway that goes on as before.

use crate::dice::Dice;
use crate::engine::each;
use crate::raw::Raw;
use crate::world::{SECRET, World, options};
use offshoot_gateway::RequireTls;
use offshoot_wire::auth::Plugin;
use offshoot_wire::{command, error, reply};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Sends, says that nothing follows, and reads to the end.
async fn throw(raw: &mut Raw, bytes: &[u8]) -> usize {
    let _ = raw.stream.write_all(bytes).await;
    let _ = raw.stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = raw.stream.read_to_end(&mut answer).await;
    answer.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_logins_and_commands_end_in_closed_connections() {
    const LOGINS: usize = 6_000;
    const COMMANDS: usize = 4_000;
    let Some(engine) = each().into_iter().last() else {
        return;
    };
    let mut patient = options(engine);
    patient.handshake_timeout = Duration::from_secs(60);
    // Every client comes from an address of its own, so that none is slowed by the others.
    patient.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    patient.require_tls = RequireTls::Never;
    let world = World::with(engine, patient, false).await;
    let mut dice = Dice::new(7);
    for n in 0..LOGINS {
        let mut raw = Raw::connect(world.address).await;
        raw.proxy(n).await;
        let greeting = raw.greeting().await;
        // Never a right secret: what is let in is the other half's.
        let login = Raw::login("admin", "wrong", Plugin::Native, &greeting.nonce);
        let good = offshoot_wire::packet::packet(1, |out| login.encode(out));
        throw(&mut raw, &dice.damage(&good)).await;
    }
    let good: [&[u8]; 6] = [
        b"\x03SELECT 1",
        b"\x03KILL QUERY 1073741825",
        b"\x11admin\0\x14aaaaaaaaaaaaaaaaaaaashop\0\x2d\0mysql_native_password\0",
        b"\x16SELECT ?",
        b"\x0c\x01\0\0\x40",
        b"\x03LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    ];
    for n in 0..COMMANDS / 8 {
        let mut raw = Raw::connect(world.address).await;
        raw.proxy(n).await;
        raw.log_in("admin", SECRET, Plugin::Native).await;
        let mut bytes = Vec::new();
        for _ in 0..8 {
            let which = dice.roll(good.len());
            let whole = offshoot_wire::packet::packet(0, |p| p.extend_from_slice(good[which]));
            bytes.extend(if n % 3 == 0 {
                whole
            } else {
                dice.damage(&whole)
            });
        }
        throw(&mut raw, &bytes).await;
    }
    let mut raw = Raw::connect(world.address).await;
    raw.proxy(0).await;
    raw.log_in("admin", SECRET, Plugin::Native).await;
    assert_eq!(raw.ask(&[command::PING]).await[0], reply::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_packets_get_the_error_that_names_them() {
    let Some(engine) = each().into_iter().last() else {
        return;
    };
    let world = World::of(engine).await;
    let early: [(&[u8], u16); 4] = [
        (b"\x03\0\0\x01abc", error::BAD_HANDSHAKE),
        (b"\xff\xff\xff\x01", error::PACKET_TOO_LARGE),
        (b"\x03\0\0\x07abc", error::PACKETS_OUT_OF_ORDER),
        (b"GET / HTTP/1.1\r\n\r\n", error::PACKET_TOO_LARGE),
    ];
    for (bytes, expected) in early {
        let mut raw = Raw::connect(world.address).await;
        raw.greeting().await;
        raw.stream.write_all(bytes).await.unwrap();
        assert_eq!(raw.error().await.code, expected);
        assert!(raw.closed().await);
    }
    let mut long = vec![0xff, 0xff, 0, 0, command::CHANGE_USER];
    long.resize(20_000, b'x');
    let late: [(&[u8], u16); 2] = [
        (b"\x03\0\0\x02abc", error::PACKETS_OUT_OF_ORDER),
        (&long, error::PACKET_TOO_LARGE),
    ];
    for (bytes, expected) in late {
        let (mut raw, _) = Raw::in_as(world.address, "admin").await;
        raw.stream.write_all(bytes).await.unwrap();
        assert_eq!(raw.error().await.code, expected);
        assert!(raw.closed().await);
    }
    // An empty command is unknown, and the session goes on.
    let (mut raw, _) = Raw::in_as(world.address, "admin").await;
    assert_eq!(
        reply::Err::parse(&raw.ask(b"").await).unwrap().code,
        error::UNKNOWN_COMMAND
    );
    assert_eq!(raw.ask(&[command::PING]).await[0], reply::OK);
}
