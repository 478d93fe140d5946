//! Sessions that are ended from outside.

use crate::engine::{each, own};
use crate::raw::Raw;
use crate::speech::running;
use crate::world::{World, options};
use mysql_async::prelude::*;
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;
use offshoot_core::port::Sessions;
use offshoot_wire::{command, error, reply};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_password_ends_its_sessions_alone() {
    for engine in each() {
        let world = World::of(engine).await;
        let password = world.add("deleted", world.branch, Role::Admin, |_| {});
        let (mut idle, _) = Raw::in_as(world.address, "deleted").await;
        let (mut busy, _) = Raw::in_as(world.address, "deleted").await;
        let (mut other, _) = Raw::in_as(world.address, "admin").await;
        busy.query("SELECT SLEEP(88)").await;
        running(&world, "SELECT SLEEP(88)").await;
        let before = world.registry.traffic(world.branch);
        assert!(before.connections >= 3 && before.last_command.is_some());
        world.registry.close_password(password).await;
        for raw in [&mut idle, &mut busy] {
            let err = raw.error().await;
            assert_eq!(err.code, error::SERVER_SHUTDOWN);
            assert!(err.message.contains("password"));
            assert!(raw.closed().await);
        }
        assert_eq!(other.ask(&[command::PING]).await[0], reply::OK);
        world.registry.close_branch(world.branch).await;
        assert_eq!(other.error().await.code, error::SERVER_SHUTDOWN);
        assert!(other.closed().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_ends_lets_running_commands_finish() {
    for engine in each() {
        let mut world = World::of(engine).await;
        let (mut idle, _) = Raw::in_as(world.address, "admin").await;
        let mut busy = world.connect("admin").await;
        let slow = tokio::spawn(async move { busy.query_first("SELECT SLEEP(0.5)").await });
        running(&world, "SELECT SLEEP(0.5)").await;
        world.cancel.cancel();
        assert_eq!(idle.error().await.code, error::SERVER_SHUTDOWN);
        assert!(idle.closed().await);
        let slept: Option<u8> = slow.await.unwrap().unwrap();
        assert_eq!(slept, Some(0));
        world.served.take().unwrap().await.unwrap();
        assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_of_a_gateway_that_ends_has_an_end() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let mut hasty = options(engine);
    hasty.drain_grace = std::time::Duration::from_millis(100);
    let mut world = World::with(engine, hasty, false).await;
    let (mut busy, _) = Raw::in_as(world.address, "admin").await;
    busy.query("SELECT SLEEP(99)").await;
    running(&world, "SELECT SLEEP(99)").await;
    world.cancel.cancel();
    world.served.take().unwrap().await.unwrap();
    assert_eq!(busy.error().await.code, error::SERVER_SHUTDOWN);
    assert!(busy.closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_dies_takes_its_sessions_along() {
    let Some(engine) = own(EngineKind::Mariadb) else {
        return;
    };
    let world = World::of(&engine).await;
    let (mut raw, _) = Raw::in_as(world.address, "admin").await;
    drop(engine);
    assert!(raw.closed().await);
    let mut late = Raw::connect(world.address).await;
    let plugin = offshoot_wire::auth::Plugin::Native;
    let answers = late.log_in("admin", crate::world::SECRET, plugin).await;
    let err = reply::Err::parse(&answers.last().unwrap().1).unwrap();
    assert_eq!(err.code, error::UNKNOWN);
}
