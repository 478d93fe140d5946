//! What apt's programs answer, as values.

use crate::engine::probe::leading_version;
use offshoot_core::engine::Version;

/// What of apt's words goes into a reason.
const WORDS_MAX: usize = 400;
/// Configuration of the machine that is also ours: how its mirrors are reached. Which indexes it
/// fetches is not.
const ACQUIRE: &str = "Acquire::";
const NOT_OURS: [&str; 2] = ["Acquire::IndexTargets", "Acquire::Languages"];

/// The lines of `apt-config dump` that say how mirrors are reached.
pub(super) fn acquire(dump: &str) -> String {
    dump.lines()
        .filter(|l| l.starts_with(ACQUIRE) && !NOT_OURS.iter().any(|n| l.starts_with(n)))
        .flat_map(|l| [l, "\n"])
        .collect()
}

/// `mysql-server-core` or `mysql-server-core-8.0`, and nothing that only starts like it.
pub(super) fn is_core(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// `package | version | source` of `apt-cache madison`; an epoch before the version is left out.
pub(super) fn parse_madison(line: &str) -> Option<(&str, Version)> {
    let mut columns = line.split('|').map(str::trim);
    let (package, version, source) = (columns.next()?, columns.next()?, columns.next()?);
    if source.ends_with("Sources") {
        return None;
    }
    let version = version.split_once(':').map_or(version, |(_, v)| v);
    Some((package, leading_version(version)?))
}

/// Sizes in bytes out of `--print-uris`: `'uri' file size hash`.
pub(super) fn parse_sizes(lines: &[String]) -> Vec<u64> {
    lines
        .iter()
        .filter(|l| l.starts_with('\''))
        .filter_map(|l| l.split_whitespace().nth(2)?.parse().ok())
        .collect()
}

/// The first error of apt that says something, without passwords in addresses.
pub(super) fn complaint(text: &str) -> Option<String> {
    let of = |mark: &str| {
        text.lines()
            .filter_map(|l| l.strip_prefix(mark))
            .find(|l| !l.contains("Some index files failed"))
            .map(str::trim)
    };
    let line = of("E: ").or_else(|| of("W: "))?;
    Some(without_passwords(line).chars().take(WORDS_MAX).collect())
}

fn without_passwords(line: &str) -> String {
    line.split(' ')
        .map(|word| match (word.find("://"), word.find('@')) {
            (Some(scheme), Some(at)) if scheme + 3 < at => {
                format!("{}{}", &word[..scheme + 3], &word[at + 1..])
            }
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn madison_is_read_without_epoch_and_sources() {
        let read = |l| parse_madison(l).map(|(p, v)| (p.to_owned(), v.to_string()));
        assert_eq!(
            read(" mysql-server-core | 9.7.4-2 | http://m.example/debian sid/main amd64 Packages"),
            Some(("mysql-server-core".into(), "9.7.4".into()))
        );
        assert_eq!(
            read(
                "mariadb-server-core | 1:10.11.19-0+deb12u1 | http://m.example x/main amd64 Packages"
            ),
            Some(("mariadb-server-core".into(), "10.11.19".into()))
        );
        assert_eq!(
            read("mysql-8.0 | 8.0.44-1 | http://m.example sid/main Sources"),
            None
        );
        assert_eq!(read("N: Unable to locate package"), None);
    }

    #[test]
    fn packages_are_known_by_their_whole_name() {
        let core = "mysql-server-core";
        assert!(is_core(core, core) && is_core("mysql-server-core-8.0", core));
        assert!(!is_core("mysql-server-core-dbgsym", core) && !is_core("mysql-server-corex", core));
    }

    #[test]
    fn the_reason_is_the_first_error_without_passwords() {
        let text = "W: a warning\nE: Failed to fetch http://me:secret@m.example/x  Could not resolve\nE: Some index files failed to download.";
        assert_eq!(
            complaint(text).unwrap(),
            "Failed to fetch http://m.example/x  Could not resolve"
        );
        assert_eq!(complaint("nothing"), None);
    }

    #[test]
    fn only_the_way_to_the_mirrors_is_taken_over() {
        let dump = "APT \"\";\nAPT::Update::Post-Invoke:: \"rm\";\nAcquire::http::Proxy \"http://p.example\";\nAcquire::IndexTargets::deb::X \"1\";\nDir::Etc \"etc\";\n";
        assert_eq!(
            acquire(dump),
            "Acquire::http::Proxy \"http://p.example\";\n"
        );
    }

    #[test]
    fn sizes_are_read_from_print_uris() {
        let lines = [
            "'http://m.example/a.deb' a.deb 1200 SHA256:x".to_owned(),
            "NOTE".to_owned(),
        ];
        assert_eq!(parse_sizes(&lines), [1200]);
    }
}
