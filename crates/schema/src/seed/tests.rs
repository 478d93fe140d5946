//! Plans as tables: rules and tables in, statements or problems out.

use super::*;
use offshoot_core::seed_rules::Rules;

fn column(text: &str) -> Column {
    let mut words = text.split(' ');
    let (name, kind) = (words.next().unwrap(), words.next().unwrap());
    let (data_type, length) = match kind.split_once('(') {
        Some((t, n)) => (t, n.trim_end_matches(')').parse().ok()),
        None => (kind, (kind == "text").then_some(65535)),
    };
    let rest: Vec<&str> = words.collect();
    Column {
        name: name.into(),
        data_type: data_type.into(),
        length,
        unsigned: rest.contains(&"unsigned"),
        nullable: !rest.contains(&"not_null"),
        generated: rest.contains(&"generated"),
        auto_increment: rest.contains(&"counts"),
        on_update: rest.contains(&"moves"),
    }
}

fn table(name: &str, columns: &[&str], unique: &[&str]) -> TableFacts {
    let part = |text: &str| match text.split_once('(') {
        Some((name, n)) => KeyPart {
            column: Some(name.into()),
            prefix: n.trim_end_matches(')').parse().ok(),
        },
        None => KeyPart {
            column: Some(text.into()),
            prefix: None,
        },
    };
    let (schema, name) = name.split_once('.').unwrap_or(("shop", name));
    TableFacts {
        table: TableName::new(schema, name),
        kind: TableKind::Base,
        engine: "InnoDB".into(),
        columns: columns.iter().map(|c| column(c)).collect(),
        unique: unique
            .iter()
            .map(|key| {
                let (name, parts) = key.split_once(':').unwrap();
                UniqueKey {
                    name: name.into(),
                    parts: parts.split(',').map(part).collect(),
                }
            })
            .collect(),
        counter: None,
        sampled: Vec::new(),
    }
}

fn key(name: &str, child: (&str, &str), parent: (&str, &str), on_delete: OnDelete) -> ForeignKey {
    let split = |c: &str| c.split(',').map(str::to_owned).collect();
    ForeignKey {
        name: name.into(),
        child: TableName::new("shop", child.0),
        columns: split(child.1),
        parent: TableName::new("shop", parent.0),
        parent_columns: split(parent.1),
        on_delete,
    }
}

/// Users with orders (refused), carts (cascade), visits (set null) and friends of their own kind.
fn shop(engine: EngineKind) -> SeedFacts {
    let mut sessions = table(
        "sessions",
        &["id bigint not_null counts", "user_id bigint"],
        &[],
    );
    sessions.counter = Some(42);
    let mut users = table(
        "users",
        &[
            "id bigint not_null counts",
            "code varchar(40) not_null",
            "email varchar(100) not_null",
            "Name varchar(80)",
            "phone varchar(10)",
            "age tinyint unsigned",
            "lower_email varchar(100) generated",
            "updated timestamp moves",
            "kind enum",
            "token binary(16)",
            "short varbinary(8)",
        ],
        &["PRIMARY:id", "code:code", "mail:email(20)"],
    );
    users.sampled = vec!["email".into(), "age".into()];
    let mut view = table("active", &["id bigint"], &[]);
    view.kind = TableKind::View;
    let mut remote = table("remote", &["email varchar(100)"], &[]);
    remote.engine = "FEDERATED".into();
    SeedFacts {
        engine,
        tables: vec![
            view,
            table(
                "carts",
                &["id bigint", "user_code varchar(40)"],
                &["PRIMARY:id"],
            ),
            table(
                "orders",
                &["id bigint", "user_code varchar(40) not_null"],
                &["PRIMARY:id"],
            ),
            remote,
            sessions,
            users,
            table(
                "visits",
                &["user_code varchar(40)", "at timestamp moves"],
                &[],
            ),
            table("other.log", &["email varchar(100)", "text text"], &[]),
        ],
        foreign_keys: vec![
            key(
                "c",
                ("carts", "user_code"),
                ("users", "code"),
                OnDelete::Cascade,
            ),
            key(
                "o",
                ("orders", "user_code"),
                ("users", "code"),
                OnDelete::Refuse,
            ),
            key(
                "v",
                ("visits", "user_code"),
                ("users", "code"),
                OnDelete::SetNull,
            ),
        ],
    }
}

fn planned(json: &str, facts: &SeedFacts) -> SeedPlan {
    let rules: Rules = serde_json::from_str(json).unwrap();
    plan(&rules, facts, "shop").unwrap()
}

fn statements(plan: &SeedPlan) -> Vec<String> {
    let all = plan.steps.iter().flat_map(Step::statements);
    all.map(str::to_owned).collect()
}

fn problems(json: &str, facts: &SeedFacts) -> Vec<String> {
    let rules: Rules = serde_json::from_str(json).unwrap();
    let problems = plan(&rules, facts, "shop").unwrap_err();
    problems
        .into_iter()
        .map(|p| format!("{}: {}", p.at.join("/"), p.why))
        .collect()
}

#[test]
fn rows_go_parents_first_and_children_follow() {
    let facts = shop(EngineKind::Mysql);
    let plan = planned(
        r#"{"tables": {"users": {"where": "id < 10"}, "carts": {"where": "id > 1"}, "sessions": "empty"}}"#,
        &facts,
    );
    assert_eq!(
        statements(&plan),
        [
            "DELETE FROM `shop`.`users` WHERE (id < 10) IS NOT TRUE",
            "DELETE FROM `shop`.`carts` WHERE (id > 1) IS NOT TRUE",
            "DELETE c FROM `shop`.`carts` c LEFT JOIN `shop`.`users` p ON p.`code` = c.`user_code` \
             WHERE c.`user_code` IS NOT NULL AND p.`code` IS NULL",
            "UPDATE `shop`.`visits` c LEFT JOIN `shop`.`users` p ON p.`code` = c.`user_code` \
             SET c.`user_code` = NULL, c.`at` = c.`at` WHERE c.`user_code` IS NOT NULL AND p.`code` IS NULL",
            "TRUNCATE TABLE `shop`.`sessions`",
            "ALTER TABLE `shop`.`sessions` AUTO_INCREMENT = 42",
            "SELECT COUNT(*) FROM `shop`.`orders` c LEFT JOIN `shop`.`users` p ON p.`code` = c.`user_code` \
             WHERE c.`user_code` IS NOT NULL AND p.`code` IS NULL",
            "ANALYZE NO_WRITE_TO_BINLOG TABLE `shop`.`users` DROP HISTOGRAM ON `email`, `age`",
        ]
    );
    let Some(Step::Check(check)) = plan.steps.iter().find(|s| matches!(s, Step::Check(_))) else {
        panic!("a foreign key is checked");
    };
    assert_eq!(
        check.hint,
        "give table shop.orders a where too, such as: user_code IN (SELECT code FROM shop.users)"
    );
}

#[test]
fn emptied_parents_take_their_children_along() {
    let facts = shop(EngineKind::Mysql);
    let plan = planned(
        r#"{"tables": {"users": "empty", "orders": "empty"}}"#,
        &facts,
    );
    assert_eq!(
        statements(&plan)[..4],
        [
            "DELETE c FROM `shop`.`carts` c WHERE c.`user_code` IS NOT NULL",
            "UPDATE `shop`.`visits` c SET c.`user_code` = NULL, c.`at` = c.`at` WHERE c.`user_code` IS NOT NULL",
            "TRUNCATE TABLE `shop`.`users`",
            "TRUNCATE TABLE `shop`.`orders`",
        ]
    );
    assert!(!plan.steps.iter().any(|s| matches!(s, Step::Check(_))));
}

#[test]
fn circles_are_gone_round_until_they_rest() {
    let facts = SeedFacts {
        engine: EngineKind::Mariadb,
        tables: vec![
            table("a", &["id bigint", "b bigint"], &[]),
            table("b", &["id bigint", "a bigint"], &[]),
            table("tree", &["id bigint", "up bigint"], &[]),
        ],
        foreign_keys: vec![
            key("ab", ("a", "b"), ("b", "id"), OnDelete::Cascade),
            key("ba", ("b", "a"), ("a", "id"), OnDelete::Cascade),
            key("up", ("tree", "up"), ("tree", "id"), OnDelete::SetNull),
        ],
    };
    let rounds = |json: &str| {
        let plan = planned(json, &facts);
        let found = plan.steps.iter().find_map(|s| match s {
            Step::Settle(steps) => Some(steps.len()),
            _ => None,
        });
        found.unwrap_or(0)
    };
    assert_eq!(rounds(r#"{"tables": {"a": {"where": "id < 3"}}}"#), 2);
    assert_eq!(rounds(r#"{"tables": {"tree": {"where": "id < 3"}}}"#), 1);
    assert_eq!(rounds(r#"{"tables": {"tree": "empty"}}"#), 0);
}

#[test]
fn children_are_masked_as_their_parents_are() {
    let facts = shop(EngineKind::Mysql);
    let plan = planned(
        r#"{"tables": {"users": {"columns": {"CODE": "hash", "name": "fake_name", "token": "hash"}},
                       "visits": {"columns": {"user_code": "null"}}}}"#,
        &facts,
    );
    let masks: Vec<String> = plan
        .tables
        .iter()
        .flat_map(|t| t.masks.iter().map(|(c, m)| format!("{}.{c} {m}", t.table)))
        .collect();
    assert_eq!(
        masks,
        [
            "shop.carts.user_code hash",
            "shop.orders.user_code hash",
            "shop.users.Name fake_name",
            "shop.users.code hash",
            "shop.users.token hash",
            "shop.visits.user_code null",
        ]
    );
    let all = statements(&plan);
    let users = all.iter().find(|s| s.starts_with("UPDATE `shop`.`users`"));
    assert!(
        users.unwrap().ends_with("`updated` = `updated`"),
        "{users:?}"
    );
    let checks = plan.steps.iter().filter(|s| matches!(s, Step::Check(_)));
    assert_eq!(checks.count(), 2);
}

#[test]
fn what_does_not_fit_is_told_with_table_and_column() {
    let facts = shop(EngineKind::Mysql);
    for (rules, expected) in [
        (
            r#""nothing": "empty""#,
            "tables/nothing: table shop.nothing is not there",
        ),
        (
            r#""active": "empty""#,
            "tables/active: table shop.active is a view",
        ),
        (
            r#""users": {"columns": {"emial": "hash"}}"#,
            "tables/users/columns/emial: table shop.users has no column \"emial\"; it has id, code",
        ),
        (
            r#""users": {"columns": {"email": "null"}}"#,
            "users.email cannot be masked by null: it takes no NULL",
        ),
        (
            r#""users": {"columns": {"lower_email": "hash"}}"#,
            "it is generated",
        ),
        (r#""users": {"columns": {"id": "hash"}}"#, "AUTO_INCREMENT"),
        (
            r#""users": {"columns": {"phone": "fake_phone"}}"#,
            "fake_phone needs 16 characters, and it takes 10",
        ),
        (
            r#""users": {"columns": {"phone": {"constant": "01234567890"}}}"#,
            "it takes 10 characters, and the constant has 11",
        ),
        (
            r#""users": {"columns": {"age": {"constant": 256}}}"#,
            "is not between 0 and 255",
        ),
        (
            r#""users": {"columns": {"age": {"constant": -1}}}"#,
            "is not between 0 and 255",
        ),
        (r#""users": {"columns": {"age": "hash"}}"#, "it is TINYINT"),
        (
            r#""users": {"columns": {"kind": "fake_name"}}"#,
            "it is ENUM",
        ),
        (
            r#""users": {"columns": {"token": "fake_name"}}"#,
            "it is BINARY",
        ),
        (
            r#""users": {"columns": {"short": "hash"}}"#,
            "hash needs 16 characters, and it takes 8",
        ),
        (
            r#""users": {"columns": {"code": {"constant": "x"}}}"#,
            "all rows would be equal in unique key \"code\"",
        ),
        (
            r#""users": {"columns": {"email": "fake_email"}}"#,
            "unique key \"mail\" looks at its first 20 characters only",
        ),
        (
            r#""orders": {"columns": {"user_code": "hash"}}"#,
            "tables/orders/columns/user_code: foreign key \"o\": shop.orders.user_code (hash) refers to shop.users.code (keep)",
        ),
        (
            r#""users": {"columns": {"code": "hash"}}, "carts": {"columns": {"user_code": "keep"}}"#,
            "so both need the same mask",
        ),
        (
            r#""users": {"columns": {"code": "hash"}}, "carts": {"columns": {"user_code": "fake_name"}}"#,
            "(fake_name) refers to shop.users.code (hash)",
        ),
        (
            r#""remote": {"columns": {"email": "hash"}}"#,
            "table shop.remote is kept by FEDERATED",
        ),
        (
            r#""*": "empty""#,
            "tables/*: table shop.remote is kept by FEDERATED",
        ),
        (
            r#""other.*": {"columns": {"email": "hash"}}, "ot*.log": {"columns": {"email": "fake_email"}}"#,
            "say different things of column email of table other.log",
        ),
    ] {
        let found = problems(&format!("{{\"tables\": {{{rules}}}}}"), &facts);
        assert!(
            found.iter().any(|p| p.contains(expected)),
            "{rules}: {found:?}"
        );
    }
    let many = problems(
        r#"{"tables": {"a": "empty", "users": {"columns": {"x": "hash", "id": "null"}}}}"#,
        &facts,
    );
    assert_eq!(many.len(), 3, "{many:?}");
}

#[test]
fn patterns_speak_of_what_there_is() {
    let mut facts = shop(EngineKind::Mysql);
    facts.tables.retain(|t| t.engine == "InnoDB");
    let plan = planned(
        r#"{"tables": {"*": {"columns": {"email": "hash", "iban": "null"}}, "tmp_*": "empty",
                       "users": {"columns": {"email": "keep"}}}}"#,
        &facts,
    );
    let tables: Vec<String> = plan.tables.iter().map(|t| t.table.to_string()).collect();
    assert_eq!(tables, ["other.log"]);
}

#[test]
fn history_and_statistics_go_with_the_values() {
    let mut facts = shop(EngineKind::Mariadb);
    facts.tables[5].kind = TableKind::Versioned;
    let all = statements(&planned(
        r#"{"tables": {"users": {"columns": {"Name": "hash", "age": "null"}}}}"#,
        &facts,
    ));
    assert_eq!(all[1], "DELETE HISTORY FROM `shop`.`users`");
    assert!(all[2].ends_with("column_name IN ('age')"), "{}", all[2]);
    let all = statements(&planned(r#"{"tables": {"users": "empty"}}"#, &facts));
    assert!(
        all.contains(&"DELETE FROM `shop`.`users`".to_owned()),
        "{all:?}"
    );
}
