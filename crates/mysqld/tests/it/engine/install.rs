//! Installing engines. Both are really installed by the fixture, once per machine; here is what
//! the result has to be, and what becomes of the attempts that fail.

use offshoot_core::engine::EngineKind;
use offshoot_mysqld::engine::install::ensure_with;
use offshoot_mysqld::engine::{Catalog, InstallError, Installer, Phase, Progress};
use offshoot_testkit::engines;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// Remembers every step.
#[derive(Default)]
struct Steps(Mutex<Vec<Phase>>);

impl Progress for Steps {
    fn report(&self, phase: Phase) {
        self.0.lock().unwrap().push(phase);
    }
}

/// An installer in a directory of its own, on a machine with the given apt sources.
fn installer(home: &Path, sources: &str) -> Installer {
    let apt = home.join("apt");
    std::fs::create_dir_all(apt.join("sources.list.d")).unwrap();
    std::fs::write(apt.join("sources.list.d/own.sources"), sources).unwrap();
    std::fs::write(
        home.join("os-release"),
        "ID=debian\nVERSION_CODENAME=bookworm\n",
    )
    .unwrap();
    let mut installer = Installer::new(&home.join("engines"));
    installer.apt = apt;
    installer.os_release = home.join("os-release");
    installer
}

fn left(home: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = std::fs::read_dir(home.join("engines"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .filter(|n| n != ".install.lock")
        .collect();
    names.sort();
    names
}

fn debian() -> bool {
    let there = Path::new("/usr/bin/apt-get").exists() && Path::new("/usr/bin/dpkg-deb").exists();
    #[expect(
        clippy::print_stderr,
        reason = "a test that does not run has to be seen"
    )]
    if !there {
        eprintln!("SKIP: not a Debian-like system");
    }
    there
}

const NOWHERE: &str =
    "Types: deb\nURIs: http://127.0.0.1:1/debian\nSuites: bookworm\nComponents: main\n";

#[test]
fn what_was_installed_runs_from_its_own_prefix() {
    for engine in engines::each() {
        let output = engine.command().arg("--version").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(&engine.engine.version.to_string()), "{text}");
        for name in ["mysql", "mysqldump"] {
            let client = engine
                .client(name)
                .or_else(|| engine.client(&name.replace("mysql", "mariadb-")));
            let Some(mut client) = client else {
                continue;
            };
            assert!(
                client.arg("--version").output().unwrap().status.success(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_mirror_that_does_not_answer_is_named_and_nothing_stays() {
    if !debian() {
        return;
    }
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let installer = installer(home.path(), NOWHERE);
    let steps = Steps::default();
    let error = installer.install(EngineKind::Mysql, &steps).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, InstallError::Index { .. }), "{text}");
    assert!(
        text.contains("127.0.0.1") && text.contains("[engine.mysql]"),
        "{text}"
    );
    assert_eq!(*steps.0.lock().unwrap(), [Phase::Index]);
    assert!(left(home.path()).is_empty());
}

#[test]
fn too_little_room_is_said_before_anything_is_fetched() {
    if !debian() {
        return;
    }
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let mut installer = installer(home.path(), NOWHERE);
    installer.needed = Some(1 << 60);
    let error = installer
        .install(EngineKind::Mysql, &())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("installing MySQL needs 1099511627776 MiB in"),
        "{error}"
    );
    assert!(left(home.path()).is_empty());
}

#[test]
fn what_an_interrupted_installation_left_is_removed_by_the_next() {
    if !debian() {
        return;
    }
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let installer = installer(home.path(), NOWHERE);
    let half = home.path().join("engines/.install-mysql/engine/root");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::create_dir_all(home.path().join("engines/mysql-9.7.4")).unwrap();
    installer.install(EngineKind::Mariadb, &()).unwrap_err();
    assert_eq!(left(home.path()), ["mysql-9.7.4"]);
    let catalog = Catalog::with_path(home.path().join("engines"), vec![], &OsString::new(), &[]);
    assert!(catalog.found().engines.is_empty());
}

#[test]
fn a_machine_without_sources_or_without_apt_gets_an_instruction() {
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let mut installer = installer(
        home.path(),
        "Types: deb\nURIs: http://x.example\nSuites: other\nComponents: main\n",
    );
    if debian() {
        let error = installer
            .install(EngineKind::Mariadb, &())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no package source of its own distribution, debian bookworm"),
            "{error}"
        );
        assert!(
            error.contains("install mariadb-server 10.11 or newer"),
            "{error}"
        );
    }
    installer.os_release = home.path().join("nothing");
    let error = installer
        .install(EngineKind::Mysql, &())
        .unwrap_err()
        .to_string();
    assert!(error.contains("not a Debian-like system"), "{error}");
    assert!(
        error.contains("install mysql-server 8.0 or newer"),
        "{error}"
    );
}

#[test]
fn an_unwritable_directory_is_named() {
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let mut installer = installer(home.path(), NOWHERE);
    if !debian() {
        return;
    }
    std::fs::write(home.path().join("file"), "").unwrap();
    installer.engines = home.path().join("file/engines");
    let error = installer
        .install(EngineKind::Mysql, &())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("file/engines") && error.contains("can be written to"),
        "{error}"
    );
}

#[test]
fn mariadb_stands_in_where_mysql_cannot_be_had() {
    let Some(mariadb) = engines::mariadb() else {
        return;
    };
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let installer = installer(home.path(), NOWHERE);
    let managed = home.path().join("engines");
    std::fs::create_dir_all(&managed).unwrap();
    let catalog = Catalog::with_path(managed.clone(), vec![], &OsString::new(), &[]);
    let neither = ensure_with(&installer, EngineKind::Mysql, &catalog, &()).unwrap_err();
    assert!(neither.to_string().contains("mysql-server"), "{neither}");
    let from = engines::directory().join(mariadb.engine.to_string());
    std::os::unix::fs::symlink(from, managed.join(mariadb.engine.to_string())).unwrap();
    catalog.rescan();
    let got = ensure_with(&installer, EngineKind::Mysql, &catalog, &()).unwrap();
    assert_eq!(got.files().engine, mariadb.engine);
    assert!(matches!(
        got,
        offshoot_mysqld::engine::Ensured::Instead { .. }
    ));
}

#[test]
fn a_second_installation_waits_for_the_first() {
    if !debian() {
        return;
    }
    let home = TempDir::with_prefix("ofs-install-").unwrap();
    let installer = installer(home.path(), NOWHERE);
    std::fs::create_dir_all(&installer.engines).unwrap();
    let first = std::fs::File::create(installer.engines.join(".install.lock")).unwrap();
    first.lock().unwrap();
    let steps = Steps::default();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| installer.install(EngineKind::Mysql, &steps));
        while steps.0.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(*steps.0.lock().unwrap(), [Phase::Waiting]);
        drop(first);
        second.join().unwrap().unwrap_err();
    });
    assert_eq!(*steps.0.lock().unwrap(), [Phase::Waiting, Phase::Index]);
}

#[test]
fn an_engines_files_are_open_to_every_identity_and_writable_by_none() {
    // The whole prefix is readable by everybody, since branches run under identities of their own.
    for engine in engines::each().iter().filter(|e| e.loader.is_some()) {
        let root = &engine.readable[0];
        let closed = Command::new("find")
            .arg(root)
            .args([
                "-not", "-type", "l", "(", "-not", "-perm", "-0444", "-o", "-perm", "/06022", ")",
            ])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&closed.stdout),
            "",
            "{}",
            engine.engine
        );
    }
}
