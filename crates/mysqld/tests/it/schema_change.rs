//! A copy follows its parent: every kind of change, alone and all at once, on both engines.

use crate::schema::{assert_equal, reference, run, run_in, schemas, settled, sql_of};
use crate::schema_engine::{Engine, stand};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Profile;
use offshoot_schema::freshness::{changed, delta, whole};
use offshoot_schema::object::{CreationContext, ObjectKind, ObjectName, SchemaObject};
use offshoot_schema::port::{Delta, Fingerprint, Schemas};

fn changes(kind: EngineKind) -> String {
    let own = match kind {
        EngineKind::Mysql => include_str!("schema/changes_mysql.sql"),
        EngineKind::Mariadb => include_str!("schema/changes_mariadb.sql"),
    };
    format!("{}\n//\n{own}", include_str!("schema/changes.sql").trim())
}

/// Brings the copy from `old` to what the parent is now. Returns that and the names re-created.
async fn follow(parent: &Engine, copy: &Engine, old: &Fingerprint) -> (Fingerprint, Vec<String>) {
    let port = schemas(parent);
    let new = port.fingerprint(&parent.endpoint).await.unwrap();
    let found = changed(old, &new);
    let objects = port
        .read(&parent.endpoint, Some(&found.create))
        .await
        .unwrap();
    let steps = delta(&found, objects);
    schemas(copy).apply(&copy.endpoint, &steps).await.unwrap();
    let names = steps.create.iter().map(|o| o.name.to_string()).collect();
    (new, names)
}

async fn copies_follow(kind: EngineKind) {
    let Some(stand) = stand(kind) else {
        return;
    };
    let (parent, at_once, stepwise) = tokio::join!(
        Engine::start(&stand, Profile::Production),
        Engine::start(&stand, Profile::Development),
        Engine::start(&stand, Profile::Development)
    );
    run(&parent, &reference(kind)).await;
    run(&parent, include_str!("schema/changes_setup.sql")).await;
    let before = settled(&parent).await;
    let everything = whole(schemas(&parent).read(&parent.endpoint, None).await.unwrap());
    for copy in [&at_once, &stepwise] {
        schemas(copy)
            .apply(&copy.endpoint, &everything)
            .await
            .unwrap();
    }
    let (mut admin, mut system) = (parent.admin().await, parent.system().await);
    admin.execute("USE shop").await.unwrap();
    let mut last = before.clone();
    for change in sql_of(&changes(kind)) {
        run_in(&mut admin, &mut system, change).await;
        (last, _) = follow(&parent, &stepwise, &last).await;
        assert_equal(&parent, &stepwise, change).await;
    }
    let (_, recreated) = follow(&parent, &at_once, &before).await;
    assert_equal(&parent, &at_once, "all at once").await;
    for untouched in [
        "table `shop`.`by_range`",
        "procedure `shop`.`ansi proc`",
        "view `shop`.`orphan`",
    ] {
        assert!(
            !recreated.iter().any(|name| name == untouched),
            "{untouched}"
        );
    }
    let last = settled(&parent).await;
    let (_, recreated) = follow(&parent, &at_once, &last).await;
    assert!(recreated.is_empty(), "{recreated:?}");
    nothing_but_the_definition(&at_once).await;
    altered_tables_stay_in_sight(&parent).await;
}

/// A table under ALTER is always seen: MariaDB's files are renamed one after the other.
async fn altered_tables_stay_in_sight(parent: &Engine) {
    const ALTERS: usize = 25;
    let mut admin = parent.admin().await;
    admin
        .execute("CREATE TABLE shop.in_motion (i int)")
        .await
        .unwrap();
    let alter = tokio::spawn(async move {
        for _ in 0..ALTERS {
            let sql = "ALTER TABLE shop.in_motion FORCE, ALGORITHM=COPY";
            admin.execute(sql).await.unwrap();
        }
    });
    let port = schemas(parent);
    let table = ObjectName::new(ObjectKind::Table, "shop", "in_motion");
    while !alter.is_finished() {
        let print = port.fingerprint(&parent.endpoint).await.unwrap();
        assert!(print.objects.contains_key(&table));
    }
    alter.await.unwrap();
}

/// A definition that brings a second statement along is refused whole.
async fn nothing_but_the_definition(engine: &Engine) {
    let object = |ddl: &str| SchemaObject {
        name: ObjectName::new(ObjectKind::Table, "shop", "smuggler"),
        ddl: ddl.to_owned(),
        context: CreationContext::default(),
        table: None,
    };
    let steps = Delta {
        drop: Vec::new(),
        create: vec![object(
            "CREATE TABLE smuggler (i int); CREATE TABLE smuggled (i int)",
        )],
    };
    let error = schemas(engine)
        .apply(&engine.endpoint, &steps)
        .await
        .unwrap_err();
    assert!(!error.retry);
    assert!(
        error.refusal.public.contains("table `shop`.`smuggler`"),
        "{error}"
    );
    let print = schemas(engine).fingerprint(&engine.endpoint).await.unwrap();
    assert!(
        !print
            .objects
            .keys()
            .any(|name| name.name.starts_with("smug"))
    );
}

#[tokio::test]
async fn mysql_copies_follow_every_change() {
    copies_follow(EngineKind::Mysql).await;
}

#[tokio::test]
async fn mariadb_copies_follow_every_change() {
    copies_follow(EngineKind::Mariadb).await;
}
