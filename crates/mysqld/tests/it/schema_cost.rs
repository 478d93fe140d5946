//! What fingerprints and definitions of 500 tables cost. By hand:
//! `cargo test --release -p offshoot-mysqld --test it cost_of -- --ignored --nocapture`.

use crate::schema_engine::{Engine, stand};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Profile;
use offshoot_mysqld::schema::EngineSchemas;
use offshoot_schema::freshness::whole;
use offshoot_schema::port::Schemas;
use std::time::Instant;

const TABLES: u32 = 500;
const RUNS: usize = 21;

#[expect(clippy::print_stdout, reason = "figures for a person")]
fn report(what: &str, mut times: Vec<f64>) {
    let first = times[0];
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[times.len() / 2]);
    println!("{what}: first {first:.1} ms, best {best:.1} ms, median {median:.1} ms");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn cost_of_500_tables() {
    for stand in EngineKind::ALL.into_iter().filter_map(stand) {
        let engine = stand.files.engine;
        let parent = Engine::start(&stand, Profile::Production).await;
        let copy = Engine::start(&stand, Profile::Development).await;
        let mut admin = parent.admin().await;
        admin.execute("CREATE DATABASE shop").await.unwrap();
        admin.execute("USE shop").await.unwrap();
        for at in 0..TABLES {
            let key = match at {
                0 => String::new(),
                at => format!(
                    ", CONSTRAINT f{at} FOREIGN KEY (b) REFERENCES t{} (id)",
                    at - 1
                ),
            };
            let sql = format!(
                "CREATE TABLE t{at} (id bigint PRIMARY KEY AUTO_INCREMENT, a varchar(100) NOT NULL \
                 DEFAULT 'x', b bigint, c datetime, KEY (a), KEY (b, c){key})"
            );
            admin.execute(&sql).await.unwrap();
        }
        let (here, there) = (parent.data.clone(), copy.endpoint.clone());
        let port = EngineSchemas::new(move |_| Some(here.clone()));
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let start = Instant::now();
            port.fingerprint(&parent.endpoint).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        report(&format!("{engine} fingerprint"), times);
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            port.read(&parent.endpoint, None).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        report(&format!("{engine} read of all"), times);
        let steps = whole(port.read(&parent.endpoint, None).await.unwrap());
        let start = Instant::now();
        port.apply(&there, &steps).await.unwrap();
        report(
            &format!("{engine} apply of all"),
            vec![start.elapsed().as_secs_f64() * 1e3],
        );
        let mut one = steps;
        one.create.retain(|object| object.name.name == "t250");
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            port.apply(&there, &one).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        report(&format!("{engine} apply of one table"), times);
    }
}
