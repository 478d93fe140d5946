//! Long results: sent while they are read, and no further than the client reads.

use super::{HERE, request, whole};
use crate::engine::each;
use crate::world::World;
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};

/// So many rows of a thousand bytes and more.
fn rows(count: u32) -> String {
    format!(
        "SELECT REPEAT('x', 1000) FROM (WITH RECURSIVE n (i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n) a, \
         (WITH RECURSIVE m (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < {}) SELECT i FROM m) b",
        count / 1000
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_result_arrives_whole() {
    for engine in each() {
        let world = World::of(engine).await;
        let body = json!({ "query": rows(20_000) }).to_string();
        let request = request("writer", "Execute", "application/json", body);
        let response = world.data.serve(request, HERE).await;
        let (status, bytes) = whole(response).await;
        assert_eq!(status, StatusCode::OK);
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer["result"]["rows"].as_array().unwrap().len(), 20_000);
        assert!(answer["session"].is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_ends_the_statement() {
    for engine in each() {
        let world = World::of(engine).await;
        let body = json!({ "query": rows(1_000_000) }).to_string();
        let request = request("writer", "Execute", "application/json", body);
        let mut response = world.data.serve(request, HERE).await;
        let first = response.body_mut().frame().await.unwrap().unwrap();
        assert!(
            first
                .into_data()
                .unwrap()
                .starts_with(b"{\"result\":{\"fields\":[")
        );
        assert_eq!(connections(&world), 1);
        drop(response);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while connections(&world) > 0 {
            assert!(std::time::Instant::now() < until, "the statement goes on");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

fn connections(world: &World) -> u32 {
    offshoot_core::port::Sessions::traffic(&*world.registry, world.branch).connections
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_values_of_many_packets_pass() {
    for engine in each() {
        let world = World::of(engine).await;
        // Longer than a packet of MySQL's, both ways.
        let long = "x".repeat(17 << 20);
        let body =
            json!({ "query": format!("SELECT '{long}' AS v, LENGTH('{long}') AS n") }).to_string();
        let request = request("writer", "Execute", "application/json", body);
        let (status, bytes) = whole(world.data.serve(request, HERE).await).await;
        assert_eq!(status, StatusCode::OK);
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer.get("error"), None, "{}", &answer["error"]);
        assert_eq!(
            answer["result"]["rows"][0]["lengths"],
            json!(["17825792", "8"])
        );
    }
}
