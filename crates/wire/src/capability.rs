//! Capability flags of the handshake.

pub const LONG_PASSWORD: u32 = 1;
/// Found instead of changed rows.
pub const FOUND_ROWS: u32 = 1 << 1;
pub const LONG_FLAG: u32 = 1 << 2;
pub const CONNECT_WITH_DB: u32 = 1 << 3;
pub const NO_SCHEMA: u32 = 1 << 4;
/// The zlib-compressed protocol.
pub const COMPRESS: u32 = 1 << 5;
pub const ODBC: u32 = 1 << 6;
/// LOAD DATA LOCAL.
pub const LOCAL_FILES: u32 = 1 << 7;
pub const IGNORE_SPACE: u32 = 1 << 8;
pub const PROTOCOL_41: u32 = 1 << 9;
pub const INTERACTIVE: u32 = 1 << 10;
pub const SSL: u32 = 1 << 11;
pub const IGNORE_SIGPIPE: u32 = 1 << 12;
pub const TRANSACTIONS: u32 = 1 << 13;
pub const RESERVED: u32 = 1 << 14;
pub const SECURE_CONNECTION: u32 = 1 << 15;
pub const MULTI_STATEMENTS: u32 = 1 << 16;
pub const MULTI_RESULTS: u32 = 1 << 17;
pub const PS_MULTI_RESULTS: u32 = 1 << 18;
pub const PLUGIN_AUTH: u32 = 1 << 19;
pub const CONNECT_ATTRS: u32 = 1 << 20;
pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
pub const CAN_HANDLE_EXPIRED_PASSWORDS: u32 = 1 << 22;
pub const SESSION_TRACK: u32 = 1 << 23;
pub const DEPRECATE_EOF: u32 = 1 << 24;
/// MySQL only.
pub const OPTIONAL_RESULTSET_METADATA: u32 = 1 << 25;
pub const ZSTD: u32 = 1 << 26;
/// MySQL >= 8.0.23 only.
pub const QUERY_ATTRIBUTES: u32 = 1 << 27;
pub const MULTI_FACTOR: u32 = 1 << 28;
pub const SSL_VERIFY_SERVER_CERT: u32 = 1 << 30;
pub const REMEMBER_OPTIONS: u32 = 1 << 31;

/// What MySQL >= 8.0 and MariaDB >= 10.11 both understand, without [`SSL`] and [`COMPRESS`], which
/// end at the gateway.
pub const SHARED: u32 = LONG_PASSWORD
    | FOUND_ROWS
    | LONG_FLAG
    | CONNECT_WITH_DB
    | NO_SCHEMA
    | ODBC
    | LOCAL_FILES
    | IGNORE_SPACE
    | PROTOCOL_41
    | INTERACTIVE
    | IGNORE_SIGPIPE
    | TRANSACTIONS
    | RESERVED
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PS_MULTI_RESULTS
    | PLUGIN_AUTH
    | CONNECT_ATTRS
    | PLUGIN_AUTH_LENENC
    | CAN_HANDLE_EXPIRED_PASSWORDS
    | SESSION_TRACK
    | DEPRECATE_EOF;

/// What MySQL alone understands: offered where every client ends on MySQL.
pub const MYSQL_ONLY: u32 = OPTIONAL_RESULTSET_METADATA | QUERY_ATTRIBUTES;

/// Flags that change how later packets are read: client and engine must agree on them.
pub const SHAPES: u32 = PROTOCOL_41
    | TRANSACTIONS
    | SESSION_TRACK
    | DEPRECATE_EOF
    | OPTIONAL_RESULTSET_METADATA
    | QUERY_ATTRIBUTES
    | MULTI_RESULTS
    | PS_MULTI_RESULTS;

/// MariaDB's further 32 flags (`MARIADB_CLIENT_*`, shifted down by 32), which travel in reserved
/// bytes and count only when [`LONG_PASSWORD`] is unset.
pub mod mariadb {
    pub const PROGRESS: u32 = 1;
    pub const STMT_BULK_OPERATIONS: u32 = 1 << 2;
    pub const EXTENDED_METADATA: u32 = 1 << 3;
    pub const CACHE_METADATA: u32 = 1 << 4;

    /// What MariaDB 10.11 offers.
    pub const ALL: u32 = PROGRESS | STMT_BULK_OPERATIONS | EXTENDED_METADATA | CACHE_METADATA;
}
