//! What the built binary knows from the directory it runs in, from its config file, and from its
//! environment.

use crate::fixture::{Home, text};
use crate::story::database;
use offshoot_core::engine::EngineKind;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// Runs a command in a directory, with output for programs.
fn within(home: &Home, directory: &Path, line: &[&str]) -> (Output, Value) {
    let mut command = home.command(line);
    command
        .env("OFFSHOOT_FORMAT", "json")
        .current_dir(directory);
    let output = command.output().unwrap();
    let said = serde_json::from_slice(&output.stdout);
    let said = said.unwrap_or_else(|error| panic!("{line:?}: {error}: {}", text(&output)));
    (output, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_knows_its_database_and_branch() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    database(&server.client).await;
    let top = tempfile::tempdir().unwrap();
    let below = top.path().join("src");
    std::fs::create_dir_all(top.path().join(".git")).unwrap();
    std::fs::create_dir(&below).unwrap();
    let run = |line: &[&str]| within(&home, &below, line);

    let (_, said) = run(&["branch", "show"]);
    assert_eq!(said["issues"][0]["code"], "INVALID_USAGE", "{said}");
    let line = ["branch", "switch", "dev", "--database", "shop"];
    let (output, said) = run(&line);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let (output, said) = run(&[&line[..], &["--create", "--wait"]].concat());
    assert!(output.status.success(), "{said}");
    let file = top.path().join(".offshoot.yml");
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.trim(), "database: shop\nbranch: dev");

    // Without a name, with the branch's alone, with both.
    assert_eq!(run(&["branch", "show"]).1["name"], "dev");
    assert_eq!(run(&["branch", "show", "main"]).1["name"], "main");
    assert_eq!(run(&["branch", "show", "shop", "main"]).1["name"], "main");
    assert_eq!(run(&["sql", "--query", "SELECT 1 AS a"]).1["branch"], "dev");
    assert_eq!(run(&["branch", "create", "more"]).1["name"], "more");
    let (output, said) = run(&["branch", "show", "dve"]);
    assert_eq!(output.status.code(), Some(2));
    let meant = said["next_steps"][0].as_str().unwrap();
    assert!(meant.starts_with("did you mean dev?"), "{said}");
    // Nothing is destroyed that was not named.
    let (output, said) = run(&["branch", "delete", "--force"]);
    assert_eq!(output.status.code(), Some(2), "{said}");

    // Neither URLs nor credentials count there.
    std::fs::write(
        &file,
        "database: shop\nbranch: main\napi-url: http://192.0.2.1\n",
    )
    .unwrap();
    let (output, said) = run(&["branch", "show"]);
    assert_eq!(said["name"], "main");
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        warned.contains("Ignored") && warned.contains("api-url"),
        "{warned}"
    );

    // The environment counts more than the project file, that more than the config file.
    std::fs::write(&file, "org: other\n").unwrap();
    let (_, said) = run(&["org", "show"]);
    assert_eq!(said["issues"][0]["code"], "not_found", "{said}");
    assert_eq!(
        run(&["--org", "default", "org", "show"]).1["name"],
        "default"
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(run(&["org", "switch", "default"]).1["name"], "default");
    let config = home
        .data()
        .parent()
        .unwrap()
        .join(".config/offshoot/config.toml");
    assert_eq!(
        std::fs::read_to_string(config).unwrap(),
        "org = \"default\"\n"
    );

    // What is asked is told on request, without secrets.
    let (output, _) = run(&["--debug", "sql", "shop", "dev", "--query", "SELECT 1"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("> POST ") && told.contains("< 201"), "{told}");
    assert!(told.contains("request id"), "{told}");
    for secret in ["pscale_tkn_", "ofs_pw_"] {
        assert!(!told.contains(secret), "{told}");
    }

    // What is no command is told to programs as well.
    let (output, said) = run(&["brnach"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(said["issues"][0]["code"], "UNKNOWN_COMMAND");
    assert!(server.stop().success());
}
