//! Deliveries shuffled and repeated, with Offshoot killed in between: one branch for each iteration, in
//! the state that its last event wants.

use super::{LOOPBACK, Tool, automation, integration, iterations, milestone};
use crate::fixture::{Home, ORG, PATIENCE, Server};
use crate::story::database;
use offshoot_client::PageOf;
use offshoot_core::engine::EngineKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Deliveries, iterations and deaths. `OFFSHOOT_CHAOS=1000,200,20` for the whole of it.
const CHAOS: [usize; 3] = [60, 12, 4];

fn numbers() -> [usize; 3] {
    let Ok(text) = std::env::var("OFFSHOOT_CHAOS") else {
        return CHAOS;
    };
    let numbers: Vec<usize> = text.split(',').map(|n| n.parse().unwrap()).collect();
    numbers.try_into().expect("three numbers")
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n).unwrap()).unwrap()
    }
}

/// The life of iteration `n`, in order; every second one is over at its end.
fn life(n: u32) -> Vec<Value> {
    let title = |k: i64| format!("Sprint {n}.{k}");
    let mut events = vec![
        milestone("created", n, &title(0), 1),
        milestone("edited", n, &title(1), 2),
        milestone("edited", n, &title(2), 3),
    ];
    if n.is_multiple_of(2) {
        events.push(milestone("closed", n, &title(2), 4));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_delivered_there_is_one_branch_for_each_iteration() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    home.config.push_str(LOOPBACK);
    let [deliveries, count, deaths] = numbers();
    let mut server = home.serve().await;
    database(&server.client).await;
    let url = integration(&server, json!({"repositories": ["acme/shop"]}), false).await;
    let rule = json!({
        "integration": "github",
        "branch": {"name": "sprint-{{ iteration.name | slug }}"},
        "credentials": {"app": {"role": "admin"}},
    });
    automation(&server, rule).await;
    let tool = Tool::new(&url);

    let mut events = Vec::new();
    for n in 1..=u32::try_from(count).unwrap() {
        let of = life(n).into_iter().enumerate();
        events.extend(of.map(|(k, event)| (format!("{n}-{k}"), event)));
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    while events.len() < deliveries {
        let again = events[dice.below(events.len())].clone();
        events.push(again);
    }
    for i in (1..events.len()).rev() {
        events.swap(i, dice.below(i + 1));
    }
    let every = events.len() / (deaths + 1);
    for (i, (id, event)) in events.iter().enumerate() {
        if i > 0 && i % every == 0 && i / every <= deaths {
            server.kill();
            server = home.serve().await;
        }
        deliver(&home, &tool, id, event).await;
    }
    settled(&home, &server, count).await;
    let branches = at_rest(&server, count).await;
    assert_eq!(branches.len(), count, "{branches:#?}");
    for n in 1..=count {
        let name = last_name(n);
        let (state, passwords) = branches
            .get(&name)
            .unwrap_or_else(|| panic!("{name}: {branches:#?}"));
        assert_eq!(state == "sleeping", n % 2 == 0, "{name} is {state}");
        assert_eq!(*passwords, 1, "{name}");
    }
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

/// A tool that sends an event again until it is taken.
async fn deliver(home: &Home, tool: &Tool, id: &str, event: &Value) {
    let end = Instant::now() + PATIENCE;
    loop {
        match tool.send(id, event).await {
            Ok(answer) if answer.status().is_success() => return,
            other => assert!(Instant::now() < end, "{other:?}: {}", home.log()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until every iteration's branch is as its last event wants it.
async fn settled(home: &Home, server: &Server, count: usize) {
    let end = Instant::now() + PATIENCE + PATIENCE * u32::try_from(count / 20).unwrap();
    loop {
        let all = iterations(server).await;
        let right = all.iter().filter(|i| {
            let wanted = if i.state == "ended" { "ended" } else { "made" };
            i.branches.len() == 1 && i.branches[0].state == wanted
        });
        if all.len() == count && right.count() == count {
            return;
        }
        assert!(Instant::now() < end, "{all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Of the branch of iteration `n`, after its last event.
fn last_name(n: usize) -> String {
    format!("sprint-sprint-{n}-2")
}

/// The branches when all are as their last events want them, or when patience ends: an event that was taken may
/// still be on its way, and a branch that is made does not tell.
async fn at_rest(server: &Server, count: usize) -> BTreeMap<String, (String, usize)> {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = branches(server).await;
        let right = |n: usize| match found.get(&last_name(n)) {
            Some((state, 1)) => (state == "sleeping") == n.is_multiple_of(2),
            _ => false,
        };
        if (1..=count).all(right) || Instant::now() > end {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// State and number of passwords of every branch but `main`, by name.
async fn branches(server: &Server) -> BTreeMap<String, (String, usize)> {
    let mut all = BTreeMap::new();
    for page in 1.. {
        let wanted = PageOf {
            page: Some(page),
            per_page: Some(100),
        };
        let listed = server
            .client
            .list_branches(ORG, "shop", wanted)
            .await
            .unwrap();
        for branch in &listed.data {
            if branch.name == "main" {
                continue;
            }
            let passwords = server
                .client
                .list_passwords(
                    ORG,
                    "shop",
                    Some(&branch.name),
                    None,
                    None,
                    PageOf::default(),
                )
                .await
                .unwrap();
            let state = branch.state.as_str().to_owned();
            all.insert(branch.name.clone(), (state, passwords.data.len()));
        }
        if listed.next_page.is_none() {
            break;
        }
    }
    all
}
