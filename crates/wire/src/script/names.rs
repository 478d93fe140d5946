//! Names that one engine has and the other has not: collations, modes, storage engines.

use offshoot_core::engine::EngineKind;

/// What an engine calls a collation that only the other has; `None` where it knows it, or where
/// it is no collation at all.
pub(super) fn collation(target: EngineKind, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    match target {
        EngineKind::Mysql => to_mysql(&name),
        EngineKind::Mariadb => to_mariadb(&name),
    }
}

/// Languages whose order both engines have, as MySQL and MariaDB name them.
const LANGUAGES: [(&str, &str); 20] = [
    ("cs", "czech"),
    ("da", "danish"),
    ("de_pb", "german2"),
    ("eo", "esperanto"),
    ("es", "spanish"),
    ("es_trad", "spanish2"),
    ("et", "estonian"),
    ("hr", "croatian"),
    ("hu", "hungarian"),
    ("is", "icelandic"),
    ("la", "roman"),
    ("lt", "lithuanian"),
    ("lv", "latvian"),
    ("pl", "polish"),
    ("ro", "romanian"),
    ("sk", "slovak"),
    ("sl", "slovenian"),
    ("sv", "swedish"),
    ("tr", "turkish"),
    ("vi", "vietnamese"),
];

/// MySQL 8's `utf8mb4_0900_*` do not pad, as MariaDB's `uca1400_nopad`.
fn to_mariadb(name: &str) -> Option<String> {
    let (language, rest) = match name.strip_prefix("utf8mb4_")?.split_once("0900_") {
        Some((language, rest)) => (language.trim_end_matches('_'), rest),
        None => return None,
    };
    if rest == "bin" {
        return Some("utf8mb4_nopad_bin".to_owned());
    }
    let rest = rest.trim_end_matches("_ks");
    let known = LANGUAGES.iter().find(|(mysql, _)| *mysql == language);
    Some(match known {
        Some((_, mariadb)) => format!("utf8mb4_uca1400_{mariadb}_nopad_{rest}"),
        None => format!("utf8mb4_uca1400_nopad_{rest}"),
    })
}

fn to_mysql(name: &str) -> Option<String> {
    let (charset, rest) = match name.strip_prefix("uca1400_") {
        Some(rest) => ("utf8mb4", rest),
        None => match name.split_once("_uca1400_") {
            Some((charset, rest)) => (charset, rest),
            None => return without_nopad(name),
        },
    };
    let accents = if rest.ends_with("as_cs") {
        "as_cs"
    } else if rest.ends_with("as_ci") {
        "as_ci"
    } else {
        "ai_ci"
    };
    if charset != "utf8mb4" {
        let charset = if charset == "utf8" {
            "utf8mb3"
        } else {
            charset
        };
        return Some(format!("{charset}_unicode_520_ci"));
    }
    let language = rest.split("_nopad").next().unwrap_or_default();
    let known = LANGUAGES.iter().find(|(_, mariadb)| {
        rest.starts_with(&format!("{mariadb}_")) && language.starts_with(mariadb)
    });
    Some(match (known, accents) {
        (Some((mysql, _)), "ai_ci" | "as_cs") => format!("utf8mb4_{mysql}_0900_{accents}"),
        _ => format!("utf8mb4_0900_{accents}"),
    })
}

/// MariaDB's collations that do not pad, besides the newest.
fn without_nopad(name: &str) -> Option<String> {
    const CHARSETS: [&str; 6] = ["utf8mb4", "utf8mb3", "utf8", "latin1", "ucs2", "utf16"];
    let (charset, _) = name.split_once('_')?;
    if !CHARSETS.contains(&charset) || !name.contains("nopad_") {
        return None;
    }
    if name == "utf8mb4_nopad_bin" {
        return Some("utf8mb4_0900_bin".to_owned());
    }
    Some(name.replace("nopad_", ""))
}

/// A value of `sql_mode` without what the target does not know.
pub(super) fn sql_mode(target: EngineKind, value: &str) -> Option<String> {
    const NOT_MYSQL: [&str; 15] = [
        "NO_AUTO_CREATE_USER",
        "NO_FIELD_OPTIONS",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "POSTGRESQL",
        "ORACLE",
        "MSSQL",
        "DB2",
        "MAXDB",
        "MYSQL323",
        "MYSQL40",
        "IGNORE_BAD_TABLE_OPTIONS",
        "EMPTY_STRING_IS_NULL",
        "SIMULTANEOUS_ASSIGNMENT",
        "TIME_ROUND_FRACTIONAL",
    ];
    const NOT_MARIADB: [&str; 1] = ["TIME_TRUNCATE_FRACTIONAL"];
    let unknown: &[&str] = match target {
        EngineKind::Mysql => &NOT_MYSQL,
        EngineKind::Mariadb => &NOT_MARIADB,
    };
    let is_unknown = |mode: &str| unknown.iter().any(|u| mode.trim().eq_ignore_ascii_case(u));
    if !value.split(',').any(is_unknown) {
        return None;
    }
    let kept: Vec<&str> = value.split(',').filter(|m| !is_unknown(m)).collect();
    Some(kept.join(","))
}

/// Options of tables that the target does not know, and that have no meaning for what is stored.
pub(super) fn is_foreign_option(target: EngineKind, name: &str) -> bool {
    let options: &[&str] = match target {
        EngineKind::Mysql => &[
            "PAGE_CHECKSUM",
            "TRANSACTIONAL",
            "PAGE_COMPRESSED",
            "PAGE_COMPRESSION_LEVEL",
            "ENCRYPTED",
            "ENCRYPTION_KEY_ID",
            "TABLE_CHECKSUM",
        ],
        EngineKind::Mariadb => &[
            "COMPRESSION",
            "SECONDARY_ENGINE",
            "ENCRYPTION",
            "AUTOEXTEND_SIZE",
            "ENGINE_ATTRIBUTE",
            "SECONDARY_ENGINE_ATTRIBUTE",
        ],
    };
    options.iter().any(|o| name.eq_ignore_ascii_case(o))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_have_their_like_in_the_other_engine() {
        for (mysql, mariadb) in [
            ("utf8mb4_0900_ai_ci", "utf8mb4_uca1400_nopad_ai_ci"),
            ("utf8mb4_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs"),
            ("utf8mb4_0900_bin", "utf8mb4_nopad_bin"),
            (
                "utf8mb4_sv_0900_ai_ci",
                "utf8mb4_uca1400_swedish_nopad_ai_ci",
            ),
        ] {
            assert_eq!(
                collation(EngineKind::Mariadb, mysql).as_deref(),
                Some(mariadb)
            );
            assert_eq!(
                collation(EngineKind::Mysql, mariadb).as_deref(),
                Some(mysql)
            );
        }
        for (name, mysql) in [
            ("uca1400_ai_ci", "utf8mb4_0900_ai_ci"),
            ("utf8mb4_uca1400_ai_ci", "utf8mb4_0900_ai_ci"),
            ("utf8mb3_uca1400_ai_ci", "utf8mb3_unicode_520_ci"),
            ("utf8mb4_general_nopad_ci", "utf8mb4_general_ci"),
        ] {
            assert_eq!(collation(EngineKind::Mysql, name).as_deref(), Some(mysql));
        }
        for known in [
            "utf8mb4_unicode_520_ci",
            "latin1_swedish_ci",
            "utf8mb4_bin",
            "a_nopad_b",
        ] {
            assert_eq!(collation(EngineKind::Mysql, known), None);
            assert_eq!(collation(EngineKind::Mariadb, known), None);
        }
    }

    #[test]
    fn modes_that_are_gone_are_left_out() {
        let value = "ONLY_FULL_GROUP_BY,NO_AUTO_CREATE_USER,NO_ZERO_DATE";
        assert_eq!(
            sql_mode(EngineKind::Mysql, value).as_deref(),
            Some("ONLY_FULL_GROUP_BY,NO_ZERO_DATE")
        );
        assert_eq!(sql_mode(EngineKind::Mariadb, value), None);
        assert_eq!(sql_mode(EngineKind::Mysql, "ANSI"), None);
    }
}
