//! `offshoot quickstart`: the whole story on an empty machine, each step done for real and timed.
//!
//! It uses what a user uses: the HTTP API with a token, and MySQL clients through the gateway.

mod shop;
mod sprint;
mod steps;

use crate::serve::Server;
use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use offshoot_api_types::{
    Branch, CreateBranch, CreateBranchPassword, CreateDatabase, CreatePassword, Password,
};
use offshoot_client::{Client, PageOf, Wait};
use std::time::Duration;
pub(crate) use steps::Steps;

const ORG: &str = "default";
const DATABASE: &str = "shop";
/// A first engine start on a slow disk, with room to spare.
const READY: Wait = Wait(Duration::from_secs(120));

/// What the user takes away.
pub(crate) struct Outcome {
    pub(crate) main: Password,
    pub(crate) branch: Password,
    pub(crate) branch_name: String,
}

/// Runs the story against a started server. Fails at the first step that does not do what it says.
pub(crate) async fn run(server: &Server, steps: &mut Steps) -> Result<Outcome> {
    let client = server.client()?;
    let (main, fresh) = database(&client, steps).await?;
    let mut production = connect(&main).await?;
    if fresh {
        let label = format!("fill it with {} rows of generated data", shop::ROWS);
        steps.step(&label, fill(&mut production)).await?;
    }
    let before = customers(&mut production).await?;

    let name = free_name(&client).await?;
    let label = format!("make development branch {name} from main, with credentials of its own");
    let branch = steps.step(&label, make_branch(&client, &name)).await?;
    let password = branch
        .password
        .context("the answer has the credential that was asked for")?;

    let mut session = steps
        .step("connect to it through the gateway", connect(&password))
        .await?;
    steps
        .step("change the branch's schema and data", change(&mut session))
        .await?;

    steps
        .step("see that main is untouched", async {
            ensure!(
                customers(&mut production).await? == before,
                "main has changed"
            );
            Ok(())
        })
        .await?;
    session.disconnect().await?;
    sprint::run(&client, &server.base(), steps).await?;
    production.disconnect().await?;
    Ok(Outcome {
        main,
        branch: password,
        branch_name: name,
    })
}

/// The database and a credential of its production branch; `true` when it was made just now.
async fn database(client: &Client, steps: &mut Steps) -> Result<(Password, bool)> {
    let page = PageOf {
        page: None,
        per_page: Some(100),
    };
    let there = client
        .list_databases(ORG, page)
        .await?
        .data
        .iter()
        .any(|d| d.name == DATABASE);
    if there {
        let label = format!("use database {DATABASE}, which is there already");
        return Ok((steps.step(&label, credential(client)).await?, false));
    }
    let label = format!("create database {DATABASE} with production branch main");
    let password = steps
        .step(&label, async {
            let body = CreateDatabase {
                name: Some(DATABASE.to_owned()),
                ..CreateDatabase::default()
            };
            let made = client.create_database(ORG, &body, Some(READY)).await?;
            ensure!(
                made.ready,
                "the database was not ready within {} s",
                READY.0.as_secs()
            );
            credential(client).await
        })
        .await?;
    Ok((password, true))
}

async fn credential(client: &Client) -> Result<Password> {
    let body = CreatePassword {
        role: Some("admin".to_owned()),
        ..CreatePassword::default()
    };
    Ok(client.create_password(ORG, DATABASE, "main", &body).await?)
}

/// `sprint-1`, or the next number that is free.
async fn free_name(client: &Client) -> Result<String> {
    for n in 1..1000 {
        let name = format!("sprint-{n}");
        match client.show_branch(ORG, DATABASE, &name).await {
            Ok(_) => {}
            Err(offshoot_client::Error::Refused(refused)) if refused.status.as_u16() == 404 => {
                return Ok(name);
            }
            Err(other) => return Err(other.into()),
        }
    }
    anyhow::bail!(
        "there are a thousand sprints already: delete some with `offshoot branch delete {DATABASE} sprint-1`"
    )
}

async fn make_branch(client: &Client, name: &str) -> Result<Branch> {
    let body = CreateBranch {
        name: Some(name.to_owned()),
        parent_branch: Some("main".to_owned()),
        password: Some(CreateBranchPassword {
            name: Some("quickstart".to_owned()),
            role: Some("admin".to_owned()),
            ttl: None,
        }),
        ..CreateBranch::default()
    };
    let branch = client
        .create_branch(ORG, DATABASE, &body, Some(READY))
        .await?;
    ensure!(
        branch.ready,
        "the branch was not ready within {} s",
        READY.0.as_secs()
    );
    Ok(branch)
}

async fn connect(password: &Password) -> Result<Conn> {
    let to = &password.connection;
    let secret = password.plain_text.as_deref();
    connect_to(&to.host, to.port, &password.username, secret, &to.database).await
}

async fn connect_to(
    host: &str,
    port: u16,
    username: &str,
    secret: Option<&str>,
    schema: &str,
) -> Result<Conn> {
    let options = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .prefer_socket(false)
        .user(Some(username))
        .pass(secret)
        .db_name(Some(schema));
    Conn::new(Opts::from(options))
        .await
        .context("cannot connect through the gateway")
}

async fn fill(session: &mut Conn) -> Result<()> {
    for statement in shop::SCHEMA {
        session.query_drop(*statement).await?;
    }
    session.query_drop("SET autocommit = 0").await?;
    for statement in shop::inserts() {
        session.query_drop(statement).await?;
    }
    session.query_drop("COMMIT").await?;
    session.query_drop("SET autocommit = 1").await?;
    for statement in shop::AFTER {
        session.query_drop(*statement).await?;
    }
    Ok(())
}

/// What a sprint does: a column, an index, a few rows.
async fn change(session: &mut Conn) -> Result<()> {
    let rows: Option<u64> = session
        .query_first("SELECT COUNT(*) FROM customers")
        .await?;
    ensure!(
        rows == Some(0),
        "a branch with schema only starts without rows"
    );
    session
        .query_drop("ALTER TABLE customers ADD COLUMN loyalty_points INT NOT NULL DEFAULT 0")
        .await?;
    session
        .query_drop("CREATE INDEX by_points ON customers (loyalty_points)")
        .await?;
    session
        .query_drop(
            "INSERT INTO customers (email, full_name, country, created_at, loyalty_points)
             VALUES ('sprint@example.com', 'Sprint Tester', 'DE', NOW(), 42)",
        )
        .await?;
    let points: Option<i64> = session
        .query_first("SELECT SUM(loyalty_points) FROM customers")
        .await?;
    ensure!(
        points == Some(42),
        "the branch keeps what was written to it"
    );
    Ok(())
}

/// Definition and number of rows of the table that the branch changes.
async fn customers(session: &mut Conn) -> Result<(String, u64)> {
    let (_, definition): (String, String) = session
        .query_first("SHOW CREATE TABLE customers")
        .await?
        .context("customers has a definition")?;
    let rows = session
        .query_first("SELECT COUNT(*) FROM customers")
        .await?
        .context("a count has a row")?;
    Ok((definition, rows))
}

/// The closing words; `offshoot` is how to call this program from here, `when` when to. The secrets in
/// them are shown this once, on the terminal of who made them.
pub(crate) fn farewell(
    outcome: &Outcome,
    ca: &std::path::Path,
    offshoot: &str,
    when: &str,
) -> String {
    let url = |p: &Password| {
        let secret = p.plain_text.as_deref().unwrap_or_default();
        format!(
            "mysql://{}:{secret}@{}:{}/{}",
            p.username, p.connection.host, p.connection.port, p.connection.database
        )
    };
    let name = &outcome.branch_name;
    format!(
        "
  main      {}
  {name:<9} {}

  TLS clients trust {}

  {when}:
    {offshoot} branch diff {DATABASE} {name}
    {offshoot} branch create {DATABASE} my-branch --from main --wait
    {offshoot} shell {DATABASE} {name}
",
        url(&outcome.main),
        url(&outcome.branch),
        ca.display()
    )
}
