//! What clients and engines say to each other through the gateway.

use crate::engine::{RealEngine, each};
use crate::raw::Raw;
use crate::world::{SECRET, World, id, table};
use mysql_async::prelude::*;
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;
use offshoot_core::port::AuthFailure;
use offshoot_wire::packet::{self, MAX_PAYLOAD};
use offshoot_wire::{command, error, reply};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_every_shape_work() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut conn = world.connect("admin").await;
        let t = table();
        conn.query_drop(format!(
            "CREATE TABLE {t} (id INT PRIMARY KEY, body LONGBLOB)"
        ))
        .await
        .unwrap();
        // Multi-statements with multi-results.
        let mut results = conn
            .query_iter("SELECT 1; SELECT 2, 3; DO 0; SELECT 4")
            .await
            .unwrap();
        let one: Vec<u8> = results.collect().await.unwrap();
        let two: Vec<(u8, u8)> = results.collect().await.unwrap();
        let none: Vec<u8> = results.collect().await.unwrap();
        let four: Vec<u8> = results.collect().await.unwrap();
        results.drop_result().await.unwrap();
        assert_eq!(
            (one, two, none, four),
            (vec![1], vec![(2, 3)], vec![], vec![4])
        );
        // Prepared statements, with packets beyond 16 MiB both ways.
        let body: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
        conn.exec_drop(format!("INSERT INTO {t} VALUES (?, ?)"), (1, &body))
            .await
            .unwrap();
        let back: Vec<u8> = conn
            .exec_first(format!("SELECT body FROM {t} WHERE id = ?"), (1,))
            .await
            .unwrap()
            .unwrap();
        assert!(back == body);
        // A text of more than 16 MiB.
        let length: usize = conn
            .query_first(format!("SELECT LENGTH('{}')", "x".repeat(17_000_000)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(length, 17_000_000);
        // Many rows, errors, warnings.
        let sum: Vec<u64> = conn
            .query("WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i+1 FROM n WHERE i < 900) SELECT a.i FROM n a JOIN n b")
            .await
            .unwrap();
        assert_eq!(sum.len(), 810_000);
        let Err(mysql_async::Error::Server(err)) = conn.query_drop("SELECT nonsense").await else {
            panic!("an error")
        };
        assert_eq!(err.code, 1054);
        assert!(conn.reset().await.unwrap());
        conn.ping().await.unwrap();
        conn.disconnect().await.unwrap();
    }
}

/// The `mysql` program of an engine, speaking to a gateway.
fn mysql(engine: &RealEngine, world: &World, arguments: &[&str]) -> Option<Command> {
    let mut command = Command::from(engine.files.client("mysql")?);
    command
        .arg("--no-defaults")
        .args(["-h", "127.0.0.1", "-u", "admin", "shop"])
        .arg(format!("-P{}", world.address.port()))
        .args(arguments)
        .env("MYSQL_PWD", SECRET)
        .kill_on_drop(true);
    Some(command)
}

async fn output(mut command: Command) -> String {
    let done = command.output().await.unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_load_whatever_is_in_them_compressed_or_not() {
    for engine in each() {
        let world = World::of(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        // More than 255 packets, so that sequence numbers wrap to zero within the content.
        let line = format!("\u{3}KILL {}\n", 0x4000_0001u32);
        std::fs::write(&path, line.repeat(400_000)).unwrap();
        for compressed in [false, true] {
            let t = table();
            let text = format!(
                "CREATE TABLE {t} (line TEXT); \
                 LOAD DATA LOCAL INFILE '{}' INTO TABLE {t}; \
                 SELECT COUNT(*), MIN(line) = MAX(line), MAX(LENGTH(line)) FROM {t}; \
                 SELECT REPEAT('abc', 1000000)",
                path.display()
            );
            let mut arguments = vec!["-N", "--local-infile=1", "-e", &text];
            if compressed {
                arguments.push("--compress");
            }
            let Some(command) = mysql(engine, &world, &arguments) else {
                return;
            };
            let out = output(command).await;
            let (counts, long) = out.trim().split_once('\n').unwrap();
            assert_eq!(counts, format!("400000\t1\t{}", line.len() - 1));
            assert_eq!(long.len(), 3_000_000);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_full_packets_is_not_taken_for_commands() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut raw, _) = Raw::in_as(world.address, "admin").await;
        let t = table();
        let create = format!("\x03CREATE TABLE shop.{t} (line LONGTEXT)");
        let answer = raw.ask(create.as_bytes()).await;
        assert_eq!(answer[0], reply::OK, "{}", String::from_utf8_lossy(&answer));
        let load = format!("\x03LOAD DATA LOCAL INFILE 'any' INTO TABLE shop.{t}");
        assert_eq!(raw.ask(load.as_bytes()).await[0], reply::LOCAL_FILE);
        let mut content = vec![b'x'; MAX_PAYLOAD];
        content[MAX_PAYLOAD - 1] = b'\n';
        let mut bytes = vec![0xff, 0xff, 0xff, 2];
        bytes.extend_from_slice(&content);
        // The empty continuation, content that looks like a command, the end.
        packet::put(&mut bytes, 3, |_| {});
        packet::put(&mut bytes, 4, |p| {
            p.extend_from_slice(b"\x03KILL 1073741825\n")
        });
        packet::put(&mut bytes, 5, |_| {});
        raw.stream.write_all(&bytes).await.unwrap();
        let (_, answer) = raw.read().await.unwrap();
        let ok = reply::Ok::parse(&answer).unwrap();
        assert_eq!(ok.affected_rows, 2);
        let mut conn = world.connect("admin").await;
        let lengths: Vec<u64> = conn
            .query(format!("SELECT LENGTH(line) FROM {t}"))
            .await
            .unwrap();
        assert_eq!(lengths, [MAX_PAYLOAD as u64 - 1, 16]);
        // An empty file.
        assert_eq!(raw.ask(load.as_bytes()).await[0], reply::LOCAL_FILE);
        raw.send(2, b"").await;
        let (_, answer) = raw.read().await.unwrap();
        assert_eq!(answer[0], reply::OK, "{}", String::from_utf8_lossy(&answer));
        assert_eq!(raw.ask(&[command::PING]).await[0], reply::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_by_the_id_of_the_greeting_reaches_its_session() {
    for engine in each() {
        let world = World::of(engine).await;
        for by_command in [false, true] {
            let (mut victim, id) = Raw::in_as(world.address, "admin").await;
            let (mut killer, _) = Raw::in_as(world.address, "admin").await;
            let kill = format!("\x03/* cancel */ KILL QUERY {id}");
            if !by_command {
                victim.query("SELECT SLEEP(100)").await;
                running(&world, "SELECT SLEEP(100)").await;
                assert_eq!(killer.ask(kill.as_bytes()).await[0], reply::OK);
                // The killed SLEEP answers in its own way, but at once.
                victim.read().await.unwrap();
            }
            let mut kill = vec![command::PROCESS_KILL];
            kill.extend_from_slice(&id.to_le_bytes());
            let answer = killer.ask(&kill).await;
            if answer[0] == reply::OK {
                while !victim.closed().await {}
            } else {
                // MySQL 9 does not have the command any more.
                let text = format!("\x03KILL {id}");
                assert_eq!(killer.ask(text.as_bytes()).await[0], reply::OK);
                while !victim.closed().await {}
            }
            let text = format!("\x03KILL {}", 0x7000_0000);
            let answer = killer.ask(text.as_bytes()).await;
            let err = reply::Err::parse(&answer).unwrap();
            assert_eq!(err.code, error::NO_SUCH_THREAD);
        }
        // A session of another branch is unknown.
        let other = id("branch000002").into();
        world.add("other", other, Role::Admin, |_| {});
        let (_victim, foreign) = Raw::in_as(world.address, "other").await;
        let (mut killer, _) = Raw::in_as(world.address, "admin").await;
        let answer = killer.ask(format!("\x03KILL {foreign}").as_bytes()).await;
        assert_eq!(
            reply::Err::parse(&answer).unwrap().code,
            error::NO_SUCH_THREAD
        );
    }
}

/// Waits until the engine runs a statement.
pub(crate) async fn running(world: &World, statement: &str) {
    let mut conn = world.connect("admin").await;
    loop {
        let texts: Vec<Option<String>> = conn
            .query("SELECT INFO FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()")
            .await
            .unwrap();
        if texts.iter().flatten().any(|t| t == statement) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_in_the_mysql_client_cancels() {
    for engine in each() {
        let world = World::of(engine).await;
        let arguments = ["-n", "-N", "--force", "--sigint-ignore"];
        let Some(mut command) = mysql(engine, &world, &arguments[..3]) else {
            return;
        };
        let mut client = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let sleep = "SELECT SLEEP(333)";
        input
            .write_all(format!("{sleep};\nSELECT 'after';\n").as_bytes())
            .await
            .unwrap();
        running(&world, sleep).await;
        let pid = rustix::process::Pid::from_raw(client.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        drop(input);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push(line);
        }
        // Some versions leave after Ctrl-C in a batch, but all cancel: nobody waits 333 seconds.
        let mut errors = String::new();
        client
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .await
            .unwrap();
        client.wait().await.unwrap();
        let mut conn = world.connect("admin").await;
        let texts: Vec<Option<String>> = conn
            .query("SELECT INFO FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()")
            .await
            .unwrap();
        assert!(
            !texts.iter().flatten().any(|t| t == sleep),
            "{seen:?} {errors}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_user_stays_in_the_branch() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut raw, _) = Raw::in_as(world.address, "admin").await;
        raw.ask(b"\x03SET @a = 1").await;
        for (username, plugin) in [
            ("reader", offshoot_wire::auth::Plugin::Native),
            ("readwriter", offshoot_wire::auth::Plugin::CachingSha2),
        ] {
            let answers = change_user(&mut raw, username, plugin).await;
            assert_eq!(answers.last().unwrap().1[0], reply::OK, "{answers:?}");
            let sequence = answers.last().unwrap().0;
            assert_eq!(usize::from(sequence), 2 + answers.len());
        }
        raw.query("SELECT CONCAT(CURRENT_USER(), '/', DATABASE(), '/', IFNULL(@a, 'none'))")
            .await;
        let row = loop {
            let (_, payload) = raw.read().await.unwrap();
            if payload.windows(4).any(|w| w == b"none") && !payload.windows(3).any(|w| w == b"def")
            {
                break String::from_utf8_lossy(&payload).into_owned();
            }
        };
        assert!(
            row.contains("offshoot_readwriter@localhost/shop/none"),
            "{row}"
        );

        let other = id("branch000002").into();
        world.add("other", other, Role::Admin, |_| {});
        for (username, why) in [
            ("other", AuthFailure::OtherBranch),
            ("nobody", AuthFailure::UnknownUser),
        ] {
            let (mut raw, _) = Raw::in_as(world.address, "admin").await;
            let plugin = offshoot_wire::auth::Plugin::CachingSha2;
            let answers = change_user(&mut raw, username, plugin).await;
            let err = reply::Err::parse(&answers.last().unwrap().1).unwrap();
            assert_eq!(err.code, error::ACCESS_DENIED);
            assert!(err.message.contains(username));
            assert_eq!(world.last_refused(), Some(why));
            assert!(raw.closed().await);
        }
        if engine.files.engine.kind == EngineKind::Mysql {
            let mut conn = world.connect("admin").await;
            conn.change_user(Default::default()).await.unwrap();
            conn.ping().await.unwrap();
        }
    }
}

async fn change_user(
    raw: &mut Raw,
    username: &str,
    plugin: offshoot_wire::auth::Plugin,
) -> Vec<(u8, Vec<u8>)> {
    let change = command::ChangeUser {
        username: username.into(),
        schema: Some(b"shop".to_vec()),
        charset: Some(45),
        plugin: Some(plugin.name().into()),
        ..command::ChangeUser::default()
    };
    let mut payload = Vec::new();
    change.encode(0, &mut payload);
    raw.send(0, &payload).await;
    let (sequence, payload) = raw.read().await.unwrap();
    assert_eq!(sequence, 1);
    let switch = offshoot_wire::switch::AuthSwitch::parse(&payload).unwrap();
    assert_eq!(switch.plugin, plugin.name().as_bytes());
    raw.send(2, &plugin.scramble(SECRET.as_bytes(), &switch.nonce))
        .await;
    raw.rest().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_operators_are_refused_and_the_session_goes_on() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut raw, _) = Raw::in_as(world.address, "admin").await;
        for (code, expected) in [
            (0x12, error::SPECIFIC_ACCESS_DENIED),
            (0x1e, error::SPECIFIC_ACCESS_DENIED),
            (0x15, error::SPECIFIC_ACCESS_DENIED),
            (0x08, error::SPECIFIC_ACCESS_DENIED),
            (0x20, error::SPECIFIC_ACCESS_DENIED),
            (0x10, error::UNKNOWN_COMMAND),
            (0x77, error::UNKNOWN_COMMAND),
        ] {
            let answer = raw.ask(&[&[code][..], &[7; 500]].concat()).await;
            assert_eq!(reply::Err::parse(&answer).unwrap().code, expected, "{code}");
        }
        assert_eq!(raw.ask(&[command::PING]).await[0], reply::OK);
    }
}
