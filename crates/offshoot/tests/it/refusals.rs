//! What bad input gets from the binary: one sentence that says what to do, and no trace.

use crate::fixture::{Home, listing, text};
use offshoot_core::engine::EngineKind;
use std::net::TcpListener;

#[test]
fn without_an_engine_the_server_says_how_to_get_one() {
    let mut home = Home::empty();
    home.config = String::new();
    let mut command = home.command(&["serve"]);
    let output = command.env("PATH", "/nowhere").output().unwrap();
    // An engine that the machine itself has in a system directory is found all the same.
    if output.status.code() == Some(2) {
        assert!(
            text(&output).contains("offshoot engine install mysql"),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn a_taken_port_is_named_before_anything_is_touched() {
    let home = Home::empty();
    let _taken = TcpListener::bind(("127.0.0.1", home.gateway)).unwrap();
    let output = home.offshoot(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains(&home.gateway.to_string()) && said.contains("--gateway-listen"),
        "{said}"
    );
    assert!(!home.data().exists(), "{:?}", listing(&home.data()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_directory_is_turned_away() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let mut second = home.command(&[
        "serve",
        "--http-listen",
        "127.0.0.1:0",
        "--gateway-listen",
        "127.0.0.1:0",
    ]);
    let output = second.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("another Offshoot") && said.contains("--data-dir"),
        "{said}"
    );
    assert!(server.stop().success());
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let home = Home::empty();
    let mut command = home.command(&["engine", "use", "mysql"]);
    let output = command
        .env("OFFSHOOT_DATA_DIR", "/proc/offshoot")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("/proc/offshoot") && said.contains("--data-dir"),
        "{said}"
    );
}

#[test]
fn a_misspelt_setting_is_refused_with_its_place() {
    let mut home = Home::empty();
    home.config = "[instances]\nsleep_afer = \"1m\"\n".to_owned();
    let output = home.offshoot(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("sleep_afer") && said.contains("offshoot.toml"),
        "{said}"
    );
    assert!(!home.data().exists());
}

#[test]
fn client_commands_say_that_no_server_runs() {
    let home = Home::empty();
    let output = home.offshoot(&[
        "--service-token-id",
        "abcdefghijkl",
        "--service-token",
        "x",
        "database",
        "list",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("offshoot serve"),
        "{}",
        text(&output)
    );
}
