//! Users' schemas, made and dropped in engines that run.

use crate::schema_engine::{Engine, stand};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Profile;
use offshoot_core::port::Instances;
use offshoot_mysqld::schema::EngineSchemas;
use offshoot_schema::port::Schemas;

async fn made_and_dropped(kind: EngineKind) {
    let Some(stand) = stand(kind) else { return };
    let engine = Engine::start(&stand, Profile::Production).await;
    let endpoint = &engine.endpoint;
    let schemas = EngineSchemas::new(|_| None);
    let position = async || stand.supervisor.position(endpoint).await.unwrap();
    let list = async || schemas.list_schemas(endpoint).await.unwrap();
    assert!(list().await.is_empty());

    let before = position().await;
    // A name that needs quotes, and one that is a word of the language.
    for name in ["odd `name", "select"] {
        assert!(schemas.create_schema(endpoint, name).await.unwrap());
        assert!(!schemas.create_schema(endpoint, name).await.unwrap());
    }
    assert_eq!(list().await, ["odd `name", "select"]);
    // A copy of the branch's history has to have them.
    assert_ne!(position().await, before);

    // The branch's admin works in it, without a grant of its own.
    let mut admin = engine.admin().await;
    admin
        .execute("CREATE TABLE `select`.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    admin
        .execute("INSERT INTO `select`.t VALUES (1)")
        .await
        .unwrap();
    let before = position().await;
    for name in ["odd `name", "select"] {
        assert!(schemas.drop_schema(endpoint, name).await.unwrap());
        assert!(!schemas.drop_schema(endpoint, name).await.unwrap());
    }
    assert!(list().await.is_empty());
    assert_ne!(position().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_mysql_are_made_and_dropped() {
    made_and_dropped(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_mariadb_are_made_and_dropped() {
    made_and_dropped(EngineKind::Mariadb).await;
}
