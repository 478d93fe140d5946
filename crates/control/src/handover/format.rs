//! A credential as people and programs take it.

use crate::Control;
use offshoot_core::automation::{SecretFormat, SecretValues};
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::handover::Handover;
use offshoot_core::password::Password;
use offshoot_store::{Session, StoreError};
use secrecy::{ExposeSecret, SecretString};

/// A credential with its secret.
#[derive(Clone, Debug)]
pub struct Revealed {
    pub password: Password,
    pub secret: SecretString,
    pub database: String,
    pub branch: String,
    /// The MySQL schema to begin in.
    pub schema: String,
    pub host: String,
    pub port: u16,
    /// Certificate (PEM) of the gateway's CA, where that is no public one.
    pub ca: Option<String>,
}

/// One of the values that a receiver keeps under a name of its own.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// `HOST`, `PASSWORD`: what stands behind the prefix.
    pub(super) part: &'static str,
    pub(super) text: SecretString,
    /// Whoever has it can connect.
    pub(super) secret: bool,
}

/// The handover's password with its branch and database, while they are there.
pub(super) async fn place(
    session: &mut Session,
    handover: &Handover,
) -> Result<Option<(Password, Branch, Database)>, StoreError> {
    let Some((id, _)) = session.handover_branch(handover.id).await? else {
        return Ok(None);
    };
    let branch = session.branch_by_id(id).await?;
    let Some(branch) = branch.filter(|b| !b.deleting) else {
        return Ok(None);
    };
    let password = session
        .password(branch.id, handover.password_id.as_str())
        .await?;
    let database = session.database_by_id(branch.database_id).await?;
    Ok(match (password, database) {
        (Some(found), Some(database)) => Some((found.password, branch, database)),
        _ => None,
    })
}

impl Control {
    pub(super) fn revealed(
        &self,
        password: Password,
        branch: &Branch,
        database: &Database,
        secret: SecretString,
    ) -> Revealed {
        Revealed {
            password,
            secret,
            database: database.name.to_string(),
            branch: branch.name.to_string(),
            schema: database.schema_name.clone(),
            host: self.0.settings.gateway.host.clone(),
            port: self.0.settings.gateway.port(branch.engine.kind),
            ca: self.0.settings.gateway.ca.clone(),
        }
    }
}

impl Revealed {
    /// As lines of a dotenv file name them, for receivers that keep several values.
    pub(super) fn values(&self, which: SecretValues) -> Vec<Named> {
        let named = |part, text: &str, secret| Named {
            part,
            text: SecretString::from(text.to_owned()),
            secret,
        };
        let mut all = Vec::new();
        if which != SecretValues::Parts {
            all.push(Named {
                part: "URL",
                text: self.url(),
                secret: true,
            });
        }
        if which != SecretValues::Url {
            all.extend([
                named("HOST", &self.host, false),
                named("PORT", &self.port.to_string(), false),
                named("USERNAME", &self.password.username, false),
                named("PASSWORD", self.secret.expose_secret(), true),
                named("NAME", &self.schema, false),
            ]);
            all.extend(self.ca.as_deref().map(|ca| named("CA", ca, false)));
        }
        all
    }

    /// `mysql://user:secret@host:port/schema`.
    pub fn url(&self) -> SecretString {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        // Usernames and secrets are letters, digits, - and _.
        SecretString::from(format!(
            "mysql://{}:{}@{host}:{}/{}",
            self.password.username,
            self.secret.expose_secret(),
            self.port,
            self.schema
        ))
    }

    /// Lines of a dotenv file.
    pub fn dotenv(&self, prefix: &str) -> SecretString {
        SecretString::from(format!(
            "{prefix}_URL={}\n{prefix}_HOST={}\n{prefix}_PORT={}\n{prefix}_USERNAME={}\n{prefix}_PASSWORD={}\n{prefix}_NAME={}\n",
            self.url().expose_secret(),
            self.host,
            self.port,
            self.password.username,
            self.secret.expose_secret(),
            self.schema
        ))
    }

    /// A file for `mysql --defaults-extra-file`.
    pub fn my_cnf(&self) -> SecretString {
        SecretString::from(format!(
            "[client]\nhost={}\nport={}\nuser={}\npassword={}\n\n[mysql]\ndatabase={}\n",
            self.host,
            self.port,
            self.password.username,
            self.secret.expose_secret(),
            self.schema
        ))
    }

    pub(super) fn written(&self, format: SecretFormat, prefix: &str) -> SecretString {
        match format {
            SecretFormat::Dotenv => self.dotenv(prefix),
            SecretFormat::MyCnf => self.my_cnf(),
            SecretFormat::Url => SecretString::from(format!("{}\n", self.url().expose_secret())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use offshoot_core::credential::Verifier;
    use offshoot_core::password::Role;

    #[test]
    fn a_credential_is_written_as_programs_read_it() {
        let secret = SecretString::from("ofs_pw_s");
        let revealed = Revealed {
            password: Password {
                id: "pppppppppppp".parse().unwrap(),
                branch_id: "bbbbbbbbbbbb".parse().unwrap(),
                name: "app".into(),
                username: "u".into(),
                verifier: Verifier::of(&secret),
                role: Role::Admin,
                cidrs: Vec::new(),
                ttl: None,
                expires_at: None,
                last_used_at: None,
                last_refused: None,
                actor: String::new(),
                created_at: Timestamp::UNIX_EPOCH,
            },
            secret,
            database: "shop".into(),
            branch: "sprint-1".into(),
            schema: "shop".into(),
            host: "::1".into(),
            port: 7306,
            ca: Some("-----BEGIN".into()),
        };
        let url = "mysql://u:ofs_pw_s@[::1]:7306/shop";
        assert_eq!(revealed.url().expose_secret(), url);
        let env = revealed.written(SecretFormat::Dotenv, "DB");
        assert!(
            env.expose_secret()
                .starts_with(&format!("DB_URL={url}\nDB_HOST=::1\n"))
        );
        assert!(env.expose_secret().contains("\nDB_PASSWORD=ofs_pw_s\n"));
        let cnf = revealed.written(SecretFormat::MyCnf, "");
        assert!(
            cnf.expose_secret()
                .contains("\nuser=u\npassword=ofs_pw_s\n")
        );
        let only = revealed.written(SecretFormat::Url, "");
        assert_eq!(only.expose_secret(), &format!("{url}\n"));
        for (which, parts) in [
            (SecretValues::Url, "URL"),
            (SecretValues::Parts, "HOST PORT USERNAME PASSWORD NAME CA"),
            (SecretValues::All, "URL HOST PORT USERNAME PASSWORD NAME CA"),
        ] {
            let values = revealed.values(which);
            let names: Vec<_> = values.iter().map(|v| v.part).collect();
            assert_eq!(names.join(" "), parts);
            for value in values {
                let has = value.text.expose_secret().contains("ofs_pw_s");
                assert_eq!(value.secret, has, "{}", value.part);
            }
        }
        assert!(!format!("{revealed:?}").contains("ofs_pw_s"));
    }
}
