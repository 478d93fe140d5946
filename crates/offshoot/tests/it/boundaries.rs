//! The direction of dependencies (ARCHITECTURE.md, "Who may depend on whom"), kept true by machine.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crate → the siblings and outside crates that it may not depend on, directly or through siblings.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("offshoot-core", &["tokio", "sqlx", "axum", "offshoot-*"]),
    (
        "offshoot-schema",
        &["tokio", "sqlx", "axum", "offshoot-* but offshoot-core"],
    ),
    (
        "offshoot-wire",
        &["tokio", "sqlx", "axum", "offshoot-* but offshoot-core"],
    ),
    (
        "offshoot-archive",
        &["axum", "sqlx", "offshoot-* but offshoot-core"],
    ),
    ("offshoot-store", &["axum", "offshoot-* but offshoot-core"]),
    (
        "offshoot-volumes",
        &["axum", "sqlx", "offshoot-* but offshoot-core"],
    ),
    (
        "offshoot-mysqld",
        &[
            "axum",
            "sqlx",
            "offshoot-* but offshoot-core offshoot-schema offshoot-wire",
        ],
    ),
    (
        "offshoot-gateway",
        &[
            "axum",
            "sqlx",
            "mysql_async",
            "offshoot-* but offshoot-core offshoot-wire",
        ],
    ),
    (
        "offshoot-planning",
        &[
            "tokio",
            "sqlx",
            "axum",
            "reqwest",
            "offshoot-* but offshoot-core",
        ],
    ),
    (
        "offshoot-control",
        &[
            "axum",
            "sqlx directly",
            "clap",
            "offshoot-archive",
            "offshoot-volumes",
            "offshoot-mysqld",
            "offshoot-gateway",
        ],
    ),
    (
        "offshoot-api-types",
        &["axum", "sqlx", "offshoot-* but offshoot-core"],
    ),
    (
        "offshoot-client",
        &[
            "axum",
            "sqlx",
            "offshoot-* but offshoot-core offshoot-api-types",
        ],
    ),
    (
        "offshoot-cli",
        &[
            "axum",
            "sqlx",
            "offshoot-* but offshoot-core offshoot-api-types offshoot-client offshoot-wire",
        ],
    ),
    (
        "offshoot-api",
        &[
            "sqlx directly",
            "offshoot-archive",
            "offshoot-mysqld",
            "offshoot-volumes",
            "offshoot-gateway",
        ],
    ),
];

/// Normal (not development) dependencies of every workspace member, by package name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |v: &serde_json::Value| v.as_str().expect("a string").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let deps = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            let normal = deps
                .filter(|d| d["kind"].is_null())
                .map(|d| text(&d["name"]))
                .collect();
            (text(&package["name"]), normal)
        })
        .collect()
}

/// Everything reachable from `package` through workspace members.
fn reachable(package: &str, all: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = vec![package.to_owned()];
    while let Some(next) = todo.pop() {
        for dependency in all.get(&next).into_iter().flatten() {
            if found.insert(dependency.clone()) {
                todo.push(dependency.clone());
            }
        }
    }
    found
}

#[test]
fn nobody_depends_on_what_is_forbidden() {
    let all = dependencies();
    let mut broken = Vec::new();
    for (package, forbidden) in FORBIDDEN {
        let direct = all
            .get(*package)
            .unwrap_or_else(|| panic!("{package} is not in the workspace"));
        let through = reachable(package, &all);
        for rule in *forbidden {
            if let Some(exceptions) = rule.strip_prefix("offshoot-*") {
                let allowed: Vec<&str> =
                    exceptions.trim_start_matches(" but ").split(' ').collect();
                let wrong = through
                    .iter()
                    .filter(|d| d.starts_with("offshoot") && !allowed.contains(&d.as_str()));
                broken.extend(wrong.map(|d| format!("{package} depends on {d}")));
            } else if let Some(name) = rule.strip_suffix(" directly") {
                broken.extend(
                    direct
                        .contains(name)
                        .then(|| format!("{package} depends on {name}")),
                );
            } else {
                broken.extend(
                    through
                        .contains(*rule)
                        .then(|| format!("{package} depends on {rule}")),
                );
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_test_kit_is_for_development_only() {
    let using: Vec<String> = dependencies()
        .into_iter()
        .filter(|(_, deps)| deps.contains("offshoot-testkit"))
        .map(|(package, _)| package)
        .collect();
    assert!(
        using.is_empty(),
        "normal dependencies on the test kit: {using:?}"
    );
}

/// `cargo build -p offshoot --no-default-features` gives the client program: what it is made of.
#[test]
fn the_client_alone_has_nothing_of_the_server() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "offshoot", "--no-default-features"])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let names: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains("offshoot-cli"), "{text}");
    let ours = names.iter().filter(|name| name.starts_with("offshoot-"));
    let wanted = ["api-types", "cli", "client", "core", "wire"];
    let strange: Vec<_> = ours
        .filter(|name| !wanted.contains(&name.trim_start_matches("offshoot-")))
        .chain(
            names
                .iter()
                .filter(|n| ["axum", "sqlx", "landlock"].contains(*n)),
        )
        .collect();
    assert!(strange.is_empty(), "the client depends on {strange:?}");
}

/// Nor does its source call what only Unix has, but for what says so with `cfg`.
#[test]
fn the_client_alone_calls_nothing_of_unix() {
    const UNIX: [&str; 6] = [
        "std::os::unix",
        "std::os::linux",
        "tokio::net::Unix",
        "signal::unix",
        "rustix::",
        "libc::",
    ];
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = 0;
    let mut found = Vec::new();
    for name in ["api-types", "cli", "client", "core", "wire"] {
        for path in crate::fixture::listing(&crates.join(name).join("src")) {
            if path.extension().is_none_or(|e| e != "rs") {
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).expect("a source file");
            // An item behind `cfg(unix)` is there on Unix only; it ends with an unindented brace,
            // a statement with its semicolon.
            let mut guarded = false;
            for (n, line) in text.lines().enumerate() {
                guarded |= line.trim_start().starts_with("#[cfg(unix)]");
                if !guarded && UNIX.iter().any(|unix| line.contains(unix)) {
                    found.push(format!("{}:{}: {line}", path.display(), n + 1));
                }
                let statement = line.starts_with("    let ") && line.ends_with(';');
                if line == "}" || statement {
                    guarded = false;
                }
            }
        }
    }
    assert!(files > 50, "only {files} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
