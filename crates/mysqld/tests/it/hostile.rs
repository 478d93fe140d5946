//! What nobody may do from inside a branch, with any role: reach the server, its files, other
//! accounts, other branches. Tried on every engine version.

use crate::instance_stand::{Refused, Stand, session_of, socket, value};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Endpoint, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::Instances;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;
use std::path::Path;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_mysql() {
    if let Some(files) = engines::mysql() {
        hostile(files, Profile::Development).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_mariadb() {
    if let Some(files) = engines::mariadb() {
        hostile(files, Profile::Development).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_production_on_mysql() {
    if let Some(files) = engines::mysql() {
        hostile(files, Profile::Production).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_production_on_mariadb() {
    if let Some(files) = engines::mariadb() {
        hostile(files, Profile::Production).await;
    }
}

async fn hostile(files: EngineFiles, profile: Profile) {
    let stand = Stand::new(files);
    let (spec, other) = (stand.spec(profile), stand.spec(profile));
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let neighbour = stand.supervisor.start(&other).await.unwrap();
    let mut admin = session_of(&endpoint, Role::Admin).await;
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.t (id INT PRIMARY KEY, s TEXT)",
        "INSERT INTO shop.t VALUES (1, 'x')",
    ] {
        admin.execute(sql).await.unwrap();
    }
    statements(&endpoint).await;
    files_by_function(&endpoint, &stand, other.volume.as_str(), &neighbour).await;
    definers(&endpoint).await;
    system_sessions(&endpoint).await;
    data_directories(&endpoint, &stand, &spec).await;
    neighbours(&endpoint, &neighbour, &stand, &spec).await;
    confined(&stand, &spec);
    // It all happened to a living engine, and it still lives.
    assert_eq!(value(&mut admin, "SELECT s FROM shop.t").await, "x");
    assert_eq!(stand.supervisor.observe().await.unwrap().len(), 2);
    stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
    stand.supervisor.stop(other.id, Stop::Hard).await.unwrap();
}

/// Refused for every role on both engines.
const REFUSED: &[&str] = &[
    // Files through the server.
    "SELECT 1 INTO OUTFILE '/tmp/offshoot-out'",
    "SELECT 1 INTO DUMPFILE '/tmp/offshoot-out'",
    "SELECT 'x' INTO OUTFILE 'x.txt'",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE shop.t",
    "LOAD DATA INFILE 'ibdata1' INTO TABLE shop.t",
    // Code into the server.
    "INSTALL PLUGIN x SONAME 'semisync_master.so'",
    "INSTALL PLUGIN clone SONAME 'mysql_clone.so'",
    "UNINSTALL PLUGIN InnoDB",
    "CREATE FUNCTION sys_exec RETURNS INTEGER SONAME 'lib_mysqludf_sys.so'",
    // Accounts, also one's own.
    "CREATE USER evil@localhost IDENTIFIED BY 'x'",
    "CREATE ROLE evil",
    "GRANT ALL ON *.* TO offshoot_admin@localhost",
    "GRANT FILE ON *.* TO offshoot_admin@localhost",
    "GRANT SELECT ON shop.* TO offshoot_reader@localhost",
    "GRANT ALL ON mysql.* TO offshoot_admin@localhost",
    "REVOKE ALL PRIVILEGES, GRANT OPTION FROM offshoot_reader@localhost",
    "ALTER USER offshoot_system@localhost IDENTIFIED BY 'x'",
    "ALTER USER offshoot_reader@localhost IDENTIFIED BY 'x'",
    "SET PASSWORD FOR offshoot_system@localhost = 'x'",
    "RENAME USER offshoot_reader@localhost TO evil@localhost",
    "DROP USER offshoot_reader@localhost",
    "SHOW GRANTS FOR offshoot_system@localhost",
    // The grant tables.
    "SELECT * FROM mysql.user",
    "SELECT * FROM mysql.db",
    "UPDATE mysql.user SET Host = '%'",
    "DELETE FROM mysql.db",
    "INSERT INTO mysql.proxies_priv (Host, User) VALUES ('localhost', 'x')",
    "CREATE TABLE mysql.evil (id INT)",
    "DROP TABLE mysql.db",
    "DROP DATABASE mysql",
    "CREATE VIEW shop.hashes AS SELECT * FROM mysql.user",
    "CREATE TRIGGER mysql.evil BEFORE INSERT ON mysql.db FOR EACH ROW SET @x = 1",
    "RENAME TABLE shop.t TO mysql.t",
    // The server itself.
    "SHUTDOWN",
    "SET GLOBAL general_log_file = '/tmp/offshoot-log'",
    "SET GLOBAL general_log = 1",
    "SET GLOBAL slow_query_log_file = '/tmp/offshoot-log'",
    "SET GLOBAL init_connect = 'GRANT ALL ON *.* TO offshoot_admin@localhost'",
    "SET GLOBAL local_infile = 0",
    "SET GLOBAL event_scheduler = ON",
    "SET GLOBAL innodb_flush_log_at_trx_commit = 0",
    "SET GLOBAL max_connections = 1",
    "SET GLOBAL read_only = 1",
    "SET GLOBAL log_bin_trust_function_creators = 0",
    "SET SESSION sql_log_bin = 0",
    "FLUSH PRIVILEGES",
    "FLUSH LOGS",
    // Replication.
    "SHOW BINARY LOGS",
    "SHOW BINLOG EVENTS",
    "PURGE BINARY LOGS BEFORE NOW()",
    // Other servers.
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x', HOST '127.0.0.1', DATABASE 'd')",
];

const REFUSED_MYSQL: &[&str] = &[
    "INSTALL COMPONENT 'file://component_validate_password'",
    "SET PERSIST max_connections = 1",
    "SET PERSIST_ONLY secure_file_priv = '/'",
    "SET PERSIST_ONLY partial_revokes = OFF",
    "SET GLOBAL partial_revokes = OFF",
    "SET GLOBAL mandatory_roles = 'offshoot_system@localhost'",
    "CREATE TABLESPACE evil ADD DATAFILE '/tmp/evil.ibd'",
    "CREATE UNDO TABLESPACE evil ADD DATAFILE 'evil.ibu'",
    "CREATE TABLE shop.d (id INT) DATA DIRECTORY = '/tmp'",
    "CLONE LOCAL DATA DIRECTORY = '/tmp/offshoot-clone'",
    "CLONE INSTANCE FROM x@'127.0.0.1':3306 IDENTIFIED BY 'x'",
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1'",
    "START REPLICA",
    "RESET REPLICA",
    "RESET BINARY LOGS AND GTIDS",
    "ALTER INSTANCE ROTATE INNODB MASTER KEY",
    "ALTER INSTANCE DISABLE INNODB REDO_LOG",
    "ALTER INSTANCE RELOAD TLS",
    "LOCK INSTANCE FOR BACKUP",
    "RESTART",
    "CREATE RESOURCE GROUP evil TYPE = USER",
    "XA RECOVER",
    "SET SESSION binlog_format = 'STATEMENT'",
    "SELECT * FROM mysql.global_grants",
    "SELECT * FROM mysql.innodb_table_stats",
    "CALL sys.ps_setup_reset_to_default(TRUE)",
    "SELECT * FROM sys.sys_config",
    "GRANT PROXY ON offshoot_system@localhost TO offshoot_admin@localhost",
    "GRANT SYSTEM_USER ON *.* TO offshoot_admin@localhost",
    "SET ROLE 'offshoot_system'@localhost",
    "IMPORT TABLE FROM '/tmp/x.sdi'",
];

const REFUSED_MARIADB: &[&str] = &[
    "INSTALL SONAME 'ha_connect'",
    "INSTALL SONAME 'ha_federatedx'",
    "INSTALL SONAME 'auth_socket'",
    "CREATE TABLE shop.c (id INT) ENGINE=CONNECT TABLE_TYPE=DOS FILE_NAME='/etc/passwd'",
    "SELECT * FROM mysql.global_priv",
    "UPDATE mysql.global_priv SET Priv = '{}'",
    "EXECUTE IMMEDIATE 'GRANT ALL ON *.* TO offshoot_admin@localhost'",
    "EXECUTE IMMEDIATE 'SELECT 1 INTO OUTFILE \\'/tmp/offshoot-out\\''",
    "CHANGE MASTER TO MASTER_HOST = '127.0.0.1'",
    "START SLAVE",
    "RESET SLAVE",
    "RESET MASTER",
    "BACKUP STAGE START",
    "SET GLOBAL secure_file_priv = ''",
    "SET GLOBAL plugin_dir = '/tmp'",
    "SET GLOBAL init_slave = 'x'",
    "SET GLOBAL innodb_log_write_ahead_size = 512",
    "SET ROLE offshoot_system",
    "SET SESSION AUTHORIZATION offshoot_system@localhost",
    "SHOW CREATE USER offshoot_system@localhost",
    "GRANT PROXY ON offshoot_system@localhost TO offshoot_admin@localhost",
];

async fn statements(endpoint: &Endpoint) {
    let own = match endpoint.engine.kind {
        EngineKind::Mysql => REFUSED_MYSQL,
        EngineKind::Mariadb => REFUSED_MARIADB,
    };
    let mut through = Vec::new();
    for role in Role::ALL {
        let mut session = session_of(endpoint, role).await;
        let own_account = own_account(role);
        let all = REFUSED.iter().chain(own).copied();
        for sql in all.chain(own_account.iter().map(String::as_str)) {
            match session.query(sql).await {
                Ok(_) => through.push(format!("{role}: {sql}")),
                // A broken connection would be a crash.
                Err(error) => assert!(error.code().is_some(), "{role}: {sql}: {error}"),
            }
        }
    }
    assert!(through.is_empty(), "{through:#?}");
    for trace in [
        "/tmp/offshoot-out",
        "/tmp/offshoot-log",
        "/tmp/offshoot-clone",
    ] {
        assert!(!Path::new(trace).exists(), "{trace}");
    }
}

/// A role's account is everyone's who has the role: nobody changes it.
fn own_account(role: Role) -> Vec<String> {
    let me = format!("{}@localhost", role.account());
    vec![
        "SET PASSWORD = 'y'".into(),
        "SET PASSWORD = PASSWORD('y')".into(),
        "SET PASSWORD = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'".into(),
        "SET PASSWORD = ''".into(),
        "SET PASSWORD TO RANDOM".into(),
        format!("SET PASSWORD FOR {me} = 'y'"),
        format!("SET PASSWORD FOR {me} = PASSWORD('y')"),
        format!("ALTER USER {me} IDENTIFIED BY 'y'"),
        "ALTER USER USER() IDENTIFIED BY 'y'".into(),
        "ALTER USER USER() IDENTIFIED BY 'y' REPLACE ''".into(),
        "ALTER USER CURRENT_USER() IDENTIFIED VIA mysql_native_password USING ''".into(),
        format!("ALTER USER {me} ACCOUNT LOCK"),
        format!("ALTER USER {me} PASSWORD EXPIRE"),
        format!("ALTER USER {me} WITH MAX_USER_CONNECTIONS 1"),
        format!("ALTER USER {me} REQUIRE SSL"),
        format!("ALTER USER {me} ATTRIBUTE '{{\"a\": 1}}'"),
        format!("ALTER USER {me} IDENTIFIED BY RANDOM PASSWORD"),
        format!("ALTER USER {me} ADD 2 FACTOR IDENTIFIED WITH caching_sha2_password BY 'x'"),
        format!("GRANT USAGE ON *.* TO {me} IDENTIFIED BY 'y'"),
        format!("DROP USER {me}"),
        format!("RENAME USER {me} TO evil@localhost"),
    ]
}

/// `load_file` answers NULL for what it may not read.
async fn files_by_function(endpoint: &Endpoint, stand: &Stand, volume: &str, other: &Endpoint) {
    let mut admin = session_of(endpoint, Role::Admin).await;
    let mut system = Session::open(endpoint).await.unwrap();
    let pool = stand.run().parent().unwrap().join("pool");
    let data = pool.join(volume).join("data/ibdata1");
    let logs = stand.run().parent().unwrap().join("logs");
    let init = socket(other).parent().unwrap().join("pid");
    for path in [
        "/etc/passwd",
        "/etc/hostname",
        "/proc/self/environ",
        "/proc/self/cmdline",
        "/proc/1/cmdline",
        "/sys/kernel/uevent_seqnum",
        "ibdata1",
        data.to_str().unwrap(),
        logs.to_str().unwrap(),
        init.to_str().unwrap(),
    ] {
        let sql = format!("SELECT IFNULL(LENGTH(LOAD_FILE('{path}')), 'nothing')");
        assert_eq!(value(&mut admin, &sql).await, "nothing", "{path}");
        // Even the account with every privilege reads no file outside.
        assert_eq!(value(&mut system, &sql).await, "nothing", "{path}");
    }
    for sql in [
        "SELECT 1 INTO OUTFILE '/tmp/offshoot-out'".to_owned(),
        "SELECT 1 INTO OUTFILE 'offshoot-out'".to_owned(),
        format!("SELECT 1 INTO OUTFILE '{}/x'", pool.display()),
    ] {
        system.refused(&sql).await;
    }
}

/// Nothing runs with the rights of another account.
async fn definers(endpoint: &Endpoint) {
    let mut admin = session_of(endpoint, Role::Admin).await;
    for definer in [
        "offshoot_system@localhost",
        "root@localhost",
        "'mysql.sys'@localhost",
        "'mariadb.sys'@localhost",
    ] {
        for sql in [
            format!("CREATE DEFINER={definer} FUNCTION shop.evil() RETURNS INT RETURN 1"),
            format!("CREATE DEFINER={definer} PROCEDURE shop.evil() SELECT * FROM mysql.user"),
            format!("CREATE DEFINER={definer} SQL SECURITY DEFINER VIEW shop.evil AS SELECT 1"),
            format!(
                "CREATE DEFINER={definer} TRIGGER shop.evil BEFORE INSERT ON shop.t FOR EACH ROW SET @a = 1"
            ),
            format!(
                "CREATE DEFINER={definer} EVENT shop.evil ON SCHEDULE EVERY 1 SECOND DO SELECT 1"
            ),
        ] {
            admin.refused(&sql).await;
        }
    }
    // A routine of admin's own has admin's rights and no more.
    admin
        .execute("CREATE PROCEDURE shop.own() SELECT * FROM mysql.db")
        .await
        .unwrap();
    admin.refused("CALL shop.own()").await;
    let mut readwriter = session_of(endpoint, Role::Readwriter).await;
    readwriter.refused("CALL shop.own()").await;
    readwriter
        .refused("CREATE DEFINER=offshoot_admin@localhost PROCEDURE shop.up() DROP TABLE shop.t")
        .await;
}

/// Offshoot's own sessions cannot be ended or looked into.
async fn system_sessions(endpoint: &Endpoint) {
    let mut system = Session::open(endpoint).await.unwrap();
    let id = value(&mut system, "SELECT CONNECTION_ID()").await;
    for role in Role::ALL {
        let mut session = session_of(endpoint, role).await;
        session.refused(&format!("KILL {id}")).await;
        session.refused(&format!("KILL QUERY {id}")).await;
    }
    assert_eq!(value(&mut system, "SELECT 1").await, "1");
}

/// A table's files stay in the volume, whatever the table says.
async fn data_directories(
    endpoint: &Endpoint,
    stand: &Stand,
    spec: &offshoot_core::instance::InstanceSpec,
) {
    let mut admin = session_of(endpoint, Role::Admin).await;
    let outside = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(outside.path(), open).unwrap();
    for engine in ["InnoDB", "MyISAM", "Aria"] {
        let sql = format!(
            "CREATE TABLE shop.away (id INT) ENGINE={engine} DATA DIRECTORY = '{}'",
            outside.path().display()
        );
        // MyISAM and Aria ignore it without symbolic links.
        if admin.execute(&sql).await.is_ok() {
            admin.execute("DROP TABLE shop.away").await.unwrap();
        }
        let left = std::fs::read_dir(outside.path()).unwrap().count();
        assert_eq!(left, 0, "{engine}");
    }
    // A link that got into the data directory leads nowhere.
    let data = stand.volume_path(spec.volume).join("data");
    std::os::unix::fs::symlink("/etc", data.join("etc")).unwrap();
    let mut system = Session::open(endpoint).await.unwrap();
    let sql = "SELECT IFNULL(LENGTH(LOAD_FILE('etc/passwd')), 'nothing')";
    assert_eq!(value(&mut system, sql).await, "nothing");
    std::fs::remove_file(data.join("etc")).unwrap();
}

/// Another branch's user reaches neither the socket nor the volume.
async fn neighbours(
    endpoint: &Endpoint,
    neighbour: &Endpoint,
    stand: &Stand,
    spec: &offshoot_core::instance::InstanceSpec,
) {
    // Secrets of one branch open no other.
    for role in Role::ALL {
        let secret = endpoint.secret.of_role(role);
        let secret = secrecy::ExposeSecret::expose_secret(&secret);
        let opened = Session::open_as(socket(neighbour), role.account(), secret).await;
        assert!(opened.is_err());
    }
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let volume = stand.volume_path(spec.volume);
    for path in [
        socket(endpoint),
        &volume.join("data"),
        &volume.join("data/ibdata1"),
    ] {
        for user in [1_690_001, 65_534] {
            // `setpriv` is in every base system; without it there is nothing to try with.
            let seen = Command::new("setpriv")
                .arg(format!("--reuid={user}"))
                .args(["--clear-groups", "--no-new-privs", "test", "-e"])
                .arg(path)
                .status();
            if let Ok(status) = seen {
                assert!(!status.success(), "{}", path.display());
            }
        }
    }
}

/// The process itself: identity, capabilities, no new privileges, no listening port.
fn confined(stand: &Stand, spec: &offshoot_core::instance::InstanceSpec) {
    let records = offshoot_mysqld::instance::record::Records::open(&stand.run()).unwrap();
    let record = records
        .read()
        .unwrap()
        .into_iter()
        .find(|r| r.id == spec.id)
        .unwrap();
    let pid = record.process.unwrap().pid;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    assert_eq!(field("NoNewPrivs"), "1");
    if rustix::process::geteuid().is_root() {
        for set in ["CapEff", "CapPrm", "CapAmb", "CapInh"] {
            assert_eq!(field(set), "0000000000000000", "{set}");
        }
        assert_eq!(field("Groups"), "");
        assert!(!field("Uid").split_whitespace().any(|uid| uid == "0"));
    }
    let cmdline = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let secret = spec.secret.of_system();
    assert!(!cmdline.contains(secrecy::ExposeSecret::expose_secret(&secret)));
    let environ = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(
        environ
            .split('\0')
            .all(|v| v.is_empty() || v.starts_with("TZ=") || v.starts_with("LC_ALL="))
    );
    assert_eq!(
        rustix::process::getsid(rustix::process::Pid::from_raw(pid))
            .unwrap()
            .as_raw_nonzero()
            .get(),
        pid
    );
}
