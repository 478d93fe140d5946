use super::*;
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

/// What `default.s2` and `best.s2` hold, which klauspost's writer made at those levels.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..400 {
        text.extend(format!("INSERT INTO orders VALUES ({i}, 'a customer');").into_bytes());
        if i % 50 == 0 {
            text.extend(b"ab".repeat(300));
        }
    }
    text.resize(text.len() + 70_000, 0);
    text
}

/// A stream of one chunk, with the checksum of `plain`.
fn stream(kind: u8, data: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut out = b"\xff\x06\0\0S2sTwO".to_vec();
    out.push(kind);
    out.extend_from_slice(&((data.len() + CHECKSUM) as u32).to_le_bytes()[..3]);
    out.extend_from_slice(&masked(crc32c(plain)).to_le_bytes());
    out.extend_from_slice(data);
    out
}

#[test]
fn the_checksum_is_castagnolis() {
    // The check value of CRC-32C, and lengths around four.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(b""), 0);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
}

#[test]
fn streams_of_the_go_writer_are_read() {
    let streams = [&include_bytes!("default.s2")[..], include_bytes!("best.s2")];
    for packed in streams {
        assert!(decode(packed, LIMIT).unwrap() == text());
    }
    let hello = b"\xff\x06\0\0S2sTwO\x01\x0d\0\0\x5d\xc5\x25\x37hello, S2";
    assert_eq!(decode(hello, LIMIT).unwrap(), b"hello, S2");
    // Its best level repeats distances for this one.
    let repeated =
        b"\xff\x06\0\0S2sTwO\0\x0f\0\0\xc9\xb7\x52\x70\x58\x0c\x61\x62\x63\x64\x11\x04\x15\0\x44";
    assert_eq!(decode(repeated, LIMIT).unwrap(), b"abcd".repeat(22));
}

#[test]
fn every_length_of_a_repeated_distance_is_read() {
    for (code, length) in [
        (&[0x01, 0x00][..], 4),
        (&[0x11, 0x00], 8),
        (&[0x15, 0x00, 0x02], 10),
        (&[0x19, 0x00, 0x01, 0x00], 4 + 256 + 1),
        (&[0x1d, 0x00, 0x02, 0x00, 0x00], 4 + 65_536 + 2),
    ] {
        // Two letters, a copy of four from two back, then the repeat.
        let mut plain = b"xyxyxy".to_vec();
        plain.extend((0..length).map(|n| b"xy"[n % 2]));
        let mut block = Vec::new();
        let mut n = plain.len();
        while n >= 0x80 {
            block.push(n as u8 | 0x80);
            n >>= 7;
        }
        block.push(n as u8);
        block.extend_from_slice(b"\x04xy\x01\x02");
        block.extend_from_slice(code);
        assert_eq!(
            decode(&stream(0, &block, &plain), LIMIT),
            Ok(plain),
            "{length}"
        );
    }
}

#[test]
fn no_bytes_are_no_message_and_chunks_to_skip_are_skipped() {
    assert_eq!(decode(b"", LIMIT), Ok(Vec::new()));
    assert_eq!(
        decode(b"\xff\x06\0\0S2sTwO\xfe\x02\0\0ab", LIMIT),
        Ok(Vec::new())
    );
    assert_eq!(decode(b"\xff\x06\0\0sNaPpY", LIMIT), Ok(Vec::new()));
}

#[test]
fn what_is_damaged_is_refused() {
    let damaged =
        |bytes: &[u8]| assert!(matches!(decode(bytes, LIMIT), Err(Damaged(_))), "{bytes:?}");
    damaged(b"{\"query\":\"SELECT 1\"}");
    damaged(b"\xff\x06\0\0S2sTwX");
    damaged(b"\xff\x06\0\0S2sTwO\x02\x01\0\0a");
    damaged(b"\xff\x06\0\0S2sTwO\x01\x03\0\0abc");
    damaged(&stream(1, b"abc", b"abd"));
    // Copies from before the block, without a distance, and beyond its end.
    damaged(&stream(0, b"\x08\x04xy\x01\x03", b""));
    damaged(&stream(0, b"\x08\x04xy\x01\x00", b""));
    damaged(&stream(0, b"\x05\x04xy\x01\x02", b""));
    damaged(&stream(0, b"\x09\x04xy\x01\x02", b""));
    damaged(&stream(0, b"\x02\x0cxy", b""));
    damaged(&stream(0, b"\xff\xff\xff\xff\x0f\x04xy", b""));
    let whole = include_bytes!("default.s2");
    for end in [3, 9, 12, 40, whole.len() / 2, whole.len() - 1] {
        damaged(&whole[..end]);
    }
}

#[test]
fn nothing_grows_beyond_its_limit() {
    assert_eq!(
        decode(include_bytes!("best.s2"), 90_000),
        Err(TooLong(90_000))
    );
    assert_eq!(decode(&stream(1, b"abc", b"abc"), 2), Err(TooLong(2)));
    assert_eq!(decode(&stream(1, b"abc", b"abc"), 3), Ok(b"abc".to_vec()));
}

proptest! {
    #[test]
    fn hostile_bytes_do_no_harm(mut tail in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = b"\xff\x06\0\0S2sTwO".to_vec();
        bytes.append(&mut tail);
        if let Ok(out) = decode(&bytes, 4096) {
            prop_assert!(out.len() <= 4096);
        }
    }

    #[test]
    fn hostile_blocks_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut out = Vec::new();
        let _ = block(&data, &mut out, 4096);
        prop_assert!(out.len() <= 4096);
    }
}
