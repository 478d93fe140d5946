//! Shadows of real production branches: a writer goes on while live branches and backups are taken of the
//! shadow, and each has an exact prefix of what was written, with everything from before it was asked for.

use crate::data::{MIB, branch, home, live, only_main_is_left};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect, kill, listing, text};
use crate::story::database;
use crate::writer::{MAIN, Writer, begin, prefix, transactions, wait_for};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    Copied, CreateBackup, CreateBranch, CreatePassword, CreateShadow, Shadow, ShadowState,
    UpdateShadow,
};
use offshoot_client::{Client, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::time::{Duration, Instant};

const LIVE_BRANCHES: usize = 6;

/// A server that archives every second.
fn archiving(kind: EngineKind, pool: &TestPool) -> Option<Home> {
    let mut home = home(kind, pool)?;
    home.config.push_str("binlog_interval = \"1s\"\n");
    Some(home)
}

/// Gives `main` a shadow and waits until it follows.
async fn follow(client: &Client, every: Option<i64>, home: &Home) -> Shadow {
    let body = CreateShadow {
        every_seconds: every,
    };
    let made = client.create_shadow(ORG, "shop", "main", &body, Some(Wait(PATIENCE)));
    let made = made.await.unwrap();
    assert_eq!(
        made.state,
        ShadowState::Following,
        "{made:?}: {}",
        home.log()
    );
    made
}

async fn shown(client: &Client) -> Shadow {
    client.show_shadow(ORG, "shop", "main").await.unwrap()
}

/// It was taken of the shadow: its parent's engine never stood still.
fn of_shadow(copied: Option<Copied>) {
    let copied = copied.expect("its parent was copied");
    assert_eq!((copied.method.as_str(), copied.pause_ms), ("shadow", 0));
}

/// A live branch of the shadow: its length, which is that of the position that is recorded with it.
async fn taken(client: &Client, name: &str, base: u64) -> u64 {
    let (made, password) = branch(client, name, "main", live).await;
    let origin = made.origin.expect("it has data");
    of_shadow(origin.copied);
    let last = prefix(&password).await;
    let position = origin.position.expect("its position is known");
    assert_eq!(transactions(&position), base + last, "{name}: {position:?}");
    let gone = client.delete_branch(ORG, "shop", name, false);
    gone.await.unwrap();
    last
}

async fn copies_are_prefixes(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = archiving(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let password = database(client).await;
    let mut main = connect(&password).await.unwrap();
    let base = begin(client, &mut main).await;
    let made = follow(client, None, &home).await;
    assert_eq!(made.made_of.as_deref(), Some("frozen"), "{made:?}");

    let writer = Writer::start(main);
    let mut backups = Vec::new();
    for n in 0..LIVE_BRANCHES {
        if n % 3 == 0 {
            let body = CreateBackup::default();
            let before = writer.written();
            let made = client.create_backup(MAIN, &body, None).await.unwrap();
            backups.push((before, made));
        }
        let before = writer.written();
        let last = taken(client, &format!("live{n}"), base).await;
        let after = writer.written() + 1;
        assert!((before..=after).contains(&last), "{before} {last} {after}");
    }
    for (before, backup) in &backups {
        let backup = wait_for(client, backup).await;
        of_shadow(backup.copied);
        let seed = |body: &mut CreateBranch| body.backup_id = Some(backup.id.clone());
        let (restored, password) = branch(client, "restored", "main", seed).await;
        let last = prefix(&password).await;
        assert!(*before <= last, "{before} {last}");
        assert_eq!(
            transactions(&restored.origin.unwrap().position.unwrap()),
            base + last
        );
        let gone = client.delete_branch(ORG, "shop", "restored", false);
        gone.await.unwrap();
    }
    let written = writer.end().await;
    assert!(written > 50, "{written}");
    // All of it is there when nothing is written any more; nobody waits for the archive.
    assert_eq!(taken(client, "end", base).await, written);
    let shadow = shown(client).await;
    assert_eq!(shadow.copies, 7 + backups.len() as i64, "{shadow:?}");
    assert_eq!(shadow.passed_over_at, None, "{shadow:?}");
    client.delete_shadow(ORG, "shop", "main").await.unwrap();
    assert!(
        client
            .show_shadow(ORG, "shop", "main")
            .await
            .unwrap_err()
            .not_found()
    );
    assert!(server.stop().success());
    let log = home.log();
    assert!(!log.contains("step failed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_shadow_are_prefixes_of_mysql() {
    copies_are_prefixes(EngineKind::Mysql, TestPool::btrfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_shadow_are_prefixes_of_mariadb() {
    copies_are_prefixes(EngineKind::Mariadb, TestPool::xfs(2 * MIB)).await;
}

/// A process whose command line has the setting that only engines of shadows have.
fn engine_of_shadow(home: &Home) -> Option<i32> {
    home.processes().into_iter().find(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("--innodb-max-dirty-pages-pct=10")
    })
}

/// Adds links to the chain until the server is gone. Returns how many were acknowledged.
async fn write_on(mut session: Conn) -> u64 {
    let sql = "INSERT INTO chain SELECT n + 1, SHA2(CONCAT(h, n + 1), 256) FROM chain \
               ORDER BY n DESC LIMIT 1";
    let mut acknowledged = 0;
    while session.query_drop(sql).await.is_ok() {
        acknowledged += 1;
    }
    acknowledged
}

async fn length(session: &mut Conn) -> u64 {
    let last: Option<u64> = session
        .query_first("SELECT MAX(n) FROM chain")
        .await
        .unwrap();
    last.expect("a chain has a link")
}

/// Waits until the shadow has all that is in the chain. Returns it.
async fn up_to(client: &Client, home: &Home, transactions_there: u64) -> Shadow {
    let until = Instant::now() + PATIENCE;
    loop {
        let shadow = shown(client).await;
        let has = shadow.position.as_ref().map(transactions);
        if shadow.state == ShadowState::Following && has == Some(transactions_there) {
            return shadow;
        }
        assert!(
            Instant::now() < until,
            "{transactions_there}: {shadow:?}: {}",
            home.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ready(home: &Home, server: &Server, name: &str) {
    let until = Instant::now() + PATIENCE;
    let client = &server.client;
    while !client.show_branch(ORG, "shop", name).await.unwrap().ready {
        assert!(Instant::now() < until, "{name}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Offshoot is killed while the shadow is fed, stopped and copied; then the shadow's engine; then what it
/// would have to be given next is damaged. Nothing is ever at another position than it says.
async fn survives(kind: EngineKind, pool: Option<TestPool>, moments: &[u64]) {
    let Some(pool) = pool else { return };
    let Some(home) = archiving(kind, &pool) else {
        return;
    };
    let mut server = home.serve().await;
    let password = database(&server.client).await;
    let mut main = connect(&password).await.unwrap();
    let base = begin(&server.client, &mut main).await;
    follow(&server.client, None, &home).await;
    main.disconnect().await.unwrap();
    for (round, moment) in moments.iter().enumerate() {
        let mut main = connect(&password).await.unwrap();
        let before = length(&mut main).await;
        let writer = tokio::spawn(write_on(main));
        let name = format!("live{round}");
        let mut body = CreateBranch {
            name: Some(name.clone()),
            ..CreateBranch::default()
        };
        live(&mut body);
        let made = server.client.create_branch(ORG, "shop", &body, None);
        assert!(!made.await.unwrap().ready);
        tokio::time::sleep(Duration::from_millis(*moment)).await;
        server.kill();
        let acknowledged = before + writer.await.unwrap();

        server = home.serve().await;
        let client = &server.client;
        ready(&home, &server, &name).await;
        let body = CreatePassword::default();
        let way = client.create_password(ORG, "shop", &name, &body);
        let last = prefix(&way.await.unwrap()).await;
        let made = client.show_branch(ORG, "shop", &name).await.unwrap();
        let position = made.origin.unwrap().position.unwrap();
        assert_eq!(
            transactions(&position),
            base + last,
            "{round}: {position:?}"
        );
        assert!(before <= last, "{round}: {before} {last}");
        let mut main = connect(&password).await.unwrap();
        let there = length(&mut main).await;
        main.disconnect().await.unwrap();
        assert!(acknowledged <= there, "{round}: {acknowledged} {there}");
        up_to(client, &home, base + there).await;
        client
            .delete_branch(ORG, "shop", &name, false)
            .await
            .unwrap();
    }
    let client = &server.client;
    let mut main = connect(&password).await.unwrap();
    let link = "INSERT INTO chain SELECT n + 1, SHA2(CONCAT(h, n + 1), 256) FROM chain \
                ORDER BY n DESC LIMIT 1";
    // Its engine ends while it may be applying: it goes on where its data stands.
    main.query_drop(link).await.unwrap();
    let there = length(&mut main).await;
    let made = up_to(client, &home, base + there).await;
    let engine = engine_of_shadow(&home).expect("its engine runs");
    for _ in 0..20 {
        main.query_drop(link).await.unwrap();
    }
    kill(engine);
    for _ in 0..20 {
        main.query_drop(link).await.unwrap();
    }
    let there = there + 40;
    let after = up_to(client, &home, base + there).await;
    assert_eq!(after.made_at, made.made_at, "{after:?}");
    assert_eq!(taken(client, "after", base).await, there);

    // What it would be given next cannot be read: it is passed over, and made again.
    let seldom = UpdateShadow {
        every_seconds: Some(Some(43_200)),
    };
    client
        .update_shadow(ORG, "shop", "main", &seldom)
        .await
        .unwrap();
    let archive = home.data().join("backups/binlogs");
    let objects = listing(&archive).len();
    main.query_drop(link).await.unwrap();
    let until = Instant::now() + PATIENCE;
    while listing(&archive).len() == objects {
        assert!(Instant::now() < until, "{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let newest = listing(&archive)
        .into_iter()
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .expect("an object");
    let mut bytes = std::fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let (direct, way) = branch(client, "direct", "main", live).await;
    let origin = direct.origin.unwrap();
    assert_eq!(origin.copied.unwrap().method, "frozen");
    assert_eq!(transactions(&origin.position.unwrap()), base + there + 1);
    assert_eq!(prefix(&way).await, there + 1);
    let passed = shown(client).await;
    let why = passed.passed_over_reason.as_deref().unwrap_or_default();
    let name = newest.file_name().unwrap().to_string_lossy();
    assert!(why.contains(&*name), "{passed:?}");
    let again = up_to(client, &home, base + there + 1).await;
    assert!(again.made_at > made.made_at, "{again:?}");
    assert_eq!(taken(client, "later", base).await, there + 1);

    let audit = home.offshoot(&["audit-log", "list", "--action", "shadow.broken"]);
    assert!(text(&audit).contains("shadow.broken"), "{}", text(&audit));
    let cli = home.offshoot(&[
        "branch", "shadow", "show", "shop", "main", "--format", "json",
    ]);
    assert!(
        text(&cli).contains("\"state\": \"following\""),
        "{}",
        text(&cli)
    );
    main.disconnect().await.unwrap();
    let cli = home.offshoot(&["branch", "shadow", "delete", "shop", "main", "--force"]);
    assert!(cli.status.success(), "{}", text(&cli));
    client
        .delete_branch(ORG, "shop", "direct", false)
        .await
        .unwrap();
    only_main_is_left(&home, &pool).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn shadows_of_mysql_survive() {
    let moments = [0, 60, 300, 900, 1_500];
    survives(EngineKind::Mysql, TestPool::xfs(2 * MIB), &moments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shadows_of_mariadb_survive() {
    let moments = [0, 30, 80, 160, 300, 600];
    survives(EngineKind::Mariadb, TestPool::btrfs(2 * MIB), &moments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_copies_in_full_has_no_shadows() {
    let Some(pool) = TestPool::copy() else { return };
    let Some(home) = archiving(EngineKind::Mariadb, &pool) else {
        return;
    };
    let server = home.serve().await;
    database(&server.client).await;
    let cli = home.offshoot(&["branch", "shadow", "create", "shop", "main", "--wait"]);
    assert_eq!(cli.status.code(), Some(2), "{}", text(&cli));
    assert!(text(&cli).contains("OFS-1117"), "{}", text(&cli));
    assert!(server.stop().success());
}
