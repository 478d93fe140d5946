//! Seed rules at rest: versions, the sealed secret, tests.

use crate::setup::{at, branch, fill, id, open};
use offshoot_core::id::DatabaseId;
use offshoot_core::seed_rules::{
    MaskSecret, Rules, RulesTest, RulesVersion, Seeded, SeededTable, TestState, Unfit,
};
use offshoot_store::StoreError;

fn rules() -> Rules {
    serde_json::from_str(r#"{"tables": {"users": {"where": "id < 7", "columns": {"a": "hash"}}}}"#)
        .unwrap()
}

fn version(number: u32, rules: Option<Rules>) -> RulesVersion {
    RulesVersion {
        database_id: id("shop"),
        version: number,
        rules,
        actor: "me".to_owned(),
        created_at: at(number.into()),
    }
}

#[tokio::test]
async fn versions_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let shop: DatabaseId = id("shop");
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.newest_seed_rules(shop).await.unwrap(), None);
    let (first, second) = (version(1, Some(rules())), version(2, None));
    tx.insert_seed_rules(&first).await.unwrap();
    tx.insert_seed_rules(&second).await.unwrap();
    let again = tx.insert_seed_rules(&second).await;
    assert!(matches!(again, Err(StoreError::Taken(_))), "{again:?}");
    assert_eq!(
        tx.newest_seed_rules(shop).await.unwrap(),
        Some(second.clone())
    );
    assert_eq!(tx.seed_rules(shop, 1).await.unwrap(), Some(first.clone()));
    assert_eq!(tx.seed_rules(shop, 3).await.unwrap(), None);
    let all = tx.seed_rules_versions(shop, 0, 9).await.unwrap();
    assert_eq!(all, (vec![second, first.clone()], 2));
    let page = tx.seed_rules_versions(shop, 1, 1).await.unwrap();
    assert_eq!(page, (vec![first], 2));
}

#[tokio::test]
async fn the_secret_is_sealed_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let shop: DatabaseId = id("shop");
    let secret = MaskSecret::new([0xab; 32]);
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.mask_secret(shop).await.unwrap(), None);
    tx.set_mask_secret(shop, &secret).await.unwrap();
    tx.set_mask_secret(shop, &MaskSecret::new([1; 32]))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    assert!(session.mask_secret(shop).await.unwrap() == Some(secret));
    drop(session);
    store.close().await;
    // Neither as bytes nor in hexadecimal.
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        assert!(!has(&[0xab; 32]) && !has("ab".repeat(32).as_bytes()));
    }
}

#[tokio::test]
async fn a_branch_knows_its_rules_and_tests_their_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let main = branch("main", None).id;
    let mut tx = store.write().await.unwrap();
    let seeded = Seeded {
        version: 3,
        removed: 1,
        masked: 2,
    };
    tx.set_seeded(main, Some(&seeded)).await.unwrap();
    let detail = tx.branch_detail(main).await.unwrap().unwrap();
    assert_eq!(detail.seeded, Some(seeded));
    tx.set_seeded(main, None).await.unwrap();
    let detail = tx.branch_detail(main).await.unwrap().unwrap();
    assert_eq!(detail.seeded, None);

    let running = |name: &str, second: i64| RulesTest {
        id: id(name),
        database_id: id("shop"),
        branch_id: main,
        branch_name: "main".to_owned(),
        version: (second == 1).then_some(3),
        rules: rules(),
        state: TestState::Running,
        tables: Vec::new(),
        unfit: Vec::new(),
        failure: None,
        actor: "me".to_owned(),
        created_at: at(second),
        completed_at: None,
    };
    let (mut one, mut two) = (running("one", 1), running("two", 2));
    tx.insert_seed_rules_test(&one).await.unwrap();
    tx.insert_seed_rules_test(&two).await.unwrap();
    one.tables.push(SeededTable {
        table: "shop.users".to_owned(),
        rows: Some(9),
        removed: 2,
        masked: 7,
        columns: vec![("a".to_owned(), "hash".to_owned())],
    });
    two.unfit.push(Unfit {
        at: vec!["tables".to_owned()],
        why: "no".to_owned(),
    });
    (one.state, one.completed_at) = (TestState::Passed, Some(at(7)));
    (two.state, two.completed_at) = (TestState::Failed, Some(at(8)));
    two.failure = Some("it fails".to_owned());
    tx.seed_rules_test_passed(one.id, &one.tables, at(7))
        .await
        .unwrap();
    tx.seed_rules_test_failed(two.id, &two.unfit, "it fails", at(8))
        .await
        .unwrap();
    let all = tx.seed_rules_tests(id("shop")).await.unwrap();
    assert_eq!(all, [two.clone(), one]);
    tx.delete_seed_rules_test(two.id).await.unwrap();
    assert_eq!(tx.seed_rules_test(two.id).await.unwrap(), None);
}
