//! Single fields of bodies, from wire values to domain values.

use ipnet::IpNet;
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::password::Role;
use std::net::IpAddr;
use std::time::Duration;

/// Longest time to live or to idle, in seconds (a hundred years): more would not fit a timestamp for long.
const MAX_SECONDS: i64 = 100 * 365 * 86_400;

/// A blank string is an absent value.
pub(crate) fn blank(text: Option<String>) -> Option<String> {
    text.filter(|t| !t.trim().is_empty())
}

/// A whole number of seconds, not negative.
pub(crate) fn seconds(field: &'static str, value: i64) -> Result<Duration, Refusal> {
    match u64::try_from(value) {
        Ok(seconds) if value <= MAX_SECONDS => Ok(Duration::from_secs(seconds)),
        _ => Err(Refusal::invalid(
            field,
            format!("{field} is a number of seconds from 0 to {MAX_SECONDS}"),
        )),
    }
}

/// A whole number, not negative.
pub(crate) fn number<T: TryFrom<i64>>(field: &'static str, value: i64) -> Result<T, Refusal> {
    T::try_from(value)
        .map_err(|_| Refusal::invalid(field, format!("{field} is a whole number, not below 0")))
}

/// An RFC 3339 time.
pub(crate) fn moment(field: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    text.parse().map_err(|_| {
        Refusal::invalid(field, format!("{field} is not a time"))
            .hint("write it like 2026-12-31T18:00:00Z")
    })
}

/// `None` = the default.
pub(crate) fn role(field: &'static str, text: Option<&str>) -> Result<Option<Role>, Refusal> {
    text.filter(|t| !t.trim().is_empty())
        .map(|t| {
            t.parse()
                .map_err(|_| Refusal::invalid(field, format!("{t:?} is not a role")))
                .map_err(|r| r.hint("use reader, writer, readwriter or admin"))
        })
        .transpose()
}

/// Networks, or single addresses.
pub(crate) fn cidrs(field: &'static str, texts: &[String]) -> Result<Vec<IpNet>, Refusal> {
    texts.iter().map(|text| cidr(field, text.trim())).collect()
}

fn cidr(field: &'static str, text: &str) -> Result<IpNet, Refusal> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            let shown: String = text.chars().take(60).collect();
            Refusal::invalid(field, format!("{shown:?} is not an address or network"))
                .hint("write it like 192.0.2.0/24 or 192.0.2.7")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_refused_by_name() {
        assert_eq!(seconds("ttl", -1).unwrap_err().field, Some("ttl"));
        assert_eq!(seconds("ttl", i64::MAX).unwrap_err().field, Some("ttl"));
        assert_eq!(seconds("ttl", 0).unwrap(), Duration::ZERO);
        assert_eq!(
            moment("expires_at", "soon").unwrap_err().field,
            Some("expires_at")
        );
        assert!(moment("expires_at", "2026-12-31T18:00:00+01:00").is_ok());
        assert_eq!(role("role", Some("root")).unwrap_err().field, Some("role"));
        assert_eq!(role("role", Some("")).unwrap(), None);
    }

    #[test]
    fn networks_are_read_with_or_without_a_length() {
        let read = cidrs("cidrs", &["10.1.2.3/8".into(), "::1".into()]).unwrap();
        assert_eq!(read[0].to_string(), "10.0.0.0/8");
        assert_eq!(read[1].to_string(), "::1/128");
        assert!(cidrs("cidrs", &["10.0.0.0/33".into()]).is_err());
    }
}
