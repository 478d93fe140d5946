//! Finding engines among real and pretended programs.

use offshoot_core::engine::{EngineKind, EngineSource};
use offshoot_mysqld::engine::{Catalog, Wanted};
use offshoot_testkit::engines;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A program that answers like a server of `version`, whose files are below `base`.
fn pretend(path: &Path, version: &str, base: &Path) {
    let share = base.join("share/mysql");
    std::fs::create_dir_all(share.join("english")).unwrap();
    std::fs::create_dir_all(share.join("charsets")).unwrap();
    std::fs::write(share.join("english/errmsg.sys"), "").unwrap();
    std::fs::write(share.join("charsets/Index.xml"), "").unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--verbose*) echo 'basedir  {}/';; *) echo 'mysqld  Ver {version} for Linux on x86_64';; esac\n",
        base.display()
    );
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn catalog(home: &Path, config: Vec<Wanted>, path: &[PathBuf]) -> Catalog {
    let path = std::env::join_paths(path).unwrap();
    Catalog::with_path(home.join("engines"), config, &path, &[])
}

#[test]
fn a_server_called_mysqld_may_be_mariadb_and_an_old_one_is_refused() {
    let home = TempDir::with_prefix("ofs-engine-").unwrap();
    let (a, b) = (home.path().join("a"), home.path().join("b"));
    pretend(&a.join("mariadbd"), "10.11.19-MariaDB-0+deb12u1", &a);
    std::os::unix::fs::symlink("mariadbd", a.join("mysqld")).unwrap();
    pretend(&b.join("mysqld"), "5.7.44", &b);
    let catalog = catalog(home.path(), vec![], &[a, b.clone()]);
    let found = catalog.found();
    assert_eq!(found.engines.len(), 1, "{found:?}");
    assert_eq!(found.engines[0].engine.to_string(), "mariadb-10.11.19");
    assert_eq!(found.engines[0].source, EngineSource::Path);
    assert_eq!(found.refused.len(), 1);
    assert_eq!(found.refused[0].path, b.join("mysqld"));
    assert!(
        found.refused[0]
            .reason
            .contains("mysql-5.7.44, older than MySQL 8.0.0"),
        "{found:?}"
    );
    assert_eq!(catalog.default().unwrap().engine.kind, EngineKind::Mariadb);
}

#[test]
fn the_newest_mysql_is_the_default_until_another_is_chosen() {
    let home = TempDir::with_prefix("ofs-engine-").unwrap();
    let at = |name: &str| home.path().join(name);
    pretend(&at("a/mysqld"), "8.0.36", &at("a"));
    pretend(&at("b/mariadbd"), "11.8.2-MariaDB", &at("b"));
    pretend(&at("c/other"), "8.4.3", &at("c"));
    let config = vec![Wanted {
        kind: EngineKind::Mysql,
        server: at("c/other"),
    }];
    let here = catalog(home.path(), config.clone(), &[at("a"), at("b")]);
    let names = |c: &Catalog| -> Vec<(String, bool)> {
        c.installed()
            .iter()
            .map(|e| (e.engine.to_string(), e.default))
            .collect()
    };
    let expected = |default: &str| {
        ["mysql-8.4.3", "mysql-8.0.36", "mariadb-11.8.2"]
            .map(|n| (n.to_owned(), n == default))
            .to_vec()
    };
    assert_eq!(names(&here), expected("mysql-8.4.3"));
    here.set_default("mariadb-11.8.2".parse().unwrap()).unwrap();
    let after = catalog(home.path(), config, &[at("a"), at("b")]);
    assert_eq!(names(&after), expected("mariadb-11.8.2"));
    let missing = after
        .set_default("mysql-9.0.0".parse().unwrap())
        .unwrap_err();
    assert_eq!(missing.to_string(), "mysql-9.0.0 is not installed");
    // The chosen one went away: the rule decides again.
    std::fs::remove_file(at("b/mariadbd")).unwrap();
    after.rescan();
    assert_eq!(after.default().unwrap().engine.to_string(), "mysql-8.4.3");
}

#[test]
fn a_config_that_names_the_wrong_program_is_refused_with_the_reason() {
    let home = TempDir::with_prefix("ofs-engine-").unwrap();
    let at = |name: &str| home.path().join(name);
    pretend(&at("m/mysqld"), "10.11.19-MariaDB", &at("m"));
    std::fs::write(at("text"), "not a program").unwrap();
    let wanted = |name: &str| Wanted {
        kind: EngineKind::Mysql,
        server: at(name),
    };
    let config = vec![
        wanted("m/mysqld"),
        wanted("missing"),
        wanted("text"),
        Wanted {
            kind: EngineKind::Mysql,
            server: "/bin/true".into(),
        },
    ];
    let found = catalog(home.path(), config, &[]).found();
    assert!(found.engines.is_empty());
    let reasons: Vec<&str> = found.refused.iter().map(|r| r.reason.as_str()).collect();
    for (reason, part) in reasons.iter().zip([
        "the configuration calls it MySQL",
        "cannot be run: No such file",
        "cannot be run: Permission denied",
        "no MySQL or MariaDB server",
    ]) {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn managed_engines_are_found_without_running_them_and_half_installed_ones_are_not_there() {
    let home = TempDir::with_prefix("ofs-engine-").unwrap();
    let engines = home.path().join("engines");
    let half = engines.join("mysql-9.9.9");
    std::fs::create_dir_all(half.join("root/usr/sbin")).unwrap();
    let broken = engines.join("mysql-9.8.8");
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join("engine.json"), "{").unwrap();
    let here = catalog(home.path(), vec![], &[]);
    assert!(here.found().engines.is_empty());
    assert_eq!(here.found().refused.len(), 1);
    assert!(here.default().is_none());
    assert_eq!(here.installed(), []);
    // Installed and removed by another program while this one looks.
    let whole = engines.join("mysql-9.7.4");
    let aside = home.path().join("aside");
    std::fs::create_dir_all(aside.join("root/usr/sbin")).unwrap();
    std::fs::write(aside.join("root/usr/sbin/mysqld"), "").unwrap();
    let text = r#"{"engine":"mysql-9.7.4","source":"managed","server":"root/usr/sbin/mysqld","messages":"root","character_sets":"root","plugins":"root","clients":"root","readable":["root"]}"#;
    std::fs::write(aside.join("engine.json"), text).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::rename(&aside, &whole).unwrap();
    assert_eq!(here.installed().len(), 1, "{:?}", here.found().refused);
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::rename(&whole, &aside).unwrap();
    assert_eq!(here.installed(), []);
}

#[test]
fn the_test_engines_are_a_catalog() {
    let real = engines::each();
    let here = Catalog::with_path(engines::directory(), vec![], &OsString::new(), &[]);
    for engine in real {
        assert_eq!(here.get(engine.engine).unwrap().server, engine.server);
    }
}
