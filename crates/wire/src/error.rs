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
