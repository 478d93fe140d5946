//! The gateway's end at an engine: connecting as an account, changing user, saying settings
//! again.

mod stream;

use crate::options::ENGINE_LOGIN;
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Address, Endpoint};
use offshoot_wire::auth::{Nonce, Plugin};
use offshoot_wire::command::{self, ChangeUser};
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::{Login, MAX_LOGIN};
use offshoot_wire::packet::{self, Header};
use offshoot_wire::switch::{self, AuthSwitch};
use offshoot_wire::{Malformed, capability as cap, error, reply};
use secrecy::{ExposeSecret, SecretString};
use std::io;
use stream::EngineStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Why an engine did not let the gateway in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// Nobody listens there (yet, or any more), or the connection broke.
    #[error("the engine cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// The engine's own words, for the client.
    #[error("the engine refuses: {}", .0.message)]
    Refused(reply::Err),
    /// Our account or secret is not the engine's: a fault of ours.
    #[error("the engine does not know its account: {0}")]
    Account(String),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the engine lacks capabilities {0:#x} that the client was offered")]
    Capabilities(u32),
    #[error("a setting of the session is not accepted any more: {0}")]
    Setting(String),
}

type EngineResult<T> = Result<T, EngineError>;

/// A connection to an engine, let in.
pub(crate) struct Engine {
    pub(crate) stream: EngineStream,
    pub(crate) kind: EngineKind,
    pub(crate) thread: u32,
    endpoint: Endpoint,
    capabilities: u32,
    nonce: Nonce,
    plugin: Plugin,
}

/// What a session with an engine begins with.
pub(crate) struct Entrance<'a> {
    /// The engine's account.
    pub(crate) account: &'static str,
    pub(crate) login: &'a Login,
    pub(crate) schema: Option<&'a [u8]>,
    /// Statements that are said before anything else.
    pub(crate) settings: &'a [Vec<u8>],
    pub(crate) set_option: Option<u16>,
}

impl Engine {
    /// Connects; returns the payload of the engine's OK too.
    pub(crate) async fn connect(
        endpoint: Endpoint,
        entrance: Entrance<'_>,
    ) -> EngineResult<(Self, Vec<u8>)> {
        let connecting = async {
            let Address::Unix(path) = &endpoint.address;
            let stream = EngineStream::connect(path).await?;
            Self::enter(stream, endpoint, &entrance).await
        };
        tokio::time::timeout(ENGINE_LOGIN, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn enter(
        mut stream: EngineStream,
        endpoint: Endpoint,
        entrance: &Entrance<'_>,
    ) -> EngineResult<(Self, Vec<u8>)> {
        let (_, payload) = read_packet(&mut stream).await?;
        if payload.first() == Some(&reply::ERR) {
            return Err(EngineError::Refused(reply::Err::parse(&payload)?));
        }
        let greeting = Greeting::parse(&payload)?;
        let plugin = Plugin::of_name(&greeting.plugin).unwrap_or(Plugin::CachingSha2);
        let secret = endpoint.secret.of_account(entrance.account);
        let login = login_at(&greeting, endpoint.engine.kind, entrance, plugin, &secret)?;
        let mut engine = Self {
            stream,
            kind: endpoint.engine.kind,
            thread: greeting.connection_id,
            endpoint,
            capabilities: login.capabilities,
            nonce: greeting.nonce,
            plugin,
        };
        let bytes = packet::packet(1, |out| login.encode(out));
        engine.stream.write_all(&bytes).await?;
        let ok = engine.authenticate(&secret).await?;
        engine.say(entrance).await?;
        Ok((engine, ok))
    }

    /// Changes to another account in the same session; returns the payload of the OK.
    pub(crate) async fn change_user(
        &mut self,
        account: &'static str,
        mut change: ChangeUser,
    ) -> EngineResult<Vec<u8>> {
        let secret = self.endpoint.secret.of_account(account);
        change.username = account.as_bytes().to_vec();
        change.plugin = Some(self.plugin.name().as_bytes().to_vec());
        change.response = self
            .plugin
            .scramble(secret.expose_secret().as_bytes(), &self.nonce);
        change.charset = change.charset.map(|id| known_charset(self.kind, id));
        let bytes = packet::packet(0, |out| change.encode(self.capabilities, out));
        let changing = async {
            self.stream.write_all(&bytes).await?;
            self.authenticate(&secret).await
        };
        tokio::time::timeout(ENGINE_LOGIN, changing)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Answers what the engine asks until it says OK (whose payload is returned) or no.
    async fn authenticate(&mut self, secret: &SecretString) -> EngineResult<Vec<u8>> {
        /// Switch, full authentication, OK: an engine needs no more rounds.
        const MAX_ROUNDS: usize = 6;
        let secret = secret.expose_secret().as_bytes();
        for _ in 0..MAX_ROUNDS {
            let (sequence, payload) = read_packet(&mut self.stream).await?;
            let answer = match payload.as_slice() {
                [reply::OK, ..] => return Ok(payload),
                [reply::ERR, ..] => return Err(refused(reply::Err::parse(&payload)?)),
                [switch::SWITCH, ..] => {
                    let asked = AuthSwitch::parse(&payload)?;
                    self.plugin = Plugin::of_name(&asked.plugin)
                        .ok_or(Malformed("an authentication plugin nobody set up"))?;
                    self.nonce = asked.nonce;
                    self.plugin.scramble(secret, &asked.nonce)
                }
                [switch::MORE, switch::FAST_AUTH_OK] => continue,
                // The transport is a unix socket in a private directory: the secret itself may
                // travel.
                [switch::MORE, switch::FULL_AUTH] => [secret, b"\0"].concat(),
                _ => return Err(Malformed("authentication").into()),
            };
            let bytes = packet::packet(sequence.wrapping_add(1), |out| {
                out.extend_from_slice(&answer);
            });
            self.stream.write_all(&bytes).await?;
        }
        Err(Malformed("authentication without end").into())
    }

    async fn say(&mut self, entrance: &Entrance<'_>) -> EngineResult<()> {
        let attributes = self.capabilities & cap::QUERY_ATTRIBUTES != 0;
        let mut bytes = Vec::new();
        if let Some(option) = entrance.set_option {
            packet::put(&mut bytes, 0, |out| {
                out.push(command::SET_OPTION);
                out.extend_from_slice(&option.to_le_bytes());
            });
        }
        for setting in entrance.settings {
            packet::put(&mut bytes, 0, |out| {
                out.push(command::QUERY);
                out.extend_from_slice(if attributes { b"\0\x01" } else { b"" });
                out.extend_from_slice(setting);
            });
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&bytes).await?;
        let answers = entrance.settings.len() + usize::from(entrance.set_option.is_some());
        for _ in 0..answers {
            let (_, payload) = read_packet(&mut self.stream).await?;
            if payload.first() == Some(&reply::ERR) {
                return Err(EngineError::Setting(reply::Err::parse(&payload)?.message));
            }
        }
        Ok(())
    }
}

/// The login that is said to an engine for a client's.
fn login_at(
    greeting: &Greeting,
    kind: EngineKind,
    entrance: &Entrance<'_>,
    plugin: Plugin,
    secret: &SecretString,
) -> EngineResult<Login> {
    let wanted = entrance.login.capabilities & !(cap::SSL | cap::COMPRESS | cap::ZSTD);
    let offered = greeting.capabilities | cap::LONG_PASSWORD;
    let missing = wanted & cap::SHAPES & !offered;
    if missing != 0 {
        return Err(EngineError::Capabilities(missing));
    }
    let mut capabilities = wanted & !cap::CONNECT_WITH_DB;
    capabilities |= cap::PLUGIN_AUTH | cap::SECURE_CONNECTION | cap::PLUGIN_AUTH_LENENC;
    if entrance.schema.is_some() {
        capabilities |= cap::CONNECT_WITH_DB;
    }
    Ok(Login {
        capabilities: capabilities & offered,
        extended: match kind {
            EngineKind::Mariadb => entrance.login.extended & greeting.extended,
            EngineKind::Mysql => 0,
        },
        max_packet: entrance.login.max_packet,
        charset: known_charset(kind, entrance.login.charset.into()) as u8,
        username: entrance.account.as_bytes().to_vec(),
        response: plugin.scramble(secret.expose_secret().as_bytes(), &greeting.nonce),
        schema: entrance.schema.map(<[u8]>::to_vec),
        plugin: Some(plugin.name().as_bytes().to_vec()),
        attributes: entrance.login.attributes.clone(),
        zstd_level: None,
    })
}

/// MySQL 8's `utf8mb4_0900` collations (255 and more) are unknown to MariaDB, which would fall back
/// to its server's default: it gets `utf8mb4_general_ci`.
fn known_charset(kind: EngineKind, id: u16) -> u16 {
    const FIRST_0900: u16 = 255;
    const UTF8MB4_GENERAL_CI: u16 = 45;
    match kind {
        EngineKind::Mariadb if (FIRST_0900..576).contains(&id) => UTF8MB4_GENERAL_CI,
        _ => id,
    }
}

fn refused(err: reply::Err) -> EngineError {
    match err.code {
        // Access denied, in the words of both engines and of socket authentication.
        error::ACCESS_DENIED | 1698 | 1251 => EngineError::Account(err.message),
        _ => EngineError::Refused(err),
    }
}

async fn read_packet(stream: &mut EngineStream) -> EngineResult<(u8, Vec<u8>)> {
    let mut header = [0; packet::HEADER];
    stream.read_exact(&mut header).await?;
    let header = Header::read(&header).ok_or(Malformed("header"))?;
    if header.length > MAX_LOGIN {
        return Err(Malformed("a packet of the engine is too long").into());
    }
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).await?;
    Ok((header.sequence, payload))
}
