//! Binlog files made by hand: where transactions begin and end, whatever pieces they come in.

use crate::dice::Dice;
use offshoot_wire::Malformed;
use offshoot_wire::binlog::{Event, MAGIC, Scanner, Transaction};
use proptest::prelude::*;

/// A file as a server writes it.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    seconds: u32,
}

impl File {
    pub(crate) fn new(version: &str) -> Self {
        let mut file = Self {
            bytes: MAGIC.to_vec(),
            seconds: 1_700_000_000,
        };
        let mut body = vec![4, 0];
        let mut text = version.as_bytes().to_vec();
        text.resize(50, 0);
        body.extend(text);
        body.extend([0; 4]);
        body.push(19);
        body.extend([0; 40]);
        body.push(1);
        file.event(15, &body);
        file
    }

    pub(crate) fn mysql() -> Self {
        Self::new("9.7.4")
    }

    pub(crate) fn mariadb() -> Self {
        Self::new("10.11.19-MariaDB-log")
    }

    /// Adds an event; its checksum is not one, and nobody looks at it.
    pub(crate) fn event(&mut self, kind: u8, body: &[u8]) {
        let length = 19 + body.len() + 4;
        let end = self.bytes.len() + length;
        self.bytes.extend(self.seconds.to_le_bytes());
        self.bytes.push(kind);
        self.bytes.extend(7u32.to_le_bytes());
        self.bytes.extend((length as u32).to_le_bytes());
        self.bytes.extend((end as u32).to_le_bytes());
        self.bytes.extend([0, 0]);
        self.bytes.extend(body);
        self.bytes.extend([9; 4]);
    }

    pub(crate) fn query(&mut self, text: &str) {
        let mut body = vec![0; 8];
        body.extend([4, 0, 0, 0, 0]);
        body.extend(b"shop\0");
        body.extend(text.as_bytes());
        self.event(2, &body);
    }

    fn rows(&mut self, bytes: usize) {
        self.event(19, &[3; 30]);
        self.event(30, &vec![5; bytes]);
    }

    /// A MySQL transaction with what `inside` adds.
    pub(crate) fn transaction(&mut self, number: u64, micros: u64, inside: impl Fn(&mut Self)) {
        let mut rest = Self {
            bytes: self.bytes.clone(),
            seconds: self.seconds,
        };
        let start = self.bytes.len();
        let gtid = |length: u64| {
            let mut body = vec![0];
            body.extend([0xab; 16]);
            body.extend(number.to_le_bytes());
            body.push(2);
            body.extend([0; 16]);
            body.extend(&micros.to_le_bytes()[..7]);
            body.push(0xfe);
            body.extend(length.to_le_bytes());
            body.extend([0; 4]);
            body
        };
        rest.event(33, &gtid(0));
        inside(&mut rest);
        let length = (rest.bytes.len() - start) as u64;
        self.event(33, &gtid(length));
        inside(self);
    }

    /// The name of a MariaDB transaction.
    pub(crate) fn name(&mut self, sequence: u64, standalone: bool) {
        let mut body = sequence.to_le_bytes().to_vec();
        body.extend(0u32.to_le_bytes());
        body.push(u8::from(standalone));
        body.extend([0; 6]);
        self.event(162, &body);
    }
}

pub(crate) fn mysql_file() -> File {
    let mut file = File::mysql();
    let mut before = 1u64.to_le_bytes().to_vec();
    before.extend([0xab; 16]);
    before.extend(1u64.to_le_bytes());
    before.extend(1u64.to_le_bytes());
    before.extend(4u64.to_le_bytes());
    file.event(35, &before);
    file.transaction(4, 1_700_000_000_000_001, |f| {
        f.query("CREATE TABLE t (id int)")
    });
    file.transaction(5, 1_700_000_000_500_000, |f| {
        f.query("BEGIN");
        f.rows(5_000);
        f.event(16, &[1; 8]);
    });
    file.transaction(6, 1_700_000_001_000_000, |f| f.event(40, &[1; 90]));
    file.event(4, b"\x04\0\0\0\0\0\0\0binlog.000002");
    file
}

pub(crate) fn mariadb_file() -> File {
    let mut file = File::mariadb();
    let mut before = 1u32.to_le_bytes().to_vec();
    before.extend(0u32.to_le_bytes());
    before.extend(7u32.to_le_bytes());
    before.extend(3u64.to_le_bytes());
    file.event(163, &before);
    file.event(161, &[0; 17]);
    file.name(4, true);
    file.query("CREATE TABLE t (id int)");
    file.name(5, false);
    file.rows(5_000);
    file.event(16, &[1; 8]);
    file.name(6, false);
    file.rows(10);
    file.query("COMMIT");
    file.name(7, true);
    file.event(5, &[1; 9]);
    file.query("INSERT INTO m VALUES (NULL)");
    file.event(3, &[]);
    file
}

struct Walk {
    transactions: Vec<Transaction>,
    before: Option<String>,
    bytes: Vec<u8>,
    settled: u64,
}

/// Walks through a file in pieces of the given length.
fn walk(bytes: &[u8], piece: usize) -> Result<Walk, Malformed> {
    let mut scanner = Scanner::new();
    let mut walk = Walk {
        transactions: Vec::new(),
        before: None,
        bytes: Vec::new(),
        settled: 0,
    };
    for chunk in bytes.chunks(piece) {
        scanner.push(chunk);
        while let Some(part) = scanner.step()? {
            assert_eq!(part.at as usize, walk.bytes.len());
            walk.bytes.extend(part.bytes);
            walk.transactions.extend(part.ends);
            if let Some(Event::Before(set)) = part.event {
                walk.before = Some(set.to_string());
            }
        }
        assert!(scanner.settled() >= walk.settled);
        walk.settled = scanner.settled();
    }
    Ok(walk)
}

#[test]
fn transactions_are_found_in_pieces_of_any_size() {
    for (file, before, names) in [
        (
            mysql_file(),
            "abababab-abab-abab-abab-abababababab:1-3",
            ["4", "5", "6", ""],
        ),
        (
            mariadb_file(),
            "0-7-3",
            ["0-7-4", "0-7-5", "0-7-6", "0-7-7"],
        ),
    ] {
        for piece in [1, 7, 19, 100, 4_096, usize::MAX] {
            let walk = walk(&file.bytes, piece.min(file.bytes.len())).unwrap();
            assert_eq!(walk.bytes, file.bytes);
            assert_eq!(walk.settled as usize, file.bytes.len());
            assert_eq!(walk.before.as_deref(), Some(before));
            let found: Vec<_> = walk
                .transactions
                .iter()
                .map(|t| t.gtid.unwrap().to_string())
                .collect();
            let expected: Vec<_> = names.iter().filter(|n| !n.is_empty()).collect();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.ends_with(expected), "{found} {expected}");
            }
            // One after the other, without a byte between them.
            for pair in walk.transactions.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
            }
        }
    }
    let walk = walk(&mysql_file().bytes, 64).unwrap();
    let times: Vec<_> = walk
        .transactions
        .iter()
        .map(|t| t.committed.unwrap())
        .collect();
    assert_eq!(
        times,
        [
            1_700_000_000_000_001,
            1_700_000_000_500_000,
            1_700_000_001_000_000
        ]
    );
}

#[test]
fn a_file_that_is_cut_short_ends_with_its_last_whole_transaction() {
    for file in [mysql_file(), mariadb_file()] {
        let whole = walk(&file.bytes, 4_096).unwrap();
        for length in 0..file.bytes.len() {
            let cut = walk(&file.bytes[..length], 4_096).unwrap();
            let expected = whole
                .transactions
                .iter()
                .filter(|t| t.end as usize <= length)
                .count();
            assert_eq!(cut.transactions.len(), expected, "{length}");
            assert!(cut.settled as usize <= length);
            if let Some(last) = cut.transactions.last() {
                assert!(cut.settled >= last.end, "{length}");
            }
        }
    }
}

#[test]
fn a_walk_goes_on_where_another_stopped() {
    for file in [mysql_file(), mariadb_file()] {
        let whole = walk(&file.bytes, file.bytes.len()).unwrap();
        let mut first = Scanner::new();
        first.push(&file.bytes);
        while first.step().unwrap().is_some() {}
        let format = first.format().unwrap();
        let from = whole.transactions[1].start;
        let mut second = Scanner::resume(format, from);
        second.push(&file.bytes[from as usize..]);
        let mut found = Vec::new();
        while let Some(part) = second.step().unwrap() {
            found.extend(part.ends);
        }
        assert_eq!(found, whole.transactions[1..]);
        assert!(second.closed());
    }
}

#[test]
fn what_is_not_a_binlog_file_is_named() {
    let reason = |bytes: &[u8]| walk(bytes, 64).err().map(|e| e.0);
    assert_eq!(reason(b"#!/bin/sh"), Some("beginning of a binlog file"));
    let mut moved = mysql_file().bytes;
    moved[4 + 13] ^= 1;
    assert_eq!(reason(&moved), Some("event position"));
    let mut file = File::mysql();
    file.event(42, &[0; 40]);
    assert_eq!(reason(&file.bytes), Some("tagged GTID"));
    let mut file = File::mariadb();
    file.event(164, &[0; 17]);
    assert_eq!(reason(&file.bytes), Some("encrypted binlog"));
    let mut file = mysql_file();
    file.event(16, &[0; 8]);
    assert_eq!(
        reason(&file.bytes),
        Some("event behind the end of its file")
    );
    let mut file = File::mariadb();
    file.name(1, false);
    file.event(3, &[]);
    assert_eq!(reason(&file.bytes), Some("transaction without an end"));
}

/// Reads whatever comes, to its end.
fn read_quietly(bytes: &[u8], piece: usize) {
    if let Ok(walk) = walk(bytes, piece) {
        assert!(walk.bytes.len() <= bytes.len());
        for transaction in walk.transactions {
            assert!(transaction.start < transaction.end);
            assert!(transaction.end as usize <= bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_refused_quietly(tail in prop::collection::vec(any::<u8>(), 0..300), kind in 0u8..180) {
        let mut file = if kind % 2 == 0 { File::mysql() } else { File::mariadb() };
        read_quietly(&tail, 64);
        file.event(kind, &tail);
        read_quietly(&file.bytes, 64);
    }

    #[test]
    fn statements_of_any_shape_are_read_to_their_end(text in "[ -~\\n`'\"@;/*!#]{0,120}", alter: bool) {
        let mut file = File::mysql();
        let start = if alter { "ALTER " } else { "CREATE " };
        file.query(&format!("{start}{text}"));
        let mut scanner = Scanner::new();
        scanner.push(&file.bytes);
        while let Some(part) = scanner.step().unwrap() {
            if let Some(Event::Query(query)) = part.event {
                let _ = query.defines_event();
                prop_assert!(query.with_definer().len() >= query.text.len());
            }
        }
    }
}

#[test]
fn damaged_files_are_refused_quietly() {
    let good = [mysql_file().bytes, mariadb_file().bytes];
    let mut dice = Dice::new(5);
    for _ in 0..20_000 {
        let which = dice.roll(good.len());
        let bytes = dice.damage(&good[which]);
        let piece = dice.roll(bytes.len()) + 1;
        read_quietly(&bytes, piece);
    }
}
