//! Texts in a delivery, refused where they stand when they are not what they should be.

use serde::Deserialize;
use serde::de::{self, Deserializer};

/// Longest address, path or name, in bytes.
const MAX: usize = 500;

fn read<'de, D: Deserializer<'de>>(
    d: D,
    fits: impl Fn(&str) -> bool,
    say: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(d)?;
    let text = text.trim();
    match text.len() <= MAX && fits(text) {
        true => Ok(text.to_owned()),
        false => Err(de::Error::custom(format!("{text:?}: {say}"))),
    }
}

pub(super) fn template<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let fits = |text: &str| !text.is_empty() && !text.contains(char::is_control);
    read(
        d,
        fits,
        "write one line of text, in which {{ branch }} and the like stand for what they name",
    )
}

pub(super) fn opt_template<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    template(d).map(Some)
}

/// One part of a path that nobody mistakes for another.
fn part(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) fn repository<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let fits = |text: &str| text.split('/').count() == 2 && text.split('/').all(part);
    read(d, fits, "write a repository as OWNER/NAME")
}

pub(super) fn project<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let fits = |text: &str| {
        let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        number || (text.contains('/') && text.split('/').all(part))
    };
    let say = "write a project as GROUP/NAME, or its number in quotes";
    read(d, fits, say)
}

const MOUNT: &str = "write a path such as secret or team/kv, without data/ in it";

fn mounts(text: &str) -> bool {
    text.split('/').all(part)
}

pub(super) fn mount_path<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    read(d, mounts, MOUNT)
}

pub(super) fn opt_mount_path<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    read(d, mounts, MOUNT).map(Some)
}

/// A label of RFC 1123.
pub(super) fn namespace<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let fits = |text: &str| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let say = "a namespace has up to 63 lower-case letters, digits and -, and neither begins nor ends with -";
    read(d, fits, say).map(Some)
}

const BASE: &str = "write an address such as https://git.example.com, without a user, a query or a slash at its end";

/// The beginning of an address. What it leads to is looked at when it is called.
fn bases(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.starts_with('/')
            && !rest.is_empty()
            && !rest.ends_with('/')
            && !rest.contains(['@', '?', '#', '\\'])
            && rest.bytes().all(|b| b.is_ascii_graphic())
    })
}

pub(super) fn base<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    read(d, bases, BASE)
}

pub(super) fn opt_base<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    read(d, bases, BASE).map(Some)
}
