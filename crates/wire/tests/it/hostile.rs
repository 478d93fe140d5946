//! Random bytes, and good packets with bytes changed, cut or added: never a panic, and what parses
//! is never longer than what was given.

use crate::dice::Dice;
use offshoot_wire::auth::{NONCE, Nonce, Plugin};
use offshoot_wire::capability as cap;
use offshoot_wire::command::{self, ChangeUser};
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::Login;
use offshoot_wire::packet::Header;
use offshoot_wire::reply;
use offshoot_wire::statement::{Tokens, effect, kill};
use offshoot_wire::switch::AuthSwitch;
use offshoot_wire::{Malformed, proxy};
use proptest::prelude::*;

/// Gives the bytes to every parser there is.
fn parse_all(bytes: &[u8], flags: u32) {
    let _ = Header::read(bytes);
    if let Ok(greeting) = Greeting::parse(bytes) {
        assert!(greeting.version.len() + greeting.plugin.len() <= bytes.len());
    }
    if let Ok(login) = Login::parse(bytes) {
        let attributes = login.attributes.as_ref().map_or(0, Vec::len);
        let read = login.username.len() + login.response.len() + attributes;
        assert!(read <= bytes.len());
    }
    let _ = Login::parse_ssl_request(bytes);
    let _ = ChangeUser::parse(bytes, flags);
    let _ = command::parse_process_kill(bytes);
    if let Ok(start) = command::query_text(bytes, flags) {
        assert!(start <= bytes.len());
    }
    let _ = AuthSwitch::parse(bytes);
    let _ = reply::Ok::parse(bytes);
    let _ = reply::Err::parse(bytes);
    let _ = reply::Eof::parse(bytes);
    if let Ok(Some(header)) = proxy::parse(bytes) {
        assert!(header.length <= bytes.len());
    }
    assert!(Tokens::new(bytes).count() <= bytes.len());
    let _ = effect(bytes);
    if let Some(kill) = kill(bytes) {
        let digits = std::str::from_utf8(&bytes[kill.digits]).unwrap();
        assert_eq!(digits.parse(), Ok(kill.thread));
    }
}

fn good_packets() -> Vec<Vec<u8>> {
    let nonce: Nonce = [b'n'; NONCE];
    let login = Login {
        capabilities: cap::SHARED,
        charset: 45,
        username: b"ann".to_vec(),
        response: Plugin::CachingSha2.scramble(b"secret", &nonce),
        schema: Some(b"shop".to_vec()),
        plugin: Some(b"caching_sha2_password".to_vec()),
        attributes: Some(b"\x03_os\x05Linux".to_vec()),
        ..Login::default()
    };
    let greeting = Greeting {
        version: b"9.7.4".to_vec(),
        connection_id: 1,
        nonce,
        capabilities: cap::SHARED,
        extended: 0,
        charset: 45,
        status: 2,
        plugin: b"caching_sha2_password".to_vec(),
    };
    let change = ChangeUser {
        username: b"ann".to_vec(),
        response: vec![1; 20],
        schema: Some(b"shop".to_vec()),
        charset: Some(45),
        plugin: Some(b"mysql_native_password".to_vec()),
        attributes: Some(b"\x01a\x01b".to_vec()),
    };
    let mut all = vec![Vec::new(); 3];
    login.encode(&mut all[0]);
    greeting.encode(&mut all[1]);
    change.encode(cap::SHARED, &mut all[2]);
    all.push(b"\x03\x01\x01\x00\x01\xfe\x00\x01s\x05helloKILL QUERY 1073741825".to_vec());
    all.push(b"/* a */ SET sql_mode = CONCAT(@@sql_mode, 'x'); KILL 7".to_vec());
    all.push(b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 3306\r\n".to_vec());
    all.push(
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01\x01\x01\x02\x02".to_vec(),
    );
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..300), flags: u32) {
        parse_all(&bytes, flags);
    }

    #[test]
    fn damaged_packets_are_refused_quietly(
        which in 0usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        cuts: bool,
        tail in prop::collection::vec(any::<u8>(), 0..8),
        flags: u32,
    ) {
        let mut bytes = good_packets().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(tail);
        parse_all(&bytes, flags | cap::QUERY_ATTRIBUTES);
    }

    #[test]
    fn text_of_any_shape_is_read_to_its_end(text in "[ -~\\n`'\"@;/*!#]{0,120}") {
        parse_all(text.as_bytes(), 0);
    }
}

/// A million damaged messages, the same in every run, on two threads.
#[test]
fn a_million_damaged_messages_are_refused_quietly() {
    const MESSAGES: usize = 1_000_000;
    const THREADS: usize = 2;
    let good = good_packets();
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let good = &good;
            scope.spawn(move || {
                let mut dice = Dice::new(seed as u64);
                for _ in 0..MESSAGES / THREADS {
                    let which = dice.roll(good.len());
                    let bytes = dice.damage(&good[which]);
                    let flags = dice.roll(1 << 31) as u32 | cap::QUERY_ATTRIBUTES;
                    parse_all(&bytes, flags);
                }
            });
        }
    });
}

#[test]
fn lengths_from_the_wire_allocate_nothing() {
    let mut bytes = Vec::new();
    Login {
        capabilities: cap::SHARED,
        ..Login::default()
    }
    .encode_ssl_request(&mut bytes);
    bytes.extend_from_slice(b"ann\0\xfe\xff\xff\xff\xff\xff\xff\xff\x7f");
    assert_eq!(
        Login::parse(&bytes),
        Err(Malformed("authentication response"))
    );
}
