//! Masks as SQL expressions. A keyed mask is HMAC-SHA-256 of the value's UTF-8 text, written out with
//! the engine's own SHA2; the two blocks of each key lie in session variables, so that no statement
//! holds a secret.
//!
//! 64 bits of it make a name or address unlike any other (two of a million values meet once in 37
//! million databases), 128 bits a hash, and about 46 a telephone number (once in 200).

use super::Column;
use crate::sql::{identifier, quote};
use offshoot_core::seed_rules::{Constant, Mask};
use std::fmt::Write;

/// Digits of a telephone number behind `+0`, which no country has: nobody is ever called.
const PHONE_DIGITS: u32 = 14;
const DOMAIN: &str = "@example.com";

const FIRST: [&str; 64] = [
    "Ada", "Aisha", "Akira", "Alan", "Alma", "Amir", "Anna", "Ben", "Bruno", "Carla", "Chen",
    "Clara", "Dana", "David", "Diego", "Elena", "Emil", "Emma", "Erik", "Eva", "Farid", "Felix",
    "Fiona", "Grace", "Hana", "Hugo", "Ines", "Iris", "Ivan", "Jana", "Jonas", "Jude", "Kai",
    "Karin", "Kenji", "Lara", "Leo", "Lena", "Liam", "Lina", "Luca", "Maya", "Mia", "Milan",
    "Mina", "Nadia", "Nina", "Noah", "Nora", "Olga", "Omar", "Oscar", "Paul", "Pia", "Rosa",
    "Ruben", "Sara", "Selma", "Tara", "Theo", "Vera", "Victor", "Yara", "Zoe",
];
const LAST: [&str; 64] = [
    "Abbott", "Adler", "Alvarez", "Amado", "Bailey", "Bauer", "Becker", "Berg", "Brandt", "Brown",
    "Castro", "Chen", "Clarke", "Costa", "Dahl", "Diaz", "Dubois", "Ellis", "Engel", "Fischer",
    "Fontana", "Foster", "Garcia", "Graf", "Gupta", "Haas", "Hansen", "Harris", "Ito", "Jansen",
    "Jensen", "Kaya", "Keller", "Khan", "Kim", "Kowalski", "Larsen", "Lopez", "Maier", "Martin",
    "Mendes", "Meyer", "Moreau", "Nguyen", "Novak", "Okafor", "Olsen", "Park", "Patel", "Quinn",
    "Reyes", "Richter", "Rossi", "Sato", "Schmid", "Silva", "Singh", "Tanaka", "Torres", "Vogel",
    "Weber", "Wong", "Young", "Zimmer",
];

/// Kinds of column that differ in how they are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Bytes,
    /// 64 bits.
    Number,
    Other,
}

pub(super) fn shape(column: &Column) -> Shape {
    match column.data_type.as_str() {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Shape::Text,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Shape::Bytes,
        "bigint" => Shape::Number,
        _ => Shape::Other,
    }
}

/// Length that a keyed mask's results can have in a text column, in characters.
pub fn result_width(mask: &Mask) -> u64 {
    let longest = |names: &[&str]| names.iter().map(|n| n.len() as u64).max().unwrap_or(0);
    // First name, last name and 13 digits to the base of 36, with what stands between them.
    let name = longest(&FIRST) + 1 + longest(&LAST) + 1 + 13;
    match mask {
        Mask::Hash => 32,
        Mask::FakeName => name,
        Mask::FakeEmail => name + DOMAIN.len() as u64,
        Mask::FakePhone => u64::from(PHONE_DIGITS) + 2,
        Mask::Keep | Mask::Null | Mask::Constant(_) => 0,
    }
}

/// Bytes of a hash in a binary column.
pub(super) const HASH_BYTES: u64 = 16;

/// Session variables of a keyed mask: they are to hold the key's 64 bytes XOR 0x36, and XOR 0x5c.
pub fn key_variables(mask: &Mask) -> [String; 2] {
    ["inner", "outer"].map(|part| format!("@offshoot_{mask}_{part}"))
}

/// What a column is set to. The mask fits the column ([`super::check`]).
pub(super) fn expression(mask: &Mask, column: &Column) -> String {
    let name = identifier(&column.name);
    match mask {
        Mask::Keep => name,
        Mask::Null => "NULL".to_owned(),
        Mask::Constant(Constant::Text(text)) => quote(text),
        Mask::Constant(Constant::Integer(number)) => number.to_string(),
        Mask::Hash | Mask::FakeName | Mask::FakeEmail | Mask::FakePhone => {
            keyed(mask, column, &name)
        }
    }
}

fn keyed(mask: &Mask, column: &Column, name: &str) -> String {
    let shape = shape(column);
    let value = match shape {
        Shape::Text => format!("CONVERT({name} USING utf8mb4)"),
        Shape::Bytes => name.to_owned(),
        Shape::Number | Shape::Other => format!("CAST({name} AS CHAR)"),
    };
    let [inner, outer] = key_variables(mask);
    let mac = format!("SHA2(CONCAT({outer}, UNHEX(SHA2(CONCAT({inner}, {value}), 256))), 256)");
    let number = format!("CONV(LEFT({mac}, 16), 16, 10)");
    let unlike = format!("LOWER(CONV(LEFT({mac}, 16), 16, 36))");
    // 64 names each, by the two bytes behind.
    let first = one_of(&mac, 17, &FIRST);
    let last = one_of(&mac, 19, &LAST);
    let masked = match (mask, shape) {
        (Mask::Hash, Shape::Bytes) => format!("LEFT(UNHEX({mac}), {HASH_BYTES})"),
        (Mask::Hash, Shape::Text) => format!("LEFT({mac}, {})", result_width(mask)),
        (Mask::Hash, _) => return format!("CAST({number} AS UNSIGNED) >> 1"),
        (Mask::FakeName, _) => format!("CONCAT({first}, ' ', {last}, ' ', {unlike})"),
        (Mask::FakeEmail, _) => {
            format!("CONCAT(LOWER({first}), '.', LOWER({last}), '.', {unlike}, '{DOMAIN}')")
        }
        _ => format!(
            "CONCAT('+0', LPAD(CAST({number} AS UNSIGNED) % {}, {PHONE_DIGITS}, '0'))",
            10_u64.pow(PHONE_DIGITS)
        ),
    };
    format!("IF(LENGTH({name}) = 0, '', {masked})")
}

/// One of 64 names, by the byte at a place of a hexadecimal text.
fn one_of(hex: &str, at: u32, names: &[&str; 64]) -> String {
    let mut list = String::new();
    for name in names {
        let _ = write!(list, ", '{name}'");
    }
    format!("ELT(1 + CONV(SUBSTRING({hex}, {at}, 2), 16, 10) % 64{list})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_different() {
        for names in [FIRST, LAST] {
            assert!(
                names
                    .iter()
                    .all(|n| n.bytes().all(|b| b.is_ascii_alphabetic()))
            );
            let mut sorted = names;
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|w| w[0] != w[1]));
        }
        assert_eq!(result_width(&Mask::FakeName), 29);
        assert_eq!(result_width(&Mask::FakeEmail), 41);
        assert_eq!(result_width(&Mask::FakePhone), 16);
    }

    #[test]
    fn constants_are_quoted() {
        let column = Column {
            name: "a`b".into(),
            data_type: "varchar".into(),
            length: Some(40),
            unsigned: false,
            nullable: true,
            generated: false,
            auto_increment: false,
            on_update: false,
        };
        let constant = |text: &str| {
            let mask = Mask::Constant(Constant::Text(text.into()));
            expression(&mask, &column)
        };
        assert_eq!(constant("x' OR '1"), "'x'' OR ''1'");
        assert!(constant("\\' OR 1 -- ").starts_with("_utf8mb4 0x"));
        assert!(expression(&Mask::Hash, &column).contains("CONVERT(`a``b` USING utf8mb4)"));
    }
}
