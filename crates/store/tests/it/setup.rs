//! A store in a temporary directory, with one of each noun in it.

use jiff::Timestamp;
use offshoot_core::branch::{Branch, BranchState, QuotaState, Runtime, SafeMigrations, Seed};
use offshoot_core::credential::Verifier;
use offshoot_core::database::Database;
use offshoot_core::instance::{Accounts, Instance, InstanceSecret, Profile, Purpose, Wanted};
use offshoot_core::name::{BranchName, DatabaseName, OrganizationName};
use offshoot_core::organization::Organization;
use offshoot_core::password::{Password, Role};
use offshoot_core::volume::{StoredState, Volume, VolumeUse};
use offshoot_store::{Durability, MasterKey, Store, Tx};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub(crate) const KEY: [u8; 32] = [5; 32];

pub(crate) async fn open(dir: &Path) -> Store {
    let key = MasterKey::from_bytes(KEY);
    Store::open(&dir.join("offshoot.db"), key, Durability::Full)
        .await
        .unwrap()
}

/// Twelve characters that begin with `text`.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("{text:x<12}").parse().unwrap()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn volume(name: &str) -> Volume {
    Volume {
        id: id(name),
        node: id("node"),
        pool: id("pool"),
        engine: "mysql-9.7.4".parse().unwrap(),
        snapshot: None,
        purpose: VolumeUse::Branch,
        state: StoredState::Ready,
        created_at: at(1),
    }
}

pub(crate) fn instance(name: &str, of: &Branch) -> Instance {
    Instance {
        id: id(name),
        node: id("node"),
        pool: id("pool"),
        volume: of.volume,
        engine: of.engine,
        purpose: Purpose::Serve(of.id),
        profile: Profile::Development,
        wanted: Wanted::Up,
        secret: InstanceSecret::new([3; 32]),
        accounts: Accounts::Keep,
        copied: false,
        quiet: false,
        created_at: at(1),
    }
}

pub(crate) fn branch(name: &str, parent: Option<&str>) -> Branch {
    Branch {
        id: id(name),
        database_id: id("shop"),
        name: BranchName::parse(name).unwrap(),
        parent: parent.map(id),
        production: parent.is_none(),
        state: BranchState::Ready,
        seed: Seed::Schema,
        runtime: Runtime::Managed,
        engine: "mysql-9.7.4".parse().unwrap(),
        volume: id(&format!("v{name}")),
        instance: id(&format!("i{name}")),
        deletion_protected: false,
        labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        expires_at: None,
        sleep_after: Some(Duration::from_secs(7)),
        event_scheduler: true,
        size: Some(offshoot_core::size::Size::Ps20),
        max_connections: Some(7),
        disk_quota: Some(1 << 30),
        quota: QuotaState::Free,
        safe_migrations: SafeMigrations::Off,
        deleting: false,
        actor: "me".to_owned(),
        created_at: at(1),
        updated_at: at(1),
        schema_updated_at: None,
    }
}

pub(crate) fn password(name: &str, username: &str, of: &str) -> Password {
    Password {
        id: id(name),
        branch_id: id(of),
        name: name.to_owned(),
        username: username.to_owned(),
        verifier: Verifier::of(&SecretString::from("secret")),
        role: Role::Writer,
        cidrs: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        ttl: Some(Duration::from_secs(60)),
        expires_at: Some(at(100)),
        last_used_at: None,
        last_refused: None,
        actor: "me".to_owned(),
        created_at: at(1),
    }
}

pub(crate) async fn add(tx: &mut Tx, branch: &Branch) {
    let name = branch.name.as_str();
    tx.insert_volume(&volume(&format!("v{name}")))
        .await
        .unwrap();
    tx.insert_instance(&instance(&format!("i{name}"), branch))
        .await
        .unwrap();
    tx.insert_branch(branch).await.unwrap();
}

/// Organization `default`, database `shop`, branch `main`.
pub(crate) async fn fill(store: &Store) {
    let mut tx = store.write().await.unwrap();
    tx.insert_organization(&Organization {
        id: id("org"),
        name: OrganizationName::parse("default").unwrap(),
        created_at: at(1),
        updated_at: at(1),
    })
    .await
    .unwrap();
    tx.insert_database(&Database {
        id: id("shop"),
        organization_id: id("org"),
        name: DatabaseName::parse("shop").unwrap(),
        schema_name: "shop".to_owned(),
        engine: "mysql-9.7.4".parse().unwrap(),
        default_branch: id("main"),
        deletion_protected: false,
        allow_data_branching: true,
        require_seed_rules: true,
        deleting: false,
        created_at: at(1),
        updated_at: at(1),
    })
    .await
    .unwrap();
    add(&mut tx, &branch("main", None)).await;
    tx.commit().await.unwrap();
}
