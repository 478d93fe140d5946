//! Who is let in, how, and what the others see.

use crate::engine::{self, each};
use crate::raw::Raw;
use crate::world::{SECRET, World, id, now, options};
use mysql_async::prelude::*;
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;
use offshoot_core::port::AuthFailure;
use offshoot_gateway::RequireTls;
use offshoot_wire::auth::Plugin;
use offshoot_wire::greeting::Greeting;
use offshoot_wire::{capability as cap, error, reply};
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_is_let_in_with_either_plugin_on_either_engine() {
    for engine in each() {
        let world = World::of(engine).await;
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            let mut raw = Raw::connect(world.address).await;
            let answers = raw.log_in("admin", SECRET, plugin).await;
            let expected = match plugin {
                Plugin::Native => vec![(2, 0)],
                Plugin::CachingSha2 => vec![(2, 1), (3, 0)],
            };
            let seen: Vec<_> = answers.iter().map(|(s, p)| (*s, p[0])).collect();
            assert_eq!(seen, expected);
        }
        for role in Role::ALL {
            let mut conn = world.connect(role.as_str()).await;
            let (user, schema): (String, String) = conn
                .query_first("SELECT CURRENT_USER(), DATABASE()")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(user, format!("{}@localhost", role.account()));
            assert_eq!(schema, "shop");
            conn.disconnect().await.unwrap();
        }
        assert_eq!(world.routes.used.load(Relaxed), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_plugin_is_asked_to_switch() {
    for engine in each() {
        let world = World::of(engine).await;
        let offered = match engine.files.engine.kind {
            EngineKind::Mysql => Plugin::CachingSha2,
            EngineKind::Mariadb => Plugin::Native,
        };
        let other = match offered {
            Plugin::CachingSha2 => Plugin::Native,
            Plugin::Native => Plugin::CachingSha2,
        };
        for (named, expected) in [
            (other.name(), other),
            ("client_ed25519", Plugin::Native),
            ("mysql_clear_password", Plugin::CachingSha2),
        ] {
            let mut raw = Raw::connect(world.address).await;
            let greeting = raw.greeting().await;
            assert_eq!(greeting.plugin, offered.name().as_bytes());
            let mut login = Raw::login("admin", SECRET, other, &greeting.nonce);
            login.plugin = Some(named.into());
            login.response = Vec::new();
            let mut payload = Vec::new();
            login.encode(&mut payload);
            raw.send(1, &payload).await;
            let (_, payload) = raw.read().await.unwrap();
            let switch = offshoot_wire::switch::AuthSwitch::parse(&payload).unwrap();
            assert_eq!(switch.plugin, expected.name().as_bytes());
            assert_ne!(switch.nonce, greeting.nonce);
            raw.send(3, &expected.scramble(SECRET.as_bytes(), &switch.nonce))
                .await;
            assert_eq!(raw.rest().await.last().unwrap().1[0], reply::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_a_credential_the_client_sees_the_same() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let world = World::of(engine).await;
    let past = now() - std::time::Duration::from_secs(1);
    let branch = world.branch;
    world.add("aaaa", branch, Role::Admin, |_| {});
    world.add("bbbb", branch, Role::Admin, |c| c.expires_at = Some(past));
    world.add("cccc", branch, Role::Admin, |c| {
        c.cidrs = vec!["203.0.113.0/24".parse().unwrap()]
    });
    let cases = [
        ("aaaa", "wrong", AuthFailure::WrongSecret),
        ("bbbb", SECRET, AuthFailure::Expired),
        ("cccc", SECRET, AuthFailure::AddressNotAllowed),
        ("dddd", SECRET, AuthFailure::UnknownUser),
    ];
    for plugin in [Plugin::Native, Plugin::CachingSha2] {
        let mut seen = Vec::new();
        for (username, secret, why) in cases {
            let mut raw = Raw::connect(world.address).await;
            let mut answers = raw.log_in(username, secret, plugin).await;
            assert!(raw.closed().await);
            assert_eq!(world.last_refused(), Some(why));
            let (_, payload) = answers.last_mut().unwrap();
            let err = reply::Err::parse(payload).unwrap();
            assert_eq!(err.code, error::ACCESS_DENIED);
            assert_eq!(&err.state, b"28000");
            let text =
                format!("Access denied for user '{username}'@'127.0.0.1' (using password: YES)");
            assert_eq!(err.message, text);
            let text = String::from_utf8_lossy(payload).replace(username, "name");
            *payload = text.into_bytes();
            seen.push(answers);
        }
        assert!(seen.iter().all(|s| *s == seen[0]), "{seen:?}");
    }
    assert_eq!(
        world.routes.opened.load(Relaxed),
        0,
        "no branch is woken by it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_greeting_offers_what_all_engines_share() {
    for engine in each() {
        let kind = engine.files.engine.kind;
        let mut both = options(engine);
        both.engines = EngineKind::ALL.to_vec();
        let greet = async |options, bound| -> Greeting {
            let world = World::with(engine, options, bound).await;
            Raw::connect(world.address).await.greeting().await
        };
        let shared = greet(both.clone(), false).await;
        assert_eq!(shared.capabilities, cap::SHARED | cap::SSL | cap::COMPRESS);
        assert_eq!(shared.connection_id & 0x4000_0000, 0x4000_0000);
        let bound = greet(both, true).await;
        match kind {
            EngineKind::Mysql => {
                assert_ne!(bound.capabilities & cap::QUERY_ATTRIBUTES, 0);
                assert_eq!(
                    bound.version,
                    engine.files.engine.version.to_string().as_bytes()
                );
            }
            EngineKind::Mariadb => {
                assert_eq!(bound.capabilities & cap::LONG_PASSWORD, 0);
                assert_eq!(bound.extended, cap::mariadb::ALL);
                let expected = format!("5.5.5-{}-MariaDB", engine.files.engine.version);
                assert_eq!(bound.version, expected.as_bytes());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_turn_away_with_error_1040() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let mut few = options(engine);
    few.max_connections_per_branch = 2;
    few.max_connections = 3;
    let world = World::with(engine, few, false).await;
    let _one = Raw::in_as(world.address, "writer").await;
    let _two = Raw::in_as(world.address, "admin").await;
    // A place is free as soon as a client can see that its connection ended.
    for _ in 0..20 {
        let mut third = Raw::connect(world.address).await;
        let answers = third.log_in("writer", SECRET, Plugin::Native).await;
        let err = reply::Err::parse(&answers.last().unwrap().1).unwrap();
        assert_eq!(err.code, error::CON_COUNT);
        assert!(third.closed().await);
    }
    world.add("other", id("branch000002").into(), Role::Admin, |_| {});
    let _three = Raw::in_as(world.address, "other").await;
    let mut fourth = Raw::connect(world.address).await;
    assert_eq!(fourth.error().await.code, error::CON_COUNT);
    assert!(fourth.closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_from_elsewhere_need_tls_and_balancers_say_where_from() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let mut behind = options(engine);
    behind.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let world = World::with(engine, behind.clone(), false).await;
    let mut raw = Raw::connect(world.address).await;
    use tokio::io::AsyncWriteExt;
    let header = b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 7306\r\n";
    raw.stream.write_all(header).await.unwrap();
    let answers = raw.log_in("admin", SECRET, Plugin::Native).await;
    let err = reply::Err::parse(&answers[0].1).unwrap();
    assert_eq!(err.code, error::SECURE_TRANSPORT_REQUIRED);

    behind.require_tls = RequireTls::Never;
    let world = World::with(engine, behind, false).await;
    let allow = |c: &mut offshoot_core::port::Credential| {
        c.cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    };
    world.add("allowed", world.branch, Role::Admin, allow);
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    binary.extend_from_slice(&[203, 0, 113, 9, 127, 0, 0, 1, 0, 1, 0, 2]);
    for header in [&header[..], &binary] {
        let mut raw = Raw::connect(world.address).await;
        raw.stream.write_all(header).await.unwrap();
        let answers = raw.log_in("allowed", SECRET, Plugin::Native).await;
        assert_eq!(answers[0].1[0], reply::OK);
    }
    let mut raw = Raw::connect(world.address).await;
    raw.stream
        .write_all(b"\x20\0\0\x01 no header at all")
        .await
        .unwrap();
    assert_eq!(raw.error().await.code, error::BAD_HANDSHAKE);
    assert!(raw.closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_engine_or_the_branch_says_reaches_the_client() {
    for engine in each() {
        let world = World::of(engine).await;
        let refused = mysql_async::Conn::new(world.opts("admin").db_name(Some("missing"))).await;
        let Err(mysql_async::Error::Server(err)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(err.code, 1049);
        *world.routes.endpoint.lock().unwrap() = None;
        let refused = mysql_async::Conn::new(world.opts("admin")).await;
        let Err(mysql_async::Error::Server(err)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(err.code, 1105);
        assert_eq!(
            err.message,
            "branch \"x\" does not start; look at its logs (OFS-1008)"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mysql_client_speaks_tls_where_it_is_demanded() {
    for engine in each() {
        let mut strict = options(engine);
        strict.require_tls = RequireTls::Always;
        let world = World::with(engine, strict, false).await;
        for tls in [true, false] {
            let Some(command) = engine.files.client("mysql") else {
                return;
            };
            let mut command = tokio::process::Command::from(command);
            let mode = match (engine.files.engine.kind, tls) {
                (EngineKind::Mysql, true) => "--ssl-mode=REQUIRED",
                (EngineKind::Mysql, false) => "--ssl-mode=DISABLED",
                (EngineKind::Mariadb, true) => "--ssl",
                (EngineKind::Mariadb, false) => "--skip-ssl",
            };
            command
                .arg("--no-defaults")
                .args(["-h", "127.0.0.1", "-u", "admin", "shop", mode])
                .arg(format!("-P{}", world.address.port()))
                .args(["-e", "SELECT DATABASE(), REPEAT('x', 1000000)"])
                .env("MYSQL_PWD", SECRET);
            let done = command.output().await.unwrap();
            let errors = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.success(), tls, "{errors}");
            assert_eq!(errors.contains("3159"), !tls, "{errors}");
            assert_eq!(done.stdout.len() > 1_000_000, tls);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_login_is_closed() {
    let Some(engine) = engine::each().into_iter().next() else {
        return;
    };
    let mut hasty = options(engine);
    hasty.handshake_timeout = std::time::Duration::from_millis(50);
    let world = World::with(engine, hasty, false).await;
    let mut raw = Raw::connect(world.address).await;
    raw.greeting().await;
    assert!(raw.closed().await);
}
