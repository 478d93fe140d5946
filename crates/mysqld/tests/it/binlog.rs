//! Binlogs of real engines, read as they are archived, and replayed into copies of an earlier moment.

use crate::instance_stand::{Stand, session_of, value};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::binlog::{Mark, Piece, Range, Reading, Until};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::VolumeId;
use offshoot_core::instance::{Accounts, Endpoint, InstanceSpec, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::{Binlogs, Instances, PortResult, Ranges};
use offshoot_core::refusal::code;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn any_moment_of_mysql() {
    if let Some(files) = engines::mysql() {
        any_moment(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_moment_of_mariadb() {
    if let Some(files) = engines::mariadb() {
        any_moment(files).await;
    }
}

/// Everything that comes after the backup. `{}` is what only one engine has.
const WORK: &str = "
CREATE DATABASE `lat in` CHARACTER SET latin1;
CREATE TABLE `lat in`.t (id INT AUTO_INCREMENT PRIMARY KEY, l VARCHAR(60) CHARACTER SET latin1, u VARCHAR(60) CHARACTER SET utf8mb4, at TIMESTAMP(6) DEFAULT NOW(6), d DATETIME DEFAULT NOW());
INSERT INTO `lat in`.t (l, u) VALUES ('\u{e4}', '\u{2603}\u{1f600}'), ('\u{f6}', NULL);
CREATE TABLE shop.heap (a INT, b VARCHAR(20));
INSERT INTO shop.heap VALUES (1, 'x'), (1, 'x'), (2, 'y'), (2, 'y');
UPDATE shop.heap SET b = 'z' WHERE a = 1 LIMIT 1;
DELETE FROM shop.heap WHERE a = 2 LIMIT 1;
CREATE TABLE shop.parts (id INT, y INT, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE);
INSERT INTO shop.parts VALUES (1, 1), (2, 20);
ALTER TABLE shop.parts TRUNCATE PARTITION a;
CREATE TABLE shop.child (id INT PRIMARY KEY, seed INT, g INT GENERATED ALWAYS AS (id * 2) STORED, FOREIGN KEY (seed) REFERENCES shop.seed (id) ON DELETE CASCADE);
INSERT INTO shop.child (id, seed) VALUES (1, 1), (2, 2);
DELETE FROM shop.seed WHERE id = 2;
CREATE DEFINER='app'@'10.0.0.1' PROCEDURE shop.p() INSERT INTO shop.heap VALUES (9, CURRENT_USER());
CREATE DEFINER='app'@'10.0.0.1' TRIGGER shop.tr BEFORE INSERT ON shop.parts FOR EACH ROW SET NEW.y = 5;
CREATE TRIGGER shop.own BEFORE INSERT ON shop.heap FOR EACH ROW SET NEW.b = CONCAT(NEW.b, '!');
CREATE VIEW shop.v AS SELECT * FROM shop.heap;
INSERT INTO shop.heap VALUES (5, 'w');
SET SESSION sql_mode = 'ANSI_QUOTES';
CREATE TABLE shop.\"odd name\" (\"a b\" INT DEFAULT 3);
INSERT INTO shop.\"odd name\" VALUES (DEFAULT);
SET SESSION sql_mode = DEFAULT;
SET SESSION time_zone = '+05:30';
CREATE EVENT shop.e1 ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.heap;
CREATE EVENT shop.e2 ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM shop.heap;
CREATE DEFINER='app'@'10.0.0.1' EVENT shop.e3 ON SCHEDULE AT NOW() + INTERVAL 1 DAY DO DELETE FROM shop.heap;
ALTER EVENT shop.e1 ON SCHEDULE EVERY 2 DAY;
ALTER EVENT shop.e2 RENAME TO shop.e4;
SET SESSION time_zone = DEFAULT;
CREATE TABLE shop.big (id INT PRIMARY KEY, b LONGBLOB);
INSERT INTO shop.big VALUES (1, REPEAT('x', 20 * 1024 * 1024));
CREATE TEMPORARY TABLE shop.tmp (a INT);
INSERT INTO shop.tmp VALUES (1);
INSERT INTO shop.heap SELECT a, 't' FROM shop.tmp;
CREATE TABLE shop.copied AS SELECT * FROM shop.heap;
XA START 'a';
INSERT INTO shop.heap VALUES (77, 'xa');
XA END 'a';
XA PREPARE 'a';
XA COMMIT 'a';
START TRANSACTION;
INSERT INTO shop.heap VALUES (6, 'rolled back');
ROLLBACK";

const MARIADB_WORK: &str = "
CREATE SEQUENCE shop.seq START 5 CACHE 10;
SELECT NEXTVAL(shop.seq), NEXTVAL(shop.seq);
CREATE TABLE shop.sv (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO shop.sv VALUES (1, 1);
UPDATE shop.sv SET v = 2;
DELETE FROM shop.sv;
CREATE TABLE shop.isam (a INT) ENGINE = MyISAM;
INSERT INTO shop.isam VALUES (1), (2);
INSERT INTO shop.heap SELECT NEXTVAL(shop.seq), 's'";

async fn any_moment(files: EngineFiles) {
    let kind = files.engine.kind;
    let stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Production);
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = Session::open(&endpoint).await.unwrap();
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.seed (id INT PRIMARY KEY)",
        "INSERT INTO shop.seed VALUES (1), (2)",
        "CREATE TABLE shop.mark (name VARCHAR(20) PRIMARY KEY)",
    ] {
        admin.execute(sql).await.unwrap();
    }
    let beginning = stand.supervisor.begin(&endpoint).await.unwrap();
    mark(&mut admin, "early").await;
    admin.close().await.unwrap();
    let (image, from) = backup(&stand, &spec).await;
    assert!(from.covers(&beginning.before) && from != beginning.before);
    spec.accounts = Accounts::Keep;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    // A watch sees what happens from its first look on.
    stand
        .supervisor
        .behind(&endpoint, &beginning.mark)
        .await
        .unwrap();

    let mut admin = Session::open(&endpoint).await.unwrap();
    for sql in WORK.split(";\n") {
        admin
            .execute(sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    if kind == EngineKind::Mariadb {
        for sql in MARIADB_WORK.split(";\n") {
            admin
                .execute(sql)
                .await
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }
    let mut writer = session_of(&endpoint, Role::Admin).await;
    for n in 0..50 {
        mark(&mut writer, &format!("row {n}")).await;
    }
    let slow = mark(&mut writer, "slow 1").await;
    let gtids = gtids(&mut admin, kind).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    mark(&mut writer, "slow 2").await;
    admin.execute("FLUSH BINARY LOGS").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let quick = mark(&mut writer, "quick 1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    mark(&mut writer, "quick 2").await;

    let mut archive = Archive::new(beginning.mark);
    archive.follow(&stand, &endpoint, 1 << 20).await;
    drop((admin, writer));
    // A server that crashes and comes back goes on in another file.
    stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = Session::open(&endpoint).await.unwrap();
    mark(&mut admin, "last").await;
    archive.follow(&stand, &endpoint, 1 << 20).await;
    archive.is_whole();

    let branch = |until: Until| {
        let (stand, archive, from) = (&stand, &archive, &from);
        async move {
            let spec = stand.fork(image, Profile::Development);
            let endpoint = stand.supervisor.start(&spec).await.unwrap();
            let replayed = stand
                .supervisor
                .replay(&endpoint, from, &until, &mut archive.ranges())
                .await;
            (spec, endpoint, replayed)
        }
    };
    for (until, has, has_not) in [
        (
            Until::Time(slow + Duration::from_millis(750)),
            "slow 1",
            "slow 2",
        ),
        (
            Until::Time(quick + Duration::from_millis(25)),
            "quick 1",
            "quick 2",
        ),
        (Until::Gtids(gtids.clone()), "slow 1", "slow 2"),
    ] {
        let (spec, endpoint, replayed) = branch(until.clone()).await;
        let replayed = replayed.unwrap();
        let mut copy = Session::open(&endpoint).await.unwrap();
        assert!(marked(&mut copy, has).await, "{until:?}: {replayed:?}");
        assert!(!marked(&mut copy, has_not).await, "{until:?}: {replayed:?}");
        if let Until::Gtids(set) = until {
            assert_eq!(replayed.gtids, set);
        }
        stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
    }

    // Everything, twice: the second time nothing is left to be done.
    let (whole, copied, replayed) = branch(Until::Time(Timestamp::MAX)).await;
    let replayed = replayed.unwrap();
    let again = stand
        .supervisor
        .replay(
            &copied,
            &from,
            &Until::Time(Timestamp::MAX),
            &mut archive.ranges(),
        )
        .await
        .unwrap();
    assert_eq!(again, replayed);
    let mut copy = Session::open(&copied).await.unwrap();
    assert_eq!(state(&mut copy).await, state(&mut admin).await);
    let clean = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'system user'";
    let rows: Vec<u64> = take(copy.query(clean).await.unwrap());
    assert_eq!(rows, [0], "the replica is gone");
    stand.supervisor.stop(whole.id, Stop::Hard).await.unwrap();

    // No moment of this history.
    let elsewhere = match kind {
        EngineKind::Mysql => "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5".to_owned(),
        EngineKind::Mariadb => "7-1-5".to_owned(),
    };
    let mut other = from.clone();
    other.extend(&GtidSet::parse(kind, &elsewhere).unwrap());
    let (lost, _, refused) = branch(Until::Gtids(other)).await;
    let refusal = refused.unwrap_err().refusal;
    assert_eq!(refusal.code, code::RESTORE_POINT, "{refusal}");
    stand.supervisor.stop(lost.id, Stop::Hard).await.unwrap();
}

/// Cuts of an interrupted replay, and a range that is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_after_an_interruption_on_mysql() {
    if let Some(files) = engines::mysql() {
        interrupted(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_after_an_interruption_on_mariadb() {
    if let Some(files) = engines::mariadb() {
        interrupted(files).await;
    }
}

async fn interrupted(files: EngineFiles) {
    let stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Production);
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = Session::open(&endpoint).await.unwrap();
    admin.execute("CREATE DATABASE shop").await.unwrap();
    admin
        .execute("CREATE TABLE shop.mark (name VARCHAR(20) PRIMARY KEY)")
        .await
        .unwrap();
    let beginning = stand.supervisor.begin(&endpoint).await.unwrap();
    admin.close().await.unwrap();
    let (image, from) = backup(&stand, &spec).await;
    spec.accounts = Accounts::Keep;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = Session::open(&endpoint).await.unwrap();
    admin
        .execute("SET GLOBAL sync_binlog = 0, GLOBAL innodb_flush_log_at_trx_commit = 0")
        .await
        .unwrap();
    for n in 0..3_000 {
        mark(&mut admin, &format!("row {n}")).await;
        if n % 1_000 == 500 {
            let sql =
                format!("CREATE EVENT shop.e{n} ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.mark");
            admin.execute(&sql).await.unwrap();
        }
    }
    let mut archive = Archive::new(beginning.mark);
    archive.follow(&stand, &endpoint, 100_000).await;
    assert!(archive.pieces.len() > 3);

    let copy = stand.fork(image, Profile::Development);
    let copied = stand.supervisor.start(&copy).await.unwrap();
    let until = Until::Time(Timestamp::MAX);
    let mut interruptions = 0;
    let replayed = loop {
        let mut ranges = archive.ranges();
        let replay = stand.supervisor.replay(&copied, &from, &until, &mut ranges);
        let patience = Duration::from_millis(60 + 60 * interruptions);
        match tokio::time::timeout(patience, replay).await {
            Ok(replayed) => break replayed.unwrap(),
            Err(_) => interruptions += 1,
        }
    };
    assert!(interruptions > 0);
    assert_eq!(replayed.transactions, 3_003);
    let mut copy = Session::open(&copied).await.unwrap();
    assert_eq!(state(&mut copy).await, state(&mut admin).await);

    // A range that is missing is no small gap in the data, but a refusal.
    let again = stand.fork(image, Profile::Development);
    let copied = stand.supervisor.start(&again).await.unwrap();
    let mut ranges = archive.ranges();
    ranges.0.remove(1).unwrap();
    let refused = stand
        .supervisor
        .replay(&copied, &from, &until, &mut ranges)
        .await;
    assert_eq!(refused.unwrap_err().refusal.code, code::RESTORE_POINT);
}

/// Inserts a row and says when that was done.
async fn mark(session: &mut Session, name: &str) -> Timestamp {
    session
        .execute(&format!("INSERT INTO shop.mark VALUES ('{name}')"))
        .await
        .unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine takes the machine's time"
    )]
    Timestamp::now()
}

async fn marked(session: &mut Session, name: &str) -> bool {
    let sql = format!("SELECT COUNT(*) FROM shop.mark WHERE name = '{name}'");
    let rows: Vec<u64> = take(session.query(&sql).await.unwrap());
    rows == [1]
}

async fn gtids(session: &mut Session, kind: EngineKind) -> GtidSet {
    let sql = match kind {
        EngineKind::Mysql => "SELECT @@GLOBAL.gtid_executed",
        EngineKind::Mariadb => "SELECT @@GLOBAL.gtid_binlog_pos",
    };
    GtidSet::parse(kind, &value(session, sql).await).unwrap()
}

/// Makes an image of a branch as a backup does: copied, opened once with its binlog, shut down.
async fn backup(stand: &Stand, spec: &InstanceSpec) -> (VolumeId, GtidSet) {
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    let mut image = stand.fork(spec.volume, Profile::Development);
    image.copied = true;
    let endpoint = stand.supervisor.start(&image).await.unwrap();
    let position = stand.supervisor.position(&endpoint).await.unwrap();
    stand.supervisor.stop(image.id, Stop::Clean).await.unwrap();
    let from = GtidSet::parse(spec.engine.kind, &position.gtid_set).unwrap();
    (image.volume, from)
}

/// What is archived of one binlog.
struct Archive {
    mark: Mark,
    pieces: Vec<Piece>,
}

struct Kept(VecDeque<Range>);

#[async_trait]
impl Ranges for Kept {
    async fn next(&mut self) -> PortResult<Option<Range>> {
        Ok(self.0.pop_front())
    }
}

impl Archive {
    fn new(mark: Mark) -> Self {
        Self {
            mark,
            pieces: Vec::new(),
        }
    }

    async fn follow(&mut self, stand: &Stand, endpoint: &Endpoint, limit: u64) {
        loop {
            match stand
                .supervisor
                .read(endpoint, &self.mark, limit)
                .await
                .unwrap()
            {
                Reading::Piece(piece) => {
                    assert!(!piece.range.bytes.is_empty());
                    self.mark = piece.next.clone();
                    self.pieces.push(*piece);
                }
                Reading::Nothing(_) => return,
                Reading::Lost(why) => panic!("{why}"),
            }
        }
    }

    /// No byte and no transaction is missing between two pieces.
    fn is_whole(&self) {
        for pair in self.pieces.windows(2) {
            let (one, two) = (&pair[0].range, &pair[1].range);
            match one.file == two.file {
                true => assert_eq!(one.to(), two.from),
                false => assert_eq!(two.from, 0),
            }
        }
        let inside = self.pieces.iter().filter(|p| !p.whole).count();
        assert!(
            inside > 5,
            "the large transaction takes many pieces: {inside}"
        );
        let total: u64 = self.pieces.iter().map(|p| p.transactions).sum();
        assert!(total > 80, "{total}");
    }

    fn ranges(&self) -> Kept {
        // As they come back from where they are kept.
        let ranges = self.pieces.iter().map(|p| p.range.encode());
        Kept(ranges.map(|bytes| Range::decode(&bytes).unwrap()).collect())
    }
}

/// Everything that a branch's user can see of an engine's data.
async fn state(session: &mut Session) -> BTreeMap<String, String> {
    const USERS: &str = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";
    let mut all = BTreeMap::new();
    let tables: Vec<(String, String)> = session
        .query(&format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA {USERS} AND TABLE_TYPE <> 'VIEW'"
        ))
        .await
        .unwrap()
        .into_iter()
        .map(mysql_async::from_row)
        .collect();
    for (schema, table) in tables {
        let name = format!("`{schema}`.`{table}`");
        let sums: Vec<(String, Option<u64>)> = session
            .query(&format!("CHECKSUM TABLE {name} EXTENDED"))
            .await
            .unwrap()
            .into_iter()
            .map(mysql_async::from_row)
            .collect();
        let ddl = session
            .query(&format!("SHOW CREATE TABLE {name}"))
            .await
            .unwrap();
        let ddl: Option<String> = ddl.into_iter().next().and_then(|mut row| row.take(1));
        all.insert(name, format!("{sums:?} {ddl:?}"));
    }
    for sql in [
        "SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME), CONCAT_WS('|', DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION, ROUTINE_DEFINITION, CREATED) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA",
        "SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME), CONCAT_WS('|', DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, ACTION_STATEMENT) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA",
        "SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME), CONCAT_WS('|', DEFINER, STATUS, TIME_ZONE, SQL_MODE, STARTS, EXECUTE_AT, INTERVAL_VALUE, CHARACTER_SET_CLIENT, EVENT_DEFINITION) FROM information_schema.EVENTS WHERE EVENT_SCHEMA",
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CONCAT_WS('|', DEFINER, VIEW_DEFINITION) FROM information_schema.VIEWS WHERE TABLE_SCHEMA",
        "SELECT SCHEMA_NAME, CONCAT_WS('|', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME",
    ] {
        let rows = session.query(&format!("{sql} {USERS}")).await.unwrap();
        let rows = rows
            .into_iter()
            .map(mysql_async::from_row::<(String, String)>);
        all.extend(rows.map(|(name, text)| (format!("{name} {}", sql.len()), text)));
    }
    all
}

fn take<T: mysql_async::prelude::FromValue>(rows: Vec<mysql_async::Row>) -> Vec<T> {
    rows.into_iter().filter_map(|mut row| row.take(0)).collect()
}
