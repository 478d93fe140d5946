//! Off-site copies of real engines' backups: out of one machine into a directory or an S3-compatible
//! server, and into another machine that has nothing but the store and the key. A flipped byte and
//! another key are refused, and Offshoot killed on the way begins nothing that it does not end.

use crate::data::{MIB, add, home, values};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect, text};
use crate::story::database;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    Backup, BackupState, CopyState, CreateBackup, CreateBranch, CreatePassword, ImportBackup,
};
use offshoot_client::{BackupsOf, Client, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use offshoot_testkit::s3::S3Server;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MAIN: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "shop",
    branch: "main",
};

/// Where copies go, as the configuration says it.
enum Store {
    Directory(tempfile::TempDir),
    S3(S3Server),
}

impl Store {
    fn directory() -> Option<Self> {
        tempfile::tempdir().ok().map(Self::Directory)
    }

    fn s3() -> Option<Self> {
        S3Server::start().map(Self::S3)
    }

    /// Lines for `[backups]`, which a home's configuration ends with. Secrets go into a file.
    fn configure(&self, home: &mut Home) {
        let lines = match self {
            Store::Directory(dir) => format!("store = \"file://{}\"\n", dir.path().display()),
            Store::S3(server) => {
                let file = home.directory().join("secrets");
                let secret = |name: &str| name.contains("SECRET");
                let options = server.options();
                let (secrets, open): (Vec<_>, Vec<_>) =
                    options.iter().partition(|(name, _)| secret(name));
                let lines: String = secrets.iter().map(|(n, v)| format!("{n}={v}\n")).collect();
                std::fs::write(&file, lines).unwrap();
                private(&file);
                let open: Vec<_> = open.iter().map(|(n, v)| format!("{n} = \"{v}\"")).collect();
                format!(
                    "store = \"{}/copies\"\nstore_options = {{ {} }}\nstore_secrets = \"{}\"\n",
                    server.url(),
                    open.join(", "),
                    file.display()
                )
            }
        };
        home.config.push_str(&lines);
    }

    /// Objects whose path has this part.
    fn objects(&self, part: &str) -> Vec<PathBuf> {
        let root = match self {
            Store::Directory(dir) => dir.path().to_owned(),
            Store::S3(server) => server.files(),
        };
        let mut all = crate::fixture::listing(&root);
        all.retain(|path| path.is_file() && path.to_str().unwrap().contains(part));
        all
    }
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A machine with a store and the key of `like`, or a new one.
fn machine(kind: EngineKind, pool: &TestPool, store: &Store, like: Option<&Home>) -> Option<Home> {
    let mut home = home(kind, pool)?;
    store.configure(&mut home);
    match like {
        Some(other) => {
            let key = home.data().join("backup.key");
            std::fs::copy(other.data().join("backup.key"), &key).unwrap();
            private(&key);
        }
        None => {
            let made = home.offshoot(&["admin", "backup-key"]);
            assert!(made.status.success(), "{}", text(&made));
        }
    }
    Some(home)
}

async fn back_up(client: &Client) -> Backup {
    let body = CreateBackup::default();
    let made = client.create_backup(MAIN, &body, Some(Wait(PATIENCE)));
    let made = made.await.unwrap();
    assert_eq!(made.state, BackupState::Success, "{made:?}");
    made
}

/// Waits until a backup is in the store.
async fn exported(home: &Home, client: &Client, id: &str) -> Backup {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = client.show_backup(MAIN, id).await.unwrap();
        let copy = shown
            .off_site
            .clone()
            .expect("production is copied unasked");
        if copy.state == CopyState::Exported {
            return shown;
        }
        assert!(copy.state != CopyState::Failed, "{copy:?}");
        assert!(Instant::now() < until, "{copy:?}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the store has the copies of this many backups, and nothing is under way.
async fn settled(home: &Home, store: &Store, copies: usize) {
    let until = Instant::now() + PATIENCE;
    while store.objects("/backups/").len() != copies || !store.objects("/pending/").is_empty() {
        assert!(Instant::now() < until, "{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn import(client: &Client, copy: &str, name: Option<&str>) -> Backup {
    let body = ImportBackup {
        database: name.map(str::to_owned),
    };
    let made = client.import_backup(ORG, copy, &body, Some(Wait(PATIENCE)));
    made.await.unwrap()
}

/// What a branch of a backup has.
async fn restored(client: &Client, database: &str, backup: &str) -> String {
    let body = CreateBranch {
        name: Some("rescued".to_owned()),
        backup_id: Some(backup.to_owned()),
        ..CreateBranch::default()
    };
    let made = client.create_branch(ORG, database, &body, Some(Wait(PATIENCE)));
    assert!(made.await.unwrap().ready);
    let body = CreatePassword {
        name: Some("it".to_owned()),
        ..CreatePassword::default()
    };
    let password = client.create_password(ORG, database, "rescued", &body);
    let mut session = connect(&password.await.unwrap()).await.unwrap();
    let held = values(&mut session).await;
    add(&mut session, "own").await;
    session.disconnect().await.unwrap();
    let gone = client.delete_branch(ORG, database, "rescued", false);
    gone.await.unwrap();
    held
}

/// A table with rows in `main`, some of them in pages that are not next to each other.
async fn rows(client: &Client) -> String {
    let mut main = connect(&database(client).await).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20), pad BLOB)";
    main.query_drop(sql).await.unwrap();
    for value in ["a", "b", "c"] {
        add(&mut main, value).await;
    }
    // Some MiB that cannot be compressed, so that what an engine writes of its own is little beside them.
    let pad = ["RANDOM_BYTES(1024)"; 60].join(", ");
    let more =
        format!("INSERT INTO t (v, pad) SELECT t.v, CONCAT({pad}) FROM t, t AS x, t AS y, t AS z");
    main.query_drop(more).await.unwrap();
    let held = values(&mut main).await;
    main.disconnect().await.unwrap();
    held
}

async fn out_and_back(
    kind: EngineKind,
    from: Option<TestPool>,
    to: Option<TestPool>,
    store: Option<Store>,
) {
    let (Some(from), Some(to), Some(store)) = (from, to, store) else {
        return;
    };
    let Some(first) = machine(kind, &from, &store, None) else {
        return;
    };
    let server = first.serve().await;
    let client = &server.client;
    let held = rows(client).await;
    let backup = exported(&first, client, &back_up(client).await.id).await;
    let copy = backup.off_site.clone().unwrap();
    assert!(copy.stored > 0 && copy.stored < copy.bytes, "{copy:?}");
    // The second one puts what changed since.
    let again = exported(&first, client, &back_up(client).await.id).await;
    let second = again.off_site.clone().unwrap();
    assert!(second.stored < copy.stored / 2, "{second:?} after {copy:?}");
    let listed = first.offshoot(&["backup", "archive", "list"]);
    assert!(text(&listed).contains(&backup.id), "{}", text(&listed));
    // Deleted, its copy goes, and what both share stays.
    let gone = client.delete_backup(MAIN, &again.id, false);
    gone.await.unwrap();
    settled(&first, &store, 1).await;
    assert!(server.stop().success());

    // Another machine, which knows nothing of it.
    let Some(second) = machine(kind, &to, &store, Some(&first)) else {
        return;
    };
    let server = second.serve().await;
    let client = &server.client;
    let shown = second.offshoot(&["backup", "import"]);
    assert!(text(&shown).contains(&backup.id), "{}", text(&shown));
    let line = ["backup", "import", &backup.id, "--wait", "--format", "json"];
    let said = second.offshoot(&line);
    assert!(said.status.success(), "{}: {}", text(&said), second.log());
    let imported: Backup = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(imported.state, BackupState::Success);
    assert_eq!(imported.imported_from.as_deref(), Some(&*backup.id));
    assert_eq!(imported.examined, backup.examined);
    assert_eq!(restored(client, "shop", &imported.id).await, held);
    // As another database, beside it.
    let beside = import(client, &backup.id, Some("rescue")).await;
    assert_eq!(restored(client, "rescue", &beside.id).await, held);

    // One byte of a chunk is another: found, named, and nothing of it is offered.
    let chunks = store.objects("/chunks/");
    let largest = chunks.iter().max_by_key(|p| p.metadata().unwrap().len());
    let largest = largest.unwrap();
    let whole = std::fs::read(largest).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(largest, &flipped).unwrap();
    let failed = import(client, &backup.id, None).await;
    assert_eq!(failed.state, BackupState::Failed);
    let name = largest.file_name().unwrap().to_str().unwrap();
    let reason = failed.failure.unwrap();
    assert!(reason.contains(name), "{reason}");
    let refused = second.offshoot(&["backup", "import", &backup.id, "--wait"]);
    assert!(!refused.status.success());
    assert!(text(&refused).contains(name), "{}", text(&refused));
    std::fs::write(largest, &whole).unwrap();
    assert!(server.stop().success());

    // With another key there is nothing to be had, and it is said which one it takes.
    std::fs::rename(
        second.data().join("backup.key"),
        second.data().join("old.key"),
    )
    .unwrap();
    let told = first.offshoot(&["admin", "backup-key"]);
    let right = text(&told);
    let right = right.split("backup key ").nth(1).unwrap();
    let right = &right[..16];
    let made = second.offshoot(&["admin", "backup-key"]);
    assert!(made.status.success(), "{}", text(&made));
    let server = second.serve().await;
    let refused = second.offshoot(&["backup", "import", &backup.id, "--wait"]);
    let said = text(&refused);
    assert!(
        !refused.status.success() && said.contains("OFS-1404"),
        "{said}"
    );
    assert!(said.contains(right), "{said}");
    let doctor = second.offshoot(&["doctor", "--quick"]);
    assert!(text(&doctor).contains(right), "{}", text(&doctor));
    assert!(server.stop().success());

    // Without a key no server starts that should have one.
    std::fs::remove_file(first.data().join("backup.key")).unwrap();
    let started = first.offshoot(&["serve"]);
    let said = text(&started);
    assert!(said.contains("offshoot admin backup-key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_goes_into_a_directory_and_comes_back() {
    let pools = (TestPool::btrfs(MIB), TestPool::copy());
    out_and_back(EngineKind::Mysql, pools.0, pools.1, Store::directory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_goes_into_a_bucket_and_comes_back() {
    let pools = (TestPool::xfs(MIB), TestPool::btrfs(MIB));
    out_and_back(EngineKind::Mariadb, pools.0, pools.1, Store::s3()).await;
}

/// When Offshoot is killed, in milliseconds after it was told to begin.
const MOMENTS: [u64; 5] = [0, 20, 80, 250, 700];

/// Killed while it copies, and while it fetches.
async fn killed(kind: EngineKind, pool: Option<TestPool>) {
    let (Some(pool), Some(store)) = (pool, Store::directory()) else {
        return;
    };
    let Some(home) = machine(kind, &pool, &store, None) else {
        return;
    };
    let mut server = home.serve().await;
    let held = rows(&server.client).await;
    let mut last = String::new();
    for moment in MOMENTS {
        let body = CreateBackup::default();
        let made = server
            .client
            .create_backup(MAIN, &body, Some(Wait(PATIENCE)));
        let id = made.await.unwrap().id;
        server = struck(&home, server, moment).await;
        exported(&home, &server.client, &id).await;
        last = id;
    }
    for (round, moment) in MOMENTS.into_iter().enumerate() {
        let name = format!("rescue{round}");
        let body = ImportBackup {
            database: Some(name.clone()),
        };
        let made = server.client.import_backup(ORG, &last, &body, None);
        let id = made.await.unwrap().id;
        server = struck(&home, server, moment).await;
        let of = BackupsOf {
            org: ORG,
            database: &name,
            branch: "main",
        };
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = server.client.show_backup(of, &id).await.unwrap();
            assert!(shown.state != BackupState::Failed, "{shown:?}");
            if shown.state == BackupState::Success {
                break;
            }
            assert!(Instant::now() < until, "{shown:?}: {}", home.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(restored(&server.client, &name, &id).await, held);
        let gone = server.client.delete_database(ORG, &name);
        gone.await.unwrap();
    }
    // What was imported is production as well, copied unasked, and its copy goes after its database.
    settled(&home, &store, MOMENTS.len()).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

async fn struck(home: &Home, server: Server, moment: u64) -> Server {
    tokio::time::sleep(Duration::from_millis(moment)).await;
    server.kill();
    home.serve().await
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_imports_of_mariadb_are_finished() {
    killed(EngineKind::Mariadb, TestPool::btrfs(2 * MIB)).await;
}
