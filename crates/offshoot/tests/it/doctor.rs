//! `offshoot doctor` on a whole machine, and on machines with one thing broken each.

use crate::fixture::{Home, text};
use offshoot_core::engine::EngineKind;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What doctor says, and its exit code.
fn examine(home: &Home, more: &[&str]) -> (Vec<Value>, i32) {
    let args = [&["doctor", "--format", "json"], more].concat();
    let output = home.offshoot(&args);
    let said = serde_json::from_slice(&output.stdout);
    let said = said.unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    (said, output.status.code().unwrap())
}

/// The finding of a check with a verdict, as one text.
#[track_caller]
fn find(said: &[Value], check: &str, verdict: &str) -> String {
    let found = said
        .iter()
        .find(|f| f["check"] == check && f["verdict"] == verdict);
    let found = found.unwrap_or_else(|| panic!("no {verdict} of {check}: {said:#?}"));
    assert!(verdict == "ok" || found["next"].is_string(), "{found}");
    format!("{} {}", found["found"], found["next"])
}

#[track_caller]
fn no_failure(said: &[Value]) {
    let failed: Vec<_> = said.iter().filter(|f| f["verdict"] == "fail").collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Before the first start, with a server, and after it; one thing is broken at a time.
#[tokio::test(flavor = "multi_thread")]
async fn each_broken_thing_is_found() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    home.config = "[instances]\nwarm_instances = 0\n".to_owned();
    // Nothing is there yet but an engine, which works.
    let (said, code) = examine(&home, &[]);
    no_failure(&said);
    assert_eq!(code, 0);
    assert!(find(&said, "engine", "ok").contains("starts and answers"));
    let (said, code) = examine(&home, &["--ready"]);
    assert_eq!((said.len(), code), (1, 1), "no server is ready");

    let server = home.serve().await;
    let (said, code) = examine(&home, &["--quick"]);
    no_failure(&said);
    assert_eq!(code, 0);
    assert!(find(&said, "server", "ok").contains("ready"));
    assert!(find(&said, "ports", "ok").contains("served"));
    assert!(find(&said, "metadata", "ok").contains("whole"));
    assert_eq!(examine(&home, &["--ready"]).1, 0);
    let human = home.offshoot(&["doctor", "--quick"]);
    assert!(text(&human).contains("0 failures"), "{}", text(&human));
    assert!(server.stop().success());

    let data = home.data();
    let broken = |check: &str, part: &str| {
        let (said, code) = examine(&home, &["--quick"]);
        let found = find(&said, check, "fail");
        assert!(found.contains(part), "{check}: {found}");
        assert_eq!(code, 1, "{check}");
    };
    mode(&data, 0o777);
    broken("data", "chmod 711");
    mode(&data, 0o711);
    if rustix::process::geteuid().is_root() {
        mode(&data, 0o700);
        broken("data", "cannot pass through");
        mode(&data, 0o711);
    }
    for (file, check) in [
        ("master.key", "master key"),
        ("root-token", "root token"),
        ("tls/server.key", "certificate"),
    ] {
        mode(&data.join(file), 0o644);
        broken(check, "chmod 600");
        mode(&data.join(file), 0o600);
    }
    let (key, away) = (data.join("master.key"), data.join("key-away"));
    std::fs::rename(&key, &away).unwrap();
    broken("master key", "sealed with it");
    std::fs::rename(&away, &key).unwrap();

    let pem = data.join("tls/server.pem");
    let whole = std::fs::read(&pem).unwrap();
    std::fs::write(&pem, "no certificate").unwrap();
    broken("certificate", "no PEM certificate");
    std::fs::write(&pem, whole).unwrap();

    let database = data.join("offshoot.db");
    let whole = std::fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    for page in damaged.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    std::fs::write(&database, damaged).unwrap();
    broken("metadata", "put back a copy");
    std::fs::write(&database, whole).unwrap();

    let taken = TcpListener::bind(("127.0.0.1", home.gateway)).unwrap();
    broken("ports", "gateway.listen");
    drop(taken);
    no_failure(&examine(&home, &["--quick"]).0);
}

/// What the configuration makes wrong.
#[test]
fn settings_that_do_not_fit_are_found() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    for (config, check, verdict, part) in [
        (
            "[instances]\nsleep_afer = \"1m\"",
            "config",
            "fail",
            "did you mean sleep_after",
        ),
        (
            "[instances]\nmemory_budget = \"100M\"",
            "memory",
            "fail",
            "raise instances.memory_budget",
        ),
        (
            "[instances]\nmemory_budget = \"9000G\"",
            "memory",
            "warn",
            "lower instances.memory_budget",
        ),
        (
            "[gateway]\nmax_connections = 4000000000",
            "open files",
            "warn",
            "LimitNOFILE",
        ),
        (
            "[tls]\ncertificate = \"/nowhere/a.pem\"\nkey = \"/nowhere/a.key\"",
            "certificate",
            "fail",
            "/nowhere/a.pem",
        ),
        ("[pool]\nreserve = \"9000000G\"", "pool", "fail", "reserve"),
    ] {
        home.config = config.to_owned();
        std::fs::create_dir_all(home.data().join("pool")).unwrap();
        let (said, code) = examine(&home, &["--quick"]);
        let found = find(&said, check, verdict);
        assert!(found.contains(part), "{check}: {found}");
        assert_eq!(code, i32::from(verdict == "fail"), "{config}");
    }
}

#[test]
fn without_an_engine_doctor_says_how_to_get_one() {
    let home = Home::empty();
    let output = home
        .command(&["doctor", "--quick", "--format", "json"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let said: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    // An engine that the machine itself has in a system directory is found all the same.
    if output.status.code() == Some(1) {
        assert!(find(&said, "engine", "fail").contains("offshoot engine install"));
    }
    assert!(!home.data().exists(), "looking leaves no trace");
}

/// An engine that cannot be used is found, whatever else there is.
#[test]
fn an_engine_that_does_not_work_is_found() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let broken = home.data().join("broken");
    std::fs::write(&broken, "#!/bin/sh\nexit 7\n").unwrap();
    mode(&broken, 0o755);
    home.config = format!("[engine.mariadb]\nserver = \"{}\"\n", broken.display());
    let (said, code) = examine(&home, &["--quick"]);
    let found = find(&said, "engine", "fail");
    assert!(
        found.contains("broken") && found.contains("engine.mariadb.server"),
        "{found}"
    );
    assert_eq!(code, 1);
}
