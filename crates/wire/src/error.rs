//! Error numbers that the gateway itself answers with. Source: MySQL's error message reference.

pub const CON_COUNT: u16 = 1040;
pub const BAD_HANDSHAKE: u16 = 1043;
pub const ACCESS_DENIED: u16 = 1045;
pub const UNKNOWN_COMMAND: u16 = 1047;
pub const SERVER_SHUTDOWN: u16 = 1053;
pub const NO_SUCH_THREAD: u16 = 1094;
pub const KILL_DENIED: u16 = 1095;
pub const UNKNOWN_SCHEMA: u16 = 1049;
pub const UNKNOWN: u16 = 1105;
pub const PACKET_TOO_LARGE: u16 = 1153;
pub const PACKETS_OUT_OF_ORDER: u16 = 1156;
pub const SPECIFIC_ACCESS_DENIED: u16 = 1227;
pub const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
/// MySQL's end of an idle session.
pub const CLIENT_INTERACTION_TIMEOUT: u16 = 4031;

/// An engine's refusals of a privilege: on a database, table, column, routine, or of any.
pub const LACKS_PRIVILEGE: [u16; 5] = [1044, 1142, 1143, SPECIFIC_ACCESS_DENIED, 1370];

/// Schemas of the engines, in which nobody's role ever reaches anything that could be changed.
const SYSTEM_SCHEMAS: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];
/// Privileges that change a schema, as engines name them in a refusal.
const DDL: [&str; 7] = [
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "CREATE VIEW",
    "TRIGGER",
];

/// Whether an engine refuses, with this error, that one of `accounts` (all at `localhost`) changes the schema. It names
/// the privilege and the account, which may be a definer's; in another language than English it is not recognised.
pub fn refuses_ddl(code: u16, message: &str, accounts: &[&str]) -> bool {
    let named = accounts
        .iter()
        .any(|account| message.contains(&format!("'{account}'@'localhost'")));
    if !named {
        return false;
    }
    match code {
        // DROP, ALTER command denied to user 'x'@'localhost' for table 't'; MariaDB: for table `s`.`t`
        1142 => {
            let Some((privileges, rest)) = message.split_once(" command denied") else {
                return false;
            };
            let system = |schema: &str| rest.contains(&format!("for table `{schema}`."));
            privileges.split(',').any(|p| DDL.contains(&p.trim()))
                && !SYSTEM_SCHEMAS.iter().any(|s| system(s))
        }
        // Access denied for user 'x'@'localhost' to database 's'
        1044 => {
            let system = |schema: &str| message.contains(&format!("to database '{schema}'"));
            !SYSTEM_SCHEMAS.iter().any(|s| system(s))
        }
        // alter routine command denied to user 'x'@'localhost' for routine 's.p'
        1370 => message.starts_with("alter routine") || message.starts_with("create routine"),
        _ => false,
    }
}

/// Whether an engine refuses that something is made with another account as its definer.
pub fn refuses_definer(code: u16, message: &str) -> bool {
    let names = ["SET_ANY_DEFINER", "SET_USER_ID", "SET USER"];
    code == SPECIFIC_ACCESS_DENIED && names.iter().any(|name| message.contains(name))
}

/// SQLSTATE of an error number above.
pub fn state(code: u16) -> &'static [u8; 5] {
    match code {
        CON_COUNT => b"08004",
        BAD_HANDSHAKE | UNKNOWN_COMMAND | SERVER_SHUTDOWN | PACKET_TOO_LARGE
        | PACKETS_OUT_OF_ORDER => b"08S01",
        ACCESS_DENIED => b"28000",
        SPECIFIC_ACCESS_DENIED => b"42000",
        _ => b"HY000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: [&str; 2] = ["offshoot_admin", "offshoot_safe_admin"];

    #[test]
    fn a_refusal_of_ddl_is_told_from_every_other() {
        let of = |user: &str, text: &str| text.replace("USER", &format!("'{user}'@'localhost'"));
        let ddl = [
            (1142, "CREATE command denied to user USER for table 'x'"),
            (
                1142,
                "DROP, ALTER command denied to user USER for table 't'",
            ),
            (
                1142,
                "CREATE VIEW command denied to user USER for table `shop`.`v`",
            ),
            (
                1142,
                "INDEX command denied to user USER for table `shop`.`mysql`",
            ),
            (1142, "TRIGGER command denied to user USER for table 't'"),
            (1044, "Access denied for user USER to database 'shop'"),
            (1044, "Access denied for user USER to database 'mysqlx'"),
            (
                1370,
                "alter routine command denied to user USER for routine 'shop.p'",
            ),
        ];
        for (code, text) in ddl {
            for account in ACCOUNTS {
                assert!(refuses_ddl(code, &of(account, text), &ACCOUNTS), "{text}");
            }
            for other in ["offshoot_reader", "offshoot_readwriter", "offshoot_admin2"] {
                assert!(!refuses_ddl(code, &of(other, text), &ACCOUNTS), "{text}");
            }
            assert!(!refuses_ddl(1064, &of(ACCOUNTS[0], text), &ACCOUNTS));
        }
        assert!(refuses_definer(
            1227,
            "you need the SUPER, SET USER privilege(s)"
        ));
        for (code, text) in [
            (1142, "INSERT command denied to user USER for table 't'"),
            (
                1142,
                "CREATE command denied to user USER for table `mysql`.`t`",
            ),
            (1044, "Access denied for user USER to database 'mysql'"),
            (
                1044,
                "Access denied for user USER to database 'information_schema'",
            ),
            (
                1370,
                "execute command denied to user USER for routine 'shop.p'",
            ),
            (1227, "Access denied; you need the SUPER privilege, USER"),
            (1142, "USER"),
        ] {
            assert!(!refuses_definer(code, text), "{text}");
            assert!(
                !refuses_ddl(code, &of(ACCOUNTS[0], text), &ACCOUNTS),
                "{text}"
            );
        }
    }
}
