//! Connections: readers, and the one writer whose transactions begin at once.

use crate::error::{StoreError, StoreResult};
use crate::key::MasterKey;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Readers: lookups take well under a millisecond, so a few serve many clients.
const READERS: u32 = 4;
/// How long a statement waits for another process (a backup) that holds the file.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How much a commit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On disk when the commit returns.
    Full,
    /// For tests: survives the process, not the machine.
    Process,
}

/// The metadata store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    writer: SqlitePool,
    pub(crate) key: Arc<MasterKey>,
    faults: Arc<Faults>,
}

/// Ends the life of this store after a number of commits: for the crash harness. Idle otherwise.
#[derive(Debug)]
pub struct Faults {
    left: AtomicI64,
    dead: AtomicBool,
    commits: AtomicU64,
}

impl Faults {
    /// The store dies right after `commits` more commits (the last of them is kept, its caller
    /// never learns).
    pub fn kill_after(&self, commits: u32) {
        self.left.store(i64::from(commits), Ordering::SeqCst);
    }

    /// Every call fails from now on.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    pub fn dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Commits so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    fn check(&self) -> StoreResult<()> {
        if self.dead() {
            Err(StoreError::Killed)
        } else {
            Ok(())
        }
    }

    fn committed(&self) -> StoreResult<()> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.kill();
        }
        self.check()
    }
}

impl Store {
    /// Opens the database file, makes it if it is not there, and brings its schema up to date.
    pub async fn open(file: &Path, key: MasterKey, durability: Durability) -> StoreResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Process => SqliteSynchronous::Off,
            })
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(200);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        let store = Self {
            readers,
            writer,
            key: Arc::new(key),
            faults: Arc::new(Faults {
                left: AtomicI64::new(0),
                dead: AtomicBool::new(false),
                commits: AtomicU64::new(0),
            }),
        };
        store.prove_key().await?;
        Ok(store)
    }

    /// For reading. Sees what was committed when its statement begins.
    pub async fn read(&self) -> StoreResult<Session> {
        self.faults.check()?;
        Ok(Session {
            conn: Conn::Read(self.readers.acquire().await?),
            key: self.key.clone(),
        })
    }

    /// For reading and writing; nobody else writes until it ends. Rolled back unless committed.
    pub async fn write(&self) -> StoreResult<Tx> {
        self.faults.check()?;
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Tx {
            session: Session {
                conn: Conn::Write(transaction),
                key: self.key.clone(),
            },
            faults: self.faults.clone(),
        })
    }

    /// Moves with every commit of this process, before the commit returns.
    pub fn version(&self) -> u64 {
        self.faults.commits()
    }

    /// For tests that end this store's life.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends all connections, after the statements under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Opens any one sealed value, so that a wrong key is noticed at start.
    async fn prove_key(&self) -> StoreResult<()> {
        self.read().await?.any_instance().await.map(drop)
    }
}

/// A connection with the statements of every noun that read.
pub struct Session {
    conn: Conn,
    pub(crate) key: Arc<MasterKey>,
}

enum Conn {
    Read(PoolConnection<Sqlite>),
    Write(Transaction<'static, Sqlite>),
}

impl Session {
    pub(crate) fn db(&mut self) -> &mut SqliteConnection {
        match &mut self.conn {
            Conn::Read(c) => c,
            Conn::Write(t) => t,
        }
    }
}

/// A write transaction.
pub struct Tx {
    session: Session,
    faults: Arc<Faults>,
}

impl Tx {
    /// Durable on return. A caller that stops waiting (a client that hangs up) does not stop it: the version moves with
    /// whatever is committed.
    pub async fn commit(self) -> StoreResult<()> {
        self.faults.check()?;
        let commit = tokio::spawn(async move {
            if let Conn::Write(transaction) = self.session.conn {
                transaction.commit().await?;
            }
            self.faults.committed()
        });
        commit.await.map_err(|_| StoreError::Stopping)?
    }
}

impl Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
