//! MariaDB lets every account change its own password, and has no setting against it. A role's
//! account is shared by everyone who has the role, so its table of accounts is made read-only: in
//! the file system, where no statement reaches. The engine's crash recovery may have to write it,
//! so it is writable from before the start until the engine answers.

use offshoot_core::engine::EngineKind;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The statement after which the engine opens the table anew.
pub(super) const REOPEN: &str = "FLUSH LOCAL TABLES mysql.global_priv";

/// Makes the table writable again, below the data directory `data`.
pub(super) fn open(kind: EngineKind, data: &Path) -> io::Result<()> {
    set(kind, data, 0o600)
}

/// Makes it read-only, from the next time on that the engine opens it.
pub(super) fn close(kind: EngineKind, data: &Path) -> io::Result<()> {
    set(kind, data, 0o400)
}

fn set(kind: EngineKind, data: &Path, mode: u32) -> io::Result<()> {
    if kind != EngineKind::Mariadb {
        return Ok(());
    }
    for extension in ["MAI", "MAD"] {
        let path = data.join("mysql/global_priv").with_extension(extension);
        match fs::set_permissions(path, Permissions::from_mode(mode)) {
            // A data directory without it does not start, and says so itself.
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
