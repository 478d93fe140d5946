//! The supervisor with real engines: start, stop, crash, adoption, what is left.

use crate::instance_stand::{Stand, session_of, socket, value};
use offshoot_core::instance::{Accounts, Endpoint, InstanceEvent, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::Instances;
use offshoot_core::refusal::code;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_mysqld::instance::record::Records;
use offshoot_testkit::engines;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn life_of_a_mysql_instance() {
    if let Some(files) = engines::mysql() {
        life(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn life_of_a_mariadb_instance() {
    if let Some(files) = engines::mariadb() {
        life(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_on_mysql() {
    if let Some(files) = engines::mysql() {
        production(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_on_mariadb() {
    if let Some(files) = engines::mariadb() {
        production(files).await;
    }
}

/// Whoever asked for an engine may go away while it is launched: it is ended as any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_waits_for_any_more_is_stopped() {
    let Some(files) = engines::mariadb() else {
        return;
    };
    let stand = Stand::new(files);
    let spec = stand.spec(Profile::Development);
    for micros in [0, 200, 1_000, 3_000, 10_000, 30_000] {
        let within = std::time::Duration::from_micros(micros);
        let start = stand.supervisor.start(&spec);
        let _ = tokio::time::timeout(within, start).await;
        stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
        let forgotten = stand.supervisor.forget(spec.id).await;
        assert!(forgotten.is_ok(), "{micros}: {forgotten:?}");
        assert!(stand.supervisor.observe().await.unwrap().is_empty());
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(stand.supervisor.observe().await.unwrap().is_empty());
    assert!(stand.supervisor.remains().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_engine_is_seen_after_the_runtime_that_started_it() {
    let Some(files) = engines::mariadb() else {
        return;
    };
    let stand = Stand::new(files);
    let spec = stand.spec(Profile::Development);
    let start = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let started = runtime
            .enable_all()
            .build()
            .unwrap()
            .block_on(stand.supervisor.start(&spec));
        started.unwrap();
    };
    tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(start).join())).unwrap();
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    assert!(stand.supervisor.observe().await.unwrap().is_empty());
    stand.supervisor.forget(spec.id).await.unwrap();
}

async fn life(files: EngineFiles) {
    let mut stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Development);
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    assert_eq!(stand.supervisor.start(&spec).await.unwrap(), endpoint);
    let directory = socket(&endpoint).parent().unwrap().to_owned();
    assert!(!directory.join("init.sql").exists());
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&directory.metadata().unwrap().permissions())
            & 0o777,
        0o700
    );

    // Work of the branch counts as activity, ours does not.
    let idle = stand.supervisor.activity(&endpoint).await.unwrap();
    assert!(!idle.busy(), "{idle:?}");
    let mut admin = session_of(&endpoint, Role::Admin).await;
    admin.execute("CREATE DATABASE shop").await.unwrap();
    admin
        .execute("CREATE TABLE shop.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    admin.execute("BEGIN").await.unwrap();
    admin
        .execute("INSERT INTO shop.t VALUES (1)")
        .await
        .unwrap();
    settles(&stand, &endpoint, 1).await;
    admin.execute("COMMIT").await.unwrap();
    settles(&stand, &endpoint, 0).await;

    // After a restart of Offshoot the engine is the same one.
    let pid = pid(&stand, &spec);
    stand.restart();
    let seen = stand.supervisor.observe().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].memory > 10 << 20);
    assert_eq!(stand.supervisor.start(&spec).await.unwrap(), endpoint);
    assert_eq!(self::pid(&stand, &spec), pid);

    // An unasked end is told, once, with the reason.
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let InstanceEvent::Exited { id, reason } = stand.supervisor.next_event().await;
    assert_eq!(id, spec.id);
    assert!(
        reason.starts_with("signal 9") || reason.starts_with("ended"),
        "{reason}"
    );
    assert!(stand.supervisor.observe().await.unwrap().is_empty());
    assert!(!directory.exists());

    // It comes back on the same volume, with the same accounts and rows.
    spec.accounts = Accounts::Keep;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut reader = session_of(&endpoint, Role::Reader).await;
    assert_eq!(value(&mut reader, "SELECT id FROM shop.t").await, "1");
    drop(reader);

    // A wished-for end is no event. It is idempotent.
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    assert!(stand.supervisor.forget(spec.id).await.is_err());
    stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
    let nothing = tokio::time::timeout(
        std::time::Duration::from_millis(20),
        stand.supervisor.next_event(),
    );
    assert!(nothing.await.is_err());
    assert!(!socket(&endpoint).exists());
    assert!(!stand.supervisor.logs(spec.id, 3).await.unwrap().is_empty());

    assert_eq!(stand.supervisor.remains().await.unwrap(), [spec.id]);
    stand.supervisor.forget(spec.id).await.unwrap();
    stand.supervisor.forget(spec.id).await.unwrap();
    assert!(stand.supervisor.remains().await.unwrap().is_empty());
    assert_eq!(entries(&stand.run()), ["state"]);

    failures(&mut stand).await;
}

/// Waits until so many transactions are open and no command runs.
async fn settles(stand: &Stand, endpoint: &Endpoint, transactions: u32) {
    let mut looks = 0;
    loop {
        let seen = stand.supervisor.activity(endpoint).await.unwrap();
        if (seen.running_commands, seen.open_transactions) == (0, transactions) {
            return;
        }
        looks += 1;
        assert!(looks < 100, "{seen:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What does not start says why, and leaves no process.
async fn failures(stand: &mut Stand) {
    let spec = stand.spec(Profile::Development);
    let data = stand.volume_path(spec.volume).join("data");
    std::fs::remove_file(data.join("ibdata1")).unwrap();
    let error = stand.supervisor.start(&spec).await.unwrap_err();
    assert_eq!(error.refusal.code, code::ENGINE_START);
    assert!(format!("{:?}", error.refusal).contains("[ERROR]"));
    let hint = error.refusal.hint.unwrap();
    assert!(
        hint.starts_with("its log says: ") && !hint.contains("Aborting"),
        "{hint}"
    );
    assert!(stand.supervisor.observe().await.unwrap().is_empty());
    assert_eq!(entries(&stand.run()), ["state"]);

    let mut other = spec.clone();
    other.engine = "mysql-8.0.1".parse().unwrap();
    let error = stand.supervisor.start(&other).await.unwrap_err();
    assert_eq!(error.refusal.code, code::NO_ENGINE);
    assert!(!error.retry);
}

async fn production(files: EngineFiles) {
    let stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Production);
    spec.event_scheduler = true;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut system = Session::open(&endpoint).await.unwrap();
    for (variable, wanted) in [
        ("log_bin", "1"),
        ("binlog_format", "ROW"),
        ("sync_binlog", "1"),
        ("innodb_flush_log_at_trx_commit", "1"),
        ("event_scheduler", "ON"),
        ("skip_networking", "1"),
    ] {
        let sql = format!("SELECT @@GLOBAL.{variable}");
        assert_eq!(value(&mut system, &sql).await, wanted, "{variable}");
    }
    // Accounts are not part of what a replica would follow.
    let mut admin = session_of(&endpoint, Role::Admin).await;
    admin.execute("CREATE DATABASE shop").await.unwrap();
    admin
        .execute("CREATE TABLE shop.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    admin
        .execute(
            "CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.id = NEW.id + 1",
        )
        .await
        .unwrap();
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
}

fn pid(stand: &Stand, spec: &offshoot_core::instance::InstanceSpec) -> i32 {
    let records = Records::open(&stand.run()).unwrap().read().unwrap();
    let record = records.into_iter().find(|r| r.id == spec.id).unwrap();
    record.process.unwrap().pid
}

fn entries(path: &Path) -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    all.sort();
    all
}
