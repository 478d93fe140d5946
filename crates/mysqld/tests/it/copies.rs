//! Copies of engines that run and are written to: by standing still, and by their own means.

use crate::copies_stand::{LIMIT, Stand, Writers, count};
use crate::instance_stand::{TestIds, session_of, value};
use offshoot_core::engine::EngineKind;
use offshoot_core::id::VolumeId;
use offshoot_core::instance::{Accounts, Endpoint, InstanceSpec, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::{Ids, Instances, Progress, Volumes};
use offshoot_core::refusal::code;
use offshoot_core::volume::Driver;
use offshoot_mysqld::admin::Session;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Runs `async fn name(stand: Stand)` with both engines in a pool.
macro_rules! with_both_engines {
    ($($name:ident in $module:ident: $pool:expr),+ $(,)?) => {$(
        mod $module {
            use crate::copies_stand::Stand;
            use offshoot_testkit::engines;
            use offshoot_testkit::pool::TestPool;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                if let (Some(pool), Some(files)) = ($pool, engines::mysql()) {
                    super::$name(Stand::new(pool, files)).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                if let (Some(pool), Some(files)) = ($pool, engines::mariadb()) {
                    super::$name(Stand::new(pool, files)).await;
                }
            }
        }
    )+};
}

with_both_engines!(
    frozen_copies_are_prefixes in frozen_on_btrfs: TestPool::btrfs(2048),
    frozen_copies_are_prefixes in frozen_on_xfs: TestPool::xfs(2048),
    a_copys_first_life_may_end_in_any_way in first_life: TestPool::btrfs(1024),
    hot_copies_are_prefixes in hot_in_a_directory: TestPool::copy(),
    hot_copies_are_prefixes in hot_on_btrfs: TestPool::btrfs(2048),
    damage_is_found in damage: TestPool::copy(),
);

/// Copies taken while the writers write; where a copy is files, not a snapshot, fewer of them.
const COPIES: usize = 20;
const COPIES_OF_FILES: usize = 6;
const PAUSE: Duration = Duration::from_millis(20);

async fn duplicate(stand: &Stand, parent: &InstanceSpec) -> InstanceSpec {
    let to = VolumeId::from(TestIds.id());
    let freezer = stand.supervisor.freezer(parent.id, LIMIT).await.unwrap();
    let pause = stand.pool.duplicate(parent.volume, to, Some(freezer)).await;
    assert!(pause.unwrap() < LIMIT);
    let mut spec = stand.spec(to, Profile::Development);
    spec.copied = true;
    spec
}

async fn frozen_copies_are_prefixes(mut stand: Stand) {
    let (parent, endpoint, begin) = stand.parent().await;
    let writers = Writers::start(&endpoint).await;
    let mut copies = Vec::new();
    let wanted = match stand.pool.driver() {
        Driver::Btrfs => COPIES,
        _ => COPIES_OF_FILES,
    };
    for _ in 0..wanted {
        tokio::time::sleep(PAUSE).await;
        copies.push(duplicate(&stand, &parent).await);
    }

    // A copy that would take too long is none.
    let to = VolumeId::from(TestIds.id());
    let short = Duration::from_micros(1);
    let freezer = stand.supervisor.freezer(parent.id, short).await.unwrap();
    let late = stand.pool.duplicate(parent.volume, to, Some(freezer)).await;
    assert_eq!(late.unwrap_err().refusal.code, code::PAUSE_LIMIT);
    stand.pool.locate(to).unwrap_err();
    assert!(writers.end().await > 0);

    for (n, copy) in copies.iter().enumerate() {
        let (_, position) = stand.examine(copy, &begin).await;
        stand.compare(&endpoint, &position).await;
        if n == 0 {
            // Asked again after a restart of Offshoot in between, it says the same.
            stand.supervisor.stop(copy.id, Stop::Clean).await.unwrap();
            let (_, again) = stand.examine(copy, &begin).await;
            assert_eq!(again, position);
        }
        stand.discard(copy).await;
    }

    // Whoever stopped an engine and died before it let it go on: the next one does.
    kill_process(process_of(&stand, &endpoint), Signal::STOP).unwrap();
    stand.restart();
    let mut session = Session::open(&endpoint).await.unwrap();
    session.execute("SELECT 1").await.unwrap();
}

/// While the binlog that it brought along decides on transactions, the engine of a copy has it on.
async fn a_copys_first_life_may_end_in_any_way(stand: Stand) {
    let (parent, endpoint, begin) = stand.parent().await;
    let writers = Writers::start(&endpoint).await;
    tokio::time::sleep(10 * PAUSE).await;
    let mut copy = duplicate(&stand, &parent).await;
    writers.end().await;
    stand.supervisor.stop(parent.id, Stop::Hard).await.unwrap();

    let (mut endpoint, _) = stand.examine(&copy, &begin).await;
    let mut session = Session::open(&endpoint).await.unwrap();
    let before = count(&mut session, "SELECT COUNT(*) FROM shop.noise").await
        + count(&mut session, "SELECT MAX(n) FROM shop.chain").await;
    (copy.accounts, copy.copied) = (Accounts::Keep, false);
    let mut written = 0;
    for _ in 0..2 {
        let writers = Writers::start(&endpoint).await;
        tokio::time::sleep(10 * PAUSE).await;
        stand.supervisor.stop(copy.id, Stop::Hard).await.unwrap();
        written += writers.end().await;
        endpoint = stand.supervisor.start(&copy).await.unwrap();
        let mut session = Session::open(&endpoint).await.unwrap();
        let rows = count(&mut session, "SELECT COUNT(*) FROM shop.noise").await
            + count(&mut session, "SELECT MAX(n) FROM shop.chain").await;
        assert!(rows >= before + written, "{rows} of {before} + {written}");
        assert_eq!(value(&mut session, "SELECT @@log_bin").await, "1");
    }

    stand.supervisor.stop(copy.id, Stop::Clean).await.unwrap();
    assert!(binlogs(&stand.data(copy.volume)) > 0);
    let endpoint = stand.supervisor.start(&copy).await.unwrap();
    let mut session = Session::open(&endpoint).await.unwrap();
    assert_eq!(value(&mut session, "SELECT @@log_bin").await, "0");
    assert_eq!(binlogs(&stand.data(copy.volume)), 0);
}

async fn hot_copies_are_prefixes(stand: Stand) {
    let (_, endpoint, begin) = stand.parent().await;
    let writers = Writers::start(&endpoint).await;
    for _ in 0..2 {
        let to = VolumeId::from(TestIds.id());
        stand.pool.create(to).await.unwrap();
        let told = Told::default();
        stand
            .supervisor
            .hot_copy(&endpoint, to, &told)
            .await
            .unwrap();
        let (done, total) = told.last();
        assert!(done <= total && total > 0);
        let copy = stand.spec(to, Profile::Development);
        let (own, position) = stand.examine(&copy, &begin).await;
        stand.compare(&endpoint, &position).await;
        // Nothing of the copying itself is left, neither there nor here.
        assert_eq!(plugins(&own).await, plugins(&endpoint).await);
        stand.discard(&copy).await;
    }
    assert!(writers.end().await > 0);

    // What would not be in it is said before.
    if stand.files.engine.kind == EngineKind::Mysql {
        let mut admin = session_of(&endpoint, Role::Admin).await;
        let old = "CREATE TABLE shop.old (n INT) ENGINE=MyISAM";
        admin.execute(old).await.unwrap();
        let to = VolumeId::from(TestIds.id());
        stand.pool.create(to).await.unwrap();
        let refused = stand
            .supervisor
            .hot_copy(&endpoint, to, &())
            .await
            .unwrap_err();
        assert!(!refused.retry && refused.to_string().contains("shop.old (MyISAM)"));
    }
}

/// What a long piece of work said last of how far it is.
#[derive(Default)]
struct Told(Mutex<(u64, u64)>);

impl Told {
    fn last(&self) -> (u64, u64) {
        *self.0.lock().unwrap()
    }
}

impl Progress for Told {
    fn at(&self, done: u64, total: u64) {
        *self.0.lock().unwrap() = (done, total);
    }
}

/// What is loaded, and what every start loads.
async fn plugins(endpoint: &Endpoint) -> (String, String) {
    let mut session = Session::open(endpoint).await.unwrap();
    let loaded = "SELECT COALESCE(GROUP_CONCAT(PLUGIN_NAME ORDER BY 1), '') \
                  FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE' \
                  AND PLUGIN_LIBRARY IS NOT NULL";
    let kept = "SELECT COALESCE(GROUP_CONCAT(name ORDER BY 1), '') FROM mysql.plugin";
    (
        value(&mut session, loaded).await,
        value(&mut session, kept).await,
    )
}

async fn damage_is_found(stand: Stand) {
    let (spec, endpoint, _) = stand.parent().await;
    let told = Told::default();
    let whole = stand.supervisor.examine(&endpoint, &told).await.unwrap();
    let (done, total) = told.last();
    assert!(done == total && total > 0, "{done} of {total}");
    assert_eq!((whole.tables, whole.rows, whole.digest.len()), (2, 1, 64));
    let mut admin = session_of(&endpoint, Role::Admin).await;
    let row = "INSERT INTO shop.noise (w) VALUES (7)";
    admin.execute(row).await.unwrap();
    let other = stand.supervisor.examine(&endpoint, &()).await.unwrap();
    assert_ne!(whole.digest, other.digest);
    drop(admin);

    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    let file = stand.data(spec.volume).join("shop/noise.ibd");
    let mut bytes = std::fs::read(&file).unwrap();
    // Every page but the first ones, which tell what is in the file.
    for byte in bytes.iter_mut().skip(3 << 14).step_by(97) {
        *byte ^= 0xFF;
    }
    std::fs::write(&file, bytes).unwrap();
    let spec = InstanceSpec {
        accounts: Accounts::Keep,
        ..spec
    };
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let damaged = stand.supervisor.examine(&endpoint, &()).await.unwrap_err();
    assert!(damaged.to_string().contains("shop.noise"), "{damaged}");
}

fn binlogs(data: &Path) -> usize {
    let entries = std::fs::read_dir(data).unwrap();
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name();
    entries
        .map(name)
        .filter(|name| name.to_string_lossy().starts_with("binlog."))
        .count()
}

fn process_of(stand: &Stand, endpoint: &Endpoint) -> Pid {
    let records = stand.records().read().unwrap();
    let record = records.into_iter().find(|r| r.id == endpoint.instance);
    Pid::from_raw(record.unwrap().process.unwrap().pid).unwrap()
}
