//! How to connect, in the forms that people paste.

use offshoot_api_types::Password;

/// Printed once, when a secret was made: the command, the parts and the URL.
pub(crate) fn describe(password: &Password) -> String {
    let at = &password.connection;
    let mut text = format!(
        "  Connect:   mysql -h {} -P {} -u {} -p {}\n  Username:  {}\n",
        at.host, at.port, at.username, at.database, at.username
    );
    if let Some(secret) = &password.plain_text {
        text.push_str(&format!("  Password:  {secret}\n"));
        text.push_str(&format!("  URL:       {}\n", url(password, secret)));
    }
    text.push_str(&format!("  Role:      {}", password.role));
    if let Some(at) = password.expires_at {
        text.push_str(&format!("\n  Expires:   {at}"));
    }
    text.push_str("\n\nThe password will not be shown again.");
    text
}

/// `mysql://user:secret@host:port/schema`, every part escaped.
pub(crate) fn url(password: &Password, secret: &str) -> String {
    let at = &password.connection;
    let host = if at.host.contains(':') {
        format!("[{}]", at.host)
    } else {
        at.host.clone()
    };
    format!(
        "mysql://{}:{}@{host}:{}/{}",
        escaped(&at.username),
        escaped(secret),
        at.port,
        escaped(&at.database)
    )
}

/// What CSV shows of a secret that was just made, besides the columns of the thing it came with.
pub(crate) fn columns(password: Option<&Password>) -> Vec<(&'static str, String)> {
    let Some(password) = password else {
        return Vec::new();
    };
    let at = &password.connection;
    vec![
        ("host", at.host.clone()),
        ("port", at.port.to_string()),
        ("connect_as", at.username.clone()),
        ("password", password.plain_text.clone().unwrap_or_default()),
    ]
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
