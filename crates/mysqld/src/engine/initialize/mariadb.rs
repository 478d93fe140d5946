//! MariaDB: `--bootstrap` with the SQL files of its package, in the order of `mariadb-install-db`
//! (a shell script that does not find the files of a relocated engine), then the time zones; every
//! account that could log in is removed.

use super::{InitializeError, run};
use crate::Owner;
use crate::engine::EngineFiles;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// In this order. The older name first; 11.x also has the newer one. Not every version has all.
const FILES: [(&[&str], bool); 6] = [
    (
        &["mysql_system_tables.sql", "mariadb_system_tables.sql"],
        true,
    ),
    (
        &[
            "mysql_performance_tables.sql",
            "mariadb_performance_tables.sql",
        ],
        false,
    ),
    (
        &[
            "mysql_system_tables_data.sql",
            "mariadb_system_tables_data.sql",
        ],
        true,
    ),
    (&["fill_help_tables.sql"], false),
    (&["maria_add_gis_sp_bootstrap.sql"], false),
    (&["mysql_sys_schema.sql", "mariadb_sys_schema.sql"], false),
];
/// Removes everybody but the owner of the system views, who cannot log in.
const LOCK: &str = "DELETE FROM mysql.global_priv WHERE User IN ('root','');\n\
    DELETE FROM mysql.db WHERE User='';\n\
    DELETE FROM mysql.proxies_priv;\n";

pub(super) fn initialize(
    engine: &EngineFiles,
    data: &Path,
    scratch: &Path,
    owner: Option<Owner>,
    zones: &str,
) -> Result<(), InitializeError> {
    let script = scratch.join("bootstrap.sql");
    let mut sql = b"create database if not exists mysql;\nuse mysql;\n\
        set @auth_root_socket=NULL;\n"
        .to_vec();
    for (names, needed) in FILES {
        let found = names.iter().find_map(|name| file(engine, name));
        let Some(path) = found else {
            if needed {
                return Err(InitializeError::Incomplete {
                    engine: engine.engine,
                    file: names[0].to_owned(),
                });
            }
            continue;
        };
        let text =
            std::fs::read(&path).map_err(|source| InitializeError::Files { path, source })?;
        sql.extend(text);
        sql.push(b'\n');
    }
    sql.extend(b"use mysql;\n");
    sql.extend(zones.as_bytes());
    sql.extend(LOCK.as_bytes());
    std::fs::write(&script, sql).map_err(|source| InitializeError::Files {
        path: script.clone(),
        source,
    })?;
    let path = |name: &str, value: &Path| {
        let mut text = OsString::from(name);
        text.push(value);
        text
    };
    let mut command = engine.command();
    command
        .arg("--bootstrap")
        .arg(path("--datadir=", data))
        .arg(path("--tmpdir=", scratch))
        .args([
            "--log-warnings=0",
            "--enforce-storage-engine=",
            "--max-allowed-packet=8M",
            "--net-buffer-length=16K",
            "--skip-networking",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-use-native-aio=OFF",
            "--aria-log-file-size=8M",
            "--performance-schema=OFF",
        ]);
    if owner.is_none() && rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    run(engine.engine, &mut command, owner, scratch, Some(&script))?;
    Ok(())
}

/// An SQL file of the engine, beside or above its messages.
fn file(engine: &EngineFiles, name: &str) -> Option<PathBuf> {
    let share = &engine.messages;
    [
        share.join(name),
        share.join("mysql").join(name),
        share.join("mariadb").join(name),
    ]
    .into_iter()
    .find(|p| p.is_file())
}
