//! MySQL: `--initialize-insecure`, with an init file that loads the time zones and locks the only
//! account that could log in.

use super::{InitializeError, run};
use crate::Owner;
use crate::engine::EngineFiles;
use offshoot_core::engine::Version;
use std::ffi::OsString;
use std::path::Path;

/// The redo log got one capacity instead of files with a size.
const REDO_CAPACITY_SINCE: Version = Version {
    major: 8,
    minor: 0,
    patch: 30,
};
/// No connection is let in on an account without a password: `root` is locked, and its
/// authentication string is the digest of nothing.
const LOCK: &str = "UPDATE mysql.user SET account_locked='Y', \
    authentication_string='*', plugin='caching_sha2_password' WHERE User='root';\n";

pub(super) fn initialize(
    engine: &EngineFiles,
    data: &Path,
    scratch: &Path,
    owner: Option<Owner>,
    zones: &str,
) -> Result<(), InitializeError> {
    let script = scratch.join("init.sql");
    let failed = |source| InitializeError::Files {
        path: script.clone(),
        source,
    };
    std::fs::write(&script, format!("{zones}{LOCK}")).map_err(failed)?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(failed)?;
    let mut command = engine.command();
    let path = |name: &str, value: &Path| {
        let mut text = OsString::from(name);
        text.push(value);
        text
    };
    command
        .arg("--initialize-insecure")
        .arg(path("--datadir=", data))
        .arg(path("--tmpdir=", scratch))
        .arg(path("--init-file=", &script))
        .args([
            "--secure-file-priv=NULL",
            "--skip-log-bin",
            "--mysqlx=OFF",
            "--skip-networking",
            "--loose-auto-generate-certs=OFF",
            "--loose-caching-sha2-password-auto-generate-rsa-keys=OFF",
            "--loose-sha256-password-auto-generate-rsa-keys=OFF",
            "--performance-schema=OFF",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=OFF",
            "--character-set-server=utf8mb4",
            "--innodb-use-native-aio=OFF",
        ]);
    if engine.engine.version >= REDO_CAPACITY_SINCE {
        command.arg("--innodb-redo-log-capacity=8M");
    } else {
        command.arg("--innodb-log-file-size=4M");
    }
    if owner.is_none() && rustix::process::geteuid().is_root() {
        // It refuses to run as root unless told so.
        command.arg("--user=root");
    }
    run(engine.engine, &mut command, owner, scratch, None)
}
