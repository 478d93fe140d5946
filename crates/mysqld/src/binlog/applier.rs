//! The engine's own replica, with a relay log of ours and without a source.

use super::session::redefine;
use crate::VolumeDir;
use crate::admin::session::{AdminError, Session, quote};
use crate::instance::{aside, internal};
use mysql_async::Row;
use offshoot_core::engine::{EngineKind, Version};
use offshoot_core::gtid::GtidSet;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use std::fs;
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::fchown;
use std::path::Path;
use std::thread::available_parallelism;

use super::filter::{Aside, Batch};

/// Name of the replica inside of its engine. `relay-log` in the settings begins the files' names.
const CHANNEL: &str = "offshoot";
const RELAY: &str = "relay-bin-offshoot";
/// Table of a MariaDB engine that says whose position the engine keeps.
pub(super) const NOTE: &str = "offshoot_replay";
/// More workers than this wait for each other.
const WORKERS: usize = 8;
/// How often a replica that has work is asked whether it still does it, in seconds.
const LOOK_AGAIN: u32 = 1;

/// There is no such channel.
const NO_CHANNEL: [u16; 2] = [3074, 1617];
/// The event to be made is there.
const EVENT_EXISTS: u16 = 1537;
/// The event to be changed is not there.
const NO_EVENT: u16 = 1539;

/// "REPLICA" and "SOURCE" are words since then; the older ones are gone in 8.4.
const RENAMED_SINCE: Version = version(8, 0, 23);
/// Several workers keep the order of commits without a binlog, and do so by themselves, since then.
const IN_ORDER_SINCE: Version = version(8, 0, 27);

const fn version(major: u16, minor: u16, patch: u16) -> Version {
    Version {
        major,
        minor,
        patch,
    }
}

/// The relay log's only file, in the data directory.
pub(super) fn relay_file() -> String {
    format!("{RELAY}.000001")
}

/// An engine that is being given a history.
pub(super) struct Applier<'a> {
    endpoint: &'a Endpoint,
    volume: VolumeDir,
    session: Session,
    /// What the engine's data has from this history beside what it began with.
    pub(super) applied: GtidSet,
    /// An earlier call may have ended between a definition and the note that it is there.
    resumed: bool,
}

impl<'a> Applier<'a> {
    /// Ends what an earlier call left running, and learns how far it got.
    pub(super) async fn open(
        endpoint: &'a Endpoint,
        volume: VolumeDir,
        from: &GtidSet,
    ) -> PortResult<Self> {
        let mut session = Session::open(endpoint).await?;
        session.execute("SET SESSION sql_log_bin = 0").await?;
        let mut applier = Self {
            endpoint,
            volume,
            session,
            applied: from.empty_like(),
            resumed: false,
        };
        applier.dismiss().await?;
        match endpoint.engine.kind {
            EngineKind::Mysql => applier.open_mysql().await?,
            EngineKind::Mariadb => applier.open_mariadb(from).await?,
        }
        Ok(applier)
    }

    /// Applies a batch and returns when its last transaction is committed.
    pub(super) async fn apply(&mut self, batch: Batch) -> PortResult<()> {
        let volume = self.volume.clone();
        let gtids = aside(move || {
            let gtids = batch.close()?;
            write_index(&volume).map_err(internal)?;
            Ok(gtids)
        })
        .await?;
        let file = quote(&relay_file());
        let words = self.words();
        let change = match self.endpoint.engine.kind {
            EngineKind::Mysql => format!(
                "CHANGE {} TO {}_HOST = '{CHANNEL}', RELAY_LOG_FILE = {file}, RELAY_LOG_POS = 4 FOR CHANNEL '{CHANNEL}'",
                words.change, words.source
            ),
            // Without a name of the source's file the engine compares with nothing, and crashes.
            EngineKind::Mariadb => format!(
                "CHANGE MASTER '{CHANNEL}' TO MASTER_HOST = '{CHANNEL}', MASTER_LOG_FILE = 'binlog.000001', \
                 MASTER_LOG_POS = 4, RELAY_LOG_FILE = {file}, RELAY_LOG_POS = 4, MASTER_USE_GTID = no"
            ),
        };
        self.session.execute(&change).await?;
        let start = self.command("START", "SQL_THREAD");
        self.session.execute(&start).await?;
        self.wait(&gtids).await?;
        self.dismiss().await
    }

    /// Runs a definition of an event as if the engine had been told itself.
    pub(super) async fn define(&mut self, aside: &Aside) -> PortResult<()> {
        let kind = self.endpoint.engine.kind;
        let done = redefine(self.endpoint, aside).await;
        match done {
            Err(AdminError::Server { code, .. })
                if kind == EngineKind::Mariadb
                    && std::mem::take(&mut self.resumed)
                    && (code == EVENT_EXISTS || code == NO_EVENT) => {}
            Err(error @ AdminError::Server { .. }) => {
                return Err(refused(&aside.gtid.to_string(), error));
            }
            other => other?,
        }
        self.applied.insert(aside.gtid);
        if kind == EngineKind::Mariadb {
            self.note_position().await?;
        }
        Ok(())
    }

    /// Notes in the filter's place what is applied now.
    pub(super) async fn close(mut self) -> PortResult<()> {
        match self.endpoint.engine.kind {
            EngineKind::Mysql => {
                self.step_gtid_mode(["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"])
                    .await?;
                self.session
                    .execute("SET GLOBAL enforce_gtid_consistency = OFF")
                    .await?;
            }
            EngineKind::Mariadb => {
                self.session
                    .execute("SET GLOBAL slave_parallel_threads = 0")
                    .await?;
            }
        }
        // What is lost when it is not said goodbye to is nothing.
        let _ = self.session.close().await;
        Ok(())
    }

    async fn open_mysql(&mut self) -> PortResult<()> {
        self.step_gtid_mode(["OFF_PERMISSIVE", "ON_PERMISSIVE"])
            .await?;
        self.session
            .execute("SET GLOBAL enforce_gtid_consistency = ON")
            .await?;
        self.session.execute("SET GLOBAL gtid_mode = ON").await?;
        let workers = match self.endpoint.engine.version >= IN_ORDER_SINCE {
            true => workers(),
            false => 0,
        };
        let worker = self.words().worker;
        self.session
            .execute(&format!("SET GLOBAL {worker}_parallel_workers = {workers}"))
            .await?;
        let text = self.value("SELECT @@GLOBAL.gtid_executed").await?;
        self.applied = GtidSet::parse(EngineKind::Mysql, &text).map_err(internal)?;
        Ok(())
    }

    /// The engine keeps how far it is in a table of its own, which an ancestor may have used: it is
    /// ours only once the instance is noted beside it.
    async fn open_mariadb(&mut self, from: &GtidSet) -> PortResult<()> {
        let instance = quote(self.endpoint.instance.as_str());
        self.session
            .execute(&format!(
                "CREATE TABLE IF NOT EXISTS mysql.{NOTE} (instance CHAR(12) NOT NULL) ENGINE = InnoDB"
            ))
            .await?;
        let noted = self
            .value(&format!(
                "SELECT COUNT(*) FROM mysql.{NOTE} WHERE instance = {instance}"
            ))
            .await?;
        self.resumed = noted != "0";
        if self.resumed {
            let text = self.value("SELECT @@GLOBAL.gtid_slave_pos").await?;
            self.applied = GtidSet::parse(EngineKind::Mariadb, &text).map_err(internal)?;
        } else {
            self.applied = from.clone();
            self.note_position().await?;
            for sql in [
                "START TRANSACTION".to_owned(),
                format!("DELETE FROM mysql.{NOTE}"),
                format!("INSERT INTO mysql.{NOTE} VALUES ({instance})"),
                "COMMIT".to_owned(),
            ] {
                self.session.execute(&sql).await?;
            }
        }
        let threads = workers();
        self.session
            .execute(&format!("SET GLOBAL slave_parallel_threads = {threads}"))
            .await?;
        Ok(())
    }

    async fn note_position(&mut self) -> PortResult<()> {
        let position = quote(&self.applied.to_string());
        self.session
            .execute(&format!("SET GLOBAL gtid_slave_pos = {position}"))
            .await?;
        Ok(())
    }

    /// Goes from one mode to the next; those behind it already are passed over.
    async fn step_gtid_mode<const N: usize>(&mut self, modes: [&str; N]) -> PortResult<()> {
        const ORDER: [&str; 4] = ["OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"];
        for mode in modes {
            let now = self.value("SELECT @@GLOBAL.gtid_mode").await?;
            let place = |mode: &str| ORDER.iter().position(|m| *m == mode).unwrap_or_default();
            if place(&now).abs_diff(place(mode)) == 1 {
                self.session
                    .execute(&format!("SET GLOBAL gtid_mode = {mode}"))
                    .await?;
            }
        }
        Ok(())
    }

    /// Stops the replica and forgets it, with its relay log.
    async fn dismiss(&mut self) -> PortResult<()> {
        for sql in [self.command("STOP", ""), self.command("RESET", "ALL")] {
            match self.session.execute(&sql).await {
                Err(AdminError::Server { code, .. }) if NO_CHANNEL.contains(&code) => {}
                other => other?,
            }
        }
        let data = self.volume.path.join("data");
        aside(move || remove_relay(&data).map_err(internal)).await
    }

    async fn wait(&mut self, gtids: &GtidSet) -> PortResult<()> {
        let gtids = quote(&gtids.to_string());
        let wait = match self.endpoint.engine.kind {
            EngineKind::Mysql => {
                format!("SELECT WAIT_FOR_EXECUTED_GTID_SET({gtids}, {LOOK_AGAIN})")
            }
            EngineKind::Mariadb => format!("SELECT MASTER_GTID_WAIT({gtids}, {LOOK_AGAIN})"),
        };
        while self.value(&wait).await? != "0" {
            self.look().await?;
        }
        Ok(())
    }

    /// Fails when the replica has stopped.
    async fn look(&mut self) -> PortResult<()> {
        let words = self.words();
        let sql = match self.endpoint.engine.kind {
            EngineKind::Mysql => format!("SHOW {} STATUS FOR CHANNEL '{CHANNEL}'", words.replica),
            EngineKind::Mariadb => format!("SHOW SLAVE '{CHANNEL}' STATUS"),
        };
        let rows = self.session.query(&sql).await?;
        let Some(row) = rows.into_iter().next() else {
            return Err(PortError::retry(Refusal::unavailable(
                "the branch's engine has stopped following its history",
            )));
        };
        let running = text(&row, &["Replica_SQL_Running", "Slave_SQL_Running"]);
        if running != "No" {
            return Ok(());
        }
        let number = text(&row, &["Last_SQL_Errno"]);
        let words = text(&row, &["Last_SQL_Error"]);
        Err(refused(
            "of the archive",
            io::Error::other(format!("engine error {number}: {words}")),
        ))
    }

    async fn value(&mut self, sql: &str) -> PortResult<String> {
        let rows = self.session.query(sql).await?;
        let value = rows.into_iter().next().and_then(|mut row| row.take_opt(0));
        Ok(value.and_then(Result::ok).unwrap_or_default())
    }

    fn command(&self, verb: &str, what: &str) -> String {
        match self.endpoint.engine.kind {
            EngineKind::Mysql => {
                let replica = self.words().replica;
                format!("{verb} {replica} {what} FOR CHANNEL '{CHANNEL}'")
            }
            EngineKind::Mariadb => format!("{verb} SLAVE '{CHANNEL}' {what}"),
        }
    }

    fn words(&self) -> Words {
        let engine = self.endpoint.engine;
        match engine.kind == EngineKind::Mysql && engine.version >= RENAMED_SINCE {
            true => Words {
                replica: "REPLICA",
                change: "REPLICATION SOURCE",
                source: "SOURCE",
                worker: if engine.version >= version(8, 0, 26) {
                    "replica"
                } else {
                    "slave"
                },
            },
            false => Words {
                replica: "SLAVE",
                change: "MASTER",
                source: "MASTER",
                worker: "slave",
            },
        }
    }
}

/// What this engine calls things.
struct Words {
    replica: &'static str,
    change: &'static str,
    source: &'static str,
    /// Beginning of its variables' names.
    worker: &'static str,
}

fn workers() -> usize {
    available_parallelism()
        .map_or(1, NonZero::get)
        .clamp(2, WORKERS)
}

fn text(row: &Row, columns: &[&str]) -> String {
    let found = columns.iter().find_map(|name| row.get_opt(*name));
    found.and_then(Result::ok).unwrap_or_default()
}

fn refused(
    transaction: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(format!(
            "the engine refuses transaction {transaction} of the branch's history"
        ))
        .code(code::RESTORE_POINT)
        .hint("the server's log has the engine's words; try another moment, or a later backup")
        .cause(error),
    )
}

/// The list of relay logs, with the one.
fn write_index(volume: &VolumeDir) -> io::Result<()> {
    let path = volume.path.join("data").join(format!("{RELAY}.index"));
    let mut index = fs::File::create(path)?;
    if let Some(owner) = volume.owner {
        fchown(&index, Some(owner.uid), Some(owner.gid))?;
    }
    writeln!(index, "./{}", relay_file())
}

fn remove_relay(data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(RELAY.as_bytes()) && entry.file_type()?.is_file() {
            match fs::remove_file(entry.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
    }
    Ok(())
}
