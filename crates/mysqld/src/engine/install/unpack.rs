//! From fetched packages to an engine's directory: unpacked, thinned out, described, tried.

use super::{InstallError, Phase, Progress, files};
use crate::engine::bound::bound;
use crate::engine::probe;
use crate::engine::{EngineFiles, Loader};
use offshoot_core::engine::{EngineKind, EngineRef, EngineSource};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The client programs that are kept.
const CLIENTS: [&str; 16] = [
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlbinlog",
    "mysqlcheck",
    "mysqlimport",
    "mysqlshow",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mariadb-binlog",
    "mariadb-check",
    "mariadb-import",
    "mariadb-show",
    "mariadb-backup",
    "mbstream",
];
/// What of `usr/share` an engine needs.
const SHARES: [&str; 4] = ["mysql", "mariadb", "zoneinfo", "tzdata"];
/// Directories beside the libraries that no engine loads from.
const NO_LIBRARIES: [&str; 5] = ["perl", "perl-base", "perl5", "gconv", "audit"];
/// Plugins of clients, for logins that branches do not offer, and a parser without its dictionary.
const NO_PLUGINS: [&str; 7] = [
    "authentication_kerberos_client.so",
    "authentication_oci_client.so",
    "authentication_openid_connect_client.so",
    "authentication_webauthn_client.so",
    "telemetry_client.so",
    "component_telemetry.so",
    "libpluginmecab.so",
];

/// Unpacks every package of `archives` into `made/root` and describes the engine found there, with a
/// version that is not known yet. Packages are removed as they are unpacked, to save room.
pub(super) fn unpack(
    kind: EngineKind,
    archives: &Path,
    made: &Path,
    progress: &dyn Progress,
) -> Result<EngineFiles, InstallError> {
    let root = made.join("root");
    std::fs::create_dir_all(&root).map_err(|e| files(&root, e))?;
    let mut packages: Vec<PathBuf> = list(archives)?
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .collect();
    packages.sort();
    for (done, package) in packages.iter().enumerate() {
        progress.report(Phase::Unpack {
            done,
            packages: packages.len(),
        });
        extract(package, &root)?;
        thin(&root).map_err(|e| files(&root, e))?;
        std::fs::remove_file(package).map_err(|e| files(package, e))?;
    }
    progress.report(Phase::Unpack {
        done: packages.len(),
        packages: packages.len(),
    });
    let found = describe(kind, &root)?;
    open(made).map_err(|e| files(made, e))?;
    Ok(found)
}

/// Runs the server, and sees that it is what was asked for and takes every library from its prefix.
pub(super) fn check(
    kind: EngineKind,
    found: &EngineFiles,
    made: &Path,
) -> Result<EngineRef, InstallError> {
    let failed = |reason: String| InstallError::Check { kind, reason };
    let loader = found.loader.as_ref();
    let engine = probe::version(&found.server, loader).map_err(|e| failed(e.to_string()))?;
    if engine.kind != kind {
        return Err(failed(format!("it is {engine}")));
    }
    if let Some(loader) = loader {
        let libraries =
            std::env::join_paths(&loader.library_path).map_err(|e| failed(e.to_string()))?;
        let output = Command::new(&loader.program)
            .arg("--library-path")
            .arg(libraries)
            .arg("--list")
            .arg(&found.server)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(name) = stranger(&text, made) {
            return Err(failed(format!("{name} did not come with it")));
        }
    }
    Ok(engine)
}

/// The first library that lies outside `prefix` or is missing: lines `name => path (address)`.
fn stranger(listing: &str, prefix: &Path) -> Option<String> {
    listing
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
        .find(|(_, path)| {
            let path = path.rsplit_once(" (").map_or(*path, |(p, _)| p);
            !Path::new(path).starts_with(prefix)
        })
        .map(|(name, _)| name.to_owned())
}

fn extract(package: &Path, root: &Path) -> Result<(), InstallError> {
    let name = || {
        package
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    };
    let failed = |reason| InstallError::Unpack {
        package: name(),
        reason,
    };
    let program = super::apt::program("dpkg-deb").unwrap_or_else(|| "dpkg-deb".into());
    let output = bound(&mut Command::new(program))
        .arg("-x")
        .args([package, root])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(failed(
        words.lines().last().unwrap_or("dpkg-deb failed").to_owned(),
    ))
}

/// Removes what no engine needs.
fn thin(root: &Path) -> std::io::Result<()> {
    let keep_only = |directory: &str, keep: &dyn Fn(&str) -> bool| -> std::io::Result<()> {
        for entry in entries(&root.join(directory))? {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if !keep(&name) {
                remove(&entry)?;
            }
        }
        Ok(())
    };
    keep_only("", &|n| matches!(n, "usr" | "lib" | "lib64"))?;
    keep_only("usr", &|n| {
        matches!(n, "bin" | "sbin" | "lib" | "lib64" | "share")
    })?;
    keep_only("usr/bin", &|n| CLIENTS.contains(&n))?;
    keep_only("usr/sbin", &|n| matches!(n, "mysqld" | "mariadbd"))?;
    keep_only("usr/share", &|n| SHARES.contains(&n))?;
    keep_only("usr/lib/mysql/plugin", &|n| !NO_PLUGINS.contains(&n))?;
    for base in ["usr/lib", "lib"] {
        keep_only(base, &|n| n == "mysql" || n == "mariadb" || is_triplet(n))?;
        for libraries in entries(&root.join(base))?
            .iter()
            .filter(|p| !p.ends_with("mysql"))
        {
            for entry in entries(libraries)? {
                let name = entry
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if NO_LIBRARIES.contains(&name.as_str()) || name.starts_with("libperl") {
                    remove(&entry)?;
                }
            }
        }
    }
    Ok(())
}

/// Everything readable by everybody (branches run under identities of their own), nothing writable
/// by others, nothing set-uid.
fn open(path: &Path) -> std::io::Result<()> {
    let meta = std::fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let mode = meta.permissions().mode();
    let program = if meta.is_dir() || mode & 0o111 != 0 {
        0o111
    } else {
        0
    };
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644 | program))?;
    if meta.is_dir() {
        for entry in entries(path)? {
            open(&entry)?;
        }
    }
    Ok(())
}

fn describe(kind: EngineKind, root: &Path) -> Result<EngineFiles, InstallError> {
    let missing = |what: &str| InstallError::Check {
        kind,
        reason: format!("its packages hold no {what}"),
    };
    let first = |paths: &[&str]| paths.iter().map(|p| root.join(p)).find(|p| p.exists());
    let server = match kind {
        EngineKind::Mysql => first(&["usr/sbin/mysqld"]),
        EngineKind::Mariadb => first(&["usr/sbin/mariadbd", "usr/sbin/mysqld"]),
    };
    let server = server.ok_or_else(|| missing("server"))?;
    let messages = first(&["usr/share/mysql/english", "usr/share/mariadb/english"])
        .and_then(|p| p.parent().map(Path::to_owned))
        .ok_or_else(|| missing("messages"))?;
    let character_sets = first(&["usr/share/mysql/charsets", "usr/share/mariadb/charsets"])
        .ok_or_else(|| missing("character sets"))?;
    let plugins = root.join("usr/lib/mysql/plugin");
    std::fs::create_dir_all(&plugins).map_err(|e| files(&plugins, e))?;
    let mut library_path = Vec::new();
    for base in ["lib", "usr/lib"] {
        let all = entries(&root.join(base)).map_err(|e| files(root, e))?;
        library_path.extend(all.into_iter().filter(|p| {
            p.file_name()
                .and_then(|n| n.to_str())
                .is_some_and(is_triplet)
        }));
    }
    let program = library_path
        .iter()
        .flat_map(|d| entries(d).unwrap_or_default())
        .find(|p| {
            let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.starts_with("ld-linux") && p.is_file()
        })
        .ok_or_else(|| missing("dynamic loader"))?;
    Ok(EngineFiles {
        engine: EngineRef {
            kind,
            version: kind.oldest(),
        },
        source: EngineSource::Managed,
        server,
        loader: Some(Loader {
            program,
            library_path,
        }),
        messages,
        character_sets,
        plugins,
        clients: Some(root.join("usr/bin")),
        readable: vec![root.to_owned()],
    })
}

/// A directory of libraries of one architecture, such as `x86_64-linux-gnu`.
fn is_triplet(name: &str) -> bool {
    name.contains("-linux-gnu")
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, InstallError> {
    entries(directory).map_err(|e| files(directory, e))
}

/// What lies in a directory; nothing where there is none.
fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(all) => all.map(|e| e.map(|e| e.path())).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if std::fs::symlink_metadata(path)?.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_from_elsewhere_is_found_out() {
        let own = "\tlinux-vdso.so.1 (0x7f)\n\tlibm.so.6 => /e/root/lib/libm.so.6 (0x7f)\n\t/e/ld.so (0x7f)\n";
        assert_eq!(stranger(own, Path::new("/e")), None);
        let mixed = format!("{own}\tlibz.so.1 => /lib/libz.so.1 (0x7f)\n");
        assert_eq!(stranger(&mixed, Path::new("/e")), Some("libz.so.1".into()));
        let lacking = format!("{own}\tliburing.so.2 => not found\n");
        assert_eq!(
            stranger(&lacking, Path::new("/e")),
            Some("liburing.so.2".into())
        );
    }
}
