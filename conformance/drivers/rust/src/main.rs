//! sqlx through the gateway.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{ConnectOptions, Connection, Row};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

async fn connect(tls: bool, password: &str) -> std::result::Result<MySqlConnection, sqlx::Error> {
    let options = MySqlConnectOptions::new()
        .host(&env("OFFSHOOT_HOST"))
        .port(env("OFFSHOOT_PORT").parse().expect("a port"))
        .username(&env("OFFSHOOT_USER"))
        .password(password)
        .database(&env("OFFSHOOT_SCHEMA"));
    let options = if tls {
        options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(env("OFFSHOOT_CA"))
    } else {
        options.ssl_mode(MySqlSslMode::Disabled)
    };
    options.connect().await
}

fn code(error: &sqlx::Error) -> Option<u16> {
    error.as_database_error()?.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|e| e.number())
}

#[tokio::main]
async fn main() -> Result<()> {
    let secret = env("OFFSHOOT_PASSWORD");
    for tls in [true, false] {
        let mut db = connect(tls, &secret).await?;
        sqlx::query("DROP TABLE IF EXISTS sqlx_check").execute(&mut db).await?;
        sqlx::query("CREATE TABLE sqlx_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)").execute(&mut db).await?;
        let blob = vec![0u8, 255, 3];
        sqlx::query("INSERT INTO sqlx_check VALUES (?, ?, ?)")
            .bind(1)
            .bind("naïve 🐬")
            .bind(&blob)
            .execute(&mut db)
            .await?;
        let row = sqlx::query("SELECT t, b FROM sqlx_check WHERE id = ?").bind(1).fetch_one(&mut db).await?;
        assert_eq!((row.get::<String, _>(0), row.get::<Vec<u8>, _>(1)), ("naïve 🐬".to_owned(), blob));
        let mut tx = db.begin().await?;
        sqlx::query("INSERT INTO sqlx_check (id) VALUES (2)").execute(&mut *tx).await?;
        tx.rollback().await?;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlx_check").fetch_one(&mut db).await?;
        assert_eq!(count, 1);
        let length: i64 =
            sqlx::query_scalar("SELECT LENGTH(?)").bind(vec![b'x'; 20 << 20]).fetch_one(&mut db).await?;
        assert_eq!(length, 20 << 20);
        let missing = sqlx::query("SELECT * FROM nowhere").execute(&mut db).await.unwrap_err();
        assert_eq!(code(&missing), Some(1146), "{missing}");
        sqlx::query("DROP TABLE sqlx_check").execute(&mut db).await?;
        db.close().await?;
        println!("sqlx {} TLS: ok", if tls { "with" } else { "without" });
    }
    let refused = connect(true, "wrong").await.err().expect("a wrong password is refused");
    assert_eq!(code(&refused), Some(1045), "{refused}");
    println!("sqlx wrong password: ok");
    Ok(())
}
