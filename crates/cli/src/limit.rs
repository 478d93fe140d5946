//! Limits of a branch as people write them: a number or a size, `none`, or `default`.

/// The server's own limit.
const DEFAULT: &str = "default";

/// A number of connections; `None` = the server's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections(pub(crate) Option<i64>);

/// Bytes; 0 = no limit, `None` = the server's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota(pub(crate) Option<i64>);

pub(crate) fn connections(text: &str) -> Result<Connections, String> {
    match text.parse() {
        _ if text == DEFAULT => Ok(Connections(None)),
        Ok(n) => Ok(Connections(Some(n))),
        Err(_) => Err("write a number such as 50, or default".to_owned()),
    }
}

pub(crate) fn quota(text: &str) -> Result<Quota, String> {
    if text == DEFAULT {
        return Ok(Quota(None));
    }
    if text == "none" {
        return Ok(Quota(Some(0)));
    }
    let bytes = parse_size::Config::new().with_binary().parse_size(text);
    bytes
        .ok()
        .and_then(|n| i64::try_from(n).ok())
        .map(|n| Quota(Some(n)))
        .ok_or_else(|| "write a size such as 5G or 512M, none, or default".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!(quota("5G"), Ok(Quota(Some(5 << 30))));
        assert_eq!(quota("none"), Ok(Quota(Some(0))));
        assert_eq!(quota("default"), Ok(Quota(None)));
        assert!(quota("much").is_err());
        assert_eq!(connections("50"), Ok(Connections(Some(50))));
        assert_eq!(connections("default"), Ok(Connections(None)));
        assert!(connections("many").is_err());
    }
}
