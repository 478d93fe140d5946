//! Everything that the guide and the README say in commands is run, and the rest of what can be checked by
//! a machine is: names of commands and flags, links, configuration, metrics.
//!
//! A page is run in order on a server of its own. `console` blocks are commands with the output that
//! stands beneath them, `sh` blocks are scripts, `sql` blocks go to a branch, `toml` blocks are read as
//! configuration. What the source of a page says to the test is in comments, see [`page::Note`].

mod page;
mod recipe;
mod shell;
mod shown;
mod tree;
mod words;

use page::{Item, Note, Page, top};
use serde_json::Value;
use shell::Shell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Blocks that are not run, by page and first line. Each says why in the page's source; a block that is
/// marked there and not listed here fails.
const NOT_RUN: &[(&str, &str)] = &[
    ("README.md", "$ cargo test --workspace"),
    ("README.md", "$ cargo install --path crates/offshoot"),
    ("docs/guide/connecting.md", "DATABASES = {"),
    (
        "docs/guide/data-api.md",
        "import { connect } from \"@planetscale/database\";",
    ),
    ("docs/guide/engines.md", "$ offshoot engine install mysql"),
    (
        "docs/guide/install.md",
        "$ cargo install --path crates/offshoot",
    ),
    ("docs/guide/install.md", "$ offshoot engine install mysql"),
    ("docs/guide/webhooks.md", "import hashlib, hmac"),
    (
        "docs/guide/webhooks.md",
        "const { createHmac, timingSafeEqual } = require(\"node:crypto\");",
    ),
    ("docs/guide/webhooks.md", "require \"openssl\""),
    (
        "docs/guide/webhooks.md",
        "function signed(string $body, string $signature, string $secret): bool {",
    ),
];

/// Languages of blocks in which nothing is to be run.
const SHOWN_ONLY: &[&str] = &["text", "diff", "http", "ini", "dockerfile"];

macro_rules! pages {
    ($($name:ident => $path:literal,)*) => {
        $(
            #[test]
            fn $name() {
                run($path);
            }
        )*

        const PAGES: &[&str] = &[$($path),*];
    };
}

// One test for each, so that they run side by side.
pages! {
    readme => "README.md",
    api => "docs/guide/api.md",
    backups => "docs/guide/backups.md",
    branches => "docs/guide/branches.md",
    ci => "docs/guide/ci.md",
    cli => "docs/guide/cli.md",
    clients_javascript => "docs/guide/clients/javascript.md",
    clients_planetscale_go => "docs/guide/clients/planetscale-go.md",
    clients_pscale => "docs/guide/clients/pscale.md",
    clients_terraform => "docs/guide/clients/terraform.md",
    compatibility => "docs/guide/compatibility.md",
    concepts => "docs/guide/concepts.md",
    point_in_time => "docs/guide/point-in-time.md",
    configuration => "docs/guide/configuration.md",
    connecting => "docs/guide/connecting.md",
    data_branching => "docs/guide/data-branching.md",
    data_api => "docs/guide/data-api.md",
    delivery => "docs/guide/delivery.md",
    differences => "docs/guide/differences.md",
    disaster_recovery => "docs/guide/disaster-recovery.md",
    engines => "docs/guide/engines.md",
    first_branch => "docs/guide/first-branch.md",
    import => "docs/guide/import.md",
    install => "docs/guide/install.md",
    instances => "docs/guide/instances.md",
    monitoring => "docs/guide/monitoring.md",
    limits => "docs/guide/limits.md",
    masking => "docs/guide/masking.md",
    operations => "docs/guide/operations.md",
    planning_asana => "docs/guide/planning/asana.md",
    planning_azure_devops => "docs/guide/planning/azure-devops.md",
    planning_clickup => "docs/guide/planning/clickup.md",
    planning => "docs/guide/planning.md",
    planning_generic => "docs/guide/planning/generic.md",
    planning_github => "docs/guide/planning/github.md",
    planning_gitlab => "docs/guide/planning/gitlab.md",
    planning_jira_cloud => "docs/guide/planning/jira-cloud.md",
    planning_jira_data_center => "docs/guide/planning/jira-data-center.md",
    planning_linear => "docs/guide/planning/linear.md",
    planning_monday => "docs/guide/planning/monday.md",
    planning_openproject => "docs/guide/planning/openproject.md",
    planning_redmine => "docs/guide/planning/redmine.md",
    planning_shortcut => "docs/guide/planning/shortcut.md",
    planning_taiga => "docs/guide/planning/taiga.md",
    planning_trello => "docs/guide/planning/trello.md",
    planning_telling => "docs/guide/planning/telling.md",
    planning_youtrack => "docs/guide/planning/youtrack.md",
    passwords => "docs/guide/passwords.md",
    pools => "docs/guide/pools.md",
    safe_migrations => "docs/guide/safe-migrations.md",
    security => "docs/guide/security.md",
    sleep => "docs/guide/sleep.md",
    troubleshooting => "docs/guide/troubleshooting.md",
    users => "docs/guide/users.md",
    webhooks => "docs/guide/webhooks.md",
}

/// Pages that are checked, but whose blocks are not run.
const OTHER_PAGES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/API-DESIGN.md",
    "docs/errors.md",
];

fn run(name: &str) {
    let page = Page::read(name);
    if page.notes().any(|n| *n == Note::NeedsRoot) && !rustix::process::geteuid().is_root() {
        skip(&format!("{name} needs root"));
        return;
    }
    let runs = page.items.iter().any(|item| match item {
        Item::Block(block) => {
            let shown = SHOWN_ONLY.contains(&block.language.as_str());
            !block.not_run() && !shown && block.language != "json"
        }
        Item::Note(..) | Item::Span(..) => false,
    });
    if !runs {
        return;
    }
    let Some(mut shell) = Shell::new(&page) else {
        return;
    };
    shell.run();
    assert!(shell.commands > 0, "{name}: nothing was run");
    metrics(&page, &shell);
}

/// The metrics that a page's tables name are served, and where one names any, all that are served.
fn metrics(page: &Page, shell: &Shell<'_>) {
    const PREFIX: &str = "offshoot_";
    let named: BTreeSet<&str> = page
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Span(_, span) if span.starts_with(PREFIX) => {
                Some(span.split(['{', ' ']).next().unwrap_or(span))
            }
            _ => None,
        })
        .collect();
    if named.is_empty() {
        return;
    }
    let served = shell.get("/metrics").expect("metrics");
    let served: BTreeSet<&str> = served
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let missing: Vec<&&str> = served.difference(&named).collect();
    assert!(missing.is_empty(), "{} lacks {missing:?}", page.name);
    let unknown: Vec<&&str> = named.difference(&served).collect();
    assert!(
        unknown.is_empty(),
        "{} names {unknown:?}, which a server that has run the page does not serve",
        page.name
    );
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does not run has to be seen"
)]
fn skip(reason: &str) {
    assert!(
        std::env::var_os("OFFSHOOT_TEST_NO_SKIP").is_none_or(|v| v != "1"),
        "{reason}"
    );
    eprintln!("SKIP: {reason}");
}

fn all() -> Vec<Page> {
    PAGES
        .iter()
        .chain(OTHER_PAGES)
        .map(|name| Page::read(name))
        .collect()
}

/// Fails with every complaint at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_page_is_run_and_listed() {
    let guide = top().join("docs/guide");
    let files: BTreeSet<String> = crate::fixture::listing(&guide)
        .iter()
        .filter(|path| path.is_file())
        .map(|path| {
            path.strip_prefix(&guide)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .filter(|name| name != "SUMMARY.md")
        .collect();
    let run: BTreeSet<String> = PAGES
        .iter()
        .filter_map(|page| page.strip_prefix("docs/guide/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(files, run, "pages of docs/guide, and those of this test");

    // mdBook's format: a title, part titles, rules, and lists of links.
    let summary = std::fs::read_to_string(guide.join("SUMMARY.md")).unwrap();
    let mut listed = Vec::new();
    for line in summary.lines().filter(|line| !line.trim().is_empty()) {
        let link = line.trim_start().trim_start_matches("- ");
        if line.starts_with("# ") || line == "---" {
            continue;
        }
        let target = link
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|rest| rest.split_once("]("));
        match target {
            Some((_, target)) => listed.push(target.to_owned()),
            None => panic!("SUMMARY.md: mdBook does not read {line:?}"),
        }
    }
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "SUMMARY.md lists a page twice");
    assert_eq!(unique, files, "pages that SUMMARY.md lists, and files");
}

#[test]
fn commands_and_flags_exist() {
    let mut complaints = Vec::new();
    for page in all().iter().filter(|page| page.name != "CHANGELOG.md") {
        for item in &page.items {
            let (line, result) = match item {
                Item::Span(line, span) => (line, tree::tree().check_span(span)),
                Item::Block(block) if block.language == "console" => {
                    let mut result = Ok(());
                    for command in block.commands() {
                        result = result.and_then(|()| tree::check_script(&command.text));
                    }
                    (&block.line, result)
                }
                Item::Block(block) => match block.language.as_str() {
                    "sh" | "bash" => (&block.line, tree::check_script(&block.text)),
                    _ => continue,
                },
                Item::Note(..) => continue,
            };
            if let Err(why) = result {
                complaints.push(format!("{}:{line}: {why}", page.name));
            }
        }
    }
    none(&complaints);
}

#[test]
fn what_is_not_run_is_listed() {
    let mut marked = BTreeMap::new();
    let mut complaints = Vec::new();
    for page in all() {
        for block in page.blocks() {
            let known = ["console", "sh", "bash", "sql", "toml", "json", "yaml"];
            let language = block.language.as_str();
            if block.not_run() {
                let first = block.text.lines().next().unwrap_or_default().to_owned();
                *marked.entry((page.name.clone(), first)).or_insert(0) += 1;
            } else if OTHER_PAGES.contains(&page.name.as_str()) && language == "console" {
                complaints.push(format!("{}:{}: is not run", page.name, block.line));
            } else if !known.contains(&language) && !SHOWN_ONLY.contains(&language) {
                complaints.push(format!(
                    "{}:{}: a block of {language:?} is neither run nor marked `not run`",
                    page.name, block.line
                ));
            }
            let wrong = match language {
                "json" => serde_json::from_str::<Value>(&block.text)
                    .err()
                    .map(|e| e.to_string()),
                "yaml" => serde_saphyr::from_str::<Value>(&block.text)
                    .err()
                    .map(|e| e.to_string()),
                _ => None,
            };
            complaints.extend(wrong.map(|why| format!("{}:{}: {why}", page.name, block.line)));
        }
    }
    none(&complaints);
    let listed: BTreeMap<(String, String), i32> = NOT_RUN
        .iter()
        .map(|(page, line)| (((*page).to_owned(), (*line).to_owned()), 1))
        .collect();
    assert_eq!(
        marked, listed,
        "blocks that are marked, and those listed here"
    );
}

#[test]
fn links_lead_somewhere() {
    let mut pages: BTreeMap<PathBuf, Page> = BTreeMap::new();
    for page in all() {
        pages.insert(PathBuf::from(&page.name), page);
    }
    let mut complaints = Vec::new();
    for (path, page) in &pages {
        for (line, link) in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => plain(&path.parent().unwrap_or(Path::new("")).join(file)),
            };
            let anchors = match pages.get(&target) {
                Some(known) => known.anchors.clone(),
                None if target.extension().is_some_and(|e| e == "md")
                    && top().join(&target).is_file() =>
                {
                    Page::read(target.to_str().unwrap()).anchors
                }
                None => Vec::new(),
            };
            let there = top().join(&target).exists();
            if !there || (!anchor.is_empty() && !anchors.iter().any(|a| a == anchor)) {
                complaints.push(format!("{}:{line}: {link} leads nowhere", page.name));
            }
        }
    }
    none(&complaints);
}

/// A path without `..` and `.`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
